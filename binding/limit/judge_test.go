package limit

import (
	"flag"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/rule"
)

func TestPairIsCapped(t *testing.T) {
	w := newWorld(t, 1<<20, Set{Mode: Enforce, Rules: Defaults().Rules})
	for range 5 {
		w.made(1, 2, time.Minute)
		w.after(time.Second)
	}
	w.capped(1, 2, "pair 5/5m")
	w.made(1, 3, time.Minute)
	w.made(2, 1, time.Minute)
	w.after(5*time.Minute - 5*time.Second)
	for range 100 { // who keeps trying is not kept out for longer
		w.capped(1, 2, "pair 5/5m")
	}
	w.after(200 * time.Millisecond)
	w.passes(1, 2)
	st := w.Stats()
	if i := slices.IndexFunc(st.Rules, func(r RuleStats) bool { return r.Name == "pair 5/5m" }); i < 0 || st.Rules[i].Refused != 101 {
		t.Errorf("counted: %+v", st.Rules)
	}
}

func TestEachLimit(t *testing.T) {
	type step struct {
		kind           rule.Kind
		caller, callee int
		x              int
		tenant         string
		by             string // "": it passes
	}
	const call, text = rule.Call, rule.Text
	for name, c := range map[string]struct {
		set   [3]string
		steps []step
	}{
		"caller": {[3]string{"caller 2/1h"}, []step{{call, 1, 2, 1, "a", ""}, {call, 1, 3, 2, "b", ""}, {call, 2, 1, 1, "a", ""}, {call, 1, 4, 3, "a", "caller 2/1h"}, {text, 1, 4, 3, "a", ""}}},
		"many":   {[3]string{"caller 17/1h"}, append(slices.Repeat([]step{{call, 1, 2, 1, "a", ""}}, 17), step{call, 1, 3, 1, "a", "caller 17/1h"})},
		"x":      {[3]string{"x 2/1h"}, []step{{call, 1, 2, 1, "a", ""}, {call, 3, 4, 1, "b", ""}, {call, 5, 6, 1, "a", "x 2/1h"}, {call, 5, 6, 2, "a", ""}}},
		"tenant": {[3]string{"tenant 2/1h"}, []step{{call, 1, 2, 1, "a", ""}, {call, 3, 4, 2, "a", ""}, {call, 5, 6, 3, "a", "tenant 2/1h"}, {call, 5, 6, 3, "b", ""}}},
		"callees": {[3]string{"callees 2/1h"}, []step{{call, 1, 2, 1, "a", ""}, {call, 1, 2, 1, "a", ""}, {call, 1, 3, 1, "a", ""}, {call, 1, 4, 1, "a", "callees 2/1h"},
			{call, 1, 2, 1, "a", ""}, {call, 1, 3, 1, "a", ""}, {call, 2, 4, 1, "a", ""}, {text, 1, 4, 1, "a", ""}}},
		"texts": {[3]string{"", "pair 1/1h"}, []step{{call, 1, 2, 1, "a", ""}, {text, 1, 2, 1, "a", ""}, {text, 1, 2, 1, "a", "texts pair 1/1h"}, {call, 1, 2, 1, "a", ""}}},
		"all": {[3]string{"pair 2/1h", "pair 2/1h", "pair 3/1h"}, []step{{call, 1, 2, 1, "a", ""}, {text, 1, 2, 1, "a", ""}, {text, 1, 2, 1, "a", ""},
			{call, 1, 2, 1, "a", "all pair 3/1h"}, {text, 1, 2, 1, "a", "texts pair 2/1h"}}},
		"all callees": {[3]string{"", "", "callees 2/1h"}, []step{{call, 1, 2, 1, "a", ""}, {text, 1, 2, 1, "a", ""}, {text, 1, 3, 1, "a", ""}, {call, 1, 4, 1, "a", "all callees 2/1h"}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1<<20, rules(t, Enforce, c.set[:]...))
			for i, s := range c.steps {
				a := w.attempt(s.kind, s.caller, s.callee, s.x, s.tenant)
				probe := *a
				probe.Probe, probe.Record = true, ""
				for range 3 { // who only asks is told the same, and changes nothing
					if v := w.Judge.Judge(t.Context(), &probe); v.Rule != s.by {
						t.Errorf("step %d asked about: %+v, want %q", i, v, s.by)
					}
				}
				if v := w.Judge.Judge(t.Context(), a); v.Rule != s.by || (v.Refusal == binding.RefusalCapped) != (s.by != "") {
					t.Errorf("step %d: %+v, want %q", i, v, s.by)
				}
			}
		})
	}
}

