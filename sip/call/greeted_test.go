package call

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/media/sdp"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/token"
	"mask700/sip/transaction"
	"mask700/sip/trunk"
)

// greeting is a call whose caller is greeted, with what it has done so far.
type greeting struct {
	t    *testing.T
	env  *Env
	call *Call
	done []Action
}

const callerOffer = "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 6000 RTP/AVP 9 8 0 101\r\n" +
	"a=rtpmap:101 telephone-event/8000\r\n"

const calleeAnswer = "v=0\r\no=- 1 1 IN IP4 198.51.100.20\r\ns=-\r\nc=IN IP4 198.51.100.20\r\nt=0 0\r\nm=audio 7000 RTP/AVP 8 96\r\n" +
	"a=rtpmap:96 telephone-event/8000\r\n"

func at(listener uint16, local, remote string) flow.Flow {
	return flow.Flow{Listener: listener, Local: netip.MustParseAddrPort(local), Remote: netip.MustParseAddrPort(remote)}
}

// greet lets a caller's INVITE come, and greets it.
func greet(t *testing.T, early bool, headers, body string) *greeting {
	t.Helper()
	trunks := []*trunk.Trunk{{Index: 0, Name: "in", RouteTo: "out", Media: "in"}, {Index: 1, Name: "out", Media: "out"}}
	out := at(1, "198.51.100.1:5060", "198.51.100.9:5060")
	g := &greeting{t: t, env: &Env{
		Now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Mint: token.NewMint([32]byte{1}, token.NewRouter(token.Secret{7}, 1), 0),
		Config: &Config{
			Timers: transaction.DefaultTimers(), RingTimeout: time.Minute, Trunks: trunks,
			Hops: [][]Hop{nil, {{Flow: out, Host: "198.51.100.1:5060", Domain: "198.51.100.1", Target: "198.51.100.9:5060"}}},
		},
	}}
	in := at(0, "192.0.2.1:5060", "192.0.2.10:5060")
	m := g.read("INVITE sip:700100000010007@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-1\r\nMax-Forwards: 70\r\n" +
		"From: <sip:13800000001@192.0.2.10>;tag=one\r\nTo: <sip:700100000010007@192.0.2.1>\r\nCall-ID: one\r\nCSeq: 1 INVITE\r\n" +
		"Contact: <sip:one@192.0.2.10>\r\n" + headers + "Content-Type: application/sdp\r\n\r\n" + body)
	g.call = New(g.env, Arrival{Tx: "invite", Message: m, Echo: m.Echo(in.Remote), Flow: in, Host: "192.0.2.1:5060", Trunk: trunks[0]})
	g.call.Waiting = 0 // the store has answered
	g.taken()
	if !g.call.greet(g.env, trunks[1], early, EnterExtension) {
		t.Fatal("the caller is not greeted")
	}
	g.taken()
	g.give(MediaOpened{Local: [2]sdp.Local{
		{Addr: netip.MustParseAddr("192.0.2.1"), Port: 20000}, {Addr: netip.MustParseAddr("198.51.100.1"), Port: 30000},
	}})
	if len(g.done) > 0 {
		t.Fatalf("the caller is answered before the row is on disk: %v", g.done)
	}
	g.give(RecordOpened{ID: g.call.Record.ID})
	return g
}

func (g *greeting) read(text string) *message.Message {
	g.t.Helper()
	m, fault := message.Parse([]byte(text))
	if fault != nil {
		g.t.Fatal(fault)
	}
	return m
}

// taken is what has been asked for since the last time.
func (g *greeting) taken() {
	g.done = slices.Clone(g.env.Actions)
	g.env.Actions = g.env.Actions[:0]
}

func (g *greeting) give(ev Event) {
	g.call.Handle(g.env, ev)
	g.taken()
}

// found is the one action of a kind that was done, and ok whether there was exactly one.
func found[A Action](g *greeting) (a A, ok bool) {
	n := 0
	for _, done := range g.done {
		if of, is := done.(A); is {
			a, n = of, n+1
		}
	}
	return a, n == 1
}

