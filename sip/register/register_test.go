package register

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mask700/sip/call"
	"mask700/sip/digest"
	"mask700/sip/flow"
	"mask700/sip/message"
)

var began = time.Unix(1_800_000_000, 0)

const (
	token = "ourowntokeninletters"
	aor   = "sip:gw1@example.net"
)

// desk is a machine with its timer, and what it last asked for.
type desk struct {
	t       *testing.T
	machine *Machine
	env     Env
	last    Step
	timer   time.Time // zero: none runs
}

func hop(n int, network flow.Network) call.Hop {
	return call.Hop{
		Flow: flow.Flow{Network: network, Remote: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}), 5060)},
		Host: "198.51.100.1:5060",
	}
}

func newDesk(t *testing.T, change func(*Config)) *desk {
	c := Config{
		AOR: aor, User: token, Expires: 10 * time.Minute, CallID: "callid", Tag: "tag",
		Account: &digest.Account{User: "gw1", Password: digest.NewSecret("secret")},
	}
	if change != nil {
		change(&c)
	}
	n := 0
	d := &desk{t: t, machine: New(c), env: Env{Now: began, Hops: []call.Hop{hop(1, flow.UDP)}}}
	d.env.Mint = func() string { n++; return fmt.Sprint("minted", n) }
	return d
}

func (d *desk) take(s Step) {
	d.last, d.timer = s, time.Time{}
	if s.Wait > 0 {
		d.timer = d.env.Now.Add(s.Wait)
	}
	if s.Wait > 0 && s.Request != nil {
		d.t.Error("a request, and a timer beside it")
	}
}

func (d *desk) start() { d.take(d.machine.Start(d.env)) }
func (d *desk) stop()  { d.take(d.machine.Stop(d.env)) }

// fire moves the time to the timer.
func (d *desk) fire() {
	d.t.Helper()
	if d.timer.IsZero() {
		d.t.Fatal("no timer runs")
	}
	d.env.Now = d.timer
	d.take(d.machine.Fired(d.env))
}

// answer gives a final response of a few lines, "" for none.
func (d *desk) answer(status int, lines ...string) {
	d.t.Helper()
	if d.last.Request == nil {
		d.t.Fatal("there is nothing to answer")
	}
	if status == 0 {
		d.take(d.machine.Answered(d.env, nil))
		return
	}
	text := fmt.Sprintf("SIP/2.0 %d x\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKx\r\nFrom: %s\r\nTo: %s;tag=t\r\nCall-ID: callid\r\nCSeq: %d REGISTER\r\n",
		status, d.last.Request.From, d.last.Request.To, d.last.Request.CSeq)
	for _, l := range lines {
		text += l + "\r\n"
	}
	m, fault := message.Parse([]byte(text + "\r\n"))
	if fault != nil {
		d.t.Fatal(fault)
	}
	d.take(d.machine.Answered(d.env, m))
}

// grant answers 200 with our Contact.
func (d *desk) grant(seconds int) {
	d.t.Helper()
	contact, _, _ := strings.Cut(d.last.Request.Contact, ">")
	d.answer(200, fmt.Sprintf("Contact: %s>;expires=%d", contact, seconds))
}

// asks says what has been asked for: "REGISTER 600 via 1", "wait 5s", "nothing".
func (d *desk) asks() string {
	switch r := d.last.Request; {
	case r != nil:
		return fmt.Sprintf("%s %d via %d", r.Method, int(r.Expires)-1, d.last.Hop.Flow.Remote.Addr().As4()[3])
	case d.last.Wait > 0:
		return "wait " + d.last.Wait.String()
	}
	return "nothing"
}

func (d *desk) expect(what, want string, state State) {
	d.t.Helper()
	if got := d.asks(); got != want || d.machine.state != state {
		d.t.Fatalf("%s: %s, %s; want %s, %s", what, got, d.machine.state, want, state)
	}
}

func TestARegistrationIsKept(t *testing.T) {
	d := newDesk(t, nil)
	d.start()
	d.expect("at first", "REGISTER 600 via 1", Trying)
	r := *d.last.Request
	if r.Target != "sip:example.net" || r.From != "<sip:gw1@example.net>;tag=tag" || r.To != "<sip:gw1@example.net>" || r.CallID != "callid" ||
		r.Contact != "<sip:"+token+"@198.51.100.1:5060>" || r.CSeq != 1 || r.Authorization != "" || r.MaxForwards != 70 {
		t.Errorf("%#v to %s, Contact %s", r, r.Target, r.Contact)
	}
	r.Via, r.Branch = "SIP/2.0/UDP 198.51.100.1", "z9hG4bKx"
	if r.Append(nil) == nil {
		t.Error("it cannot be written")
	}
	d.grant(600)
	d.expect("granted", "wait 9m30s", Registered)
	if v := d.machine.View(d.env.Now); !v.Registered || v.Status != 200 || !v.Until.Equal(began.Add(10*time.Minute)) {
		t.Errorf("%+v", v)
	}
	d.fire()
	d.expect("renewed", "REGISTER 600 via 1", Trying)
	if d.last.Request.CSeq != 2 || d.last.Request.CallID != "callid" || d.last.Request.Contact != r.Contact {
		t.Errorf("CSeq %d, Call-ID %s", d.last.Request.CSeq, d.last.Request.CallID)
	}
}

