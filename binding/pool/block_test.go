package pool

import (
	"sync"
	"sync/atomic"
	"testing"
)

const now = 1_000_000

func counted(t testing.TB, until ...uint32) *Block {
	t.Helper()
	b := NewBlock(NewOrder([32]byte{1}), 0, 0)
	b.EndCount(until)
	return b
}

func use(t testing.TB, b *Block, at, rest uint32) Use {
	t.Helper()
	u, ok := b.Count(at, rest)
	if !ok {
		t.Fatal("not counted")
	}
	return u
}

func TestFreshNumbersComeOnceEach(t *testing.T) {
	b := counted(t)
	seen := make(map[int]bool)
	for i := range Size {
		d, ok := b.DrawFresh(now)
		if !ok || seen[d.Serial] {
			t.Fatalf("draw %d: %+v, %v", i, d, ok)
		}
		if want := i%Step == 0; (d.Note > 0) != want || d.Note > 0 && d.Note != min(i+Step, Size) {
			t.Fatalf("draw %d notes %d", i, d.Note)
		}
		seen[d.Serial] = true
		b.Set(d.Serial, Never)
	}
	if d, ok := b.DrawFresh(now); ok {
		t.Errorf("one more: %+v", d)
	}
	if d, ok := b.Draw(now); ok {
		t.Errorf("one in use: %+v", d)
	}
	if u := use(t, b, now, 0); u != (Use{InUse: Size}) {
		t.Errorf("%+v", u)
	}
}

// TestRestartPassesOver: what is left of a step is found when the rest is gone.
func TestRestartPassesOver(t *testing.T) {
	order := NewOrder([32]byte{1})
	b := NewBlock(order, 2*Step, 77)
	b.EndCount(nil)
	d, _ := b.DrawFresh(now)
	if d.Serial != order.Serial(2*Step) || d.Note != 3*Step {
		t.Errorf("begins with %+v", d)
	}
	n := 1
	for ; ; n++ {
		if _, ok := b.DrawFresh(now); !ok {
			break
		}
	}
	if n != Size-2*Step {
		t.Errorf("%d fresh ones", n)
	}
	for i := range 2 * Step {
		if d, ok := b.Draw(now); !ok || order.Position(d.Serial) >= 2*Step {
			t.Fatalf("passed over %d: %+v, %v", i, d, ok)
		}
	}
	if d, ok := b.Draw(now); ok {
		t.Errorf("one more: %+v", d)
	}
	if NewBlock(order, Size+1, 0).next != Size {
		t.Error("a note beyond the end")
	}
}

func TestNumbersComeBackInTurn(t *testing.T) {
	b := counted(t)
	var all []int
	for range Size {
		d, _ := b.DrawFresh(now)
		b.Set(d.Serial, now+100)
		all = append(all, d.Serial)
	}
	if _, ok := b.Draw(now + 99); ok {
		t.Error("drawn a second early")
	}
	for i := range Size {
		d, ok := b.Draw(now + 100)
		if !ok || d.Serial != all[i] {
			t.Fatalf("draw %d: %+v, %v, want %d", i, d, ok, all[i])
		}
		b.Set(d.Serial, now+200)
	}
	if _, ok := b.Draw(now + 100); ok {
		t.Error("drawn twice")
	}
	b.Set(all[5000], now+100) // unbound
	if d, ok := b.Draw(now + 100); !ok || d.Serial != all[5000] {
		t.Errorf("given back: %+v, %v", d, ok)
	}
}

func TestReturnedIsDrawnAgain(t *testing.T) {
	b := counted(t)
	var last Drawn
	for range Size {
		last, _ = b.DrawFresh(now)
		b.Set(last.Serial, Never)
	}
	b.Set(7, now)
	d, ok := b.Draw(now)
	if !ok || d.Serial != 7 {
		t.Fatalf("%+v, %v", d, ok)
	}
	if _, ok := b.Draw(now); ok {
		t.Error("drawn while it is kept")
	}
	b.Return(d)
	again, ok := b.Draw(now)
	if !ok || again.Serial != 7 {
		t.Errorf("returned: %+v, %v", again, ok)
	}
	b.Set(7, now+500) // bound meanwhile by another way
	b.Return(again)
	if _, ok := b.Draw(now); ok {
		t.Error("Return undid what Set said")
	}
	// What is kept and never spoken of again lapses.
	b.Set(8, now)
	if d, ok := b.Draw(now); !ok || d.Serial != 8 {
		t.Fatalf("%+v, %v", d, ok)
	}
	if _, ok := b.Draw(now + hold - 1); ok {
		t.Error("lapsed early")
	}
	if d, ok := b.Draw(now + hold); !ok || d.Serial != 8 {
		t.Errorf("lapsed: %+v, %v", d, ok)
	}
}

