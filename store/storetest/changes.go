package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"mask700/binding"
)

// change changes a binding so long after start.
func change(s binding.Store, id string, after time.Duration, what func(*binding.Binding)) (binding.Binding, error) {
	return s.Change(context.Background(), id, func(b *binding.Binding) error {
		b.UpdatedAt = at(after)
		what(b)
		return nil
	})
}

func changed(t testing.TB, s binding.Store, id string, after time.Duration, what func(*binding.Binding)) binding.Binding {
	t.Helper()
	b, err := change(s, id, after, what)
	if err != nil {
		t.Fatalf("change %s: %v", id, err)
	}
	return b
}

func changes(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	want := full(t)
	bind(t, s, want)
	got := changed(t, s, "full", time.Minute, func(b *binding.Binding) {
		b.B, b.Group[1] = subscriber(t, 12), subscriber(t, 14)
		b.Consent, b.Data, b.MaxDuration, b.OneWay = "new", "", time.Second, binding.BothWays
		b.ExpiresAt, b.Refs, b.Sliding, b.Record, b.IndustrialID = at(2*time.Hour), 7, 0, false, "other"
		b.Texts = binding.TextsOn
	})
	want.Changes = []binding.Change{
		{At: at(time.Minute), Field: binding.ChangeB, Out: want.B, In: subscriber(t, 12)},
		{At: at(time.Minute), Field: binding.ChangeGroup, Out: want.Group[1]},
		{At: at(time.Minute), Field: binding.ChangeGroup, In: subscriber(t, 14)},
		{At: at(time.Minute), Field: binding.ChangeConsent, Was: "consent"},
	}
	want.B, want.Group = subscriber(t, 12), []binding.Number{want.Group[0], subscriber(t, 14)}
	want.Consent, want.Data, want.MaxDuration, want.OneWay = "new", "", time.Second, binding.BothWays
	want.ExpiresAt, want.Refs, want.Sliding, want.Record, want.IndustrialID = at(2*time.Hour), 7, 0, false, "other"
	want.UpdatedAt, want.Texts = at(time.Minute), binding.TextsOn
	if !same(got, want) {
		t.Errorf("changed: %+v\nwant %+v", got, want)
	}
	read := func(what string) {
		t.Helper()
		if got, err := s.Binding(ctx, "full"); err != nil || !same(got, want) {
			t.Errorf("%s: %+v, %v\nwant %+v", what, got, err, want)
		}
		for _, x := range []binding.X{want.X, want.Y} {
			if rows := onX(t, s, x); len(rows) != 1 || !same(rows[0], want) {
				t.Errorf("%s, on %s: %+v", what, x, rows)
			}
		}
	}
	read("read")
	if got := changed(t, s, "full", time.Hour, func(*binding.Binding) {}); !same(got, want) {
		t.Errorf("nothing was changed: %+v", got)
	}
	read("after nothing was changed")
	before := binding.Filter{Number: subscriber(t, 4)}
	if ids(list(t, s, before)) != "full" || ids(list(t, s, binding.Filter{Number: subscriber(t, 14)})) != "full" {
		t.Error("it is not found by who went, or not by who came")
	}
	// Who went may be bound on the number again, and who came may not.
	b := pair(t, "new", want.X, 20)
	b.CreatedAt, b.A = at(2*time.Minute), subscriber(t, 4)
	bind(t, s, b)
	b = pair(t, "other", want.Y, 21)
	b.CreatedAt, b.A = at(2*time.Minute), subscriber(t, 14)
	wantConflict(t, "who came", s.Bind(ctx, b), "full")
	// And comes back when it is free.
	if _, err := s.Unbind(ctx, "new", at(3*time.Minute)); err != nil {
		t.Fatal(err)
	}
	got = changed(t, s, "full", 4*time.Minute, func(b *binding.Binding) { b.Group[1] = subscriber(t, 4) })
	then := got.AsOf(at(3 * time.Minute))
	if !slices.Equal(then.Group, want.Group) || got.Group[1] != subscriber(t, 4) || len(got.Changes) != 6 {
		t.Errorf("back again: %+v", got)
	}
	got, err := s.Unbind(ctx, "full", at(5*time.Minute))
	if err != nil || len(got.Changes) != 6 || got.Refs != 7 {
		t.Errorf("unbound: %+v, %v", got, err)
	}
}

