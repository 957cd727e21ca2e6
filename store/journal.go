package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding/cdr"
	"mask700/crash"
	"mask700/store/seal"
)

// journal writes call records. Numbering and the look whether an id was used before happen on the committer's
// goroutine, which sees all writes in their order; nothing of it needs a lock.
type journal struct {
	db      *engine
	keys    *keyring
	tenant  func(name string) uint32
	dialled func(*cdr.Record) [2]*contact
	writes  *committer
	// run marks the opening rows of this process, so that those of one that died can be told from calls that go on.
	run uint64

	// Of the committer's goroutine.
	seq   uint64                    // last one given
	span  span                      // the one being filled
	group map[seal.Hash]recordState // what the group being filled does, not yet to be found in the database
	dials map[string]uint32         // and of contacts by their keys, the second that it writes

	durable atomic.Uint64 // last seq that is on disk; nothing after it is shown
	purged  atomic.Uint64 // last seq of those that were deleted when their time was over

	follow struct {
		sync.Mutex // protects what follows
		changed    chan struct{}
	}
}

// recordState is what is known of a record id: open, closed with a seq, or nothing.
type recordState struct {
	open   bool
	unread bool // whether it is open cannot be read
	seq    uint64
}

var _ cdr.Journal = (*journal)(nil)

// Journal takes the records of calls. Besides the errors of cdr.Journal its answers are ErrBusy, ErrStalled, ErrClosed
// and ErrRow. An answer may come from any goroutine of the store, but never from within Open or Close. For a record
// that was closed before, Close answers with its Seq and cdr.ErrClosed.
func (db *DB) Journal() cdr.Journal { return db.journal }

func newJournal(db *DB) (*journal, error) {
	j := &journal{
		db: db.cdr, keys: db.cdrKeys, tenant: db.tenants.known, dialled: db.contactsOf,
		writes: newCommitter(db.cdr, db.opts.QueueLimit, db.opts.WriteTimeout),
		group:  make(map[seal.Hash]recordState), dials: make(map[string]uint32),
	}
	var run [8]byte
	rand.Read(run[:]) // never fails
	j.run = binary.BigEndian.Uint64(run[:])
	j.follow.changed = make(chan struct{})
	j.writes.begin = func() { clear(j.group); clear(j.dials) }
	j.writes.mark = func() uint64 { return j.seq }
	j.writes.landed = j.landed
	j.writes.fatal = db.opts.Fatal
	return j, j.recover(db.lostAtOpen("call records: who asks for them is told", nil))
}

// recover finds the last seq given and what the span begun holds. Every number up to it is there or was deleted when its
// time was over, because a number is given and its row written in one batch. What is damaged is told to lost.
func (j *journal) recover(lost func(from, to []byte, err error)) error {
	gone, err := readPurged(j.db)
	if err != nil {
		return err
	}
	if j.seq, err = j.lastSeq(lost); err != nil {
		return err
	}
	j.seq = max(j.seq, gone.upTo)
	j.purged.Store(gone.upTo)
	j.durable.Store(j.seq)
	if j.seq%spanSize == 0 {
		return nil
	}
	return salvage(j.db, key64(tableClosed, firstOf(spanOf(j.seq))), []byte{tableClosed + 1}, func(_, value []byte) (bool, error) {
		h, _, err := parseRecordHeader(value)
		if err != nil {
			return false, fmt.Errorf("%w: a record: %w", ErrCorrupt, err)
		}
		j.span.add(h.mark)
		return true, nil
	}, func(from, to []byte, err error) {
		// They may be of any time: who asks for one is told that some cannot be read.
		j.span.add(0)
		j.span.add(math.MaxInt64)
		lost(from, to, err)
	})
}

