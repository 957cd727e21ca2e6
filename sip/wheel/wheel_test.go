package wheel

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const tick = 10 * time.Millisecond

func TestFiresAtTheTickAndNotBefore(t *testing.T) {
	tests := []struct {
		name  string
		after time.Duration
		want  time.Duration
	}{
		{"a whole tick", tick, tick},
		{"rounded up", tick + 1, 2 * tick},
		{"now", 0, tick},
		{"past", -time.Hour, tick},
		{"the last slot of level 0", 63 * tick, 63 * tick},
		{"the first of level 1", 64 * tick, 64 * tick},
		{"the end of level 1", 4095 * tick, 4095 * tick},
		{"level 2", 4096 * tick, 4096 * tick},
		{"64*T1", 32 * time.Second, 32 * time.Second},
		{"a day", 24 * time.Hour, 24 * time.Hour},
		{"100 days", 2400 * time.Hour, 2400 * time.Hour},
		{"beyond the wheel", 400 * 24 * time.Hour, 400 * 24 * time.Hour},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := New[string](epoch, tick)
			w.Start(epoch.Add(test.after), test.name)
			var fired []string
			fire := func(k string) { fired = append(fired, k) }
			w.Advance(epoch.Add(test.want-1), fire)
			if len(fired) != 0 {
				t.Fatalf("fired before %v", test.want)
			}
			w.Advance(epoch.Add(test.want), fire)
			if !slices.Equal(fired, []string{test.name}) || w.Len() != 0 {
				t.Fatalf("fired %v at %v, %d left", fired, test.want, w.Len())
			}
		})
	}
}

// TestNextLeadsToEveryTimer follows Next alone, as a loop that sleeps does: it
// has to reach each deadline, in few steps, however far it is.
func TestNextLeadsToEveryTimer(t *testing.T) {
	for _, after := range []time.Duration{tick, time.Second, time.Minute, time.Hour, 100 * time.Hour, 500 * 24 * time.Hour} {
		w := New[int](epoch, tick)
		w.Start(epoch.Add(after), 1)
		fired, steps := time.Time{}, 0
		for fired.IsZero() {
			next, ok := w.Next()
			if !ok {
				t.Fatalf("after %v: nothing runs", after)
			}
			if next.After(epoch.Add(after)) {
				t.Fatalf("after %v: Next is %v too late", after, next.Sub(epoch.Add(after)))
			}
			w.Advance(next, func(int) { fired = next })
			steps++
		}
		if !fired.Equal(epoch.Add(after)) || steps > 20 {
			t.Errorf("after %v: fired at %v in %d steps", after, fired.Sub(epoch), steps)
		}
		if _, ok := w.Next(); ok {
			t.Errorf("after %v: Next still names a time", after)
		}
	}
}

func TestStop(t *testing.T) {
	w := New[string](epoch, tick)
	none := func(k string) { t.Errorf("%s fired", k) }
	if w.Stop(0) || w.Stop(12345) {
		t.Error("stopped a timer that never was")
	}
	first := w.Start(epoch.Add(time.Second), "first")
	if !w.Stop(first) || w.Stop(first) {
		t.Error("a timer stops once")
	}
	// The node is used again: the old ID must not name the new timer.
	second := w.Start(epoch.Add(time.Second), "second")
	if w.Stop(first) {
		t.Error("an old ID stopped the timer that took its place")
	}
	if w.Len() != 1 || !w.Stop(second) || w.Len() != 0 {
		t.Error("the second timer was not there to stop")
	}
	w.Advance(epoch.Add(time.Hour), none)

	fired := w.Start(epoch.Add(2*time.Hour), "fired")
	w.Advance(epoch.Add(3*time.Hour), func(string) {})
	if w.Stop(fired) {
		t.Error("a timer that has fired was stopped")
	}
}

func TestTimersOfOneSlotMayStopEachOther(t *testing.T) {
	w := New[int](epoch, tick)
	at := epoch.Add(time.Second)
	var ids [3]ID
	for i := range ids {
		ids[i] = w.Start(at, i)
	}
	var fired []int
	w.Advance(at, func(k int) {
		fired = append(fired, k)
		w.Stop(ids[1])
		if k == 0 {
			w.Start(at, 7) // has passed: the next tick
		}
	})
	if !slices.Equal(fired, []int{0, 2}) {
		t.Errorf("fired %v, want 0 and 2", fired)
	}
	w.Advance(at.Add(tick), func(k int) { fired = append(fired, k) })
	if !slices.Equal(fired, []int{0, 2, 7}) || w.Len() != 0 {
		t.Errorf("fired %v, want 0, 2 and 7; %d left", fired, w.Len())
	}
}

// TestARoundAhead starts a timer, from inside the slot that fires, whose place
// is the same slot one round later.
func TestARoundAhead(t *testing.T) {
	for _, ticks := range []time.Duration{63, 64, 65, 4095, 4096, 4097} {
		w := New[int](epoch, tick)
		at := epoch.Add(time.Second)
		w.Start(at, 1)
		fired := 0
		w.Advance(at, func(k int) {
			if fired++; k == 1 {
				w.Start(at.Add(ticks*tick), 2)
			}
		})
		w.Advance(at.Add(ticks*tick-1), func(int) { fired++ })
		if fired != 1 {
			t.Errorf("%d ticks ahead: fired early", ticks)
		}
		w.Advance(at.Add(ticks*tick), func(int) { fired++ })
		if fired != 2 {
			t.Errorf("%d ticks ahead: fired %d times, want 2", ticks, fired)
		}
	}
}

