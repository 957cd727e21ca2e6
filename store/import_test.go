package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"mask700/binding"
)

// TestImportHasTheConditionsOfBind: what Bind would refuse is refused, each by itself, whether what is in the way was there
// or is in the same call; the rest is there as if it had been bound.
func TestImportHasTheConditionsOfBind(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := mustOpen(t, memOptions(t, nil))
	defer mustClose(t, db)
	holdBlock(t, db)
	mustBind(t, db, testPair(t, testID(1), 1))
	mustDraw(t, db, 5000) // so that the block is counted

	var bs []binding.Binding
	var want []error
	add := func(b binding.Binding, err error) { bs, want = append(bs, b), append(want, err) }
	add(testPair(t, testID(10), 10), nil)
	add(testPair(t, testID(1), 11), binding.ErrExists)
	twin := testPair(t, testID(12), 1)
	add(twin, new(binding.ConflictError))
	shared := testPair(t, testID(13), 13)
	shared.X = testBlock.Number(10) // as the first of this call, with others
	add(shared, nil)
	again := testPair(t, testID(14), 10)
	add(again, new(binding.ConflictError))
	add(testPair(t, testID(10), 15), binding.ErrExists)
	none := testPair(t, testID(16), 16)
	none.X = (testBlock + 1).Number(1)
	add(none, binding.ErrNotHeld)
	two := testPair(t, testID(17), 17)
	two.Mode, two.Y = binding.ModeAXYB, testBlock.Number(1017)
	add(two, nil)
	add(binding.Binding{ID: testID(18), X: testBlock.Number(18)}, ErrRow)
	for n := 100; n < 300; n++ {
		add(testPair(t, testID(n), n), nil)
	}
	for i, err := range db.Import(ctx, bs) {
		var conflict *binding.ConflictError
		switch {
		case want[i] == nil && err == nil, want[i] != nil && errors.Is(err, want[i]):
		case errors.As(want[i], &conflict) && errors.As(err, &conflict):
		default:
			t.Errorf("%d: %v, want %v", i, err, want[i])
		}
	}
	for i, b := range bs {
		got, err := db.Binding(ctx, b.ID)
		if want[i] == nil && (err != nil || got.A != b.A || got.X != b.X || got.Y != b.Y) {
			t.Errorf("%d: %+v, %v", i, got, err)
		}
	}
	if r := checked(t, db); r.Bindings != 1+1+3+200 {
		t.Errorf("%d bindings", r.Bindings)
	}
	if u, ok := db.blocks.table.Load().held[testBlock].Count(second(testStart), 0); !ok || u.InUse != 1+1+3+200 {
		t.Errorf("numbers in use: %+v, %v", u, ok)
	}
	if n := db.locks.left(); n != 0 {
		t.Errorf("%d locks are held", n)
	}
	for i, err := range db.Import(ctx, bs[:1]) {
		if !errors.Is(err, binding.ErrExists) {
			t.Errorf("%d once more: %v", i, err)
		}
	}
	db.guard.full.Store(true)
	if err := db.Import(ctx, []binding.Binding{testPair(t, testID(400), 400)})[0]; !errors.Is(err, ErrDiskFull) {
		t.Errorf("on a full disk: %v", err)
	}
}

// TestImportMayBeCutOffAnywhere takes the disk away before each of its writes: all of it is there afterwards or nothing, and
// no table is left lying about.
func TestImportMayBeCutOffAnywhere(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	type moment struct {
		disk *vfs.MemFS
		keys string
	}
	mem := vfs.NewCrashableMem()
	o := memOptions(t, nil)
	random := rand.New(rand.NewPCG(700, 3))
	var mu sync.Mutex // operations come from several goroutines
	var moments []moment
	recording := false
	o.fs = errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if recording && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[len(moments)%3], RNG: random}
			moments = append(moments, moment{mem.CrashClone(cfg), copyKeys(t, o.KeyFile)})
		}
		return nil
	}))
	record := func(on bool) {
		mu.Lock()
		defer mu.Unlock()
		recording = on
	}
	db := mustOpen(t, o)
	holdBlock(t, db)
	mustBind(t, db, testPair(t, testID(0), 0))
	var bs []binding.Binding
	for n := range 50 {
		bs = append(bs, testPair(t, testID(1+n), 1+n))
	}
	record(true)
	if err := errors.Join(db.Import(ctx, bs)...); err != nil {
		t.Fatal(err)
	}
	record(false)
	moments = append(moments, moment{mem.CrashClone(vfs.CrashCloneCfg{}), copyKeys(t, o.KeyFile)})
	mustClose(t, db)
	whole := 0
	for i, m := range moments {
		again := o
		again.fs, again.KeyFile = m.disk, m.keys
		db, err := Open(again)
		if err != nil {
			t.Fatalf("moment %d of %d: %v", i, len(moments), err)
		}
		r := checked(t, db)
		if r.Bindings != 1 && r.Bindings != 1+50 {
			t.Errorf("moment %d of %d: %d bindings", i, len(moments), r.Bindings)
		}
		if names, err := m.disk.List(o.Dir); err != nil || strings.Contains(fmt.Sprint(names), importDir) {
			t.Errorf("moment %d: left %v, %v", i, names, err)
		}
		// It is done again.
		for k, err := range db.Import(ctx, bs) {
			if there := r.Bindings > 1; there != errors.Is(err, binding.ErrExists) || !there && err != nil {
				t.Errorf("moment %d, again, %d: %v", i, k, err)
			}
		}
		if r := checked(t, db); r.Bindings != 1+50 {
			t.Errorf("moment %d, again: %d bindings", i, r.Bindings)
		}
		mustClose(t, db)
		if r.Bindings > 1 {
			whole++
		}
	}
	if whole == 0 || whole == len(moments) {
		t.Errorf("all was there at %d of %d moments", whole, len(moments))
	}
}

