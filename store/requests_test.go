package store

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
	"mask700/store/seal"
)

// requests counts what is remembered under a key.
func requests(t *testing.T, db *DB) (n int) {
	t.Helper()
	err := scan(db.bind, []byte{tableRequest}, []byte{tableRequest + 1}, func(key, value []byte) (bool, error) {
		n++
		_, err := parseRequest(value)
		return true, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// keyed binds n under a key of its own, a moment after the start.
func keyed(t *testing.T, db *DB, n int, after time.Duration) (binding.Binding, bool) {
	t.Helper()
	b := testPair(t, testID(n), n)
	b.CreatedAt = testStart.Add(after)
	b, again, err := db.BindAgain(context.Background(), b, binding.Repeat{Key: b.ID, Request: "13800000001"})
	if err != nil {
		t.Fatal(err)
	}
	return b, again
}

// TestRequestsGoByDays: what was asked for is remembered over a restart, and forgotten by the first request, or the first
// sweep, of the day after the next.
func TestRequestsGoByDays(t *testing.T) {
	ctx := context.Background()
	o := options(t, t.TempDir())
	now := testStart
	o.Now = func() time.Time { return now }
	db := mustOpen(t, o)
	holdBlock(t, db)
	keyed(t, db, 1, 0)
	keyed(t, db, 2, time.Hour)
	mustClose(t, db)
	db = mustOpen(t, o)
	if _, again := keyed(t, db, 2, 2*time.Hour); !again || requests(t, db) != 2 {
		t.Errorf("after a restart: %v, %d", again, requests(t, db))
	}
	if keyed(t, db, 3, day); requests(t, db) != 3 {
		t.Errorf("the next day: %d", requests(t, db))
	}
	if keyed(t, db, 4, 2*day); requests(t, db) != 2 {
		t.Errorf("the day after: %d", requests(t, db))
	}
	if r, err := db.Check(ctx); err != nil || len(r.Problems) != 0 {
		t.Errorf("check: %v, %v", r.Problems, err)
	}
	now = testStart.Add(10 * day)
	for range 2 {
		if _, err := db.SweepRetention(ctx, Retention{}, nil); err != nil || requests(t, db) != 0 {
			t.Errorf("swept: %d, %v", requests(t, db), err)
		}
	}
	if err := db.bind.Set(requestKey(1, seal.Hash{}), []byte("short"), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if r, err := db.Check(ctx); err != nil || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "requests under a key") {
		t.Errorf("check of one that is damaged: %v, %v", r.Problems, err)
	}
	mustClose(t, db)
	for name, data := range everyByte(t, filepath.Dir(o.Dir)) {
		if strings.Contains(string(data), "13800000001") {
			t.Errorf("%s has what was asked for", name)
		}
	}
}

// TestRequestForWhatIsErased: a key stays used when nothing can be read any more of what was done under it.
func TestRequestForWhatIsErased(t *testing.T) {
	ctx := context.Background()
	o := options(t, t.TempDir())
	o.Now = func() time.Time { return testStart.AddDate(0, 2, 0) }
	db := mustOpen(t, o)
	holdBlock(t, db)
	b, _ := keyed(t, db, 1, 0)
	r := binding.Repeat{Key: b.ID, Request: "13800000001"}
	if _, err := db.Unbind(ctx, b.ID, testStart.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.DestroyKeys(ctx, Erasure{Tenant: binding.DefaultTenant, Before: o.Now()}, func(int) error { return nil }); err != nil {
		t.Fatal(err)
	}
	_, err := db.Repeated(ctx, b.Tenant, r, testStart)
	if !errors.Is(err, binding.ErrKeyGone) {
		t.Errorf("read: %v", err)
	}
	b.ID = testID(2)
	if _, _, err := db.BindAgain(ctx, b, r); !errors.Is(err, binding.ErrKeyGone) {
		t.Errorf("bound: %v", err)
	}
	r.Request = "other"
	if _, _, err := db.BindAgain(ctx, b, r); !errors.Is(err, binding.ErrKeyUsed) {
		t.Errorf("another request: %v", err)
	}
	if r, err := db.Check(ctx); err != nil || len(r.Problems) != 0 {
		t.Errorf("check: %v, %v", r.Problems, err)
	}
	mustClose(t, db)
}

// TestErasureForgetsRequests: a key under which a person was bound, asked for again with a guess, tells nothing any more; the
// keys of others stay.
func TestErasureForgetsRequests(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	o := erasedOptions(t)
	o.Quarantine = 0
	db := mustOpen(t, o)
	defer func() { mustClose(t, db) }()
	holdBlock(t, db)
	his, _ := keyed(t, db, 1, 0)
	others, _ := keyed(t, db, 2, 0)
	if _, err := db.Unbind(ctx, his.ID, testStart.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ErasePerson(ctx, his.A, "he asked", false, func(string) error { return nil }, func(PersonErased) error { return nil }); err != nil {
		t.Fatal(err)
	}
	for _, guess := range []string{"13800000001", "other"} {
		_, err := db.Repeated(ctx, his.Tenant, binding.Repeat{Key: his.ID, Request: guess}, testStart.Add(time.Hour))
		if !errors.Is(err, binding.ErrNotFound) {
			t.Errorf("asked again with %s: %v", guess, err)
		}
	}
	if b, err := db.Repeated(ctx, others.Tenant, binding.Repeat{Key: others.ID, Request: "13800000001"}, testStart.Add(time.Hour)); err != nil || b.ID != others.ID {
		t.Errorf("the key of others: %v", err)
	}
	checked(t, db)
}
