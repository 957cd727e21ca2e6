package kernel

import (
	"errors"
	"net/netip"
	"sync"
	"testing"
)

// oracle is a kernel that answers at its own pace: every question waits until the
// test lets it go on, or lets all go on.
type oracle struct {
	asked chan ends
	goOn  chan path
	all   chan struct{}
	once  sync.Once
}

func (o *oracle) ask(e ends) (path, error) {
	select {
	case o.asked <- e:
		return <-o.goOn, nil
	case <-o.all:
		return path{index: 9}, nil
	}
}

func (o *oracle) letGo() { o.once.Do(func() { close(o.all) }) }

func newOracle(t *testing.T, needed int) (*ways, *oracle) {
	t.Helper()
	o := &oracle{asked: make(chan ends), goOn: make(chan path), all: make(chan struct{})}
	w := newWays(needed, o.ask)
	done := make(chan struct{})
	var loop sync.WaitGroup
	loop.Go(func() { w.loop(done) })
	t.Cleanup(func() {
		close(done)
		o.letGo()
		loop.Wait()
	})
	return w, o
}

func pairOf(n int) ends {
	return ends{netip.MustParseAddr("192.0.2.1"), netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), 46 << 2}
}

func pending(t *testing.T, w *ways, e ends) {
	t.Helper()
	if _, err := w.find(e); !errors.Is(err, ErrPending) {
		t.Errorf("%v: %v", e, err)
	}
}

func knows(t *testing.T, w *ways, e ends, index uint32) {
	t.Helper()
	until(t, "an answer", func() bool {
		via, err := w.find(e)
		return err == nil && via.index == index
	})
}

func TestAWayIsNeverWaitedFor(t *testing.T) {
	w, o := newOracle(t, 0)
	e := pairOf(1)
	for range 3 {
		pending(t, w, e) // while nobody answers
	}
	<-o.asked
	pending(t, w, e)
	o.goOn <- path{index: 7}
	knows(t, w, e, 7)
	if len(w.wanted) != 0 {
		t.Errorf("asked %d times more", len(w.wanted))
	}
	// An answer does not hold for ever.
	w.mu.Lock()
	at := w.known[e].at
	w.now = func() int64 { return at + wayAge }
	w.mu.Unlock()
	pending(t, w, e)
	<-o.asked
	o.goOn <- path{index: 8}
	knows(t, w, e, 8)
}

func TestAnAnswerFromBeforeAChangeIsThrownAway(t *testing.T) {
	w, o := newOracle(t, 0)
	e := pairOf(1)
	w.hold(e)
	pending(t, w, e)
	<-o.asked
	w.renew() // while the kernel answers
	o.goOn <- path{index: 7}
	<-o.asked // again, of its own accord: an entry needs it
	pending(t, w, e)
	o.goOn <- path{index: 8}
	knows(t, w, e, 8)
	// And what no entry needs is forgotten.
	w.release(e)
	w.renew()
	if len(w.known) != 0 {
		t.Errorf("%d known", len(w.known))
	}
}

func TestWaysAreBounded(t *testing.T) {
	w, o := newOracle(t, 2)
	kept := pairOf(0)
	w.hold(kept)
	pending(t, w, kept)
	<-o.asked // and the kernel thinks
	for n := 1; n < 5*spareWays; n++ {
		pending(t, w, pairOf(n))
		if len(w.known) > w.limit || len(w.wanted) > spareWays {
			t.Fatalf("%d known, %d wanted", len(w.known), len(w.wanted))
		}
	}
	o.letGo()
	o.goOn <- path{index: 7}
	knows(t, w, kept, 7)
	// Whoever was turned away is answered when it asks again.
	knows(t, w, pairOf(1), 9)
	knows(t, w, pairOf(5*spareWays-1), 9)
}

// held is an entry whose ways are known, of a table on lo.
func held(tb testing.TB) *Flow {
	tb.Helper()
	table, err := Open(Options{Entries: 64})
	if err != nil {
		tb.Fatal(err)
	}
	f, err := known(table, Entry{Local: overLo.local, Source: overLo.source, From: overLo.from, To: overLo.to, Types: types()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		f.Remove()
		if err := table.Close(); err != nil {
			tb.Error(err)
		}
	})
	return f
}

// The look after a change of routes is under a shard's lock, for every direction.
func TestALookAtAWayAllocatesNothing(t *testing.T) {
	space(t)
	f := held(t)
	if n := testing.AllocsPerRun(1000, func() { f.Moved() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What an entry and the look after a change of routes cost with the ways asked for
// there and then, and remembered.
func BenchmarkWays(b *testing.B) {
	f := held(b)
	b.Run("asked", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, e := range [2]ends{f.entry.out(), f.entry.back()} {
				if _, err := f.table.net.way(e); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("remembered", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f.Moved()
		}
	})
}
