package media

import (
	"testing"
	"time"
)

// riding is how many directions have a lane.
func riding(s Session) (n int) {
	x := s.(*session)
	x.shard.mu.Lock()
	defer x.shard.mu.Unlock()
	for _, l := range x.legs {
		if l.offload.lane != nil {
			n++
		}
	}
	return n
}

// inUserSpace is a relay without the kernel's path, whatever the process has.
func inUserSpace(t *testing.T, o Options) *Relay {
	t.Helper()
	t.Setenv(inKernel, "")
	return newRelay(t, o)
}

func TestLanesGiveBackBeforeAnythingChanges(t *testing.T) {
	givesBackBeforeAnythingChanges(t, inUserSpace(t, Options{}), riding)
}

func TestLanesSeeAnotherCodec(t *testing.T) {
	seesAnotherCodec(t, inUserSpace(t, Options{}), riding)
}

func TestLanesUnderLoad(t *testing.T) {
	t.Setenv(inKernel, "")
	if n := comeAndGo(t, riding); n != 0 {
		t.Errorf("%d packets by a kernel that was not asked", n)
	}
}

func TestLanesRelayATone(t *testing.T) {
	r := inUserSpace(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	overTo(t, s, a, b, riding)
	rides := func() (n [2]uint64) {
		x := s.(*session)
		x.shard.mu.Lock()
		defer x.shard.mu.Unlock()
		for side, l := range x.legs {
			n[side] = l.offload.lane.count.Packets
		}
		return n
	}
	before := rides()
	relaysATone(t, "side by side", s, a, b, 0)
	for side, n := range rides() {
		if n-before[side] != toneFrames {
			t.Errorf("%d packets from %s by its lane", n-before[side], Side(side))
		}
	}
	if st := s.Stats(); st.AtoB.Lost+st.BtoA.Lost != 0 || st.Codec != "PCMA" {
		t.Errorf("%+v", st)
	}
}

// What ICMP tells of a party is counted for it, and the other one's packets go on when it is there again.
func TestALaneOutlivesAPartyThatIsGone(t *testing.T) {
	r := inUserSpace(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	overTo(t, s, a, b, riding)
	before, place := s.Stats(), addrOf(b.rtp)
	if before.BtoA.Unreachable != 0 {
		t.Fatalf("%+v", before.BtoA)
	}
	b.rtp.Close()
	const frames = 20
	sent := uint64(0)
	eventually(t, "the party is told to be gone", func() bool {
		for range frames {
			sent++
			send(t, a.rtp, a.frame("is anybody there?"), at(s.Local(A)))
		}
		return s.Stats().BtoA.Unreachable > 0
	})
	eventually(t, "all have been relayed", func() bool { return s.Stats().AtoB.Packets-before.AtoB.Packets == sent })
	if st := s.Stats(); st.AtoB.Failed != 0 || st.AtoB.Unreachable != 0 || riding(s) != 2 {
		t.Errorf("%+v with %d lanes", st.AtoB, riding(s))
	}
	b.rtp = listenAt(t, place)
	send(t, a.rtp, a.frame("again"), at(s.Local(A)))
	for string(b.hear().Payload) != "again" { // what was refused may still be on its way
	}
	converse(t, s, a, b)
	if riding(s) != 2 {
		t.Errorf("%d lanes", riding(s))
	}
}

// ride sends a packet of the phone to side A and has the shard, whose lock is held, read it.
func (p *phone) ride(s *session, b []byte, now int64) {
	send(p.t, p.rtp, b, at(s.Local(A)))
	for was := s.shard.stats.Packets; s.shard.stats.Packets == was; {
		s.shard.serve(uint64(s.legs[A].ends[useRTP])|uint64(s.shard.ends[s.legs[A].ends[useRTP]].generation)<<32, now)
	}
}

// A packet's way through a lane, from the socket to the socket, allocates nothing.
func TestALaneAllocatesNothing(t *testing.T) {
	r := inUserSpace(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b).(*session)
	overTo(t, s, a, b, riding)
	voice, event := a.frame("voice"), a.frame("\x05\x0a\x00\xa0")
	event[1] = 101
	s.shard.mu.Lock()
	defer s.shard.mu.Unlock()
	now, before := s.now(), s.legs[A].offload.lane.count.Packets
	if n := testing.AllocsPerRun(100, func() {
		a.ride(s, voice, now)
		a.ride(s, event, now) // the usual way, and the lane goes on
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if l := s.legs[A].offload.lane; l == nil || l.count.Packets-before != 101 {
		t.Errorf("the lane was not used: %+v", l)
	}
}

// A source that is another every few packets costs no memory, and soon goes the usual way most of the time.
func TestALaneIsNotGivenToEverySource(t *testing.T) {
	r := inUserSpace(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b).(*session)
	overTo(t, s, a, b, riding)
	in := a.frame("voice")
	s.shard.mu.Lock()
	defer s.shard.mu.Unlock()
	now, lanes := s.now(), 0
	if n := testing.AllocsPerRun(1000, func() {
		in[11]++ // of the SSRC
		for range settledAfter + 1 {
			now += int64(10 * time.Millisecond)
			had := s.legs[A].offload.lane != nil
			a.ride(s, in, now)
			if !had && s.legs[A].offload.lane != nil {
				lanes++
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations for each source", n)
	}
	// A minute has twelve waits, and before each as many lanes as there may be.
	if lanes < calmEntries || lanes > 13*calmEntries {
		t.Errorf("%d lanes for 1000 sources", lanes)
	}
	if s.shard.stats.Restless == 0 {
		t.Error("nothing was made to wait")
	}
}

func TestLanesGoOnWithASourceThatBeginsAnew(t *testing.T) {
	goesOnWithASourceThatBeginsAnew(t, inUserSpace(t, Options{}), riding)
}

// goesOnWithASourceThatBeginsAnew has a source begin anew under its SSRC while it is off
// the usual way: its numbers go on, and it leaves the usual way again.
func goesOnWithASourceThatBeginsAnew(t *testing.T, r *Relay, on func(Session) int) {
	t.Helper()
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	for _, back := range []uint16{300, 0x8000, 20000} {
		overTo(t, s, a, b, on)
		last := hears(t, s, a, b)
		a.seq -= back
		lone := hears(t, s, a, b)
		if lone != last+1-back {
			t.Errorf("back by %d: the first packet, which may be a lone one, has %d after %d", back, lone, last)
		}
		for i := range uint16(3) {
			if got := hears(t, s, a, b); got != later(last, lone)+1+i {
				t.Errorf("back by %d: packet %d has %d after %d and %d", back, i, got, last, lone)
			}
		}
	}
}

// hears is the sequence number under which b hears the next packet of a.
func hears(t *testing.T, s Session, a, b *phone) uint16 {
	t.Helper()
	send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
	return b.hear().SequenceNumber
}

// later is the later of two sequence numbers.
func later(a, b uint16) uint16 {
	if int16(b-a) > 0 {
		return b
	}
	return a
}
