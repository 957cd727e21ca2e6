package store

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
)

// readers hold what a store was, each in its way; what they return lets go of it.
var readers = map[string]func(*testing.T, *DB) (done func()){
	"a check": func(t *testing.T, db *DB) func() {
		db.snapshots.RLock()
		snapshots := []*pebble.Snapshot{db.bind.NewSnapshot(), db.cdr.NewSnapshot()}
		return func() {
			for _, s := range snapshots {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
			db.snapshots.RUnlock()
		}
	},
	"who looks something up": func(t *testing.T, db *DB) func() {
		var all []*pebble.Iterator
		for _, e := range []*engine{db.bind, db.cdr} {
			it, err := e.NewIter(nil)
			if err != nil {
				t.Fatal(err)
			}
			it.First()
			all = append(all, it)
		}
		return func() {
			for _, it := range all {
				if err := it.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	},
}

// What is said to be destroyed is read by nobody any more who began before: it is waited for him, and no file has it then by
// which he could.
func TestDestructionWaitsForReaders(t *testing.T) {
	for name, reader := range readers {
		for what, destroy := range map[string]func(context.Context, *DB) error{
			"keys": func(ctx context.Context, db *DB) error {
				_, err := db.DestroyKeys(ctx, Erasure{Tenant: binding.DefaultTenant, Before: db.opts.Now()}, func(int) error { return nil })
				return err
			},
			"retention": func(ctx context.Context, db *DB) error {
				_, err := db.SweepRetention(ctx, Retention{Bindings: time.Hour, Records: time.Hour}, func(Sweep) error { return nil })
				return err
			},
			"a person": func(ctx context.Context, db *DB) error {
				_, err := db.ErasePerson(ctx, testNumber(t, person), "he asked", false, func(string) error { return nil }, func(PersonErased) error { return nil })
				return err
			},
		} {
			t.Run(what+" and "+name, func(t *testing.T) {
				t.Parallel()
				o := options(t, t.TempDir())
				o.Quarantine, o.Now = 24*time.Hour, func() time.Time { return testStart.AddDate(0, 2, 0) }
				db := mustOpen(t, o)
				defer func() { mustClose(t, db) }()
				lived(t, db)
				if _, err := db.Unbind(context.Background(), testID(3), testStart.Add(time.Hour)); err != nil {
					t.Fatal(err)
				}
				who := testNumber(t, person)
				hashes := [][]byte{hashBytes(db.numberHash(who))}
				if what == "a person" {
					hashes = append(hashes, hashBytes(db.barHash(who)), hashBytes(db.contactHash(who)))
				}
				for _, e := range []*engine{db.bind, db.cdr} {
					if err := e.Flush(); err != nil { // so that the reader holds a table
						t.Fatal(err)
					}
				}
				there := func() (in []string) {
					for file, content := range everyByte(t, o.Dir) {
						for _, hash := range hashes {
							if bytes.Contains(content, hash) {
								in = append(in, filepath.Base(file))
							}
						}
					}
					return in
				}
				let := reader(t, db)
				done := make(chan error, 1)
				go func() { done <- destroy(context.Background(), db) }()
				for range 20 { // it is not done while he reads
					select {
					case err := <-done:
						t.Fatalf("done, %v, and read by %s: the hash is in %v", err, name, there())
					case <-time.After(5 * time.Millisecond):
					}
				}
				let()
				if err := answer(t, done); err != nil {
					t.Fatal(err)
				}
				if in := there(); len(in) != 0 {
					t.Errorf("a hash is in %v", in)
				}
				checked(t, db)
			})
		}
	}
}

// It is not waited for ever, and nothing was begun then.
func TestDestructionIsRefusedDuringACheck(t *testing.T) {
	t.Parallel()
	o := erasedOptions(t)
	o.Now = func() time.Time { return testStart.AddDate(0, 2, 0) }
	db := mustOpen(t, o)
	defer func() { mustClose(t, db) }()
	lived(t, db)
	ctx, cancel := context.WithCancel(context.Background())
	let := readers["a check"](t, db)
	go cancel()
	_, err := db.DestroyKeys(ctx, Erasure{All: true, Before: o.Now()}, func(int) error { t.Error("it has begun"); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	let()
	checked(t, db)
	if db.destroyedKeys() != 0 {
		t.Error("a key was destroyed")
	}
	// And the other way round.
	db.snapshots.Lock()
	ctx, cancel = context.WithCancel(context.Background())
	go cancel()
	if _, err := db.Check(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a check while something is erased: %v", err)
	}
	if _, err := db.Backup(ctx, t.TempDir(), BackupOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a backup while something is erased: %v", err)
	}
	db.snapshots.Unlock()
}
