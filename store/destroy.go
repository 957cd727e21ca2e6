package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/store/ring"
)

// Erasure says which keys are to be destroyed: those of one tenant, or of all and of rows that have none, whose month or
// day ended before a moment.
type Erasure struct {
	Tenant string
	All    bool // of every tenant; Tenant is empty
	Before time.Time
}

// Erased is what was destroyed.
type Erased struct {
	Keys  int    // destroyed
	Index uint64 // entries by number and order that were deleted
}

// Errors of DestroyKeys.
var (
	// ErrLiveBindings: a binding that is not over is sealed under one of the keys.
	ErrLiveBindings = errors.New("bindings that are live would be erased")
	// ErrNoKeys: no key was chosen.
	ErrNoKeys = errors.New("no data key is of that tenant and so old; `mask700 key list` shows them")
	// ErrNoTenant: the tenant is not known.
	ErrNoTenant = errors.New("no tenant has this name; `mask700 key list` shows those that have keys")
)

// chosen reports whether a key is to be destroyed.
func (e *Erasure) chosen(tenant uint32) func(ring.Key) bool {
	return func(k ring.Key) bool {
		return (e.All || k.Tenant == tenant) && k.Destroyed.IsZero() && endedBy(k, e.Before)
	}
}

// DestroyKeys destroys data keys, and with them all that they sealed, in this store and in every copy of it: bindings,
// call records and recordings. Entries of block lists that are not over are sealed anew, so that they stand here and in no copy from
// before. Before they are destroyed, and once nothing is in the way, begin is called with how many
// they are; its error ends it. Then the entries by which the erased bindings are found by number and order are deleted:
// the hash of a number says nothing without the index key, and with it could be tried against every number there is.
//
// It waits for a check or a backup that goes on, and for whoever still reads the files from before.
//
// Errors: ErrNoTenant, ErrNoKeys, ErrLiveBindings, ErrReadAsItWas, and nothing is destroyed; that of begin, those of any write. After an error of the disk it can be
// asked for again; what was left to do is also done at the next start.
func (db *DB) DestroyKeys(ctx context.Context, e Erasure, begin func(keys int) error) (Erased, error) {
	if err := db.enter(ctx); err != nil {
		return Erased{}, err
	}
	defer db.leave()
	var gone Erased
	err := db.withoutSnapshots(ctx, func() (err error) {
		db.rotation.Lock()
		defer db.rotation.Unlock()
		gone, err = db.destroyKeys(ctx, e, begin)
		return err
	})
	return gone, err
}

func (db *DB) destroyKeys(ctx context.Context, e Erasure, begin func(keys int) error) (Erased, error) {
	tenant := db.tenants.known(e.Tenant)
	if !e.All && tenant == 0 {
		return Erased{}, ErrNoTenant
	}
	// What is made meanwhile, also for a month that is not over, is not destroyed: it may seal what is sealed anew.
	next := make(map[ring.Use]uint32)
	for _, u := range []ring.Use{ring.Bindings, ring.Records, ring.Recordings} {
		next[u] = db.ring.Next(u)
	}
	of := e.chosen(tenant)
	chosen := func(k ring.Key) bool { return of(k) && k.ID < next[k.Use] }
	victims := make(map[uint32]bool) // keys of bindings
	n := 0
	for _, k := range db.ring.Keys() {
		if chosen(k) {
			n++
			if k.Use == ring.Bindings {
				victims[k.ID] = true
			}
		}
	}
	if n == 0 {
		return Erased{}, ErrNoKeys
	}
	if err := db.leaveKeys(ctx, chosen); err != nil {
		return Erased{}, err
	}
	err := db.noneLive(ctx, victims)
	if err == nil {
		err = db.reseal(ctx, victims)
	}
	if err == nil {
		err = begin(n)
	}
	if err == nil {
		n, err = db.ring.Destroy(chosen, db.opts.Now())
	}
	db.takeUpKeys() // where it failed they seal new rows again
	if err != nil {
		return Erased{}, err
	}
	gone := Erased{Keys: n}
	gone.Index, err = db.sweepErased(ctx)
	return gone, err
}

// leaveKeys has no new row sealed under the keys that are chosen, and waits for those that are on their way.
func (db *DB) leaveKeys(ctx context.Context, chosen func(ring.Key) bool) error {
	for _, k := range db.keyrings() {
		k.withGate(func() {
			c := k.current.Load()
			for _, key := range db.ring.Keys() {
				if key.Use == k.use && chosen(key) && c.key(key.Bucket, key.Tenant) == key.ID {
					c = c.with(key.Bucket, key.Tenant, 0)
				}
			}
			k.current.Store(c)
		})
	}
	if err := db.locks.barrier(ctx, db.opts.WriteTimeout); err != nil {
		return err
	}
	// Records choose their key in the order of writes: when this one is on disk, all before it are.
	return db.journal.writes.do(ctx, func(*pebble.Batch) error { return nil }, nil)
}

// noneLive returns ErrLiveBindings when a binding that is not over is sealed under one of the keys.
func (db *DB) noneLive(ctx context.Context, victims map[uint32]bool) error {
	if len(victims) == 0 {
		return nil
	}
	now := db.earlier(db.opts.Now())
	live, looked := 0, 0
	lower := []byte{tableRow}
	err := scan(db.bind, lower, keyAfter(lower), func(key, value []byte) (bool, error) {
		if looked++; looked%1024 == 0 && db.ending(ctx) != nil {
			return false, db.ending(ctx)
		}
		p, h, _, err := splitRow(key, value)
		if err != nil || h.copy || !victims[h.dataKey] {
			return true, nil // a damaged row carries no call
		}
		if times := h.times(p); notOver(&times, now) {
			live++
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	if live > 0 {
		return fmt.Errorf("%w: %d; unbind them first, or name an earlier day", ErrLiveBindings, live)
	}
	return nil
}

// ending is why something that takes long gives up: the context has ended, or the store is being closed.
func (db *DB) ending(ctx context.Context) error {
	select {
	case <-db.use.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	default:
		return nil
	}
}
