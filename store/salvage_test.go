package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"mask700/binding"
	"mask700/binding/cdr"
)

// TestSalvagePassesOverDamagedBlocks: what stands before, between and behind damaged blocks is read, and what is lost is told.
func TestSalvagePassesOverDamagedBlocks(t *testing.T) {
	t.Parallel()
	const rows = 1000
	for _, test := range []struct {
		name string
		step uint64 // between two keys
		hurt []uint64
	}{
		{"one", 1, []uint64{500}},
		{"the first", 1, []uint64{0}},
		{"the last", 1, []uint64{rows - 1}},
		{"several", 1, []uint64{100, 101, 500, 900}},
		{"all over the keys", math.MaxUint64 / rows, []uint64{500}},
		{"the last of all keys", math.MaxUint64 / rows, []uint64{rows - 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			fs := vfs.NewMem()
			open := func() *pebble.DB {
				o := &pebble.Options{FS: fs, Logger: engineLog{log: slog.New(slog.DiscardHandler)}}
				o.EventListener = &pebble.EventListener{DataCorruption: func(pebble.DataCorruptionInfo) {}}
				o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionNone })
				for i := range o.Levels {
					o.Levels[i].BlockSize = 256
				}
				db, err := pebble.Open("db", o)
				if err != nil {
					t.Fatal(err)
				}
				return db
			}
			mark := func(n uint64) []byte { return fmt.Appendf(nil, "row %06d", n) }
			db := open()
			for n := range uint64(rows) {
				if err := db.Set(key64('x', n*test.step), mark(n), nil); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(db.Set([]byte("y"), nil, nil), db.Flush(), db.Close()); err != nil {
				t.Fatal(err)
			}
			for _, n := range test.hurt {
				flipInMem(t, fs, mark(n))
			}
			db = open()
			defer db.Close()
			got := make(map[uint64]bool)
			var lost [][2][]byte
			lower := []byte{'x'}
			err := salvage(db, lower, keyAfter(lower), func(key, value []byte) (bool, error) {
				n := binary.BigEndian.Uint64(key[1:]) / test.step
				got[n] = true
				if n == 200 {
					return true, fmt.Errorf("%w: this one", ErrCorrupt)
				}
				return true, nil
			}, func(from, to []byte, err error) {
				if !errors.Is(err, ErrCorrupt) {
					t.Error(err)
				}
				lost = append(lost, [2][]byte{bytes.Clone(from), bytes.Clone(to)})
			})
			if err != nil {
				t.Fatal(err)
			}
			missing := 0
			for n := range uint64(rows) {
				key := key64('x', n*test.step)
				told := n == 200 && got[n]
				for _, l := range lost {
					told = told || bytes.Compare(key, l[0]) >= 0 && bytes.Compare(key, l[1]) < 0
				}
				if !got[n] {
					missing++
				}
				if !got[n] && !told {
					t.Errorf("row %d is lost and not told", n)
				}
			}
			for _, n := range test.hurt {
				if got[n] {
					t.Errorf("row %d was read", n)
				}
			}
			// A block of 256 bytes has some ten rows; as much again may be lost with it.
			if most := 40 * len(test.hurt); missing > most || !got[200] {
				t.Errorf("%d rows are lost, more than %d", missing, most)
			}
		})
	}
}

