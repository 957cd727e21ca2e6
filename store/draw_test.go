package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/pool"
)

func mustDraw(t testing.TB, db *DB, n int) binding.Binding {
	t.Helper()
	b := testPair(t, testID(n), n)
	b.X = 0
	b, err := db.Draw(context.Background(), b)
	if err != nil {
		t.Fatalf("draw: %v", err)
	}
	return b
}

// TestNothingIsDrawnWhereAnEndpointDecides: whom it gives a number of its block is not known here. Who asks for one has it.
func TestNothingIsDrawnWhereAnEndpointDecides(t *testing.T) {
	t.Parallel()
	o := options(t, t.TempDir())
	o.Decided = func(b binding.Block) bool { return b == testBlock+1 }
	db := mustOpen(t, o)
	hold := func(b binding.Block) {
		t.Helper()
		state := binding.BlockState{Block: b, State: binding.BlockOpen, AddedAt: testStart, Tenant: binding.DefaultTenant}
		if err := db.AddBlock(context.Background(), state); err != nil {
			t.Fatal(err)
		}
	}
	hold(testBlock + 1)
	lacks := testPair(t, testID(1000), 1000)
	lacks.X = 0
	var none *binding.PoolError
	if _, err := db.Draw(context.Background(), lacks); !errors.As(err, &none) || none.Blocks != 0 {
		t.Errorf("drawn from its block alone: %v", err)
	}
	hold(testBlock)
	n := 0
	for _, when := range []string{"at first", "after a start"} {
		for range 20 {
			if b := mustDraw(t, db, n); b.X.Block() != testBlock {
				t.Errorf("%s: drew %v", when, b.X)
			}
			n++
		}
		stock, err := db.Stock(context.Background())
		if err != nil || len(stock) != 2 || stock[0].Decided || !stock[1].Decided {
			t.Errorf("%s: %+v, %v", when, stock, err)
		}
		if when == "after a start" {
			break
		}
		asked := testPair(t, testID(2000), 2000)
		asked.X = (testBlock + 1).Number(7)
		mustBind(t, db, asked)
		if err := db.MayAnswer(binding.DefaultTenant, (testBlock + 1).Number(8), true); err != nil {
			t.Errorf("an endpoint may not show it: %v", err)
		}
		mustClose(t, db)
		db = mustOpen(t, o)
	}
	mustClose(t, db)
}

// TestDrawGoesOnAfterARestart: what was drawn once is not fresh again, although nothing lives on it.
func TestDrawGoesOnAfterARestart(t *testing.T) {
	o := options(t, t.TempDir())
	db := mustOpen(t, o)
	holdBlock(t, db)
	drawn := make(map[binding.X]bool)
	n := 0
	draw := func(times int) {
		t.Helper()
		for range times {
			b := mustDraw(t, db, n)
			if drawn[b.X] {
				t.Fatalf("%v was drawn before", b.X)
			}
			drawn[b.X] = true
			// Nothing is left to tell that it was in use.
			held := db.blocks.table.Load().held[testBlock]
			if _, err := db.Unbind(context.Background(), b.ID, testStart); err != nil {
				t.Fatal(err)
			}
			row := testPair(t, b.ID, n)
			rows := db.indexRows(&row, place{x: b.X, start: uint64(b.CreatedAt.UnixNano())})
			for _, r := range append(rows, pair{key: place{x: b.X, start: uint64(b.CreatedAt.UnixNano())}.key()}) {
				if err := db.bind.Delete(r.key, nil); err != nil {
					t.Fatal(err)
				}
			}
			held.Set(serialOf(b.X), pool.Unused)
			n++
		}
	}
	draw(pool.Step + 5)
	for range 3 {
		mustClose(t, db)
		db = mustOpen(t, o)
		draw(10)
	}
	if err := db.RemoveBlock(context.Background(), testBlock); err != nil {
		t.Fatal(err)
	}
	holdBlock(t, db)
	draw(10)
	checked(t, db)
	mustClose(t, db)
}

// TestDrawsOfTwoStoresDiffer: the order is a secret of the store.
func TestDrawsOfTwoStoresDiffer(t *testing.T) {
	var first [2]binding.X
	for i := range first {
		db := mustOpen(t, options(t, t.TempDir()))
		holdBlock(t, db)
		for range 3 { // one number is the same by chance once in 10 000 times
			first[i] = first[i]*pool.Size + mustDraw(t, db, int(first[i]%1000)).X%pool.Size
		}
		mustClose(t, db)
	}
	if first[0] == first[1] {
		t.Error("the same numbers in the same order")
	}
}

