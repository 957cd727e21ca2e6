package store

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"

	"mask700/store/ring"
)

// restoring is behind the name of a data directory while a backup is copied there.
const restoring = ".restoring"

// Restore puts a backup back as the data directory of o, which must not be there or be empty, and says what it holds. The
// master key and the ring have to be in their places; they are looked at before anything is copied. A crash leaves no data
// directory, or the whole one. Errors: ErrNoBackup, ErrNotEmpty, ErrNewerFormat, ErrNoKey, ErrNoRing, ErrWrongKey,
// ErrWrongRing, ErrOldRing, those of ring.Open, or the system's.
func Restore(o Options, from string) (Backup, error) {
	o, err := o.withDefaults()
	if err != nil {
		return Backup{}, err
	}
	b, err := ReadBackup(from)
	if err != nil {
		return Backup{}, err
	}
	for _, name := range []string{"bind", "cdr"} {
		found, err := filesFormat(vfs.Default, filepath.Join(from, name))
		switch {
		case errors.Is(err, iofs.ErrNotExist) || err == nil && found == 0:
			return Backup{}, fmt.Errorf("%w (%s is missing in it)", ErrNoBackup, name)
		case err != nil:
			return Backup{}, fmt.Errorf("store: look at %s: %w", name, err)
		case found > pebbleFormat:
			return Backup{}, fmt.Errorf("%w (%s: files of format %d, this release writes %d)", ErrNewerFormat, name, found, pebbleFormat)
		}
	}
	if err := keysFor(o, b); err != nil {
		return Backup{}, err
	}
	target, err := filepath.Abs(o.Dir)
	if err != nil {
		return Backup{}, fmt.Errorf("store: %w", err)
	}
	if _, err := os.Lstat(target); err == nil {
		if err := wantEmpty(target, ErrNotEmpty); err != nil {
			return Backup{}, err
		}
	} else if !errors.Is(err, iofs.ErrNotExist) {
		return Backup{}, fmt.Errorf("store: %w", err)
	}
	if err := putBack(b, from, target); err != nil {
		return Backup{}, fmt.Errorf("store: put the backup back: %w", err)
	}
	return b, nil
}

// keysFor sees that the keys in their places can read a backup.
func keysFor(o Options, b Backup) error {
	there, err := ring.Exists(o.Ring)
	if err != nil {
		return err
	}
	if !there {
		return fmt.Errorf("%w (%s)", ErrNoRing, o.Ring)
	}
	master, err := o.source().Load()
	if errors.Is(err, iofs.ErrNotExist) {
		return fmt.Errorf("%w (%s)", ErrNoKey, o.source())
	}
	if err != nil {
		return err
	}
	r, err := ring.Open(o.Ring, master)
	if errors.Is(err, ring.ErrMaster) {
		return fmt.Errorf("%w: %w", ErrWrongKey, err)
	}
	if err != nil {
		return err
	}
	defer r.Close()
	if r.Store() != b.Store {
		return fmt.Errorf("%w (the backup is of the store %s, %s of %s)", ErrWrongRing, b.Store, o.Ring, r.Store())
	}
	for use, last := range b.Keys {
		if next := r.Next(use); last >= next {
			return fmt.Errorf("%w (%s were made up to %d, it ends at %d)", ErrOldRing, use, last, next-1)
		}
	}
	return nil
}

// putBack copies a backup beside its place and moves it there.
func putBack(b Backup, from, target string) error {
	beside := target + restoring
	if err := os.RemoveAll(beside); err != nil { // of one that was broken off
		return err
	}
	if err := os.MkdirAll(beside, 0o700); err != nil {
		return err
	}
	names := append([]string{"bind", "cdr"}, b.Files...)
	if _, err := os.Stat(filepath.Join(from, auditFile)); err == nil {
		names = append(names, auditFile)
	}
	for _, name := range names {
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%s names a file outside of itself", backupManifest)
		}
		if err := copyTree(filepath.Join(from, name), filepath.Join(beside, name)); err != nil {
			return errors.Join(err, os.RemoveAll(beside))
		}
	}
	err := syncDirs(beside)
	if err == nil {
		err = os.Remove(target)
	}
	if err == nil || errors.Is(err, iofs.ErrNotExist) {
		err = os.Rename(beside, target)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(beside))
	}
	above, err := os.Open(filepath.Dir(target))
	if err != nil {
		return err
	}
	return errors.Join(above.Sync(), above.Close())
}
