package media

import (
	"testing"
	"time"
)

func TestADirectionThatIsTakenBackTooOftenWaits(t *testing.T) {
	var c calm
	const step = int64(20 * time.Millisecond)
	now, entries := int64(0), 0
	var waits []int64
	for len(waits) < 7 {
		if now < c.until {
			t.Fatal("the wait was not kept")
		}
		entries++
		if c.entered(now) {
			if entries != calmEntries {
				t.Errorf("wait %d after %d entries", len(waits), entries)
			}
			waits = append(waits, c.until-now)
			now, entries = c.until, 0
		}
		now += step
	}
	for i, want := range []time.Duration{500, 1000, 2000, 4000, 8000, 8000, 8000} {
		if waits[i] != int64(want*time.Millisecond) {
			t.Errorf("wait %d: %v", i, time.Duration(waits[i]))
		}
	}
	// A second of calm makes it begin anew.
	now += calmWindow
	for i := range calmEntries {
		if c.entered(now) != (i == calmEntries-1) {
			t.Errorf("entry %d after calm", i)
		}
	}
	if got := c.until - now; got != calmFirst {
		t.Errorf("after calm it waits %v", time.Duration(got))
	}
}

func TestADirectionThatChangesNowAndThenNeverWaits(t *testing.T) {
	var c calm
	for now := int64(0); now < 60*calmWindow; now += calmWindow / 6 {
		if c.entered(now) {
			t.Fatalf("waits after %v", time.Duration(now))
		}
	}
}

// A source that is another every few packets is relayed whole, and soon only in
// user space.
func TestKernelIsNotAskedForEverySource(t *testing.T) {
	if !alone(t) {
		return
	}
	r := newRelay(t, Options{Pools: []Pool{{Name: "one", Address: loopback, Min: 15000, Max: 15003}}})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := settled(t, r, a, b)
	sent := uint64(0)
	before := s.Stats().AtoB.Packets
	restless := func() (n uint64) {
		for _, st := range r.Stats().Shards {
			n += st.Restless
		}
		return n
	}
	for restless() == 0 {
		if sent++; sent > 100_000 {
			t.Fatal("never waits")
		}
		if sent%7 == 0 {
			a.ssrc++
		}
		send(t, a.rtp, a.frame("x"), at(s.Local(A)))
		b.hear()
	}
	if got := s.Stats().AtoB.Packets - before; got != sent {
		t.Errorf("%d of %d relayed", got, sent)
	}
}
