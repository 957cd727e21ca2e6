package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"mask700/store/audit"
)

// aBackup is one with a binding, an audit log and a directory of the server's.
func aBackup(t *testing.T) (o Options, dir string, b Backup) {
	t.Helper()
	o = options(t, t.TempDir())
	db := mustOpen(t, o)
	defer mustClose(t, db)
	holdBlock(t, db)
	mustBind(t, db, testPair(t, testID(1), 1))
	log, err := audit.Open(filepath.Join(o.Dir, auditFile), db)
	if err == nil {
		_, err = log.Append(audit.Entry{Who: "test", What: "backup", Object: "it", Reason: "the test"}, testStart)
	}
	if err != nil {
		t.Fatal(err)
	}
	ports := filepath.Join(o.Dir, "ports")
	if err := errors.Join(os.Mkdir(ports, 0o700), os.WriteFile(filepath.Join(ports, "pool"), []byte("ports"), 0o600)); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(t.TempDir(), "backup")
	b, err = db.Backup(context.Background(), dir, BackupOptions{Audit: log, Files: []string{"ports"}})
	if err := errors.Join(err, log.Close()); err != nil {
		t.Fatal(err)
	}
	return o, dir, b
}

// isBack looks at a store that was put back.
func isBack(t *testing.T, o Options) {
	t.Helper()
	db := mustOpen(t, o)
	defer mustClose(t, db)
	checked(t, db)
	if _, err := db.Binding(context.Background(), testID(1)); err != nil {
		t.Errorf("the binding: %v", err)
	}
	if text, err := os.ReadFile(filepath.Join(o.Dir, "ports", "pool")); err != nil || string(text) != "ports" {
		t.Errorf("the ports: %q, %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(o.Dir, auditFile)); err != nil {
		t.Errorf("the audit log: %v", err)
	}
	if _, err := os.Stat(filepath.Join(o.Dir, restoring)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something is left of it: %v", err)
	}
}

// A data directory may be a disk of its own, as a new one has its lost+found, and nothing beside it may be the server's to
// write in: so it is in a container.
func TestRestoreIntoAMount(t *testing.T) {
	t.Parallel()
	o, dir, _ := aBackup(t)
	above := t.TempDir()
	o.Dir = filepath.Join(above, "data")
	mount := func(at string) {
		if err := unix.Mount("tmpfs", at, "tmpfs", 0, "mode=700,size=64m"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
	}
	mount(above)
	if err := os.Mkdir(o.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	mount(o.Dir)
	if err := os.Mkdir(filepath.Join(o.Dir, lostFound), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", above, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(above, "beside"), 0o700); err == nil {
		t.Fatal("what is beside the data directory can be written")
	}
	if _, err := Restore(o, dir); err != nil {
		t.Fatal(err)
	}
	isBack(t, o)
	if _, err := os.Stat(filepath.Join(o.Dir, lostFound)); err != nil {
		t.Errorf("what was there: %v", err)
	}
	if _, err := Restore(o, dir); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("over a store: %v", err)
	}
}

// One that is broken off anywhere leaves no store, or the whole one; who starts on what is left is told, and beginning anew is
// all there is to do.
func TestARestoreThatIsBrokenOff(t *testing.T) {
	t.Parallel()
	o, dir, b := aBackup(t)
	whole := []string{auditFile, "ports", "cdr", "bind"}
	for n := -1; n <= len(whole); n++ {
		o := restored(t, o)
		p, err := newPutBack(b, dir, o.Dir)
		if err != nil || !slices.Equal(p.tops, whole) {
			t.Fatalf("%v, %v", p, err)
		}
		if err := p.clear(); err != nil {
			t.Fatal(err)
		}
		if n < 0 { // while the first file is copied
			if err := os.Mkdir(p.within, 0o700); err != nil {
				t.Fatal(err)
			}
		} else if err := p.copy(); err != nil {
			t.Fatal(err)
		}
		for _, name := range whole[:max(n, 0)] {
			if err := os.Rename(filepath.Join(p.within, name), filepath.Join(o.Dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		if !Exists(o.Dir) {
			t.Errorf("after %d: nothing says that there is something", n)
		}
		if n == len(whole) {
			if _, err := Restore(o, dir); !errors.Is(err, ErrNotEmpty) {
				t.Errorf("over a whole store: %v", err)
			}
			isBack(t, o)
			continue
		}
		if _, err := Open(o); !errors.Is(err, ErrRestoring) {
			t.Errorf("after %d: %v", n, err)
		}
		other := filepath.Join(o.Dir, "other")
		if err := os.WriteFile(other, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Restore(o, dir); !errors.Is(err, ErrNotEmpty) {
			t.Errorf("after %d, beside something else: %v", n, err)
		}
		if err := os.Remove(other); err != nil {
			t.Fatal(err)
		}
		if _, err := Restore(o, dir); err != nil {
			t.Fatalf("after %d: %v", n, err)
		}
		isBack(t, o)
	}
}

// One that fails leaves the directory as it was.
func TestARestoreThatFails(t *testing.T) {
	t.Parallel()
	o, dir, b := aBackup(t)
	o = restored(t, o)
	for _, there := range []bool{false, true} {
		if there {
			if err := os.Mkdir(o.Dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		p, err := newPutBack(b, dir, o.Dir)
		if err == nil {
			err = errors.Join(p.clear(), p.copy())
		}
		if err == nil {
			err = p.moveUp(append(slices.Clone(p.tops[:2]), "missing"))
		}
		if !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if err := p.undo(); err != nil {
			t.Error(err)
		}
		left, err := os.ReadDir(o.Dir)
		if len(left) > 0 || there != (err == nil) {
			t.Errorf("there before: %v, left: %v, %v", there, left, err)
		}
	}
}
