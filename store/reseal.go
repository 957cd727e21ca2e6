package store

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
	"mask700/crash"
	"mask700/store/ring"
	"mask700/store/seal"
)

// An entry of a block list stands for as long as it protects somebody, and an erasure until it is done, whatever becomes of
// the month in which they were written. So before the keys of a month are destroyed they are sealed anew, under those of
// today: here they stand, and in copies of the data from before nothing can read them. By a clock that is not believed none is over.

// reseal does so with what is under some keys of bindings, or under that of all time, as it is in stores of before. Entries of
// block lists that are over are removed. No new row is sealed under those keys any more.
func (db *DB) reseal(ctx context.Context, keys map[uint32]bool) error {
	now := db.earlier(db.opts.Now()).UnixNano()
	for lower := []byte{tableBar}; lower != nil; {
		var ids, over []string
		looked, from := 0, lower
		lower = nil
		err := db.each(ctx, from, []byte{tableBar + 1}, func(key, value []byte) (bool, error) {
			if looked++; looked > slice {
				lower = bytes.Clone(key)
				return false, nil
			}
			h, _, err := parseBarHeader(value)
			switch {
			case err != nil || len(key) <= 1+seal.HashSize: // Check's to tell
			case h.dataKey != storeKey && !keys[h.dataKey]:
			case h.until != 0 && h.until <= now:
				over = append(over, string(key[1+seal.HashSize:]))
			default:
				ids = append(ids, string(key[1+seal.HashSize:]))
			}
			return true, nil
		})
		if err == nil {
			err = db.removeBars(ctx, over)
		}
		if err == nil {
			err = together(ids, func(id string) error { return db.resealBar(ctx, id) })
		}
		if err != nil {
			return err
		}
	}
	begun, err := db.erasings(ctx, nil)
	if err != nil {
		return err
	}
	for _, e := range begun {
		if e.dataKey != storeKey && !keys[e.dataKey] {
			continue
		}
		if err := db.putErasing(ctx, &e); err != nil {
			return err
		}
	}
	return nil
}

// resealBar seals an entry of a block list anew. One that was removed meanwhile, or that is damaged, is passed over.
func (db *DB) resealBar(ctx context.Context, id string) error {
	key, err := db.barKey(db.bind, id)
	if err != nil {
		return passOverBar(err)
	}
	unlock, err := db.locks.lock(ctx, db.opts.WriteTimeout, db.locks.ofID(id), db.locks.ofID(string(key[1:1+seal.HashSize])))
	if err != nil {
		return err
	}
	b, key, err := db.barOf(db.bind, id)
	var row pair
	if err == nil {
		row, err = db.barRow(ctx, key, db.tenants.known(b.Tenant), &b)
	}
	if err != nil {
		unlock()
		return passOverBar(err)
	}
	return db.bindWrites.do(ctx, func(batch *pebble.Batch) error { return putAll(batch, []pair{row}) }, func(bool) { unlock() })
}

func passOverBar(err error) error {
	if errors.Is(err, binding.ErrNoBar) || errors.Is(err, ErrCorrupt) {
		return nil
	}
	return err
}

// removeBars removes entries of block lists.
func (db *DB) removeBars(ctx context.Context, ids []string) error {
	return together(ids, func(id string) error {
		_, err := db.RemoveBar(ctx, id)
		return passOverBar(err)
	})
}

// together does something with each of some ids, several at once: they go to the disk with one write.
func together(ids []string, do func(id string) error) error {
	errs := make([]error, len(ids))
	var running sync.WaitGroup
	slots := make(chan struct{}, 64)
	for i, id := range ids {
		slots <- struct{}{}
		running.Go(func() {
			defer crash.Door()
			errs[i] = do(id)
			<-slots
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// goneKeys are the keys of bindings that were destroyed.
func (db *DB) goneKeys() map[uint32]bool {
	gone := make(map[uint32]bool)
	for _, k := range db.ring.Keys() {
		if k.Use == ring.Bindings && !k.Destroyed.IsZero() {
			gone[k.ID] = true
		}
	}
	return gone
}

// dropErased deletes entries of block lists and erasures that nothing can read any more, as they are in a backup from
// before their keys were destroyed.
func (db *DB) dropErased(ctx context.Context) error {
	gone, dropped := db.goneKeys(), false
	for lower := []byte{tableBar}; lower != nil; {
		var keys [][]byte
		var tenants []uint32
		looked, from := 0, lower
		lower = nil
		err := db.each(ctx, from, []byte{tableBar + 1}, func(key, value []byte) (bool, error) {
			if looked++; looked > slice {
				lower = bytes.Clone(key)
				return false, nil
			}
			if h, _, err := parseBarHeader(value); err == nil && gone[h.dataKey] && len(key) > 1+seal.HashSize {
				keys = append(keys, bytes.Clone(key), keyText(tableBarID, string(key[1+seal.HashSize:])))
				tenants = append(tenants, h.tenant)
			}
			return true, nil
		})
		if err == nil && len(keys) > 0 {
			dropped = true
			err = db.bindWrites.do(ctx, func(b *pebble.Batch) error { return deleteAll(b, keys) }, nil)
		}
		if err != nil {
			return err
		}
		for _, tenant := range tenants {
			db.barCount.add(tenant, -1)
		}
	}
	var keys [][]byte
	err := db.each(ctx, []byte{tableErasing}, []byte{tableErasing + 1}, func(key, value []byte) (bool, error) {
		if _, err := db.openErasing(key, value); errors.Is(err, ErrErased) {
			keys = append(keys, bytes.Clone(key))
		}
		return true, nil
	})
	if err == nil && len(keys) > 0 {
		err = db.bindWrites.do(ctx, func(b *pebble.Batch) error { return deleteAll(b, keys) }, nil)
	}
	if err != nil || !dropped {
		return err
	}
	return db.forgetParts(ctx, tablePart(db.bind, tableBar), tablePart(db.bind, tableBarID))
}
