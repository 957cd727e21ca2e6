package media

import (
	"strings"
	"testing"
	"time"
)

func TestCurb(t *testing.T) {
	const second = int64(time.Second)
	var c curb
	came, bytes, now := uint64(0), uint64(0), 100*second
	for i, step := range []struct {
		packets, bytes uint64
		after          int64
		want           bool
	}{
		{500, 0, second, false}, {501, 0, second, false}, {499, 0, second, false}, {600, 0, second, false}, {600, 0, second, true}, {900, 0, second, true},
		{500, 0, second, false}, {501, 0, second, false}, {501, 0, second, true}, {0, 0, second / 4, true}, {0, 0, second, false},
		{1500, 0, 3 * second, false}, {1600, 0, 3 * second, false}, {1600, 0, 3 * second, true}, {0, 0, second, false},
		{9, 8000, second, false}, {9, 8001, second, false}, {9, 8000, second, false}, {9, 8001, second, false}, {9, 8001, second, true}, {9, 4001, second / 2, true},
		{9, 24000, 3 * second, false}, {9, 24001, 3 * second, false}, {600, 0, second, true}, {9, 8_000_000_000, 1_000_000 * second, false},
	} {
		came, bytes, now = came+step.packets, bytes+step.bytes, now+step.after
		if got := c.look(came, bytes, now, 500, 8000); got != step.want {
			t.Errorf("step %d: curbed %t", i, got)
		}
	}
}

// What one side sends beyond any codec is not passed on after two seconds of it, and is once it is less: on the usual way,
// side by side, and by the kernel.
func TestAFloodOfOneSideIsCurbed(t *testing.T) { curbed(t, newRelay, nil) }

func TestLanesCurbAFlood(t *testing.T) { curbed(t, inUserSpace, riding) }

func TestKernelCurbsAFlood(t *testing.T) {
	if alone(t) {
		curbed(t, newRelay, active)
	}
}

func curbed(t *testing.T, relay func(*testing.T, Options) *Relay, on func(Session) int) {
	t.Helper()
	c := newClock()
	r := relay(t, Options{Timeout: -1, Clock: Clock{Now: c.read}})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	if on == nil {
		s.Record(&taped{}) // a session with a tap goes the usual way
	} else {
		overTo(t, s, a, b, on)
	}
	const burst = 10
	came := func() uint64 { f := s.Stats().AtoB; return f.Packets + f.Flooded + f.Failed }
	flood := func(heard bool) {
		t.Helper()
		for range maxVoice/burst + 5 {
			n := came()
			for range burst { // no more than a socket has room for
				send(t, a.rtp, a.frame("flood"), at(s.Local(A)))
			}
			eventually(t, "all has come", func() bool { return came() == n+burst })
			for i := 0; heard && i < burst; i++ {
				b.hear()
			}
		}
		c.advance(r, time.Second)
	}
	c.advance(r, time.Second)
	flood(true)
	flood(true)
	if st := s.Stats().AtoB; st.Flooded != 0 || st.Failed != 0 {
		t.Fatalf("within two seconds %+v", st)
	}
	before := s.Stats().AtoB
	flood(false)
	if st := s.Stats().AtoB; st.Packets != before.Packets || st.Flooded != maxVoice+5*burst {
		t.Errorf("then %+v after %+v", st, before)
	}
	// The other side is heard meanwhile.
	send(t, b.rtp, b.frame("voice"), at(s.Local(B)))
	for string(a.hear().Payload) != "voice" {
	}
	c.advance(r, time.Second)
	send(t, a.rtp, a.frame("sober"), at(s.Local(A)))
	for string(b.hear().Payload) != "sober" {
	}
	if st := s.Stats().AtoB; st.Lost != 0 {
		t.Errorf("%+v", st)
	}
}

// Few packets are a flood as well, when they are large.
func TestAFloodOfBytesIsCurbed(t *testing.T) { curbedByBytes(t, newRelay, nil) }

func TestLanesCurbAFloodOfBytes(t *testing.T) { curbedByBytes(t, inUserSpace, riding) }

func TestKernelCurbsAFloodOfBytes(t *testing.T) {
	if alone(t) {
		curbedByBytes(t, newRelay, active)
	}
}

func curbedByBytes(t *testing.T, relay func(*testing.T, Options) *Relay, on func(Session) int) {
	t.Helper()
	c := newClock()
	r := relay(t, Options{Timeout: -1, Clock: Clock{Now: c.read}})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	if on == nil {
		s.Record(&taped{}) // a session with a tap goes the usual way
	} else {
		overTo(t, s, a, b, on)
	}
	const size = 1400
	large := strings.Repeat("x", size)
	second := func(packets int, heard bool) {
		t.Helper()
		for range packets {
			send(t, a.rtp, a.frame(large), at(s.Local(A)))
			if heard && len(b.hear().Payload) != size {
				t.Fatal("heard something else")
			}
		}
		c.advance(r, time.Second)
	}
	const few, many = maxVoiceBytes/(size+rtpHeader) - 1, maxVoiceBytes/(size+rtpHeader) + 2
	c.advance(r, time.Second)
	for range 3 {
		second(few, true)
	}
	second(many, true)
	second(many, true)
	before := s.Stats().AtoB
	if before.Flooded != 0 {
		t.Fatalf("within two seconds %+v", before)
	}
	for n := range uint64(many) {
		send(t, a.rtp, a.frame(large), at(s.Local(A)))
		eventually(t, "it is a flood", func() bool { return s.Stats().AtoB.Flooded == n+1 })
	}
	c.advance(r, time.Second)
	c.advance(r, time.Second)
	second(few, true)
	silent(t, b)
}

// Two calls on two machines whose four legs were said to be at each other's ports: what is sent into the ring goes round for
// two seconds.
func TestARingThroughAnotherMachineIsCurbed(t *testing.T) {
	c := newClock()
	one := newRelay(t, Options{Timeout: -1, Clock: Clock{Now: c.read}})
	two := newRelay(t, Options{Timeout: -1, Clock: Clock{Now: c.read}, Pools: []Pool{{Name: "one", Address: loopback, Min: 16000, Max: 16999}}})
	here, there := open(t, one), open(t, two)
	for _, s := range [][2]Session{{here, there}, {there, here}} {
		for _, side := range []Side{A, B} {
			m := (&phone{t: t, rtp: listen(t, "127.0.0.2"), rtcp: listen(t, "127.0.0.2")}).remote()
			m.RTP, m.RTCP, m.Signal = at(s[1].Local(side)), control(s[1].Local(side)), loopback
			s[0].SetRemote(side, m)
		}
		s[0].Settle(A)
		s[0].Settle(B)
	}
	leg := here.(*session).legs[A]
	for range 5 {
		one.shards[here.(*session).number].mu.Lock()
		e := leg.send((&phone{t: t, ssrc: 5, seq: 6}).frame("round and round"), at(there.Local(A)))
		one.shards[here.(*session).number].unlock()
		if e != 0 {
			t.Fatal(e)
		}
	}
	rounds := func() uint64 { st := here.Stats(); return st.AtoB.Packets + st.BtoA.Packets }
	for range 2 {
		was := rounds()
		eventually(t, "it goes round", func() bool { return rounds() > was+maxVoice*4 })
		c.advance(one, time.Second)
	}
	eventually(t, "it is over", func() bool {
		was := rounds()
		gap()
		return rounds() == was && here.Stats().AtoB.Flooded+here.Stats().BtoA.Flooded > 0
	})
}
