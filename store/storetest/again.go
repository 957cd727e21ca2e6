package storetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mask700/binding"
)

// reuse asks for a binding that may be there.
var reuse = binding.Repeat{Reuse: true}

// asked is what is asked for: no X, so long after start, under an id that nobody has.
func asked(t testing.TB, n int, after time.Duration) binding.Binding {
	b := pair(t, letters(n), 0, 1)
	b.Order, b.CreatedAt = "order", at(after)
	return b
}

// release takes one bind back, as a service does.
func release(s binding.Store, id string, after time.Duration) (binding.Binding, error) {
	return s.Change(context.Background(), id, func(b *binding.Binding) error {
		if b.Refs > 0 {
			b.Refs--
			b.UpdatedAt = at(after)
		} else if b.EndedAt.IsZero() {
			b.EndedAt = at(after)
		}
		return nil
	})
}

func boundAgain(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	first, again, err := s.BindAgain(ctx, asked(t, 1, 0), reuse)
	if err != nil || again || first.X == 0 || first.ID != letters(1) || first.Refs != 0 {
		t.Fatalf("first: %+v, %v, %v", first, again, err)
	}
	want := first
	for i := range 3 {
		b := asked(t, 2+i, time.Duration(i+1)*time.Minute)
		if i == 1 {
			b.X = first.X
		}
		got, again, err := s.BindAgain(ctx, b, reuse)
		want.Refs, want.UpdatedAt = i+1, b.CreatedAt
		if err != nil || !again || !same(got, want) {
			t.Fatalf("asked for again: %+v, %v, %v\nwant %+v", got, again, err, want)
		}
	}
	if all := list(t, s, binding.Filter{}); len(all) != 1 || !same(all[0], want) {
		t.Fatalf("kept: %+v", all)
	}
	for refs := 2; refs >= 0; refs-- {
		if b, err := release(s, first.ID, time.Hour); err != nil || b.Refs != refs || !b.EndedAt.IsZero() {
			t.Fatalf("released: %+v, %v", b, err)
		}
	}
	if b, err := release(s, first.ID, time.Hour); err != nil || b.EndedAt.IsZero() {
		t.Fatalf("the last release: %+v, %v", b, err)
	}
	if b, again, err := s.BindAgain(ctx, asked(t, 9, time.Hour), reuse); err != nil || again || b.ID == first.ID {
		t.Errorf("when it had ended: %+v, %v, %v", b, again, err)
	}
}

func boundAgainUntil(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	ask := func(n int, after, expires time.Duration) (binding.Binding, bool) {
		t.Helper()
		b := asked(t, n, after)
		if expires != 0 {
			b.ExpiresAt = at(expires)
		}
		got, again, err := s.BindAgain(ctx, b, reuse)
		if err != nil {
			t.Fatal(err)
		}
		return got, again
	}
	first, _ := ask(1, 0, time.Hour)
	if b, again := ask(2, time.Minute, time.Minute*30); !again || !b.ExpiresAt.Equal(at(time.Hour)) {
		t.Errorf("for a shorter time: %+v", b)
	}
	if b, again := ask(3, time.Minute, 2*time.Hour); !again || !b.ExpiresAt.Equal(at(2*time.Hour)) || b.ID != first.ID {
		t.Errorf("for a longer time: %+v", b)
	}
	second, again := ask(4, 2*time.Hour, 3*time.Hour)
	if again || second.ID == first.ID {
		t.Errorf("when it had expired: %+v", second)
	}
	if b, again := ask(5, 150*time.Minute, 0); !again || !b.ExpiresAt.IsZero() || b.ID != second.ID {
		t.Errorf("for ever: %+v", b)
	}
	if b, again := ask(6, 150*time.Minute, 9*time.Hour); !again || !b.ExpiresAt.IsZero() || b.Refs != 2 {
		t.Errorf("until a time: %+v", b)
	}
}

