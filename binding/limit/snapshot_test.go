package limit

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"mask700/binding/rule"
)

// again is a new Judge with what the old one saved, after so long by the wall clock.
func (w *world) again(memory int, s Set, down time.Duration) *world {
	w.Helper()
	next := newWorld(w, memory, s)
	next.at = w.at.Add(down)
	next.Judge = New(Options{Key: [16]byte{7}, Memory: memory, Now: func() time.Time { return next.at }})
	if err := next.Use(s, nil); err != nil {
		w.Fatal(err)
	}
	if err := next.Load(bytes.NewReader(w.saved())); err != nil {
		w.Fatal(err)
	}
	return next
}

func (w *world) saved() []byte {
	w.Helper()
	var b bytes.Buffer
	if err := w.Save(&b); err != nil {
		w.Fatal(err)
	}
	return b.Bytes()
}

// TestRestart: after it every question has the answer that it has without one, also in tables of another size.
func TestRestart(t *testing.T) {
	set := rules(t, Shadow, "pair 2/5m, caller 20/1h, callees 4/20m, x 20/10m, short 6s 50% of 4/1h, tenant 100/1h", "pair 3/5m", "pair 4/5m")
	for _, memory := range []int{1 << 20, 1 << 22, 1 << 17} {
		rnd := rand.New(rand.NewPCG(uint64(memory), 1))
		w := newWorld(t, 1<<20, set)
		step := func() *rule.Attempt {
			w.after(time.Duration(rnd.ExpFloat64() * float64(2*time.Second)))
			return w.attempt(rule.Kind(rnd.IntN(2)), rnd.IntN(5), 10+rnd.IntN(8), rnd.IntN(9), "shop")
		}
		for range 400 {
			w.Judge.Judge(t.Context(), step())
			if rnd.IntN(3) == 0 {
				w.made(rnd.IntN(5), 9, time.Duration(rnd.IntN(12))*time.Second)
			}
		}
		next, hits := w.again(memory, set, 0), 0
		for i := range 300 {
			a := step()
			next.at = w.at
			want, got := w.Judge.Judge(t.Context(), a), next.Judge.Judge(t.Context(), a)
			if !slices.Equal(got.Shadow, want.Shadow) {
				t.Fatalf("%d bytes, attempt %d: %v, without a restart %v", memory, i, got.Shadow, want.Shadow)
			}
			hits += len(want.Shadow)
		}
		if hits == 0 {
			t.Error("no rule was ever hit")
		}
	}
}

// TestRestartIntoSmallerTables: those who are nearest to a limit have the places.
func TestRestartIntoSmallerTables(t *testing.T) {
	set := rules(t, Enforce, "pair 3/10m")
	w := newWorld(t, 1<<20, set)
	const near = 4 // of 500, in tables of a hundred places
	for callee := range 500 {
		for range 1 + 2*max(0, near-callee)/max(1, near-callee) {
			w.passes(1, callee)
		}
	}
	next := w.again(4000, set, 0)
	if st := next.Stats(); st.Room[Pair] > 200 || st.Pushed == 0 {
		t.Fatalf("%d places, %d pushed out", st.Room[Pair], st.Pushed)
	}
	for callee := range near {
		next.capped(1, callee, "pair 3/10m")
	}
}

// TestWhatACrashLoses: what was counted since the counters were written, and that a call went on, and nothing else.
func TestWhatACrashLoses(t *testing.T) {
	set := rules(t, Enforce, "pair 5/1h, caller live 1")
	w := newWorld(t, 1<<20, set)
	for range 3 {
		w.made(1, 2, time.Minute)
	}
	file := w.saved()
	w.made(1, 2, time.Minute)
	w.passes(1, 2) // and it goes on
	w.capped(1, 3, "caller live 1")
	next := newWorld(t, 1<<20, set)
	if err := next.Load(bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if v := next.made(1, 2, time.Minute); v.Rule != "" {
			t.Errorf("refused by %s, which knows of calls after the counters were written", v.Rule)
		}
	}
	next.capped(1, 2, "pair 5/1h")
}

