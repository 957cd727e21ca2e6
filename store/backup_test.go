package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"mask700/store/audit"
)

// restored is the options of a store that is put back in a directory of its own, under the keys of o.
func restored(t *testing.T, o Options) Options {
	t.Helper()
	o.Dir = filepath.Join(t.TempDir(), "data")
	return o
}

// What was answered before a backup began is in it, while others write on; and what is put back is whole.
func TestABackupUnderLoadHoldsWhatWasAnswered(t *testing.T) {
	ctx := context.Background()
	o := options(t, t.TempDir())
	db := mustOpen(t, o)
	holdBlock(t, db)
	log, err := audit.Open(filepath.Join(o.Dir, auditFile), db)
	if err != nil {
		t.Fatal(err)
	}
	note := func() {
		if _, err := log.Append(audit.Entry{Who: "test", What: "backup", Object: "it", Reason: "the test"}, testStart); err != nil {
			t.Error(err)
		}
	}
	note()
	if err := os.MkdirAll(filepath.Join(o.Dir, "ports"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(o.Dir, "ports", "pool"), []byte("ports"), 0o600); err != nil {
		t.Fatal(err)
	}
	const before = 40
	for i := range before {
		mustBind(t, db, testPair(t, testID(i), i))
		if _, err := closeCall(t, db, testRecord(testID(i))); err != nil {
			t.Fatal(err)
		}
	}
	stop := make(chan struct{})
	begun := make(chan struct{}, 4)
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for i := 1000 * (w + 1); ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := db.Bind(ctx, testPair(t, testID(i), i)); err != nil {
					t.Error(err)
					return
				}
				closed := make(chan error, 1)
				db.Journal().Close(testRecord(testID(i)), func(_ uint64, err error) { closed <- err })
				if err := <-closed; err != nil {
					t.Error(err)
					return
				}
				if i%1000 == 0 {
					begun <- struct{}{}
				}
			}
		})
	}
	writers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				note()
			}
		}
	})
	for range 3 {
		<-begun
	}
	dir := filepath.Join(t.TempDir(), "backup")
	made, err := db.Backup(ctx, dir, BackupOptions{Audit: log, Files: []string{"ports", "not there"}})
	close(stop)
	writers.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if made.LastSeq < before || len(made.Files) != 1 || made.Store != db.ring.Store() || made.Bytes == 0 {
		t.Errorf("%+v", made)
	}
	if r, err := db.CheckBackup(ctx, dir); err != nil || !r.OK() || r.Bindings < before || r.LastSeq != made.LastSeq {
		t.Errorf("%v\n%s", err, r)
	}
	mustBind(t, db, testPair(t, testID(9999), 9999)) // after it
	mustClose(t, db)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}

	// Neither the keys nor any part of them is in it.
	secrets := make(map[string][]byte)
	for _, name := range []string{o.KeyFile, o.KeyFile + ".ring"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range bytes.Fields(text) {
			if len(field) >= 40 {
				secrets[name+" "+string(field[:4])] = field
			}
		}
	}
	if len(secrets) < 3 {
		t.Fatalf("%d keys are looked for", len(secrets))
	}
	for path, content := range everyByte(t, dir) {
		for name, secret := range secrets {
			if bytes.Contains(content, secret) {
				t.Errorf("%s holds %s", filepath.Base(path), name)
			}
		}
	}

	back := restored(t, o)
	got, err := Restore(back, dir)
	if err != nil || got.LastSeq != made.LastSeq {
		t.Fatalf("%+v, %v", got, err)
	}
	db = mustOpen(t, back)
	defer mustClose(t, db)
	checked(t, db)
	for i := range before {
		b, err := db.Binding(ctx, testID(i))
		if err != nil || b.A != testNumber(t, 2*i) {
			t.Errorf("binding %d: %v", i, err)
		}
		if _, err := db.Record(ctx, testID(i)); err != nil {
			t.Errorf("record %d: %v", i, err)
		}
	}
	if db.LastSeq() != made.LastSeq {
		t.Errorf("last seq %d, want %d", db.LastSeq(), made.LastSeq)
	}
	if text, err := os.ReadFile(filepath.Join(back.Dir, "ports", "pool")); err != nil || string(text) != "ports" {
		t.Errorf("%s, %v", text, err)
	}
	log, err = audit.Open(filepath.Join(back.Dir, auditFile), db)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Broken(); err != nil {
		t.Errorf("the audit log that was put back: %v", err)
	}
	if r, err := log.Verify(); err != nil || r.Fault != "" || r.Head.Seq == 0 {
		t.Errorf("%+v, %v", r, err)
	}
	mustBind(t, db, testPair(t, testID(500), 500))
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestWhereABackupMayStand(t *testing.T) {
	ctx := context.Background()
	o := options(t, t.TempDir())
	db := mustOpen(t, o)
	defer mustClose(t, db)
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{full, o.Dir, filepath.Join(o.Dir, "backup")} {
		if _, err := db.Backup(ctx, dir, BackupOptions{}); !errors.Is(err, ErrBackupPlace) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if _, err := os.Stat(filepath.Join(full, "file")); err != nil {
		t.Errorf("what was there is gone: %v", err)
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	gone := filepath.Join(t.TempDir(), "gone")
	if _, err := db.Backup(done, gone, BackupOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(gone); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was left: %v", err)
	}
}

// What cannot be put back is refused before a byte is copied.
func TestRestoreRefuses(t *testing.T) {
	ctx := context.Background()
	o := options(t, t.TempDir())
	db := mustOpen(t, o)
	holdBlock(t, db)
	oldRing, err := os.ReadFile(o.KeyFile + ".ring")
	if err != nil {
		t.Fatal(err)
	}
	mustBind(t, db, testPair(t, testID(1), 1))
	dir := filepath.Join(t.TempDir(), "backup")
	if _, err := db.Backup(ctx, dir, BackupOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(restored(t, o), dir); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("while the store is open: %v", err)
	}
	mustClose(t, db)

	refused := func(name string, o Options, from string, want error) {
		t.Helper()
		if _, err := Restore(o, from); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if there, err := os.ReadDir(o.Dir); err == nil && len(there) > 1 {
			t.Errorf("%s: something was copied", name)
		}
	}
	full := restored(t, o)
	if err := errors.Join(os.MkdirAll(full.Dir, 0o700), os.WriteFile(filepath.Join(full.Dir, "file"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	refused("a directory that is not empty", full, dir, ErrNotEmpty)
	refused("no backup", restored(t, o), t.TempDir(), ErrNoBackup)

	key := restored(t, o)
	key.KeyFile, key.Ring = filepath.Join(t.TempDir(), "no.key"), o.KeyFile+".ring"
	refused("no master key", key, dir, ErrNoKey)
	key = restored(t, o)
	key.Ring = filepath.Join(t.TempDir(), "no.ring")
	refused("no ring", key, dir, ErrNoRing)
	if err := os.WriteFile(key.Ring, oldRing, 0o600); err != nil {
		t.Fatal(err)
	}
	refused("an older ring", key, dir, ErrOldRing)
	other := options(t, t.TempDir())
	mustClose(t, mustOpen(t, other))
	refused("the keys of another store", restored(t, other), dir, ErrWrongRing)
	key = restored(t, other)
	key.Ring = o.KeyFile + ".ring"
	refused("the master key of another store", key, dir, ErrWrongKey)

	b, err := ReadBackup(dir)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(change func(*Backup)) string {
		later := filepath.Join(t.TempDir(), "later")
		if err := os.CopyFS(later, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		b := b
		change(&b)
		text, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(later, backupManifest), text, 0o600); err != nil {
			t.Fatal(err)
		}
		return later
	}
	refused("a later layout", restored(t, o), changed(func(b *Backup) { b.Format++ }), ErrNewerFormat)
	refused("later rows", restored(t, o), changed(func(b *Backup) { b.Rows++ }), ErrNewerFormat)
	refused("no store", restored(t, o), changed(func(b *Backup) { b.Store = "" }), ErrNoBackup)
	outside := changed(func(b *Backup) { b.Files = []string{"../../secret"} })
	if _, err := Restore(restored(t, o), outside); err == nil || !strings.Contains(err.Error(), "outside") {
		t.Errorf("a file outside: %v", err)
	}
	marked := changed(func(*Backup) {})
	if err := os.WriteFile(filepath.Join(marked, "bind", "marker.format-version.000999.999"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused("later files", restored(t, o), marked, ErrNewerFormat)
	part := changed(func(*Backup) {})
	if err := os.RemoveAll(filepath.Join(part, "cdr")); err != nil {
		t.Fatal(err)
	}
	refused("half a backup", restored(t, o), part, ErrNoBackup)
	broken := changed(func(*Backup) {})
	if err := os.Remove(filepath.Join(broken, backupManifest)); err != nil {
		t.Fatal(err)
	}
	refused("one that was broken off", restored(t, o), broken, ErrNoBackup)

	good := restored(t, o)
	if _, err := Restore(good, dir); err != nil {
		t.Fatal(err)
	}
	db = mustOpen(t, good)
	checked(t, db)
	mustClose(t, db)
}

// A fault in a backup is found by looking into it.
func TestCheckOfABackupFindsWhatIsWrong(t *testing.T) {
	ctx := context.Background()
	o := options(t, t.TempDir())
	db := mustOpen(t, o)
	defer mustClose(t, db)
	holdBlock(t, db)
	for i := range 3 {
		mustBind(t, db, testPair(t, testID(i), i))
	}
	key, value := first(t, db.bind, tableWho)
	if err := db.bind.Delete(key, nil); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "backup")
	if _, err := db.Backup(ctx, dir, BackupOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := db.bind.Set(key, value, nil); err != nil {
		t.Fatal(err)
	}
	checked(t, db)
	if r, err := db.CheckBackup(ctx, dir); err != nil || r.OK() || r.Bindings != 3 {
		t.Errorf("%v\n%s", err, r)
	}
	if _, err := db.CheckBackup(ctx, o.Dir); !errors.Is(err, ErrNoBackup) {
		t.Errorf("%v", err)
	}
}
