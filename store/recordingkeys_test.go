package store

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"mask700/store/audit"
	"mask700/store/seal"
)

func TestRecordingKeys(t *testing.T) {
	dir := t.TempDir()
	db := mustOpen(t, options(t, dir))
	holdBlock(t, db)
	for i, tenant := range []string{"one", "two"} {
		b := testPair(t, testID(i), i)
		b.Tenant = tenant
		mustBind(t, db, b)
	}
	day := func(n int) time.Time { return testStart.AddDate(0, 0, n) }
	key := seal.NewKey()
	type wrapped struct {
		under uint32
		bytes []byte
	}
	wrap := func(tenant string, at time.Time, id string) wrapped {
		t.Helper()
		under, w, err := db.WrapRecordingKey(tenant, at, id, key)
		if err != nil {
			t.Fatal(err)
		}
		return wrapped{under, w}
	}
	if _, err := db.UnwrapRecordingKey(100, "callA", nil); !errors.Is(err, ErrNoRecordingKey) {
		t.Errorf("no key yet: %v", err)
	}
	a, b := wrap("one", day(0), "callA"), wrap("one", day(0).Add(time.Hour), "callB")
	other, later := wrap("two", day(0), "callA"), wrap("one", day(1), "callA")
	if a.under != b.under || a.under == other.under || a.under == later.under || other.under == later.under {
		t.Errorf("keys %d, %d, %d, %d", a.under, b.under, other.under, later.under)
	}
	opens := func(when string, w wrapped) {
		t.Helper()
		if got, err := db.UnwrapRecordingKey(w.under, "callA", w.bytes); err != nil || !bytes.Equal(got, key) {
			t.Errorf("%s: %v", when, err)
		}
	}
	check := func(when string) {
		t.Helper()
		for _, w := range []wrapped{a, other, later} {
			opens(when, w)
		}
		for name, w := range map[string]wrapped{
			"another recording's": b, "another day's": {a.under, later.bytes}, "another tenant's": {a.under, other.bytes}, "none": {a.under, nil},
		} {
			if _, err := db.UnwrapRecordingKey(w.under, "callA", w.bytes); !errors.Is(err, seal.ErrOpen) {
				t.Errorf("%s: %s: %v", when, name, err)
			}
		}
	}
	check("made")
	mustClose(t, db)
	db = mustOpen(t, options(t, dir))
	check("opened again")
	if again := wrap("one", day(0), "callC"); again.under != a.under {
		t.Errorf("another key of the same day: %d after %d", again.under, a.under)
	}
	midnight := day(1).Truncate(24 * time.Hour)
	for _, c := range []struct {
		before time.Time
		n      int
	}{{midnight.Add(-1), 0}, {midnight, 2}, {midnight.Add(time.Hour), 0}} {
		if n, err := db.DropRecordingKeys(c.before); n != c.n || err != nil {
			t.Errorf("before %s: %d, %v", c.before, n, err)
		}
	}
	for _, again := range []bool{false, true} {
		if again {
			mustClose(t, db)
			db = mustOpen(t, options(t, dir))
		}
		for _, w := range []wrapped{a, other} {
			if _, err := db.UnwrapRecordingKey(w.under, "callA", w.bytes); !errors.Is(err, ErrNoRecordingKey) {
				t.Errorf("dropped: %v", err)
			}
		}
		opens("not dropped", later)
	}
	if again := wrap("one", day(0), "callC"); again.under <= later.under {
		t.Errorf("the number %d came again after %d", again.under, later.under)
	}
	mustClose(t, db)
	if _, _, err := db.WrapRecordingKey("one", day(0), "callA", key); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestAuditHeadIsKept(t *testing.T) {
	dir := t.TempDir()
	db := mustOpen(t, options(t, dir))
	if h, err := db.AuditHead(); err != nil || h != (audit.Mark{}) {
		t.Errorf("%+v, %v", h, err)
	}
	want := audit.Mark{Head: audit.Head{Seq: 7, Hash: audit.Hash{1, 2, 3}}, Next: audit.Hash{4}}
	cut := audit.Mark{Head: audit.Head{Seq: 7, Hash: audit.Hash{1}}, Base: audit.Head{Seq: 3, Hash: audit.Hash{2}}, Cut: audit.Head{Seq: 5, Hash: audit.Hash{3}}}
	base := audit.Mark{Head: audit.Head{Seq: 7}, Next: audit.Hash{9}, Base: audit.Head{Seq: 3, Hash: audit.Hash{2}}}
	for _, h := range []audit.Mark{{Head: audit.Head{Seq: 6}}, cut, base, want} {
		if err := db.SetAuditHead(h); err != nil {
			t.Fatal(err)
		}
		if got, err := db.AuditHead(); err != nil || got != h {
			t.Errorf("%+v, %v, want %+v", got, err, h)
		}
	}
	mustClose(t, db)
	db = mustOpen(t, options(t, dir))
	if h, err := db.AuditHead(); err != nil || h != want {
		t.Errorf("%+v, %v", h, err)
	}
	mustClose(t, db)
}