// lastSeq returns the last number given of those whose records are there. Where the newest record cannot be read, the
// numbers are looked for by the ids of all records, and where not all of these can be read either, some more are passed over: none
// may be given twice.
func (j *journal) lastSeq(lost func(from, to []byte, err error)) (uint64, error) {
	lower := []byte{tableClosed}
	key, ok, err := last(j.db, lower, keyAfter(lower))
	if err == nil && !ok {
		return 0, nil
	}
	if err == nil {
		seq, ok := seqOfKey(key)
		if !ok {
			return 0, fmt.Errorf("%w: the key of a record", ErrCorrupt)
		}
		return seq, nil
	}
	if !errors.Is(err, ErrCorrupt) {
		return 0, err
	}
	var seq, margin uint64
	lower = []byte{tableRecord}
	err = salvage(j.db, lower, keyAfter(lower), func(_, value []byte) (bool, error) {
		if len(value) != 8 {
			return false, fmt.Errorf("%w: the number of a record", ErrCorrupt)
		}
		seq = max(seq, binary.BigEndian.Uint64(value))
		return true, nil
	}, func(from, to []byte, err error) {
		margin = 16 * spanSize
		lost(from, to, err)
	})
	return seq + margin, err
}

func (j *journal) start() { j.writes.start() }

// Open implements cdr.Journal.
func (j *journal) Open(r cdr.Record, done func(error)) {
	id, plain, err := j.prepare(&r)
	if err != nil {
		go crash.Guard(func() { done(err) })()
		return
	}
	h, at := recordHeader{tenant: j.tenant(r.Tenant), mark: j.run}, r.ReceivedAt
	err = j.writes.add(&write{
		fill:   func(b *pebble.Batch) error { return j.fillOpen(b, id, h, at, plain) },
		answer: done,
	})
	if err != nil {
		go crash.Guard(func() { done(err) })() // a caller may hold a lock that its done takes
	}
}

// Close implements cdr.Journal.
func (j *journal) Close(r cdr.Record, done func(seq uint64, err error)) {
	j.close(r, false, done)
}

// close closes a record; with stale only one that is still open.
func (j *journal) close(r cdr.Record, stale bool, done func(seq uint64, err error)) {
	id, plain, err := j.prepare(&r)
	if err != nil {
		go crash.Guard(func() { done(0, err) })()
		return
	}
	at, _ := nanos(r.ClosedAt())
	h := recordHeader{tenant: j.tenant(r.Tenant), mark: uint64(at)}
	of, mark := recordHashes(j.keys.index, &r), []byte{lastMark(j.keys.index, &r)}
	dialled := j.dialled(&r)
	var seq atomic.Uint64 // set while filling, read by an answer that may come earlier
	err = j.writes.add(&write{
		fill: func(b *pebble.Batch) error {
			given, err := j.fillClose(b, id, of, mark, h, plain, stale)
			seq.Store(given)
			for _, c := range dialled {
				if err == nil && c != nil {
					err = j.putContact(b, c)
				}
			}
			return err
		},
		settle: func(written bool) {
			for _, c := range dialled {
				c.settle(written)
			}
		},
		answer: func(err error) {
			if err == ErrStalled {
				done(0, err)
				return
			}
			done(seq.Load(), err)
		},
	})
	if err != nil {
		go crash.Guard(func() { done(0, err) })()
	}
}

// putContact writes who dialled what, unless a later moment is known: clocks are set back.
func (j *journal) putContact(b *pebble.Batch, c *contact) error {
	before, ok := j.dials[string(c.row.key)]
	if !ok {
		there, ok, err := get(j.db, c.row.key)
		if err != nil {
			return err
		}
		if ok {
			before, _ = parseContact(c.row.key, there) // a damaged one is written over
		}
	}
	at, err := parseContact(c.row.key, c.row.value)
	if err != nil || before > at {
		return err
	}
	j.dials[string(c.row.key)] = at
	return b.Set(c.row.key, c.row.value, nil)
}

// recordHashes is by what a record is found beside its id: its binding and, where none is stored that has its order, that.
func recordHashes(index *seal.Index, r *cdr.Record) []seal.Hash {
	var all []seal.Hash
	if r.Binding != "" {
		all = append(all, index.Hash(domainBinding, r.Binding))
	}
	if r.Decided() {
		all = append(all, index.Hash(domainOrder, r.Order))
	}
	return all
}

