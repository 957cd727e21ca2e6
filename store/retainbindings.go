package store

import (
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
)

// slice is how many rows are looked at while nothing else of the database is held.
const slice = 4096

// bindings goes through all bindings and deletes those that were over before the limit, with all that finds them.
func (s *sweeper) bindings() error {
	if err := s.db.noteOver(s.Until); err != nil {
		return err
	}
	erased := make(map[place]bool)
	for lower := []byte{tableRow}; lower != nil; {
		due, next, err := s.dueBindings(lower)
		if err != nil {
			return err
		}
		lower = next
		for _, p := range due {
			if err := s.deleteBinding(p, erased); err != nil {
				return err
			}
		}
		if err := s.pace.wait(s.db, s.ctx, slice); err != nil {
			return err
		}
		if len(erased) >= maxSwept || lower == nil {
			if err := s.deleteErasedBindings(erased); err != nil {
				return err
			}
			clear(erased)
		}
	}
	return nil
}

// dueBindings looks at a slice of rows. A copy is deleted with its own row; where that cannot tell where its copy stands,
// the copy is due by itself.
func (s *sweeper) dueBindings(lower []byte) (due []place, next []byte, err error) {
	n := 0
	err = scan(s.db.bind, lower, []byte{tableRow + 1}, func(key, value []byte) (bool, error) {
		if n++; n > slice {
			next = append(next, key...)
			return false, nil
		}
		p, h, _, err := splitRow(key, value)
		if err != nil {
			s.Damaged++ // Check's to tell
			return true, nil
		}
		times := h.times(p)
		switch {
		case s.over(&times) && (!h.copy || s.db.isErased(h.dataKey)):
			due = append(due, p)
		case h.copy:
		default:
			s.Kept++
			s.oldest(times.CreatedAt)
		}
		return true, nil
	})
	return due, next, err
}

// over reports whether a binding's time is over.
func (s *sweeper) over(times *binding.Binding) bool { return ends(times).Before(s.Until) }

// isErased reports whether a key of bindings was destroyed.
func (db *DB) isErased(dataKey uint32) bool {
	_, err := db.bindKeys.box(dataKey)
	return errors.Is(err, ErrErased)
}

// deleteBinding deletes a binding whose row stands at a place, if it still does. One that is erased is only noted: its id is
// looked for later.
func (s *sweeper) deleteBinding(p place, erased map[place]bool) error {
	db := s.db
	b, h, err := db.rowAt(db.bind, p)
	switch {
	case errors.Is(err, binding.ErrNotFound):
		return nil
	case errors.Is(err, ErrErased):
		if !h.copy {
			erased[p] = true
			return nil
		}
		return db.bindWrites.do(s.ctx, func(batch *pebble.Batch) error { return batch.Delete(p.key(), nil) }, nil)
	case errors.Is(err, ErrCorrupt):
		s.Damaged++
		return nil
	case err != nil:
		return err
	}
	gone, err := db.deleteRows(s.ctx, b.ID, func(b *binding.Binding) bool { return s.over(b) })
	if gone {
		s.Deleted++
	}
	return err
}

// deleteRows deletes a binding with all that finds it, under the locks of its numbers, if it still is as it has to be.
func (db *DB) deleteRows(ctx context.Context, id string, still func(*binding.Binding) bool) (gone bool, err error) {
	b, _, err := db.rowOf(db.bind, id)
	if errors.Is(err, binding.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	which := []uint64{db.locks.ofID(id), db.locks.ofNumber(uint64(b.X))}
	if b.Y != 0 {
		which = append(which, db.locks.ofNumber(uint64(b.Y)))
	}
	unlock, err := db.locks.lock(ctx, db.opts.WriteTimeout, which...)
	if err != nil {
		return false, err
	}
	b, found, err := db.rowOf(db.bind, id)
	if err != nil || !still(&b) {
		unlock()
		if errors.Is(err, binding.ErrNotFound) {
			err = nil
		}
		return false, err
	}
	keys := [][]byte{found.place.key()}
	if b.Y != 0 {
		keys = append(keys, place{x: b.Y, start: found.place.start}.key())
	}
	for _, r := range db.indexRows(&b, found.place) {
		keys = append(keys, r.key)
	}
	err = db.bindWrites.do(ctx, func(batch *pebble.Batch) error { return deleteAll(batch, keys) }, func(bool) { unlock() })
	return err == nil, err
}

func deleteAll(b *pebble.Batch, keys [][]byte) error {
	for _, key := range keys {
		if err := b.Delete(key, nil); err != nil {
			return err
		}
	}
	return nil
}

// deleteErasedBindings deletes rows that nothing can read, with the ids that name them. The other entries of such bindings
// went when their key was destroyed.
func (s *sweeper) deleteErasedBindings(places map[place]bool) error {
	if len(places) == 0 {
		return nil
	}
	ids, err := s.db.idsAt(s.ctx, places)
	if err != nil {
		return err
	}
	keys := make([][]byte, 0, len(ids)+len(places))
	for id := range ids {
		keys = append(keys, idKey(id))
	}
	for p := range places {
		keys = append(keys, p.key())
	}
	for len(keys) > 0 {
		some := keys[:min(len(keys), page)]
		keys = keys[len(some):]
		if err := s.db.bindWrites.do(s.ctx, func(b *pebble.Batch) error { return deleteAll(b, some) }, nil); err != nil {
			return err
		}
	}
	s.Deleted += uint64(len(places))
	return nil
}

// noBindingOf takes those keys out that a row is sealed under, after what stands whatever its age was sealed anew.
func (db *DB) noBindingOf(ctx context.Context, keys map[uint32]bool) error {
	if err := db.reseal(ctx, keys); err != nil {
		return err
	}
	return db.each(ctx, []byte{tableRow}, []byte{tableRow + 1}, func(key, value []byte) (bool, error) {
		_, h, _, err := splitRow(key, value)
		if err != nil {
			clear(keys) // whose row it is cannot be told
			return false, nil
		}
		delete(keys, h.dataKey)
		return len(keys) > 0, nil
	})
}
