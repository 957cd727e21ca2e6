package store

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/store/seal"
)

// DB is an open store. It implements binding.Store and cdr.Reader; the cdr.Journal is Journal(), because Close is the
// store's own. All methods may be called from many goroutines.
type DB struct {
	opts    Options
	cache   *pebble.Cache
	guard   *guard
	stripes *stripes // by 700 number and by binding id

	bind       *engine
	bindKeys   *keyring
	bindWrites *committer
	blocks     blocks
	tenants    tenants

	cdr     *engine
	cdrKeys *keyring
	journal *journal

	master     seal.Master
	recordings recordingKeys

	use struct {
		sync.Mutex // protects what follows
		closed     bool
		closing    chan struct{}  // closed with it: what takes long gives up
		users      sync.WaitGroup // methods that are reading
	}
}

var (
	_ binding.Store = (*DB)(nil)
	_ cdr.Reader    = (*DB)(nil)
)

// Open opens the store under o.Dir, and makes it, with its key file, when there is none. Errors: ErrLocked, ErrNoKey,
// ErrWrongKey, ErrKeyInsideDataDir, ErrNewerFormat, ErrCorrupt, seal.ErrKeyExposed, seal.ErrKeyText, or the system's.
func Open(o Options) (*DB, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	inside, err := seal.Inside(o.KeyFile, o.Dir)
	if err != nil {
		return nil, err
	}
	if inside {
		return nil, fmt.Errorf("%w (%s)", ErrKeyInsideDataDir, o.KeyFile)
	}
	db := &DB{opts: o, cache: newCache(o), stripes: newStripes()}
	db.use.closing = make(chan struct{})
	db.recordings.boxes = make(map[uint32]*seal.Box)
	db.blocks.gate, db.tenants.gate = newStripes(), newStripes()
	if err := db.open(); err != nil {
		return nil, errors.Join(err, db.release())
	}
	db.guard = newGuard(o.DiskUsage, o.Logger)
	db.guard.look()
	db.guard.start(o.DiskCheck)
	db.bindWrites.start()
	db.journal.start()
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
	if db.cdr, err = openEngine(db.opts, "cdr", db.cache); err != nil {
		return err
	}
	if err := db.openKeys(); err != nil {
		return err
	}
	if err := db.loadTenants(); err != nil {
		return err
	}
	if err := db.loadBlocks(); err != nil {
		return err
	}
	db.bindWrites = newCommitter(db.bind, db.opts.QueueLimit, db.opts.WriteTimeout)
	db.bindWrites.fatal = db.opts.Fatal
	db.journal, err = newJournal(db)
	return err
}

// openKeys checks both databases before it changes either, and has the key file on disk before the first row that
// depends on it.
func (db *DB) openKeys() error {
	both := []*engine{db.bind, db.cdr}
	ready := make([]bool, len(both))
	for i, e := range both {
		var err error
		if ready[i], err = initialised(e); err != nil {
			return err
		}
	}
	master, err := openMaster(db.opts.KeyFile, !ready[0] && !ready[1])
	if err != nil {
		return err
	}
	db.master = master
	for i, e := range both {
		if !ready[i] {
			continue
		}
		if err := checkMaster(e, master); err != nil {
			return err
		}
	}
	for i, ring := range []**keyring{&db.bindKeys, &db.cdrKeys} {
		if !ready[i] {
			if err := initialise(both[i], master); err != nil {
				return err
			}
		}
		if *ring, err = openKeyring(both[i], master); err != nil {
			return err
		}
	}
	return nil
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
	return db.release()
}

// release closes whatever of the databases is open.
func (db *DB) release() error {
	var errs []error
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
