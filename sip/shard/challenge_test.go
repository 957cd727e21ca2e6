package shard_test

import (
	"strings"
	"testing"
	"time"

	"mask700/sip/digest"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/shard"
)

// gate is a stage whose inside trunk asks for credentials.
type gate struct {
	*stage
	t       *testing.T
	session digest.Session
	tries   digest.Tries // of the last request
	account *digest.Account
}

func newGate(t *testing.T) *gate {
	server, err := digest.NewServer("example.net", []digest.User{{Name: "sw1", Password: digest.NewSecret("of-sw1")}}, nil, [32]byte{3})
	if err != nil {
		t.Fatal(err)
	}
	return &gate{
		stage: newStage(t, flow.UDP, func(c *shard.Config) { c.Auth = []shard.Auth{server} }),
		t:     t, account: &digest.Account{User: "sw1", Password: digest.NewSecret("of-sw1")},
	}
}

// say sends a message that the caller writes, and returns the last one that came
// back, nil for none.
func (g *gate) say(input string) *message.Message {
	g.t.Helper()
	b, err := g.caller.write(input)
	if err != nil {
		g.t.Fatal(err)
	}
	return g.repeat(b)
}

func (g *gate) repeat(b []byte) *message.Message {
	g.t.Helper()
	n := len(g.sent)
	g.receive(g.from, b)
	for i := len(g.sent) - 1; i >= n; i-- {
		if m, fault := message.Parse(g.sent[i].Bytes); fault == nil && !m.IsRequest() && g.sent[i].Flow.Remote == g.from.Remote {
			return m
		}
	}
	return nil
}

// signed is input with credentials for the last challenge.
func (g *gate) signed(input string) string {
	method, _, _ := strings.Cut(input, " ")
	r := message.Request{Method: method, Target: "sip:700100000010007@192.0.2.1:5060"}
	g.session.Sign(&g.tries, &r, g.account, func() string { return "cnonce" })
	return input + "\nAuthorization: " + r.Authorization
}

// take takes the challenge of a 401.
func (g *gate) take(m *message.Message) {
	g.t.Helper()
	g.tries = digest.Tries{}
	if m == nil || m.Status != 401 || !g.session.Challenged(&g.tries, m, g.account) {
		g.t.Fatalf("no challenge that can be answered: %v", m)
	}
}

func (g *gate) expect(what string, m *message.Message, status int) {
	g.t.Helper()
	got := 0
	if m != nil {
		got = m.Status
	}
	if got != status {
		g.t.Errorf("%s: answered %d, want %d", what, got, status)
	}
}

func stale(m *message.Message) bool {
	return m != nil && len(m.WWWAuthenticate) > 0 && strings.Contains(m.WWWAuthenticate[0], "stale=true")
}

const anInvite = "INVITE 700100000010007\nsdp"

func TestStrangersAreAskedForCredentials(t *testing.T) {
	g := newGate(t)
	m := g.say(anInvite)
	g.take(m)
	if len(m.WWWAuthenticate) != 2 || m.To.Tag == "" || stale(m) {
		t.Errorf("challenged with %q, tag %q", m.WWWAuthenticate, m.To.Tag)
	}
	g.caller.refused = m
	g.expect("the ACK of a 401", g.say("ACK"), 0)
	for name, n := range g.shard.Tables() {
		if n != 0 {
			t.Errorf("a challenge left %d %s", n, name)
		}
	}
	if st := g.shard.Stats(); st.Calls != 0 || st.Challenged != 1 || st.AuthFailed != 0 || len(g.calls) != 0 {
		t.Errorf("a challenge is a call: %+v", st)
	}

	g.expect("with credentials", g.say(g.signed(anInvite)), 100)
	if st := g.shard.Stats(); st.Calls != 1 || st.LiveCalls != 1 {
		t.Errorf("the call does not live: %+v", st)
	}
	if got := g.starts(); !strings.HasPrefix(got[len(got)-1], "INVITE ") {
		t.Errorf("the callee is not called: %v", got)
	}
	g.caller.refused = nil
	g.expect("the INVITE again", g.repeat(g.caller.last), 100)
	g.expect("the INVITE, after a CANCEL that cannot be challenged", g.say("CANCEL"), 487)
	if st := g.shard.Stats(); st.Challenged != 1 {
		t.Errorf("%d challenges", st.Challenged)
	}
}

