package shard_test

import (
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/sip/flow"
	"mask700/sip/shard"
	"mask700/sip/trunk"
)

// talking is an answered call over TCP, the caller on connection 1 and the callee
// on connection 2.
func talking(t *testing.T) *stage {
	t.Helper()
	s := newStage(t, flow.TCP, nil)
	s.says(t, s.caller, 1, "INVITE 700100000010007\nsdp")
	s.hears(t, s.callee, s.last(t, "INVITE "))
	s.says(t, s.callee, 2, "200\nsdp")
	s.hears(t, s.caller, s.last(t, "SIP/2.0 200 "))
	return s
}

// says has an actor send a message on a connection of its own.
func (s *stage) says(t *testing.T, a *actor, conn uint64, text string) {
	t.Helper()
	b, err := a.write(text)
	if err != nil {
		t.Fatal(err)
	}
	f := a.flow()
	f.Network, f.Conn = flow.TCP, conn
	s.receive(f, []byte(strings.ReplaceAll(string(b), "SIP/2.0/UDP", "SIP/2.0/TCP")))
}

// last is the last that left with such a start line.
func (s *stage) last(t *testing.T, start string) shard.Send {
	t.Helper()
	for i := len(s.sent) - 1; i >= 0; i-- {
		if strings.HasPrefix(string(s.sent[i].Bytes), start) {
			return s.sent[i]
		}
	}
	t.Fatalf("no %s among %v", start, s.starts())
	return shard.Send{}
}

// An ACK of a 2xx has no transaction that would send it again: when its connection
// is gone it goes by another, once.
func TestAnAckWhoseConnectionIsGone(t *testing.T) {
	s := talking(t)
	s.says(t, s.caller, 1, "ACK")
	s.says(t, s.callee, 2, "INVITE\nsdp port=6100")
	s.hears(t, s.caller, s.last(t, "INVITE "))
	s.says(t, s.caller, 1, "200\nsdp")
	ack := s.last(t, "ACK ")
	if ack.Flow.Conn != 1 || ack.Token == 0 {
		t.Fatalf("the ACK left by %+v with token %d", ack.Flow, ack.Token)
	}
	n := len(s.sent)
	s.shard.Failed(s.now, ack.Token)
	s.drain()
	if len(s.sent) != n+1 || string(s.sent[n].Bytes) != string(ack.Bytes) || s.sent[n].Flow.Conn != 0 {
		t.Fatalf("after its connection was gone: %v", s.starts()[n:])
	}
	s.shard.Failed(s.now, ack.Token)
	s.drain()
	if len(s.sent) != n+1 {
		t.Errorf("sent a third time: %v", s.starts()[n:])
	}
}

// A final response whose connection is gone before it is written goes by a new one to
// the port that the Via names (RFC 3261 section 18.2.2), once; where that is not to be
// had either it is counted.
func TestAFinalResponseWhoseConnectionIsGone(t *testing.T) {
	s := talking(t)
	s.says(t, s.caller, 1, "ACK")
	s.says(t, s.caller, 1, "BYE")
	ok := s.last(t, "SIP/2.0 200 ")
	if m, _ := s.read(ok.Bytes); m.Method != "BYE" || ok.Flow.Conn != 1 || ok.Token == 0 {
		t.Fatalf("the answer to the BYE left by %+v with token %d", ok.Flow, ok.Token)
	}
	n := len(s.sent)
	s.shard.Failed(s.now, ok.Token)
	s.drain()
	if len(s.sent) != n+1 || string(s.sent[n].Bytes) != string(ok.Bytes) || s.sent[n].Flow.Conn != 0 ||
		s.sent[n].Flow.Remote.Port() != 5060 {
		t.Fatalf("after its connection was gone: %v", s.starts()[n:])
	}
	if got := s.shard.Stats().Undelivered; got != 0 {
		t.Errorf("%d responses are counted as lost", got)
	}
	s.shard.Failed(s.now, ok.Token)
	s.drain()
	if got := s.shard.Stats().Undelivered; len(s.sent) != n+1 || got != 1 {
		t.Errorf("sent again: %v, and %d are counted as lost", s.starts()[n+1:], got)
	}
}

