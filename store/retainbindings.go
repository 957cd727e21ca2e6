package store

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
)

const (
	// slice is how many rows are looked at while nothing else of the database is held.
	slice = 1 << 16
	// deleteAtOnce is how many bindings go by one write, so that others do not wait for more than that. Each by a write of its own would
	// be as many as the disk syncs.
	deleteAtOnce = 512
	// noteEvery is after how many rows it is noted at the latest how far a sweep is.
	noteEvery = 1 << 20
)

// metaSweeping in tableMeta of bind/ is how far a sweep of bindings is that is not done: version u8, whether there are bindings to be deleted
// that nothing can read u8, when it began, what was over before, the oldest that is left (nanoseconds since 1970), deleted, kept, damaged,
// u64 each, and the key to go on at. One that is broken off is gone on with: where there is much, a server that is started anew each day
// would never come to the end of it.
const metaSweeping = "sweeping"

const sweepingVersion = 1

// sweeping is a sweep of bindings under way.
type sweeping struct {
	Sweep  Sweep  // of the rows before Next
	Next   []byte // the key to go on at
	Erased bool   // there are bindings to be deleted that nothing can read
}

// value is as it stands in the store.
func (so *sweeping) value(deleted uint64) []byte {
	v := []byte{sweepingVersion, 0}
	if so.Erased {
		v[1] = 1
	}
	for _, t := range []time.Time{so.Sweep.At, so.Sweep.Until, so.Sweep.Oldest} {
		n, _ := nanos(t) // of the clock, or of rows
		v = binary.BigEndian.AppendUint64(v, uint64(n))
	}
	for _, n := range []uint64{deleted, so.Sweep.Kept, so.Sweep.Damaged} {
		v = binary.BigEndian.AppendUint64(v, n)
	}
	return append(v, so.Next...)
}

// parseSweeping reads it. False: it is none that can be gone on with.
func parseSweeping(v []byte) (so sweeping, ok bool) {
	w := wire{b: v}
	version, erased := w.byte(), w.byte()
	at, until, oldest := w.uint64(), w.uint64(), w.uint64()
	so.Sweep = Sweep{Class: ClassBindings, Deleted: w.uint64(), Kept: w.uint64(), Damaged: w.uint64()}
	so.Sweep.At, so.Sweep.Until, so.Sweep.Oldest = timeOf(int64(at)), timeOf(int64(until)), timeOf(int64(oldest))
	so.Erased, so.Next = erased == 1, w.b
	return so, w.err == nil && version == sweepingVersion && len(so.Next) > 0 && (so.Next[0] == tableRow || so.Next[0] == endOfRows[0])
}

// endOfRows is where a sweep is that has looked at all rows.
var endOfRows = []byte{tableRow + 1}

// resume takes up what was broken off, unless it would delete what is to be kept by now.
func (s *sweeper) resume() (resumed bool, err error) {
	s.so = sweeping{Sweep: s.Sweep, Next: []byte{tableRow}}
	value, ok, err := get(s.db.bind, keyText(tableMeta, metaSweeping))
	if err != nil || !ok {
		return false, err
	}
	so, ok := parseSweeping(value)
	if !ok || so.Sweep.Until.After(s.Until) {
		return false, nil
	}
	s.Sweep, s.so = so.Sweep, so
	return true, nil
}

// reached notes that all before a key is done.
func (s *sweeper) reached(next []byte) error {
	s.so.Sweep, s.so.Next, s.unnoted = s.Sweep, next, 0
	state := s.so.value(s.Deleted)
	return s.db.bindWrites.do(s.ctx, func(b *pebble.Batch) error { return b.Set(keyText(tableMeta, metaSweeping), state, nil) }, nil)
}