func TestRequestsThatAreChallenged(t *testing.T) {
	for _, tc := range []struct {
		input            string
		without, with, n int // answers, and how many challenges there were
	}{
		{"OPTIONS 700100000010007", 401, 200, 1},
		{"REGISTER 700100000010007", 401, 405, 1},
		{"MESSAGE 700100000010007", 401, 400, 1}, // it says nothing,
		{"BYE 700100000010007", 401, 481, 1},
		{"DANCE 700100000010007", 401, 501, 1},
		{anInvite + "\nRequire: nonsense", 401, 420, 1},
		{"OPTIONS 700100000010007\nRequire: nonsense", 401, 420, 1},
		// In a dialog it is the tags that count.
		{"BYE 700100000010007\nTo: <sip:x@192.0.2.1>;tag=nobody", 481, 481, 0},
		{"INVITE 700100000010007\nTo: <sip:x@192.0.2.1>;tag=nobody\nsdp", 481, 481, 0},
		{"CANCEL 700100000010007", 481, 481, 0},
	} {
		t.Run(tc.input, func(t *testing.T) {
			g := newGate(t)
			m := g.say(tc.input)
			g.expect("without credentials", m, tc.without)
			if tc.without == 401 {
				g.take(m)
				m = g.say(g.signed(tc.input))
			}
			if m != nil && m.Status == 100 {
				m, _ = message.Parse(g.sent[len(g.sent)-1].Bytes)
			}
			g.expect("with credentials", m, tc.with)
			if st := g.shard.Stats(); int(st.Challenged) != tc.n {
				t.Errorf("%d challenges, want %d", st.Challenged, tc.n)
			}
		})
	}
}

func TestRequestURIThatNobodyCanRead(t *testing.T) {
	g := newGate(t)
	text := "INVITE sip:a@b@c SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bKx\nFrom: <sip:a@b>;tag=1\nTo: <sip:b@c>\nCall-ID: of-caller\nCSeq: 1 INVITE\n\n"
	g.receive(g.from, []byte(strings.ReplaceAll(text, "\n", "\r\n")))
	if got := g.starts(); len(got) != 1 || got[0] != "SIP/2.0 400 Bad Request" {
		t.Errorf("answered %v", got)
	}
	if st := g.shard.Stats(); st.Calls != 0 || st.Challenged != 0 || st.Faulty != 1 {
		t.Errorf("the counters say %+v", st)
	}
}

func TestOtherTrunksAreNotChallenged(t *testing.T) {
	g := newGate(t)
	callee := newActor(g.world, "second", "13900000003", "198.51.100.21:5060", 1)
	b, err := callee.write("OPTIONS 700100000010007")
	if err != nil {
		t.Fatal(err)
	}
	g.receive(callee.flow(), b)
	if got := g.starts(); len(got) != 1 || got[0] != "SIP/2.0 200 OK" {
		t.Errorf("answered %v", got)
	}
}

func TestCredentialsServeOneInvite(t *testing.T) {
	g := newGate(t)
	g.take(g.say(anInvite))
	signed := g.signed(anInvite)
	g.expect("once", g.say(signed), 100)
	m := g.say(signed + "\nCall-ID: of-caller-again")
	g.expect("in another call", m, 401)
	if !stale(m) {
		t.Error("a replay is not told that its nonce is stale")
	}
	if st := g.shard.Stats(); st.LiveCalls != 1 || st.AuthFailed != 0 {
		t.Errorf("the counters say %+v", st)
	}
}

// What is answered without state is answered the same way when it comes again.
func TestRepetitionIsAnsweredAlike(t *testing.T) {
	g := newGate(t)
	const ping = "OPTIONS 700100000010007"
	first := g.say(ping)
	g.expect("again", g.repeat(g.caller.last), 401)
	if a, b := g.sent[0].Bytes, g.sent[1].Bytes; string(a) != string(b) {
		t.Errorf("the repetition got\n%s\nafter\n%s", b, a)
	}
	g.take(first)
	g.expect("signed", g.say(g.signed(ping)), 200)
	g.expect("signed, again", g.repeat(g.caller.last), 200)
}

func TestNoncesGrowOld(t *testing.T) {
	g := newGate(t)
	g.take(g.say(anInvite))
	g.advance(epoch.Add(6 * time.Minute))
	m := g.say(g.signed(anInvite))
	g.expect("after six minutes", m, 401)
	if !stale(m) {
		t.Error("the nonce is not called stale")
	}
	if !g.session.Challenged(&g.tries, m, g.account) {
		t.Fatal("it is not worth another try")
	}
	g.expect("with the new nonce", g.say(g.signed(anInvite)), 100)
}

func TestGuessersHearNoMore(t *testing.T) {
	g := newGate(t)
	g.account = &digest.Account{User: "sw1", Password: digest.NewSecret("a-guess")}
	for range 20 {
		g.take(g.say(anInvite))
		m := g.say(g.signed(anInvite))
		g.expect("a guess", m, 401)
		if stale(m) {
			t.Error("a wrong password is called a stale nonce")
		}
	}
	n := len(g.sent)
	for range 5 {
		g.expect("too many", g.say(anInvite), 0)
	}
	if len(g.sent) != n {
		t.Errorf("%d messages left after that", len(g.sent)-n)
	}
	if st := g.shard.Stats(); st.AuthFailed != 20 || st.Challenged != 40 || st.Barred != 5 || st.Calls != 0 {
		t.Errorf("the counters say %+v", st)
	}
	g.advance(epoch.Add(11 * time.Second))
	g.expect("later", g.say(anInvite), 401)
}