// A request that comes again on another connection is answered there.
func TestARequestThatComesAgainOnAnotherConnection(t *testing.T) {
	s := talking(t)
	s.says(t, s.caller, 1, "ACK")
	s.says(t, s.caller, 1, "OPTIONS")
	f := s.caller.flow()
	f.Network, f.Conn = flow.TCP, 7
	s.receive(f, []byte(strings.ReplaceAll(string(s.caller.last), "SIP/2.0/UDP", "SIP/2.0/TCP")))
	if again := s.sent[len(s.sent)-1]; again.Flow.Conn != 7 || !strings.HasPrefix(string(again.Bytes), "SIP/2.0 200 ") {
		t.Errorf("%v left by %+v", s.starts()[len(s.sent)-1:], again.Flow)
	}
}

// A CANCEL whose connection is gone goes where its INVITE would have gone: to the
// phone's address, not to the port that it had connected from.
func TestACancelWhoseConnectionIsGone(t *testing.T) {
	s := talking(t)
	s.says(t, s.caller, 1, "ACK")
	s.says(t, s.callee, 2, "INVITE\nsdp port=6100")
	s.hears(t, s.caller, s.last(t, "INVITE "))
	s.says(t, s.caller, 1, "100")
	s.says(t, s.callee, 2, "CANCEL")
	cancel := s.last(t, "CANCEL ")
	if cancel.Flow.Conn != 1 || cancel.Token == 0 {
		t.Fatalf("the CANCEL left by %+v with token %d", cancel.Flow, cancel.Token)
	}
	n := len(s.sent)
	s.shard.Failed(s.now, cancel.Token)
	s.drain()
	if len(s.sent) != n+1 || s.sent[n].Flow.Conn != 0 || s.sent[n].Flow.Remote.Port() != 5060 {
		t.Errorf("after its connection was gone: %v by %+v", s.starts()[n:], s.sent[n].Flow)
	}
}

// A phone that has connected anew is reached on the connection of its newest
// request.
func TestALegFollowsItsPhone(t *testing.T) {
	s := talking(t)
	s.says(t, s.caller, 1, "ACK")
	s.says(t, s.caller, 7, "INFO\nContent-Type: application/dtmf-relay\nbody Signal=5\\r\\nDuration=160\\r\\n")
	s.hears(t, s.callee, s.last(t, "INFO "))
	s.says(t, s.callee, 2, "200 INFO")
	s.says(t, s.callee, 2, "BYE")
	if bye := s.last(t, "BYE "); bye.Flow.Conn != 7 || bye.Flow.Remote != s.from.Remote {
		t.Errorf("the BYE left by %+v", bye.Flow)
	}
	s.hears(t, s.caller, s.last(t, "BYE "))
	s.says(t, s.caller, 7, "200 BYE")
	for at := time.Minute; at < 15*time.Minute; at += time.Minute {
		s.advance(epoch.Add(at))
	}
	s.audit()
}

// A guest of a transfer that rings too long is cancelled, and its connection turns out
// to be gone. The wait for the end of its INVITE is over with it: it must not end that
// of the next transfer.
func TestACancelledTransferWhoseConnectionIsGone(t *testing.T) {
	s := talking(t)
	s.trunks[0].Refer, s.refers = trunk.ReferAllow, true
	s.rows = append(s.rows, binding.Binding{
		ID: "guest", Mode: binding.ModeAXB, X: mustX("700100000010011"), A: mustNumber("13800000001"),
		B: mustNumber("13500000005"), CreatedAt: epoch.Add(-time.Hour),
	})
	guest := newActor(s.world, "guest", "13500000005", "198.51.100.40:5060", 1)
	refer := func() shard.Send {
		s.says(t, s.caller, 1, "REFER\nRefer-To: <sip:700100000010011@192.0.2.1>")
		s.hears(t, s.caller, s.last(t, "NOTIFY "))
		s.says(t, s.caller, 1, "200 NOTIFY")
		invite := s.last(t, "INVITE sip:13500000005@")
		s.hears(t, guest, invite)
		s.says(t, guest, 3, "180")
		return invite
	}
	s.says(t, s.caller, 1, "ACK")
	first := refer()
	s.advance(epoch.Add(time.Minute))
	s.last(t, "CANCEL ")
	s.shard.Failed(s.now, first.Token)
	s.drain()
	if again := refer(); string(again.Bytes) == string(first.Bytes) {
		t.Fatal("the guest is not called again")
	}
	s.advance(epoch.Add(time.Minute + 40*time.Second))
	s.says(t, guest, 3, "200\nsdp")
	s.last(t, "ACK sip:user-guest@")
	if st := s.shard.Stats(); st.LiveCalls != 1 {
		t.Errorf("%d calls are left", st.LiveCalls)
	}
}