func TestRenewalComesInTime(t *testing.T) {
	for _, tc := range []struct {
		granted     int
		first, last time.Duration // with no chance and with all
	}{
		{600, 570 * time.Second, 540 * time.Second},
		{100, 90 * time.Second, 80 * time.Second},
		{60, 54 * time.Second, 48 * time.Second},
		{59, 29500 * time.Millisecond, 23600 * time.Millisecond},
		{10, 5 * time.Second, 4 * time.Second},
		{1, 500 * time.Millisecond, 500 * time.Millisecond},
		{3600, 600*time.Second - 30*time.Second, 540 * time.Second}, // more than was asked for is not believed
	} {
		for random, want := range map[float64]time.Duration{0: tc.first, 1: tc.last} {
			d := newDesk(t, nil)
			d.env.Random = random
			d.start()
			d.grant(tc.granted)
			if d.last.Wait != want {
				t.Errorf("%d s, chance %v: renewed after %v, want %v", tc.granted, random, d.last.Wait, want)
			}
		}
	}
}

const challenge = `WWW-Authenticate: Digest realm="example.net", qop="auth", nonce="%s"%s`

func TestChallengesAreAnswered(t *testing.T) {
	d := newDesk(t, nil)
	d.start()
	d.answer(401, fmt.Sprintf(challenge, "one", ""))
	d.expect("challenged", "REGISTER 600 via 1", Trying)
	if r := d.last.Request; r.CSeq != 2 || !strings.Contains(r.Authorization, `nonce="one"`) || !strings.Contains(r.Authorization, `uri="sip:example.net"`) {
		t.Errorf("CSeq %d, %s", r.CSeq, r.Authorization)
	}
	d.answer(401, fmt.Sprintf(challenge, "two", ", stale=true"))
	d.expect("stale", "REGISTER 600 via 1", Trying)
	d.answer(407, fmt.Sprintf("Proxy-"+challenge[4:], "of the proxy", ""))
	d.expect("a proxy's", "REGISTER 600 via 1", Trying)
	if r := d.last.Request; !strings.Contains(r.Authorization, `nonce="two"`) || !strings.Contains(r.ProxyAuthorization, `nonce="of the proxy"`) {
		t.Errorf("%s\n%s", r.Authorization, r.ProxyAuthorization)
	}
	d.grant(600)
	d.fire()
	if r := d.last.Request; !strings.Contains(r.Authorization, "nc=00000003") || !strings.Contains(r.Authorization, `nonce="two"`) {
		t.Errorf("the renewal is not signed in advance: %s", r.Authorization)
	}
	d.answer(401, fmt.Sprintf(challenge, "three", ""))
	d.expect("asked anew", "REGISTER 600 via 1", Trying)
	d.grant(600)
	d.expect("granted", "wait 9m30s", Registered)
}

func TestAWrongPasswordIsNotRepeated(t *testing.T) {
	d := newDesk(t, nil)
	d.start()
	d.answer(401, fmt.Sprintf(challenge, "one", ""))
	d.answer(401, fmt.Sprintf(challenge, "two", ""))
	d.expect("refused", "wait 2.5s", Waiting)
	if v := d.machine.View(d.env.Now); v.Registered || v.Status != 401 || v.State != Waiting {
		t.Errorf("%+v", v)
	}
	// The next attempt has one try of its own: what was wrong may have been put
	// right upstream.
	d.fire()
	d.answer(401, fmt.Sprintf(challenge, "three", ""))
	d.expect("later", "REGISTER 600 via 1", Trying)
	d.answer(401, fmt.Sprintf(challenge, "four", ""))
	d.expect("refused again", "wait 5s", Waiting)
}

func TestChallengesThatCannotBeAnswered(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no account": func(c *Config) { c.Account = nil },
		"another realm": func(c *Config) {
			c.Account = &digest.Account{User: "u", Password: digest.NewSecret("p"), Realm: "example.org"}
		},
	} {
		d := newDesk(t, change)
		d.start()
		d.answer(401, fmt.Sprintf(challenge, "one", ""))
		d.expect(name, "wait 2.5s", Waiting)
	}
	d := newDesk(t, nil)
	d.start()
	for i := range 10 {
		d.answer(401, fmt.Sprintf(challenge, fmt.Sprint(i), ", stale=true"))
		if d.last.Request == nil {
			d.expect("everything is stale", "wait 2.5s", Waiting)
			return
		}
	}
	t.Error("a registrar that calls every nonce stale is asked for ever")
}

