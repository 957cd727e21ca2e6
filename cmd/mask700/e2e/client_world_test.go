package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mask700/cmd/mask700/e2e/rig"
	"mask700/cmd/mask700/e2e/tonecheck"
)

// handset is a telephone that somebody uses: it is told what its user does, and shows and sounds what its user sees
// and hears. What waits, waits until its context ends.
type handset interface {
	Start(context.Context) error // and registers
	Dial(ctx context.Context, number string) error
	HearsRinging(context.Context) error
	Rings(context.Context) (shown string, err error)
	Answer(context.Context) error
	Talks(context.Context) error
	Hold(context.Context) error
	Resume(context.Context) error
	Press(ctx context.Context, digit byte) error
	HearsDigit(ctx context.Context, digit byte) error
	HangUp(context.Context) error
	Closed(context.Context) (why string, err error)
	Heard() (files []string, err error)
	RecordsOn() bool // after a hold too
	Output() string
	Kill()
}

// user is a party of a call with a handset.
type user struct {
	handset
	subscriber
	role    string
	name    string // as the handset gives it
	device  string // UUID of the handset, as it gives it
	says    float64
	hears   float64
	secrets []string // what the other may not see

	encrypts bool
}

// The addresses are those that the printed configurations have, so that these run as they are printed.
var (
	clientSwitch  = netip.MustParseAddrPort("192.0.2.10:5060")
	clientGateway = netip.MustParseAddrPort("192.0.2.20:5060")
	clientRouter  = netip.MustParseAddr("198.51.100.1")
	clientCaller  = netip.MustParseAddrPort("198.51.100.2:5060")
	clientCallee  = netip.MustParseAddrPort("198.51.100.3:5060")
)

// clients is a world in which the phones are programs that people use: a network of namespaces, the gateway and
// Kamailio on the configurations that are printed, and a capture of everything.
type clients struct {
	*world
	ctx     context.Context
	network *rig.Network
	capture *rig.Capture
}

// withClients runs a test on the machine of the servers, with a binding of both parties. The gateway's trunk says
// srtp where that is not empty.
func withClients(t *testing.T, srtp string, test func(*clients)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	network, err := rig.NewNetwork(ctx, []netip.Addr{clientSwitch.Addr(), clientGateway.Addr()}, clientRouter, clientCaller.Addr(), clientCallee.Addr())
	switch {
	case errors.Is(err, rig.ErrNoNamespace) && os.Getenv("CI") != "true":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := network.Close(); err != nil {
			t.Error(err)
		}
	})
	c := &clients{ctx: ctx, network: network, world: &world{t: t, dir: workDir(t), left: clientGateway, x: block + digits(4)}}
	c.hosts = rig.Hosts{Left: clientGateway.Addr(), Caller: clientCaller.Addr(), Callee: clientCallee.Addr(), Switch: clientSwitch.Addr()}
	c.caller = subscriber{number: "138" + digits(8), addr: clientCaller}
	c.callee = subscriber{number: "139" + digits(8), addr: clientCallee}
	c.forwarder = "137" + digits(8) // nobody's: no client forwards
	err = network.Servers.Do(func() (err error) {
		if c.capture, err = network.Capture(ctx, filepath.Join(c.dir, "wire.pcapng")); err != nil {
			return err
		}
		t.Cleanup(c.capture.Kill)
		config := c.printed("mask700")
		if srtp != "" {
			const off = `srtp: "off"`
			if !strings.Contains(config, off) {
				t.Fatalf("no %s is printed", off)
			}
			config = strings.Replace(config, off, "srtp: "+srtp, 1)
		}
		c.serveWith(config, setup{})
		c.run("block", "add", block)
		c.kamailioWith(ctx, c.printed("kamailio"), clientSwitch)
		test(c)
		return nil
	})
	c.must(err)
}

// printed is what `config example` prints, unchanged.
func (c *clients) printed(name string) string {
	c.t.Helper()
	out, err := exec.CommandContext(c.ctx, binary(c.t), "config", "example", name).Output()
	c.must(err)
	return string(out)
}

func (c *clients) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// encrypting is a baresip that speaks SRTP and nothing else.
const encrypting = "baresip with SRTP"

// What either says, in Hz.
const (
	callerTone = 1000
	calleeTone = 600
)

