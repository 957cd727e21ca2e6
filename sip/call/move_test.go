package call

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/media/sdp"
	"mask700/media/srtp"
	"mask700/sip/token"
	"mask700/sip/transaction"
	"mask700/sip/trunk"
)

// Hops of the callee's trunk: of one network, by one address or by two, and of the other
// family.
var (
	hopOne   = Hop{Flow: at(1, "198.51.100.1:5060", "198.51.100.9:5060"), Host: "198.51.100.1:5060", Domain: "198.51.100.1", Target: "198.51.100.9:5060"}
	hopAgain = Hop{Flow: at(1, "198.51.100.1:5060", "198.51.100.9:5080"), Host: "198.51.100.1:5060", Domain: "198.51.100.1", Target: "198.51.100.9:5080"}
	hopSix   = Hop{Flow: at(2, "[2001:db8::1]:5060", "[2001:db8::9]:5060"), Host: "[2001:db8::1]:5060", Domain: "[2001:db8::1]", Target: "[2001:db8::9]:5060"}
)

var (
	localIn  = sdp.Local{Addr: netip.MustParseAddr("192.0.2.1"), Port: 20000, Secret: srtp.NewSecret([32]byte{1})}
	localOut = sdp.Local{Addr: netip.MustParseAddr("198.51.100.1"), Port: 30000, Secret: srtp.NewSecret([32]byte{2})}
	localSix = sdp.Local{Addr: netip.MustParseAddr("2001:db8::1"), Port: 40000, Secret: srtp.NewSecret([32]byte{3})}
)

