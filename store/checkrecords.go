package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding/cdr"
	"mask700/store/ring"
	"mask700/store/seal"
)

// noHash stands for any hash where only its length matters.
var noHash seal.Hash

// records checks the database of the call records.
func (c *checker) records(r pebble.Reader) error {
	want := make(map[byte]uint64)
	spans := make(map[uint64]span)
	if err := c.strays(r, "cdr"); err != nil {
		return err
	}
	gone, err := readPurged(r)
	if err != nil {
		c.report.fault("call records: %v", err)
		c.cut[tableClosed] = true // which are missing cannot be told
	}
	if some, err := orphaned(r); err != nil {
		return err
	} else if some {
		c.orphans = gone.count
	}
	next, missing := uint64(1), uint64(0)
	err = c.table(r, "call records", tableClosed, func(key, value []byte) error {
		if len(key) != 9 {
			return fmt.Errorf("%w: a key", ErrCorrupt)
		}
		seq := binary.BigEndian.Uint64(key[1:])
		if below := min(seq, gone.upTo+1); below > next {
			missing += below - next // deleted, all of them or not
			next = below
		}
		if seq != next {
			c.report.fault("call records %d to %d are missing", next, seq-1)
		}
		next = seq + 1
		c.report.Records++
		c.report.LastSeq = seq
		return c.closed(r, seq, key, value, want, spans)
	})
	if err != nil {
		return err
	}
	if gone.upTo >= next {
		missing += gone.upTo + 1 - next
		c.report.LastSeq = gone.upTo
	}
	if missing != gone.count && !c.cut[tableClosed] {
		c.report.fault("call records: %d up to %d are missing, and %d of them were deleted", missing, gone.upTo, gone.count)
	}
	if err := c.spans(r, spans); err != nil {
		return err
	}
	err = c.table(r, "open call records", tableOpen, func(key, value []byte) error {
		c.report.Open++
		record, _, err := c.db.journal.open(key, value)
		if errors.Is(err, ErrErased) {
			c.report.ErasedRecords++
			c.report.erased("the record of a call that was going on: its key was destroyed")
			return nil
		}
		if err != nil {
			return err
		}
		id := c.db.cdrKeys.index.Hash(domainRecord, record.ID)
		if _, ok, err := get64(r, keyHash(tableRecord, id)); err != nil || ok {
			c.report.fault("an open call record is closed as well")
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := c.contacts(r); err != nil {
		return err
	}
	return c.recordIndexes(r, want)
}

// closed checks one closed record and what finds it.
func (c *checker) closed(r pebble.Reader, seq uint64, key, value []byte, want map[byte]uint64, spans map[uint64]span) error {
	record, h, err := c.db.journal.open(key, value)
	c.tenant(fmt.Sprintf("call record %d", seq), h.tenant)
	erased := errors.Is(err, ErrErased)
	if err != nil && !erased {
		return fmt.Errorf("seq %d: %w", seq, err)
	}
	s := spans[spanOf(seq)]
	s.add(h.mark)
	spans[spanOf(seq)] = s
	if erased {
		c.report.ErasedRecords++
		c.report.erased("call record %d, closed at %s%s: %s", seq, timeOf(int64(h.mark)).UTC().Format(time.RFC3339), c.of(h.tenant), c.lost(ring.Records, h.dataKey))
		want[tableRecord]++
		return nil
	}
	if at, _ := nanos(record.ClosedAt()); uint64(at) != h.mark {
		c.report.fault("call record %d was closed at another time than its header says", seq)
	}
	index := c.db.cdrKeys.index
	found, ok, err := get64(r, keyHash(tableRecord, index.Hash(domainRecord, record.ID)))
	if err != nil {
		return err
	}
	if want[tableRecord]++; !ok || found != seq {
		c.report.fault("call record %d is not found by its id", seq)
	}
	for i, hash := range recordHashes(index, &record) {
		_, ok, err = get(r, keyHash64(tableOf, hash, seq))
		switch {
		case err != nil:
			return err
		case ok:
			want[tableOf]++
		case i == 0 && record.Binding != "":
			want[tableOf]++
			c.report.fault("call record %d is not found by its binding", seq)
		default: // it was written before records were found by their orders
		}
	}
	return nil
}

// spans holds the time index against the times of the records.
func (c *checker) spans(r pebble.Reader, spans map[uint64]span) error {
	full := uint64(0)
	for n, s := range spans {
		if firstOf(n+1) > c.report.LastSeq+1 {
			continue // it is being filled
		}
		full++
		value, ok, err := get(r, key64(tableSpan, n))
		got, perr := parseSpan(value)
		// Of one of which some were deleted the times may reach further.
		around := perr == nil && got.earliest <= s.earliest && got.latest >= s.latest && s.n < spanSize
		if err != nil || !ok || string(value) != string(s.value()) && !around {
			c.report.fault("the time index is wrong for the call records from %d on", firstOf(n))
		}
	}
	return c.count(r, "spans", tableSpan, full, 0)
}

// recordIndexes looks for entries that have no record.
func (c *checker) recordIndexes(r pebble.Reader, want map[byte]uint64) error {
	if err := c.count(r, "record ids", tableRecord, want[tableRecord], c.orphans); err != nil {
		return err
	}
	// Whether an erased record was of a binding, or of an order, cannot be told.
	if err := c.count(r, "records of bindings", tableOf, want[tableOf], c.report.ErasedRecords+2*c.orphans); err != nil {
		return err
	}
	if !c.miscounted || c.cut[tableClosed] {
		return nil
	}
	index := c.db.cdrKeys.index
	return errors.Join(
		c.entries(r, "record ids", tableRecord, func(_, value []byte) (uint64, func(*cdr.Record) []seal.Hash) {
			return binary.BigEndian.Uint64(value), func(rec *cdr.Record) []seal.Hash { return []seal.Hash{index.Hash(domainRecord, rec.ID)} }
		}),
		c.entries(r, "records of bindings", tableOf, func(key, _ []byte) (uint64, func(*cdr.Record) []seal.Hash) {
			return binary.BigEndian.Uint64(key[len(key)-8:]), func(rec *cdr.Record) []seal.Hash { return recordHashes(index, rec) }
		}))
}

// entries says which entries have no record: each is held against the one that it names.
func (c *checker) entries(r pebble.Reader, name string, table byte, names func(key, value []byte) (seq uint64, hashes func(*cdr.Record) []seal.Hash)) error {
	return c.table(r, name, table, func(key, value []byte) error {
		if len(key) != 1+seal.HashSize && table == tableRecord || len(key) != 1+seal.HashSize+8 && table == tableOf || len(value) != 8 && table == tableRecord {
			return fmt.Errorf("%w: an entry", ErrCorrupt)
		}
		seq, hashes := names(key, value)
		at := key64(tableClosed, seq)
		row, ok, err := get(r, at)
		if err != nil {
			return err
		}
		if !ok && c.orphans > 0 && seq <= c.report.LastSeq {
			return nil // the next sweep deletes it
		}
		if !ok {
			return fmt.Errorf("an entry of call record %d, which is not there", seq)
		}
		rec, _, err := c.db.journal.open(at, row)
		if err != nil {
			return nil // it is said of the record, or it is erased
		}
		if !slices.Contains(hashes(&rec), seal.Hash(key[1:1+seal.HashSize])) {
			return fmt.Errorf("an entry of call record %d, which is of another", seq)
		}
		return nil
	})
}

// count faults a table that has not as many entries as it should have; as many as may be are no fault above that.
func (c *checker) count(r pebble.Reader, name string, table byte, want, may uint64) error {
	n := uint64(0)
	if err := c.table(r, name, table, func(_, _ []byte) error { n++; return nil }); err != nil {
		return err
	}
	if (n < want || n > want+may) && !c.cut[tableClosed] && !c.cut[table] {
		c.report.fault("%s: %d entries where there should be %d", name, n, want)
		c.miscounted = c.miscounted || n > want
	}
	return nil
}
