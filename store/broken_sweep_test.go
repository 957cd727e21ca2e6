package store

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestErasedRecordsSweptInParts: a sweep of records that nothing can read any more is broken off behind their rows. The next
// one deletes what found them; until then that is no fault.
func TestErasedRecordsSweptInParts(t *testing.T) {
	ctx := context.Background()
	k := newKept(t, 30)
	k.bind(1, time.Hour)
	k.call(1)
	k.now = k.now.AddDate(0, 1, 2)
	k.bind(2, 0)
	k.call(2)
	if _, err := k.db.DestroyKeys(ctx, Erasure{All: true, Before: k.now}, func(int) error { return nil }); err != nil {
		t.Fatal(err)
	}
	checked(t, k.db)
	broken, cancel := context.WithCancel(ctx)
	r := k.r
	r.looked = func([]byte) { cancel() }
	if _, err := k.db.SweepRetention(broken, r, func(Sweep) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Fatalf("broken off: %v", err)
	}
	checked(t, k.db)
	k.reopen()
	checked(t, k.db)
	k.sweep()
	checked(t, k.db)
	k.gone(1)
	k.there(2)
	if n := rowsIn(t, k.db.cdr, tableRecord); n != 1 {
		t.Errorf("%d entries by id of one record", n)
	}
	if n := rowsIn(t, k.db.cdr, tableOf); n != 1 {
		t.Errorf("%d entries by binding of one record", n)
	}
}

func rowsIn(t *testing.T, e *engine, table byte) (n int) {
	t.Helper()
	if err := scan(e, []byte{table}, []byte{table + 1}, func(_, _ []byte) (bool, error) { n++; return true, nil }); err != nil {
		t.Fatal(err)
	}
	return n
}
