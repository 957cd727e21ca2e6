package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
	"mask700/crash"
)

// importDir is where tables are written that are to be taken in, under the data directory. A process that was killed
// leaves them there; the next one to open the store deletes them.
const importDir = "import"

// loneBinders bind what cannot be in one table with others.
const loneBinders = 64

// Import writes many new bindings, a hundred thousand at a time for instance: each under the same conditions as Bind, or as
// Draw where it lacks a number, and with their errors, in the order of bs; nil: it is on disk. The numbers that are drawn
// are put into bs. In place of the log the bindings go sorted into tables of their own, which the database takes in at
// once: a crash leaves all of a call or nothing, except for those bindings of it that share an id or a number with one
// before them, or drew a number that turned out to be closed to their parties, which are bound one by one afterwards. To
// go on after a crash is to do it again: what is there answers binding.ErrExists, where it has an id.
//
// The numbers and ids of all of bs are locked meanwhile, for a second or so, and one call waits for the other. Unlike Bind it
// waits as long as the disk does.
func (db *DB) Import(ctx context.Context, bs []binding.Binding) []error {
	im := importing{db: db, bs: bs, errs: make([]error, len(bs))}
	if err := db.enter(ctx); err != nil {
		return im.allFailed(err)
	}
	defer db.leave()
	if db.guard.full.Load() {
		return im.allFailed(ErrDiskFull)
	}
	im.drawAll(ctx)
	names := im.apart()
	unlock, err := db.locks.lockBulk(ctx, db.opts.WriteTimeout, names)
	if err != nil {
		im.giveBack()
		return im.allFailed(err)
	}
	if err := im.write(ctx); err != nil {
		for _, i := range im.together {
			if im.errs[i] == nil {
				im.errs[i] = err
			}
		}
	}
	unlock()
	im.again()
	im.giveBack()
	inParallel(loneBinders, len(im.alone), func(k int) {
		i := im.alone[k]
		im.errs[i] = db.importAlone(ctx, &bs[i])
	})
	return im.errs
}

// Imported implements binding.Store; ErrStalled besides. A row that is bound alone can be read before it is on disk; the lock
// of its id is held until it is.
func (db *DB) Imported(ctx context.Context, id string) (binding.Binding, error) {
	b, err := db.Binding(ctx, id)
	if err != nil {
		return b, err
	}
	unlock, err := db.locks.lock(ctx, db.opts.WriteTimeout, db.locks.ofID(id))
	if err != nil {
		return binding.Binding{}, err
	}
	unlock()
	return db.Binding(ctx, id)
}

// importing is one call of Import.
type importing struct {
	db   *DB
	bs   []binding.Binding
	errs []error
	// together are those that are written as tables, alone those that are bound one by one afterwards.
	together, alone []int

	lacking []lacking     // of each of bs; nil: none lacked a number
	used    []usedNumbers // of together, until when their numbers are in use
}

// lacking is what was given of a binding that lacked a number, and what was drawn for it. What is left of that when all are
// written goes back.
type lacking struct {
	is      bool
	x, y    binding.X
	expires time.Time // which a number of an older range cuts
	draws   []drawn
}

// back has a binding as it was given.
func (l *lacking) back(b *binding.Binding) { b.X, b.Y, b.ExpiresAt = l.x, l.y, l.expires }

type usedNumbers [2]uint32 // of X and Y

func (im *importing) allFailed(err error) []error {
	for i := range im.errs {
		im.errs[i] = err
	}
	return im.errs
}

// drawAll draws the numbers that lack, on all processors. What can only be shared with another pair is drawn when it is bound.
func (im *importing) drawAll(ctx context.Context) {
	first := 0
	for first < len(im.bs) && !im.bs[first].Lacks() {
		first++
	}
	if first == len(im.bs) {
		return
	}
	im.lacking = make([]lacking, len(im.bs))
	inShares(len(im.bs), func(_, i int) {
		b, l := &im.bs[i], &im.lacking[i]
		if !b.Lacks() {
			return
		}
		*l = lacking{is: true, x: b.X, y: b.Y, expires: b.ExpiresAt}
		l.draws, im.errs[i] = im.db.drawNumbers(ctx, b, 0)
		shared := slices.ContainsFunc(l.draws, func(d drawn) bool { return !d.alone })
		if im.errs[i] != nil || shared || b.X == b.Y {
			giveBack(l.draws, nil)
			l.draws = nil
			l.back(b)
		}
	})
}

