package store

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"mask700/binding"
)

// Neither the logs nor the tables of a store have anything of a person who was erased, sealed as it was: not the binding, not
// the record, not the opening row of a call, in the logs nor his hash; the store may be open or closed, and go on being used.
func TestErasureLeavesNoFile(t *testing.T) {
	for _, where := range []string{logEnd, tableEnd} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			erasureLeavesNoFile(t, where)
		})
	}
}

func erasureLeavesNoFile(t *testing.T, where string) {
	ctx := context.Background()
	o := options(t, t.TempDir())
	o.Quarantine, o.Now = 24*time.Hour, func() time.Time { return testStart.Add(2 * time.Hour) }
	db := mustOpen(t, o)
	lived(t, db)
	opened := testRecord("his last call")
	opened.CallerIn.Number = testNumber(t, person)
	if err := openCall(t, db, opened); err != nil {
		t.Fatal(err)
	}
	old := make(map[string][]byte)
	sealed := func(name string, e *engine, table byte, has func(key, value []byte) bool) {
		t.Helper()
		if err := scan(e, []byte{table}, []byte{table + 1}, func(key, value []byte) (bool, error) {
			if has(key, value) {
				old[name] = bytes.Clone(value[len(value)-24:])
			}
			return true, nil
		}); err != nil || old[name] == nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	_, found, err := db.rowOf(db.bind, testID(2))
	if err != nil {
		t.Fatal(err)
	}
	sealed("binding", db.bind, tableRow, func(key, _ []byte) bool { return bytes.Equal(key, found.place.key()) })
	sealed("entry of a block list", db.bind, tableBar, func(key, value []byte) bool {
		b, err := db.openBar(key, value)
		return err == nil && b.Number == testNumber(t, person)
	})
	hasHim := func(key, value []byte) bool {
		r, _, err := db.journal.open(key, value)
		return err == nil && recordHas(&r, testNumber(t, person))
	}
	sealed("record", db.cdr, tableClosed, hasHim)
	sealed("opening row", db.cdr, tableOpen, hasHim)
	look := func(when string, there bool) {
		t.Helper()
		in := make(map[string]bool)
		for file, content := range everyByte(t, o.Dir) {
			for name, row := range old {
				if bytes.Contains(content, row) {
					if in[name] = true; !there {
						t.Errorf("%s: %s has the %s", when, file, name)
					}
				}
			}
			for _, h := range [][]byte{hashBytes(db.numberHash(testNumber(t, person))), hashBytes(db.barHash(testNumber(t, person)))} {
				if !there && strings.HasSuffix(file, logEnd) && bytes.Contains(content, h) {
					t.Errorf("%s: %s has the hash", when, file)
				}
			}
		}
		if there && len(in) != len(old) {
			t.Errorf("%s: it would not be found: %v", when, in)
		}
	}
	if where == tableEnd {
		for _, e := range []*engine{db.bind, db.cdr} {
			if err := e.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	look("before", true)
	if _, err := closeCall(t, db, opened); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ErasePerson(ctx, testNumber(t, person), "he asked", false, func(string) error { return nil }, func(PersonErased) error {
		look("when it is said to be done", false)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	look("open", false)
	mustBind(t, db, testPair(t, testID(30), 30))
	look("in use", false)
	mustClose(t, db)
	look("closed", false)
	db = mustOpen(t, o)
	look("open again", false)
	checked(t, db)
	mustClose(t, db)
}

// What a check may still read stays in the tables: an erasure waits for it.
func TestErasureWaitsForACheck(t *testing.T) {
	t.Parallel()
	db := mustOpen(t, erasedOptions(t))
	defer func() { mustClose(t, db) }()
	lived(t, db)
	db.snapshots.RLock()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	begin := func(string) error {
		go func() {
			defer cancel()
			if err := until(ctx, db, errNotGone, func() (bool, error) { all, err := db.erasings(ctx, nil); return len(all) == 1, err }); err != nil {
				t.Error(err)
			}
		}()
		return nil
	}
	undone := func(PersonErased) error { t.Error("it is done"); return nil }
	if _, err := db.ErasePerson(ctx, testNumber(t, person), "he asked", false, begin, undone); !errors.Is(err, context.Canceled) {
		t.Errorf("during a check: %v", err)
	}
	if b, err := db.Binding(context.Background(), testID(2)); err != nil || b.A != testNumber(t, person) {
		t.Errorf("something was changed: %v", err)
	}
	db.snapshots.RUnlock()
	n := 0
	if err := db.FinishErasures(context.Background(), func(PersonErased, string) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d done, %v", n, err)
	}
}

// The hashes that found what a destroyed key sealed are in no log any more.
func TestDestroyedKeyLeavesNoLog(t *testing.T) {
	t.Parallel()
	o := options(t, t.TempDir())
	o.Now = func() time.Time { return testStart.AddDate(0, 2, 0) }
	db := mustOpen(t, o)
	lived(t, db)
	if _, err := db.Unbind(context.Background(), testID(3), testStart.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	hash := hashBytes(db.numberHash(testNumber(t, person)))
	logs := func() (n int) {
		for file, content := range everyByte(t, o.Dir) {
			if strings.HasSuffix(file, logEnd) && bytes.Contains(content, hash) {
				n++
			}
		}
		return n
	}
	if logs() == 0 {
		t.Fatal("it would not be found")
	}
	if _, err := db.DestroyKeys(context.Background(), Erasure{Tenant: binding.DefaultTenant, Before: o.Now()}, func(int) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if n := logs(); n != 0 {
		t.Errorf("%d logs have the hash", n)
	}
	mustClose(t, db)
	if n := logs(); n != 0 {
		t.Errorf("%d logs have the hash after the end", n)
	}
}