// request is a request of the caller inside its dialog.
func (g *greeting) request(method, headers, body string) {
	g.t.Helper()
	l := &g.call.Legs[Caller]
	m := g.read(method + " sip:x@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-2" + method + "\r\nMax-Forwards: 70\r\n" +
		"From: <sip:13800000001@192.0.2.10>;tag=one\r\nTo: <sip:700100000010007@192.0.2.1>;tag=" + l.LocalTag + "\r\nCall-ID: one\r\n" +
		"CSeq: " + map[bool]string{true: "1 ", false: "2 "}[method == "ACK"] + method + "\r\n" + headers + "\r\n" + body)
	g.give(Requested{Side: Caller, Tx: Tx(method), Message: m, Echo: m.Echo(netip.MustParseAddrPort("192.0.2.10:5060"))})
}

// answer is a response of the callee to its INVITE.
func (g *greeting) answer(status, body string) {
	g.t.Helper()
	r := &g.call.Legs[Callee].Client.Request
	m := g.read("SIP/2.0 " + status + " x\r\nVia: " + r.Via + ";branch=" + r.Branch + "\r\nFrom: " + r.From + "\r\nTo: " + r.To + ";tag=two\r\nCall-ID: " + r.CallID +
		"\r\nCSeq: 1 INVITE\r\nContact: <sip:two@198.51.100.20>\r\nContent-Type: application/sdp\r\n\r\n" + body)
	g.give(Responded{Side: Callee, Tx: g.call.Legs[Callee].Client.Tx, Message: m})
}

// callee calls the callee, as who greets does when it knows whom.
func (g *greeting) callee() message.Request {
	g.t.Helper()
	number, _ := binding.Plan{}.ParseNumber("13900000002")
	x, _ := binding.Plan{}.ParseX("700100000010007")
	g.call.Edge = binding.Edge{Callee: number, Shown: x}
	g.call.callGreeted(g.env, g.env.Config.Trunks[1])
	g.taken()
	ask, ok := found[Ask](g)
	if play, playing := found[PlayMedia](g); !ok || !playing || play.Prompt != Ringback || play.Side != Caller {
		g.t.Fatalf("the callee is not called, or the caller hears nothing: %+v", g.done)
	}
	return ask.Request
}

// answered is the response that the caller has got, which must offer no more than what
// we can play, and the events.
func (g *greeting) answered(status int) message.Response {
	g.t.Helper()
	r, ok := found[Respond](g)
	if !ok || r.Tx != "invite" || r.Response.Status != status {
		g.t.Fatalf("the caller is not answered by %d: %+v", status, g.done)
	}
	return r.Response
}

const agreed = "m=audio 20000 RTP/AVP 8 101\r\n"

func TestGreetedByAnAnswer(t *testing.T) {
	g := greet(t, false, "", callerOffer)
	if body := string(g.answered(200).Body); !strings.Contains(body, agreed) {
		t.Fatalf("the caller is answered with\n%s", body)
	}
	if _, ok := found[PlayMedia](g); ok {
		t.Error("a prompt plays before the caller listens")
	}
	g.request("ACK", "", "")
	if play, ok := found[PlayMedia](g); !ok || play.Prompt != EnterExtension {
		t.Fatalf("the prompt does not play when the caller listens: %+v", g.done)
	}
	if body := string(g.callee().Body); !strings.Contains(body, "m=audio 30000 RTP/AVP 8 101\r\n") {
		t.Fatalf("the callee is offered\n%s", body)
	}
	g.answer("180", "")
	g.answer("200", calleeAnswer)
	if _, ok := found[Acknowledge](g); !ok || g.call.State != Talking || g.call.Record.SIPStatus != 200 {
		t.Fatalf("the two do not talk: %v, %+v", g.call.State, g.done)
	}
	for _, a := range g.done {
		switch a := a.(type) {
		case Respond, Ask:
			t.Errorf("the caller hears of it: %+v", a)
		case SetRemote:
			if a.Silent != (a.Side == Caller) {
				t.Errorf("of the %v, who has said nothing: %t", a.Side, a.Silent)
			}
			// The callee's events have another number than the caller's.
			for _, typ := range a.Remote.Types {
				if want := map[uint8]uint8{8: 8, 101: 96, 96: 101}[typ.PT]; a.Side == Caller && typ.Map != want {
					t.Errorf("what the caller sends as %d goes on as %d", typ.PT, typ.Map)
				}
			}
		}
	}
	if play, ok := found[PlayMedia](g); !ok || play.Prompt != "" {
		t.Errorf("the caller goes on hearing us: %+v", g.done)
	}
	// The caller refreshes the session: the callee has said nothing, so that no source of its is learnt anew.
	g.request("UPDATE", "Contact: <sip:one@192.0.2.10>\r\nContent-Type: application/sdp\r\n", callerOffer)
	told := 0
	for _, a := range g.done {
		if r, ok := a.(SetRemote); ok {
			told++
			if r.Silent != (r.Side == Callee) {
				t.Errorf("after a refresh, of the %v: %t", r.Side, r.Silent)
			}
		}
	}
	if told != 2 {
		t.Errorf("a refresh tells the media %d times: %+v", told, g.done)
	}
}