// TestImportDraws: what lacks numbers draws them, what was drawn for one that is refused is given back, and a number that is
// closed to its parties is drawn anew.
func TestImportDraws(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	o := memOptions(t, nil)
	o.Quarantine = 30 * 24 * time.Hour
	o.Now = func() time.Time { return testStart }
	db := mustOpen(t, o)
	defer func() { mustClose(t, db) }()
	holdBlock(t, db)
	// The party of all of these has dialled every other number.
	party := testNumber(t, 1_000_001)
	rows := db.cdr.NewBatch()
	for serial := 1; serial < binding.BlockSize; serial += 2 {
		value := binary.BigEndian.AppendUint32([]byte{rowVersion}, second(testStart.Add(-time.Hour)))
		if err := rows.Set(contactKey(testBlock.Number(serial), db.contactHash(party)), value, nil); err != nil {
			t.Fatal(err)
		}
		db.blocks.table.Load().held[testBlock].Dialled(serial)
	}
	if err := rows.Commit(pebble.Sync); err != nil {
		t.Fatal(err)
	}
	db.contacts.rows.Store(-1)
	var bs []binding.Binding
	for n := range 20 {
		b := testPair(t, testID(n), n)
		b.X, b.A = 0, party
		if n == 7 {
			b.Order = strings.Repeat("x", maxText+1)
		}
		bs = append(bs, b)
	}
	for i, err := range db.Import(ctx, bs) {
		if (err != nil) != (i == 7) || i == 7 && (!errors.Is(err, ErrRow) || bs[i].X != 0) {
			t.Fatalf("%d: %v, %v", i, bs[i].X, err)
		}
		if i != 7 && serialOf(bs[i].X)%2 == 1 {
			t.Errorf("%d drew a number that its party has dialled", i)
		}
	}
	if u, ok := db.blocks.table.Load().held[testBlock].Count(second(testStart), 0); !ok || u.InUse != 19 {
		t.Errorf("numbers in use: %+v, %v", u, ok)
	}
	if n := db.locks.left(); n != 0 {
		t.Errorf("%d locks are held", n)
	}
	// After a restart none is drawn twice.
	mustClose(t, db)
	db = mustOpen(t, o)
	again := testPair(t, testID(100), 100)
	again.X = 0
	if err := db.Import(ctx, []binding.Binding{again})[0]; err != nil {
		t.Fatal(err)
	}
	if r := checked(t, db); r.Bindings != 20 {
		t.Errorf("%d bindings", r.Bindings)
	}
}

// TestImportPartsDoNotOverlap: whatever the rows are, all of them are in the parts, sorted, and no part reaches into another.
func TestImportPartsDoNotOverlap(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(700, 9))
	for range 50 {
		made := make([]runs, 1+random.IntN(3))
		want := make(map[string]string)
		for range random.IntN(2000) {
			key := []byte{"bef"[random.IntN(3)]}
			for range random.IntN(12) {
				key = append(key, byte(random.IntN(4)))
			}
			if _, twice := want[string(key)]; twice {
				continue
			}
			value := fmt.Sprint(random.IntN(1 << 20))
			want[string(key)] = value
			made[random.IntN(len(made))].add(key, []byte(value))
		}
		var all []string
		var ends [][2]string
		for _, p := range partsOf(made, 1+random.IntN(400)) {
			var keys []string
			err := p.each(func(key, value []byte) error {
				if want[string(key)] != string(value) || key[0] != p.table {
					return fmt.Errorf("%q has another's value", key)
				}
				keys = append(keys, string(key))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.IsSorted(keys) || len(keys) == 0 {
				t.Fatalf("a part of %d rows that is not sorted", len(keys))
			}
			all = append(all, keys...)
			ends = append(ends, [2]string{keys[0], keys[len(keys)-1]})
		}
		slices.SortFunc(ends, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
		for i := 1; i < len(ends); i++ {
			if ends[i-1][1] >= ends[i][0] {
				t.Fatalf("parts overlap: %q", ends[i-1:i+1])
			}
		}
		if len(all) != len(want) {
			t.Fatalf("%d of %d rows", len(all), len(want))
		}
	}
}
