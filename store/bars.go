package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
	"mask700/store/seal"
)

// bars tells of almost every number that is on no block list that it is on none, without asking the database: a Bloom
// filter of 1 MiB, made anew at every start. It lets 1 of 4 million numbers through for nothing with 50 000 numbers on the
// lists, 1 in 40 with a million. Where there is no entry at all, as in most installations, not even a hash is made.
type bars struct {
	some atomic.Bool
	bits [barBits / 64]atomic.Uint64
}

const barBits = 1 << 23

// add notes a number before its entry is written: a call that comes right after must not pass it by.
func (b *bars) add(h seal.Hash) {
	for i := 1; i < len(h); i += 3 { // behind the version
		n := (uint32(h[i])<<16 | uint32(h[i+1])<<8 | uint32(h[i+2])) % barBits
		b.bits[n/64].Or(1 << (n % 64))
	}
	b.some.Store(true)
}

// addAll notes every number: it is not known any more which have entries.
func (b *bars) addAll() {
	for i := range b.bits {
		b.bits[i].Store(^uint64(0))
	}
	b.some.Store(true)
}

// may reports whether a number may have entries.
func (b *bars) may(h seal.Hash) bool {
	for i := 1; i < len(h); i += 3 { // behind the version
		n := (uint32(h[i])<<16 | uint32(h[i+1])<<8 | uint32(h[i+2])) % barBits
		if b.bits[n/64].Load()&(1<<(n%64)) == 0 {
			return false
		}
	}
	return true
}

// The value of an entry: version u8, direction u8, tenant u32, data key u32, until u64 (nanoseconds since 1970, 0: no
// end), and sealed number, peer, created u64, reason. The header is read for every call of the number.
const (
	barVersion    = 1
	barHeaderSize = 18
)

// Directions as a row holds them: the index. New ones are added at the end.
var barDirections = [...]string{binding.BarBoth, binding.BarFrom, binding.BarTo}

type barHeader struct {
	direction string
	tenant    uint32
	dataKey   uint32
	until     int64
}

func parseBarHeader(value []byte) (h barHeader, sealed []byte, err error) {
	w := wire{b: value}
	version, direction := w.byte(), int(w.byte())
	h.tenant, h.dataKey, h.until = w.uint32(), w.uint32(), int64(w.uint64())
	if w.err != nil || version != barVersion || direction >= len(barDirections) || h.until < 0 {
		return barHeader{}, nil, fmt.Errorf("%w: an entry of a block list", ErrCorrupt)
	}
	h.direction = barDirections[direction]
	return h, w.b, nil
}

// barRow seals an entry under its tenant's key of today. It protects somebody as long as it stands, however long ago it was
// made: before that key is destroyed, it is sealed anew (reseal).
func (db *DB) barRow(ctx context.Context, key []byte, tenant uint32, b *binding.Bar) (pair, error) {
	direction := slices.Index(barDirections[:], b.Direction)
	created, okCreated := nanos(b.CreatedAt)
	until, okUntil := nanos(b.Until)
	switch {
	case direction < 0 || b.Number.IsZero() || len(b.Reason) > maxText:
		return pair{}, fmt.Errorf("%w: an entry of a block list", ErrRow)
	case !okCreated || !okUntil:
		return pair{}, errTime
	}
	plain, err := appendNumber(nil, b.Number)
	if err == nil {
		plain, err = appendNumber(plain, b.Peer)
	}
	if err != nil {
		return pair{}, fmt.Errorf("%w: %w", ErrRow, err)
	}
	plain = appendText(binary.BigEndian.AppendUint64(plain, uint64(created)), b.Reason)
	dataKey, box, err := db.bindKeys.forNew(ctx, tenant, db.opts.Now())
	if err != nil {
		return pair{}, err
	}
	value := append(make([]byte, 0, barHeaderSize+len(plain)+seal.Overhead), barVersion, byte(direction))
	value = binary.BigEndian.AppendUint32(value, tenant)
	value = binary.BigEndian.AppendUint32(value, dataKey)
	value = binary.BigEndian.AppendUint64(value, uint64(until))
	return pair{key, box.Seal(value, plain, placeOf(key, value))}, nil
}

