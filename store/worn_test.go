package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"mask700/binding"
)

// wornOut binds on a number as often as it takes, each binding for a second, and returns when the last was over.
func wornOut(t *testing.T, k *kept, x binding.X) {
	t.Helper()
	for i := range k.db.opts.maxRows {
		k.bind(100+i, time.Second, func(b *binding.Binding) { b.X = x })
		k.now = k.now.Add(time.Minute)
	}
}

// wornNumbers is how many are said to be, and how many free.
func wornNumbers(t *testing.T, db *DB) (worn, free int) {
	t.Helper()
	all, err := db.Stock(context.Background())
	if err != nil || len(all) != 1 {
		t.Fatalf("%d blocks, %v", len(all), err)
	}
	return all[0].Worn, all[0].Free
}

// TestWornNumber: one that has as many rows as it takes is told so, counted, and not drawn, until retention deletes some.
func TestWornNumber(t *testing.T) {
	for what, first := range map[string]func(*DB) error{
		"the pool knows it": func(db *DB) error { _, err := db.Stock(context.Background()); return err },
		"it does not":       func(*DB) error { return nil },
	} {
		t.Run(what, func(t *testing.T) {
			ctx := context.Background()
			k := newKept(t, 10)
			k.o.maxRows = 5
			k.reopen()
			if err := first(k.db); err != nil {
				t.Fatal(err)
			}
			x := testBlock.Number(7)
			wornOut(t, k, x)
			named := testPair(t, "named", 7)
			named.CreatedAt = k.now
			err := k.db.Bind(ctx, named)
			var number *binding.NumberError
			if !errors.Is(err, binding.ErrWorn) || !errors.Is(err, binding.ErrCrowded) || !errors.As(err, &number) || number.X != x {
				t.Errorf("one that names it: %v", err)
			}
			if errs := k.db.Import(ctx, []binding.Binding{named}); !errors.Is(errs[0], binding.ErrWorn) {
				t.Errorf("imported: %v", errs[0])
			}
			for range 2 { // also as a start counts it
				if worn, free := wornNumbers(t, k.db); worn != 1 || free != binding.BlockSize-1 {
					t.Errorf("%d worn, %d free", worn, free)
				}
				k.reopen()
			}
			// A change does not make it usable.
			last := testID(100 + k.o.maxRows - 1)
			if _, err := k.db.Unbind(ctx, last, k.now); err != nil {
				t.Fatal(err)
			}
			if worn, _ := wornNumbers(t, k.db); worn != 1 {
				t.Errorf("%d worn after a change", worn)
			}
			k.now = k.now.Add(10*day - 2*time.Minute)
			if err := k.db.ConfirmClock(); err != nil {
				t.Fatal(err)
			}
			if _, swept, _ := k.sweep(); swept.Deleted == 0 || swept.Deleted == uint64(k.o.maxRows) {
				t.Fatalf("%d deleted", swept.Deleted)
			}
			if worn, free := wornNumbers(t, k.db); worn != 0 || free != binding.BlockSize {
				t.Errorf("%d worn, %d free after retention", worn, free)
			}
			named.CreatedAt = k.now
			mustBind(t, k.db, named)
			checked(t, k.db)
		})
	}
}

// TestWornNumbersAreNotDrawn: of a block in which only one number may be had all others are passed over without reading what is on them.
func TestWornNumbersAreNotDrawn(t *testing.T) {
	ctx := context.Background()
	k := newKept(t, 10)
	k.o.maxRows = 3
	k.o.Numbers = nil
	k.reopen()
	x, y := testBlock.Number(7), testBlock.Number(8)
	wornOut(t, k, x)
	for serial := range binding.BlockSize {
		if n := testBlock.Number(serial); n != x && n != y {
			k.db.blocks.table.Load().held[testBlock].Lock(serial, true)
		}
	}
	draw := func(id string, n int) (binding.Binding, error) {
		b := testPair(t, id, n)
		b.X, b.CreatedAt, b.ExpiresAt = 0, k.now, k.now.Add(time.Second)
		return k.db.Draw(ctx, b)
	}
	for i := range k.o.maxRows {
		if b, err := draw(testID(900+i), 900+i); err != nil || b.X != y {
			t.Fatalf("draw %d: %v, on %d", i, err, b.X%binding.BlockSize)
		}
		k.now = k.now.Add(time.Minute)
	}
	_, err := draw("none", 999)
	var none *binding.PoolError
	if !errors.As(err, &none) || none.Worn != 2 || none.InUse != 0 || none.Closed != 0 {
		t.Errorf("when both are worn: %v, %+v", err, none)
	}
}
