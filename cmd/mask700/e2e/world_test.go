package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mask700/binding/cdr"
	"mask700/cmd/mask700/e2e/rig"
)

const block = "70010000001"

// subscriber is one party of a call.
type subscriber struct {
	number string
	addr   netip.AddrPort // its phone's
	media  uint16         // its phone's RTP port
}

// world is one test's: a network of its own, two subscribers, a 700 number between them, perhaps a gateway.
type world struct {
	t              *testing.T
	dir            string
	hosts          rig.Hosts
	caller, callee subscriber
	forwarder      string // a third real number that the caller's messages mention
	onward         string // a fourth, that the callee's mention
	x              string
	left, right    netip.AddrPort // where the gateway listens toward either
	gateway        *rig.Gateway
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: workDir(t), hosts: rig.NewHosts()}
	w.caller = at("138"+digits(8), w.port(w.hosts.Caller))
	w.callee = at("139"+digits(8), w.port(w.hosts.Callee))
	w.forwarder, w.onward = "137"+digits(8), "136"+digits(8)
	w.x = block + digits(4)
	w.left, w.right = w.port(w.hosts.Left), w.port(w.hosts.Right)
	return w
}

// at is a subscriber whose phone is at an address; its RTP port is near its SIP port (rig.FreePort).
func at(number string, addr netip.AddrPort) subscriber {
	return subscriber{number: number, addr: addr, media: addr.Port() + 2}
}

func digits(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = '0' + byte(rand.IntN(10))
	}
	return string(b)
}

func (w *world) port(addr netip.Addr) netip.AddrPort {
	w.t.Helper()
	p, err := rig.FreePort(addr)
	if err != nil {
		w.t.Fatal(err)
	}
	return netip.AddrPortFrom(addr, p)
}

// setup is what a gateway of a test is told beyond the addresses.
type setup struct {
	ringTimeout       string // empty: 60s
	drainTime         string // empty: 30s
	callerNet         string // udp or tcp; empty: udp
	calleeNet         string
	identity          string // header that repeats the 700 number; empty: none
	left, right       string // further keys of the caller's trunk and of the callee's: "early_media: ringing, ..."
	flags             []string
	withoutConfigFile bool // the flags alone
}

// config has a trunk on either side, each with its own listener, pool and address, so that whatever crosses shows.
func (w *world) config(s setup) string {
	var b strings.Builder
	side := func(name, network string, at netip.AddrPort, phone subscriber, other, more string) (listener, pool, trunk string) {
		listener = fmt.Sprintf("    - {name: %s, bind: \"%s:%s\"}\n", name, network, at)
		pool = fmt.Sprintf("    - {name: %s, address: %s, ports: 40000-40999}\n", name, at.Addr())
		if more != "" {
			more = ", " + more
		}
		trunk = fmt.Sprintf("  - {name: %s, sources: [\"%s/32\"], targets: [\"sip:%s;transport=%s\"], route_to: %s, listen: %s, media: %s, identity: %s%s}\n",
			name, phone.addr.Addr(), phone.addr, network, other, name, name, or(s.identity, "none"), more)
		return listener, pool, trunk
	}
	ll, lp, lt := side("left", or(s.callerNet, "udp"), w.left, w.caller, "right", s.left)
	rl, rp, rt := side("right", or(s.calleeNet, "udp"), w.right, w.callee, "left", s.right)
	fmt.Fprintf(&b, "sip:\n  ring_timeout: %s\n  drain_time: %s\n  listen:\n%s%smedia:\n  pools:\n%s%strunks:\n%s%s",
		or(s.ringTimeout, "60s"), or(s.drainTime, "30s"), ll, rl, lp, rp, lt, rt)
	return b.String()
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// serve starts the gateway with the block. It is closed, and what it left behind searched, by shut.
func (w *world) serve(s setup) {
	w.t.Helper()
	if s.withoutConfigFile {
		w.serveWith("", s)
	} else {
		w.serveWith(w.config(s), s)
	}
	w.run("block", "add", block)
}

// serveWith is serve with the text of a configuration file, and on the data that is there.
func (w *world) serveWith(config string, s setup) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	g, err := rig.Serve(ctx, binary(w.t), w.dir, config, s.flags...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.gateway = g
	w.t.Cleanup(func() {
		g.Kill()
		if err := os.WriteFile(filepath.Join(w.dir, "gateway.log"), []byte(g.Output()), 0o600); err != nil {
			w.t.Log(err)
		}
		if strings.Contains(g.Output(), "would have told one party of another") {
			w.t.Error("the gateway took a message of its own for a leak, or made one: its log says which")
		}
	})
}

// run runs a command against the gateway and returns what it prints.
func (w *world) run(args ...string) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, err := w.gateway.Run(ctx, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// bind makes a binding of the 700 number and returns its id.
func (w *world) bind(a, b, x string, more ...string) string {
	w.t.Helper()
	args := []string{"binding", "create", "--mode", "axb", "--a", a, "--b", b, "--x", x, "--order", "E2E-" + x, "-o", "json"}
	var made struct{ ID, X, State string }
	out := w.run(append(args, more...)...)
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.ID == "" || made.X != x || made.State != "live" {
		w.t.Fatalf("binding create printed no live binding on the number asked for: %v\n%s", err, out)
	}
	return made.ID
}

// calls is how many calls the gateway says go on.
func (w *world) calls() int {
	w.t.Helper()
	return strings.Count(w.run("call", "list", "-o", "json"), "\n")
}

// records are the call records, in order.
func (w *world) records() []cdr.View {
	w.t.Helper()
	return w.parseRecords(w.run("cdr", "list", "-o", "json"))
}

func (w *world) parseRecords(out string) []cdr.View {
	w.t.Helper()
	var records []cdr.View
	for lines := json.NewDecoder(strings.NewReader(out)); lines.More(); {
		var r cdr.View
		if err := lines.Decode(&r); err != nil {
			w.t.Fatalf("cdr list: %v\n%s", err, out)
		}
		records = append(records, r)
	}
	return records
}

// shut waits until no call is left, ends the gateway, and looks for real numbers in what it wrote: its log, its
// data directory, its configuration.
func (w *world) shut(numbers ...string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := rig.Poll(ctx, "the last call to end", func() (bool, error) {
		out, err := w.gateway.Run(ctx, "call", "list", "-o", "json")
		return strings.TrimSpace(out) == "", err
	})
	if err != nil {
		w.t.Error(err)
	}
	if err := w.gateway.Close(); err != nil {
		w.t.Error(err)
	}
	if _, found := rig.Find(w.gateway.Output(), numbers); found {
		w.t.Error("a real number is in the gateway's log")
	}
	if strings.Contains(w.gateway.Output(), textWords) {
		w.t.Error("the words of a text are in the gateway's log")
	}
	err = filepath.WalkDir(w.gateway.DataDir(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if _, found := rig.Find(string(data), numbers); found {
			w.t.Errorf("a real number is in clear in %s", filepath.Base(path))
		}
		if strings.Contains(string(data), textWords) {
			w.t.Errorf("the words of a text are in %s", filepath.Base(path))
		}
		return nil
	})
	if err != nil {
		w.t.Error(err)
	}
}

// textWords are in every text that a phone sends.
const textWords = "I am at the gate"

// masked is how a subscriber number may be shown.
func masked(number string) string {
	return number[:3] + "****" + number[len(number)-4:]
}