// undraw gives back what was drawn for a binding, which lacks it again: another binding of the same call was given that
// number, and what is drawn is for one binding alone.
func (im *importing) undraw(i int) {
	if im.lacking == nil || !im.lacking[i].is {
		return
	}
	l := &im.lacking[i]
	giveBack(l.draws, nil)
	l.draws = nil
	l.back(&im.bs[i])
}

// errAgain is of a binding whose number was drawn and is closed to its parties: it is left to be bound alone.
var errAgain = errors.New("store: import: another number is to be drawn")

// again has those bound alone. Their numbers are given back with those of the ones that were refused.
func (im *importing) again() {
	for _, i := range im.together {
		if im.errs[i] == errAgain {
			im.alone = append(im.alone, i)
		}
	}
}

// giveBack returns what was drawn and not bound, and with it what lacked.
func (im *importing) giveBack() {
	for i := range im.lacking {
		if l := &im.lacking[i]; l.is && (im.errs[i] != nil || im.bs[i].X == 0) {
			giveBack(l.draws, nil)
			l.back(&im.bs[i])
		}
	}
}

// importAlone binds one.
func (db *DB) importAlone(ctx context.Context, b *binding.Binding) error {
	if !b.Lacks() {
		return db.put(ctx, b, nil, nil)
	}
	bound, err := db.drawFor(ctx, *b, nil)
	if err == nil {
		*b = bound
	}
	return err
}

// lockName is a lock that a binding needs.
type lockName struct {
	name  uint64
	index uint32 // of the binding
}

// sortLocks sorts by name, those of one name by binding.
func sortLocks(all []lockName) {
	slices.SortFunc(all, func(a, b lockName) int {
		if a.name != b.name {
			return cmp.Compare(a.name, b.name)
		}
		return cmp.Compare(a.index, b.index)
	})
}

// apart says which can be written together, because no two of them have an id or a number in common, and which not, and
// returns the locks of the former, sorted.
func (im *importing) apart() []uint64 {
	locks := im.db.locks
	// Names of ids are behind all names of numbers: each kind is sorted by itself, both at once.
	numbers, ids := make([]lockName, 0, len(im.bs)), make([]lockName, 0, len(im.bs))
	for i := range im.bs {
		b := &im.bs[i]
		switch {
		case im.errs[i] != nil:
			continue
		case b.Lacks():
			im.alone = append(im.alone, i)
			continue
		}
		ids = append(ids, lockName{locks.ofID(b.ID), uint32(i)})
		numbers = append(numbers, lockName{locks.ofNumber(uint64(b.X)), uint32(i)})
		if b.Y != 0 {
			numbers = append(numbers, lockName{locks.ofNumber(uint64(b.Y)), uint32(i)})
		}
	}
	kinds := [...][]lockName{numbers, ids}
	inParallel(len(kinds), len(kinds), func(k int) { sortLocks(kinds[k]) })
	// The first of those that share a name has it.
	lone := make(map[int]bool)
	for _, all := range kinds {
		for k := 1; k < len(all); k++ {
			if all[k].name == all[k-1].name && all[k].index != all[k-1].index {
				lone[int(all[k].index)] = true
			}
		}
	}
	names := make([]uint64, 0, len(numbers)+len(ids))
	for _, all := range kinds {
		for _, n := range all {
			if (len(lone) == 0 || !lone[int(n.index)]) && (len(names) == 0 || names[len(names)-1] != n.name) {
				names = append(names, n.name)
			}
		}
	}
	im.together = make([]int, 0, len(im.bs))
	for i := range im.bs {
		switch {
		case im.errs[i] != nil || im.bs[i].Lacks():
		case len(lone) > 0 && lone[i]:
			im.undraw(i)
			im.alone = append(im.alone, i)
		default:
			im.together = append(im.together, i)
		}
	}
	slices.Sort(im.alone)
	return names
}

