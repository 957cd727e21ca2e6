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

// drawFor draws a number for the pair n.
func drawFor(t testing.TB, s binding.Store, n int, change ...func(*binding.Binding)) (binding.Binding, error) {
	t.Helper()
	b := pair(t, letters(n), 0, n)
	for _, c := range change {
		c(&b)
	}
	return s.Draw(context.Background(), b)
}

func holdFor(t testing.TB, s binding.Store, b binding.Block, tenant, state string) {
	t.Helper()
	if err := s.AddBlock(context.Background(), binding.BlockState{Block: b, State: state, AddedAt: start, Tenant: tenant}); err != nil {
		t.Fatal(err)
	}
}

// wantNone fails unless err says that a tenant's blocks have no number left.
func wantNone(t testing.TB, what string, err error, tenant string, blocks, inUse int) {
	t.Helper()
	var pool *binding.PoolError
	if !errors.As(err, &pool) || !errors.Is(err, binding.ErrNoFreeNumber) || pool.Tenant != tenant || pool.Blocks != blocks || pool.InUse != inUse {
		t.Errorf("%s: got error %v", what, err)
	}
}

func drawsOfTenants(t *testing.T, s binding.Store) {
	ctx := context.Background()
	_, err := drawFor(t, s, 0)
	wantNone(t, "no block", err, binding.DefaultTenant, 0, 0)
	holdFor(t, s, block, "", binding.BlockOpen)
	holdFor(t, s, block+1, "rides", binding.BlockOpen)
	holdFor(t, s, block+2, "rides", binding.BlockLocked)
	holdFor(t, s, block+3, "parcels", binding.BlockLocked)
	for i, c := range []struct {
		tenant string
		from   binding.Block
	}{{"", block}, {binding.DefaultTenant, block}, {"a shop", block}, {"rides", block + 1}} {
		for n := range 20 {
			b, err := drawFor(t, s, 100+100*i+n, func(b *binding.Binding) { b.Tenant = c.tenant })
			if err != nil || b.X.Block() != c.from || b.Y != 0 {
				t.Errorf("tenant %q drew %v, %v; %v, want block %v", c.tenant, b.X, b.Y, err, c.from)
			}
			if got, err := s.Binding(ctx, b.ID); err != nil || !same(got, b) {
				t.Errorf("stored %+v, %v", got, err)
			}
		}
	}
	_, err = drawFor(t, s, 1, func(b *binding.Binding) { b.Tenant = "parcels" })
	wantNone(t, "no open block of its own", err, "parcels", 0, 0)
	for i, c := range []struct {
		tenant string
		x      binding.X
		want   error
	}{
		{"rides", (block + 1).Number(5000), nil}, {"", block.Number(5000), nil}, {"a shop", block.Number(5001), nil},
		{"rides", block.Number(5002), binding.ErrOtherTenant}, {"parcels", block.Number(5002), binding.ErrOtherTenant},
		{"", (block + 1).Number(5001), binding.ErrOtherTenant}, {"a shop", (block + 1).Number(5001), binding.ErrOtherTenant},
		{"parcels", (block + 1).Number(5001), binding.ErrOtherTenant}, {"rides", (block + 2).Number(1), binding.ErrNotOpen},
	} {
		b := pair(t, letters(900+i), c.x, 900+i)
		b.Tenant = c.tenant
		wantError(t, c.tenant+" on "+c.x.String(), s.Bind(ctx, b), c.want)
		if c.want == binding.ErrOtherTenant && c.tenant != "parcels" {
			b.X, b.Y, b.Mode = 0, c.x, binding.ModeAXYB
			_, err := s.Draw(ctx, b)
			wantError(t, "given as y, "+c.tenant+" on "+c.x.String(), err, c.want)
		}
	}
	drawsOfItsOwn(t, s)
	// What a tenant drew before it had blocks of its own goes on.
	holdFor(t, s, block+4, "a shop", binding.BlockOpen)
	if b, err := drawFor(t, s, 2, func(b *binding.Binding) { b.Tenant = "a shop" }); err != nil || b.X.Block() != block+4 {
		t.Errorf("with a block of its own: %v, %v", b.X, err)
	}
	if _, err := s.Unbind(ctx, letters(300), at(time.Minute)); err != nil {
		t.Error(err)
	}
}

// drawsOfItsOwn: a tenant that takes no number of the shared blocks gets none, whether it has blocks or not.
func drawsOfItsOwn(t *testing.T, s binding.Store) {
	t.Helper()
	const shared, own = block, block + 5
	put(t, s, binding.Tenant{Name: "alone", State: binding.TenantActive, TenantSettings: binding.TenantSettings{OwnBlocks: true}})
	of := func(b *binding.Binding) { b.Tenant = "alone" }
	bindOn := func(n int, x binding.X) error {
		b := pair(t, letters(2000+n), x, 2000+n)
		of(&b)
		return s.Bind(context.Background(), b)
	}
	_, err := drawFor(t, s, 2000, of)
	wantNone(t, "none but its own, and it has none", err, "alone", 0, 0)
	wantError(t, "a shared number", bindOn(1, shared.Number(6000)), binding.ErrOtherTenant)
	holdFor(t, s, own, "alone", binding.BlockOpen)
	if b, err := drawFor(t, s, 2002, of); err != nil || b.X.Block() != own {
		t.Errorf("none but its own: drew %v, %v", b.X, err)
	}
	wantError(t, "a number of its own", bindOn(3, own.Number(6000)), nil)
	wantError(t, "a shared number still", bindOn(4, shared.Number(6001)), binding.ErrOtherTenant)
}