func changesRefused(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	want := full(t)
	bind(t, s, want)
	ended := pair(t, "ended", block.Number(9), 9)
	bind(t, s, ended)
	if _, err := s.Unbind(ctx, "ended", at(time.Second)); err != nil {
		t.Fatal(err)
	}
	other := errors.New("refused by the caller")
	_, err := s.Change(ctx, "full", func(b *binding.Binding) error {
		b.Data, b.Group[0] = "x", binding.Number{}
		return other
	})
	wantError(t, "an error of the change", err, other)
	_, err = change(s, "nobody", 1, func(*binding.Binding) { t.Error("a binding that is not there is changed") })
	wantError(t, "no such id", err, binding.ErrNotFound)
	_, err = change(s, "full", time.Hour, func(b *binding.Binding) { b.ExpiresAt = at(9 * time.Hour) })
	wantError(t, "expired", err, binding.ErrEnded)
	_, err = change(s, "ended", time.Minute, func(b *binding.Binding) { b.Data = "x" })
	wantError(t, "unbound", err, binding.ErrEnded)
	if _, err := change(s, "ended", time.Minute, func(*binding.Binding) {}); err != nil {
		t.Errorf("nothing of an ended one: %v", err)
	}
	for name, what := range map[string]func(*binding.Binding){
		"id":        func(b *binding.Binding) { b.ID = "x" },
		"mode":      func(b *binding.Binding) { b.Mode = binding.ModeAXYB },
		"x":         func(b *binding.Binding) { b.X++ },
		"y":         func(b *binding.Binding) { b.Y = 0 },
		"order":     func(b *binding.Binding) { b.Order = "x" },
		"tenant":    func(b *binding.Binding) { b.Tenant = "x" },
		"extension": func(b *binding.Binding) { b.Extension = "99" },
		"created":   func(b *binding.Binding) { b.CreatedAt = at(1) },
		"changes":   func(b *binding.Binding) { b.Changes = []binding.Change{{Field: binding.ChangeA}} },
		"no moment": func(b *binding.Binding) { b.Data, b.UpdatedAt = "x", time.Time{} },
	} {
		_, err := change(s, "full", time.Minute, what)
		wantError(t, name, err, binding.ErrFixed)
	}
	if got, err := s.Binding(ctx, "full"); err != nil || !same(got, want) {
		t.Errorf("refused and written: %+v, %v", got, err)
	}
	// A clock that goes back does not turn what happened around.
	changed(t, s, "full", time.Minute, func(b *binding.Binding) { b.Consent = "one" })
	got := changed(t, s, "full", time.Second, func(b *binding.Binding) { b.Consent = "two" })
	if !got.UpdatedAt.Equal(at(time.Minute)) || !got.Changes[1].At.Equal(at(time.Minute)) {
		t.Errorf("changed at %v, %+v", got.UpdatedAt, got.Changes)
	}
	// As many changes as there may be, and no more.
	changed(t, s, "full", time.Minute, func(b *binding.Binding) {
		for i := range binding.MaxChanges - 2 {
			b.Group = append(b.Group, subscriber(t, 1000+i))
		}
	})
	_, err = change(s, "full", time.Minute, func(b *binding.Binding) { b.B = subscriber(t, 77) })
	wantError(t, "once too often", err, binding.ErrChanges)
	changed(t, s, "full", time.Minute, func(b *binding.Binding) { b.Data = "still" })
}

func changeConflicts(t *testing.T, s binding.Store) {
	hold(t, s, block)
	two := pair(t, "two", block.Number(1), 1)
	two.Mode, two.Y = binding.ModeAXYB, block.Number(2)
	bind(t, s, two)
	onFirst, onSecond := pair(t, "first", block.Number(1), 2), pair(t, "second", block.Number(2), 3)
	onSecond.ExpiresAt = at(time.Hour)
	bind(t, s, onFirst)
	bind(t, s, onSecond)
	for name, c := range map[string]struct {
		party binding.Number
		with  string
		x     binding.X
	}{
		"on its X": {onFirst.A, "first", block.Number(1)},
		"on its Y": {onSecond.B, "second", block.Number(2)},
	} {
		_, err := change(s, "two", time.Minute, func(b *binding.Binding) { b.B = c.party })
		wantConflict(t, name, err, c.with)
		var number *binding.NumberError
		if !errors.As(err, &number) || number.X != c.x {
			t.Errorf("%s: %v is of another number", name, err)
		}
	}
	if got, err := s.Binding(context.Background(), "two"); err != nil || !same(got, two) {
		t.Errorf("refused and written: %+v, %v", got, err)
	}
	// What is over does not collide, though both lived once.
	got := changed(t, s, "two", time.Hour, func(b *binding.Binding) { b.B = onSecond.B })
	if got.B != onSecond.B {
		t.Errorf("changed: %+v", got)
	}
	// Nor does a binding collide with itself.
	changed(t, s, "two", 2*time.Hour, func(b *binding.Binding) { b.A, b.B = b.B, b.A })
	// And for anyone there is one.
	for i, id := range []string{"anyone", "extension"} {
		b := pair(t, id, block.Number(5), 10+i)
		b.Mode = binding.ModeAX
		if i == 1 {
			b.Mode, b.Extension = binding.ModeAXE, "12"
		}
		bind(t, s, b)
	}
	changed(t, s, "anyone", time.Minute, func(b *binding.Binding) { b.A = subscriber(t, 40) })
	_, err := change(s, "anyone", time.Minute, func(b *binding.Binding) { b.A = subscriber(t, 22) })
	wantConflict(t, "party of one for anyone", err, "extension")
}

