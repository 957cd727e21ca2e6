package store

import (
	"context"
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
)

// Change changes a live binding. It implements binding.Store; ErrDiskFull, ErrStalled, ErrBusy, ErrRow and ErrErased besides.
// On a full disk it does what makes nothing wider, as Unbind does, and what a call does to a sliding expiry.
func (db *DB) Change(ctx context.Context, id string, change func(*binding.Binding) error) (binding.Binding, error) {
	return db.change(ctx, id, change, nil)
}

// ChangeOnce implements binding.Store; the errors of Change besides. Whoever asks under one key waits for the other, so that what was
// changed under it is on disk when it is answered again.
func (db *DB) ChangeOnce(ctx context.Context, id string, r binding.Repeat, at time.Time, change func(*binding.Binding) error) (binding.Binding, error) {
	if err := db.enter(ctx); err != nil {
		return binding.Binding{}, err
	}
	defer db.leave()
	there, _, err := db.rowOf(db.bind, id) // its tenant stays
	if err != nil {
		return binding.Binding{}, err
	}
	unlock, err := db.again.lock(ctx, db.opts.WriteTimeout, db.lockOfKey(there.Tenant, r.Key))
	if err != nil {
		return binding.Binding{}, err
	}
	key, text := db.requestHashes(there.Tenant, r)
	with := &beside{unlock: unlock, rows: func(batch *pebble.Batch, id string) error { return db.putRequest(batch, key, text, at, id) }}
	defer with.end()
	if done, err := db.repeated(key, text, at); err != binding.ErrNotFound {
		return done, err
	}
	return db.change(ctx, id, change, with)
}

// change is Change, with what is written and held beside it.
func (db *DB) change(ctx context.Context, id string, change func(*binding.Binding) error, with *beside) (binding.Binding, error) {
	return db.rewrite(ctx, id, func(old binding.Binding) (binding.Revision, error) {
		r, err := binding.Revise(old, db.opts.Served.Change(change))
		switch {
		case err != nil || !r.Changed:
			return r, err
		case r.Wider && !r.Slid && db.guard.full.Load():
			return r, ErrDiskFull
		}
		return r, checkBinding(&r.Binding)
	}, with)
}

// Unbind ends a binding at a moment. It implements binding.Store; ErrStalled, ErrBusy and ErrErased besides. It works on a full
// disk: taking someone's number out of use must not wait for room.
func (db *DB) Unbind(ctx context.Context, id string, at time.Time) (binding.Binding, error) {
	if ended, ok := nanos(at); !ok || ended == 0 {
		return binding.Binding{}, errTime
	}
	return db.rewrite(ctx, id, func(old binding.Binding) (binding.Revision, error) {
		if !old.EndedAt.IsZero() {
			return binding.Revision{Binding: old}, nil
		}
		old.EndedAt = at
		return binding.Revision{Binding: old, Changed: true}, nil
	}, nil)
}

// rewrite writes a binding anew as revise wants it, under the locks of its numbers.
func (db *DB) rewrite(ctx context.Context, id string, revise func(old binding.Binding) (binding.Revision, error), with *beside) (binding.Binding, error) {
	if err := db.enter(ctx); err != nil {
		return binding.Binding{}, err
	}
	defer db.leave()
	// The numbers of a binding never change, so that it may be read before they are locked.
	old, _, err := db.rowOf(db.bind, id)
	if err != nil {
		return binding.Binding{}, err
	}
	numbers := []binding.X{old.X}
	which := []uint64{db.locks.ofNumber(uint64(old.X))}
	if old.Y != 0 {
		numbers = append(numbers, old.Y)
		which = append(which, db.locks.ofNumber(uint64(old.Y)))
	}
	unlock, err := db.locks.lock(ctx, db.opts.WriteTimeout, which...)
	if err != nil {
		return binding.Binding{}, err
	}
	b, rows, start, err := db.rewriteRows(id, numbers, revise)
	if err != nil || len(rows) == 0 {
		unlock()
		return b, err
	}
	used := db.usedWith(&b, numbers, start)
	with.hand()
	err = db.bindWrites.do(ctx,
		func(batch *pebble.Batch) error { return errors.Join(putAll(batch, rows), with.write(batch, id)) },
		func(written bool) {
			for _, x := range numbers {
				db.pasts.changed(x, start)
			}
			if written {
				db.setPool(numbers, used)
			}
			unlock()
			with.settled()
		})
	if err != nil {
		return binding.Binding{}, err
	}
	return b, nil
}

// rewriteRows returns a binding as it becomes, what is to be written for it and where that stands; nothing when it stays as it is. The
// locks of its numbers are held.
func (db *DB) rewriteRows(id string, numbers []binding.X, revise func(binding.Binding) (binding.Revision, error)) (binding.Binding, []pair, uint64, error) {
	old, found, err := db.rowOf(db.bind, id)
	if err != nil {
		return binding.Binding{}, nil, 0, err
	}
	r, err := revise(old)
	if err != nil {
		return binding.Binding{}, nil, 0, err
	}
	if !r.Changed {
		return r.Binding, nil, 0, nil
	}
	if r.Wider {
		later := r.Binding
		later.CreatedAt = r.From // what was before does not collide with what comes
		for _, x := range numbers {
			if _, err := db.free(&later, x, wish{own: found.place.start, who: r.Newcomers()}); err != nil {
				return binding.Binding{}, nil, 0, &binding.NumberError{X: x, Err: err}
			}
		}
	}
	box, err := db.bindKeys.box(found.header.dataKey)
	if err != nil {
		return binding.Binding{}, nil, 0, err
	}
	h := found.header
	h.expires, _ = nanos(r.ExpiresAt)
	h.ended, _ = nanos(r.EndedAt)
	// What is returned is what will be read.
	r.ExpiresAt, r.EndedAt = timeOf(h.expires), timeOf(h.ended)
	rows, err := sealRows(box, &r.Binding, h, found.place.start, numbers)
	if err != nil {
		return binding.Binding{}, nil, 0, err
	}
	// Entries for who went stay. Those that are there already are written again, also where it is over later than they say.
	end, before := ends(&r.Binding), ends(&old)
	if len(r.Changes) > len(old.Changes) || end.After(before) || before.Sub(end) > early {
		rows = append(rows, db.whoRows(&r.Binding, found.place)...)
	}
	return r.Binding, rows, found.place.start, nil
}