// bindings goes through all bindings and deletes those that were over before the limit, with all that finds them.
func (s *sweeper) bindings() error {
	if err := s.db.noteOver(s.Until); err != nil {
		return err
	}
	for next := s.so.Next; next != nil; {
		due, seen, behind, err := s.dueBindings(next)
		if err != nil {
			return err
		}
		for some := range slices.Chunk(due, deleteAtOnce) {
			if err := s.deleteBindings(some); err != nil {
				return err
			}
			if err := s.pace.wait(s.db, s.ctx, len(some), 0); err != nil {
				return err
			}
		}
		s.so.Sweep, s.so.Next = s.Sweep, behind
		if behind == nil {
			s.so.Next = endOfRows
		}
		if s.unnoted += seen; s.unnoted >= noteEvery || behind == nil {
			if err := s.reached(s.so.Next); err != nil {
				return err
			}
		}
		if next = behind; s.looked != nil {
			s.looked(s.so.Next)
		}
		if err := s.pace.wait(s.db, s.ctx, 0, seen); err != nil {
			return err
		}
	}
	return s.erasedBindings()
}

// dueRow is a row whose time is over.
type dueRow struct {
	place place
	id    string // "": a copy that goes by itself
	y     binding.X
}

// dueBindings looks at a slice of rows, and says how many there were. A copy is deleted with its own row; where that cannot tell where its copy stands,
// the copy is due by itself. Those that are erased are left for later: their ids have to be looked for.
func (s *sweeper) dueBindings(lower []byte) (due []dueRow, seen int, next []byte, err error) {
	err = salvage(s.db.bind, lower, endOfRows, func(key, value []byte) (bool, error) {
		if seen++; seen > s.slice {
			next = append(next, key...)
			return false, nil
		}
		p, h, sealed, err := splitRow(key, value)
		if err != nil {
			s.Damaged++ // Check's to tell
			return true, nil
		}
		times := h.times(p)
		switch {
		case s.over(&times) && h.copy:
			if s.db.isErased(h.dataKey) {
				due = append(due, dueRow{place: p})
			}
		case s.over(&times):
			row, err := s.db.openRow(p, h, sealed)
			switch {
			case errors.Is(err, ErrErased):
				s.so.Erased = true
			case errors.Is(err, ErrCorrupt):
				s.Damaged++
			case err != nil:
				return false, err
			default:
				due = append(due, dueRow{p, row.ID, row.Y})
			}
		case h.copy:
		default:
			s.Kept++
			s.oldest(times.CreatedAt)
			s.inUse[h.dataKey] = true
		}
		return true, nil
	}, s.lost)
	return due, seen, next, err
}

// over reports whether a binding's time is over.
func (s *sweeper) over(times *binding.Binding) bool { return ends(times).Before(s.Until) }

// isErased reports whether a key of bindings was destroyed.
func (db *DB) isErased(dataKey uint32) bool {
	_, err := db.bindKeys.box(dataKey)
	return errors.Is(err, ErrErased)
}

// deleteBindings deletes some bindings by one write, with all that finds them, under the locks of their numbers and ids, as far as
// they still are over. How many are deleted is noted with it.
func (s *sweeper) deleteBindings(some []dueRow) error {
	db := s.db
	names, places := make([]uint64, 0, 3*len(some)), make([]place, 0, 2*len(some))
	for _, d := range some {
		if places = append(places, d.place); d.y != 0 {
			places = append(places, place{x: d.y, start: d.place.start})
		}
		if d.id == "" {
			continue
		}
		names = append(names, db.locks.ofID(d.id), db.locks.ofNumber(uint64(d.place.x)))
		if d.y != 0 {
			names = append(names, db.locks.ofNumber(uint64(d.y)))
		}
	}
	slices.Sort(names)
	unlock, err := db.locks.lockBulk(s.ctx, db.opts.WriteTimeout, slices.Compact(names))
	if err != nil {
		return err
	}
	keys, n, err := s.keysOf(some)
	if err != nil || len(keys) == 0 {
		unlock()
		return err
	}
	state := s.so.value(s.Deleted + n)
	err = db.bindWrites.do(s.ctx, func(b *pebble.Batch) error {
		return errors.Join(deleteAll(b, keys), b.Set(keyText(tableMeta, metaSweeping), state, nil))
	}, func(bool) {
		for _, p := range places {
			db.pasts.changed(p.x, p.start)
		}
		unlock()
	})
	if err == nil {
		s.Deleted += n
		err = db.rowsGone(s.ctx, places)
	}
	return err
}

