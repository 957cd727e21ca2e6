package store

import (
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
)

// beside is what is written and held together with a bind or a change. Nil: nothing.
type beside struct {
	unlock func()
	handed bool                              // to the committer, which settles it
	rows   func(*pebble.Batch, string) error // of the binding with that id; nil: none
}

func (w *beside) write(b *pebble.Batch, id string) error {
	if w == nil || w.rows == nil {
		return nil
	}
	return w.rows(b, id)
}

func (w *beside) hand() {
	if w != nil {
		w.handed = true
	}
}

func (w *beside) settled() {
	if w != nil {
		w.unlock()
	}
}

// end lets go of what was not handed on.
func (w *beside) end() {
	if !w.handed {
		w.unlock()
	}
}

// BindAgain implements binding.Store; the errors of Bind, Draw and Change besides. Those who ask for one thing wait for
// each other: on locks of their own, because who holds one takes those of numbers.
func (db *DB) BindAgain(ctx context.Context, b binding.Binding, r binding.Repeat) (binding.Binding, bool, error) {
	if err := db.enter(ctx); err != nil {
		return binding.Binding{}, false, err
	}
	defer db.leave()
	var names []uint64
	if r.Reuse {
		names = append(names, db.again.ofID("order "+b.Tenant+"\x00"+b.Order))
	}
	if r.Key != "" {
		names = append(names, db.lockOfKey(b.Tenant, r.Key))
	}
	unlock, err := db.again.lock(ctx, db.opts.WriteTimeout, names...)
	if err != nil {
		return binding.Binding{}, false, err
	}
	with := &beside{unlock: unlock}
	defer with.end()
	if r.Key != "" {
		key, text := db.requestHashes(b.Tenant, r)
		if done, err := db.repeated(key, text, b.CreatedAt); err != binding.ErrNotFound {
			return done, err == nil, err
		}
		with.rows = func(batch *pebble.Batch, id string) error { return db.putRequest(batch, key, text, b.CreatedAt, id) }
	}
	if db.guard.full.Load() {
		return binding.Binding{}, false, ErrDiskFull
	}
	if r.Reuse {
		bound, found, err := db.reuse(ctx, &b, with)
		if found || err != nil {
			return bound, found, err
		}
	}
	if b.Lacks() {
		bound, err := db.drawFor(ctx, b, with)
		return bound, false, err
	}
	return b, false, db.put(ctx, &b, nil, with)
}

// reuse binds a binding that is what b asks for once more, if there is one.
func (db *DB) reuse(ctx context.Context, b *binding.Binding, with *beside) (bound binding.Binding, found bool, err error) {
	ids, err := db.reusable(b)
	if err != nil {
		return binding.Binding{}, false, err
	}
	for _, id := range ids {
		bound, err := db.change(ctx, id, func(row *binding.Binding) error { return row.Again(b) }, with)
		switch {
		case err == nil:
			return bound, true, nil
		case errors.Is(err, binding.ErrUnlike), errors.Is(err, binding.ErrNotFound), errors.Is(err, ErrErased), errors.Is(err, binding.ErrRangeEnds):
		default:
			return binding.Binding{}, false, err
		}
	}
	return binding.Binding{}, false, nil
}

// maxOthers is how many bindings of other tenants under the same order are passed over, at one to two microseconds each, to find
// those of one's own.
const maxOthers = 1 << 14

// reusable returns the ids of the bindings that are what b asks for, newest first: of those on its number, or else of its tenant's of
// its order that no entry says are over.
func (db *DB) reusable(b *binding.Binding) (ids []string, err error) {
	if b.X != 0 {
		rows, _, err := db.rowsOn(b.X, binding.MaxRowsOnX, b.CreatedAt)
		for i := range rows {
			if rows[i].Alike(b) && rows[i].EndedAt.IsZero() {
				ids = append(ids, rows[i].ID)
			}
		}
		return ids, err
	}
	looked, others, tenant := 0, 0, db.tenants.known(b.Tenant)
	err = scanPrefix(db.bind, keyHash(tableWho, db.bindKeys.index.Hash(domainOrder, b.Order)), func(key, value []byte) (bool, error) {
		over, err := parseOver(key, value)
		if err != nil {
			return false, err
		}
		if over.After(b.CreatedAt) {
			if db.ofAnother(key, tenant) {
				others++
				return others < maxOthers, nil
			}
			row, _, err := db.rowBy(db.bind, key)
			switch {
			case err == nil:
				ids = append(ids, row.ID)
			case !errors.Is(err, ErrErased) && !errors.Is(err, binding.ErrNotFound):
				return false, err
			}
			looked++
		}
		return looked < binding.MaxReuse, nil
	})
	return ids, err
}

// ofAnother reports whether the binding that an entry names is of another tenant, by what its row says in clear. Of one that cannot be
// read who reads it whole is told.
func (db *DB) ofAnother(entry []byte, tenant uint32) bool {
	p, ok := placeOfWho(entry)
	if !ok {
		return false
	}
	key := p.key()
	value, ok, err := get(db.bind, key)
	if err != nil || !ok {
		return false
	}
	_, h, _, err := splitRow(key, value)
	return err == nil && h.tenant != tenant
}
