package route

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"mask700/sip/flow"
)

var began = time.Unix(1_000_000, 0)

func key(last byte) Key {
	return Key{Trunk: 1, Network: flow.UDP, Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, last}), 5060)}
}

// even is chance that spreads nothing: the middle of every interval, and half of
// the first second.
func even() float64 { return 0.5 }

// seen is something that a call sees of the hop.
type seen struct {
	at         time.Duration
	retryAfter time.Duration
}

// play runs a Watcher of one hop to the end: each OPTIONS gets the next of the
// statuses at once, 0 being no answer; the last one stays. It returns what
// happened, in seconds from the start.
func play(every, end time.Duration, statuses []int, calls ...seen) string {
	w := NewWatcher(DefaultTimes(), even)
	k := key(1)
	w.Follow(began, 1, every, []Key{k})
	var log []string
	now := began
	do := func() {
		for actions := w.Take(); len(actions) > 0; actions = w.Take() {
			for _, a := range actions {
				at := now.Sub(began).Seconds()
				switch a := a.(type) {
				case Turned:
					log = append(log, fmt.Sprintf("%g %s", at, a.State))
				case Ask:
					log = append(log, fmt.Sprintf("%g ask", at))
					if statuses[0] != 0 {
						w.Heard(now, k, a.Number, statuses[0])
					}
					if len(statuses) > 1 {
						statuses = statuses[1:]
					}
				}
			}
		}
	}
	for {
		next, ok := w.Next()
		if len(calls) > 0 && (!ok || !began.Add(calls[0].at).After(next)) {
			now = began.Add(calls[0].at)
			w.CallFailed(now, k, calls[0].retryAfter)
			calls = calls[1:]
		} else {
			if !ok || next.Sub(began) > end {
				return strings.Join(log, ", ")
			}
			now = next
			w.Advance(now)
		}
		do()
	}
}

