package store

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"mask700/binding"
)

func TestFullDiskRefusesNewBindingsOnly(t *testing.T) {
	ctx := context.Background()
	var free atomic.Uint64
	free.Store(500)
	o := options(t, t.TempDir())
	o.DiskUsage = func() (uint64, uint64, error) { return free.Load(), 10000, nil }
	o.DiskCheck = time.Hour // the test looks itself
	db := mustOpen(t, o)
	defer mustClose(t, db)
	holdBlock(t, db)
	mustBind(t, db, testPair(t, "before", 1))

	free.Store(499)
	db.guard.look()
	if s := db.Stats(); !s.DiskFull || s.DiskFree != 499 || s.DiskTotal != 10000 {
		t.Errorf("stats %+v", s)
	}
	if err := db.Bind(ctx, testPair(t, "full", 2)); !errors.Is(err, ErrDiskFull) {
		t.Errorf("bind: %v", err)
	}
	if err := db.AddBlock(ctx, binding.BlockState{Block: testBlock + 1, State: binding.BlockOpen}); !errors.Is(err, ErrDiskFull) {
		t.Errorf("add: %v", err)
	}
	if _, err := db.Unbind(ctx, "before", testStart.Add(time.Hour)); err != nil {
		t.Errorf("unbind: %v", err)
	}
	if err := openCall(t, db, testRecord("x")); err != nil {
		t.Errorf("open: %v", err)
	}
	if _, err := closeCall(t, db, testRecord("x")); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := db.RemoveBlock(ctx, testBlock); err != nil {
		t.Errorf("remove: %v", err)
	}

	free.Store(500)
	db.guard.look()
	holdBlock(t, db)
	mustBind(t, db, testPair(t, "after", 3))
}

func TestDiskIsLookedAtAllTheTime(t *testing.T) {
	asked := make(chan struct{})
	o := options(t, t.TempDir())
	o.DiskUsage = func() (uint64, uint64, error) {
		select {
		case asked <- struct{}{}:
		default:
		}
		return 0, 0, errors.New("no answer")
	}
	o.DiskCheck = time.Millisecond
	db := mustOpen(t, o)
	defer mustClose(t, db)
	for range 3 {
		answer(t, asked)
	}
	holdBlock(t, db) // no answer is no reason to refuse
}

func TestDiskUsageOfTheRealDisk(t *testing.T) {
	db := mustOpen(t, options(t, t.TempDir()))
	defer mustClose(t, db)
	if s := db.Stats(); s.DiskTotal == 0 || s.DiskFree == 0 || s.DiskFree > s.DiskTotal {
		t.Errorf("%d of %d bytes are free", s.DiskFree, s.DiskTotal)
	}
}
