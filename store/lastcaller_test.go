package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
)

// TestLastCaller: the newest call to a party of a binding counts, answered or not, that is not too long ago and that no
// rule had refused.
func TestLastCaller(t *testing.T) {
	db := mustOpen(t, options(t, t.TempDir()))
	defer mustClose(t, db)
	called, first, second, other := testNumber(t, 1), testNumber(t, 2), testNumber(t, 3), testNumber(t, 4)
	n := 0
	calls := func(id string, caller, callee binding.Number, change ...func(*cdr.Record)) {
		n++
		r := testRecord(fmt.Sprint("call ", n))
		r.Binding, r.CallerIn.Number, r.CalleeOut.Number = id, caller, callee
		r.ReceivedAt = testStart.Add(time.Duration(n) * time.Minute)
		for _, c := range change {
			c(&r)
		}
		if _, err := closeCall(t, db, r); err != nil {
			t.Fatal(err)
		}
	}
	last := func(want binding.Number, since time.Time) {
		t.Helper()
		got, err := db.LastCaller(context.Background(), "pair", called, since)
		if err != nil || got != want {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
	none := binding.Number{}
	last(none, testStart)
	calls("pair", first, called)
	last(first, testStart)
	calls("pair", second, called, func(r *cdr.Record) { r.End, r.SIPStatus = cdr.EndCancelled, 487 })
	last(second, testStart)
	last(second, testStart.Add(2*time.Minute))
	last(none, testStart.Add(2*time.Minute+1))
	// None of these reached that party over that binding.
	calls("another", other, called)
	calls("pair", called, first)
	calls("pair", other, called, func(r *cdr.Record) { r.Refusal = binding.RefusalCapped })
	calls("pair", none, called)
	last(second, testStart)
	// Only so many are looked at.
	for range lastCalls {
		calls("pair", called, first)
	}
	last(none, testStart)
	calls("pair", first, called)
	last(first, testStart)
}
