package store

import (
	"context"
	"slices"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
)

// TestRecordsOfHolders: over the bindings of a 700 number, a party and a consent, those that were live in the window, and of
// these what was that number's or that party's alone; page by page too.
func TestRecordsOfHolders(t *testing.T) {
	t.Parallel()
	k := newKept(t, 30)
	db, ctx := k.db, context.Background()
	day := func(n int) time.Time { return testStart.AddDate(0, 0, n) }
	first, second, other := testPair(t, testID(1), 1), testPair(t, testID(2), 1), testPair(t, testID(3), 3)
	first.Consent, second.Consent = "yes", "yes"
	first.CreatedAt, first.ExpiresAt = day(0), day(2)
	second.CreatedAt, second.ExpiresAt = day(2), day(4)
	second.B = other.B
	second.X = first.X
	for _, b := range []binding.Binding{first, second, other} {
		mustBind(t, db, b)
	}
	answers := make(chan error, 8)
	for _, c := range []struct {
		id       string
		b        binding.Binding
		from, to binding.Number
		at       time.Time
	}{
		{"a", first, first.A, first.B, day(1)}, {"b", first, first.B, first.A, day(1)}, {"c", second, second.A, second.B, day(3)},
		{"d", other, other.B, other.A, day(3)}, {"e", binding.Binding{X: first.X}, other.A, binding.Number{}, day(3)},
	} {
		db.Journal().Close(cdr.Record{
			ID: c.id, Binding: c.b.ID, ReceivedAt: c.at, ReleasedAt: c.at, End: cdr.EndCompleted,
			CallerIn: cdr.Party{Number: c.from}, CalleeIn: cdr.Party{X: c.b.X}, CallerOut: cdr.Party{X: c.b.X}, CalleeOut: cdr.Party{Number: c.to},
		}, func(_ uint64, err error) { answers <- err })
		if err := <-answers; err != nil {
			t.Fatal(err)
		}
	}
	listed := func(f cdr.Filter) (got []string) {
		t.Helper()
		if err := db.Records(ctx, f, func(r cdr.Record) error { got = append(got, r.ID); return nil }); err != nil {
			t.Fatal(err)
		}
		return got
	}
	for i, c := range []struct {
		f    cdr.Filter
		want []string
	}{
		{cdr.Filter{X: first.X}, []string{"a", "b", "c"}},
		{cdr.Filter{X: first.X, Limit: 2}, []string{"a", "b"}},
		{cdr.Filter{X: first.X, AfterSeq: 2}, []string{"c"}},
		{cdr.Filter{X: first.X, Since: day(2)}, []string{"c"}},
		{cdr.Filter{X: first.X, Until: day(2)}, []string{"a", "b"}},
		{cdr.Filter{X: first.X, Tenant: "nobody"}, nil},
		{cdr.Filter{X: first.X + 5000}, nil},
		{cdr.Filter{Number: first.A}, []string{"a", "b", "c"}},
		{cdr.Filter{Number: first.B}, []string{"a", "b"}},
		{cdr.Filter{Number: other.B}, []string{"c", "d"}},
		{cdr.Filter{Number: other.B, Until: day(1)}, nil},
		{cdr.Filter{Number: other.A, X: first.X}, nil},
		{cdr.Filter{Number: first.A, Since: day(10), Until: day(11)}, nil},
		{cdr.Filter{Consent: "yes"}, []string{"a", "b", "c"}},
		{cdr.Filter{Consent: "yes", Since: day(2)}, []string{"c"}},
		{cdr.Filter{Consent: "no"}, nil},
	} {
		if got := listed(c.f); !slices.Equal(got, c.want) {
			t.Errorf("%d: %v, want %v", i, got, c.want)
		}
	}
	if err := db.Records(ctx, cdr.Filter{Consent: "yes", Since: day(2), Until: day(1)}, func(cdr.Record) error { return nil }); err == nil {
		t.Error("a window that ends before it begins")
	}
}
