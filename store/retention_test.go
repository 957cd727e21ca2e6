package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/store/ring"
)

const day = 24 * time.Hour

// kept is a store whose clock the test sets, and that keeps a class for so many days.
type kept struct {
	t   *testing.T
	o   Options
	now time.Time
	db  *DB
	r   Retention
}

func newKept(t *testing.T, days int) *kept {
	k := &kept{t: t, o: options(t, t.TempDir()), now: testStart, r: Retention{Bindings: time.Duration(days) * day, Records: time.Duration(days) * day}}
	k.o.Now = func() time.Time { return k.now }
	k.db = mustOpen(t, k.o)
	t.Cleanup(func() { mustClose(t, k.db) })
	holdBlock(t, k.db)
	return k
}

func (k *kept) reopen() {
	k.t.Helper()
	mustClose(k.t, k.db)
	k.db = mustOpen(k.t, k.o)
	if err := k.db.ConfirmClock(); err != nil { // the time has passed while it was closed
		k.t.Fatal(err)
	}
}

// bind makes a binding that lives for so long, now.
func (k *kept) bind(n int, lives time.Duration, change ...func(*binding.Binding)) binding.Binding {
	k.t.Helper()
	b := testPair(k.t, testID(n), n)
	b.CreatedAt, b.Consent = k.now, "consent"
	if lives > 0 {
		b.ExpiresAt = k.now.Add(lives)
	}
	for _, c := range change {
		c(&b)
	}
	mustBind(k.t, k.db, b)
	return b
}

// call is the record of a call over a binding that ends now.
func (k *kept) call(n int) {
	k.t.Helper()
	r := cdr.Record{ID: "call " + testID(n), Binding: testID(n), Tenant: binding.DefaultTenant, ReceivedAt: k.now, ReleasedAt: k.now,
		CallerIn: cdr.Party{Number: testNumber(k.t, 2*n)}}
	if _, err := closeCall(k.t, k.db, r); err != nil {
		k.t.Fatal(err)
	}
}

// sweep sweeps, and returns what was deleted of records and bindings, and what was noted.
func (k *kept) sweep() (records, bindings Sweep, noted []Sweep) {
	k.t.Helper()
	all, err := k.db.SweepRetention(context.Background(), k.r, func(s Sweep) error { noted = append(noted, s); return nil })
	if err != nil || len(all) != 2 {
		k.t.Fatalf("%d classes, %v", len(all), err)
	}
	return all[0], all[1], noted
}

func (k *kept) gone(n int) {
	k.t.Helper()
	ctx := context.Background()
	if _, err := k.db.Binding(ctx, testID(n)); !errors.Is(err, binding.ErrNotFound) {
		k.t.Errorf("binding %d: %v", n, err)
	}
	if _, err := k.db.Record(ctx, "call "+testID(n)); !errors.Is(err, cdr.ErrNotFound) {
		k.t.Errorf("record %d: %v", n, err)
	}
	for _, q := range []binding.HistoryQuery{{Number: testNumber(k.t, 2*n)}, {Order: "order " + testID(n)}, {X: testBlock.Number(n)}} {
		err := k.db.History(ctx, q, func(h binding.Holding) error {
			if h.Binding.ID == testID(n) {
				k.t.Errorf("binding %d is found: %+v", n, q)
			}
			return nil
		})
		if err != nil {
			k.t.Error(err)
		}
	}
	err := k.db.Records(ctx, cdr.Filter{Binding: testID(n)}, func(cdr.Record) error { k.t.Errorf("a record of binding %d is found", n); return nil })
	if err != nil {
		k.t.Error(err)
	}
}

func (k *kept) there(n int) {
	k.t.Helper()
	if _, err := k.db.Binding(context.Background(), testID(n)); err != nil {
		k.t.Errorf("binding %d: %v", n, err)
	}
	if _, err := k.db.Record(context.Background(), "call "+testID(n)); err != nil {
		k.t.Errorf("record %d: %v", n, err)
	}
}

