package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

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

// A binding in use does not expire for want of room: calls move its expiry, as often as they do otherwise, and nothing else does.
func TestFullDiskLetsExpiriesSlide(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	var free atomic.Uint64
	free.Store(500)
	o := memOptions(t, nil)
	o.DiskUsage = func() (uint64, uint64, error) { return free.Load(), 10000, nil }
	o.DiskCheck = time.Hour // the test looks itself
	db := mustOpen(t, o)
	defer mustClose(t, db)
	holdBlock(t, db)
	b := testPair(t, "sliding", 1)
	b.Sliding, b.ExpiresAt = 16*time.Minute, testStart.Add(16*time.Minute)
	mustBind(t, db, b)
	free.Store(499)
	db.guard.look()
	now := testStart.Add(10 * time.Minute)
	s := binding.Service{Store: db, Now: func() time.Time { return now }}
	expires := func(what string, after time.Duration) {
		t.Helper()
		if got, err := db.Binding(ctx, "sliding"); err != nil || !got.ExpiresAt.Equal(testStart.Add(after)) {
			t.Errorf("%s: it expires after %v, want %v (%v)", what, got.ExpiresAt.Sub(testStart), after, err)
		}
	}
	if err := s.Slide(ctx, "sliding"); err != nil {
		t.Errorf("slide: %v", err)
	}
	expires("a call", 26*time.Minute)
	if _, err := s.Extend(ctx, "sliding", binding.Extension{TTL: 17 * time.Minute}); !errors.Is(err, ErrDiskFull) {
		t.Errorf("longer than a call moves it: %v", err)
	}
	now = now.Add(30 * time.Second)
	if _, err := s.Extend(ctx, "sliding", binding.Extension{TTL: 16 * time.Minute}); !errors.Is(err, ErrDiskFull) {
		t.Errorf("oftener than calls move it: %v", err)
	}
	long := 17 * time.Minute
	now = now.Add(5 * time.Minute)
	if _, err := s.Update(ctx, "sliding", binding.Update{Sliding: &long, TTL: 16 * time.Minute}); !errors.Is(err, ErrDiskFull) {
		t.Errorf("and another period: %v", err)
	}
	expires("what was refused", 26*time.Minute)
}

// fullDisk is a disk on which nothing can be written or made while it is full, as it says itself.
type fullDisk struct{ full atomic.Bool }

// MaybeError implements errorfs.Injector.
func (d *fullDisk) MaybeError(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpFileWrite, errorfs.OpCreate:
		if d.full.Load() {
			return &fs.PathError{Op: "write", Path: op.Path, Err: syscall.ENOSPC}
		}
	}
	return nil
}

func (d *fullDisk) String() string { return "full disk" }

// A disk without a byte ends nothing: what is written waits and is told so, what is there is read, and when there is room all goes on. The
// logs are written then, and the tables and manifests that were wanted.
func TestFullDiskEndsNothing(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := new(fullDisk)
	o := memOptions(t, nil)
	o.WriteTimeout, o.fs = 200*time.Millisecond, errorfs.Wrap(vfs.NewMem(), d)
	o.Fatal = func(err error) { t.Errorf("fatal: %v", err) }
	db := mustOpen(t, o)
	holdBlock(t, db)
	mustBind(t, db, testPair(t, "before", 1))
	d.full.Store(true)
	flushed := make(chan error, 2)
	for _, e := range []*engine{db.bind, db.cdr} {
		go func() { flushed <- e.Flush() }() // wants a log, a table and an entry of a manifest
	}
	if err := db.Bind(ctx, testPair(t, "full", 2)); !errors.Is(err, ErrStalled) {
		t.Errorf("bind: %v", err)
	}
	if err := openCall(t, db, testRecord("full")); !errors.Is(err, ErrStalled) {
		t.Errorf("open: %v", err)
	}
	if rows, err := db.OnX(ctx, testBlock.Number(1)); err != nil || len(rows) != 1 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	d.full.Store(false)
	for range 2 {
		if err := answer(t, flushed); err != nil {
			t.Errorf("flush: %v", err)
		}
	}
	bindUntilAnswered(t, db, testPair(t, "after", 2), "full")
	for {
		if _, err := closeCall(t, db, testRecord("full")); !errors.Is(err, ErrStalled) {
			if err != nil {
				t.Errorf("close: %v", err)
			}
			break
		}
	}
	checked(t, db)
	mustClose(t, db)
}

// The reserve is made while there is plenty of room, given up when there is none, and found again at the next start.
func TestReserve(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const total, least = 1000 << 20, 50 << 20
	b := newBallast(dir, 1<<20)
	size := func() int64 {
		info, err := os.Stat(filepath.Join(dir, ballastFile))
		if err != nil {
			return 0
		}
		return info.Size()
	}
	for i, c := range []struct {
		free uint64
		size int64
		gone bool
	}{
		{least + 2<<20, 0, false}, {least + 2<<20 + 1, 1 << 20, false}, {least, 1 << 20, false}, {10 << 20, 1 << 20, false},
		{10<<20 - 1, 0, true}, {0, 0, false}, {least, 0, false}, {total, 1 << 20, false},
	} {
		if gone, err := b.see(c.free, total); err != nil || gone != c.gone || size() != c.size {
			t.Errorf("step %d: given up %v, %v; %d bytes are kept back, want %d", i, gone, err, size(), c.size)
		}
		b = newBallast(dir, 1<<20)
	}
	if b = newBallast(t.TempDir(), 1<<30); b.held {
		t.Error("it is there before it was made")
	}
	if _, err := newBallast(filepath.Join(dir, "nowhere"), 1<<20).see(total, total); err == nil {
		t.Error("it was made nowhere")
	}
	// No more of a small disk than a part.
	small := newBallast(t.TempDir(), 1<<30)
	if _, err := small.see(90<<20, 100<<20); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(small.path); err != nil || info.Size() > 2<<20 {
		t.Errorf("of a small disk: %v, %v", info, err)
	}
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
