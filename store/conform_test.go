package store

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"mask700/store/storetest"
)

// memDisk is a disk in memory, of which a copy can be taken as a power cut would leave it. The keys are beside it, on a real
// disk; of them a copy has what is there.
type memDisk struct {
	t   testing.TB
	o   Options
	mem *vfs.MemFS

	mu     sync.Mutex // protects before
	before func()
}

func newMemDisk(t *testing.T) storetest.Disk {
	o := memOptions(t, nil)
	o.Quarantine, o.MemTableSize = 24*time.Hour, 64<<10 // it flushes and compacts meanwhile
	return &memDisk{t: t, o: o, mem: vfs.NewCrashableMem()}
}

// MaybeError implements errorfs.Injector.
func (d *memDisk) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
		return nil
	}
	d.mu.Lock()
	before := d.before
	d.mu.Unlock()
	if before != nil {
		before()
	}
	return nil
}

func (d *memDisk) String() string { return "disk" }

func (d *memDisk) Watch(before func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before = before
}

func (d *memDisk) Open(t testing.TB, now func() time.Time) storetest.Checked {
	t.Helper()
	o := d.o
	o.fs, o.Now = errorfs.Wrap(d.mem, d), now
	return checkedEngine{mustOpen(t, o)}
}

func (d *memDisk) Cut(t testing.TB, random *rand.Rand) storetest.Disk {
	left := &memDisk{t: t, o: d.o, mem: d.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[random.IntN(3)], RNG: random})}
	left.o.KeyFile = copyKeys(t, d.o.KeyFile)
	return left
}

// checkedEngine is a store as the suite of all engines sees it.
type checkedEngine struct{ *DB }

func (c checkedEngine) Faults(ctx context.Context) ([]string, error) {
	r, err := c.Check(ctx)
	return r.Problems, err
}

func TestEngineOutlivesPowerCuts(t *testing.T) {
	storetest.Crashes(t, newMemDisk)
}