// users are both parties with handsets that are not started yet.
func (c *clients) users(caller, callee string) (a, b *user) {
	a = &user{role: "caller", name: "Zhang San", device: "0a138000-cafe-4700-8000-0123456789ab", subscriber: c.caller, says: callerTone, hears: calleeTone}
	b = &user{role: "callee", name: "Li Si", device: "0b139000-beef-4700-8000-ba9876543210", subscriber: c.callee, says: calleeTone, hears: callerTone}
	c.give(a, caller)
	c.give(b, callee)
	return a, b
}

// give gives a user a handset of a kind.
func (c *clients) give(u *user, kind string) {
	c.t.Helper()
	u.secrets = []string{u.number, u.addr.Addr().String(), u.name, u.device}
	u.encrypts = kind == encrypting
	says := filepath.Join(c.dir, u.role+"-says.wav")
	c.must(tonecheck.WriteWAV(says, u.says, time.Minute)) // longer than any call here
	machine := c.network.Phone(u.addr.Addr())
	switch kind {
	case "baresip", encrypting:
		u.handset = &rig.Baresip{Name: u.role, User: u.name, Dir: c.dir, Machine: machine, Addr: u.addr, Number: u.number,
			Registrar: clientSwitch, Says: says, Encrypts: u.encrypts}
	case "linphonec":
		u.handset = &rig.Linphone{Name: u.role, User: u.name, Dir: c.dir, Machine: machine, Addr: u.addr, Number: u.number,
			Registrar: clientSwitch, Device: u.device, Says: says}
	}
	c.t.Cleanup(func() { c.collect(u) })
}

// start starts both handsets at once.
func (c *clients) start(users ...*user) {
	c.t.Helper()
	started := make(chan error)
	for _, u := range users {
		go func() { started <- u.Start(c.ctx) }()
	}
	var err error
	for range users {
		err = errors.Join(err, <-started)
	}
	c.must(err)
}

// collect ends a handset and puts what it printed and heard where a test that failed keeps its files.
func (c *clients) collect(u *user) {
	u.Kill()
	if err := os.WriteFile(filepath.Join(c.dir, u.role+".log"), []byte(u.Output()), 0o600); err != nil {
		c.t.Log(err)
	}
	files, err := u.Heard()
	if err != nil {
		c.t.Log(err)
	}
	for i, f := range files {
		if err := os.Rename(f, filepath.Join(c.dir, fmt.Sprintf("%s-heard-%d.wav", u.role, i))); err != nil {
			c.t.Log(err)
		}
	}
}

// hearing judges all that a user has heard so far.
func (c *clients) hearing(u *user) tonecheck.Hearing {
	c.t.Helper()
	files, err := u.Heard()
	c.must(err)
	var all []int16
	for _, f := range files {
		samples, err := tonecheck.ReadWAV(f)
		c.must(err)
		all = slices.Concat(all, samples)
	}
	return tonecheck.Listen(all, u.hears, u.says)
}

// hear waits until each of the users has heard the other for so many tenths of a second more.
func (c *clients) hear(more int, users ...*user) {
	c.t.Helper()
	want := make([]int, len(users))
	for i, u := range users {
		want[i] = c.hearing(u).Theirs + more
	}
	for i, u := range users {
		var last tonecheck.Hearing
		err := rig.Poll(c.ctx, "the "+u.role+" to hear the other", func() (bool, error) {
			last = c.hearing(u)
			return last.Theirs >= want[i], nil
		})
		if err != nil {
			c.t.Fatalf("%v: %s", err, last)
		}
	}
}

// quiet waits until a user hears no more of the other: nothing new for as long as fifteen packets take.
func (c *clients) quiet(u *user) {
	c.t.Helper()
	last, since := c.hearing(u).Theirs, time.Now()
	c.must(rig.Poll(c.ctx, "the "+u.role+" to hear no more", func() (bool, error) {
		if now := c.hearing(u).Theirs; now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) >= 300*time.Millisecond, nil
	}))
}

// shownURI is what a phone shows of a caller: a bare URI, with no name to it.
var shownURI = regexp.MustCompile(`^sip:([0-9]+)@192\.0\.2\.20$`)

// shows: a display has the 700 number on it and no more, and nothing of the other's is on the phone at all.
func (c *clients) shows(u, other *user, display string) {
	c.t.Helper()
	if m := shownURI.FindStringSubmatch(display); m == nil || m[1] != c.x {
		c.t.Errorf("the %s's phone shows %q, not the 700 number alone", u.role, display)
	}
	if word, found := rig.Find(u.Output(), other.secrets); found {
		c.t.Errorf("the %s's phone printed %q", u.role, word)
	}
}
