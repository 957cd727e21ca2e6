package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mask700/binding"
)

// TestBlockListsOnAFullDisk: somebody can be protected though the disk is full, by so many entries for each time that it is, of one
// tenant fewer. What is there already takes none of them, and a removed one gives none back.
func TestBlockListsOnAFullDisk(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	var free atomic.Uint64
	o := memOptions(t, nil)
	o.DiskUsage = func() (uint64, uint64, error) { return free.Load(), 10000, nil }
	o.DiskCheck = time.Hour // the test looks itself
	free.Store(499)
	db := mustOpen(t, o)
	defer mustClose(t, db)
	next := 0
	entry := func(tenant string) binding.Bar {
		next++
		return binding.Bar{ID: "bar" + testID(next), Number: testNumber(t, next), Tenant: tenant, Direction: binding.BarTo, CreatedAt: testStart, Reason: "r"}
	}
	added := func(tenant string, most int) (n int) {
		t.Helper()
		for range most {
			switch _, err := db.AddBar(ctx, entry(tenant)); {
			case err == nil:
				n++
			case !errors.Is(err, ErrDiskFull):
				t.Fatal(err)
			}
		}
		return n
	}
	if err := db.AddBlock(ctx, binding.BlockState{Block: testBlock, State: binding.BlockOpen}); !errors.Is(err, ErrDiskFull) {
		t.Fatalf("the disk is not full: %v", err)
	}
	first, err := db.AddBar(ctx, entry("rides"))
	if err != nil {
		t.Fatalf("nobody can be protected: %v", err)
	}
	if _, ok, err := db.Barred(ctx, binding.Number{}, first.Number, "rides", testStart); !ok || err != nil {
		t.Errorf("an entry of a full disk bars nobody: %v", err)
	}
	again := first
	again.ID = "bar" + testID(5000)
	for range barsOnFullTenant {
		if there, err := db.AddBar(ctx, again); err != nil || there.ID != first.ID {
			t.Fatalf("what is there already: %+v, %v", there, err)
		}
	}
	if n := added("rides", barsOnFullTenant+5); n != barsOnFullTenant-1 {
		t.Errorf("%d more of one tenant", n)
	}
	if _, err := db.RemoveBar(ctx, first.ID); err != nil {
		t.Fatal(err)
	}
	if n := added("rides", 1); n != 0 {
		t.Error("one that was removed lets another in")
	}
	if n := added("", barsOnFull+5); n != barsOnFull-barsOnFullTenant {
		t.Errorf("%d more of all tenants", n)
	}
	if n := added("meals", 1); n != 0 {
		t.Error("more than go in")
	}

	free.Store(500)
	db.guard.look()
	if n := added("rides", 3); n != 3 {
		t.Errorf("%d of 3 while there is room", n)
	}
	free.Store(499)
	db.guard.look()
	if n := added("rides", barsOnFullTenant+5); n != barsOnFullTenant {
		t.Errorf("%d the next time that the disk is full", n)
	}
}

// TestBlockListsAreBounded: by tenant and in all, also after a restart; what is removed, over or erased makes room, and what
// there is already takes none.
func TestBlockListsAreBounded(t *testing.T) {
	t.Parallel()
	o := options(t, t.TempDir())
	o.Bars, o.BarsOfTenant = 6, 3
	db := mustOpen(t, o)
	ctx := context.Background()
	entry := func(n int, tenant string) binding.Bar {
		return binding.Bar{ID: "bar" + testID(n), Number: testNumber(t, n), Tenant: tenant, Direction: binding.BarTo, CreatedAt: testStart, Reason: "r"}
	}
	add := func(b binding.Bar, want error) {
		t.Helper()
		if _, err := db.AddBar(ctx, b); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	counted := func(want map[string]int) {
		t.Helper()
		st, total := db.BarStats(), 0
		for _, n := range want {
			total += n
		}
		if st.Entries != total || st.Most != 6 || st.TenantMost != 3 || fmt.Sprint(st.Tenants) != fmt.Sprint(want) {
			t.Errorf("%+v, want %v", st, want)
		}
	}
	counted(map[string]int{})
	// Whoever is first: of many at once as many are added as there is room for.
	var running sync.WaitGroup
	errs := make([]error, 20)
	for n := range errs {
		running.Go(func() { _, errs[n] = db.AddBar(ctx, entry(n, "rides")) })
	}
	running.Wait()
	var there []int
	for n, err := range errs {
		if err == nil {
			there = append(there, n)
		} else if !errors.Is(err, binding.ErrTenantBars) {
			t.Errorf("%v", err)
		}
	}
	if len(there) != 3 {
		t.Fatalf("%d were added", len(there))
	}
	again := entry(there[0], "rides")
	again.ID = "bar" + testID(1000)
	add(again, nil)
	add(entry(30, ""), nil)
	brief := entry(31, "meals")
	brief.Until = testStart.Add(time.Hour)
	add(brief, nil)
	add(entry(32, "meals"), nil)
	add(entry(33, ""), binding.ErrAllBars)
	counted(map[string]int{"rides": 3, "meals": 2, "": 1})

	mustClose(t, db)
	db = mustOpen(t, o)
	defer func() { mustClose(t, db) }()
	counted(map[string]int{"rides": 3, "meals": 2, "": 1})
	add(entry(33, ""), binding.ErrAllBars)
	if _, err := db.RemoveBar(ctx, entry(there[0], "").ID); err != nil {
		t.Fatal(err)
	}
	if _, err := db.RemoveBar(ctx, entry(there[0], "").ID); !errors.Is(err, binding.ErrNoBar) {
		t.Errorf("removed twice: %v", err)
	}
	add(entry(33, "rides"), nil)
	add(entry(34, "rides"), binding.ErrTenantBars)
	// What is over leaves when there is no room, and is looked for once a minute.
	late := entry(35, "")
	late.CreatedAt = testStart.Add(2 * time.Hour)
	add(late, nil)
	counted(map[string]int{"rides": 3, "meals": 1, "": 2})
	late.ID, late.Number, late.CreatedAt = "bar"+testID(36), testNumber(t, 36), late.CreatedAt.Add(time.Second)
	add(late, binding.ErrAllBars)
	if n, err := db.eraseBars(ctx, testNumber(t, 35), nil); n != 1 || err != nil {
		t.Errorf("%d erased, %v", n, err)
	}
	add(late, nil)
	counted(map[string]int{"rides": 3, "meals": 1, "": 2})
	if report, err := db.Check(ctx); err != nil || len(report.Problems) > 0 || report.Bars != 6 {
		t.Errorf("%+v, %v", report, err)
	}
}