func TestWatcher(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name       string
		every, end time.Duration
		statuses   []int
		calls      []seen
		want       string
	}{
		{"answers", 30 * s, 70 * s, []int{200}, nil, "0.5 ask, 0.5 up, 30.5 ask, 60.5 ask"},
		{"no answer, ever", 30 * s, 80 * s, []int{0}, nil, "0.5 ask, 5.5 ask, 9.5 down, 10.5 ask, 20.5 ask, 40.5 ask, 70.5 ask"},
		{"one lost", 30 * s, 40 * s, []int{200, 0, 200}, nil, "0.5 ask, 0.5 up, 30.5 ask, 35.5 ask"},
		{"one lost, twice", 30 * s, 80 * s, []int{200, 0, 200, 0, 200}, nil, "0.5 ask, 0.5 up, 30.5 ask, 35.5 ask, 65.5 ask, 70.5 ask"},
		{
			"down and up again", 30 * s, 90 * s, []int{200, 0, 0, 0, 200}, nil,
			"0.5 ask, 0.5 up, 30.5 ask, 35.5 ask, 39.5 down, 40.5 ask, 50.5 ask, 50.5 up, 80.5 ask",
		},
		{"down, up, and down anew", 30 * s, 61 * s, []int{0, 0, 200, 0}, nil, "0.5 ask, 5.5 ask, 9.5 down, 10.5 ask, 10.5 up, 40.5 ask, 45.5 ask, 49.5 down, 50.5 ask, 60.5 ask"},
		{"404", 30 * s, 20 * s, []int{404}, nil, "0.5 ask, 0.5 up"},
		{"405", 30 * s, 20 * s, []int{405}, nil, "0.5 ask, 0.5 up"},
		{"501", 30 * s, 20 * s, []int{501}, nil, "0.5 ask, 0.5 up"},
		{"603", 30 * s, 20 * s, []int{603}, nil, "0.5 ask, 0.5 up"},
		{"503", 30 * s, 12 * s, []int{503}, nil, "0.5 ask, 5.5 ask, 5.5 down, 10.5 ask"},
		{"408 of a proxy before it", 30 * s, 12 * s, []int{408}, nil, "0.5 ask, 5.5 ask, 5.5 down, 10.5 ask"},
		{"watched often", 5 * s, 20 * s, []int{0}, nil, "0.25 ask, 5.25 ask, 9.25 down, 10.25 ask, 15.25 ask"},

		// What calls see.
		{"one call", 30 * s, 40 * s, []int{200}, []seen{{10 * s, 0}}, "0.5 ask, 0.5 up, 10 ask, 40 ask"},
		{"two calls", 30 * s, 40 * s, []int{200}, []seen{{2 * s, 0}, {3 * s, 0}}, "0.5 ask, 0.5 up, 3 down, 5.5 ask, 5.5 up, 35.5 ask"},
		{"a call and an OPTIONS", 30 * s, 20 * s, []int{200, 0}, []seen{{10 * s, 0}}, "0.5 ask, 0.5 up, 10 ask, 14 down, 15 ask"},
		{
			"many calls", 30 * s, 25 * s, []int{200, 0}, []seen{{10 * s, 0}, {10 * s, 0}, {11 * s, 0}, {12 * s, 0}, {15 * s, 0}, {16 * s, 0}, {17 * s, 0}},
			"0.5 ask, 0.5 up, 10 down, 10 ask, 15 ask, 25 ask",
		},
		{
			"503 with Retry-After", 30 * s, 110 * s, []int{200}, []seen{{10 * s, 60 * s}},
			"0.5 ask, 0.5 up, 10 down, 70 ask, 70 up, 100 ask",
		},
		{"two of them, the later longer", 30 * s, 91 * s, []int{200}, []seen{{10 * s, 60 * s}, {20 * s, 70 * s}}, "0.5 ask, 0.5 up, 10 down, 90 ask, 90 up"},
		{"two of them, the later shorter", 30 * s, 71 * s, []int{200}, []seen{{10 * s, 60 * s}, {20 * s, 10 * s}}, "0.5 ask, 0.5 up, 10 down, 70 ask, 70 up"},
		{"Retry-After of a day", 30 * s, 311 * s, []int{200}, []seen{{10 * s, 24 * time.Hour}}, "0.5 ask, 0.5 up, 10 down, 310 ask, 310 up"},
		{"Retry-After of nothing much", 30 * s, 12 * s, []int{200}, []seen{{10 * s, time.Millisecond}}, "0.5 ask, 0.5 up, 10 down, 11 ask, 11 up"},
		{"Retry-After, and a call that tries it", 30 * s, 71 * s, []int{200}, []seen{{10 * s, 60 * s}, {30 * s, 0}}, "0.5 ask, 0.5 up, 10 down, 70 ask, 70 up"},

		// Not watched.
		{"unwatched", 0, time.Hour, []int{200}, nil, ""},
		{"unwatched, one call", 0, time.Hour, []int{200}, []seen{{10 * s, 0}}, ""},
		{"unwatched, two calls", 0, time.Hour, []int{200}, []seen{{10 * s, 0}, {20 * s, 0}}, "20 down, 50 unknown"},
		{"unwatched, two calls far apart", 0, time.Hour, []int{200}, []seen{{10 * s, 0}, {41 * s, 0}}, ""},
		{"unwatched, after a rest", 0, time.Hour, []int{200}, []seen{{10 * s, 0}, {20 * s, 0}, {51 * s, 0}, {52 * s, 0}}, "20 down, 50 unknown, 52 down, 82 unknown"},
		{"unwatched, 503 with Retry-After", 0, time.Hour, []int{200}, []seen{{10 * s, 7 * s}}, "10 down, 17 unknown"},
	} {
		if got := play(c.every, c.end, slices.Clone(c.statuses), c.calls...); got != c.want {
			t.Errorf("%s:\n     %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestWatcherHearsLate: an answer that comes when its OPTIONS counts as lost is a
// sign of life; an old failure is no news.
func TestWatcherHearsLate(t *testing.T) {
	w := NewWatcher(DefaultTimes(), even)
	k := key(1)
	w.Follow(began, 1, 30*time.Second, []Key{k})
	for _, at := range []float64{0.5, 4.5, 5.5, 9.5} { // ask, lost, ask, lost
		w.Advance(began.Add(time.Duration(at * float64(time.Second))))
	}
	h := w.Health(k)
	if h.State != Down || h.Losses != 2 || h.Since != began.Add(9500*time.Millisecond) || w.Down() != 1 || w.Sent != 2 || w.Lost != 2 {
		t.Fatalf("%+v, %d down, %d sent, %d lost", h, w.Down(), w.Sent, w.Lost)
	}
	now := began.Add(10 * time.Second)
	w.Heard(now, k, 2, 0) // the transaction of the second has timed out
	w.Heard(now, k, 1, 503)
	if h := w.Health(k); h.Losses != 2 || w.Lost != 2 {
		t.Errorf("one loss is counted twice: %+v", h)
	}
	w.Heard(now, k, 1, 200)
	if h := w.Health(k); h.State != Up || h.Losses != 0 || h.Since != now {
		t.Errorf("%+v", h)
	}
	w.CallFailed(now, k, time.Minute)
	w.Heard(now, k, 2, 200)
	if h := w.Health(k); h.State != Down {
		t.Errorf("it wants no calls, and is %s", h.State)
	}
	w.Heard(now, key(9), 1, 200) // nobody's
	w.CallFailed(now, key(9), 0)
	if h := w.Health(key(9)); h != (Health{}) {
		t.Errorf("a hop that is not followed: %+v", h)
	}
}

// TestCallDoesNotShortenPatience with an OPTIONS that waits for its answer.
func TestCallDoesNotShortenPatience(t *testing.T) {
	times := DefaultTimes()
	times.Patience = 20 * time.Second
	w := NewWatcher(times, even)
	w.Follow(began, 1, 30*time.Second, []Key{key(1)})
	asked, _ := w.Next()
	w.Advance(asked)
	w.CallFailed(asked.Add(10*time.Second), key(1), 0)
	if next, _ := w.Next(); next != asked.Add(times.Patience) {
		t.Errorf("it counts as lost after %s", next.Sub(asked))
	}
}

// TestFollowKeepsWhatIsKnown of hops that stay.
func TestFollowKeepsWhatIsKnown(t *testing.T) {
	w := NewWatcher(DefaultTimes(), even)
	other := Key{Trunk: 2, Network: flow.TCP, Addr: key(1).Addr}
	w.Follow(began, 2, 0, []Key{other})
	w.Follow(began, 1, 30*time.Second, []Key{key(1), key(2)})
	w.CallFailed(began, key(1), time.Minute)
	w.CallFailed(began, key(2), time.Minute)
	w.CallFailed(began, other, time.Minute)
	later := began.Add(time.Second)
	w.Follow(later, 1, 30*time.Second, []Key{key(3), key(1)})
	for k, want := range map[Key]State{key(1): Down, key(2): Unknown, key(3): Unknown, other: Down} {
		if got := w.Health(k).State; got != want {
			t.Errorf("%v is %s, want %s", k, got, want)
		}
	}
	if since := w.Health(key(3)).Since; since != later {
		t.Errorf("a new hop is known since %s", since)
	}
	w.Follow(later, 1, 30*time.Second, []Key{key(2)})
	if got := w.Health(key(2)).State; got != Unknown {
		t.Errorf("one that went and came again is %s", got)
	}
	if len(w.hops) != 2 {
		t.Errorf("%d hops are kept, want 2", len(w.hops))
	}
}

// TestWatchersDoNotAskInStep: intervals differ by a tenth to either side, and
// keep to that.
func TestWatchersDoNotAskInStep(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	w := NewWatcher(DefaultTimes(), random.Float64)
	var keys []Key
	for i := range byte(20) {
		keys = append(keys, key(i))
	}
	w.Follow(began, 1, 30*time.Second, keys)
	last := map[Key]time.Time{}
	gaps := map[time.Duration]bool{}
	now := began
	for now.Sub(began) < 10*time.Minute {
		now, _ = w.Next()
		w.Advance(now)
		for _, a := range w.Take() {
			ask, ok := a.(Ask)
			if !ok {
				continue
			}
			before, known := last[ask.Key]
			switch gap := now.Sub(before); {
			case !known && now.Sub(began) > time.Second:
				t.Errorf("the first OPTIONS after %s", now.Sub(began))
			case known && (gap < 27*time.Second || gap > 33*time.Second):
				t.Errorf("the next OPTIONS after %s", gap)
			case known:
				gaps[gap] = true
			}
			last[ask.Key] = now
			w.Heard(now, ask.Key, ask.Number, 200)
		}
	}
	if len(last) != len(keys) || len(gaps) < 100 {
		t.Errorf("%d hops asked, %d different intervals", len(last), len(gaps))
	}
}

// TestWatcherKeepsItsWord under whatever comes: it has always something to do
// later, one OPTIONS to a hop at a time, none to a hop that asked to be left
// alone, and a hop is down for a reason.
func TestWatcherKeepsItsWord(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 7))
		w := NewWatcher(DefaultTimes(), random.Float64)
		keys := []Key{key(1), key(2), key(3)}
		w.Follow(began, 1, time.Duration(5+random.IntN(600))*time.Second, keys[:2])
		w.Follow(began, 1, 0, keys)
		now := began
		quiet := map[Key]time.Time{}
		open := map[Key]Ask{}
		for range 2000 {
			k := keys[random.IntN(len(keys))]
			switch random.IntN(6) {
			case 0:
				w.CallFailed(now, k, 0)
			case 1:
				after := time.Duration(1+random.IntN(100)) * time.Second
				w.CallFailed(now, k, after)
				delete(open, k)
				if until := now.Add(after); until.After(quiet[k]) {
					quiet[k] = until
				}
			case 2, 3:
				if a, ok := open[k]; ok {
					status := []int{0, 200, 408, 503}[random.IntN(4)]
					w.Heard(now, k, a.Number, status)
					delete(open, k)
				}
			default:
				next, ok := w.Next()
				if !ok || next.Before(now) {
					t.Fatalf("seed %d: nothing to do, or in the past", seed)
				}
				if next.Sub(now) > w.times.Patience && random.IntN(2) == 0 {
					next = now.Add(w.times.Patience / 2)
				}
				now = next
				w.Advance(now)
				if next, _ := w.Next(); !next.After(now) {
					w.Advance(now) // what was lost may be asked for again at once
					if next, _ := w.Next(); !next.After(now) {
						t.Fatalf("seed %d: it spins", seed)
					}
				}
			}
			for _, a := range w.Take() {
				ask, ok := a.(Ask)
				if !ok {
					continue
				}
				if before, waits := open[ask.Key]; waits && w.Health(ask.Key).Losses == 0 {
					t.Fatalf("seed %d: asked while %d waits", seed, before.Number)
				}
				if now.Before(quiet[ask.Key]) || ask.Key == keys[2] {
					t.Fatalf("seed %d: %v is asked", seed, ask.Key)
				}
				open[ask.Key] = ask
			}
			for _, k := range keys {
				h := w.Health(k)
				if h.Losses < lossesToDown && h.State == Down && !now.Before(quiet[k]) && quiet[k].IsZero() {
					t.Fatalf("seed %d: down after %d losses", seed, h.Losses)
				}
				if now.Before(quiet[k]) && h.State != Down {
					t.Fatalf("seed %d: %s while it is to be left alone", seed, h.State)
				}
			}
		}
	}
}

func TestStateNames(t *testing.T) {
	if Unknown.String() != "unknown" || Up.String() != "up" || Down.String() != "down" {
		t.Error(Unknown, Up, Down)
	}
}