func boundAgainUnlike(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	first := asked(t, 1, 0)
	first.X, first.MaxDuration = block.Number(5), time.Minute
	if _, again, err := s.BindAgain(ctx, first, reuse); err != nil || again {
		t.Fatal(again, err)
	}
	n := 10
	for name, change := range map[string]func(*binding.Binding){
		"another order":       func(b *binding.Binding) { b.Order = "other" },
		"another tenant":      func(b *binding.Binding) { b.Tenant = "other" },
		"another party":       func(b *binding.Binding) { b.B = subscriber(t, 77) },
		"the other way round": func(b *binding.Binding) { b.A, b.B = b.B, b.A },
		"one way":             func(b *binding.Binding) { b.OneWay = binding.OneWayAToB },
		"a longer call":       func(b *binding.Binding) { b.MaxDuration = time.Hour },
		"recorded":            func(b *binding.Binding) { b.Record = true },
		"another consent":     func(b *binding.Binding) { b.Consent = "other" },
		"other data":          func(b *binding.Binding) { b.Data = "other" },
	} {
		n++
		b := first
		b.ID, b.X = letters(n), 0
		change(&b)
		if got, again, err := s.BindAgain(ctx, b, reuse); err != nil || again || got.ID != b.ID || got.X == first.X {
			t.Errorf("%s: %+v, %v, %v", name, got, again, err)
		}
		b.ID, b.X = letters(100+n), first.X
		_, _, err := s.BindAgain(ctx, b, reuse)
		wantConflict(t, name+" on its number", err, first.ID)
	}
	if b, err := s.Binding(ctx, first.ID); err != nil || b.Refs != 0 || !b.UpdatedAt.IsZero() {
		t.Errorf("the first one: %+v, %v", b, err)
	}
	b := first
	b.ID = letters(200)
	_, _, err := s.BindAgain(ctx, b, binding.Repeat{})
	wantConflict(t, "not to be bound again", err, first.ID)
	// A longer life may be somebody else's.
	b.ExpiresAt = at(time.Hour)
	b.ID, b.X, b.Order = letters(201), block.Number(6), "short"
	if _, _, err := s.BindAgain(ctx, b, reuse); err != nil {
		t.Fatal(err)
	}
	next := b
	next.ID, next.Order, next.CreatedAt, next.ExpiresAt = letters(202), "next", at(2*time.Hour), time.Time{}
	bind(t, s, next)
	b.ID, b.CreatedAt, b.ExpiresAt = letters(203), at(time.Minute), at(3*time.Hour)
	_, _, err = s.BindAgain(ctx, b, reuse)
	wantConflict(t, "bound again for longer", err, next.ID)
	if b, err := s.Binding(ctx, letters(201)); err != nil || b.Refs != 0 {
		t.Errorf("refused and counted: %+v, %v", b, err)
	}
}

// boundAgainBehindOthers: orders are names like any, and what other tenants have under the same one hides nothing.
func boundAgainBehindOthers(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	first, _, err := s.BindAgain(ctx, asked(t, 1, 0), reuse)
	if err != nil {
		t.Fatal(err)
	}
	others := make([]binding.Binding, binding.MaxReuse+44)
	for i := range others {
		others[i] = pair(t, letters(1000+i), block.Number(1000+i), 1000+i)
		others[i].Order, others[i].Tenant, others[i].CreatedAt = first.Order, "other", at(time.Minute)
	}
	if err := errors.Join(s.Import(ctx, others)...); err != nil {
		t.Fatal(err)
	}
	if b, again, err := s.BindAgain(ctx, asked(t, 2, time.Hour), reuse); err != nil || !again || b.ID != first.ID || b.Refs != 1 {
		t.Errorf("behind %d of another tenant: %s, %v, %v", len(others), b.ID, again, err)
	}
}

// boundAgainByMany: as many binds as releases, at once, end one binding after the other and lose none.
func boundAgainByMany(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	const callers = 24
	var ids [callers]string
	var made atomic.Int32
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			b := asked(t, c, time.Duration(callers-c)*time.Millisecond) // their clocks do not agree
			if c%2 == 0 {
				b.X = block.Number(7)
			}
			got, again, err := s.BindAgain(ctx, b, reuse)
			if err != nil {
				t.Errorf("bind: %v", err)
			}
			if !again {
				made.Add(1)
			}
			ids[c] = got.ID
		})
	}
	all.Wait()
	// Who names no number takes the one on 7, unless it drew one before that was there.
	rows := list(t, s, binding.Filter{})
	sum := 0
	for _, b := range rows {
		sum += b.Refs + 1
	}
	if int(made.Load()) != len(rows) || len(rows) > 2 || sum != callers {
		t.Fatalf("%d were made, %d are there, bound %d times", made.Load(), len(rows), sum)
	}
	for c := range callers {
		all.Go(func() {
			if _, err := release(s, ids[c], time.Hour); err != nil && !errors.Is(err, binding.ErrEnded) {
				t.Errorf("release: %v", err)
			}
		})
	}
	all.Wait()
	for _, b := range list(t, s, binding.Filter{}) {
		if b.Refs != 0 || b.EndedAt.IsZero() {
			t.Errorf("after all were released: %+v", b)
		}
	}
}