// write writes those bindings whose locks are held. What is wrong with one is put into its place; the error is that of all
// others.
func (im *importing) write(ctx context.Context) error {
	db := im.db
	im.used = make([]usedNumbers, len(im.together))
	made := make([]runs, runtime.GOMAXPROCS(0))
	for i := range made {
		made[i].expect = len(im.together)/len(made) + 1
	}
	inShares(len(im.together), func(worker, k int) {
		im.errs[im.together[k]] = im.rowsOf(ctx, k, &made[worker])
	})
	if err := im.noteDraws(ctx); err != nil {
		return err
	}
	err := db.ingest(ctx, made)
	for _, i := range im.together {
		b := &im.bs[i]
		db.pasts.added(b.X, b.CreatedAt)
		if b.Y != 0 {
			db.pasts.added(b.Y, b.CreatedAt)
		}
	}
	if err != nil {
		return err
	}
	held := db.blocks.table.Load().held
	for k, i := range im.together {
		if im.errs[i] != nil {
			continue
		}
		if h := held[im.bs[i].X.Block()]; h != nil {
			h.Set(serialOf(im.bs[i].X), im.used[k][0])
		}
		if y := im.bs[i].Y; y != 0 {
			if h := held[y.Block()]; h != nil {
				h.Set(serialOf(y), im.used[k][1])
			}
		}
	}
	return nil
}

// rowsOf adds the rows of a binding to a run. One whose number was drawn and is closed to its parties is left to be bound
// alone.
func (im *importing) rowsOf(ctx context.Context, k int, to *runs) error {
	i := im.together[k]
	b := &im.bs[i]
	if err := checkBinding(b); err != nil {
		return err
	}
	tenant, err := im.db.tenantID(ctx, b.Tenant)
	if err != nil {
		return err
	}
	var draws []drawn
	if im.lacking != nil {
		draws = im.lacking[i].draws
	}
	m := &to.maker
	m.begin(b)
	err = im.db.bindRows(ctx, m, b, tenant, draws)
	var about *binding.NumberError
	switch {
	case len(draws) > 0 && errors.As(err, &about) && about.X != im.lacking[i].x && about.X != im.lacking[i].y:
		return errAgain
	case err != nil:
		return err
	}
	copy(im.used[k][:], m.used)
	for _, r := range m.rows {
		to.add(r.key, r.value)
	}
	return nil
}

// noteDraws has on disk how far the blocks are drawn from. That is not part of what is taken in at once: a number that is
// noted and not bound is passed over and found again later.
func (im *importing) noteDraws(ctx context.Context) error {
	notes := make(map[binding.Block]int)
	for i := range im.lacking {
		for _, d := range im.lacking[i].draws {
			if im.errs[i] == nil && d.Note > 0 {
				notes[d.from.block] = max(notes[d.from.block], d.Note)
			}
		}
	}
	if len(notes) == 0 {
		return nil
	}
	return im.db.bindWrites.do(ctx, func(b *pebble.Batch) error {
		var rows []pair
		for block, leased := range notes {
			rows = append(rows, drawsRow(block, leased))
		}
		return putAll(b, rows)
	}, nil)
}

// inShares calls do for every number below n from a goroutine for each processor, and tells which of them it is.
func inShares(n int, do func(worker, i int)) {
	const share = 256 // at a time
	inParallelBy(runtime.GOMAXPROCS(0), (n+share-1)/share, func(worker, k int) {
		for i := k * share; i < min((k+1)*share, n); i++ {
			do(worker, i)
		}
	})
}

// inParallel calls do for every number below n, from so many goroutines.
func inParallel(goroutines, n int, do func(i int)) {
	inParallelBy(goroutines, n, func(_, i int) { do(i) })
}

// inParallelBy tells do also which of the goroutines it is called by.
func inParallelBy(goroutines, n int, do func(worker, i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for worker := range min(goroutines, n) {
		all.Go(func() {
			defer crash.Door()
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(worker, i)
			}
		})
	}
	all.Wait()
}

// ingest has the database take in rows, as tables that do not overlap.
func (db *DB) ingest(ctx context.Context, made []runs) (err error) {
	parts := partsOf(made, sliceBytes)
	if len(parts) == 0 {
		return ctx.Err()
	}
	dir := filepath.Join(db.opts.Dir, importDir, fmt.Sprint(db.imports.Add(1)))
	if err := makeDir(db.opts.fs, dir); err != nil {
		return fmt.Errorf("store: import: %w", err)
	}
	defer func() { err = errors.Join(err, db.opts.fs.RemoveAll(dir)) }()
	paths, errs := make([]string, len(parts)), make([]error, len(parts))
	const beside = 2 // of each processor: while one waits for the disk the other goes on
	inParallel(beside*runtime.GOMAXPROCS(0), len(parts), func(i int) {
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

// dropImports deletes what an import that was killed has left.
func dropImports(o Options) error {
	if err := o.fs.RemoveAll(filepath.Join(o.Dir, importDir)); err != nil {
		return fmt.Errorf("store: an import that was cut off: %w", err)
	}
	return nil
}
