package store

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"mask700/binding"
	"mask700/store/seal"
)

// rowMaker makes the rows of a binding, in memory that it uses again for the next one. The zero value is one.
type rowMaker struct {
	rows    []pair      // good until the next binding
	numbers []binding.X // of the binding
	used    []uint32    // until when each of them is in use
	id      []byte      // its key in the table of ids
	bytes   []byte      // keys and values, one behind the other; rows are slices of it
	plain   []byte      // cleared when it is sealed
	hashes  []seal.Hash
}

// rowMakers are for bindings that are written one at a time.
var rowMakers = sync.Pool{New: func() any { return new(rowMaker) }}

// begin lets go of the binding before.
func (m *rowMaker) begin(b *binding.Binding) {
	m.rows, m.used, m.bytes = m.rows[:0], m.used[:0], m.bytes[:0]
	m.numbers = append(m.numbers[:0], b.X)
	if b.Y != 0 {
		m.numbers = append(m.numbers, b.Y)
	}
}

// row has as a row what was added to the bytes: its key begins at a position, its value at another and goes to the end.
func (m *rowMaker) row(key, value int) {
	end := len(m.bytes)
	m.rows = append(m.rows, pair{m.bytes[key:value:value], m.bytes[value:end:end]})
}

// seal makes the binding's row under each of its numbers; the first is its own, the others are copies. The box is that of the
// data key that h names.
func (m *rowMaker) seal(box *seal.Box, b *binding.Binding, h rowHeader, start uint64, numbers []binding.X) (err error) {
	h.version = bindingRow // also where the row was of an older one
	for i, x := range numbers {
		other := b.Y
		if h.copy = i > 0; h.copy {
			other = b.X
		}
		if m.plain, err = appendBinding(m.plain[:0], b, other); err != nil {
			return fmt.Errorf("%w: %w", ErrRow, err)
		}
		key := len(m.bytes)
		m.bytes = place{x: x, start: start}.append(m.bytes)
		value := len(m.bytes)
		m.bytes = h.append(m.bytes, start)
		m.bytes = box.Seal(m.bytes, m.plain, m.bytes[key:]) // key and header are what placeOf makes of them
		clear(m.plain)
		m.row(key, value)
	}
	return nil
}

// index makes the rows by which b is found other than by its numbers. None ever goes; a change may add some.
func (m *rowMaker) index(db *DB, b *binding.Binding, p place) {
	key := len(m.bytes)
	m.bytes = appendID(append(m.bytes, tableID), b.ID)
	value := len(m.bytes)
	m.bytes = p.appendValue(m.bytes)
	m.row(key, value)
	m.who(db, b, p)
}

// who makes those by which it is found by each party, its order and each consent, former ones too. They say when it is over as
// well, so that the past of a number is searched without opening the rows behind them.
func (m *rowMaker) who(db *DB, b *binding.Binding, p place) {
	m.hashes = db.whoHashes(m.hashes[:0], b)
	over := len(m.bytes)
	m.bytes = appendOver(m.bytes, p.start, ends(b))
	end := len(m.bytes)
	for _, h := range m.hashes {
		key := len(m.bytes)
		m.bytes = appendWhoKey(m.bytes, h, p)
		m.rows = append(m.rows, pair{m.bytes[key:len(m.bytes):len(m.bytes)], m.bytes[over:end:end]})
	}
}

// sealRows returns the rows that seal makes.
func sealRows(box *seal.Box, b *binding.Binding, h rowHeader, start uint64, numbers []binding.X) ([]pair, error) {
	var m rowMaker
	err := m.seal(box, b, h, start, numbers)
	return m.rows, err
}

// indexRows returns the rows that index makes.
func (db *DB) indexRows(b *binding.Binding, p place) []pair {
	var m rowMaker
	m.index(db, b, p)
	return m.rows
}

// whoRows returns the rows that who makes.
func (db *DB) whoRows(b *binding.Binding, p place) []pair {
	var m rowMaker
	m.who(db, b, p)
	return m.rows
}

// whoHashes appends the hash of each party of b, its order and each consent, former ones too, each of a kind once.
func (db *DB) whoHashes(hashes []seal.Hash, b *binding.Binding) []seal.Hash {
	at := len(hashes)
	for _, n := range [...]binding.Number{b.A, b.B} {
		if !n.IsZero() {
			hashes = append(hashes, db.numberHash(n))
		}
	}
	for _, n := range b.Group {
		if !n.IsZero() {
			hashes = append(hashes, db.numberHash(n))
		}
	}
	for i := range b.Changes {
		if out := b.Changes[i].Out; !out.IsZero() {
			hashes = append(hashes, db.numberHash(out))
		}
	}
	hashes = once(hashes, at)
	at = len(hashes)
	if b.Consent != "" {
		hashes = append(hashes, db.bindKeys.index.Hash(domainConsent, b.Consent))
	}
	for i := range b.Changes {
		if was := b.Changes[i].Was; was != "" {
			hashes = append(hashes, db.bindKeys.index.Hash(domainConsent, was))
		}
	}
	hashes = once(hashes, at)
	if b.Order != "" {
		hashes = append(hashes, db.bindKeys.index.Hash(domainOrder, b.Order))
	}
	return hashes
}

// once leaves of each hash from a position on one.
func once(hashes []seal.Hash, at int) []seal.Hash {
	some := hashes[at:]
	slices.SortFunc(some, func(a, b seal.Hash) int { return bytes.Compare(a[:], b[:]) })
	return hashes[:at+len(slices.Compact(some))]
}
