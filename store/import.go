package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"

	"mask700/binding"
	"mask700/crash"
)

// importDir is where tables are written that are to be taken in, under the data directory. A process that was killed
// leaves them there; the next one to open the store deletes them.
const importDir = "import"

// loneBinders bind what cannot be in one table with others.
const loneBinders = 64

// Import writes many new bindings, a hundred thousand at a time for instance: each under the same conditions as Bind, and
// with its errors, in the order of bs; nil: it is on disk. In place of the log they go sorted into tables of their own,
// which the database takes in at once: a crash leaves all of a call or nothing, except for those bindings of it that
// share an id or a number with one before them, which are bound one by one afterwards. To go on after a crash is to do it
// again: what is there answers binding.ErrExists.
//
// The numbers and ids of all of bs are locked meanwhile, for a second or so. Unlike Bind it waits as long as the disk does.
func (db *DB) Import(ctx context.Context, bs []binding.Binding) []error {
	errs := make([]error, len(bs))
	all := func(err error) []error {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	if err := db.enter(ctx); err != nil {
		return all(err)
	}
	defer db.leave()
	if db.guard.full.Load() {
		return all(ErrDiskFull)
	}
	together, alone, names := db.apart(bs)
	unlock, err := db.locks.lock(ctx, db.opts.WriteTimeout, names...)
	if err != nil {
		return all(err)
	}
	if err := db.importTogether(ctx, bs, together, errs); err != nil {
		for _, i := range together {
			if errs[i] == nil {
				errs[i] = err
			}
		}
	}
	unlock()
	inParallel(loneBinders, len(alone), func(k int) {
		i := alone[k]
		errs[i] = db.put(ctx, &bs[i], nil, nil)
	})
	return errs
}

// apart says which of bs can be written together, because no two of them have an id or a number in common, and which not,
// and names the locks of the former.
func (db *DB) apart(bs []binding.Binding) (together, alone []int, names []uint64) {
	taken := make(map[uint64]bool, 2*len(bs))
	names = make([]uint64, 0, 2*len(bs))
	for i := range bs {
		b := &bs[i]
		own := append(make([]uint64, 0, 3), db.locks.ofID(b.ID), db.locks.ofNumber(uint64(b.X)))
		if b.Y != 0 {
			own = append(own, db.locks.ofNumber(uint64(b.Y)))
		}
		if slices.ContainsFunc(own, func(name uint64) bool { return taken[name] }) {
			alone = append(alone, i)
			continue
		}
		for _, name := range own {
			taken[name] = true
		}
		together, names = append(together, i), append(names, own...)
	}
	return together, alone, names
}

// inParallel calls do for every number below n, from so many goroutines.
func inParallel(goroutines, n int, do func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(goroutines, n) {
		all.Go(func() {
			defer crash.Door()
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}

// importTogether writes those bindings whose locks are held. What is wrong with one is put into errs; the error is that of
// all others.
func (db *DB) importTogether(ctx context.Context, bs []binding.Binding, which []int, errs []error) error {
	type made struct {
		rows []pair
		used []uint32
	}
	found := make([]made, len(which))
	inParallel(runtime.GOMAXPROCS(0), len(which), func(k int) {
		i := which[k]
		b := &bs[i]
		if errs[i] = checkBinding(b); errs[i] != nil {
			return
		}
		tenant, err := db.tenantID(ctx, b.Tenant)
		if err == nil {
			found[k].rows, found[k].used, err = db.bindRows(ctx, b, tenant, numbersOf(b), nil)
		}
		errs[i] = err
	})
	rows := make([]pair, 0, 5*len(which))
	for _, f := range found {
		rows = append(rows, f.rows...)
	}
	if len(rows) == 0 {
		return ctx.Err()
	}
	sortRows(rows)
	if err := db.ingest(ctx, rows); err != nil {
		return err
	}
	held := db.blocks.table.Load().held
	for k, i := range which {
		if errs[i] != nil {
			continue
		}
		for n, x := range numbersOf(&bs[i]) {
			if h := held[x.Block()]; h != nil {
				h.Set(serialOf(x), found[k].used[n])
			}
		}
	}
	return nil
}

func numbersOf(b *binding.Binding) []binding.X {
	if b.Y != 0 {
		return []binding.X{b.X, b.Y}
	}
	return []binding.X{b.X}
}

// sortRows sorts by key on all processors: halves that are sorted apart and merged.
func sortRows(rows []pair) {
	const small = 1 << 13
	byKey := func(a, b pair) int { return bytes.Compare(a.key, b.key) }
	if len(rows) < small || runtime.GOMAXPROCS(0) == 1 {
		slices.SortFunc(rows, byKey)
		return
	}
	half := len(rows) / 2
	var left sync.WaitGroup
	left.Go(crash.Guard(func() { slices.SortFunc(rows[:half], byKey) }))
	slices.SortFunc(rows[half:], byKey)
	left.Wait()
	merged := make([]pair, 0, len(rows))
	a, b := rows[:half], rows[half:]
	for len(a) > 0 && len(b) > 0 {
		if bytes.Compare(a[0].key, b[0].key) <= 0 {
			merged, a = append(merged, a[0]), a[1:]
		} else {
			merged, b = append(merged, b[0]), b[1:]
		}
	}
	copy(rows, append(append(merged, a...), b...))
}

// ingest has the database take in sorted rows, as one table for each of their kind: tables of different kinds do not
// overlap, so that the lowest level can have them.
func (db *DB) ingest(ctx context.Context, rows []pair) (err error) {
	dir := filepath.Join(db.opts.Dir, importDir, fmt.Sprint(db.imports.Add(1)))
	if err := makeDir(db.opts.fs, dir); err != nil {
		return fmt.Errorf("store: import: %w", err)
	}
	defer func() { err = errors.Join(err, db.opts.fs.RemoveAll(dir)) }()
	var parts [][]pair
	for len(rows) > 0 {
		table := rows[0].key[0]
		n, _ := slices.BinarySearchFunc(rows, table+1, func(r pair, table byte) int { return int(r.key[0]) - int(table) })
		parts, rows = append(parts, rows[:n]), rows[n:]
	}
	paths, errs := make([]string, len(parts)), make([]error, len(parts))
	inParallel(runtime.GOMAXPROCS(0), len(parts), func(i int) {
		paths[i] = filepath.Join(dir, fmt.Sprint(i))
		errs[i] = db.bind.writeTable(db.opts, paths[i], parts[i])
	})
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("store: import: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := db.bind.Ingest(context.WithoutCancel(ctx), paths); err != nil {
		return fmt.Errorf("store: import: %w", err)
	}
	return nil
}

// writeTable writes rows, which are sorted, as a table of the lowest level, synced.
func (e *engine) writeTable(o Options, path string, rows []pair) error {
	f, err := o.fs.Create(path, "import")
	if err != nil {
		return err
	}
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), e.tables)
	for _, r := range rows {
		if err := w.Set(r.key, r.value); err != nil {
			return errors.Join(err, w.Close())
		}
	}
	return w.Close()
}

// dropImports deletes what an import that was killed has left.
func dropImports(o Options) error {
	if err := o.fs.RemoveAll(filepath.Join(o.Dir, importDir)); err != nil {
		return fmt.Errorf("store: an import that was cut off: %w", err)
	}
	return nil
}