// keysOf are those of bindings that are still there and over, with how many that are. Their locks are held.
func (s *sweeper) keysOf(some []dueRow) (keys [][]byte, n uint64, err error) {
	db := s.db
	for _, d := range some {
		if d.id == "" {
			keys = append(keys, d.place.key())
			continue
		}
		b, found, err := db.rowOf(db.bind, d.id)
		switch {
		case errors.Is(err, binding.ErrNotFound):
			continue
		case errors.Is(err, ErrErased):
			s.so.Erased = true
			continue
		case errors.Is(err, ErrCorrupt):
			s.Damaged++
			continue
		case err != nil:
			return nil, 0, err
		case found.place != d.place || !s.over(&b):
			continue
		}
		keys = append(keys, d.place.key())
		if b.Y != 0 {
			keys = append(keys, place{x: b.Y, start: d.place.start}.key())
		}
		for _, r := range db.indexRows(&b, d.place) {
			keys = append(keys, r.key)
		}
		n++
	}
	return keys, n, nil
}

func deleteAll(b *pebble.Batch, keys [][]byte) error {
	for _, key := range keys {
		if err := b.Delete(key, nil); err != nil {
			return err
		}
	}
	return nil
}

// erasedBindings deletes those whose time is over and that nothing can read, when there are any.
func (s *sweeper) erasedBindings() error {
	if !s.so.Erased {
		return nil
	}
	for lower := []byte{tableRow}; lower != nil; {
		places, next, err := s.db.erasedPlaces(s.ctx, lower, s.lost, func(p place, h rowHeader) bool {
			times := h.times(p)
			return s.over(&times)
		})
		if err == nil {
			err = s.deleteErasedBindings(places)
		}
		if err != nil {
			return err
		}
		lower = next
	}
	s.so.Erased = false
	return s.reached(endOfRows)
}

// deleteErasedBindings deletes rows that nothing can read, with the ids that name them. The other entries of such bindings
// went when their key was destroyed.
func (s *sweeper) deleteErasedBindings(places map[place]bool) error {
	if len(places) == 0 {
		return nil
	}
	ids, err := s.db.idsAt(s.ctx, places, s.lost)
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
	for some := range slices.Chunk(keys, 4*deleteAtOnce) {
		if err := s.db.bindWrites.do(s.ctx, func(b *pebble.Batch) error { return deleteAll(b, some) }, nil); err != nil {
			return err
		}
	}
	s.Deleted += uint64(len(places))
	gone := slices.Collect(maps.Keys(places))
	for _, p := range gone {
		s.db.pasts.changed(p.x, p.start)
	}
	return s.db.rowsGone(s.ctx, gone)
}

// noBindingOf takes those keys out that a row is sealed under, after what stands whatever its age was sealed anew. Of rows that cannot
// be read it is not known which those are, so that none is left.
func (db *DB) noBindingOf(ctx context.Context, keys map[uint32]bool) error {
	err := db.reseal(ctx, keys)
	if errors.Is(err, ErrCorrupt) {
		clear(keys)
		return nil
	}
	if err != nil {
		return err
	}
	err = db.each(ctx, []byte{tableRow}, []byte{tableRow + 1}, func(key, value []byte) (bool, error) {
		_, h, _, err := splitRow(key, value)
		if err != nil {
			clear(keys) // whose row it is cannot be told
			return false, nil
		}
		delete(keys, h.dataKey)
		return len(keys) > 0, nil
	})
	if errors.Is(err, ErrCorrupt) {
		clear(keys)
		return nil
	}
	return err
}

// done writes the account of a sweep, which is not under way any more.
func (s *sweeper) done(e *engine) error {
	text, err := json.Marshal(s.Sweep)
	if err != nil {
		return err
	}
	b := e.NewBatch()
	defer b.Close()
	if err = b.Set(keyText(tableMeta, metaSweep), text, nil); err == nil && s.Class == ClassBindings {
		err = b.Delete(keyText(tableMeta, metaSweeping), nil)
	}
	if err == nil {
		err = b.Commit(pebble.Sync)
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}
