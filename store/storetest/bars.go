package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"mask700/binding"
)

// BarStore is a store with block lists.
type BarStore interface {
	binding.Store
	binding.BarStore
}

// Bars tests the keeping of block lists. open returns an empty store each time.
func Bars(t *testing.T, open func(t *testing.T) BarStore) {
	for name, test := range map[string]func(*testing.T, BarStore){
		"every field comes back":          barFields,
		"who is barred from whom":         barred,
		"what is covered is not added":    barCovered,
		"entries of a number are bounded": barBound,
		"list by filter":                  barLists,
		"one of many removes":             barRemovedOnce,
		"one of many adds":                barAddedOnce,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func addBar(t testing.TB, s binding.BarStore, b binding.Bar) binding.Bar {
	t.Helper()
	got, err := s.AddBar(context.Background(), b)
	if err != nil {
		t.Fatalf("add %s: %v", b.ID, err)
	}
	return got
}

func sameBar(a, b binding.Bar) bool {
	if !a.CreatedAt.Equal(b.CreatedAt) || !a.Until.Equal(b.Until) {
		return false
	}
	a.CreatedAt, a.Until = b.CreatedAt, b.Until
	return a == b
}

func fullBar(t testing.TB) binding.Bar {
	return binding.Bar{
		ID: "full", Number: subscriber(t, 1), Peer: subscriber(t, 2), Tenant: "tenant", Direction: binding.BarTo, CreatedAt: start,
		Until: at(time.Hour), Reason: "骚扰",
	}
}

func barFields(t *testing.T, s BarStore) {
	ctx := context.Background()
	least := binding.Bar{ID: "least", Number: subscriber(t, 3), Direction: binding.BarFrom, CreatedAt: start}
	for _, want := range []binding.Bar{fullBar(t), least} {
		if got := addBar(t, s, want); !sameBar(got, want) {
			t.Errorf("added %+v\nwant %+v", got, want)
		}
		if got, err := s.Bar(ctx, want.ID); err != nil || !sameBar(got, want) {
			t.Errorf("%+v, %v\nwant %+v", got, err, want)
		}
		taken := want
		taken.Number = subscriber(t, 99)
		_, err := s.AddBar(ctx, taken)
		wantError(t, "an id that is taken", err, binding.ErrExists)
	}
	if got, err := s.RemoveBar(ctx, "full"); err != nil || !sameBar(got, fullBar(t)) {
		t.Errorf("removed %+v, %v", got, err)
	}
	_, err := s.Bar(ctx, "full")
	wantError(t, "what was removed", err, binding.ErrNoBar)
	for _, id := range []string{"full", "nobody", ""} {
		_, err = s.RemoveBar(ctx, id)
		wantError(t, "removed "+id, err, binding.ErrNoBar)
	}
	if got := addBar(t, s, fullBar(t)); got.ID != "full" {
		t.Errorf("added again: %+v", got)
	}
}

func barred(t *testing.T, s BarStore) {
	ctx := context.Background()
	a, b, c, d, e := subscriber(t, 1), subscriber(t, 2), subscriber(t, 3), subscriber(t, 4), subscriber(t, 5)
	ask := func(when string, caller, callee binding.Number, tenant string, now time.Time, want string) {
		t.Helper()
		got, ok, err := s.Barred(ctx, caller, callee, tenant, now)
		if err != nil || ok != (want != "") || got.ID != want {
			t.Errorf("%s: %q %v, %v; want %q", when, got.ID, ok, err, want)
		}
	}
	ask("of an empty store", a, b, "one", at(0), "")
	for _, bar := range []binding.Bar{
		{ID: "pair", Number: a, Peer: b, Direction: binding.BarFrom},
		{ID: "of-one", Number: c, Tenant: "one", Direction: binding.BarBoth, Until: at(time.Hour)},
		{ID: "not-called", Number: d, Direction: binding.BarTo},
		{ID: "of-default", Number: e, Tenant: binding.DefaultTenant, Direction: binding.BarBoth},
	} {
		bar.CreatedAt = start
		addBar(t, s, bar)
	}
	ask("point to point", a, b, "one", at(0), "pair")
	ask("point to point, another tenant", a, b, "two", at(0), "pair")
	ask("the other way", b, a, "one", at(0), "")
	ask("to another", a, e, "one", at(0), "")
	ask("through a tenant, calling", c, b, "one", at(0), "of-one")
	ask("through a tenant, called", b, c, "one", at(0), "of-one")
	ask("through another tenant", c, b, "two", at(0), "")
	ask("through no tenant", c, b, "", at(0), "")
	ask("before it is over", c, b, "one", at(time.Hour-1), "of-one")
	ask("when it is over", c, b, "one", at(time.Hour), "")
	ask("may not be called", a, d, "two", at(0), "not-called")
	ask("may call", d, a, "two", at(0), "")
	ask("through the default tenant", e, a, binding.DefaultTenant, at(0), "of-default")
	ask("through another than the default", e, a, "one", at(0), "")
	ask("no number", binding.Number{}, a, "one", at(0), "")
	if _, err := s.RemoveBar(ctx, "pair"); err != nil {
		t.Fatal(err)
	}
	ask("after it was removed", a, b, "one", at(0), "")
}

func barCovered(t *testing.T, s BarStore) {
	first := fullBar(t)
	addBar(t, s, first)
	for name, test := range map[string]struct {
		change func(*binding.Bar)
		added  bool
	}{
		"the same":         {func(*binding.Bar) {}, false},
		"shorter":          {func(b *binding.Bar) { b.Until = at(time.Minute) }, false},
		"longer":           {func(b *binding.Bar) { b.Until = at(2 * time.Hour) }, true},
		"endless":          {func(b *binding.Bar) { b.Until = time.Time{} }, true},
		"other peer":       {func(b *binding.Bar) { b.Peer = subscriber(t, 7) }, true},
		"anyone":           {func(b *binding.Bar) { b.Peer = binding.Number{} }, true},
		"other direction":  {func(b *binding.Bar) { b.Direction = binding.BarFrom }, true},
		"other tenant":     {func(b *binding.Bar) { b.Tenant = "" }, true},
		"when it was over": {func(b *binding.Bar) { b.CreatedAt, b.Until = at(time.Hour), at(3*time.Hour) }, true},
	} {
		b := first
		b.ID = "another"
		test.change(&b)
		got := addBar(t, s, b)
		if (got.ID == "another") != test.added {
			t.Errorf("%s: %+v", name, got)
		}
		if !test.added {
			if _, err := s.Bar(context.Background(), "another"); !errors.Is(err, binding.ErrNoBar) {
				t.Errorf("%s: it is there all the same, %v", name, err)
			}
			continue
		}
		if _, err := s.RemoveBar(context.Background(), "another"); err != nil {
			t.Fatal(err)
		}
	}
}

func barBound(t *testing.T, s BarStore) {
	of := func(n int, until time.Time) binding.Bar {
		return binding.Bar{
			ID: "bar" + letters(n), Number: subscriber(t, 1), Peer: subscriber(t, 1000+n), Direction: binding.BarFrom, CreatedAt: start, Until: until,
		}
	}
	for n := range binding.MaxBarsOnNumber {
		until := time.Time{}
		if n < 2 {
			until = at(time.Minute)
		}
		addBar(t, s, of(n, until))
	}
	next := of(binding.MaxBarsOnNumber, time.Time{})
	_, err := s.AddBar(context.Background(), next)
	wantError(t, "one too many", err, binding.ErrManyBars)
	others := of(2*binding.MaxBarsOnNumber, time.Time{})
	others.Tenant = "even" // does not learn of them
	addBar(t, s, others)
	_, err = s.AddBar(context.Background(), next)
	wantError(t, "one too many still", err, binding.ErrManyBars)
	next.CreatedAt = at(time.Hour)
	addBar(t, s, next)
	for n := range 3 {
		_, err := s.Bar(context.Background(), of(n, at(0)).ID)
		if over := n < 2; over != errors.Is(err, binding.ErrNoBar) {
			t.Errorf("entry %d, over %v: %v", n, over, err)
		}
	}
	other := of(0, time.Time{})
	other.Number = subscriber(t, 2)
	addBar(t, s, other)
}

func barLists(t *testing.T, s BarStore) {
	const n = 600
	for i := range n {
		b := binding.Bar{ID: letters(i * 331 % n), Number: subscriber(t, i%3), Peer: subscriber(t, 1000+i), Direction: binding.BarFrom, CreatedAt: start}
		if i%2 == 0 {
			b.Tenant = "even"
		}
		addBar(t, s, b)
	}
	count := func(f binding.BarFilter) (found int, last string) {
		err := s.Bars(context.Background(), f, func(b binding.Bar) error {
			if !f.Match(&b) || b.ID <= last {
				t.Errorf("%+v: %s after %s", f, b.ID, last)
			}
			// The list must not hold what the store needs for other work.
			if _, err := s.Bar(context.Background(), b.ID); err != nil {
				t.Error(err)
			}
			found, last = found+1, b.ID
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return found, last
	}
	for want, f := range map[int]binding.BarFilter{
		n:         {},
		n / 3:     {Number: subscriber(t, 1)},
		n / 2:     {Tenant: "even"},
		n / 6:     {Tenant: "even", Number: subscriber(t, 1)},
		7:         {Limit: 7},
		n - 1 - 9: {After: letters(9)},
		0:         {Tenant: "nobody"},
	} {
		if got, _ := count(f); got != want {
			t.Errorf("%+v: %d, want %d", f, got, want)
		}
	}
	enough := errors.New("enough")
	if err := s.Bars(context.Background(), binding.BarFilter{}, func(binding.Bar) error { return enough }); err != enough {
		t.Errorf("ended with %v", err)
	}
}

func barRemovedOnce(t *testing.T, s BarStore) {
	addBar(t, s, fullBar(t))
	var all sync.WaitGroup
	gone := make(chan error, 10)
	for range 10 {
		all.Go(func() {
			_, err := s.RemoveBar(context.Background(), "full")
			gone <- err
		})
	}
	all.Wait()
	close(gone)
	removed := 0
	for err := range gone {
		if err == nil {
			removed++
		} else if !errors.Is(err, binding.ErrNoBar) {
			t.Error(err)
		}
	}
	if removed < 1 {
		t.Error("nobody removed it")
	}
}

func barAddedOnce(t *testing.T, s BarStore) {
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			b := fullBar(t)
			b.ID = "one" + letters(i)
			if _, err := s.AddBar(context.Background(), b); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	n := 0
	if err := s.Bars(context.Background(), binding.BarFilter{}, func(binding.Bar) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d entries that say the same, %v", n, err)
	}
}

func barsAgain(t *testing.T, again func() Engine) {
	e := again()
	addBar(t, e, fullBar(t))
	for range 2 {
		e = again()
		if got, err := e.Bar(context.Background(), "full"); err != nil || !sameBar(got, fullBar(t)) {
			t.Errorf("%+v, %v", got, err)
		}
		if _, found, err := e.Barred(context.Background(), subscriber(t, 2), subscriber(t, 1), "tenant", start); err != nil || !found {
			t.Errorf("not barred: %v", err)
		}
	}
}