func TestCallsThatGoOn(t *testing.T) {
	w := newWorld(t, 1<<20, rules(t, Enforce, "caller live 2, x live 3, tenant live 4, pair 9/5m"))
	var ids []string
	dial := func(caller, callee, x int, by string) {
		t.Helper()
		a := w.attempt(rule.Call, caller, callee, x, "shop")
		if v := w.Judge.Judge(t.Context(), a); v.Rule != by {
			t.Errorf("%+v, want %q", v, by)
		}
		ids = append(ids, a.Record)
	}
	dial(1, 2, 1, "")
	dial(1, 3, 1, "")
	dial(1, 4, 2, "caller live 2")
	dial(2, 3, 1, "")
	dial(3, 4, 1, "x live 3")
	dial(3, 4, 2, "")
	dial(4, 5, 3, "tenant live 4")
	probe := w.attempt(rule.Call, 1, 5, 9, "other")
	probe.Probe, probe.Record = true, ""
	if v := w.Judge.Judge(t.Context(), probe); v.Rule != "caller live 2" {
		t.Errorf("asked about: %+v", v)
	}
	if got := w.Stats().Live; got != 4 {
		t.Errorf("%d calls go on", got)
	}
	for range 2 { // its end is told once, and a second time does no harm; nor do the ends of those that were refused
		w.Done(&cdr.Record{ID: ids[0]})
		w.Done(&cdr.Record{ID: ids[2]})
		w.Done(&cdr.Record{ID: "never seen"})
	}
	dial(1, 5, 1, "")
	dial(1, 6, 4, "caller live 2")
	for _, id := range ids {
		w.Done(&cdr.Record{ID: id})
	}
	if got := w.Stats().Live; got != 0 {
		t.Errorf("%d calls go on after all have ended", got)
	}
	for i := range w.live.shards {
		if s := &w.live.shards[i]; len(s.calls)+len(s.counts) != 0 {
			t.Errorf("%d calls and %d counts are left", len(s.calls), len(s.counts))
		}
	}
}

// TestNoRoomForCalls: what is not held is told.
func TestNoRoomForCalls(t *testing.T) {
	w := newWorld(t, 2*8*liveBytes, rules(t, Enforce, "caller live 1"))
	for caller := range 3 {
		w.passes(caller, 9)
	}
	if st := w.Stats(); st.Live != 2 || st.LiveMissed != 1 {
		t.Errorf("%d go on, %d missed", st.Live, st.LiveMissed)
	}
	w.capped(0, 9, "caller live 1")
	w.passes(2, 9)
}

func TestShortCalls(t *testing.T) {
	w := newWorld(t, 1<<20, rules(t, Enforce, "short 6s 80% of 10/1h"))
	for i := range 9 {
		if v := w.made(1, 10+i, time.Second); v.Rule != "" {
			t.Errorf("after %d calls: %+v", i, v)
		}
	}
	unanswered := w.attempt(rule.Call, 1, 50, 50, "shop")
	w.Judge.Judge(t.Context(), unanswered)
	w.Done(&cdr.Record{ID: unanswered.Record, ReleasedAt: w.at})
	w.passes(1, 30)
	w.made(1, 31, 6*time.Second) // long enough: 9 of 10 were short
	w.capped(1, 32, "short 6s 80% of 10/1h")
	w.passes(2, 32)
	w.after(time.Hour + 3*time.Minute)
	w.passes(1, 32)
	for range 10 {
		w.made(3, 31, 6*time.Second)
		w.made(3, 31, 5900*time.Millisecond)
	}
	w.passes(3, 31)
}

