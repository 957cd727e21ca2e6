package store

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// reservedDisk is a disk that others have filled to the last byte: nothing can be written or made but for what the reserve gives.
type reservedDisk struct {
	filled  atomic.Bool
	reserve string // its file
}

// MaybeError implements errorfs.Injector.
func (d *reservedDisk) MaybeError(op errorfs.Op) error {
	if (op.Kind == errorfs.OpFileWrite || op.Kind == errorfs.OpCreate) && d.full() {
		return &fs.PathError{Op: "write", Path: op.Path, Err: syscall.ENOSPC}
	}
	return nil
}

func (d *reservedDisk) String() string { return "reserved disk" }

func (d *reservedDisk) full() bool {
	if !d.filled.Load() {
		return false
	}
	_, err := os.Stat(d.reserve)
	return err == nil
}

func (d *reservedDisk) usage() (free, total uint64, err error) {
	const size = 1 << 30
	if d.filled.Load() {
		return 0, size, nil
	}
	return size / 2, size, nil
}

// A start on a full disk: the reserve is given up before anything is written, so that calls are looked up and recorded. Bindings are
// refused, and taken once there is room.
func TestStartOnAFullDisk(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	o := options(t, t.TempDir())
	d := &reservedDisk{reserve: filepath.Join(o.Dir, ballastFile)}
	o.Reserve, o.DiskCheck, o.DiskUsage = 1<<20, time.Hour, d.usage
	o.fs = errorfs.Wrap(vfs.Default, d)
	db := mustOpen(t, o)
	holdBlock(t, db)
	mustBind(t, db, testPair(t, "before", 1))
	mustClose(t, db)

	d.filled.Store(true)
	if !d.full() {
		t.Fatal("no reserve was made")
	}
	db = mustOpen(t, o)
	if rows, err := db.OnX(ctx, testBlock.Number(1)); err != nil || len(rows) != 1 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	if err := db.Bind(ctx, testPair(t, "full", 2)); !errors.Is(err, ErrDiskFull) {
		t.Errorf("bind: %v", err)
	}
	if err := openCall(t, db, testRecord("full")); err != nil {
		t.Errorf("open: %v", err)
	}
	if _, err := closeCall(t, db, testRecord("full")); err != nil {
		t.Errorf("close: %v", err)
	}
	d.filled.Store(false)
	db.guard.look()
	mustBind(t, db, testPair(t, "after", 3))
	checked(t, db)
	mustClose(t, db)
}

// heard is a writer that tells of the first thing written to it.
type heard chan string

// Write implements io.Writer.
func (h heard) Write(p []byte) (int, error) {
	select {
	case h <- string(p):
	default:
	}
	return len(p), nil
}

// A start on a full disk without a reserve waits, and says so, until there is room.
func TestStartWaitsForRoom(t *testing.T) {
	t.Parallel()
	d, said := new(fullDisk), make(heard, 1)
	o := memOptions(t, nil)
	o.fs = errorfs.Wrap(o.fs, d)
	db := mustOpen(t, o)
	holdBlock(t, db)
	mustBind(t, db, testPair(t, "before", 1))
	mustClose(t, db)

	d.full.Store(true)
	o.Logger = slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelError}))
	opened := make(chan error, 1)
	go func() {
		var err error
		db, err = Open(o)
		opened <- err
	}()
	if line := answer(t, said); !strings.Contains(line, "waits until there is room") {
		t.Errorf("said %q", line)
	}
	select {
	case err := <-opened:
		t.Fatalf("opened where nothing can be written: %v", err)
	default:
	}
	d.full.Store(false)
	if err := answer(t, opened); err != nil {
		t.Fatal(err)
	}
	mustBind(t, db, testPair(t, "after", 3))
	checked(t, db)
	mustClose(t, db)
}