func TestTooBrief(t *testing.T) {
	d := newDesk(t, nil)
	d.start()
	d.answer(423, "Min-Expires: 1800")
	d.expect("once", "REGISTER 1800 via 1", Trying)
	d.answer(423, "Min-Expires: 3600")
	d.expect("twice", "REGISTER 3600 via 1", Trying)
	d.grant(3600)
	d.expect("granted", "wait 59m30s", Registered)
	d.fire()
	d.expect("and kept", "REGISTER 3600 via 1", Trying)

	for name, line := range map[string]string{
		"no longer one": "Min-Expires: 600", "none": "Server: y", "a day and a bit": "Min-Expires: 86401", "nonsense": "Min-Expires: x",
	} {
		d := newDesk(t, nil)
		d.start()
		d.answer(423, line)
		d.expect(name, "wait 2.5s", Waiting)
	}
	d = newDesk(t, nil)
	d.start()
	for i := range maxBrief {
		d.answer(423, fmt.Sprintf("Min-Expires: %d", 1000+i))
	}
	d.answer(423, "Min-Expires: 2000")
	d.expect("for ever", "wait 2.5s", Waiting)
	d.fire()
	d.expect("the next attempt", "REGISTER 600 via 1", Trying)
}

// TestOurContactAmongOthers has lists as registrars give them.
func TestOurContactAmongOthers(t *testing.T) {
	ours := "Contact: <sip:" + token + "@198.51.100.1:5060>"
	for _, tc := range []struct {
		name    string
		lines   []string
		granted time.Duration // 0: refused
	}{
		{"ours alone", []string{ours + ";expires=300"}, 300 * time.Second},
		{"its time in Expires", []string{ours, "Expires: 200"}, 200 * time.Second},
		{"no time at all", []string{ours}, 600 * time.Second},
		{"both times", []string{ours + ";expires=300", "Expires: 200"}, 300 * time.Second},
		{"among others", []string{"Contact: <sip:x@192.0.2.9>;expires=20, <sip:" + token + "@198.51.100.1:5060>;expires=400;q=1", "m: sip:y@192.0.2.8;expires=7"}, 400 * time.Second},
		{"behind translation", []string{"Contact: <sip:x@192.0.2.9>;expires=20", "Contact: <sip:" + token + "@203.0.113.5:1024>;expires=100"}, 100 * time.Second},
		{"of two, the one that is ours", []string{"Contact: <sip:" + token + "@203.0.113.5>;expires=50", ours + ";expires=100"}, 100 * time.Second},
		{"with parameters of its own", []string{"Contact: <sip:" + token + "@198.51.100.1:5060;ob>;expires=100;+sip.instance=\"<x>\""}, 100 * time.Second},
		{"none listed", nil, 600 * time.Second},
		{"none listed, with Expires", []string{"Expires: 30"}, 30 * time.Second},
		{"others only", []string{"Contact: <sip:x@198.51.100.1:5060>;expires=20"}, 0},
		{"a user of another case", []string{"Contact: <sip:" + strings.ToUpper(token) + "@198.51.100.1:5060>;expires=20"}, 0},
		{"ours, gone", []string{ours + ";expires=0"}, 0},
		{"Expires 0", []string{ours, "Expires: 0"}, 0},
		{"for a hundred years", []string{ours + ";expires=2147483647"}, 600 * time.Second},
		{"for ever", []string{ours + ";expires=99999999999"}, 600 * time.Second},
		{"behind one that says nothing to us", []string{"Contact: <urn:x:y>", ours + ";expires=50", "Contact: <>"}, 50 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := newDesk(t, nil)
			d.start()
			d.answer(200, tc.lines...)
			v := d.machine.View(d.env.Now)
			if got := max(0, v.Until.Sub(began)); got != tc.granted && !(tc.granted == 0 && v.Until.IsZero()) {
				t.Errorf("bound for %v, want %v", got, tc.granted)
			}
			if want := map[bool]State{true: Registered, false: Waiting}[tc.granted > 0]; v.State != want {
				t.Errorf("%s", v.State)
			}
		})
	}
}

func TestContactOfOtherTransports(t *testing.T) {
	for _, tc := range []struct {
		aor     string
		network flow.Network
		user    string
		target  string
		contact string
	}{
		{aor, flow.TCP, token, "sip:example.net", "<sip:" + token + "@198.51.100.1:5060;transport=tcp>"},
		{aor, flow.TLS, "700100000010007", "sip:example.net", "<sip:700100000010007@198.51.100.1:5060;transport=tls>"},
		{"sips:gw1@example.net:5071", flow.TLS, token, "sips:example.net:5071", "<sips:" + token + "@198.51.100.1:5060>"},
	} {
		d := newDesk(t, func(c *Config) { c.AOR, c.User = tc.aor, tc.user })
		d.env.Hops = []call.Hop{hop(1, tc.network)}
		d.start()
		if r := d.last.Request; r.Target != tc.target || r.Contact != tc.contact {
			t.Errorf("to %s with %s", r.Target, r.Contact)
		}
	}
}
