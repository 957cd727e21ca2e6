package store

import (
	"bytes"
	"errors"
	"testing"

	"mask700/store/audit"
	"mask700/store/seal"
)

func TestRecordingKeys(t *testing.T) {
	dir := t.TempDir()
	db := mustOpen(t, options(t, dir))
	wrap := func(day uint32, id string, key []byte) []byte {
		t.Helper()
		w, err := db.WrapRecordingKey(day, id, key)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	key := seal.NewKey()
	if _, err := db.UnwrapRecordingKey(100, "callA", nil); !errors.Is(err, ErrNoRecordingKey) {
		t.Errorf("no key yet: %v", err)
	}
	a, b, later := wrap(100, "callA", key), wrap(100, "callB", key), wrap(101, "callA", key)
	check := func(when string) {
		t.Helper()
		if got, err := db.UnwrapRecordingKey(100, "callA", a); err != nil || !bytes.Equal(got, key) {
			t.Errorf("%s: %v", when, err)
		}
		if got, err := db.UnwrapRecordingKey(101, "callA", later); err != nil || !bytes.Equal(got, key) {
			t.Errorf("%s: %v", when, err)
		}
		for name, c := range map[string]struct {
			day uint32
			id  string
			w   []byte
		}{"another recording's": {100, "callA", b}, "another day's": {100, "callA", later}, "none": {100, "callA", nil}} {
			if _, err := db.UnwrapRecordingKey(c.day, c.id, c.w); !errors.Is(err, seal.ErrOpen) {
				t.Errorf("%s: %s: %v", when, name, err)
			}
		}
	}
	check("made")
	mustClose(t, db)
	db = mustOpen(t, options(t, dir))
	check("opened again")
	if r, err := db.Check(t.Context()); err != nil || len(r.Problems) > 0 {
		t.Errorf("%v, %v", r.Problems, err)
	}
	for _, c := range []struct {
		before uint32
		n      int
	}{{100, 0}, {101, 1}, {101, 0}} {
		if n, err := db.DropRecordingKeys(c.before); n != c.n || err != nil {
			t.Errorf("before day %d: %d, %v", c.before, n, err)
		}
	}
	for _, again := range []bool{false, true} {
		if again {
			mustClose(t, db)
			db = mustOpen(t, options(t, dir))
		}
		if _, err := db.UnwrapRecordingKey(100, "callA", a); !errors.Is(err, ErrNoRecordingKey) {
			t.Errorf("deleted: %v", err)
		}
		if _, err := db.UnwrapRecordingKey(101, "callA", later); err != nil {
			t.Errorf("not deleted: %v", err)
		}
	}
	// A new key for the day is another one.
	wrap(100, "callC", key)
	if _, err := db.UnwrapRecordingKey(100, "callA", a); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("the key that was deleted is back: %v", err)
	}
	mustClose(t, db)
	if _, err := db.WrapRecordingKey(100, "callA", key); !errors.Is(err, ErrClosed) {
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
	for _, h := range []audit.Mark{{Head: audit.Head{Seq: 6}}, want} {
		if err := db.SetAuditHead(h); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, db)
	db = mustOpen(t, options(t, dir))
	if h, err := db.AuditHead(); err != nil || h != want {
		t.Errorf("%+v, %v", h, err)
	}
	mustClose(t, db)
}