// openBar opens an entry. ErrErased: its key was destroyed; of stores of before it may be that of all time.
func (db *DB) openBar(key, value []byte) (b binding.Bar, err error) {
	h, sealed, err := parseBarHeader(value)
	if err != nil {
		return b, err
	}
	box, err := db.bindKeys.box(h.dataKey)
	if err != nil {
		return b, err
	}
	plain, err := box.Open(nil, sealed, placeOf(key, value[:barHeaderSize]))
	if err != nil {
		return b, fmt.Errorf("%w: an entry of a block list: %w", ErrCorrupt, err)
	}
	w := wire{b: plain}
	b.Number, b.Peer = w.number(), w.number()
	created := int64(w.uint64())
	b.Reason = w.text()
	if err := w.end(); err != nil || created < 0 {
		return b, fmt.Errorf("%w: an entry of a block list: %w", ErrCorrupt, errWire)
	}
	if b.Tenant, err = db.tenants.name(h.tenant); err != nil {
		return b, err
	}
	b.ID, b.Direction = string(key[1+seal.HashSize:]), h.direction
	b.CreatedAt, b.Until = timeOf(created), timeOf(h.until)
	return b, nil
}

// loadBars notes which numbers have entries, and counts them.
func (db *DB) loadBars() error {
	lower := []byte{tableBar}
	return salvage(db.bind, lower, keyAfter(lower), func(key, value []byte) (bool, error) {
		if len(key) <= 1+seal.HashSize {
			return false, fmt.Errorf("%w: the key of an entry of a block list", ErrCorrupt)
		}
		h, _, _ := parseBarHeader(value) // one that cannot be read is nobody's, and Check's to tell
		db.bars.add(seal.Hash(key[1 : 1+seal.HashSize]))
		db.barCount.add(h.tenant, 1)
		return true, nil
	}, db.lostAtOpen("entries of block lists: every number is looked for, and who may be on them is refused", func(_, _ []byte) { db.bars.addAll() }))
}

// barsOf calls each for the entries of a number, until it returns false. key and value are valid only during the call.
func (db *DB) barsOf(h seal.Hash, each func(key, value []byte) (bool, error)) error {
	return scanPrefix(db.bind, keyHash(tableBar, h), each)
}

// AddBar adds an entry of a block list. It implements binding.BarStore; ErrDiskFull, ErrStalled, ErrBusy and ErrRow
// besides. On a full disk so many are added as [barCount] lets in: somebody who has to be protected cannot wait for room. Of a number that has as many of its tenant as may be, those that are over leave; where there is no room at all,
// all that are.
func (db *DB) AddBar(ctx context.Context, b binding.Bar) (binding.Bar, error) {
	added, err := db.addBar(ctx, &b)
	if !errors.Is(err, binding.ErrTenantBars) && !errors.Is(err, binding.ErrAllBars) {
		return added, err
	}
	if some, failed := db.sweepBars(ctx, db.earlier(b.CreatedAt)); failed != nil || !some {
		return binding.Bar{}, cmp.Or(failed, err)
	}
	return db.addBar(ctx, &b)
}

func (db *DB) addBar(ctx context.Context, b *binding.Bar) (binding.Bar, error) {
	if err := db.enter(ctx); err != nil {
		return binding.Bar{}, err
	}
	defer db.leave()
	if b.ID == "" || len(b.ID) > maxID {
		return binding.Bar{}, fmt.Errorf("%w: an entry without an id, or with one over %d bytes", ErrRow, maxID)
	}
	tenant, err := db.tenantID(ctx, b.Tenant)
	if err != nil {
		return binding.Bar{}, err
	}
	hash := db.barHash(b.Number)
	unlock, err := db.locks.lock(ctx, db.opts.WriteTimeout, db.locks.ofID(b.ID), db.locks.ofID(string(hash[:])))
	if err != nil {
		return binding.Bar{}, err
	}
	row, err := db.barRow(ctx, keyHashText(tableBar, hash, b.ID), tenant, b)
	if err != nil {
		unlock()
		return binding.Bar{}, err
	}
	there, over, err := db.barInPlace(hash, b)
	if err == nil && there.ID == "" {
		err = db.barCount.take(&db.opts, tenant, len(over), db.guard.filled())
	}
	if err != nil || there.ID != "" {
		unlock()
		return there, err
	}
	db.bars.add(hash)
	err = db.bindWrites.do(ctx,
		func(batch *pebble.Batch) error {
			for _, key := range over {
				err := errors.Join(batch.Delete(key, nil), batch.Delete(keyText(tableBarID, string(key[1+seal.HashSize:])), nil))
				if err != nil {
					return err
				}
			}
			return putAll(batch, []pair{row, {keyText(tableBarID, b.ID), hash[:]}})
		},
		func(done bool) {
			if !done {
				db.barCount.add(tenant, len(over)-1)
			}
			unlock()
		})
	if err != nil {
		return binding.Bar{}, err
	}
	return *b, nil
}