func TestUsedNumbersAreDrawnForAFurtherPair(t *testing.T) {
	b := counted(t)
	if _, ok := b.DrawUsed(3, now); ok {
		t.Error("one in use where there is none")
	}
	b.Set(42, now+10)
	b.Set(43, now)
	b.Set(44, now+10)
	b.Lock(44, true)
	for p := range 10 {
		d, ok := b.DrawUsed(p*1000, now)
		if !ok || d.Serial != 42 {
			t.Errorf("from %d: %+v, %v", p, d, ok)
		}
		b.Return(d)
	}
	if u := use(t, b, now, 0); u.InUse != 2 {
		t.Errorf("%+v", u)
	}
}

func TestLockedNumbersAreNotDrawn(t *testing.T) {
	b := counted(t)
	for serial := range Size {
		b.Lock(serial, serial%2 == 0)
	}
	n := 0
	for ; ; n++ {
		d, ok := b.DrawFresh(now)
		if !ok {
			break
		}
		if d.Serial%2 == 0 {
			t.Fatalf("drawn %+v", d)
		}
		b.Set(d.Serial, Never)
	}
	if _, ok := b.Draw(now); ok || n != Size/2 {
		t.Errorf("%d drawn, and one more %v", n, ok)
	}
	if u := use(t, b, now, 0); u != (Use{InUse: Size / 2, Locked: Size / 2}) {
		t.Errorf("%+v", u)
	}
	b.Lock(10, false)
	if d, ok := b.Draw(now); !ok || d.Serial != 10 {
		t.Errorf("unlocked: %+v, %v", d, ok)
	}
}

func TestCount(t *testing.T) {
	b := NewBlock(NewOrder([32]byte{1}), 0, 0)
	if _, ok := b.Count(now, 0); ok || b.Counted() || b.Watched() {
		t.Error("counted before it was")
	}
	b.Set(1, Never) // of no use yet
	b.BeginCount()
	if !b.Watched() || b.Counted() {
		t.Error("not watched while it is counted")
	}
	b.Set(2, now+1)
	b.Set(3, now)
	rows := make([]uint32, Size)
	rows[0], rows[3], rows[4], rows[5], rows[6] = Never, Never, now-49, now-50, 1
	b.EndCount(rows)
	b.EndCount(nil) // a second one is too late
	if u := use(t, b, now, 50); u != (Use{InUse: 2, Resting: 2, Fresh: Size - 6, Free: Size - 2}) {
		t.Errorf("%+v", u)
	}
	if u := use(t, b, now, 0); u.Resting != 0 {
		t.Errorf("%+v", u)
	}
	if u := use(t, b, now, Never); u.Resting != 4 {
		t.Errorf("a rest longer than time: %+v", u)
	}
}

// TestManyDraw: nothing twice, nothing lost.
func TestManyDraw(t *testing.T) {
	b := counted(t)
	var mu sync.Mutex
	seen := make(map[int]int)
	var misses atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range Size/8 + 10 {
				d, ok := b.DrawFresh(now)
				if !ok {
					d, ok = b.Draw(now)
				}
				if !ok {
					misses.Add(1)
					continue
				}
				mu.Lock()
				seen[d.Serial]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(seen) != Size || misses.Load() != 80 {
		t.Errorf("%d numbers, %d misses", len(seen), misses.Load())
	}
}

func BenchmarkDrawFresh(b *testing.B) {
	b.ReportAllocs()
	block := counted(b)
	for b.Loop() {
		d, ok := block.DrawFresh(now)
		if !ok {
			b.StopTimer()
			block = counted(b)
			b.StartTimer()
			continue
		}
		block.Set(d.Serial, Never)
	}
}

// BenchmarkDrawLastFree finds the one free number of a block, the dearest draw there is.
func BenchmarkDrawLastFree(b *testing.B) {
	b.ReportAllocs()
	block := counted(b)
	for serial := range Size {
		block.Set(serial, Never)
	}
	for i := 0; b.Loop(); i++ {
		block.Set(i*7919%Size, now)
		d, ok := block.Draw(now)
		if !ok {
			b.Fatal("nothing")
		}
		block.Set(d.Serial, Never)
	}
}

// TestWornNumbersAreNotDrawn: neither as free nor for a further pair, whenever; and one that is not worn any more is.
func TestWornNumbersAreNotDrawn(t *testing.T) {
	until := make([]uint32, Size)
	for i := range until {
		until[i] = Worn
	}
	b := counted(t, until...)
	if u := use(t, b, now, 0); u != (Use{Worn: Size}) {
		t.Errorf("%+v", u)
	}
	for _, at := range []uint32{now, Worn - 1} {
		if d, ok := b.DrawFresh(at); ok {
			t.Errorf("as fresh: %+v", d)
		}
		if d, ok := b.Draw(at); ok {
			t.Errorf("as free: %+v", d)
		}
		if d, ok := b.DrawUsed(0, at); ok {
			t.Errorf("for a further pair: %+v", d)
		}
	}
	b.Set(5, now)
	if d, ok := b.Draw(now); !ok || d.Serial != 5 || b.IsWorn(5) || !b.IsWorn(6) {
		t.Errorf("%+v, %v", d, ok)
	}
}
