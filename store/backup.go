package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/store/audit"
	"mask700/store/ring"
)

// Backup says what a backup holds. It is in the backup as backup.json, written last: without it a backup is not whole.
type Backup struct {
	Format  int       `json:"format"` // of the backup's layout
	Store   string    `json:"store"`  // by which the store and its ring know each other
	MadeAt  time.Time `json:"made_at"`
	Rows    uint32    `json:"rows_format"`
	LastSeq uint64    `json:"last_seq"` // of the call records in it
	Bytes   int64     `json:"bytes"`
	// Keys are the numbers of the last data keys by use: a ring that ends before one of them cannot read it all.
	Keys map[ring.Use]uint32 `json:"keys"`
	// Files are those besides the two databases, by their path within the data directory.
	Files []string `json:"files"`
}

// BackupOptions say what is taken besides the databases.
type BackupOptions struct {
	Audit *audit.Log // copied with the mark that the store has of it; nil: there is none
	// Files are plain files and directories under the data directory that are copied as they are. One that is not there is
	// left out.
	Files []string
}

const (
	backupFormat   = 1
	backupManifest = "backup.json"
	auditFile      = "audit.jsonl"
)

// Errors of a backup and of putting one back.
var (
	// ErrBackupPlace: the directory is not an empty one outside the data directory.
	ErrBackupPlace = errors.New("store: a backup wants a directory of its own: one that is not there yet or is empty, and not within the data directory")
	// ErrNoBackup: there is no backup, or one that was broken off.
	ErrNoBackup = errors.New("store: this directory holds no backup that is whole; name one that `mask700 backup` has made to its end")
	// ErrNotEmpty: a store, or something else, is where a backup would be put back.
	ErrNotEmpty = errors.New("store: the data directory is not empty; nothing is written over: move it away, or name another with --data-dir")
)

// Backup makes a copy of the store as it is at one moment, while it is used: every write that was answered before Backup was
// called is in it. Tables are linked where the file system lets them, so that it takes little time and room; what is
// deleted from the store later keeps its room until the copy is deleted too. No key is copied. Errors: ErrBackupPlace, ErrErasing, or
// the system's; what was made until then is removed.
func (db *DB) Backup(ctx context.Context, dir string, o BackupOptions) (b Backup, err error) {
	if err := db.enter(ctx); err != nil {
		return Backup{}, err
	}
	defer db.leave()
	err = db.asItIs(ctx, func() error {
		db.rotation.Lock() // no key is destroyed meanwhile, and there is one backup at a time
		defer db.rotation.Unlock()
		b, err = db.backUp(ctx, dir, o)
		return err
	})
	return b, err
}

