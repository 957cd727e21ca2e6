package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"mask700/binding"
	"mask700/binding/cdr"
)

// fill gives a store a span of records, a second one begun, and a handful of bindings of every kind.
func fill(t *testing.T, db *DB) {
	t.Helper()
	ctx := context.Background()
	holdBlock(t, db)
	for i := range 10 {
		b := testPair(t, testID(i), i)
		if i%3 == 0 {
			b.Mode, b.Y = binding.ModeAXYB, testBlock.Number(1000+i)
		}
		if i == 1 {
			b.Consent = "consent"
		}
		mustBind(t, db, b)
		if i == 5 {
			mustChange(t, db, b.ID, func(b *binding.Binding) { b.A = testNumber(t, 50_000_000) })
		}
		if i%4 == 0 {
			if _, err := db.Unbind(ctx, b.ID, testStart.Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
	}
	const n = spanSize + 10
	answers := make(chan error, n)
	for i := range n {
		r := testRecord(testID(i))
		r.ReleasedAt = r.ReleasedAt.Add(time.Duration(i) * time.Second)
		r.Binding = testID(i % 10)
		db.Journal().Close(r, func(_ uint64, err error) { answers <- err })
	}
	for range n {
		if err := answer(t, answers); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		if err := openCall(t, db, testRecord("open"+testID(i))); err != nil {
			t.Fatal(err)
		}
	}
}

// first returns the first row of a table.
func first(t *testing.T, e *engine, table byte) (key, value []byte) {
	t.Helper()
	err := scan(e, []byte{table}, []byte{table + 1}, func(k, v []byte) (bool, error) {
		key, value = append([]byte(nil), k...), append([]byte(nil), v...)
		return false, nil
	})
	if err != nil || key == nil {
		t.Fatalf("table %c: %v", table, err)
	}
	return key, value
}

func TestCheckOfAGoodStore(t *testing.T) {
	t.Parallel()
	db := mustOpen(t, memOptions(t, nil))
	defer mustClose(t, db)
	fill(t, db)
	r := checked(t, db)
	want := Report{Blocks: 1, Tenants: 1, Bindings: 10, Live: 7, Index: 10 + 21 + 10 + 1, Records: spanSize + 10,
		LastSeq: spanSize + 10, Open: 3}
	if fmt.Sprint(r) != fmt.Sprint(want) {
		t.Errorf("report\n%s, want\n%s", r, want)
	}
	if !strings.Contains(r.String(), "no faults") {
		t.Errorf("report %s", r)
	}
}

// hurt is a store some row of which is damaged.
type hurt struct {
	*DB
	t *testing.T
}

// hurtStore opens a store of its own on what is on a disk, and with its keys.
func hurtStore(t *testing.T, o Options, disk *vfs.MemFS) hurt {
	t.Helper()
	o.fs, o.KeyFile = disk.CrashClone(vfs.CrashCloneCfg{}), copyKeys(t, o.KeyFile)
	db := mustOpen(t, o)
	t.Cleanup(func() { mustClose(t, db) })
	return hurt{db, t}
}

func (h hurt) set(e *engine, key, value []byte) {
	if err := e.Set(key, value, pebble.NoSync); err != nil {
		h.t.Fatal(err)
	}
}

func (h hurt) remove(e *engine, key []byte) {
	if err := e.Delete(key, pebble.NoSync); err != nil {
		h.t.Fatal(err)
	}
}

// drop removes the first row of a table.
func (h hurt) drop(e *engine, table byte) {
	key, _ := first(h.t, e, table)
	h.remove(e, key)
}

// flip alters a byte of the value of the first row of a table, counted from its end where at is negative.
func (h hurt) flip(e *engine, table byte, at int) {
	key, value := first(h.t, e, table)
	if at < 0 {
		at += len(value)
	}
	value[at] ^= 1
	h.set(e, key, value)
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	disk := vfs.NewCrashableMem()
	o := memOptions(t, nil)
	o.fs = disk
	db := mustOpen(t, o)
	fill(t, db)
	mustClose(t, db)
	for name, c := range map[string]struct {
		damage func(db hurt)
		says   string
	}{
		"sealed binding":  {func(db hurt) { db.flip(db.bind, tableRow, -1) }, "bindings: store: damaged row"},
		"header":          {func(db hurt) { db.flip(db.bind, tableRow, 4) }, "damaged row"},
		"tenant of a row": {func(db hurt) { db.flip(db.bind, tableRow, 2) }, "damaged row"},
		"data key":        {func(db hurt) { db.flip(db.bind, tableRow, 3) }, "data key"},
		"version":         {func(db hurt) { db.flip(db.bind, tableRow, 0) }, "not a row of this version"},
		"block":           {func(db hurt) { db.flip(db.bind, tableBlock, 0) }, "blocks:"},
		"tenant":          {func(db hurt) { db.flip(db.bind, tableTenant, -1) }, "tenants:"},
		"row is gone":     {func(db hurt) { db.drop(db.bind, tableRow) }, "missing"},
		"block is gone":   {func(db hurt) { db.drop(db.bind, tableBlock) }, "whose block is not held"},
		"id is gone":      {func(db hurt) { db.drop(db.bind, tableID) }, "not found through index e"},
		"id is elsewhere": {func(db hurt) { db.flip(db.bind, tableID, placeValueSize-1) }, "not found through index e"},
		"entry is gone":   {func(db hurt) { db.drop(db.bind, tableWho) }, "not found through index z"},
		"lock elsewhere":  {func(db hurt) { db.set(db.bind, key64(tableLock, uint64((testBlock+7).Number(1))), []byte{rowVersion}) }, "is locked, whose block is not held"},
		"lock":            {func(db hurt) { db.set(db.bind, key64(tableLock, uint64(testBlock.Number(1))), nil) }, "damaged row: a locked number"},
		"entry too many": {func(db hurt) {
			db.set(db.bind, whoKey(noHash, place{testBlock.Number(1), uint64(testStart.UnixNano())}), []byte{0})
		}, "consents: an entry of binding " + testID(1)},
		"entry of nobody":  {func(db hurt) { db.set(db.bind, whoKey(noHash, place{testBlock.Number(1), 1}), []byte{0}) }, "is named and missing"},
		"entry ends early": {func(db hurt) { key, _ := first(db.t, db.bind, tableWho); db.set(db.bind, key, []byte{1}) }, "not found through index z"},
		"former party is gone": {func(db hurt) {
			db.remove(db.bind, whoKey(db.numberHash(testNumber(t, 10)), place{testBlock.Number(5), uint64(testStart.UnixNano())}))
		}, "not found through index z"},
		"row in another's place": {func(db hurt) {
			_, value := first(db.t, db.bind, tableRow)
			db.set(db.bind, place{x: testBlock.Number(77), start: 1}.key(), value)
		}, "damaged row"},
		"copy is gone": {func(db hurt) {
			db.remove(db.bind, place{x: testBlock.Number(1003), start: uint64(testStart.UnixNano())}.key())
		}, "missing under its second number"},
		"copy of nothing": {func(db hurt) {
			db.remove(db.bind, place{x: testBlock.Number(3), start: uint64(testStart.UnixNano())}.key())
		}, "is named and missing"},
		"one party twice": {func(db hurt) {
			b, err := db.Binding(context.Background(), testID(1))
			if err != nil {
				db.t.Fatal(err)
			}
			b.ID = "twin"
			h := rowHeader{version: bindingRow, tenant: 1, dataKey: storeKey}
			box, err := db.bindKeys.box(storeKey)
			if err != nil {
				db.t.Fatal(err)
			}
			rows, err := sealRows(box, &b, h, uint64(testStart.UnixNano())+5, []binding.X{b.X})
			if err != nil {
				db.t.Fatal(err)
			}
			rows = append(rows, db.indexRows(&b, place{b.X, uint64(testStart.UnixNano()) + 5})...)
			for _, r := range rows {
				db.set(db.bind, r.key, r.value)
			}
		}, "with one party"},
		"sealed record":  {func(db hurt) { db.flip(db.cdr, tableClosed, -1) }, "call records: seq 1:"},
		"record is gone": {func(db hurt) { db.remove(db.cdr, key64(tableClosed, 5)) }, "call records 5 to 5 are missing"},
		"last is gone":   {func(db hurt) { db.remove(db.cdr, key64(tableClosed, spanSize+10)) }, "record ids: 1034 entries where there should be 1033"},
		"record elsewhere": {func(db hurt) {
			_, value := first(db.t, db.cdr, tableClosed)
			db.set(db.cdr, key64(tableClosed, 2), value)
		}, "seq 2: store: damaged row"},
		"record id gone":      {func(db hurt) { db.drop(db.cdr, tableRecord) }, "not found by its id"},
		"record id elsewhere": {func(db hurt) { db.flip(db.cdr, tableRecord, 7) }, "not found by its id"},
		"binding's is gone":   {func(db hurt) { db.drop(db.cdr, tableOf) }, "not found by its binding"},
		"binding's too many":  {func(db hurt) { db.set(db.cdr, keyHash64(tableOf, noHash, 1), nil) }, "records of bindings"},
		"span is wrong":       {func(db hurt) { db.flip(db.cdr, tableSpan, 7) }, "time index is wrong for the call records from 1 on"},
		"span is gone":        {func(db hurt) { db.drop(db.cdr, tableSpan) }, "time index is wrong"},
		"span too many":       {func(db hurt) { db.set(db.cdr, key64(tableSpan, 9), new(span).value()) }, "spans: 2 entries where there should be 1"},
		"open record":         {func(db hurt) { db.flip(db.cdr, tableOpen, -1) }, "open call records:"},
		"open and closed": {func(db hurt) {
			id := db.cdrKeys.index.Hash(domainRecord, "open"+testID(1))
			db.set(db.cdr, keyHash(tableRecord, id), binary.BigEndian.AppendUint64(nil, 1))
		}, "an open call record is closed as well"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := hurtStore(t, o, disk)
			c.damage(db)
			r, err := db.Check(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if r.OK() || !strings.Contains(r.String(), c.says) {
				t.Errorf("%q is not in the report:\n%s", c.says, r)
			}
			for _, n := range []int{2, 3} {
				if strings.Contains(r.String(), testNumber(t, n).Digits()[4:]) {
					t.Errorf("the report holds a number:\n%s", r)
				}
			}
		})
	}
}

func TestReportIsBounded(t *testing.T) {
	var r Report
	for i := range maxProblems + 7 {
		r.fault("fault %d", i)
	}
	if len(r.Problems) != maxProblems || r.Faults != maxProblems+7 || !strings.Contains(r.String(), "and 7 more") {
		t.Errorf("report %s", r)
	}
}

func TestCheckCanBeGivenUp(t *testing.T) {
	t.Parallel()
	db := mustOpen(t, memOptions(t, nil))
	fill(t, db)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := db.Check(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	c := &checker{db: db, ctx: context.Background(), report: new(Report), cut: make(map[byte]bool)}
	close(db.use.closing)
	if err := c.bindings(db.bind); !errors.Is(err, ErrClosed) {
		t.Errorf("while closing: %v", err)
	}
	db.use.closing = make(chan struct{})
	mustClose(t, db)
}

// A damaged block is the trouble of its rows: the process lives, and says so.
func TestDamagedBlockIsAnErrorAndNotTheEnd(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	o := options(t, t.TempDir())
	db := mustOpen(t, o)
	fill(t, db)
	var all sync.WaitGroup
	for i := range 300 { // several blocks of bindings, so that the first is not needed to open
		all.Go(func() {
			if err := db.Bind(ctx, testPair(t, "more"+testID(i), 100+i)); err != nil {
				t.Errorf("bind: %v", err)
			}
		})
	}
	all.Wait()
	if err := db.bind.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := db.cdr.Flush(); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	for _, name := range []string{"bind", "cdr"} {
		tables, err := filepath.Glob(filepath.Join(o.Dir, name, "*.sst"))
		if err != nil || len(tables) == 0 {
			t.Fatalf("%v, %v", tables, err)
		}
		for _, path := range tables {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := 200; i < 264; i++ {
				content[i] ^= 0xff
			}
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	o.Fatal = func(err error) { t.Errorf("fatal: %v", err) }
	db, err := Open(o)
	if err != nil {
		if !errors.Is(err, ErrCorrupt) {
			t.Fatalf("open: %v", err)
		}
		t.Fatalf("a block of rows was needed to open: %v", err)
	}
	failures := 0
	for i := range 2 { // each costs a search for the bit that was flipped
		if _, err := db.Binding(ctx, testID(i)); err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("another error: %v", err)
			}
			failures++
		}
	}
	err = db.Records(ctx, cdr.Filter{}, func(cdr.Record) error { return nil })
	if failures == 0 || !errors.Is(err, ErrCorrupt) {
		t.Errorf("%d bindings failed, records: %v", failures, err)
	}
	r, err := db.Check(ctx)
	if err != nil || r.OK() {
		t.Errorf("check: %v\n%s", err, r)
	}
	if s := db.Stats(); s.Bindings.Corruptions == 0 || s.Records.Corruptions == 0 {
		t.Errorf("stats %+v", s)
	}
	mustClose(t, db)
}
