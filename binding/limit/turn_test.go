package limit

import (
	"fmt"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/rule"
)

// A call that the platform has asked for counts for either party as one to the other, whichever is called first, and once for
// all else. Where what one of them has done refuses it, it counts for neither.
func TestOrderedCalls(t *testing.T) {
	const merchant = 1
	w := newWorld(t, 1<<20, rules(t, Enforce, "pair 4/5m, caller 3/1h, callees 3/1h, tenant 9/1h, caller live 1"))
	ordered := func(caller, callee int, want string) {
		t.Helper()
		a := w.attempt(rule.Call, caller, callee, 5, "shop")
		a.Query.Over = "binding"
		for _, probe := range []bool{true, false} {
			a.Probe = probe
			v := w.Judge.Judge(t.Context(), a)
			if v.Rule != want || v.Anyone || (v.Refusal == binding.RefusalCapped) != (want != "") || len(v.Shadow) > 0 {
				t.Errorf("%d, %d, probe %v: %+v, want %q", caller, callee, probe, v, want)
			}
		}
		w.Done(&cdr.Record{ID: a.Record})
	}
	ordered(10, merchant, "") // the consumer is called first
	ordered(11, merchant, "")
	ordered(merchant, 12, "")
	ordered(13, merchant, "callees 3/1h")
	ordered(merchant, 14, "callees 3/1h")
	w.capped(merchant, 13, "callees 3/1h") // nor may it dial another
	// The two that were refused have no attempt, and those that were not have one for each way.
	w.after(2 * time.Minute)
	for range 2 {
		w.passes(10, 13)
		w.Done(&cdr.Record{ID: fmt.Sprintf("record-%d", w.next)})
	}
	w.capped(10, 13, "caller 3/1h")
	ordered(11, merchant, "")
	ordered(merchant, 11, "")
	ordered(11, merchant, "")
	ordered(merchant, 11, "pair 4/5m")
	ordered(11, merchant, "pair 4/5m")
	if st := w.Stats(); st.Live != 0 || st.LiveMissed != 0 {
		t.Errorf("%d calls go on", st.Live)
	}
	refused := uint64(0)
	for _, r := range w.Stats().Rules {
		refused += r.Refused
	}
	if refused != 6 {
		t.Errorf("%d refusals are counted", refused)
	}
}

// Another callee of an attempt that has passed counts for the pair and among the callees of
// the caller, and for nothing else: the caller, the number and the tenant have made one call,
// which goes on once.
func TestTurns(t *testing.T) {
	w := newWorld(t, 1<<20, rules(t, Enforce, "pair 2/5m, caller 2/1h, callees 3/1h, x 2/1h, tenant 2/1h, caller live 1, x live 1"))
	turn := func(callee int, want string) {
		t.Helper()
		a := w.attempt(rule.Call, 1, callee, 5, "shop")
		a.Turn = true
		v := w.Judge.Judge(t.Context(), a)
		if v.Rule != want || v.Anyone || (v.Refusal == binding.RefusalCapped) != (want != "") {
			t.Errorf("callee %d: %+v, want %q", callee, v, want)
		}
	}
	call := func(want string, anyone bool) *rule.Attempt {
		t.Helper()
		a := w.attempt(rule.Call, 1, 10, 5, "shop")
		if v := w.Judge.Judge(t.Context(), a); v.Rule != want || v.Anyone != anyone {
			t.Errorf("a call: %+v, want %q", v, want)
		}
		return a
	}
	first := call("", false)
	turn(11, "")
	turn(12, "")
	turn(13, "callees 3/1h")
	turn(11, "")
	turn(11, "pair 2/5m")
	if n := w.Stats().Live; n != 1 {
		t.Errorf("%d calls go on", n)
	}
	call("caller live 1", true)
	w.Done(&cdr.Record{ID: first.Record})
	second := call("", false)
	turn(10, "pair 2/5m")
	turn(12, "")
	w.Done(&cdr.Record{ID: second.Record})
	call("pair 2/5m", false) // before what is about anyone
	w.after(6 * time.Minute)
	call("caller 2/1h", true)
}