func TestModes(t *testing.T) {
	w := newWorld(t, 1<<20, rules(t, Enforce, "pair 1/5m shadow, caller 2/5m, x 1/5m off"))
	w.passes(1, 2)
	if v := w.call(1, 2); v.Refusal != "" || !slices.Equal(v.Shadow, []string{"pair 1/5m"}) {
		t.Errorf("over a rule that reports: %+v", v)
	}
	if v := w.call(1, 2); v.Rule != "caller 2/5m" || !slices.Equal(v.Shadow, []string{"pair 1/5m"}) {
		t.Errorf("over one that reports and one that refuses: %+v", v)
	}
	shadow := rules(t, Shadow, "pair 1/5m, caller 2/5m")
	var loud, quiet Override
	if err := loud.Put("mode", "enforce"); err != nil {
		t.Fatal(err)
	}
	if err := quiet.Put("mode", "off"); err != nil {
		t.Fatal(err)
	}
	if err := w.Use(shadow, map[string]Override{"loud": loud, "quiet": quiet}); err != nil {
		t.Fatal(err)
	}
	for tenant, want := range map[string]rule.Verdict{
		"shop": {Shadow: []string{"pair 1/5m", "caller 2/5m"}}, "loud": {Refusal: binding.RefusalCapped, Rule: "pair 1/5m"}, "quiet": {},
	} {
		v := w.Judge.Judge(t.Context(), w.attempt(rule.Call, 1, 2, 2, tenant))
		if v.Refusal != want.Refusal || v.Rule != want.Rule || !slices.Equal(v.Shadow, want.Shadow) {
			t.Errorf("of %s: %+v", tenant, v)
		}
	}
	if err := w.Use(Set{Mode: Off}, nil); err != nil {
		t.Fatal(err)
	}
	w.passes(1, 2)
}

// TestAgainstExactModel: random attempts, texts and calls at random times. Nobody is let past a limit, and nobody
// refused whom an attempt a little older than the window would not refuse.
func TestAgainstExactModel(t *testing.T) {
	sets := [][3]string{
		{"pair 3/5m, pair 6/10m, pair 10/24h, caller 60/1h, callees 12/1h", "pair 5/10m, callees 4/20m", "pair 7/10m, x 40/1h"},
		{"caller 16/1m, caller 17/1m, x 3/1s, tenant 90/10m, callees 2/1s", "tenant 4/10s", "callees 9/10m, callees 3/1m, tenant 200/30m"},
	}
	for seed := range uint64(8) {
		rnd := rand.New(rand.NewPCG(seed, 700))
		mode := []Mode{Enforce, Shadow}[seed%2]
		set := rules(t, mode, sets[seed/2%2][:]...)
		w := newWorld(t, 1<<22, set)
		var before past
		for i := range 700 {
			w.after(time.Duration(rnd.ExpFloat64() * float64([]time.Duration{time.Second, 100 * time.Millisecond, 20 * time.Second}[rnd.IntN(3)])))
			a := w.attempt(rule.Kind(rnd.IntN(2)), rnd.IntN(4), 10+rnd.IntN(8), rnd.IntN(3), []string{"a", "b"}[rnd.IntN(2)])
			v := w.Judge.Judge(t.Context(), a)
			for _, rules := range set.Rules {
				for _, r := range rules {
					if r.Kind != All && r.Kind != Kind(a.Kind) {
						continue
					}
					told := v.Rule == r.Name() || slices.Contains(v.Shadow, r.Name())
					must, may := before.over(r, r.Window, longest(r), w.at, a), before.over(r, longest(r), r.Window, w.at, a)
					if told && !may || must && !told && (mode == Shadow || v.Refusal == "") {
						t.Fatalf("seed %d, attempt %d: %s says %v, must be %v, may be %v", seed, i, r.Name(), told, must, may)
					}
				}
			}
			if v.Refusal == "" {
				before = append(before, happened{w.at, *a})
			}
		}
		if st := w.Stats(); st.Pushed != 0 {
			t.Errorf("seed %d: %d keys were pushed out", seed, st.Pushed)
		}
	}
}

// TestFullTablesRefuseNobodyWrongly: in tables far too small nobody is refused who would not be in large ones.
func TestFullTablesRefuseNobodyWrongly(t *testing.T) {
	set := rules(t, Shadow, "pair 3/10m, caller 20/10m, x 17/10m", "", "")
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(t, 4096, set)
		var before past
		hits := 0
		for i := range 2000 {
			w.after(time.Duration(rnd.ExpFloat64() * float64(300*time.Millisecond)))
			a := w.attempt(rule.Call, rnd.IntN(40)*rnd.IntN(2), 100+rnd.IntN(30), rnd.IntN(60), "a")
			v := w.Judge.Judge(t.Context(), a)
			hits += len(v.Shadow)
			for _, r := range set.Rules[Calls] {
				if slices.Contains(v.Shadow, r.Name()) && !before.over(r, longest(r), r.Window, w.at, a) {
					t.Fatalf("seed %d, attempt %d: %s refuses", seed, i, r.Name())
				}
			}
			before = append(before, happened{w.at, *a})
			for w.at.Sub(before[0].at) > 20*time.Minute {
				before = before[1:]
			}
		}
		if w.Stats().Pushed == 0 || hits == 0 {
			t.Errorf("seed %d: %d keys were pushed out, %d times a rule was hit", seed, w.Stats().Pushed, hits)
		}
	}
}