// TestSalvageEndsWhereManyRowsShareTheirBeginning: of a number with very many rows a whole block is damaged, and those behind it have the
// same eight bytes.
func TestSalvageEndsWhereManyRowsShareTheirBeginning(t *testing.T) {
	t.Parallel()
	k := newKept(t, 30)
	x, b := uint64(testBlock.Number(1)), k.db.bind.NewBatch()
	var hurt []byte
	random := rand.NewChaCha8([32]byte{1}) // which is not compressed
	for n := range uint64(1000) {
		key, value := binary.BigEndian.AppendUint64(key64(tableContact, x), n), make([]byte, 256)
		random.Read(value)
		if n == 500 {
			hurt = value[:16]
		}
		if err := b.Set(key, value, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(b.Set(key64(tableContact, x+1), []byte("next"), nil), b.Commit(pebble.Sync), k.db.bind.Flush()); err != nil {
		t.Fatal(err)
	}
	mustClose(t, k.db)
	if !flipIn(t, filepath.Join(k.o.Dir, "bind"), hurt) {
		t.Fatal("nothing is damaged")
	}
	k.db = mustOpen(t, k.o)
	read, lost, behind := 0, 0, false
	lower := []byte{tableContact}
	err := salvage(k.db.bind, lower, keyAfter(lower), func(key, _ []byte) (bool, error) {
		read++
		behind = behind || binary.BigEndian.Uint64(key[1:]) == x+1
		return read < 5000, nil
	}, func(_, _ []byte, _ error) { lost++ })
	if err != nil || lost != 1 || !behind || read >= 1000 || read < 300 {
		t.Errorf("%d rows read, %d times damage, behind it %v, %v", read, lost, behind, err)
	}
}

// TestOpenWithDamagedRows: a row that is damaged among those that are read at the start is an alarm, and what it was of is
// refused; all else is served.
func TestOpenWithDamagedRows(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for name, test := range map[string]struct {
		table byte
		look  func(t *testing.T, db *DB)
	}{
		"tenant": {tableTenant, func(t *testing.T, db *DB) {
			if _, err := db.PutTenant(ctx, "another", func(*binding.Tenant, bool) error { return nil }); !errors.Is(err, ErrCorrupt) {
				t.Errorf("a tenant was added: %v", err)
			}
		}},
		"block": {tableBlock, func(t *testing.T, db *DB) {
			if db.Holds(testBlock) && db.Holds(testBlock+1) {
				t.Error("the block that could not be read is held")
			}
		}},
		"draws": {tableDraws, func(t *testing.T, db *DB) {
			b := testPair(t, "drawn", 4711)
			b.X = 0
			if _, err := db.Draw(ctx, b); err != nil {
				t.Errorf("no number is drawn: %v", err)
			}
		}},
		"lock": {tableLock, func(t *testing.T, db *DB) {
			if b := testPair(t, "locked", 7); db.Bind(ctx, b) == nil {
				t.Error("bound on a number whose lock cannot be read")
			}
			mustBind(t, db, testPair(t, "free", 4712))
		}},
		"token": {tableToken, func(t *testing.T, db *DB) {
			if all, err := db.Tokens(ctx, "rides"); err != nil || len(all) != 0 {
				t.Errorf("%v, %v", all, err)
			}
		}},
		"block list": {tableBar, func(t *testing.T, db *DB) {
			for _, n := range []int{0, 1, 5000} {
				if !db.bars.may(db.barHash(testNumber(t, n))) {
					t.Errorf("number %d is not looked for", n)
				}
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t, t.TempDir())
			db := mustOpen(t, o)
			fillTables(t, db)
			mustBind(t, db, testPair(t, "before", 4713))
			key, value := first(t, db.bind, test.table)
			if test.table == tableBar {
				key, value = key[:2], nil // what is sealed is read for a call only
			} else {
				value = append(value[:len(value)-1:len(value)-1], value[len(value)-1]^1, 7)
			}
			if err := db.bind.Set(key, value, pebble.Sync); err != nil {
				t.Fatal(err)
			}
			mustClose(t, db)
			db = mustOpen(t, o)
			defer mustClose(t, db)
			if db.Stats().Bindings.Corruptions == 0 {
				t.Error("no alarm")
			}
			test.look(t, db)
		})
	}
}

// TestOpenWithTheNewestRecordsDamaged: the server starts, no number of a record is given twice, and the record of a call that was
// going on and cannot be read does not keep the others open.
func TestOpenWithTheNewestRecordsDamaged(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	const records = 1500 // so many that what the store is opened with stands in another block
	o := options(t, t.TempDir())
	db := mustOpen(t, o)
	closeOne := func(db *DB, n int) <-chan uint64 {
		r := testRecord(testID(n))
		r.Binding = testID(n)
		done := make(chan uint64, 1)
		db.Journal().Close(r, func(seq uint64, err error) {
			if err != nil {
				t.Error(err)
			}
			done <- seq
		})
		return done
	}
	var waiting []<-chan uint64
	for n := range records {
		waiting = append(waiting, closeOne(db, n))
	}
	for _, done := range waiting {
		<-done
	}
	if err := db.cdr.Flush(); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	hurt := false
	for seq := uint64(records); seq > records-40 && !hurt; seq-- {
		hurt = flipIn(t, filepath.Join(o.Dir, "cdr"), key64(tableClosed, seq))
	}
	if !hurt {
		t.Fatal("the newest records are not found in any table")
	}
	db = mustOpen(t, o)
	defer mustClose(t, db)
	if db.Stats().Records.Corruptions == 0 {
		t.Error("no alarm")
	}
	if seq := <-closeOne(db, records); seq <= records {
		t.Errorf("number %d was given again", seq)
	}
	read := 0
	err := db.Records(ctx, cdr.Filter{Since: testStart.Add(-time.Hour)}, func(cdr.Record) error { read++; return nil })
	if !errors.Is(err, ErrCorrupt) {
		t.Errorf("who asks for records that cannot be read is not told: %d, %v", read, err)
	}
}

// flipInMem flips a bit of what stands in a table of the database under "db".
func flipInMem(t *testing.T, fs vfs.FS, what []byte) {
	t.Helper()
	names, err := fs.List("db")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if filepath.Ext(name) != ".sst" {
			continue
		}
		path := fs.PathJoin("db", name)
		f, err := fs.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(f)
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		i := bytes.Index(content, what)
		if i < 0 {
			continue
		}
		content[i] ^= 1
		f, err = fs.Create(path, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Write(content)
		if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("%q is in no table", what)
}

// flipIn flips a bit behind every place where some bytes stand in the tables of a directory, and reports whether there was one.
func flipIn(t *testing.T, dir string, what []byte) (some bool) {
	t.Helper()
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range tables {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		i := bytes.Index(content, what)
		if i < 0 {
			continue
		}
		content[i+len(what)+30] ^= 1
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		some = true
	}
	return some
}
