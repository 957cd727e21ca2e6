package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// metaPurged in tableMeta of cdr/ says what was deleted of the records: the last seq that was, and how many were, u64 each.
// Rows that are missing above it, or one more than so many below, were lost.
const metaPurged = "purged"

// metaOrphans in tableMeta of cdr/ is there while entries may be left that found records which nothing could read: their ids were not
// known when they were deleted, so that what found them is looked for afterwards.
const metaOrphans = "orphans"

// orphaned reports whether such entries may be left.
func orphaned(r pebble.Reader) (bool, error) {
	_, some, err := get(r, keyText(tableMeta, metaOrphans))
	return some, err
}

// purged is what is known of deleted records.
type purged struct{ upTo, count uint64 }

func readPurged(r pebble.Reader) (purged, error) {
	v, ok, err := get(r, keyText(tableMeta, metaPurged))
	if err != nil || !ok {
		return purged{}, err
	}
	if len(v) != 16 {
		return purged{}, fmt.Errorf("%w: which call records were deleted", ErrCorrupt)
	}
	return purged{binary.BigEndian.Uint64(v), binary.BigEndian.Uint64(v[8:])}, nil
}

func (p purged) value() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, p.upTo), p.count)
}

// records deletes the records whose calls ended before the limit. Only spans that have one are looked at.
func (s *sweeper) records() error {
	limit, ok := nanos(s.Until)
	if !ok || limit == 0 {
		return nil
	}
	var spans []uint64
	last := s.db.LastSeq()
	// The times of records are not known then; each has its own.
	lost := func(from, to []byte, err error) {
		s.lost(from, to, err)
		for n := spanFrom(from); last > 0 && n < spanFrom(to) && n <= spanOf(last); n++ {
			spans = append(spans, n)
		}
	}
	err := salvage(s.db.cdr, []byte{tableSpan}, []byte{tableSpan + 1}, func(key, value []byte) (bool, error) {
		sp, err := parseSpan(value)
		if err == nil && len(key) != 9 {
			err = fmt.Errorf("%w: the key of a span of records", ErrCorrupt)
		}
		if err != nil {
			return true, err
		}
		if sp.earliest < uint64(limit) {
			spans = append(spans, binary.BigEndian.Uint64(key[1:]))
		} else {
			s.oldest(timeOf(int64(sp.earliest)))
		}
		return true, nil
	}, lost)
	if err != nil {
		return err
	}
	if n := spanOf(last); last%spanSize != 0 && (len(spans) == 0 || spans[len(spans)-1] != n) {
		spans = append(spans, n) // it has no row yet
	}
	for _, n := range spans {
		before := s.Deleted
		if err := s.deleteRecords(n, uint64(limit)); err != nil {
			return err
		}
		if s.looked != nil {
			s.looked(key64(tableSpan, n))
		}
		if err := s.pace.wait(s.db, s.ctx, int(s.Deleted-before), spanSize); err != nil {
			return err
		}
	}
	return s.deleteOrphans()
}

// spanFrom is the first span whose key is not below a key of the table, or below its end.
func spanFrom(key []byte) uint64 {
	if key[0] != tableSpan {
		return math.MaxUint64
	}
	var head [8]byte
	more := len(key) > 1+copy(head[:], key[1:])
	n := binary.BigEndian.Uint64(head[:])
	if more && n < math.MaxUint64 {
		n++
	}
	return n
}

// deleteRecords deletes what is over of a span, and the span when nothing of it is left.
func (s *sweeper) deleteRecords(n, limit uint64) error {
	db := s.db
	var keys [][]byte
	var count, last uint64
	orphans := false
	left := firstOf(n+1) > db.LastSeq()+1 // more of it are to come
	lost := func(from, to []byte, err error) {
		s.lost(from, to, err)
		left = true
	}
	err := salvage(db.cdr, key64(tableClosed, firstOf(n)), key64(tableClosed, firstOf(n+1)), func(key, value []byte) (bool, error) {
		seq, _ := seqOfKey(key)
		r, h, err := db.journal.open(key, value)
		switch {
		case err != nil && !errors.Is(err, ErrErased):
			return true, err // a damaged one is lost alone
		case h.mark >= limit:
			s.oldest(timeOf(int64(h.mark)))
			left = true
			return true, nil
		case err != nil:
			orphans = true
		default:
			keys = append(keys, keyHash(tableRecord, db.cdrKeys.index.Hash(domainRecord, r.ID)))
			for _, hash := range recordHashes(db.cdrKeys.index, &r) {
				keys = append(keys, keyHash64(tableOf, hash, seq))
			}
		}
		keys = append(keys, append([]byte(nil), key...))
		count, last = count+1, seq
		return true, nil
	}, lost)
	if err != nil || count == 0 {
		return err
	}
	if !left {
		keys = append(keys, key64(tableSpan, n))
	}
	done, err := readPurged(db.cdr)
	if err != nil {
		return err
	}
	done = purged{max(done.upTo, last), done.count + count}
	db.journal.purged.Store(done.upTo) // from here on it is no fault that one of them is missing
	err = db.journal.writes.do(s.ctx, func(b *pebble.Batch) error {
		err := errors.Join(deleteAll(b, keys), b.Set(keyText(tableMeta, metaPurged), done.value(), nil))
		if orphans {
			err = errors.Join(err, b.Set(keyText(tableMeta, metaOrphans), nil, nil))
		}
		return err
	}, nil)
	if err == nil {
		s.Deleted += count
	}
	return err
}