func (db *DB) backUp(ctx context.Context, dir string, o BackupOptions) (b Backup, err error) {
	if err := backupPlace(dir, db.opts.Dir); err != nil {
		return Backup{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	// Records first: the binding of every call is in the copy that is made behind.
	if err := checkpoint(ctx, db.cdr, dir); err != nil {
		return Backup{}, err
	}
	if err := db.backUpBindings(ctx, dir, o.Audit); err != nil {
		return Backup{}, err
	}
	b = Backup{
		Format: backupFormat, Store: db.ring.Store(), MadeAt: db.opts.Now().UTC().Truncate(time.Second), Rows: formatVersion,
		Keys: make(map[ring.Use]uint32), Files: []string{},
	}
	for _, name := range o.Files {
		switch err := copyTree(filepath.Join(db.opts.Dir, name), filepath.Join(dir, name)); {
		case err == nil:
			b.Files = append(b.Files, name)
		case !errors.Is(err, iofs.ErrNotExist):
			return Backup{}, fmt.Errorf("store: copy %s: %w", name, err)
		}
	}
	for _, k := range db.keyrings() {
		b.Keys[k.use] = db.ring.Next(k.use) - 1
	}
	if err := db.lookInto(ctx, dir, func(_, cdr pebble.Reader) (err error) {
		b.LastSeq, err = lastSeq(cdr)
		return err
	}); err != nil {
		return Backup{}, err
	}
	if b.Bytes, err = sizeOf(dir); err != nil {
		return Backup{}, fmt.Errorf("store: %w", err)
	}
	return b, writeManifest(dir, b)
}

// backupPlace makes the directory of a backup.
func backupPlace(dir, data string) error {
	at, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	within, err := filepath.Abs(data)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if rel, err := filepath.Rel(within, at); err == nil && filepath.IsLocal(rel) {
		return fmt.Errorf("%w (%s)", ErrBackupPlace, dir)
	}
	if err := os.MkdirAll(at, 0o700); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return wantEmpty(at, ErrBackupPlace)
}

func wantEmpty(dir string, otherwise error) error {
	there, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if len(there) > 0 {
		return fmt.Errorf("%w (%s)", otherwise, dir)
	}
	return nil
}

// checkpoint copies a database as it is now.
func checkpoint(ctx context.Context, e *engine, dir string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.Checkpoint(filepath.Join(dir, e.name), pebble.WithFlushedWAL()); err != nil {
		return fmt.Errorf("store: copy %s: %w", e.name, err)
	}
	return nil
}

// backUpBindings copies the bindings, and the audit log as it is at that moment: its mark is among them.
func (db *DB) backUpBindings(ctx context.Context, dir string, log *audit.Log) error {
	if log == nil {
		return checkpoint(ctx, db.bind, dir)
	}
	return log.Copy(filepath.Join(dir, auditFile), func() error { return checkpoint(ctx, db.bind, dir) })
}

// lookInto opens the databases of a backup for reading.
func (db *DB) lookInto(ctx context.Context, dir string, look func(bind, cdr pebble.Reader) error) (err error) {
	var open []pebble.Reader
	for _, name := range []string{db.bind.name, db.cdr.name} {
		if err := ctx.Err(); err != nil {
			return err
		}
		e := &engine{name: name}
		o := e.options(db.opts, db.cache)
		o.ReadOnly, o.Lock = true, nil
		d, err := pebble.Open(filepath.Join(dir, name), o)
		if err != nil {
			return fmt.Errorf("store: look into the copy of %s: %w", name, err)
		}
		defer func() { err = errors.Join(err, d.Close()) }()
		open = append(open, d)
	}
	return look(open[0], open[1])
}

// CheckBackup is Check of a backup that this store has made, under the keys of today.
func (db *DB) CheckBackup(ctx context.Context, dir string) (Report, error) {
	if err := db.enter(ctx); err != nil {
		return Report{}, err
	}
	defer db.leave()
	b, err := ReadBackup(dir)
	switch {
	case err != nil:
		return Report{}, err
	case b.Store != db.ring.Store():
		return Report{}, fmt.Errorf("%w (the backup is of the store %s)", ErrWrongRing, b.Store)
	}
	c := db.newChecker(ctx)
	err = db.lookInto(ctx, dir, func(bind, cdr pebble.Reader) error {
		return errors.Join(c.bindings(bind), c.records(cdr))
	})
	return *c.report, err
}

// ReadBackup says what a backup holds. ErrNoBackup, ErrNewerFormat.
func ReadBackup(dir string) (Backup, error) {
	text, err := os.ReadFile(filepath.Join(dir, backupManifest))
	if errors.Is(err, iofs.ErrNotExist) {
		return Backup{}, fmt.Errorf("%w (%s)", ErrNoBackup, dir)
	}
	if err != nil {
		return Backup{}, fmt.Errorf("store: %w", err)
	}
	var b Backup
	if json.Unmarshal(text, &b) != nil || b.Format <= 0 || b.Store == "" {
		return Backup{}, fmt.Errorf("%w (%s is damaged)", ErrNoBackup, backupManifest)
	}
	if b.Format > backupFormat || b.Rows > formatVersion {
		return Backup{}, fmt.Errorf("%w (a backup of format %d with rows of format %d)", ErrNewerFormat, b.Format, b.Rows)
	}
	return b, nil
}

// writeManifest makes a backup whole.
func writeManifest(dir string, b Backup) error {
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, backupManifest), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return syncDirs(dir)
}

// copyTree copies a file, or a directory with plain files and directories in it, to disk.
func copyTree(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return copyFile(from, to)
	}
	return filepath.WalkDir(from, func(path string, d iofs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		case !d.Type().IsRegular():
			return nil
		}
		return copyFile(path, filepath.Join(to, rel))
	})
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// syncDirs has the names in a directory and in those within on disk.
func syncDirs(dir string) error {
	return filepath.WalkDir(dir, func(path string, d iofs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}

func sizeOf(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d iofs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	return n, err
}

// lastSeq is that of the last call record.
func lastSeq(r pebble.Reader) (uint64, error) {
	lower := []byte{tableClosed}
	key, ok, err := last(r, lower, keyAfter(lower))
	if err != nil || !ok {
		return 0, err
	}
	seq, ok := seqOfKey(key)
	if !ok {
		return 0, fmt.Errorf("%w: the key of a record", ErrCorrupt)
	}
	return seq, nil
}