// prepare does on the caller's goroutine what does not need the order of writes.
func (j *journal) prepare(r *cdr.Record) (id seal.Hash, plain []byte, err error) {
	if err := checkRecord(r); err != nil {
		return id, nil, err
	}
	plain, err = appendRecord(make([]byte, 0, 512), r)
	if err != nil {
		return id, nil, fmt.Errorf("%w: %w", ErrRow, err)
	}
	return j.keys.index.Hash(domainRecord, r.ID), plain, nil
}

// state returns what is known of a record id, with what this group does. Where that cannot be read nothing is known: a
// damaged block must not cost the records of other calls.
func (j *journal) state(id seal.Hash) (recordState, error) {
	if s, ok := j.group[id]; ok {
		return s, nil
	}
	seq, ok, err := get64(j.db, keyHash(tableRecord, id))
	if ok || err != nil && !errors.Is(err, ErrCorrupt) {
		return recordState{seq: seq}, err
	}
	_, open, err := get(j.db, keyHash(tableOpen, id))
	if errors.Is(err, ErrCorrupt) {
		return recordState{unread: true}, nil
	}
	return recordState{open: open}, err
}

func (j *journal) fillOpen(b *pebble.Batch, id seal.Hash, h recordHeader, at time.Time, plain []byte) error {
	s, err := j.state(id)
	switch {
	case err != nil:
		return err
	case s.seq != 0:
		return cdr.ErrClosed
	case s.open:
		return cdr.ErrOpen
	}
	key := keyHash(tableOpen, id)
	value, err := j.seal(key, h, at, plain)
	if err != nil {
		return err
	}
	j.group[id] = recordState{open: true}
	return b.Set(key, value, nil)
}

func (j *journal) fillClose(b *pebble.Batch, id seal.Hash, of []seal.Hash, mark []byte, h recordHeader, plain []byte, stale bool) (uint64, error) {
	s, err := j.state(id)
	switch {
	case err != nil:
		return 0, err
	case s.seq != 0:
		return s.seq, cdr.ErrClosed
	case stale && !s.open && !s.unread:
		return 0, cdr.ErrNotFound
	}
	seq := j.seq + 1
	key := key64(tableClosed, seq)
	value, err := j.seal(key, h, timeOf(int64(h.mark)), plain)
	if err != nil {
		return 0, err
	}
	rows := []pair{
		{key, value},
		{keyHash(tableRecord, id), binary.BigEndian.AppendUint64(nil, seq)},
	}
	for _, hash := range of {
		rows = append(rows, pair{keyHash64(tableOf, hash, seq), mark})
	}
	j.span.add(h.mark)
	if seq%spanSize == 0 {
		rows = append(rows, pair{key64(tableSpan, spanOf(seq)), j.span.value()})
		j.span = span{}
	}
	j.seq = seq
	j.group[id] = recordState{seq: seq}
	if s.open || s.unread {
		if err := b.Delete(keyHash(tableOpen, id), nil); err != nil {
			return 0, err
		}
	}
	return seq, putAll(b, rows)
}

// seal seals a record under the key of its tenant and a moment. The key is chosen here, in the order of writes: one that
// is retired seals nothing that comes behind. Where it has to be made, the group waits for the disk once more.
func (j *journal) seal(key []byte, h recordHeader, at time.Time, plain []byte) ([]byte, error) {
	n, box, err := j.keys.forNew(context.Background(), h.tenant, at)
	if err != nil {
		return nil, err
	}
	h.dataKey = n
	value := h.append(make([]byte, 0, recordHeaderSize+len(plain)+seal.Overhead))
	return box.Seal(value, plain, placeOf(key, value)), nil
}

// landed shows the records of a group that is on disk, to those who follow too.
func (j *journal) landed(seq uint64) {
	if j.durable.Swap(seq) == seq {
		return
	}
	j.follow.Lock()
	defer j.follow.Unlock()
	close(j.follow.changed)
	j.follow.changed = make(chan struct{})
}

// Changed implements cdr.Reader.
func (db *DB) Changed() <-chan struct{} {
	f := &db.journal.follow
	f.Lock()
	defer f.Unlock()
	return f.changed
}

// LastSeq implements cdr.Reader.
func (db *DB) LastSeq() uint64 { return db.journal.durable.Load() }

