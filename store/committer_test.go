package store

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"mask700/binding/cdr"
)

// A batch that is larger than a table in memory takes another way through Pebble, on which it is emptied while it is
// applied. It must wait for its sync all the same.
func TestLargeBatchWaitsForTheDiskToo(t *testing.T) {
	disk := vfs.NewCrashableMem()
	o := memOptions(t, nil)
	o.fs, o.MemTableSize = disk, 64<<10
	db := mustOpen(t, o)
	for i := range 4 {
		err := db.bindWrites.do(context.Background(),
			func(b *pebble.Batch) error { return b.Set(key64('z', uint64(i)), make([]byte, 1<<20), nil) }, nil)
		if err != nil {
			t.Fatal(err)
		}
		again := o
		again.fs, again.KeyFile = disk.CrashClone(vfs.CrashCloneCfg{}), copyKeys(t, o.KeyFile)
		reopened := mustOpen(t, again)
		if _, ok, err := get(reopened.bind, key64('z', uint64(i))); err != nil || !ok {
			t.Fatalf("large batch %d was answered and is lost: %v", i, err)
		}
		mustClose(t, reopened)
	}
	mustClose(t, db)
}

func TestFaultOfOneWriteIsNotTheOthers(t *testing.T) {
	db := mustOpen(t, memOptions(t, nil))
	fault := errors.New("fault")
	const n = 300
	type outcome struct {
		i       int
		written bool
		err     error
	}
	outcomes := make(chan outcome, n)
	for i := range n {
		var written bool
		err := db.bindWrites.add(&write{
			fill: func(b *pebble.Batch) error {
				if i%3 == 0 {
					return fault
				}
				return b.Set(key64('z', uint64(i)), nil, nil)
			},
			settle: func(w bool) { written = w },
			answer: func(err error) { outcomes <- outcome{i, written, err} },
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var order []int
	for range n {
		o := answer(t, outcomes)
		if failed := o.i%3 == 0; failed != errors.Is(o.err, fault) || failed == o.written {
			t.Errorf("write %d: written %v, %v", o.i, o.written, o.err)
		}
		_, ok, err := get(db.bind, key64('z', uint64(o.i)))
		if err != nil || ok != (o.i%3 != 0) {
			t.Errorf("write %d is there: %v, %v", o.i, ok, err)
		}
		order = append(order, o.i)
	}
	if !slices.IsSorted(order) {
		t.Error("answers came in another order than the writes")
	}
	mustClose(t, db)
}

func TestDamagedOpenRecordDoesNotKeepTheOthersOpen(t *testing.T) {
	o := memOptions(t, nil)
	db := mustOpen(t, o)
	const n = page + 20
	answers := make(chan error, n)
	for i := range n {
		db.Journal().Open(testRecord(testID(i)), func(err error) { answers <- err })
	}
	for range n {
		if err := answer(t, answers); err != nil {
			t.Fatal(err)
		}
	}
	key, value := first(t, db.cdr, tableOpen)
	value[len(value)-1] ^= 1
	if err := db.cdr.Set(key, value, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	db = mustOpen(t, o)
	if closed, err := db.CloseAbandoned(testStart); closed != n-1 || !errors.Is(err, ErrCorrupt) {
		t.Errorf("%d were closed, %v; want %d and ErrCorrupt", closed, err, n-1)
	}
	seen := 0
	err := db.Records(context.Background(), cdr.Filter{}, func(r cdr.Record) error {
		if seen++; r.End != cdr.EndRestart {
			t.Errorf("%s ended by %s", r.ID, r.End)
		}
		return nil
	})
	if err != nil || seen != n-1 {
		t.Errorf("%d records, %v", seen, err)
	}
	mustClose(t, db)
}
