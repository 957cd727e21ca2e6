package limit

import (
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/rule"
)

// Wrong extensions are counted as attempts of one caller to reach one other, whatever the
// number; a probe, which a right one is, counts nothing and says when there were too many.
// No call goes on by it.
func TestGuesses(t *testing.T) {
	w := newWorld(t, 1<<20, Set{Rules: [kinds][]Rule{Calls: {
		{Kind: Calls, Scope: Pair, Metric: Attempts, Most: 3, Window: 5 * time.Minute},
		{Kind: Calls, Scope: Caller, Metric: Live, Most: 1},
	}}})
	guess := func(caller int, probe bool) rule.Verdict {
		a := w.attempt(rule.Call, caller, 900, 5, "shop")
		a.Probe = probe
		return w.Guess(a)
	}
	for i := range 3 {
		if v := guess(1, false); v.Refusal != binding.RefusalNone {
			t.Fatalf("guess %d: %+v", i, v)
		}
		if v := guess(2, true); v.Refusal != binding.RefusalNone {
			t.Fatalf("a right one of another: %+v", v)
		}
	}
	for _, probe := range []bool{false, true, true} {
		if v := guess(1, probe); v.Refusal != binding.RefusalCapped || v.Rule != "pair 3/5m" {
			t.Errorf("after three, probe %t: %+v", probe, v)
		}
	}
	if n := w.Stats().Live; n != 0 {
		t.Errorf("%d calls go on", n)
	}
	w.passes(1, 7) // others are reached as before
	w.after(6 * time.Minute)
	if v := guess(1, true); v.Refusal != binding.RefusalNone {
		t.Errorf("after the window: %+v", v)
	}
}
