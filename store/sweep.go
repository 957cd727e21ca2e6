package store

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"mask700/crash"
	"mask700/store/ring"
)

// metaSwept in tableMeta of bind/ is how many keys of bindings were destroyed when entries of erased bindings were last
// deleted. A store that was put back from a backup has a smaller one than its ring, or none.
const metaSwept = "swept"

// maxSwept is how many erased bindings are looked for at a time: about 100 bytes of memory each.
const maxSwept = 1 << 18

// destroyedKeys counts the keys of bindings that were destroyed.
func (db *DB) destroyedKeys() (n uint64) {
	for _, k := range db.ring.Keys() {
		if k.Use == ring.Bindings && !k.Destroyed.IsZero() {
			n++
		}
	}
	return n
}

// unswept reports whether keys were destroyed since entries of erased bindings were last deleted.
func (db *DB) unswept() (bool, error) {
	n, _, err := get64(db.bind, keyText(tableMeta, metaSwept))
	return n != db.destroyedKeys(), err
}

// sweepErased deletes the entries by party, order and consent of all bindings that are erased, from the tables' files too, and
// says how many there were. The rows of the bindings stay, with times and tenant, until their time is over.
//
// What an erased binding's number was cannot be told, so that its entries are found by where they say that it stands.
func (db *DB) sweepErased(ctx context.Context) (deleted uint64, err error) {
	if todo, err := db.unswept(); err != nil || !todo {
		return 0, err
	}
	upTo := db.destroyedKeys()
	if err := db.dropErased(ctx); err != nil {
		return 0, err
	}
	for lower := []byte{tableRow}; lower != nil; {
		var places map[place]bool
		if places, lower, err = db.erasedPlaces(ctx, lower, nil, func(place, rowHeader) bool { return true }); err != nil {
			return deleted, err
		}
		if len(places) == 0 {
			continue
		}
		n, err := db.deleteEntries(ctx, places)
		if deleted += n; err != nil {
			return deleted, err
		}
	}
	if deleted > 0 {
		if err := db.forgetParts(ctx, part{db.bind, []byte{tableWho}, []byte{tableWho + 1}}); err != nil {
			return deleted, err
		}
	}
	err = db.bind.Set(keyText(tableMeta, metaSwept), binary.BigEndian.AppendUint64(nil, upTo), pebble.Sync)
	if err != nil {
		return deleted, fmt.Errorf("store: %w", err)
	}
	return deleted, nil
}

// sweepLater deletes in the background what an earlier process left to delete.
func (db *DB) sweepLater() error {
	if todo, err := db.unswept(); err != nil || !todo {
		return err
	}
	ctx := context.Background()
	if err := db.enter(ctx); err != nil {
		return err
	}
	go func() {
		defer crash.Door()
		defer db.leave()
		var n uint64
		err := db.withoutSnapshots(ctx, func() (err error) {
			db.rotation.Lock()
			defer db.rotation.Unlock()
			n, err = db.sweepErased(ctx)
			return err
		})
		switch {
		case err != nil:
			db.opts.Logger.Error("entries of erased bindings are left; they are deleted at the next start", "error", err)
		case n > 0:
			db.opts.Logger.Info("entries of erased bindings are deleted", "entries", n)
		}
	}()
	return nil
}

// untilClosed is a context that ends with the store as well.
func (db *DB) untilClosed(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer crash.Door()
		select {
		case <-db.use.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// each goes through rows of bindings from lower on, and gives up when the store is being closed.
func (db *DB) each(ctx context.Context, lower, upper []byte, f func(key, value []byte) (bool, error)) error {
	return db.eachOf(ctx, db.bind, lower, upper, f)
}

// eachOf is each for the rows of either database.
func (db *DB) eachOf(ctx context.Context, e *engine, lower, upper []byte, f func(key, value []byte) (bool, error)) error {
	looked := 0
	return scan(e, lower, upper, func(key, value []byte) (bool, error) {
		if looked++; looked%1024 == 0 {
			if err := db.ending(ctx); err != nil {
				return false, err
			}
		}
		return f(key, value)
	})
}

// eachSound is eachOf for what goes on behind a damaged block: what cannot be read is told to lost, as salvage does. Where
// lost is nil, it is an error.
func (db *DB) eachSound(ctx context.Context, e *engine, lower, upper []byte, lost lostFunc, f func(key, value []byte) (bool, error)) error {
	if lost == nil {
		return db.eachOf(ctx, e, lower, upper, f)
	}
	looked := 0
	return salvage(e, lower, upper, func(key, value []byte) (bool, error) {
		if looked++; looked%1024 == 0 {
			if err := db.ending(ctx); err != nil {
				return false, err
			}
		}
		return f(key, value)
	}, lost)
}

// erasedPlaces finds where those erased bindings stand that are meant, and from which key on to look for more; nil: there are no more.
// lost is as of eachSound.
func (db *DB) erasedPlaces(ctx context.Context, lower []byte, lost lostFunc, meant func(place, rowHeader) bool) (places map[place]bool, next []byte, err error) {
	gone := db.goneKeys()
	places = make(map[place]bool)
	err = db.eachSound(ctx, db.bind, lower, []byte{tableRow + 1}, lost, func(key, value []byte) (bool, error) {
		p, h, _, err := splitRow(key, value)
		if err != nil || h.copy || !gone[h.dataKey] || !meant(p, h) {
			return true, nil // a damaged row is Check's to tell
		}
		places[p] = true
		if len(places) == maxSwept {
			next = append(append([]byte(nil), key...), 0)
			return false, nil
		}
		return true, nil
	})
	return places, next, err
}

// idsAt finds the ids of the bindings at places. lost is as of eachSound.
func (db *DB) idsAt(ctx context.Context, places map[place]bool, lost lostFunc) (map[string]bool, error) {
	ids := make(map[string]bool, len(places))
	err := db.eachSound(ctx, db.bind, []byte{tableID}, []byte{tableID + 1}, lost, func(key, value []byte) (bool, error) {
		p, ok := placeOfValue(value)
		if id, named := parseID(key[1:]); ok && named && places[p] {
			ids[id] = true
		}
		return true, nil
	})
	return ids, err
}

// deleteEntries deletes the entries by which the bindings at places are found by party, order and consent.
func (db *DB) deleteEntries(ctx context.Context, places map[place]bool) (deleted uint64, err error) {
	b := db.bind.NewBatch()
	defer func() { b.Close() }()
	const many = 1 << 20 // bytes
	err = db.each(ctx, []byte{tableWho}, []byte{tableWho + 1}, func(key, _ []byte) (bool, error) {
		if p, ok := placeOfWho(key); !ok || !places[p] {
			return true, nil
		}
		deleted++
		if err := b.Delete(key, nil); err != nil {
			return false, err
		}
		if b.Len() < many {
			return true, nil
		}
		if err := b.Commit(pebble.Sync); err != nil {
			return false, err
		}
		b.Close()
		b = db.bind.NewBatch()
		return true, nil
	})
	if err == nil {
		err = b.Commit(pebble.Sync)
	}
	return deleted, err
}
