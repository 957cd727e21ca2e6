package rebase

import (
	"testing"

	"github.com/pion/rtp"
)

func TestNothingIsLentBeforeThereIsSomething(t *testing.T) {
	s := New(Initial{SSRC: 9, Seq: 100, Timestamp: 5000})
	if _, _, ok := s.Lend(); ok {
		t.Error("lent before a packet")
	}
	b := packet(t, rtp.Header{PayloadType: 8, SequenceNumber: 1, SSRC: 1}, "x")
	s.Read(b, 0, table())
	if _, _, ok := s.Lend(); ok {
		t.Error("lent before a packet was written")
	}
	s.Write(b)
	if o, c, ok := s.Lend(); !ok || o != (Offsets{SSRCIn: 1, SSRCOut: 9, Seq: 99, Timestamp: 5000, Clock: 8000}) || c.Highest != 1 || c.Packets != 0 {
		t.Errorf("%+v %+v %t", o, c, ok)
	}
	s.Read(packet(t, rtp.Header{PayloadType: 8, SequenceNumber: 7, SSRC: 2}, "x"), 0, table()) // read and not written
	if _, _, ok := s.Lend(); ok {
		t.Error("lent for a source without offsets")
	}
	s.Refit()
	if _, _, ok := s.Lend(); ok {
		t.Error("lent across a gap of ours")
	}
}

// What another engine did is told as if it had been done here.
func TestTakingBackGoesOn(t *testing.T) {
	here, there := New(Initial{SSRC: 9, Seq: 100, Timestamp: 5000}), New(Initial{SSRC: 9, Seq: 100, Timestamp: 5000})
	both := func(i int, s *Stream) {
		pass(t, s, int64(i)*20*ms+int64(i%3)*ms, rtp.Header{PayloadType: 8, SequenceNumber: uint16(65500 + i), Timestamp: uint32(160 * i), SSRC: 1}, "voice")
	}
	for i := range 10 {
		both(i, here)
		both(i, there)
	}
	lent, before, _ := here.Lend()
	for i := 10; i < 100; i++ { // over the end of the sequence numbers, one lost
		if i != 50 {
			both(i, there)
		}
	}
	_, now, _ := there.Lend()
	now.Packets, now.Octets = 89, 89*5
	if here.InStep(lent, now) {
		t.Error("in step while it is behind")
	}
	here.TakeBack(before, now)
	here.TakeBack(now, now) // nothing more
	if !here.InStep(lent, now) {
		t.Error("not in step")
	}
	for i := 100; i < 110; i++ {
		both(i, here)
		both(i, there)
	}
	a, _ := here.Received.Report()
	b, _ := there.Received.Report()
	if a != b || a.Lost != 1 || a.Highest != 65536+73 || a.Jitter == 0 {
		t.Errorf("%+v, want %+v", a, b)
	}
	if here.Packets != 109 || here.Octets != 545 || here.Received.Packets() != 109 {
		t.Errorf("%d packets, %d octets, %d received", here.Packets, here.Octets, here.Received.Packets())
	}
	// The next source goes on from the last packet, whoever wrote it.
	x := pass(t, here, 2500*ms, rtp.Header{PayloadType: 8, SequenceNumber: 7, SSRC: 2}, "x")
	y := pass(t, there, 2500*ms, rtp.Header{PayloadType: 8, SequenceNumber: 7, SSRC: 2}, "x")
	if x.SequenceNumber != y.SequenceNumber || x.Timestamp != y.Timestamp {
		t.Errorf("%v, want %v", x.Header, y.Header)
	}
	if here.InStep(lent, now) {
		t.Error("in step with another source")
	}
}

// Packets that came here meanwhile count beside those of the other engine.
func TestBothEnginesAtOnce(t *testing.T) {
	s := New(Initial{SSRC: 9, Seq: 100, Timestamp: 5000})
	pass(t, s, 0, rtp.Header{PayloadType: 8, SequenceNumber: 10, SSRC: 1}, "voice")
	lent, c, _ := s.Lend()
	before := c
	c.Packets, c.Octets, c.Highest, c.Seen, c.NewestTimestamp, c.NewestAt = 3, 15, 13, 60*ms, 480, 60*ms
	s.TakeBack(before, c)
	pass(t, s, 80*ms, rtp.Header{PayloadType: 101, SequenceNumber: 14, Timestamp: 640, SSRC: 1}, "evnt")
	if !s.InStep(lent, c) {
		t.Error("an event put it out of step")
	}
	before = c
	c.Packets, c.Octets, c.Highest, c.Seen, c.NewestTimestamp, c.NewestAt = 4, 20, 15, 100*ms, 800, 100*ms
	s.TakeBack(before, c)
	if s.Packets != 6 || s.Octets != 29 || s.Received.Packets() != 6 || s.Received.Lost() != 0 {
		t.Errorf("%d packets, %d octets, %d received, %d lost", s.Packets, s.Octets, s.Received.Packets(), s.Received.Lost())
	}
	if ts, _ := s.Timestamp(100 * ms); ts != 5800 {
		t.Errorf("timestamp %d", ts)
	}
	pass(t, s, 120*ms, rtp.Header{PayloadType: 8, SequenceNumber: 500, Timestamp: 960, SSRC: 1}, "voice")
	if s.InStep(lent, c) {
		t.Error("in step after a jump")
	}
}

// A telephone event has a clock of its own: the other engine's figures, taken back
// after one, keep theirs.
func TestTakingBackAfterAnEventOfAnotherClock(t *testing.T) {
	var types Table
	types[111] = Type{PT: 111, Clock: 48000, Known: true}
	types[101] = Type{PT: 101, Clock: 8000, Known: true}
	say := func(s *Stream, i int, pt uint8) {
		at := int64(i)*20*ms + int64(i%2)*3*ms // of which every second comes late
		b := packet(t, rtp.Header{PayloadType: pt, SequenceNumber: uint16(i), Timestamp: uint32(960 * i), SSRC: 1}, "x")
		if v := s.Read(b, at, &types); v != OK {
			t.Fatalf("verdict %d", v)
		}
		s.Write(b)
	}
	here, there := New(Initial{SSRC: 9}), New(Initial{SSRC: 9})
	for i := range 100 {
		say(here, i, 111)
		say(there, i, 111)
	}
	_, before, _ := here.Lend()
	say(here, 100, 101)
	for i := 101; i < 200; i++ {
		say(there, i, 111)
	}
	_, now, _ := there.Lend()
	now.Packets = 99
	here.TakeBack(before, now)
	if got, want := here.Received.Jitter(), there.Received.Jitter(); got != want || want.Milliseconds() < 1 || want.Milliseconds() > 4 {
		t.Errorf("jitter %v, want %v", got, want)
	}
	if got, want := here.Duration(48000), there.Duration(48000); got != want {
		t.Errorf("a second of our stream is %v, want %v", got, want)
	}
	// What comes here next is compared with the other engine's last packet.
	say(here, 200, 111)
	say(there, 200, 111)
	if got, want := here.Received.Jitter(), there.Received.Jitter(); got != want {
		t.Errorf("then jitter %v, want %v", got, want)
	}
}
