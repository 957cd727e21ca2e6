package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/store/ring"
	"mask700/store/seal"
)

// DB is an open store. It implements binding.Store and cdr.Reader; the cdr.Journal is Journal(), because Close is the
// store's own. All methods may be called from many goroutines.
type DB struct {
	opts  Options
	cache *pebble.Cache
	guard *guard
	locks *locks // of 700 numbers and of ids
	again *locks // of who asks for one thing; taken before the others

	bind       *engine
	bindKeys   *keyring
	bindWrites *committer
	blocks     blocks
	seen       *seenIDs
	tenants    tenants
	contacts   contacts
	pasts      pasts
	bars       bars
	barCount   barCount
	closedTo   closedTo
	tokens     tokens

	cdr     *engine
	cdrKeys *keyring
	journal *journal

	ring          *ring.Ring
	noting        noting
	auditUnnoted  atomic.Uint64 // times that the end of the audit log could not be noted in the ring
	recordingKeys *keyring
	clock         sweepClock
	retention     sync.Mutex    // held while what is over is deleted; taken before the next
	snapshots     sync.RWMutex  // held to read by who reads the store as it was; held while something is erased for good; taken before the next
	rotation      sync.Mutex    // held while keys are rotated or destroyed
	imports       atomic.Uint64 // names their directories
	erased        atomic.Uint64 // rows passed over because their key was destroyed
	requestsOf    atomic.Uint32 // day for which older requests were deleted last

	use struct {
		sync.Mutex // protects what follows
		closed     bool
		closing    chan struct{}  // closed with it: what takes long gives up
		users      sync.WaitGroup // methods that are reading
	}
}

var (
	_ binding.Store    = (*DB)(nil)
	_ binding.BarStore = (*DB)(nil)
	_ cdr.Reader       = (*DB)(nil)
)

// Open opens the store under o.Dir, and makes it, with its key file and its ring, when there is none. Errors: ErrLocked,
// ErrNoKey, ErrWrongKey, ErrNoRing, ErrWrongRing, ErrOldRing, ErrKeyInsideDataDir, ErrRestoring, ErrNewerFormat, ErrCorrupt, those of
// ring.Open, seal.ErrKeyExposed, seal.ErrKeyText, or the system's.
func Open(o Options) (*DB, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	for _, path := range []string{o.KeyFile, o.Ring} {
		if path == "" {
			continue
		}
		inside, err := seal.Inside(path, o.Dir)
		if err != nil {
			return nil, err
		}
		if inside {
			return nil, fmt.Errorf("%w (%s)", ErrKeyInsideDataDir, path)
		}
	}
	if err := endRestore(o); err != nil {
		return nil, err
	}
	db := &DB{opts: o, cache: newCache(o), locks: newLocks(), again: newLocks()}
	db.seen = newSeenIDs(o.IDMemory, func() {
		o.Logger.Warn("there are more bindings than their ids are kept of in memory; each new one is looked for, which takes longer", "memory", o.IDMemory)
	})
	db.use.closing = make(chan struct{})
	db.noting.gate = make(chan struct{}, 1)
	db.blocks.gate, db.tenants.gate, db.tokens.gate = newLocks(), newLocks(), newLocks()
	db.guard = newGuard(o.DiskUsage, o.Logger)
	if o.Reserve > 0 {
		db.guard.ballast = newBallast(o.Dir, o.Reserve)
	}
	db.guard.makeRoom() // a store that is opened begins new files
	if err := db.open(); err != nil {
		return nil, errors.Join(err, db.release())
	}
	db.guard.look()
	db.guard.start(o.DiskCheck)
	db.bindWrites.start()
	db.journal.start()
	if err := errors.Join(db.loadSeenLater(), db.sweepLater()); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// newCache makes the cache that both databases share. Pebble takes the tables in memory out of it; without room for
// two of each database, a small cache would hold no block at all.
func newCache(o Options) *pebble.Cache {
	return pebble.NewCache(o.CacheSize + 4*int64(o.MemTableSize))
}

func (db *DB) open() (err error) {
	if db.bind, err = openEngine(db.opts, "bind", db.cache); err != nil {
		return err
	}
	if err := dropImports(db.opts); err != nil {
		return err
	}
	if db.cdr, err = openEngine(db.opts, "cdr", db.cache); err != nil {
		return err
	}
	if err := db.openKeys(); err != nil {
		return err
	}
	if err := db.loadClock(); err != nil {
		return err
	}
	if err := db.loadTenants(); err != nil {
		return err
	}
	if err := db.loadBlocks(); err != nil {
		return err
	}
	if err := db.loadBars(); err != nil {
		return err
	}
	if err := db.loadTokens(); err != nil {
		return err
	}
	if err := db.reindex(); err != nil {
		return err
	}
	if err := db.loadContacts(); err != nil {
		return err
	}
	db.bindWrites = newCommitter(db.bind, db.opts.QueueLimit, db.opts.WriteTimeout)
	db.bindWrites.fatal = db.opts.Fatal
	db.journal, err = newJournal(db)
	return err
}

// Close answers the writes that are waiting, waits for methods that are reading, and closes both databases. After it
// every method gives ErrClosed. ErrStalled: the disk hangs and the databases could not be closed; everything that was
// answered is safe, the process can only end.
func (db *DB) Close() error {
	db.use.Lock()
	if db.use.closed {
		db.use.Unlock()
		return ErrClosed
	}
	db.use.closed = true
	close(db.use.closing)
	db.use.Unlock()
	db.guard.close()
	if err := errors.Join(db.bindWrites.close(), db.journal.writes.close()); err != nil {
		return err
	}
	db.use.users.Wait()
	// A key that is being made writes to a database and to the ring, as the end of the audit log does to that, also when nobody waits for it
	// any more.
	timer := time.NewTimer(2 * db.opts.WriteTimeout)
	defer timer.Stop()
	gates := []chan struct{}{db.noting.gate}
	for _, k := range db.keyrings() {
		gates = append(gates, k.gate)
	}
	for _, gate := range gates {
		select {
		case gate <- struct{}{}:
		case <-timer.C:
			return ErrStalled
		}
	}
	return db.release()
}

// release closes whatever of the databases and the ring is open.
func (db *DB) release() error {
	var errs []error
	if db.ring != nil {
		errs = append(errs, db.ring.Close())
	}
	for _, e := range []*engine{db.cdr, db.bind} {
		if e != nil {
			errs = append(errs, e.close())
		}
	}
	db.cache.Unref()
	return errors.Join(errs...)
}

// enter keeps the databases open until leave. A context that has ended is an error, so that a long queue of callers
// who gave up costs nothing.
func (db *DB) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	db.use.Lock()
	defer db.use.Unlock()
	if db.use.closed {
		return ErrClosed
	}
	db.use.users.Add(1)
	return nil
}

func (db *DB) leave() { db.use.users.Done() }
