package storetest

import (
	"context"
	"reflect"
	"testing"

	"mask700/binding"
)

func lock(t testing.TB, s binding.Store, x binding.X, locked bool) {
	t.Helper()
	if err := s.LockNumber(context.Background(), x, locked); err != nil {
		t.Fatalf("lock %v, %v: %v", x, locked, err)
	}
}

// occupy binds on the numbers of a block from one on, but for some.
func occupy(t testing.TB, s binding.Store, b binding.Block, from int, except func(serial int) bool) {
	t.Helper()
	var bs []binding.Binding
	for serial := from; serial < binding.BlockSize; serial++ {
		if except == nil || !except(serial) {
			bs = append(bs, pair(t, letters(100_000+serial), b.Number(serial), 100_000+serial))
		}
	}
	for i, err := range s.Import(context.Background(), bs) {
		if err != nil {
			t.Fatalf("%v: %v", bs[i].X, err)
		}
	}
}

// lockedNumbers: a locked number is neither given nor drawn, keeps what is bound on it, and is open again afterwards.
func lockedNumbers(t *testing.T, s binding.Store) {
	ctx := context.Background()
	wantError(t, "no block", s.LockNumber(ctx, block.Number(1), true), binding.ErrNotHeld)
	hold(t, s, block)
	bind(t, s, pair(t, "before", block.Number(1), 1))
	for range 2 {
		lock(t, s, block.Number(1), true)
		lock(t, s, block.Number(2), true)
	}
	err := s.Bind(ctx, pair(t, "given", block.Number(2), 2))
	wantError(t, "given", err, binding.ErrNumberLocked)
	wantError(t, "as one that is not open", err, binding.ErrNotOpen)
	two := pair(t, "second", block.Number(3), 3)
	two.Mode, two.Y = binding.ModeAXYB, block.Number(2)
	wantError(t, "given as y", s.Bind(ctx, two), binding.ErrNumberLocked)
	if b, err := s.Binding(ctx, "before"); err != nil || b.State(at(1)) != binding.StateLive {
		t.Errorf("%+v, %v", b, err)
	}
	const some = 40
	occupy(t, s, block, some, nil)
	for serial := 3; serial < some; serial++ {
		lock(t, s, block.Number(serial), true)
	}
	if b, err := drawFor(t, s, 4); err != nil || b.X != block.Number(0) {
		t.Errorf("drew %v, %v; one alone is open", b.X, err)
	}
	_, err = drawFor(t, s, 5)
	wantNone(t, "all are locked or in use", err, binding.DefaultTenant, 1, 2+binding.BlockSize-some)
	lock(t, s, block.Number(7), false)
	if b, err := drawFor(t, s, 6); err != nil || b.X != block.Number(7) {
		t.Errorf("drew %v, %v; one alone is open again", b.X, err)
	}

	// They go with their block.
	hold(t, s, block+1)
	lock(t, s, (block + 1).Number(1), true)
	if err := s.RemoveBlock(ctx, block+1); err != nil {
		t.Fatal(err)
	}
	hold(t, s, block+1)
	bind(t, s, pair(t, "held anew", (block+1).Number(1), 8))
}

func stock(t *testing.T, s binding.Store) {
	ctx := context.Background()
	if all, err := s.Stock(ctx); err != nil || len(all) != 0 {
		t.Errorf("no block: %+v, %v", all, err)
	}
	holdFor(t, s, block+1, "rides", binding.BlockLocked)
	holdFor(t, s, block, binding.DefaultTenant, binding.BlockOpen)
	bind(t, s, pair(t, "one", block.Number(1), 1))
	bind(t, s, pair(t, "two", block.Number(1), 2))
	bind(t, s, pair(t, "ended", block.Number(2), 3))
	if _, err := s.Unbind(ctx, "ended", at(1)); err != nil {
		t.Fatal(err)
	}
	lock(t, s, block.Number(9), true)
	lock(t, s, block.Number(1), true)
	lock(t, s, block.Number(4), true)
	lock(t, s, block.Number(4), false)
	all, err := s.Stock(ctx)
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	want := binding.Stock{InUse: 1, Free: 9998, Fresh: 9997, LockedNumbers: []binding.X{block.Number(1), block.Number(9)}}
	want.BlockState = all[0].BlockState
	all[0].Resting = 0 // by the engine's quarantine
	if !reflect.DeepEqual(all[0], want) || want.Block != block {
		t.Errorf("%+v, want %+v", all[0], want)
	}
	if got := all[1]; got.Block != block+1 || got.Tenant != "rides" || got.State != binding.BlockLocked || got.Free != 10000 || got.Fresh != 10000 {
		t.Errorf("%+v", got)
	}
}

func locksAgain(t *testing.T, again func() Engine) {
	e := again()
	hold(t, e, block)
	lock(t, e, block.Number(1), true)
	lock(t, e, block.Number(2), true)
	lock(t, e, block.Number(2), false)
	e = again()
	wantError(t, "locked before", e.Bind(context.Background(), pair(t, "locked", block.Number(1), 1)), binding.ErrNumberLocked)
	bind(t, e, pair(t, "unlocked", block.Number(2), 2))
}