func TestGreetedEarly(t *testing.T) {
	g := greet(t, true, "Supported: 100rel\r\n", callerOffer)
	early := g.answered(183)
	if !strings.Contains(string(early.Body), agreed) || early.RSeq == 0 {
		t.Fatalf("the caller is told, by RSeq %d,\n%s", early.RSeq, early.Body)
	}
	g.request("PRACK", fmt.Sprintf("RAck: %d 1 INVITE\r\n", early.RSeq), "")
	if play, ok := found[PlayMedia](g); !ok || play.Prompt != EnterExtension {
		t.Fatalf("the prompt does not play when the caller listens: %+v", g.done)
	}
	g.callee()
	g.answer("200", calleeAnswer)
	if body := g.answered(200).Body; len(body) > 0 || g.call.State != Answered {
		t.Fatalf("%v, and the caller is answered again\n%s", g.call.State, body)
	}
	g.request("ACK", "", "")
	if g.call.State != Talking || g.call.Record.AnsweredAt.IsZero() {
		t.Fatalf("the two do not talk: %v", g.call.State)
	}
}

// The 2xx repeats what an unreliable response has said (RFC 3261 section 13.2.1).
func TestGreetedEarlyRepeatsItsAnswer(t *testing.T) {
	g := greet(t, true, "", callerOffer)
	early := g.answered(183)
	g.callee()
	g.answer("200", strings.Replace(calleeAnswer, "8 96", "8", 1))
	if body := g.answered(200).Body; string(body) != string(early.Body) {
		t.Fatalf("after\n%s\nthe caller is told\n%s", early.Body, body)
	}
	g.request("ACK", "", "")
	if ask, ok := found[Ask](g); !ok || ask.Side != Caller || !strings.Contains(string(ask.Request.Body), "RTP/AVP 8\r\n") {
		t.Fatalf("the caller is not told that the callee takes no events: %+v", g.done)
	}
}

func TestGreetedFails(t *testing.T) {
	for name, c := range map[string]struct {
		early  bool
		status int // of the caller's INVITE; 0: it hears why, and gets a BYE
	}{"early": {true, 486}, "answered": {false, 0}} {
		g := greet(t, c.early, "", callerOffer)
		g.answered(map[bool]int{true: 183, false: 200}[c.early])
		g.request("ACK", "", "")
		g.callee()
		g.answer("486", "")
		if c.status == 0 {
			if play, ok := found[PlayMedia](g); !ok || play.Prompt != Busy {
				t.Fatalf("%s: the caller does not hear why: %+v", name, g.done)
			}
			g.give(Fired{Timer{PromptTimer, Caller}})
		}
		if _, ok := found[CloseMedia](g); !ok {
			t.Fatalf("%s: the call does not end: %+v", name, g.done)
		}
		g.give(MediaEnded{})
		g.give(RecordClosed{ID: g.call.Record.ID})
		if c.status > 0 {
			g.answered(c.status)
			continue
		}
		if ask, ok := found[Ask](g); !ok || ask.Request.Method != "BYE" || ask.Request.Q850 != causeBusy || g.call.Record.SIPStatus != 486 {
			t.Fatalf("%s: the caller is not released with the cause: %+v", name, g.done)
		}
	}
}

func TestNotGreeted(t *testing.T) {
	g := greet(t, false, "", callerOffer)
	for name, change := range map[string]func(*Call){
		"an answer has been given":                             func(*Call) {},
		"no offer, and no reliable response to make it one in": func(c *Call) { c.State, c.LateOffer = Deciding, true },
		"no codec that we speak":                               func(c *Call) { c.State, c.FirstSDP = Deciding, []byte(strings.Replace(callerOffer, "9 8 0", "18", 1)) },
		"a text":                                               func(c *Call) { c.State, c.FirstSDP, c.Text.On = Deciding, []byte(callerOffer), true },
	} {
		c := *g.call
		change(&c)
		if c.greet(g.env, g.env.Config.Trunks[1], true, "") || len(g.env.Actions) > 0 {
			t.Errorf("%s: greeted", name)
		}
	}
}