func TestTimeDoesNotGoBack(t *testing.T) {
	w := New[int](epoch, tick)
	w.Advance(epoch.Add(time.Minute), nil)
	w.Advance(epoch.Add(-time.Minute), nil)
	w.Start(epoch.Add(time.Second), 1)
	fired := 0
	w.Advance(epoch.Add(2*time.Second), func(int) { fired++ })
	if fired != 0 {
		t.Error("a step back in time fired a timer")
	}
	w.Advance(epoch.Add(time.Minute+tick), func(int) { fired++ })
	if fired != 1 {
		t.Error("a timer of the past did not fire at the next tick")
	}
}

// model is the wheel as one would write it without a care for speed.
type model struct {
	now  time.Time
	due  map[int]time.Time // by key
	live map[int]ID
}

// TestAgainstAModel runs random starts, stops and steps of all sizes on a wheel
// and on the model and wants the same timers at the same ticks.
func TestAgainstAModel(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 700))
		w := New[int](epoch, tick)
		m := model{now: epoch, due: map[int]time.Time{}, live: map[int]ID{}}
		key := 0
		spans := []time.Duration{50 * time.Millisecond, time.Second, time.Minute, time.Hour, 50 * time.Hour, 200 * 24 * time.Hour}
		start := func() {
			span := spans[r.IntN(len(spans))]
			at := m.now.Add(time.Duration(r.Int64N(int64(span))))
			if r.IntN(10) == 0 {
				at = m.now.Add(-time.Duration(r.Int64N(int64(time.Minute))))
			}
			key++
			// Up to whole ticks, and never the present one.
			due := epoch.Add((at.Sub(epoch) + tick - 1) / tick * tick)
			if next := epoch.Add(m.now.Sub(epoch)/tick*tick + tick); due.Before(next) {
				due = next
			}
			m.due[key] = due
			m.live[key] = w.Start(at, key)
		}
		for range 400 {
			switch r.IntN(5) {
			case 0, 1:
				start()
			case 2:
				for k, id := range m.live { // any
					if !w.Stop(id) {
						t.Fatalf("seed %d: timer %d does not run", seed, k)
					}
					delete(m.live, k)
					delete(m.due, k)
					break
				}
			default:
				span := spans[r.IntN(len(spans)-1)]
				to := m.now.Add(time.Duration(r.Int64N(int64(span))))
				if next, ok := w.Next(); ok && r.IntN(3) == 0 {
					to = next
				}
				advance(t, seed, w, &m, to)
			}
			check(t, seed, w, &m)
		}
		for len(m.due) > 0 {
			next, ok := w.Next()
			if !ok {
				t.Fatalf("seed %d: %d timers are lost", seed, len(m.due))
			}
			advance(t, seed, w, &m, next)
		}
		check(t, seed, w, &m)
	}
}

func advance(t *testing.T, seed uint64, w *Wheel[int], m *model, to time.Time) {
	t.Helper()
	last := time.Time{}
	w.Advance(to, func(k int) {
		due, ok := m.due[k]
		if !ok {
			t.Fatalf("seed %d: timer %d fired again, or after it was stopped", seed, k)
		}
		if due.After(to) || due.Before(last) {
			t.Fatalf("seed %d: timer %d fired early or out of order", seed, k)
		}
		last = due
		delete(m.due, k)
		delete(m.live, k)
	})
	m.now = to
	for k, due := range m.due {
		if !due.After(to) {
			t.Fatalf("seed %d: timer %d is %v late", seed, k, to.Sub(due))
		}
	}
}

func check(t *testing.T, seed uint64, w *Wheel[int], m *model) {
	t.Helper()
	if w.Len() != len(m.due) {
		t.Fatalf("seed %d: %d timers run, want %d", seed, w.Len(), len(m.due))
	}
	next, ok := w.Next()
	if ok != (len(m.due) > 0) {
		t.Fatalf("seed %d: Next says %t with %d timers", seed, ok, len(m.due))
	}
	for k, due := range m.due {
		if due.Before(next) {
			t.Fatalf("seed %d: timer %d is due %v before Next", seed, k, next.Sub(due))
		}
	}
}

func TestNothingIsAllocatedOnceWarm(t *testing.T) {
	w := New[int](epoch, tick)
	now := epoch
	step := func() {
		a := w.Start(now.Add(500*time.Millisecond), 1)
		w.Start(now.Add(30*time.Millisecond), 2)
		w.Stop(a)
		now = now.Add(50 * time.Millisecond)
		w.Advance(now, func(int) {})
	}
	for range 100 {
		step()
	}
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("%v allocations a step", n)
	}
}

func BenchmarkStartStop(b *testing.B) {
	w := New[int](epoch, tick)
	for i := range 100_000 {
		w.Start(epoch.Add(time.Duration(i)*time.Millisecond), i)
	}
	for b.Loop() {
		w.Stop(w.Start(epoch.Add(32*time.Second), 1))
	}
}
