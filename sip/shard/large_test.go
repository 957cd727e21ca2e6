package shard_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mask700/binding/cdr"
	"mask700/sip/flow"
	"mask700/sip/shard"
)

// large is an offer whose INVITE is too large for a datagram when it leaves: many
// codecs, none of which is dropped.
func large() string {
	var types, lines strings.Builder
	for i, name := range []string{"AMR", "AMR-WB", "iLBC", "opus"} {
		for j := range 7 {
			pt := 96 + 7*i + j
			clock := map[string]string{"AMR": "8000", "AMR-WB": "16000", "iLBC": "8000", "opus": "48000/2"}[name]
			fmt.Fprintf(&types, " %d", pt)
			fmt.Fprintf(&lines, "a=rtpmap:%d %s/%s\r\n", pt, name, clock)
			if strings.HasPrefix(name, "AMR") {
				fmt.Fprintf(&lines, "a=fmtp:%d octet-align=1;mode-set=%d\r\n", pt, j)
			}
		}
	}
	return "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 6000 RTP/AVP 8" + types.String() + "\r\n" + lines.String()
}

// streams makes a stage whose UDP listeners have TCP ones beside them.
func streams(t *testing.T) *stage {
	s := newStage(t, flow.UDP, func(c *shard.Config) {
		c.Streams = []shard.Stream{{Listener: -1}, {Listener: 2, Port: 5070}, {Listener: -1}}
	})
	b, err := s.caller.write("INVITE 700100000010007\nCall-ID: of-caller-one\nbody " + strings.ReplaceAll(large(), "\r\n", `\r\n`))
	if err != nil {
		t.Fatal(err)
	}
	s.receive(s.from, b)
	return s
}

func TestALargeRequestLeavesOnAStream(t *testing.T) {
	s := streams(t)
	last := s.sent[len(s.sent)-1]
	text := string(last.Bytes)
	if last.Flow.Network != flow.TCP || last.Flow.Listener != 2 || last.Flow.Local.Port() != 5070 || last.Token == 0 {
		t.Errorf("%d bytes left by %+v", len(text), last.Flow)
	}
	if !strings.Contains(text, "\r\nVia: SIP/2.0/TCP 198.51.100.1:5070;branch=") || len(text) <= 1300 {
		t.Errorf("%d bytes left:\n%s", len(text), text)
	}
	// A stream repeats nothing.
	n := len(s.sent)
	s.advance(epoch.Add(10 * time.Second))
	if len(s.sent) != n {
		t.Errorf("repeated: %v", s.starts()[n:])
	}
}

// A peer that takes no connection gets the datagram (RFC 3261 section 18.1.1), and
// is not tried again so soon.
func TestALargeRequestToOneWhoTakesNoConnection(t *testing.T) {
	s := streams(t)
	first := s.sent[len(s.sent)-1]
	s.shard.Failed(s.now, first.Token)
	s.drain()
	last := s.sent[len(s.sent)-1]
	if last.Flow.Network != flow.UDP || !strings.Contains(string(last.Bytes), "\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;rport;branch=") {
		t.Errorf("it left by %+v:\n%s", last.Flow, last.Bytes)
	}
	n := len(s.sent)
	s.advance(epoch.Add(600 * time.Millisecond))
	if len(s.sent) != n+1 {
		t.Errorf("%d repetitions over UDP", len(s.sent)-n)
	}
	b, err := s.caller.write("INVITE 700100000010007\nCall-ID: of-caller-two\nbody " + strings.ReplaceAll(large(), "\r\n", `\r\n`))
	if err != nil {
		t.Fatal(err)
	}
	s.receive(s.from, b)
	if last := s.sent[len(s.sent)-1]; last.Flow.Network != flow.UDP {
		t.Error("the next call was tried over TCP again")
	}
	for at := time.Minute; at < 15*time.Minute; at += time.Minute {
		s.advance(epoch.Add(at))
	}
	s.audit()
}

func TestASmallRequestStaysADatagram(t *testing.T) {
	s := newStage(t, flow.UDP, func(c *shard.Config) {
		c.Streams = []shard.Stream{{Listener: -1}, {Listener: 2, Port: 5070}}
	})
	s.invite(t, "of-caller-one")
	if last := s.sent[len(s.sent)-1]; last.Flow.Network != flow.UDP {
		t.Errorf("%d bytes left by %+v", len(last.Bytes), last.Flow)
	}
}

// A request that the kernel had taken when its connection ended is sent once more,
// on another one; one that has been answered is not.
func TestARequestOnAConnectionThatIsLost(t *testing.T) {
	s := streams(t)
	first := s.sent[len(s.sent)-1]
	lost := first.Flow
	lost.Conn = 99
	n := len(s.sent)
	s.shard.Lost(s.now, lost, false) // one that the peer had made
	s.drain()
	if len(s.sent) != n {
		t.Fatalf("sent again for a connection that it did not leave on: %v", s.starts()[n:])
	}
	s.shard.Lost(s.now, lost, true)
	s.drain()
	if len(s.sent) != n+1 || string(s.sent[n].Bytes) != string(first.Bytes) || s.sent[n].Flow.Conn != 0 {
		t.Fatalf("after its connection was lost: %v", s.starts()[n:])
	}
	s.shard.Lost(s.now, lost, true)
	s.drain()
	if len(s.sent) != n+1 {
		t.Errorf("sent a third time: %v", s.starts()[n:])
	}
}

func TestAnAnsweredRequestOnAConnectionThatIsLost(t *testing.T) {
	s := streams(t)
	callee := newActor(s.world, "second", "13900000002", "198.51.100.20:5061", 1)
	first := s.sent[len(s.sent)-1]
	s.hears(t, callee, first)
	b, err := callee.write("180")
	if err != nil {
		t.Fatal(err)
	}
	s.receive(callee.flow(), b)
	n := len(s.sent)
	s.shard.Lost(s.now, first.Flow, true)
	s.drain()
	if len(s.sent) != n {
		t.Errorf("sent again though it was answered: %v", s.starts()[n:])
	}
}

// The caller gives up while the connection for its INVITE is being made. When there is
// none the INVITE leaves by no other way: nobody's phone is to ring.
func TestALargeRequestThatIsCancelledBeforeItLeaves(t *testing.T) {
	s := streams(t)
	first := s.sent[len(s.sent)-1]
	s.tells(t, s.caller, "CANCEL\nCall-ID: of-caller-one")
	n := len(s.sent)
	s.shard.Failed(s.now, first.Token)
	s.drain()
	for _, out := range s.sent[n:] {
		if out.Flow.Local == s.callee.flow().Local {
			t.Errorf("sent to the callee:\n%s", out.Bytes)
		}
	}
	if r := s.calls[s.order[0]].record; r.End != cdr.EndCancelled || r.SIPStatus != 487 {
		t.Errorf("the record says %s", summary(r))
	}
	s.advance(epoch.Add(5 * time.Minute))
	s.audit()
}