// barInPlace returns the entry that covers b already, and otherwise the keys of those that leave to make room for it.
func (db *DB) barInPlace(hash seal.Hash, b *binding.Bar) (there binding.Bar, over [][]byte, err error) {
	if _, ok, err := get(db.bind, keyText(tableBarID, b.ID)); err != nil {
		return there, nil, err
	} else if ok {
		return there, nil, binding.ErrExists
	}
	n, now := 0, db.earlier(b.CreatedAt)
	err = db.barsOf(hash, func(key, value []byte) (bool, error) {
		other, err := db.openBar(key, value)
		if errors.Is(err, ErrErased) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if other.Tenant != b.Tenant {
			return true, nil // no tenant learns how many there are of others
		}
		if n++; !other.Live(now) {
			over = append(over, bytes.Clone(key))
		}
		if other.Covers(b, b.CreatedAt) {
			there = other
			return false, nil
		}
		return true, nil
	})
	switch {
	case err != nil || there.ID != "":
		return there, nil, err
	case n < binding.MaxBarsOnNumber:
		return there, nil, nil
	case len(over) == 0:
		return there, nil, binding.ErrManyBars
	}
	return there, over, nil
}

// barKey finds where an entry stands.
func (db *DB) barKey(r pebble.Reader, id string) ([]byte, error) {
	if id == "" || len(id) > maxID {
		return nil, binding.ErrNoBar
	}
	hash, ok, err := get(r, keyText(tableBarID, id))
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, binding.ErrNoBar
	case len(hash) != seal.HashSize:
		return nil, fmt.Errorf("%w: where an entry of a block list stands", ErrCorrupt)
	}
	return keyHashText(tableBar, seal.Hash(hash), id), nil
}

func (db *DB) barOf(r pebble.Reader, id string) (binding.Bar, []byte, error) {
	key, err := db.barKey(r, id)
	if err != nil {
		return binding.Bar{}, nil, err
	}
	value, ok, err := get(r, key)
	switch {
	case err != nil:
		return binding.Bar{}, nil, err
	case !ok:
		if _, err := db.barKey(r, id); err != nil {
			return binding.Bar{}, nil, err // it was removed between the two looks
		}
		return binding.Bar{}, nil, fmt.Errorf("%w: entry %s of a block list is named and missing", ErrCorrupt, id)
	}
	b, err := db.openBar(key, value)
	return b, key, err
}

// Bar returns the entry with an id. It implements binding.BarStore.
func (db *DB) Bar(ctx context.Context, id string) (binding.Bar, error) {
	if err := db.enter(ctx); err != nil {
		return binding.Bar{}, err
	}
	defer db.leave()
	b, _, err := db.barOf(db.bind, id)
	return b, err
}

// RemoveBar removes an entry. It implements binding.BarStore; ErrStalled and ErrBusy besides. It works on a full disk.
func (db *DB) RemoveBar(ctx context.Context, id string) (binding.Bar, error) {
	if err := db.enter(ctx); err != nil {
		return binding.Bar{}, err
	}
	defer db.leave()
	key, err := db.barKey(db.bind, id)
	if err != nil {
		return binding.Bar{}, err
	}
	// Who adds one for the same number may take this one away.
	unlock, err := db.locks.lock(ctx, db.opts.WriteTimeout, db.locks.ofID(id), db.locks.ofID(string(key[1:1+seal.HashSize])))
	if err != nil {
		return binding.Bar{}, err
	}
	b, key, err := db.barOf(db.bind, id)
	if err != nil {
		unlock()
		return binding.Bar{}, err
	}
	tenant := db.tenants.known(b.Tenant)
	err = db.bindWrites.do(ctx,
		func(batch *pebble.Batch) error {
			return errors.Join(batch.Delete(key, nil), batch.Delete(keyText(tableBarID, id), nil))
		},
		func(done bool) {
			if done {
				db.barCount.add(tenant, -1)
			}
			unlock()
		})
	if err != nil {
		return binding.Bar{}, err
	}
	return b, nil
}

// Bars lists entries. It implements binding.BarStore. Nothing of the database is held while each runs.
func (db *DB) Bars(ctx context.Context, f binding.BarFilter, each func(binding.Bar) error) error {
	left := f.Limit
	for {
		rows, last, err := db.barPage(ctx, f)
		if err != nil {
			return err
		}
		for _, b := range rows {
			if err := each(b); err != nil {
				return err
			}
			if left--; left == 0 {
				return nil
			}
		}
		if last == "" {
			return nil
		}
		f.After = last
	}
}

