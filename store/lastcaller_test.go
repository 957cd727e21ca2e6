package store

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

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
		r.ReleasedAt = r.ReceivedAt.Add(30 * time.Second)
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
	// One that was long over when it was closed hides none before it.
	calls("pair", other, called, func(r *cdr.Record) { r.ReceivedAt = testStart })
	last(second, testStart.Add(time.Minute))
	calls("pair", first, called)
	last(first, testStart)
}

// TestLastCallerBehindOthers: who is refused for hours, or whom the called one calls itself, hides nobody who called before, and
// the records of those are not read.
func TestLastCallerBehindOthers(t *testing.T) {
	t.Parallel()
	db := mustOpen(t, memOptions(t, nil))
	defer mustClose(t, db)
	called, who, nuisance := testNumber(t, 1), testNumber(t, 2), testNumber(t, 3)
	n := 0
	calls := func(caller, callee binding.Number, why binding.Refusal) {
		n++
		r := testRecord(fmt.Sprint("call ", n))
		r.Binding, r.CallerIn.Number, r.CalleeOut.Number, r.Refusal = "pair", caller, callee, why
		db.journal.Close(r, func(_ uint64, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	last := func(want binding.Number) {
		t.Helper()
		n++
		if _, err := closeCall(t, db, testRecord(fmt.Sprint("of another binding ", n))); err != nil { // the others are on disk then
			t.Fatal(err)
		}
		if got, err := db.LastCaller(context.Background(), "pair", called, testStart); err != nil || got != want {
			t.Errorf("behind %d others: %v, %v, want %v", n-1, got, err, want)
		}
	}
	calls(who, called, binding.RefusalNone)
	for range 300 {
		calls(nuisance, called, binding.RefusalBlocked)
		calls(called, nuisance, binding.RefusalNone)
	}
	last(who)
	// What an entry says is what a record says: one of before says nothing, and is read.
	index := db.cdrKeys.index
	prefix := keyHash(tableOf, index.Hash(domainBinding, "pair"))
	marks := map[byte]int{}
	if err := scan(db.cdr, prefix, keyAfter(prefix), func(key, value []byte) (bool, error) {
		if len(value) != 1 {
			t.Fatalf("an entry with %d bytes", len(value))
		}
		marks[value[0]]++
		return true, db.cdr.Set(key, nil, pebble.NoSync)
	}); err != nil {
		t.Fatal(err)
	}
	want := map[byte]int{reachedNobody: 300}
	want[calledMark(index, called)]++
	want[calledMark(index, nuisance)] += 300
	if !maps.Equal(marks, want) {
		t.Errorf("entries by what they say: %v, want %v", marks, want)
	}
	last(who)
}
