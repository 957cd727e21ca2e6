package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sort"

	"github.com/cockroachdb/pebble/v2"
)

// salvage is scan for what is read when the store is opened: a damaged block among a few small rows must not keep all others
// from being served. What cannot be read is told to lost, as the keys from from on that are below to, and what stands behind
// is read. A row of which each returns ErrCorrupt is lost alone.
//
//	rows that are read │ damaged block  ╎ lost with it │ rows that are read
//	                   from             ╎              to
func salvage(r pebble.Reader, lower, upper []byte, each func(key, value []byte) (bool, error), lost lostFunc) error {
	for {
		next := lower
		err := scan(r, lower, upper, func(key, value []byte) (bool, error) {
			more, err := each(key, value)
			next = append(bytes.Clone(key), 0)
			if errors.Is(err, ErrCorrupt) {
				lost(next[:len(next)-1:len(next)-1], next, err)
				return true, nil
			}
			return more, err
		})
		if !errors.Is(err, ErrCorrupt) {
			return err
		}
		if lower = behindDamage(r, next, upper); bytes.Compare(lower, upper) >= 0 {
			lost(next, upper, err)
			return nil
		}
		lost(next, lower, err)
	}
}

// lostFunc is told what cannot be read: the keys from from on that are below to, and why.
type lostFunc func(from, to []byte, err error)

// behindDamage returns a key from which on rows can be read again, upper when there is none. Keys are looked at by the eight
// bytes behind their table; each look into a damaged block takes the library most of a second, so the end is found by its order
// of size and a few steps, and rows just behind the block may be lost with it. Where rows stand side by side, far
// from where the table could begin, a step might pass over all of them; there it is found to the key.
func behindDamage(r pebble.Reader, from, upper []byte) []byte {
	var head [8]byte
	copy(head[:], from[1:])
	start := binary.BigEndian.Uint64(head[:])
	at := func(step uint64) []byte {
		if start+step < start {
			return upper
		}
		return key64(from[0], start+step)
	}
	readable := func(step uint64) bool {
		key := at(step)
		return bytes.Compare(key, upper) >= 0 || firstReadable(r, key, upper)
	}
	size := sort.Search(64, func(n int) bool { return readable(1 << n) })
	switch size {
	case 64:
		return upper
	case 0: // all that is damaged has these eight bytes
		return at(1)
	}
	least := uint64(1) << size >> 1 // not enough
	const steps = 16
	part := max(least/steps, 1)
	switch from[0] {
	case tableRow, tableContact, tableClosed, tableSpan:
		part = 1
	}
	n := sort.Search(int(least/part), func(n int) bool { return readable(least + uint64(n)*part) })
	return at(least + uint64(n)*part)
}

// firstReadable reports whether the first row from a key on can be read, or there is none.
func firstReadable(r pebble.Reader, key, upper []byte) bool {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: key, UpperBound: upper})
	if err != nil {
		return false
	}
	if it.First() {
		_, err = it.ValueAndErr()
	}
	return errors.Join(err, it.Close()) == nil
}

// lostAtOpen says what is lost of what is read when the store is opened, and does what is safe in its place.
func (db *DB) lostAtOpen(what string, instead func(from, to []byte)) func(from, to []byte, err error) {
	return func(from, to []byte, err error) {
		db.bind.watch.corruptions.Add(1) // a row that is damaged in itself is no damaged block to the library
		db.opts.Logger.Error("not all could be read at the start; restore it from a backup", "of", what, "error", err)
		if instead != nil {
			instead(from, to)
		}
	}
}
