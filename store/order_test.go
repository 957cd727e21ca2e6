package store

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"mask700/binding/cdr"
)

// TestRecordsOfAnOrder: those of all its bindings, and of what an endpoint has decided under it, each once and in their order,
// page by page too; they go when their time is over, and nothing is left that Check would find.
func TestRecordsOfAnOrder(t *testing.T) {
	t.Parallel()
	k := newKept(t, 30)
	db := k.db
	ctx := context.Background()
	var want []string
	const calls = 700
	answers := make(chan error, calls)
	for i, order := range []string{"red", "red", "blue"} {
		b := testPair(t, testID(i), i)
		b.Order = order
		mustBind(t, db, b)
	}
	for n := range calls {
		r := cdr.Record{ID: fmt.Sprintf("call%s", testID(n)), ReceivedAt: testStart, ReleasedAt: testStart.Add(time.Duration(n) * time.Second), End: cdr.EndCompleted}
		switch n % 5 {
		case 0, 1, 2:
			r.Binding, r.Order = testID(n%5), []string{"red", "red", "blue"}[n%5]
		case 3:
			r.Binding, r.Order, r.Evidence = "ride", "red", "remote rides; allow T"
		}
		db.Journal().Close(r, func(_ uint64, err error) { answers <- err })
		if r.Order == "red" {
			want = append(want, r.ID)
		}
	}
	for range calls {
		if err := <-answers; err != nil {
			t.Fatal(err)
		}
	}
	listed := func(f cdr.Filter) (got []string, last uint64) {
		t.Helper()
		err := db.Records(ctx, f, func(r cdr.Record) error {
			got, last = append(got, r.ID), r.Seq
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return got, last
	}
	if got, _ := listed(cdr.Filter{Order: "red"}); !slices.Equal(got, want) {
		t.Errorf("%d of an order, want %d", len(got), len(want))
	}
	var paged []string
	for f := (cdr.Filter{Order: "red", Limit: 47}); ; {
		got, last := listed(f)
		if paged = append(paged, got...); len(got) < f.Limit {
			break
		}
		f.AfterSeq = last
	}
	if !slices.Equal(paged, want) {
		t.Errorf("%d in pages, want %d", len(paged), len(want))
	}
	if got, _ := listed(cdr.Filter{Order: "re"}); len(got) > 0 {
		t.Errorf("%d of no order", len(got))
	}
	if got, _ := listed(cdr.Filter{Order: "red", Tenant: "nobody"}); len(got) > 0 {
		t.Errorf("%d of another tenant", len(got))
	}
	checked(t, db)
	k.now = testStart.AddDate(0, 2, 0)
	if records, _, _ := k.sweep(); records.Deleted != calls {
		t.Errorf("%+v", records)
	}
	if got, _ := listed(cdr.Filter{Order: "red"}); len(got) > 0 {
		t.Errorf("%d are left", len(got))
	}
	checked(t, db)
}
