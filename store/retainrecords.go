package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// metaPurged in tableMeta of cdr/ says what was deleted of the records: the last seq that was, and how many were, u64 each.
// Rows that are missing above it, or one more than so many below, were lost.
const metaPurged = "purged"

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
	err := scan(s.db.cdr, []byte{tableSpan}, []byte{tableSpan + 1}, func(key, value []byte) (bool, error) {
		sp, err := parseSpan(value)
		if err != nil || len(key) != 9 {
			s.Damaged++ // Check's to tell
			return true, nil
		}
		if sp.earliest < uint64(limit) {
			spans = append(spans, binary.BigEndian.Uint64(key[1:]))
		} else {
			s.oldest(timeOf(int64(sp.earliest)))
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	if last := s.db.LastSeq(); last%spanSize != 0 {
		spans = append(spans, spanOf(last)) // it has no row yet
	}
	erased := make(map[uint64]bool)
	for _, n := range spans {
		before := s.Deleted
		if err := s.deleteRecords(n, uint64(limit), erased); err != nil {
			return err
		}
		if err := s.pace.wait(s.db, s.ctx, int(s.Deleted-before), spanSize); err != nil {
			return err
		}
	}
	return s.deleteErasedRecords(erased)
}

// deleteRecords deletes what is over of a span, and the span when nothing of it is left.
func (s *sweeper) deleteRecords(n, limit uint64, erased map[uint64]bool) error {
	db := s.db
	var keys [][]byte
	var count, last uint64
	left := firstOf(n+1) > db.LastSeq()+1 // more of it are to come
	err := scan(db.cdr, key64(tableClosed, firstOf(n)), key64(tableClosed, firstOf(n+1)), func(key, value []byte) (bool, error) {
		seq, _ := seqOfKey(key)
		r, h, err := db.journal.open(key, value)
		switch {
		case errors.Is(err, ErrCorrupt):
			s.Damaged++
			left = true
			return true, nil
		case err != nil && !errors.Is(err, ErrErased):
			return false, err
		case h.mark >= limit:
			s.oldest(timeOf(int64(h.mark)))
			left = true
			return true, nil
		case err != nil:
			erased[seq] = true
		default:
			keys = append(keys, keyHash(tableRecord, db.cdrKeys.index.Hash(domainRecord, r.ID)))
			for _, hash := range recordHashes(db.cdrKeys.index, &r) {
				keys = append(keys, keyHash64(tableOf, hash, seq))
			}
		}
		keys = append(keys, append([]byte(nil), key...))
		count, last = count+1, seq
		return true, nil
	})
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
		return errors.Join(deleteAll(b, keys), b.Set(keyText(tableMeta, metaPurged), done.value(), nil))
	}, nil)
	if err == nil {
		s.Deleted += count
	}
	return err
}

// deleteErasedRecords deletes what finds records that nothing can read: by their numbers, since their ids are not known.
func (s *sweeper) deleteErasedRecords(seqs map[uint64]bool) error {
	if len(seqs) == 0 {
		return nil
	}
	var keys [][]byte
	flush := func(least int) error {
		if len(keys) < least {
			return nil
		}
		some := keys
		keys = nil
		return s.db.journal.writes.do(s.ctx, func(b *pebble.Batch) error { return deleteAll(b, some) }, nil)
	}
	for _, table := range []byte{tableRecord, tableOf} {
		looked := 0
		err := scan(s.db.cdr, []byte{table}, []byte{table + 1}, func(key, value []byte) (bool, error) {
			if looked++; looked%1024 == 0 {
				if err := s.db.ending(s.ctx); err != nil {
					return false, err
				}
			}
			seq := value
			if table == tableOf {
				seq = key[max(len(key)-8, 0):]
			}
			if len(seq) == 8 && seqs[binary.BigEndian.Uint64(seq)] {
				keys = append(keys, append([]byte(nil), key...))
			}
			return true, flush(page)
		})
		if err != nil {
			return err
		}
	}
	return flush(1)
}

// noRecordOf takes those keys out that a row is sealed under. What was closed in the time of one of them was deleted, but
// for rows that cannot be read, and calls that go on since then.
func (db *DB) noRecordOf(ctx context.Context, keys map[uint32]bool) error {
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