func key(name, request string) binding.Repeat { return binding.Repeat{Key: name, Request: request} }

func doneOnce(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	_, err := s.Repeated(ctx, binding.DefaultTenant, key("k", "r"), start)
	wantError(t, "nothing was done", err, binding.ErrNotFound)
	first, again, err := s.BindAgain(ctx, asked(t, 1, 0), key("k", "r"))
	if err != nil || again || first.ID != letters(1) {
		t.Fatalf("first: %+v, %v, %v", first, again, err)
	}
	for i, after := range []time.Duration{0, -time.Hour, time.Hour, 23*time.Hour + 59*time.Minute} {
		b := asked(t, 2+i, after)
		b.X = block.Number(9) // what is asked for is in the text alone
		got, again, err := s.BindAgain(ctx, b, key("k", "r"))
		if err != nil || !again || !same(got, first) {
			t.Errorf("after %v: %+v, %v, %v", after, got, again, err)
		}
		if got, err := s.Repeated(ctx, binding.DefaultTenant, key("k", "r"), at(after)); err != nil || !same(got, first) {
			t.Errorf("read after %v: %+v, %v", after, got, err)
		}
	}
	_, _, err = s.BindAgain(ctx, asked(t, 10, time.Hour), key("k", "other"))
	wantError(t, "another request", err, binding.ErrKeyUsed)
	_, err = s.Repeated(ctx, binding.DefaultTenant, key("k", "other"), at(time.Hour))
	wantError(t, "read of another request", err, binding.ErrKeyUsed)
	_, err = s.Repeated(ctx, "other", key("k", "r"), at(time.Hour))
	wantError(t, "of another tenant", err, binding.ErrNotFound)
	b := asked(t, 11, time.Hour)
	b.Tenant = "other"
	if got, again, err := s.BindAgain(ctx, b, key("k", "other")); err != nil || again || got.ID != b.ID {
		t.Errorf("another tenant's key: %+v, %v, %v", got, again, err)
	}
	ended, err := s.Unbind(ctx, first.ID, at(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if got, again, err := s.BindAgain(ctx, asked(t, 12, 3*time.Hour), key("k", "r")); err != nil || !again || !same(got, ended) {
		t.Errorf("when it had ended: %+v, %v, %v", got, again, err)
	}
	if got, again, err := s.BindAgain(ctx, asked(t, 13, binding.KeyLife), key("k", "r")); err != nil || again || got.ID == first.ID {
		t.Errorf("after a day: %+v, %v, %v", got, again, err)
	}
	// Days later the key is as new, and what was done with others is forgotten.
	if got, again, err := s.BindAgain(ctx, asked(t, 14, 3*binding.KeyLife), key("l", "r")); err != nil || again || got.ID != letters(14) {
		t.Errorf("another key: %+v, %v, %v", got, again, err)
	}
	if got, again, err := s.BindAgain(ctx, asked(t, 15, 3*binding.KeyLife), key("k", "third")); err != nil || again || got.ID != letters(15) {
		t.Errorf("days later: %+v, %v, %v", got, again, err)
	}
}

// changedOnce: a change under a key is made once in a day, and what it left as it was, or was refused, is none.
func changedOnce(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	for i := range 5 {
		if _, _, err := s.BindAgain(ctx, asked(t, 1+i, time.Duration(i)*time.Second), reuse); err != nil {
			t.Fatal(err)
		}
	}
	id := letters(1)
	once := func(id string, k binding.Repeat, after time.Duration, refs int) (binding.Binding, error) {
		return s.ChangeOnce(ctx, id, k, at(after), func(b *binding.Binding) error {
			b.Refs, b.UpdatedAt = refs, at(after)
			return nil
		})
	}
	refs := func(what string, want int, b binding.Binding, err error) {
		t.Helper()
		there, failed := s.Binding(ctx, id)
		if err != nil || failed != nil || b.Refs != want || !same(b, there) {
			t.Errorf("%s: %+v, %v; there is %+v, %v", what, b, err, there, failed)
		}
	}
	_, err := once(letters(99), key("k", "r"), time.Minute, 3)
	wantError(t, "of nobody", err, binding.ErrNotFound)
	refused := errors.New("refused")
	_, err = s.ChangeOnce(ctx, id, key("k", "r"), at(time.Minute), func(*binding.Binding) error { return refused })
	wantError(t, "that was refused", err, refused)
	b, err := s.ChangeOnce(ctx, id, key("k", "r"), at(time.Minute), func(*binding.Binding) error { return nil })
	refs("nothing is changed", 4, b, err)
	_, err = s.Repeated(ctx, binding.DefaultTenant, key("k", "r"), at(time.Minute))
	wantError(t, "nothing was done", err, binding.ErrNotFound)
	b, err = once(id, key("k", "r"), time.Minute, 3)
	refs("the first time", 3, b, err)
	for _, after := range []time.Duration{time.Minute, 0, time.Hour, 24 * time.Hour} {
		b, err = once(id, key("k", "r"), after, 2)
		refs("again", 3, b, err)
	}
	_, err = once(id, key("k", "other"), time.Hour, 2)
	wantError(t, "another request", err, binding.ErrKeyUsed)
	b, err = once(id, key("l", "r"), time.Hour, 2)
	refs("another key", 2, b, err)
	b, err = once(id, key("k", "r"), time.Minute+binding.KeyLife, 1)
	refs("after a day", 1, b, err)
	_, _, err = s.BindAgain(ctx, asked(t, 10, 25*time.Hour), key("k", "bind"))
	wantError(t, "a bind under it", err, binding.ErrKeyUsed)
}

func refusedIsNotDone(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	taken := asked(t, 1, 0)
	taken.X = block.Number(3)
	bind(t, s, taken)
	b := asked(t, 2, time.Minute)
	b.X = taken.X
	_, _, err := s.BindAgain(ctx, b, key("k", "r"))
	wantConflict(t, "a number that is taken", err, taken.ID)
	_, err = s.Repeated(ctx, binding.DefaultTenant, key("k", "r"), at(time.Minute))
	wantError(t, "it was refused", err, binding.ErrNotFound)
	if _, err := s.Unbind(ctx, taken.ID, at(time.Minute)); err != nil {
		t.Fatal(err)
	}
	b.CreatedAt = at(2 * time.Minute)
	if got, again, err := s.BindAgain(ctx, b, key("k", "r")); err != nil || again || got.X != taken.X {
		t.Errorf("tried again: %+v, %v, %v", got, again, err)
	}
	// Both at once: a key counts once, however often it is sent.
	both := binding.Repeat{Reuse: true, Key: "both", Request: "r"}
	for i := range 3 {
		got, again, err := s.BindAgain(ctx, asked(t, 10+i, 3*time.Minute), both)
		if err != nil || !again || got.ID != b.ID || got.Refs != 1 {
			t.Errorf("bound once more under a key: %+v, %v, %v", got, again, err)
		}
	}
}

// doneOnceByMany: of twins one is done, and all are told which.
func doneOnceByMany(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	const callers, keys = 24, 4
	var ids [callers]string
	var made atomic.Int32
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			b := asked(t, c, 0)
			if c%2 == 0 {
				b.X = block.Number(c % keys)
			}
			name := letters(c % keys)
			got, again, err := s.BindAgain(ctx, b, key(name, name))
			if err != nil {
				t.Errorf("bind: %v", err)
			}
			if !again {
				made.Add(1)
			}
			ids[c] = got.ID
		})
	}
	all.Wait()
	for c := range callers {
		if ids[c] != ids[c%keys] {
			t.Errorf("caller %d got %s, its twin %s", c, ids[c], ids[c%keys])
		}
	}
	if n := len(list(t, s, binding.Filter{})); made.Load() != keys || n != keys {
		t.Errorf("%d were made, %d are there, of %d keys", made.Load(), n, keys)
	}
}