// TestWhoIsNearALimitStays: those who call once do not push out one who calls again and again, in tables that they fill many
// times over.
func TestWhoIsNearALimitStays(t *testing.T) {
	w := newWorld(t, 20_000, rules(t, Enforce, "pair 3/1h, caller 20/1h"))
	w.passes(1, 2)
	for i := range 2 {
		w.passes(1, 2)
		for other := range 3000 {
			w.call(1000+i*3000+other, 2)
		}
	}
	w.capped(1, 2, "pair 3/1h")
	if w.Stats().Pushed == 0 {
		t.Error("no key was pushed out")
	}
}

var callers = flag.Int("callers", 100_000, "different callers of TestMemoryIsBounded")

// TestMemoryIsBounded: however many people call, there is no more memory in use than was given, and the tables are used up.
func TestMemoryIsBounded(t *testing.T) {
	const memory = 1 << 20
	w := newWorld(t, memory, Defaults())
	a := w.attempt(rule.Call, 0, 1, 2, "shop")
	r := &cdr.Record{ID: a.Record}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range *callers {
		w.after(time.Millisecond)
		a.Query.Caller = number(t, i)
		a.Query.Dialled = firstX + binding.X(i%10_000)
		w.Judge.Judge(t.Context(), a)
		w.Done(r)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	st := w.Stats()
	if grown := int(after.HeapAlloc) - int(before.HeapAlloc); st.Memory > memory || grown > memory/8 {
		t.Errorf("the tables take %d bytes, the heap has grown by %d", st.Memory, grown)
	}
	if full := st.Room[Caller]; st.Keys[Caller] < full*9/10 || st.Pushed == 0 || st.Live != 0 {
		t.Errorf("%d of %d places are in use, %d were pushed out, %d calls go on", st.Keys[Caller], full, st.Pushed, st.Live)
	}
}

// TestClockIsSet: what stands for the wall clock goes back and far ahead.
func TestClockIsSet(t *testing.T) {
	w := newWorld(t, 1<<20, rules(t, Enforce, "pair 2/5m, caller 20/1h"))
	w.passes(1, 2)
	w.after(-24 * time.Hour)
	w.passes(1, 2)
	w.capped(1, 2, "pair 2/5m")
	w.after(24 * time.Hour)
	w.capped(1, 2, "pair 2/5m")
	w.after(5*time.Minute + time.Second)
	w.passes(1, 2)
	w.after(30 * 365 * 24 * time.Hour) // beyond what 32 bits of ticks have
	w.passes(1, 2)
	w.passes(1, 2)
	w.capped(1, 2, "pair 2/5m")
}

// TestTwoAtOnce: of many attempts at the same moment as many pass as may.
func TestTwoAtOnce(t *testing.T) {
	w := newWorld(t, 1<<20, rules(t, Enforce, "pair 3/5m, tenant 40/1h, caller live 2"))
	var passed sync.Map
	var all sync.WaitGroup
	attempts := make([]*rule.Attempt, 200)
	for i := range attempts {
		attempts[i] = w.attempt(rule.Call, 1, 2, 3, "shop")
	}
	for part := range slices.Chunk(attempts, 20) {
		all.Go(func() {
			for _, a := range part {
				if v := w.Judge.Judge(t.Context(), a); v.Refusal == "" {
					passed.Store(a.Record, true)
				}
				w.Stats()
			}
		})
	}
	all.Wait()
	n := 0
	passed.Range(func(any, any) bool { n++; return true })
	if n != 2 {
		t.Errorf("%d passed", n)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	w := newWorld(t, 1<<20, Set{Mode: Enforce, Rules: Defaults().Rules})
	calls := make([]*rule.Attempt, 400)
	records := make([]*cdr.Record, len(calls))
	for i := range calls {
		calls[i] = w.attempt(rule.Call, i, i+1, i, "shop")
		records[i] = &cdr.Record{ID: calls[i].Record, AnsweredAt: w.at, ReleasedAt: w.at}
	}
	ctx, i := t.Context(), 0
	run := func() {
		w.Judge.Judge(ctx, calls[i%len(calls)])
		w.Done(records[i%len(calls)])
		i++
	}
	for range calls {
		run()
	}
	if n := testing.AllocsPerRun(len(calls)-1, run); n != 0 {
		t.Errorf("%v allocations an attempt", n)
	}
}