func TestRestartUnderOtherRules(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string
		calls         int // that passed before
		left          int // that pass after it
	}{
		"lower":                     {"pair 5/1h", "pair 3/1h", 2, 1},
		"higher":                    {"pair 3/1h", "pair 9/1h", 3, 6},
		"beyond what is exact":      {"pair 9/1h", "pair 20/1h", 9, 11},
		"back to what is exact":     {"pair 20/1h", "pair 12/1h", 9, 3},
		"another window":            {"pair 20/1h", "pair 20/30m", 9, 11},
		"callees in another window": {"callees 20/1h", "callees 10/50m", 9, 1},
		"one that was not there":    {"x 5/1h", "pair 5/1h", 5, 5},
	} {
		t.Run(name, func(t *testing.T) {
			check := func(w *world) {
				for i := range c.left {
					if v := w.call(1, 100+i*strings.Count(c.after, "callees")); v.Refusal != "" {
						t.Errorf("call %d of %d is refused by %s", i+1, c.left, v.Rule)
					}
				}
				w.capped(1, 500-400*(1-strings.Count(c.after, "callees")), c.after)
			}
			before := func() *world {
				w := newWorld(t, 1<<20, rules(t, Enforce, c.before))
				for i := range c.calls {
					w.passes(1, 100-i*strings.Count(c.after, "callees"))
					w.after(time.Second)
				}
				return w
			}
			check(before().again(1<<20, rules(t, Enforce, c.after), time.Second))
			changed := before() // and without a restart
			if err := changed.Use(rules(t, Enforce, c.after), nil); err != nil {
				t.Fatal(err)
			}
			check(changed)
		})
	}
}

// TestClockIsSetOverARestart: back, and the counters stand still; ahead, and their windows are over.
func TestClockIsSetOverARestart(t *testing.T) {
	set := rules(t, Enforce, "pair 2/5m")
	for down, left := range map[time.Duration]int{-24 * time.Hour: 0, time.Minute: 0, 5*time.Minute + time.Second: 2, 20000 * 24 * time.Hour: 2} {
		w := newWorld(t, 1<<20, set)
		w.passes(1, 2)
		w.passes(1, 2)
		w = w.again(1<<20, set, down)
		for range left {
			w.passes(1, 2)
		}
		w.capped(1, 2, "pair 2/5m")
		w.after(5*time.Minute + time.Second)
		w.passes(1, 2)
	}
}

// TestDamagedSnapshot: whatever byte is another, or missing, nothing of it is taken, and the windows are as they were.
func TestDamagedSnapshot(t *testing.T) {
	set := rules(t, Enforce, "pair 1/5m, caller 20/5m")
	w := newWorld(t, 20_000, set)
	w.passes(1, 2)
	good := w.saved()
	fresh := func() *world { return newWorld(t, 20_000, set) }
	try := func(what string, at int, b []byte) {
		t.Helper()
		n := fresh()
		if err := n.Load(bytes.NewReader(b)); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrOther) {
			t.Errorf("%s at %d: %v", what, at, err)
		}
		n.passes(1, 2)
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		try("another byte", i, bad)
		try("cut off", i, good[:i])
	}
	other := New(Options{Key: [16]byte{8}, Memory: 20_000})
	if err := other.Use(set, nil); err != nil {
		t.Fatal(err)
	}
	if err := other.Load(bytes.NewReader(good)); !errors.Is(err, ErrOther) {
		t.Errorf("of another key: %v", err)
	}
}

// TestSnapshotHasNoNumber: neither it nor the tables hold digits, or the number as a word.
func TestSnapshotHasNoNumber(t *testing.T) {
	w := newWorld(t, 1<<16, Defaults())
	w.passes(1, 2)
	b := string(w.saved())
	for _, secret := range []string{"13800000001", "13800000002", "shop", "700100000010002", "record",
		"\x81\x58\x8f\x1d\x8a\x0c\x00\x00"} {
		if strings.Contains(b, secret) {
			t.Errorf("%q is in the snapshot", secret)
		}
	}
}