// CloseAbandoned closes the records that an earlier process left open: the platform released those calls, by its
// restart, at now. Records that this process opened stay open. It returns how many it closed, on disk. ErrCorrupt: of
// the rest, some could not be read; all others are closed. One whose key was destroyed is deleted.
func (db *DB) CloseAbandoned(now time.Time) (int, error) {
	closed := 0
	var damaged error
	for after := []byte(nil); ; {
		left, err := db.abandoned(after)
		if err != nil {
			return closed, err
		}
		n, err := db.closeAll(left.records, now)
		closed += n
		if err == nil && len(left.erased) > 0 {
			err = db.journal.drop(left.erased)
		}
		if damaged == nil {
			damaged = left.damaged
		}
		if err != nil {
			return closed, err
		}
		if left.next == nil {
			return closed, damaged
		}
		after = left.next
	}
}

// leftOpen is a page of the records that an earlier process left open.
type leftOpen struct {
	records []cdr.Record
	erased  [][]byte // keys of rows that nothing can read any more
	damaged error    // of the first row that could not be opened
	next    []byte   // the last key looked at; nil: it was the last of all
}

// abandoned returns the page behind a key.
func (db *DB) abandoned(after []byte) (left leftOpen, err error) {
	if err := db.enter(context.Background()); err != nil {
		return leftOpen{}, err
	}
	defer db.leave()
	lower := []byte{tableOpen}
	upper := keyAfter(lower)
	if after != nil {
		lower = append(after, 0)
	}
	n := 0
	err = salvage(db.cdr, lower, upper, func(key, value []byte) (bool, error) {
		r, h, err := db.journal.open(key, value)
		switch {
		case errors.Is(err, ErrErased):
			if h.mark != db.journal.run {
				left.erased = append(left.erased, append([]byte(nil), key...))
			}
		case err != nil && left.damaged == nil:
			left.damaged = err
		case err == nil && h.mark != db.journal.run:
			left.records = append(left.records, r)
		}
		if n++; n == page {
			left.next = append([]byte(nil), key...)
		}
		return n < page, nil
	}, func(_, _ []byte, err error) {
		if left.damaged == nil {
			left.damaged = err
		}
	})
	return left, err
}

// drop deletes rows of open records.
func (j *journal) drop(keys [][]byte) error {
	return j.writes.do(context.Background(), func(b *pebble.Batch) error {
		for _, key := range keys {
			if err := b.Delete(key, nil); err != nil {
				return err
			}
		}
		return nil
	}, nil)
}

// closeAll closes records together and waits for them.
func (db *DB) closeAll(records []cdr.Record, now time.Time) (int, error) {
	answers := make(chan error, len(records))
	for _, r := range records {
		r.ReleasedAt, r.ReleasedBy, r.End = now, cdr.ByPlatform, cdr.EndRestart
		db.journal.close(r, true, func(_ uint64, err error) { answers <- err })
	}
	closed := 0
	var failed error
	for range records {
		switch err := <-answers; err {
		case nil:
			closed++
		case cdr.ErrClosed, cdr.ErrNotFound: // closed by somebody else meanwhile
		default:
			failed = err
		}
	}
	return closed, failed
}

// open opens an opening or closed row; Seq is left to the caller.
func (j *journal) open(key, value []byte) (cdr.Record, recordHeader, error) {
	h, sealed, err := parseRecordHeader(value)
	if err != nil {
		return cdr.Record{}, h, fmt.Errorf("%w: a call record: %w", ErrCorrupt, err)
	}
	box, err := j.keys.box(h.dataKey)
	if err != nil {
		return cdr.Record{}, h, err
	}
	plain, err := box.Open(make([]byte, 0, len(sealed)), sealed, placeOf(key, value[:recordHeaderSize]))
	if err != nil {
		return cdr.Record{}, h, fmt.Errorf("%w: a call record: %w", ErrCorrupt, err)
	}
	r, err := parseRecord(plain)
	if err != nil {
		return cdr.Record{}, h, fmt.Errorf("%w: a call record: %w", ErrCorrupt, err)
	}
	return r, h, nil
}