// deleteOrphans deletes what found records that nothing could read when they were deleted, which it tells by their numbers, and by that
// they are gone. What a sweep that was broken off has left of it is the next one's.
func (s *sweeper) deleteOrphans() error {
	db := s.db
	some, err := orphaned(db.cdr)
	if err != nil || !some {
		return err
	}
	done, err := readPurged(db.cdr)
	if err != nil {
		return err
	}
	var keys [][]byte
	flush := func(least int) error {
		if len(keys) < least {
			return nil
		}
		some := keys
		keys = nil
		return db.journal.writes.do(s.ctx, func(b *pebble.Batch) error { return deleteAll(b, some) }, nil)
	}
	unread := false
	lost := func(from, to []byte, err error) {
		s.lost(from, to, err)
		unread = true
	}
	for _, table := range []byte{tableRecord, tableOf} {
		err := db.eachSound(s.ctx, db.cdr, []byte{table}, []byte{table + 1}, lost, func(key, value []byte) (bool, error) {
			number := value
			if table == tableOf {
				number = key[max(len(key)-8, 0):]
			}
			if len(number) != 8 || binary.BigEndian.Uint64(number) > done.upTo {
				return true, nil
			}
			_, there, err := get(db.cdr, key64(tableClosed, binary.BigEndian.Uint64(number)))
			switch {
			case errors.Is(err, ErrCorrupt): // it is there
			case err != nil:
				return false, err
			case !there:
				keys = append(keys, append([]byte(nil), key...))
			}
			return true, flush(page)
		})
		if err != nil {
			return err
		}
	}
	if err := flush(1); err != nil || unread {
		return err
	}
	return db.journal.writes.do(s.ctx, func(b *pebble.Batch) error { return b.Delete(keyText(tableMeta, metaOrphans), nil) }, nil)
}

// noRecordOf takes those keys out that a row is sealed under. What was closed in the time of one of them was deleted, but
// for rows that cannot be read, and calls that go on since then. Of rows that cannot be read it is not known which keys those are,
// so that none is left.
func (db *DB) noRecordOf(ctx context.Context, keys map[uint32]bool) error {
	err := db.recordsUnder(ctx, keys)
	if errors.Is(err, ErrCorrupt) {
		clear(keys)
		return nil
	}
	return err
}

// recordsUnder is noRecordOf where all can be read.
func (db *DB) recordsUnder(ctx context.Context, keys map[uint32]bool) error {
	var end time.Time // of the last month or day of a key
	for _, k := range db.ring.Keys() {
		if e, _ := k.Bucket.End(); keys[k.ID] && k.Use == db.cdrKeys.use && e.After(end) {
			end = e
		}
	}
	look := func(_, value []byte) (bool, error) {
		h, _, err := parseRecordHeader(value)
		if err != nil {
			clear(keys)
			return false, nil
		}
		delete(keys, h.dataKey)
		return len(keys) > 0, db.ending(ctx)
	}
	if err := scan(db.cdr, []byte{tableOpen}, []byte{tableOpen + 1}, look); err != nil {
		return err
	}
	before := uint64(max(end.UnixNano(), 0))
	var spans []uint64
	err := scan(db.cdr, []byte{tableSpan}, []byte{tableSpan + 1}, func(key, value []byte) (bool, error) {
		if sp, err := parseSpan(value); err != nil || sp.earliest < before {
			spans = append(spans, binary.BigEndian.Uint64(key[1:]))
		}
		return true, nil
	})
	for _, n := range append(spans, spanOf(max(db.LastSeq(), 1))) {
		if err == nil {
			err = scan(db.cdr, key64(tableClosed, firstOf(n)), key64(tableClosed, firstOf(n+1)), look)
		}
	}
	return err
}
