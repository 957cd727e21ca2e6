package limit

import (
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/rule"
)

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