// calling is a call whose callee is being called by the first of some hops, encrypted.
// Next are those who are called after it.
func calling(t *testing.T, next []string, hops ...Hop) *greeting {
	t.Helper()
	for i := range hops {
		hops[i].Priority = i
	}
	trunks := []*trunk.Trunk{{Index: 0, Name: "in", RouteTo: "out", Media: "in"}, {Index: 1, Name: "out", Media: "out", SRTP: trunk.SRTPRequire}}
	g := &greeting{t: t, env: &Env{
		Now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Mint: token.NewMint([32]byte{1}, token.NewRouter(token.Secret{7}, 1), 0),
		Config: &Config{Timers: transaction.DefaultTimers(), RingTimeout: time.Minute, TurnTimeout: 20 * time.Second, Trunks: trunks, Hops: [][]Hop{nil, hops}},
	}}
	in := at(0, "192.0.2.1:5060", "192.0.2.10:5060")
	m := g.read("INVITE sip:700100000010007@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-1\r\nMax-Forwards: 70\r\n" +
		"From: <sip:13800000001@192.0.2.10>;tag=one\r\nTo: <sip:700100000010007@192.0.2.1>\r\nCall-ID: one\r\nCSeq: 1 INVITE\r\n" +
		"Contact: <sip:one@192.0.2.10>\r\nContent-Type: application/sdp\r\n\r\n" + callerOffer)
	g.call = New(g.env, Arrival{Tx: "invite", Message: m, Echo: m.Echo(in.Remote), Flow: in, Host: "192.0.2.1:5060", Trunk: trunks[0]})
	number := func(s string) binding.Number {
		n, err := binding.Plan{}.ParseNumber(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	x, _ := binding.Plan{}.ParseX("700100000010007")
	d := binding.Decision{Binding: &binding.Binding{ID: "pair"}, Edge: binding.Edge{Callee: number("13900000002"), Shown: x}}
	for _, n := range next {
		d.Next = append(d.Next, number(n))
	}
	g.taken()
	g.give(Decided{Decision: d})
	g.give(MediaOpened{Local: [2]sdp.Local{localIn, localOut}})
	g.give(RecordOpened{ID: g.call.Record.ID})
	if body := g.invited(); !strings.Contains(body, "c=IN IP4 198.51.100.1\r\n") {
		t.Fatalf("the first is offered %q", body)
	}
	return g
}

// invited is the offer of the INVITE that was sent just now.
func (g *greeting) invited() string {
	g.t.Helper()
	ask, ok := found[Ask](g)
	if !ok || ask.Request.Method != "INVITE" {
		g.t.Fatalf("nobody is called: %+v", g.done)
	}
	return string(ask.Request.Body)
}

// moves is what the media has just been asked for: ports toward a hop, and nobody may be
// called yet.
func (g *greeting) moves(to Hop) MoveMedia {
	g.t.Helper()
	move, ok := found[MoveMedia](g)
	if _, asked := found[Ask](g); !ok || asked || move.Side != Callee || move.Peer != to.Flow || move.Session != g.call.Session {
		g.t.Fatalf("%+v", g.done)
	}
	return move
}

// keyOf is a key of ours in a description, by its suite.
func keyOf(t *testing.T, body string) string {
	t.Helper()
	_, key, ok := strings.Cut(body, "AEAD_AES_128_GCM inline:")
	if !ok {
		t.Fatalf("no key in %q", body)
	}
	return key[:strings.IndexByte(key, '\r')]
}

func TestTheNextHopIsOfferedPortsOfItsFamily(t *testing.T) {
	g := calling(t, nil, hopOne, hopSix)
	first := g.call.Legs[Callee].Client.Request
	g.answer("503", "")
	g.moves(hopSix)
	g.give(MediaMoved{Side: Callee, Moved: true, Local: localSix})
	body := g.invited()
	if !strings.Contains(body, "c=IN IP6 2001:db8::1\r\n") || !strings.Contains(body, "m=audio 40000 ") {
		t.Errorf("the second is offered %q", body)
	}
	if keyOf(t, body) == keyOf(t, string(first.Body)) {
		t.Error("both hops were offered one key")
	}
	if l := g.call.Legs[Callee].SDP; l.Ours != localSix.Addr || g.call.MediaLocal != [2]sdp.Local{localIn, localSix} {
		t.Errorf("we are at %v, %v", l.Ours, g.call.MediaLocal)
	}
	g.answer("200", strings.NewReplacer("IP4 198.51.100.20", "IP6 2001:db8::20", "RTP/AVP", "RTP/SAVP", "a=rtpmap", "a=crypto:2 AEAD_AES_128_GCM inline:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHA==\r\na=rtpmap").
		Replace(calleeAnswer))
	r := g.answered(200)
	if body := string(r.Body); !strings.Contains(body, "c=IN IP4 192.0.2.1\r\n") || !strings.Contains(body, "m=audio 20000 ") {
		t.Errorf("the caller is answered %q", body)
	}
}

// By the same address nothing can be another, and nobody is asked.
func TestTheNextHopAtOneAddressIsCalledAtOnce(t *testing.T) {
	g := calling(t, nil, hopOne, hopAgain)
	g.answer("503", "")
	if _, moved := found[MoveMedia](g); moved {
		t.Error("the media is asked")
	}
	if body := g.invited(); !strings.Contains(body, "m=audio 30000 ") {
		t.Errorf("offered %q", body)
	}
}

// Ports that serve the next one too stay, and are not asked about again.
func TestPortsThatServeStay(t *testing.T) {
	g := calling(t, nil, hopOne, hopSix, hopSix)
	g.answer("503", "")
	g.moves(hopSix)
	g.give(MediaMoved{Side: Callee})
	if body := g.invited(); !strings.Contains(body, "m=audio 30000 ") || g.call.MediaLocal[Callee] != localOut {
		t.Errorf("offered %q", body)
	}
	g.answer("503", "")
	if body := g.invited(); !strings.Contains(body, "m=audio 30000 ") {
		t.Errorf("offered %q", body)
	}
}

// A call whose next hop cannot be given ports goes on to the one after it, to who is next
// in turn, or ends; for want of ports at once, as a call does that has none to begin with.
func TestNoPortsForTheNextHop(t *testing.T) {
	t.Run("another hop", func(t *testing.T) {
		g := calling(t, nil, hopOne, hopSix, hopAgain)
		g.answer("503", "")
		g.moves(hopSix)
		g.give(MediaMoved{Side: Callee, Err: errDeaf})
		if ask, ok := found[Ask](g); !ok || ask.Flow != hopAgain.Flow {
			t.Errorf("%+v", g.done)
		}
		if _, failed := found[HopFailed](g); failed {
			t.Error("a hop is blamed that was not asked")
		}
	})
	t.Run("another in turn", func(t *testing.T) {
		g := calling(t, []string{"13500000005"}, hopOne, hopSix)
		g.answer("503", "")
		g.give(MediaMoved{Side: Callee, Err: errDeaf})
		if j, ok := found[Judge](g); !ok || j.Edge.Callee.Digits() != "8613500000005" {
			t.Errorf("%+v", g.done)
		}
	})
	for name, c := range map[string]struct {
		ev      MediaMoved
		end     string
		status  int
		refusal binding.Refusal
	}{
		"nobody else": {MediaMoved{Side: Callee, Err: errDeaf}, cdr.EndFailed, 500, ""},
		"no ports":    {MediaMoved{Side: Callee, Err: errDeaf, Full: true}, cdr.EndRefused, 503, binding.RefusalOverload},
	} {
		t.Run(name, func(t *testing.T) {
			g := calling(t, nil, hopOne, hopSix)
			g.answer("503", "")
			g.give(c.ev)
			if r := g.call.Record; g.call.State != Ending || r.End != c.end || r.SIPStatus != c.status || r.Refusal != c.refusal {
				t.Errorf("%v: %s, %d %s", g.call.State, r.End, r.SIPStatus, r.Refusal)
			}
			if _, closed := found[CloseMedia](g); !closed {
				t.Error("the ports stay open")
			}
		})
	}
}

// While the media opens ports the call may end, and the media is closed only then; the time
// of who was to be called may be over, and the next one is called.
func TestWhatHappensWhileThePortsMove(t *testing.T) {
	t.Run("the caller hangs up", func(t *testing.T) {
		g := calling(t, nil, hopOne, hopSix)
		g.answer("503", "")
		g.give(Cancelled{Tx: "invite"})
		if _, closed := found[CloseMedia](g); closed || g.call.State != Ending {
			t.Errorf("%v: %+v", g.call.State, g.done)
		}
		g.give(MediaMoved{Side: Callee, Moved: true, Local: localSix})
		if _, asked := found[Ask](g); asked {
			t.Error("the callee is called all the same")
		}
		if _, closed := found[CloseMedia](g); !closed {
			t.Error("the ports stay open")
		}
	})
	t.Run("its time is over", func(t *testing.T) {
		g := calling(t, []string{"13500000005"}, hopOne, hopSix)
		g.answer("503", "")
		g.give(Fired{Timer{RingTimer, Callee}})
		if len(g.done) > 0 {
			t.Errorf("%+v", g.done)
		}
		g.give(MediaMoved{Side: Callee, Moved: true, Local: localSix})
		if _, judged := found[Judge](g); !judged {
			t.Fatalf("%+v", g.done)
		}
		g.give(Judged{})
		g.moves(hopOne) // the ports go back
		g.give(MediaMoved{Side: Callee, Moved: true, Local: localOut})
		if body := g.invited(); !strings.Contains(body, "c=IN IP4 198.51.100.1\r\n") {
			t.Errorf("the next one is offered %q", body)
		}
	})
	t.Run("a word that nobody waits for", func(t *testing.T) {
		g := calling(t, nil, hopOne, hopSix)
		g.give(MediaMoved{Side: Callee, Moved: true, Local: localSix})
		g.give(MediaMoved{Session: 7, Side: Callee, Moved: true, Local: localSix})
		if len(g.done) > 0 || g.call.MediaLocal[Callee] != localOut {
			t.Errorf("%+v, at %v", g.done, g.call.MediaLocal)
		}
	})
}
