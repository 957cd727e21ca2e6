package media

import (
	"strconv"
	"testing"
	"time"
)

// behind is a relay as it is outside of tests, but for its clock.
func behind(t *testing.T, c *clock) *Relay {
	t.Helper()
	t.Setenv(inKernel, "")
	return newRelayOn(t, Options{Shards: 1, Timeout: -1, Clock: Clock{Now: c.read}}, linux())
}

// sends has a phone speak so many packets while the relay's thread is held.
func sends(t *testing.T, r *Relay, a *phone, s Session, n int, meanwhile func()) {
	t.Helper()
	r.shards[0].mu.Lock()
	defer r.shards[0].mu.Unlock()
	for i := range n {
		send(t, a.rtp, a.frame(strconv.Itoa(i)), at(s.Local(A)))
	}
	meanwhile()
}

// A relay that cannot keep up loses packets and is not late: what a socket holds of a voice is 200 to 300 ms, on each way
// that user space has, and whatever the kernel charges for a packet.
func TestLanesAndTheUsualWayHoldLittleOfAVoice(t *testing.T) {
	for name, on := range map[string]func(Session) int{"the usual way": nil, "side by side": riding} {
		r := behind(t, newClock())
		a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
		s := talk(t, r, a, b)
		if on == nil {
			s.Record(&taped{})
			converse(t, s, a, b)
		} else {
			overTo(t, s, a, b, on)
		}
		const sent = 100 // two seconds
		sends(t, r, a, s, sent, func() {})
		send(t, a.rtp, a.frame("the last"), at(s.Local(A))) // may find it full, too
		eventually(t, name+": all that waited is relayed", func() bool { return empty(s, A) })
		before := s.Stats().AtoB
		send(t, a.rtp, a.frame("now"), at(s.Local(A)))
		held := 0
		for ; ; held++ {
			got := string(b.hear().Payload)
			if got == "now" {
				break
			}
			if got != strconv.Itoa(held) && got != "the last" {
				t.Errorf("%s: packet %d is %q", name, held, got)
			}
		}
		if held < 10 || held > backlog+1 {
			t.Errorf("%s: %d packets waited", name, held)
		}
		st := s.Close().AtoB
		if st.Overrun != uint64(sent+1-held) || before.Overrun != 0 || st.Lost != st.Overrun {
			t.Errorf("%s: of %d packets %d were heard: %+v", name, sent+1, held, st)
		}
		r.Close()
	}
}

// empty says whether nothing waits in the socket of a side.
func empty(s Session, side Side) bool {
	x := s.(*session)
	x.shard.mu.Lock()
	defer x.shard.mu.Unlock()
	return x.legs[side].sockets[useRTP].Held() == 0
}

// When the relay has stood still, what waited is dropped: a listener hears what is said now.
func TestLanesAndTheUsualWayDropWhatIsOld(t *testing.T) {
	for name, on := range map[string]func(Session) int{"the usual way": nil, "side by side": riding} {
		c := newClock()
		r := behind(t, c)
		a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
		s := talk(t, r, a, b)
		if on == nil {
			s.Record(&taped{})
			converse(t, s, a, b)
		} else {
			overTo(t, s, a, b, on)
		}
		const stood = 2 * time.Second
		sends(t, r, a, s, int(stood/frameTime), func() { c.now <- (<-c.now).Add(stood) })
		eventually(t, name+": what waited is gone", func() bool { return empty(s, A) })
		send(t, a.rtp, a.frame("now"), at(s.Local(A)))
		if got := b.hear(); string(got.Payload) != "now" {
			t.Errorf("%s: heard %q", name, got.Payload)
		}
		if st := s.Stats().AtoB; st.Overrun < 10 || st.Overrun > backlog {
			t.Errorf("%s: %d packets are counted that waited", name, st.Overrun)
		}
		if st := s.Close().AtoB; st.Overrun != uint64(stood/frameTime) || st.Lost != st.Overrun {
			t.Errorf("%s: %+v", name, st)
		}
		r.Close()
	}
}

// A moment is not too long, and what comes to a socket long after is not old.
func TestLanesKeepWhatWaitedAMoment(t *testing.T) {
	c := newClock()
	r := behind(t, c)
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	overTo(t, s, a, b, riding)
	sends(t, r, a, s, 5, func() { c.now <- (<-c.now).Add(stale - time.Millisecond) })
	for i := range 5 {
		if got := b.hear(); string(got.Payload) != strconv.Itoa(i) {
			t.Errorf("packet %d is %q", i, got.Payload)
		}
	}
	// The other side has said nothing when the relay stands still, and speaks later.
	sends(t, r, a, s, 1, func() { c.now <- (<-c.now).Add(stale) })
	eventually(t, "what waited is gone", func() bool { return s.Stats().AtoB.Overrun == 1 })
	for range 2 {
		c.now <- (<-c.now).Add(stale / 2)
		r.shards[0].poll.Ring()
		eventually(t, "the relay goes on", func() bool {
			r.shards[0].mu.Lock()
			defer r.shards[0].mu.Unlock()
			return r.shards[0].woke == r.now()
		})
	}
	send(t, b.rtp, b.frame("later"), at(s.Local(B)))
	if got := a.hear(); string(got.Payload) != "later" {
		t.Errorf("heard %q", got.Payload)
	}
	if st := s.Stats(); st.BtoA.Overrun != 0 {
		t.Errorf("%+v", st.BtoA)
	}
}

// A fax comes late rather than not at all, and a picture has the system's usual room.
func TestAFaxAndAPictureHaveMoreRoom(t *testing.T) {
	r := behind(t, newClock())
	call, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one", Video: true})
	if err != nil {
		t.Fatal(err)
	}
	a := newPhone(t, "127.0.0.2")
	holds := func(s Session) (n int) {
		t.Helper()
		eventually(t, "nothing waits", func() bool { return empty(s, A) })
		l := s.(*session).legs[A]
		r.shards[0].mu.Lock()
		defer r.shards[0].mu.Unlock()
		was := l.sockets[useRTP].Overrun()
		for l.sockets[useRTP].Overrun() == was {
			if n++; n > 10000 {
				t.Fatal("it is never full")
			}
			send(t, a.rtp, make([]byte, 172), at(s.Local(A)))
		}
		return n - 1
	}
	voice := holds(call)
	remote := a.remote()
	remote.Fax, remote.Types = true, nil
	call.SetRemote(A, remote)
	fax := holds(call)
	remote.Fax = false
	call.SetRemote(A, remote)
	again, picture := holds(call), holds(call.Video())
	if voice > 2*backlog || fax < 3*voice || again > 2*backlog || picture < fax {
		t.Errorf("of a voice %d packets, of a fax %d, of a voice again %d, of a picture %d", voice, fax, again, picture)
	}
}