func longerConflicts(t *testing.T, s binding.Store) {
	hold(t, s, block)
	first := pair(t, "first", block.Number(1), 1)
	first.ExpiresAt = at(time.Hour)
	bind(t, s, first)
	next := pair(t, "next", block.Number(1), 1)
	next.CreatedAt, next.ExpiresAt = at(2*time.Hour), at(3*time.Hour)
	bind(t, s, next)
	changed(t, s, "first", time.Minute, func(b *binding.Binding) { b.ExpiresAt = at(2 * time.Hour) })
	for name, until := range map[string]time.Time{"into the next": at(2*time.Hour + 1), "for ever": {}} {
		_, err := change(s, "first", time.Minute, func(b *binding.Binding) { b.ExpiresAt = until })
		wantConflict(t, name, err, "next")
	}
	changed(t, s, "first", time.Minute, func(b *binding.Binding) { b.ExpiresAt = at(time.Hour) })
	got := changed(t, s, "first", 2*time.Minute, func(b *binding.Binding) { b.ExpiresAt = at(2 * time.Minute) })
	if got.State(at(2*time.Minute)) != binding.StateExpired {
		t.Errorf("cut short: %+v", got)
	}
	changed(t, s, "next", 2*time.Hour, func(b *binding.Binding) { b.ExpiresAt = time.Time{} })
}

// changeOrBind: of a change and binds that want one party on a number at once, one comes through.
func changeOrBind(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	for round := range 10 {
		x := block.Number(round)
		for i := range 4 {
			bind(t, s, pair(t, "there"+letters(round*10+i), x, 100+i))
		}
		wanted := subscriber(t, 1)
		var mu sync.Mutex
		won := 0
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				var err error
				if i < 4 {
					_, err = change(s, "there"+letters(round*10+i), time.Second, func(b *binding.Binding) { b.B = wanted })
				} else {
					b := pair(t, "new"+letters(round*10+i), x, 200+i)
					b.A, b.CreatedAt = wanted, at(time.Second)
					err = s.Bind(ctx, b)
				}
				switch {
				case err == nil:
					mu.Lock()
					won++
					mu.Unlock()
				case !errors.As(err, new(*binding.ConflictError)):
					t.Errorf("refused: %v", err)
				}
			})
		}
		all.Wait()
		if live := list(t, s, binding.Filter{Number: wanted, X: x, LiveAt: at(time.Minute)}); won != 1 || len(live) != 1 {
			t.Errorf("round %d: %d came through, %d live", round, won, len(live))
		}
	}
}

func changedByMany(t *testing.T, s binding.Store) {
	hold(t, s, block)
	b := pair(t, "one", block.Number(1), 1)
	b.Mode, b.Y = binding.ModeAXYB, block.Number(2)
	bind(t, s, b)
	const callers, rounds = 8, 10
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for i := range rounds {
				_, err := change(s, "one", time.Duration(i), func(b *binding.Binding) {
					b.Refs++
					b.A = subscriber(t, 1000+c*rounds+i)
				})
				if err != nil {
					t.Errorf("change: %v", err)
				}
			}
		})
	}
	all.Wait()
	got, err := s.Binding(context.Background(), "one")
	if err != nil || got.Refs != callers*rounds || len(got.Changes) != callers*rounds {
		t.Errorf("%d of %d changes are there, %v", got.Refs, callers*rounds, err)
	}
	before := b.A
	for i, c := range got.Changes {
		if c.Out != before {
			t.Errorf("change %d begins at another party than the one before ended at", i)
		}
		before = c.In
	}
}
