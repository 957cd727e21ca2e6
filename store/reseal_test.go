package store

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
)

// What stands whatever its age outlives the key of the month in which it was written, and copies from before do not: neither an
// entry that was removed since, nor one that stands, nor the number that was to be erased.
func TestDestroyedKeysTakeBlockListsWithThem(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	o := options(t, t.TempDir())
	now := testStart
	o.Now = func() time.Time { return now }
	db := mustOpen(t, o)
	entry := func(n int, tenant string) binding.Bar {
		return binding.Bar{
			ID: "bar" + testID(n), Number: testNumber(t, n), Peer: testNumber(t, n+1), Tenant: tenant, Direction: binding.BarFrom, CreatedAt: now, Reason: "asked for it",
		}
	}
	stands, removed, over, all := entry(10, "rides"), entry(20, "rides"), entry(30, "rides"), entry(40, "")
	over.Until = now.Add(time.Hour)
	ofBefore := entry(50, "rides") // under the key of all time
	for _, b := range []binding.Bar{stands, removed, over, all, ofBefore} {
		if _, err := db.AddBar(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	underAllTime(t, db, ofBefore)
	// An erasure that waits.
	waits := errors.New("it cannot be said that it is done")
	_, err := db.ErasePerson(ctx, testNumber(t, 77), "he asked", false, func(string) error { return nil }, func(PersonErased) error { return waits })
	if !errors.Is(err, waits) {
		t.Fatal(err)
	}
	mustClose(t, db)
	copied, dir := backedUp(t, o)

	now = testStart.AddDate(0, 2, 0)
	db = mustOpen(t, o)
	if err := db.ConfirmClock(); err != nil { // the time has passed while it was closed
		t.Fatal(err)
	}
	if _, err := db.RemoveBar(ctx, removed.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := db.DestroyKeys(ctx, Erasure{All: true, Before: now}, func(int) error { return nil }); err != nil {
		t.Fatal(err)
	}
	bars := func(db *DB, b binding.Bar) bool {
		t.Helper()
		tenant := b.Tenant
		if tenant == "" {
			tenant = "anyone's"
		}
		_, yes, err := db.Barred(ctx, b.Number, b.Peer, tenant, now)
		if err != nil {
			t.Error(err)
		}
		return yes
	}
	for _, b := range []binding.Bar{stands, all, ofBefore} {
		if got, err := db.Bar(ctx, b.ID); err != nil || got != b || !bars(db, b) {
			t.Errorf("it was to stand: %v, %v", got, err)
		}
	}
	if _, err := db.Bar(ctx, over.ID); !errors.Is(err, binding.ErrNoBar) {
		t.Errorf("one that is over: %v", err)
	}
	if n := db.BarStats().Entries; n != 3 {
		t.Errorf("%d entries are counted", n)
	}
	if r := checked(t, db); r.Bars != 3 || r.ErasedBars != 0 || r.Erasing != 1 {
		t.Errorf("%+v", r)
	}
	finished := 0
	if err := db.FinishErasures(ctx, func(PersonErased, string) error { finished++; return nil }); err != nil || finished != 1 {
		t.Errorf("%d erasures went on, %v", finished, err)
	}
	mustClose(t, db)

	copied.KeyFile = filepath.Join(dir, "mask700.key")
	for _, suffix := range []string{"", ".ring"} {
		text, err := os.ReadFile(o.KeyFile + suffix)
		if err == nil {
			err = os.WriteFile(copied.KeyFile+suffix, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	db = mustOpen(t, copied)
	for _, b := range []binding.Bar{stands, removed, over, all} {
		if got, err := db.Bar(ctx, b.ID); !errors.Is(err, ErrErased) && !errors.Is(err, binding.ErrNoBar) || bars(db, b) {
			t.Errorf("it was to be gone: %v, %v", got, err)
		}
	}
	if err := db.FinishErasures(ctx, func(PersonErased, string) error { return errors.New("nobody knows whose number it was") }); err != nil {
		t.Error(err)
	}
	if again, err := db.AddBar(ctx, binding.Bar{ID: "new", Number: stands.Number, Peer: stands.Peer, Direction: binding.BarFrom, CreatedAt: now}); err != nil || again.ID != "new" {
		t.Errorf("one on the same number: %v, %v", again, err)
	}
	if err := until(ctx, db, errors.New("they stay"), func() (bool, error) { return db.BarStats().Entries == 2, nil }); err != nil { // in the background
		t.Error(err)
	}
	if r := checked(t, db); r.Bars != 2 || r.ErasedBars != 0 || r.Erasing != 0 {
		t.Errorf("%+v", r)
	}
	mustClose(t, db)
}

// underAllTime has an entry stand as stores of before have it.
func underAllTime(t *testing.T, db *DB, b binding.Bar) {
	t.Helper()
	key, err := db.barKey(db.bind, b.ID)
	if err != nil {
		t.Fatal(err)
	}
	value, _, err := get(db.bind, key)
	if err != nil {
		t.Fatal(err)
	}
	h, sealed, err := parseBarHeader(value)
	if err != nil || h.dataKey == storeKey {
		t.Fatalf("under key %d, %v", h.dataKey, err)
	}
	today, err := db.bindKeys.box(h.dataKey)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := today.Open(nil, sealed, placeOf(key, value[:barHeaderSize]))
	if err != nil {
		t.Fatal(err)
	}
	box, err := db.bindKeys.box(storeKey)
	if err != nil {
		t.Fatal(err)
	}
	header := append([]byte(nil), value[:barHeaderSize]...)
	binary.BigEndian.PutUint32(header[6:], storeKey)
	if err := db.bind.Set(key, box.Seal(append([]byte(nil), header...), plain, placeOf(key, header)), pebble.Sync); err != nil {
		t.Fatal(err)
	}
}

// A sweep does the same before it destroys a key of which nothing else is left.
func TestASweepKeepsBlockLists(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	o := memOptions(t, nil)
	now := testStart
	o.Now = func() time.Time { return now }
	db := mustOpen(t, o)
	defer mustClose(t, db)
	b := binding.Bar{ID: "bar", Number: testNumber(t, 1), Tenant: "rides", Direction: binding.BarTo, CreatedAt: now, Reason: "asked for it"}
	if _, err := db.AddBar(ctx, b); err != nil {
		t.Fatal(err)
	}
	now = testStart.AddDate(0, 3, 0)
	if err := db.ConfirmClock(); err != nil {
		t.Fatal(err)
	}
	sweeps, err := db.SweepRetention(ctx, Retention{Bindings: 24 * time.Hour}, func(Sweep) error { return nil })
	if err != nil || len(sweeps) != 1 || sweeps[0].KeyCount != 1 {
		t.Fatalf("%+v, %v", sweeps, err)
	}
	if got, err := db.Bar(ctx, b.ID); err != nil || got != b {
		t.Errorf("%v, %v", got, err)
	}
	checked(t, db)
}

// An entry that is over by a clock that is not believed stands, and protects again when the clock was put right.
func TestAClockThatJumpsTakesNoBlockListEntry(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	o := memOptions(t, nil)
	now := testStart
	o.Now, o.Steady = func() time.Time { return now }, func() time.Duration { return 0 }
	db := mustOpen(t, o)
	defer func() { mustClose(t, db) }()
	b := binding.Bar{
		ID: "bar", Number: testNumber(t, 1), Tenant: "rides", Direction: binding.BarTo, CreatedAt: now, Until: now.Add(60 * day), Reason: "asked for it",
	}
	if _, err := db.AddBar(ctx, b); err != nil {
		t.Fatal(err)
	}
	destroy := func(before time.Time) {
		t.Helper()
		if _, err := db.DestroyKeys(ctx, Erasure{All: true, Before: before}, func(int) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	now = testStart.Add(1000 * day)
	destroy(now)
	now = testStart.Add(day)
	if got, err := db.Bar(ctx, b.ID); err != nil || got != b {
		t.Fatalf("%v, %v", got, err)
	}
	if _, barred, err := db.Barred(ctx, testNumber(t, 2), b.Number, b.Tenant, now); err != nil || !barred {
		t.Errorf("barred %v, %v", barred, err)
	}
	now = testStart.Add(1000 * day)
	if err := db.ConfirmClock(); err != nil {
		t.Fatal(err)
	}
	destroy(now.Add(60 * day))
	if got, err := db.Bar(ctx, b.ID); !errors.Is(err, binding.ErrNoBar) {
		t.Errorf("when it was over: %v, %v", got, err)
	}
}
