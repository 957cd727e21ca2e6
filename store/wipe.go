package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
)

// What was deleted or changed stands on in the files of a database until these are written anew: in its tables, and in the
// logs of what was written last; keys stand in manifests, too.

// cleaner deletes the files that a database needs no more. The library keeps a few logs to write over them later, with all
// that is in them, unless its cleaner is of the kind that wants files as they are: that is all that is taken over from it.
type cleaner struct {
	pebble.DeleteCleaner
	keepsLogs
}

type keepsLogs struct{ pebble.ArchiveCleaner }

// goneTime is how long is waited for files to be deleted that somebody may still read.
const goneTime = time.Minute

// errNotGone: files are there still that hold what was erased.
var errNotGone = errors.New("store: files that hold what was erased are still read, or cannot be deleted; it is tried again")

// Errors of what needs the store for itself for a while. They come when the other is not done after a minute.
var (
	// ErrReadAsItWas: a check or a backup reads the store as it was when it began, so that nothing can be taken out of the files.
	ErrReadAsItWas = errors.New("store: a check or a backup goes on, which reads the store as it was; nothing can be erased or destroyed for good " +
		"until it is over: ask again then")
	// ErrErasing: what is erased or destroyed is being taken out of the files.
	ErrErasing = errors.New("store: something is being erased or destroyed for good; ask again when that is done")
)

// withoutSnapshots does something while nobody reads the store as it was before: what such a one may still read, a table that is
// written anew keeps. Who merely looks something up holds no snapshot but the files that he began with, and rewriteParts waits
// until those are gone.
func (db *DB) withoutSnapshots(ctx context.Context, do func() error) error {
	err := until(ctx, db, ErrReadAsItWas, func() (bool, error) { return db.snapshots.TryLock(), nil })
	if err != nil {
		return err
	}
	defer db.snapshots.Unlock()
	return do()
}

// asItIs does something that reads the store as it is when it begins, while nothing is erased.
func (db *DB) asItIs(ctx context.Context, do func() error) error {
	err := until(ctx, db, ErrErasing, func() (bool, error) { return db.snapshots.TryRLock(), nil })
	if err != nil {
		return err
	}
	defer db.snapshots.RUnlock()
	return do()
}

// until asks again and again, for no longer than goneTime, whether something is so; otherwise is the error when it is not.
func until(ctx context.Context, db *DB, otherwise error, is func() (bool, error)) error {
	last := time.NewTimer(goneTime)
	defer last.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if yes, err := is(); yes || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-last.C:
			return otherwise
		case <-ctx.Done():
			return ctx.Err()
		case <-db.use.closing:
			return ErrClosed
		}
	}
}

// wipe writes anew what of the tables may still have what was deleted or changed: the rows alone where they are few, as
// they mostly are, else their table. Opening rows were deleted when their calls ended, and have the numbers of those.
func (db *DB) wipe(ctx context.Context, who binding.Number, p *PersonErased) error {
	entries := keyHash(tableWho, db.numberHash(who))
	parts := []part{{db.bind, entries, keyAfter(entries)}, tablePart(db.cdr, tableOpen)}
	if p.Bindings > 0 {
		parts = append(parts, tablePart(db.bind, tableRequest))
	}
	if p.Bars > 0 {
		parts = append(parts, tablePart(db.bind, tableBar), tablePart(db.bind, tableBarID))
	}
	if p.Contacts > 0 {
		parts = append(parts, tablePart(db.cdr, tableContact))
	}
	for _, rows := range []struct {
		engine *engine
		table  byte
		keys   [][]byte
	}{{db.bind, tableRow, p.touched.bindings}, {db.cdr, tableClosed, p.touched.records}} {
		if len(rows.keys) > maxTouched {
			parts = append(parts, tablePart(rows.engine, rows.table))
			continue
		}
		for _, key := range rows.keys {
			parts = append(parts, part{rows.engine, key, append(bytes.Clone(key), 0)})
		}
	}
	return db.forgetParts(ctx, parts...)
}

// part is a stretch of a table.
type part struct {
	engine       *engine
	lower, upper []byte
}

func tablePart(e *engine, table byte) part { return part{e, []byte{table}, []byte{table + 1}} }

