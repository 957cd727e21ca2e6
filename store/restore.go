package store

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"mask700/store/ring"
)

// restoring is where a backup is copied to within the data directory, which may be a disk of its own, or the only place where
// anything may be written. As long as it is there, and no bindings beside it, the directory holds no store.
const restoring = "restoring"

// lostFound is made by file systems themselves.
const lostFound = "lost+found"

// Exists reports whether a store was made in a directory, or is being put back there; the directory alone is none.
func Exists(dir string) bool {
	return slices.ContainsFunc([]string{"bind", restoring}, func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	})
}

// endRestore sees that a backup that was put back was so to the end, and deletes what that has left.
func endRestore(o Options) error {
	left := filepath.Join(o.Dir, restoring)
	if _, err := o.fs.Stat(left); errors.Is(err, iofs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if _, err := o.fs.Stat(filepath.Join(o.Dir, "bind")); errors.Is(err, iofs.ErrNotExist) {
		return fmt.Errorf("%w (%s)", ErrRestoring, o.Dir)
	} else if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := o.fs.RemoveAll(left); err != nil {
		return fmt.Errorf("store: what is left of putting a backup back: %w", err)
	}
	return nil
}

// Restore puts a backup back as the data directory of o, which must not be there or be empty, and says what it holds. The ring says
// that it was: the audit log need not have the line then that was noted there, and begins with an entry about it. The
// master key and the ring have to be in their places; they are looked at before anything is copied. After a crash the whole
// store is there, or Open says ErrRestoring until it is begun anew. Errors: ErrNoBackup, ErrNotEmpty, ErrNewerFormat, ErrNoKey, ErrNoRing, ErrWrongKey,
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
	keys, err := keysFor(o, b)
	if err != nil {
		return Backup{}, err
	}
	defer keys.Close()
	target, err := filepath.Abs(o.Dir)
	if err != nil {
		return Backup{}, fmt.Errorf("store: %w", err)
	}
	p, err := newPutBack(b, from, target)
	if err == nil {
		p.last = func() error { return noteRestored(keys, o.Now()) }
		err = p.clear()
	}
	if errors.Is(err, ErrNotEmpty) {
		return Backup{}, err
	}
	if err == nil {
		if err = p.copy(); err == nil {
			err = p.moveUp(p.tops)
		}
		if err != nil {
			err = errors.Join(err, p.undo())
		}
	}
	if err != nil {
		return Backup{}, fmt.Errorf("store: put the backup back: %w", err)
	}
	return b, nil
}

// keysFor opens the ring in its place, and sees that the keys can read a backup.
func keysFor(o Options, b Backup) (*ring.Ring, error) {
	there, err := ring.Exists(o.Ring)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, fmt.Errorf("%w (%s)", ErrNoRing, o.Ring)
	}
	master, err := o.source().Load()
	if errors.Is(err, iofs.ErrNotExist) {
		return nil, fmt.Errorf("%w (%s)", ErrNoKey, o.source())
	}
	if err != nil {
		return nil, err
	}
	r, err := ring.Open(o.Ring, master)
	if errors.Is(err, ring.ErrMaster) {
		return nil, fmt.Errorf("%w: %w", ErrWrongKey, err)
	}
	if err != nil {
		return nil, err
	}
	if r.Store() != b.Store {
		return nil, errors.Join(fmt.Errorf("%w (the backup is of the store %s, %s of %s)", ErrWrongRing, b.Store, o.Ring, r.Store()), r.Close())
	}
	for use, last := range b.Keys {
		if next := r.Next(use); last >= next {
			return nil, errors.Join(fmt.Errorf("%w (%s were made up to %d, it ends at %d)", ErrOldRing, use, last, next-1), r.Close())
		}
	}
	return r, nil
}