func TestDrawSharesWhenNothingIsFree(t *testing.T) {
	for _, share := range []bool{false, true} {
		o := options(t, t.TempDir())
		o.Share, o.LimitOnX = share, 2
		db := mustOpen(t, o)
		holdBlock(t, db)
		for n := range 3 {
			mustBind(t, db, testPair(t, testID(n), n))
		}
		mustDraw(t, db, 10) // counts
		held := db.blocks.table.Load().held[testBlock]
		for serial := 3; serial < pool.Size; serial++ {
			held.Lock(serial, true)
		}
		on := make(map[binding.X]int)
		counted := make(map[string]uint64)
		for n := range 4 {
			b := testPair(t, testID(20+n), 20+n)
			b.X = 0
			b, err := db.Draw(context.Background(), b)
			if share && n < 3 && err == nil {
				on[b.X]++
				continue
			}
			var none *binding.PoolError
			if !errors.As(err, &none) || none.Blocks != 1 || none.InUse != 4 || none.Locked != pool.Size-4 || (none.Closed > 0) != share {
				t.Errorf("share %v, draw %d: %v", share, n, err)
			}
			if none != nil && none.Closed > 0 { // and not those for whom nothing was free
				counted[binding.DefaultTenant]++
			}
		}
		if share && len(on) != 3 {
			t.Errorf("shared %v", on)
		}
		if got := db.ClosedToParties(); !maps.Equal(got, counted) {
			t.Errorf("share %v: %v refused for their parties, want %v", share, got, counted)
		}
		mustClose(t, db)
	}
}

// TestDrawIsNotLedAstray: the rows decide, whatever is thought of a number.
func TestDrawIsNotLedAstray(t *testing.T) {
	db := mustOpen(t, options(t, t.TempDir()))
	defer mustClose(t, db)
	holdBlock(t, db)
	mustDraw(t, db, 1)
	held := db.blocks.table.Load().held[testBlock]
	for n := range 20 {
		mustBind(t, db, testPair(t, testID(100+n), 100+n))
	}
	for serial := range pool.Size {
		held.Lock(serial, serial < 100 || serial > 120)
		held.Set(serial, pool.Unused)
	}
	if b := mustDraw(t, db, 2); b.X != testBlock.Number(120) {
		t.Errorf("drawn %v", b.X)
	}
	b := testPair(t, "none", 3)
	b.X = 0
	if _, err := db.Draw(context.Background(), b); !errors.Is(err, binding.ErrNoFreeNumber) {
		t.Errorf("one more: %v", err)
	}
	if u, _ := held.Count(second(testStart), 0); u.InUse != 21 {
		t.Errorf("%+v", u)
	}
}

// TestCountedWhileItChanges: whatever the order in which numbers are counted, bound and given back, the count is that of
// the rows.
func TestCountedWhileItChanges(t *testing.T) {
	o := options(t, t.TempDir())
	db := mustOpen(t, o)
	holdBlock(t, db)
	for n := range 200 {
		mustBind(t, db, testPair(t, testID(n), n))
	}
	for round := range 3 {
		mustClose(t, db)
		db = mustOpen(t, o)
		var all sync.WaitGroup
		for c := range 4 {
			all.Go(func() {
				for i := range 20 {
					n := round*80 + c*20 + i
					if n < 200 {
						if _, err := db.Unbind(context.Background(), testID(n), testStart.Add(time.Duration(round)*time.Second)); err != nil {
							t.Error(err)
						}
					}
					mustBind(t, db, testPair(t, testID(1000+n), 1000+n))
				}
			})
		}
		held := db.blocks.table.Load().held[testBlock]
		for range 3 {
			all.Go(func() {
				if err := db.count(context.Background(), held); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		got, ok := held.Count(second(testStart.Add(time.Hour)), 0)
		again := &heldBlock{Block: pool.NewBlock(pool.NewOrder(db.orderSeed(testBlock)), 0, 0), block: testBlock}
		if err := db.count(context.Background(), again); err != nil {
			t.Fatal(err)
		}
		if want, _ := again.Count(second(testStart.Add(time.Hour)), 0); !ok || got != want {
			t.Errorf("round %d: %+v, the rows say %+v", round, got, want)
		}
	}
	mustClose(t, db)
}

// BenchmarkDraw is a bind with an allocated number, from many callers at once, over 16 blocks.
func BenchmarkDraw(b *testing.B) {
	db := mustOpen(b, options(b, b.TempDir()))
	defer mustClose(b, db)
	for i := range 16 {
		if err := db.AddBlock(context.Background(), binding.BlockState{Block: testBlock + binding.Block(i), State: binding.BlockOpen, AddedAt: testStart}); err != nil {
			b.Fatal(err)
		}
	}
	var n atomic.Int64
	b.SetParallelism(128)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := int(n.Add(1))
			row := testPair(b, testID(i), i)
			row.X, row.ExpiresAt = 0, testStart.Add(time.Second)
			row.CreatedAt = testStart.Add(time.Duration(i/100000) * time.Minute)
			row.ExpiresAt = row.CreatedAt.Add(time.Second)
			if _, err := db.Draw(context.Background(), row); err != nil {
				b.Error(fmt.Errorf("draw %d: %w", i, err))
				return
			}
		}
	})
}
