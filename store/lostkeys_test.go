package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/store/ring"
)

// A master key that is in no file of ours is changed too: the operator is told where the new one has to be put, the next
// start says so again as long as it is not there, and deletes the file once it is.
func TestAMasterKeyElsewhereIsChanged(t *testing.T) {
	ctx := context.Background()
	for _, kind := range []string{"environment variable MASK700_TEST_ROTATED", "systemd credential master"} {
		t.Run(kind, func(t *testing.T) {
			dir, credentials := t.TempDir(), t.TempDir()
			first := filepath.Join(dir, "first.key")
			o := options(t, dir)
			o.KeyFile, o.Ring = first, filepath.Join(dir, "mask700.ring")
			mustClose(t, mustOpen(t, o)) // makes the key
			put := func(key string) {
				t.Helper()
				text, err := os.ReadFile(key)
				if err != nil {
					t.Fatal(err)
				}
				if o.KeyFile = ""; strings.HasPrefix(kind, "environment") {
					o.KeyEnv = "MASK700_TEST_ROTATED"
					t.Setenv(o.KeyEnv, string(text))
					return
				}
				o.KeyCredential = "master"
				t.Setenv("CREDENTIALS_DIRECTORY", credentials)
				if err := os.WriteFile(filepath.Join(credentials, "master"), text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			put(first)
			db := mustOpen(t, o)
			holdBlock(t, db)
			b := testPair(t, testID(1), 1)
			mustBind(t, db, b)
			m, err := db.RotateMaster(ctx)
			if err != nil || m.Put != "the "+kind || m.File != o.Ring+".next" || m.Fingerprint == "" {
				t.Fatalf("%+v, %v", m, err)
			}
			if _, err := db.RotateMaster(ctx); !errors.Is(err, ErrKeyWaits) {
				t.Errorf("once more: %v", err)
			}
			mustBind(t, db, testPair(t, testID(2), 2))
			mustClose(t, db)

			put(first)
			wantOpenError(t, "the old key", o, ErrKeyWaits)
			put(first)
			if _, err := Open(o); err == nil || !strings.Contains(err.Error(), m.File) || !strings.Contains(err.Error(), m.Put) {
				t.Errorf("it does not say what goes where: %v", err)
			}
			if o.KeyEnv != "" {
				t.Setenv(o.KeyEnv, "")
			} else if err := os.Remove(filepath.Join(credentials, "master")); err != nil {
				t.Fatal(err)
			}
			wantOpenError(t, "no key", o, ErrKeyWaits)

			put(m.File)
			db = mustOpen(t, o)
			for i := 1; i <= 2; i++ {
				if _, err := db.Binding(ctx, testID(i)); err != nil {
					t.Errorf("binding %d: %v", i, err)
				}
			}
			checked(t, db)
			mustClose(t, db)
			if _, err := os.Stat(m.File); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the new key stands in %s still: %v", m.File, err)
			}
			put(first)
			wantOpenError(t, "the old key, once the new one was there", o, ErrWrongKey)

			// A crash before the ring was wrapped leaves a key that was never used.
			text, err := os.ReadFile(first)
			if err == nil {
				err = os.WriteFile(m.File, text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			put(first)
			wantOpenError(t, "the old key", o, ErrWrongKey)
			if _, err := os.Stat(m.File); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a key that was never used is left: %v", err)
			}
		})
	}
}

// Without the ring a store is lost, which is said, and what can be done; nothing is made in its place.
func TestALostRing(t *testing.T) {
	o := options(t, t.TempDir())
	db := mustOpen(t, o)
	holdBlock(t, db)
	mustBind(t, db, testPair(t, testID(1), 1))
	mustClose(t, db)
	path := o.KeyFile + ".ring"
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(o)
	if !errors.Is(err, ErrNoRing) {
		t.Fatalf("%v", err)
	}
	for _, part := range []string{path, "all that the store holds is lost", "bindings, call records, recordings", "newest copy of the ring back", "start with an empty one"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("no %q in %v", part, err)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a ring was made: %v", err)
	}
	// As it says: its copy put back, or another data directory, after which the old one still wants its own.
	fresh := o
	fresh.Dir = filepath.Join(t.TempDir(), "data")
	mustClose(t, mustOpen(t, fresh))
	wantOpenError(t, "the ring of the new store", o, ErrWrongRing)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	db = mustOpen(t, o)
	checked(t, db)
	mustClose(t, db)
	if err := os.WriteFile(path, text[:len(text)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(o); !errors.Is(err, ring.ErrDamaged) && !errors.Is(err, ErrOldRing) && !errors.Is(err, ErrCorrupt) {
		t.Errorf("half a ring: %v", err)
	}
}

// A backup from before keys were destroyed, put back after it: its rows are there, counted and named, and none is shown; who
// looks for one of them, by number, order, consent or history, finds nothing. What other keys sealed is there, also what
// was sealed before a rotation.
func TestABackupFromBeforeKeysWereDestroyed(t *testing.T) {
	ctx := context.Background()
	o := options(t, t.TempDir())
	now := testStart.AddDate(0, 2, 0)
	o.Now = func() time.Time { return now }
	db := mustOpen(t, o)
	holdBlock(t, db)
	old, fresh := testPair(t, testID(1), 1), testPair(t, testID(2), 2)
	old.ExpiresAt, old.Consent = testStart.Add(time.Hour), "consent 17"
	fresh.CreatedAt = now
	mustBind(t, db, old)
	mustBind(t, db, fresh)
	record := testRecord("old record")
	record.Tenant = binding.DefaultTenant
	seq, err := closeCall(t, db, record)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "backup")
	if _, err := db.Backup(ctx, dir, BackupOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := db.RotateKeys(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := db.DestroyKeys(ctx, Erasure{All: true, Before: now.AddDate(0, -1, 0)}, func(int) error { return nil }); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)

	back := restored(t, o)
	back.Ring = o.KeyFile + ".ring"
	if _, err := Restore(back, dir); err != nil {
		t.Fatal(err)
	}
	db = mustOpen(t, back)
	defer mustClose(t, db)
	if _, err := db.Binding(ctx, old.ID); !errors.Is(err, ErrErased) {
		t.Errorf("the old binding: %v", err)
	}
	if _, err := db.Record(ctx, record.ID); !errors.Is(err, ErrErased) {
		t.Errorf("the old record: %v", err)
	}
	if rows, err := db.Candidates(ctx, old.X, testStart.Add(time.Minute)); err != nil || len(rows) != 0 {
		t.Errorf("a call of then: %v, %v", rows, err)
	}
	for _, f := range []binding.Filter{{Number: old.A}, {Number: old.B}, {Order: old.Order}, {Consent: old.Consent}, {X: old.X}} {
		if err := db.List(ctx, f, func(b binding.Binding) error { t.Errorf("%+v shows %+v", f, b); return nil }); err != nil {
			t.Errorf("%+v: %v", f, err)
		}
	}
	for _, q := range []binding.HistoryQuery{{Number: old.A}, {X: old.X}, {Order: old.Order}, {Consent: old.Consent}} {
		if err := db.History(ctx, q, func(h binding.Holding) error { t.Errorf("%+v shows %+v", q, h); return nil }); err != nil {
			t.Errorf("%+v: %v", q, err)
		}
	}
	found := 0
	if err := db.List(ctx, binding.Filter{Number: fresh.A}, func(b binding.Binding) error { found++; return nil }); err != nil || found != 1 {
		t.Errorf("%d found by the number of another month, %v", found, err)
	}
	r := checked(t, db)
	named := strings.Join(r.Erased, "\n")
	if r.Bindings != 2 || r.ErasedBindings != 1 || r.ErasedRecords != 1 || len(r.Erased) != 2 || !strings.Contains(named, old.X.String()) ||
		!strings.Contains(named, "call record 1,") || seq != 1 || strings.Count(named, "was destroyed at 20") != 2 || strings.Count(named, "tenant default") != 2 {
		t.Errorf("%+v", r)
	}
	if !strings.Contains(r.String(), named[:20]) {
		t.Errorf("what is erased is not printed: %s", r)
	}
}