// putBack is a backup on its way into a data directory: it is copied to a place within, which takes long, and what was copied is moved
// up from there, the bindings last. Whatever is not finished can be told from a store by that.
type putBack struct {
	from, target, within string
	names                []string     // to be copied
	tops                 []string     // to be moved up: what names begin with
	made                 bool         // the target was not there
	last                 func() error // is called before the bindings are moved up; nil: nothing is to be done
}

func newPutBack(b Backup, from, target string) (*putBack, error) {
	p := &putBack{from: from, target: target, within: filepath.Join(target, restoring)}
	if _, err := os.Stat(filepath.Join(from, auditFile)); err == nil {
		p.names = append(p.names, auditFile)
	}
	p.names = append(append(p.names, b.Files...), "cdr", "bind")
	var err error
	p.tops, err = tops(p.names)
	return p, err
}

// tops are the names that stand in a directory itself of what is in it by its path.
func tops(names []string) (tops []string, err error) {
	for _, name := range names {
		if !filepath.IsLocal(name) {
			return nil, fmt.Errorf("%s names a file outside of itself", backupManifest)
		}
		top, _, _ := strings.Cut(filepath.Clean(name), string(filepath.Separator))
		if !slices.Contains(tops, top) {
			tops = append(tops, top)
		}
	}
	return tops, nil
}

// clear sees that nothing is in the target but what one has left that was broken off, and deletes that. ErrNotEmpty.
func (p *putBack) clear() error {
	there, err := os.ReadDir(p.target)
	if errors.Is(err, iofs.ErrNotExist) {
		p.made = true
		return makeDir(vfs.Default, p.target)
	}
	if err != nil {
		return err
	}
	moved, broken := p.broken()
	for _, e := range there {
		switch name := e.Name(); {
		case name == lostFound && e.IsDir():
		case broken && (name == restoring || slices.Contains(moved, name)):
		default:
			return fmt.Errorf("%w (%s)", ErrNotEmpty, p.target)
		}
	}
	return p.remove(moved)
}

// broken says which names one that was broken off may have moved up. It has the account of its backup with it for that, and moves nothing
// before that is on disk.
func (p *putBack) broken() (moved []string, broken bool) {
	if _, err := os.Lstat(p.within); err != nil {
		return nil, false
	}
	b, err := ReadBackup(p.within)
	if err != nil {
		return nil, true
	}
	files, err := tops(b.Files)
	if err != nil {
		return nil, true
	}
	return append(files, auditFile, "cdr"), true
}

// remove deletes names from the target, and what was not moved up behind them.
func (p *putBack) remove(names []string) error {
	for _, name := range names {
		if err := os.RemoveAll(filepath.Join(p.target, name)); err != nil {
			return err
		}
	}
	return os.RemoveAll(p.within)
}

// copy has a copy of the backup on disk, within the target.
func (p *putBack) copy() error {
	if err := os.Mkdir(p.within, 0o700); err != nil {
		return err
	}
	for _, name := range append([]string{backupManifest}, p.names...) {
		if err := copyTree(filepath.Join(p.from, name), filepath.Join(p.within, name)); err != nil {
			return err
		}
	}
	return errors.Join(syncDirs(p.within), syncDir(p.target))
}

// moveUp moves names to where they belong: those of the store, of which the last is that of the bindings.
func (p *putBack) moveUp(names []string) error {
	for _, name := range names {
		if name == "bind" { // all else is there for certain when it is
			if err := syncDir(p.target); err != nil {
				return err
			}
			if p.last != nil {
				if err := p.last(); err != nil {
					return err
				}
			}
		}
		if err := os.Rename(filepath.Join(p.within, name), filepath.Join(p.target, name)); err != nil {
			return err
		}
	}
	return errors.Join(syncDir(p.target), os.RemoveAll(p.within))
}

// undo takes back what was begun and failed, unless the bindings are in their place.
func (p *putBack) undo() error {
	if _, err := os.Lstat(filepath.Join(p.target, "bind")); err == nil {
		return nil
	}
	err := p.remove(p.tops)
	if err == nil && p.made {
		err = os.Remove(p.target)
	}
	return err
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