func drawsFresh(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	given := pair(t, "given", block.Number(17), 9000)
	bind(t, s, given)
	seen := map[binding.X]bool{given.X: true}
	var before binding.X
	near := 0
	for n := range 300 {
		b, err := drawFor(t, s, n, func(b *binding.Binding) { b.ExpiresAt = at(time.Hour) })
		if err != nil || seen[b.X] {
			t.Fatalf("draw %d: %v, %v", n, b.X, err)
		}
		if seen[b.X] = true; b.X-before < 100 || before-b.X < 100 {
			near++
		}
		before = b.X
		// One that is free again waits until the fresh ones are gone.
		if n%2 == 0 {
			if _, err := s.Unbind(ctx, b.ID, start); err != nil {
				t.Fatal(err)
			}
		}
	}
	if near > 30 { // 6 are to be expected
		t.Errorf("%d of 300 numbers are near the one before", near)
	}
}

func drawsWhatLacks(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	two := func(b *binding.Binding) { b.Mode = binding.ModeAXYB }
	b, err := drawFor(t, s, 1, two)
	if err != nil || b.X == b.Y || b.X.Block() != block || b.Y.Block() != block {
		t.Fatalf("two numbers: %v and %v, %v", b.X, b.Y, err)
	}
	if rows := onX(t, s, b.Y); len(rows) != 1 || !same(rows[0], b) {
		t.Errorf("on the second: %+v", rows)
	}
	b, err = drawFor(t, s, 2, two, func(b *binding.Binding) { b.X = block.Number(3) })
	if err != nil || b.X != block.Number(3) || b.Y == b.X || b.Y.Block() != block {
		t.Errorf("x is given: %v and %v, %v", b.X, b.Y, err)
	}
	b, err = drawFor(t, s, 3, two, func(b *binding.Binding) { b.Y = block.Number(4) })
	if err != nil || b.Y != block.Number(4) || b.Y == b.X || b.X.Block() != block {
		t.Errorf("y is given: %v and %v, %v", b.X, b.Y, err)
	}
	// What is wrong with a number that was given is said; nothing is bound.
	taken := pair(t, "taken", block.Number(5), 4)
	bind(t, s, taken)
	again := pair(t, "again", 0, 4)
	again.Mode, again.Y = binding.ModeAXYB, block.Number(5)
	_, err = s.Draw(ctx, again)
	wantConflict(t, "y is taken", err, "taken")
	_, err = s.Binding(ctx, "again")
	wantError(t, "refused", err, binding.ErrNotFound)
	taken.X = 0
	_, err = s.Draw(ctx, taken)
	wantError(t, "the id", err, binding.ErrExists)
}

// drawsToTheEnd fills a block from many goroutines at once: nobody gets a number that another has, every one is found,
// and then that is said.
func drawsToTheEnd(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	const callers, surplus = 64, 40
	draw := func(first, n int) map[binding.X]string {
		var next, none atomic.Int32
		var mu sync.Mutex
		got := make(map[binding.X]string)
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				for i := int(next.Add(1)); i <= n+surplus; i = int(next.Add(1)) {
					b, err := drawFor(t, s, first+i)
					switch {
					case errors.Is(err, binding.ErrNoFreeNumber):
						none.Add(1)
					case err != nil:
						t.Errorf("draw: %v", err)
					default:
						mu.Lock()
						if got[b.X] != "" {
							t.Errorf("%v was drawn twice", b.X)
						}
						got[b.X] = b.ID
						mu.Unlock()
					}
				}
			})
		}
		all.Wait()
		if len(got) != n || none.Load() != surplus {
			t.Errorf("%d numbers drawn and %d refusals, want %d and %d", len(got), none.Load(), n, surplus)
		}
		return got
	}
	// Some are in use already, because they were asked for.
	const asked = 100
	for i := range asked {
		bind(t, s, pair(t, letters(50000+i), block.Number(i*19), 50000+i))
	}
	all := draw(0, binding.BlockSize-asked)
	_, err := drawFor(t, s, 60000)
	wantNone(t, "full", err, binding.DefaultTenant, 1, binding.BlockSize)
	// What is given back is found again, and no more than that.
	freed := 0
	for _, id := range all {
		if freed++; freed > 30 {
			break
		}
		if _, err := s.Unbind(ctx, id, start); err != nil {
			t.Fatal(err)
		}
	}
	draw(20000, 30)
}
