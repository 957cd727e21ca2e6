package storetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"mask700/binding"
)

// imports: each is bound under the conditions of Bind, or of Draw where it lacks a number, and keeps no other back.
func imports(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	bind(t, s, pair(t, letters(1), block.Number(1), 1))
	var bs []binding.Binding
	var want []error
	add := func(err error, b binding.Binding) { bs, want = append(bs, b), append(want, err) }
	for n := 100; n < 160; n++ {
		add(nil, pair(t, letters(n), block.Number(n), n))
	}
	add(binding.ErrExists, pair(t, letters(1), block.Number(2), 2))
	add(new(binding.ConflictError), pair(t, letters(3), block.Number(1), 1))
	add(binding.ErrNotHeld, pair(t, letters(4), (block+1).Number(1), 4))
	add(nil, pair(t, letters(5), block.Number(100), 5)) // another pair on a number that is imported too
	for n := 200; n < 260; n++ {
		b := pair(t, letters(n), 0, n)
		if n%3 == 0 {
			b.Mode = binding.ModeAXYB
		}
		add(nil, b)
	}
	none := pair(t, letters(6), 0, 6)
	none.Tenant = "rides"
	holdFor(t, s, block+2, "rides", binding.BlockLocked)
	add(binding.ErrNoFreeNumber, none)
	given := append([]binding.Binding(nil), bs...)

	errs := s.Import(ctx, bs)
	if len(errs) != len(bs) {
		t.Fatalf("%d answers to %d bindings", len(errs), len(bs))
	}
	on := make(map[binding.X]bool)
	for i, err := range errs {
		var conflict *binding.ConflictError
		switch {
		case errors.As(want[i], &conflict) && errors.As(err, &conflict):
		case want[i] == nil && err != nil, want[i] != nil && !errors.Is(err, want[i]):
			t.Errorf("%d: %v, want %v", i, err, want[i])
		}
		if err != nil {
			continue
		}
		b := &bs[i]
		if got, err := s.Binding(ctx, b.ID); err != nil || !same(got, *b) {
			t.Errorf("%d is stored as %+v, %v", i, got, err)
		}
		if got, err := s.Imported(ctx, b.ID); err != nil || !same(got, *b) {
			t.Errorf("%d was imported as %+v, %v", i, got, err)
		}
		if given[i].X != 0 {
			continue
		}
		for _, x := range []binding.X{b.X, b.Y} {
			if x.Block() != block && (x != 0 || b.Mode.HasY()) || on[x] && x != 0 {
				t.Errorf("%d drew %v", i, x)
			}
			on[x] = true
		}
		if rows := onX(t, s, b.X); len(rows) != 1 {
			t.Errorf("%d rows on a number that was drawn", len(rows))
		}
	}
	if all := list(t, s, binding.Filter{}); len(all) != 1+60+1+60 {
		t.Errorf("%d bindings", len(all))
	}
	if errs := s.Import(ctx, nil); len(errs) != 0 {
		t.Errorf("of none: %v", errs)
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Import(over, []binding.Binding{pair(t, letters(7), block.Number(7), 7)})[0]; err == nil {
		t.Error("a context that has ended: no error")
	}
	if left, err := s.Binding(ctx, letters(7)); !errors.Is(err, binding.ErrNotFound) {
		t.Errorf("it left %v, %v", left, err)
	}
	if left, err := s.Imported(ctx, letters(7)); !errors.Is(err, binding.ErrNotFound) {
		t.Errorf("of it %v was imported, %v", left, err)
	}
}

// importOrBind: several import and others bind the same people on the same numbers and draw besides. Each number has one
// winner, and no number is drawn that another has.
func importOrBind(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	const numbers, callers = 60, 6
	var wins [numbers]atomic.Int32
	var drawn sync.Map
	var all sync.WaitGroup
	won := func(n int, err error) {
		var conflict *binding.ConflictError
		switch {
		case err == nil:
			wins[n].Add(1)
		case !errors.As(err, &conflict):
			t.Errorf("bind: %v", err)
		}
	}
	for c := range callers {
		all.Go(func() {
			var bs []binding.Binding
			for n := range numbers {
				bs = append(bs, pair(t, letters(1000*c+n), block.Number(n), n), pair(t, letters(1000*c+500+n), 0, 1000+500*c+n))
			}
			if c%2 == 0 {
				for i, err := range s.Import(ctx, bs) {
					if i%2 == 0 {
						won(i/2, err)
					} else if err != nil {
						t.Errorf("drawn: %v", err)
					} else if other, twice := drawn.LoadOrStore(bs[i].X, bs[i].ID); twice {
						t.Errorf("%v drew the number of %v", bs[i].ID, other)
					}
				}
				return
			}
			for i, b := range bs {
				if i%2 == 0 {
					won(i/2, s.Bind(ctx, b))
				} else if b, err := s.Draw(ctx, b); err != nil {
					t.Errorf("drawn: %v", err)
				} else if other, twice := drawn.LoadOrStore(b.X, b.ID); twice {
					t.Errorf("%v drew the number of %v", b.ID, other)
				}
			}
		})
	}
	all.Wait()
	for n := range numbers {
		if w := wins[n].Load(); w != 1 {
			t.Errorf("number %d has %d winners", n, w)
		}
	}
	if rows := list(t, s, binding.Filter{}); len(rows) != numbers+callers*numbers {
		t.Errorf("%d bindings", len(rows))
	}
}