// barPage returns the selected entries among the next ids, and the last id looked at unless it was the last of all.
func (db *DB) barPage(ctx context.Context, f binding.BarFilter) (rows []binding.Bar, last string, err error) {
	if err := db.enter(ctx); err != nil {
		return nil, "", err
	}
	defer db.leave()
	prefix := []byte{tableBarID}
	if !f.Number.IsZero() {
		prefix = keyHash(tableBar, db.barHash(f.Number))
	}
	lower := append(slices.Clone(prefix), f.After...)
	if f.After != "" {
		lower = append(lower, 0) // the least key behind it
	}
	var ids []string
	err = scan(db.bind, lower, keyAfter(prefix), func(key, _ []byte) (bool, error) {
		ids = append(ids, string(key[len(prefix):]))
		return len(ids) < page, nil
	})
	if err != nil {
		return nil, "", err
	}
	for _, id := range ids {
		b, _, err := db.barOf(db.bind, id)
		switch {
		case errors.Is(err, binding.ErrNoBar), errors.Is(err, ErrErased): // it was removed in between, or is about to be
		case err != nil:
			return nil, "", err
		case f.Match(&b):
			rows = append(rows, b)
		}
	}
	if len(ids) == page {
		last = ids[page-1]
	}
	return rows, last, nil
}

// Barred returns an entry that keeps caller from callee. It implements binding.BarStore. Of entries that are over, or of
// another tenant or direction, only the header is read.
func (db *DB) Barred(ctx context.Context, caller, callee binding.Number, tenant string, at time.Time) (binding.Bar, bool, error) {
	if !db.bars.some.Load() {
		return binding.Bar{}, false, nil
	}
	if err := db.enter(ctx); err != nil {
		return binding.Bar{}, false, err
	}
	defer db.leave()
	id, now := db.tenants.known(tenant), at.UnixNano()
	var found binding.Bar
	for _, side := range []struct {
		number  binding.Number
		another string // what does not concern it
	}{{caller, binding.BarTo}, {callee, binding.BarFrom}} {
		if side.number.IsZero() {
			continue
		}
		hash := db.barHash(side.number)
		if !db.bars.may(hash) {
			continue
		}
		err := db.barsOf(hash, func(key, value []byte) (bool, error) {
			h, _, err := parseBarHeader(value)
			if err != nil {
				return false, err
			}
			if h.direction == side.another || h.tenant != 0 && h.tenant != id || h.until != 0 && h.until <= now {
				return true, nil
			}
			b, err := db.openBar(key, value)
			if errors.Is(err, ErrErased) {
				return true, nil // whom it was about nobody can tell any more
			}
			if err == nil && b.Bars(caller, callee, tenant, at) {
				found = b
			}
			return found.ID == "", err
		})
		if err != nil || found.ID != "" {
			return found, found.ID != "", err
		}
	}
	return binding.Bar{}, false, nil
}

// bars checks that every entry of a block list is found by its id, and every id names one.
func (c *checker) bars(r pebble.Reader) error {
	err := c.table(r, "block lists", tableBar, func(key, value []byte) error {
		b, err := c.db.openBar(key, value)
		if errors.Is(err, ErrErased) {
			c.report.ErasedBars++
			c.report.erased("entry %s of a block list: its key was destroyed", key[1+seal.HashSize:])
			return nil
		}
		if err != nil {
			return err
		}
		hash := c.db.barHash(b.Number)
		where, _, err := get(r, keyText(tableBarID, b.ID))
		if err != nil {
			return err
		}
		if !bytes.Equal(where, hash[:]) || !bytes.Equal(key, keyHashText(tableBar, hash, b.ID)) {
			c.report.fault("entry %s of a block list is not found by its id or number", b.ID)
		}
		if c.memory != nil && !c.memory.bars.may(hash) {
			c.report.fault("entry %s of a block list is not known in memory, and bars nobody", b.ID)
		}
		c.report.Bars++
		return nil
	})
	if err != nil {
		return err
	}
	return c.table(r, "ids of block lists", tableBarID, func(key, _ []byte) error {
		_, _, err := c.db.barOf(r, string(key[1:]))
		if errors.Is(err, ErrErased) {
			return nil
		}
		return err
	})
}