// Rows are deleted when their time is over and no sooner, and the key of a month once nothing of that month is left: then
// no file of the store finds them, and a backup of before cannot be read with the keys of today.
func TestRetention(t *testing.T) {
	ctx := context.Background()
	k := newKept(t, 30)
	k.bind(1, time.Hour, func(b *binding.Binding) { b.Mode, b.Y = binding.ModeAXYB, testBlock.Number(5001) })
	k.call(1)
	k.now = k.now.AddDate(0, 0, 10) // March 11
	k.bind(2, 0)
	if _, err := k.db.Unbind(ctx, testID(2), k.now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	k.call(2)
	k.now = k.now.AddDate(0, 1, 0) // April 11
	k.bind(3, time.Hour)
	k.call(3)
	mustChange(t, k.db, testID(3), func(b *binding.Binding) { b.A = testNumber(t, 70_000_001) })

	backup := filepath.Join(t.TempDir(), "backup")
	if _, err := k.db.Backup(ctx, backup, BackupOptions{}); err != nil {
		t.Fatal(err)
	}
	ringBefore, err := os.ReadFile(k.o.KeyFile + ".ring")
	if err != nil {
		t.Fatal(err)
	}

	// What ended 30 days ago to the second stays.
	k.now = testStart.Add(time.Hour).Add(30 * day)
	records, bindings, noted := k.sweep()
	if records.Deleted != 1 || bindings.Deleted != 0 || bindings.Kept != 3 || len(noted) != 1 || !bindings.Oldest.Equal(testStart) {
		t.Errorf("%+v\n%+v\n%+v", records, bindings, noted)
	}
	k.now = k.now.Add(1)
	if _, bindings, noted = k.sweep(); bindings.Deleted != 1 || bindings.Kept != 2 || len(noted) != 1 {
		t.Errorf("%+v %+v", bindings, noted)
	}
	k.gone(1)
	k.there(2)
	checked(t, k.db)

	// March is over for all when the last of it is.
	k.now = testStart.AddDate(0, 0, 10).Add(31 * day)
	records, bindings, noted = k.sweep()
	if records.Deleted != 1 || bindings.Deleted != 1 || len(noted) != 2 || noted[0].KeyCount != 0 {
		t.Errorf("%+v\n%+v\n%+v", records, bindings, noted)
	}
	k.now = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	records, bindings, noted = k.sweep()
	if len(noted) != 2 || len(records.Keys) != 1 || len(bindings.Keys) != 1 || bindings.Keys[0].Period != "2026-03" || bindings.Keys[0].Tenant != binding.DefaultTenant ||
		len(bindings.Digest) != 64 || bindings.Kept != 1 || noted[1].Digest != bindings.Digest {
		t.Errorf("%+v\n%+v\n%+v", records, bindings, noted)
	}
	if text := bindings.String(); !strings.Contains(text, "1 keys: ") || !strings.Contains(text, "2026-03") || !strings.Contains(text, bindings.Digest) {
		t.Errorf("%s", text)
	}
	k.gone(1)
	k.gone(2)
	k.there(3)
	checked(t, k.db)
	if last, err := k.db.LastSweeps(); err != nil || len(last) != 2 || last[0].Digest != bindings.Digest || last[1].Class != ClassRecords {
		t.Errorf("%+v, %v", last, err)
	}
	if again, _, noted := k.sweep(); again.Deleted != 0 || len(noted) != 0 {
		t.Errorf("%+v %+v", again, noted)
	}

	// By byte: neither what finds the rows by a person, nor the wrapped keys.
	var hashes [][]byte
	for _, n := range []int{2, 3, 4, 5} {
		h := k.db.numberHash(testNumber(t, n))
		hashes = append(hashes, h[:])
	}
	stay := k.db.numberHash(testNumber(t, 7))
	mustClose(t, k.db)
	seen := false
	for path, content := range everyByte(t, filepath.Join(k.o.Dir, "bind")) {
		if strings.HasSuffix(path, ".log") {
			continue // logs are emptied by use; see below
		}
		for i, h := range hashes {
			if bytes.Contains(content, h) {
				t.Errorf("%s has the hash of number %d", filepath.Base(path), i)
			}
		}
		seen = seen || bytes.Contains(content, stay[:])
	}
	if !seen {
		t.Error("the search is blind")
	}
	ringAfter, err := os.ReadFile(k.o.KeyFile + ".ring")
	if err != nil {
		t.Fatal(err)
	}
	left := 0
	for line := range strings.Lines(string(ringBefore)) {
		if f := strings.Fields(line); len(f) == 9 && f[0] == "key" && !bytes.Contains(ringAfter, []byte(f[7])) {
			left++
		}
	}
	if left != 2 {
		t.Errorf("%d wrapped keys have left the ring, want 2", left)
	}

	old := restored(t, k.o)
	if _, err := Restore(old, backup); err != nil {
		t.Fatal(err)
	}
	db := mustOpen(t, old)
	for _, n := range []int{1, 2} {
		if _, err := db.Binding(ctx, testID(n)); !errors.Is(err, ErrErased) {
			t.Errorf("binding %d of the backup: %v", n, err)
		}
		if _, err := db.Record(ctx, "call "+testID(n)); !errors.Is(err, ErrErased) {
			t.Errorf("record %d of the backup: %v", n, err)
		}
	}
	if _, err := db.Binding(ctx, testID(3)); err != nil {
		t.Errorf("what is not over: %v", err)
	}
	mustClose(t, db)
	k.db = mustOpen(t, k.o)
}

// What goes on keeps its row and its key, however old it is.
func TestRetentionLeavesWhatLives(t *testing.T) {
	k := newKept(t, 30)
	k.bind(1, 0)
	k.now = k.now.AddDate(3, 0, 0)
	_, bindings, noted := k.sweep()
	if bindings.Deleted != 0 || bindings.Kept != 1 || len(noted) != 0 || !bindings.Oldest.Equal(testStart) {
		t.Errorf("%+v %+v", bindings, noted)
	}
	if b, err := k.db.Binding(context.Background(), testID(1)); err != nil || b.A != testNumber(t, 2) {
		t.Errorf("%v", err)
	}
	all, err := k.db.SweepRetention(context.Background(), Retention{}, nil)
	if err != nil || len(all) != 0 {
		t.Errorf("kept for ever: %+v, %v", all, err)
	}
}

// No entry, no destroying; and the keys that were let go seal new rows again.
func TestRetentionThatIsNotNoted(t *testing.T) {
	k := newKept(t, 30)
	k.bind(1, time.Hour)
	k.call(1)
	k.now = k.now.AddDate(1, 0, 0)
	refused := errors.New("the audit log is full")
	if _, err := k.db.SweepRetention(context.Background(), k.r, func(Sweep) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("%v", err)
	}
	for _, key := range k.db.ring.Keys() {
		if !key.Destroyed.IsZero() {
			t.Errorf("%s key %d was destroyed", key.Use, key.ID)
		}
	}
	k.now = testStart
	k.bind(2, time.Hour)
	if keys := k.db.ring.Next(ring.Bindings); keys != 3 {
		t.Errorf("another key was made: the next is %d", keys)
	}
	k.now = k.now.AddDate(1, 0, 0)
	records, bindings, noted := k.sweep()
	if bindings.Deleted != 2 || len(noted) != 2 || records.KeyCount != 1 || bindings.KeyCount != 1 {
		t.Errorf("%+v\n%+v", records, bindings)
	}
}

// Rows that somebody has erased by their key go when their time is over, with what is left to find them.
func TestRetentionOfWhatIsErased(t *testing.T) {
	ctx := context.Background()
	k := newKept(t, 30)
	k.bind(1, time.Hour, func(b *binding.Binding) { b.Mode, b.Y = binding.ModeAXYB, testBlock.Number(5001) })
	k.call(1)
	k.now = k.now.AddDate(0, 1, 2)
	k.bind(2, time.Hour)
	k.call(2)
	if _, err := k.db.DestroyKeys(ctx, Erasure{All: true, Before: k.now}, func(int) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if r := checked(t, k.db); r.ErasedBindings != 1 || r.ErasedRecords != 1 {
		t.Errorf("%+v", r)
	}
	records, bindings, _ := k.sweep()
	if records.Deleted != 1 || bindings.Deleted != 1 {
		t.Errorf("%+v\n%+v", records, bindings)
	}
	if r := checked(t, k.db); r.ErasedBindings != 0 || r.ErasedRecords != 0 || r.Bindings != 1 || r.Records != 1 {
		t.Errorf("%+v", r)
	}
	k.gone(1)
	k.there(2)
}

// Numbers of records go on where they were, though all that had them are deleted, and what was deleted is known from what
// was lost.
func TestRetentionOfRecords(t *testing.T) {
	ctx := context.Background()
	k := newKept(t, 30)
	const first = spanSize + 20
	answers := make(chan error, first)
	for i := range first {
		r := testRecord(testID(i))
		r.ReleasedAt = k.now.Add(time.Duration(i) * time.Second)
		k.db.Journal().Close(r, func(_ uint64, err error) { answers <- err })
	}
	for range first {
		if err := <-answers; err != nil {
			t.Fatal(err)
		}
	}
	count := func(f cdr.Filter) (n int) {
		t.Helper()
		if err := k.db.Records(ctx, f, func(cdr.Record) error { n++; return nil }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	k.now = testStart.Add(30*day + 500*time.Second)
	if records, _, _ := k.sweep(); records.Deleted != 500 || !records.Oldest.Equal(testStart.Add(500*time.Second)) {
		t.Errorf("%+v", records)
	}
	if n := count(cdr.Filter{}); n != first-500 {
		t.Errorf("%d are left", n)
	}
	if n := count(cdr.Filter{Since: testStart.Add(1000 * time.Second)}); n != first-1000 {
		t.Errorf("%d since then", n)
	}
	checked(t, k.db)
	k.reopen()
	checked(t, k.db)
	k.now = k.now.AddDate(0, 1, 0)
	if records, _, _ := k.sweep(); records.Deleted != first-500 || !records.Oldest.IsZero() {
		t.Errorf("%+v", records)
	}
	if n := count(cdr.Filter{}); n != 0 || k.db.LastSeq() != first {
		t.Errorf("%d are left, last seq %d", n, k.db.LastSeq())
	}
	checked(t, k.db)
	k.reopen()
	k.call(1)
	if k.db.LastSeq() != first+1 {
		t.Errorf("last seq %d", k.db.LastSeq())
	}
	if n := count(cdr.Filter{AfterSeq: 3}); n != 1 {
		t.Errorf("%d after the third", n)
	}
	checked(t, k.db)
	if err := k.db.cdr.Delete(key64(tableClosed, first+1), nil); err != nil {
		t.Fatal(err)
	}
	if r, err := k.db.Check(ctx); err != nil || r.OK() {
		t.Errorf("a record that was lost: %v\n%s", err, r)
	}
}