// forgetParts is rewriteParts where keys too must not stay: the manifests are new ones as well.
func (db *DB) forgetParts(ctx context.Context, parts ...part) error {
	damaged := db.rewriteParts(ctx, parts...)
	if damaged != nil && !errors.Is(damaged, ErrCorrupt) {
		return damaged
	}
	for _, e := range []*engine{db.bind, db.cdr} {
		if !slices.ContainsFunc(parts, func(p part) bool { return p.engine == e }) {
			continue
		}
		if err := e.newManifest(ctx, db); err != nil {
			return err
		}
	}
	return damaged
}

// rewriteParts has the files of some parts written anew, without what was deleted, and returns when the files from before
// are gone, the logs too. ErrCorrupt: a damaged file cannot be written anew; all others are.
func (db *DB) rewriteParts(ctx context.Context, parts ...part) error {
	ctx, cancel := db.untilClosed(ctx)
	defer cancel()
	before := make(map[*engine][]string)
	for _, p := range parts {
		if _, done := before[p.engine]; done {
			continue
		}
		files, err := p.engine.files()
		if err == nil {
			err = p.engine.Flush()
		}
		if err == nil {
			err = mark(p.engine, parts)
		}
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		before[p.engine] = files
	}
	var damaged error
	deadline := time.Now().Add(damagedTimes * db.opts.WriteTimeout)
	for _, p := range parts {
		err := p.writeAnew(ctx, deadline)
		switch {
		case errors.Is(err, ErrCorrupt):
			damaged = fmt.Errorf("what was erased is not written anew: %w", err)
		case err != nil:
			return fmt.Errorf("store: what was erased is not written anew: %w", err)
		}
	}
	for e, files := range before {
		if err := until(ctx, db, errNotGone, func() (bool, error) { return e.gone(files) }); err != nil {
			return err
		}
	}
	return damaged
}

// mark has a table made beside the one of what was deleted last, of keys around the parts that no row has, since one is shorter and the
// other longer by a byte than those there are. Were that one alone, and none below it with such keys, the library would move it down as
// it is, with the deleted keys in it, and write it anew some time after that. Two are merged.
func mark(e *engine, parts []part) error {
	b := e.NewBatch()
	defer b.Close()
	for _, p := range parts {
		if p.engine != e {
			continue
		}
		for _, key := range [2][]byte{p.lower[:max(len(p.lower)-1, 1)], append(bytes.Clone(p.upper), 0)} {
			if err := b.Delete(key, nil); err != nil {
				return err
			}
		}
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return err
	}
	return e.Flush()
}

// damagedTimes is for how many times as long as a write may take it is tried to write the files of a damaged database anew: the
// library tries those that it cannot read again for ever, and whoever asks for others waits behind that.
const damagedTimes = 4

// writeAnew has the files of a part written anew; those of a database that is damaged until a moment. ErrCorrupt: they are damaged, or
// that took too long.
func (p part) writeAnew(ctx context.Context, deadline time.Time) error {
	within := ctx
	if p.engine.watch.corruptions.Load() > 0 {
		var cancel context.CancelFunc
		within, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	err := p.engine.Compact(within, p.lower, p.upper, false)
	switch {
	case pebble.IsCorruptionError(err):
		return readError(err)
	case err != nil && within.Err() != nil && ctx.Err() == nil:
		return fmt.Errorf("%w: its file is not written anew", ErrCorrupt)
	}
	return err
}

// Ends of the names of files that have rows.
const (
	logEnd   = ".log"
	tableEnd = ".sst"
)

// files are the names of the files that have rows.
func (e *engine) files() (names []string, err error) {
	all, err := e.fs.List(e.dir)
	for _, name := range all {
		if end := filepath.Ext(name); end == logEnd || end == tableEnd {
			names = append(names, name)
		}
	}
	return names, err
}

// gone reports whether all of some files are deleted, but for tables that are in use.
func (e *engine) gone(files []string) (bool, error) {
	names, err := e.files()
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	there := make(map[string]bool, len(names))
	for _, name := range names {
		there[name] = true
	}
	levels, err := e.SSTables()
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	for _, tables := range levels {
		for _, t := range tables {
			delete(there, fmt.Sprintf("%06d%s", uint64(t.BackingSSTNum), tableEnd))
		}
	}
	for _, name := range files {
		if there[name] {
			return false, nil
		}
	}
	return true, nil
}
