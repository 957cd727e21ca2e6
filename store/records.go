package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/store/seal"
)

// spanSize is how many records, consecutive by Seq, share one row of the time index.
//
// Records are found by time through these rows: the earliest and the latest time in each 1024 records. Releases are
// nearly in order of Seq but not quite, and clocks are set, so that a search by halves over the times would miss rows
// or need a tolerance that somebody has to guess. The spans are exact in any disorder: one whose times lie outside
// what is asked for is skipped, the others are read. 10^9 records are 10^6 spans, a fraction of a second to go through.
const spanSize = 1024

// span is the earliest and the latest time of some records, in nanoseconds since 1970.
type span struct {
	n                uint64
	earliest, latest uint64
}

func (s *span) add(at uint64) {
	if s.n == 0 || at < s.earliest {
		s.earliest = at
	}
	s.latest = max(s.latest, at)
	s.n++
}

func (s *span) value() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, s.earliest), s.latest)
}

func parseSpan(value []byte) (span, error) {
	w := wire{b: value}
	s := span{n: spanSize, earliest: w.uint64(), latest: w.uint64()}
	if err := w.end(); err != nil {
		return span{}, fmt.Errorf("%w: a span of records: %w", ErrCorrupt, err)
	}
	return s, nil
}

func spanOf(seq uint64) uint64   { return (seq - 1) / spanSize }
func firstOf(span uint64) uint64 { return span*spanSize + 1 }

// window is the times that a filter selects, as headers have them.
type window struct{ since, until uint64 } // until 0: no end

// windowOf returns false when no time that can be kept is selected.
func windowOf(f *cdr.Filter) (w window, any bool) {
	if !f.Since.IsZero() {
		if f.Since.After(lastTime) {
			return window{}, false
		}
		w.since = uint64(max(f.Since.UnixNano(), 0))
		if f.Since.Unix() < 0 {
			w.since = 0
		}
	}
	if !f.Until.IsZero() && !f.Until.After(lastTime) {
		n, ok := nanos(f.Until)
		if !ok {
			return window{}, false
		}
		w.until = uint64(n)
	}
	return w, true
}

func (w window) has(at uint64) bool { return at >= w.since && (w.until == 0 || at < w.until) }

func (w window) touches(s span) bool {
	return s.latest >= w.since && (w.until == 0 || s.earliest < w.until)
}

// Records implements cdr.Reader. Only records that are on disk are shown, and of them those whose key is there. Nothing of the database is held while each
// runs.
func (db *DB) Records(ctx context.Context, f cdr.Filter, each func(cdr.Record) error) error {
	last := db.LastSeq()
	times, any := windowOf(&f)
	if !any {
		return ctx.Err()
	}
	first, err := db.beforeFirst()
	if err != nil {
		return err
	}
	of, under, err := db.recordsBy(ctx, &f)
	if err != nil {
		return err
	}
	left := f.Limit
	for after := max(f.AfterSeq, first); ; {
		var records []cdr.Record
		var err error
		if of != nil {
			records, after, err = db.recordsOf(ctx, f, of, after, last)
		} else {
			records, after, err = db.recordsIn(ctx, f, times, after, last)
		}
		if err != nil {
			return err
		}
		for _, r := range records {
			if !f.Match(&r) || under != nil && !under.has(&r) {
				continue
			}
			if err := each(r); err != nil {
				return err
			}
			if left--; left == 0 {
				return nil
			}
		}
		if after >= last {
			return nil
		}
	}
}

// beforeFirst is the seq before the first record that is there: those up to it were deleted.
func (db *DB) beforeFirst() (seq uint64, err error) {
	if err := db.enter(context.Background()); err != nil {
		return 0, err
	}
	defer db.leave()
	if seq = db.journal.purged.Load(); seq == 0 {
		return 0, nil
	}
	err = scan(db.cdr, []byte{tableClosed}, []byte{tableClosed + 1}, func(key, _ []byte) (bool, error) {
		if first, ok := seqOfKey(key); ok {
			seq = first - 1
		}
		return false, nil
	})
	return seq, err
}

// passOver counts a record that is erased.
func (db *DB) passOver(f cdr.Filter) {
	db.erased.Add(1)
	if f.Erased != nil {
		*f.Erased++
	}
}

// recordsIn returns records of the first span behind after whose times touch the window, and how far it looked.
func (db *DB) recordsIn(ctx context.Context, f cdr.Filter, times window, after, last uint64) (records []cdr.Record, looked uint64, err error) {
	if err := db.enter(ctx); err != nil {
		return nil, 0, err
	}
	defer db.leave()
	if after >= last {
		return nil, last, nil
	}
	if after, err = db.skip(ctx, times, after, last); err != nil || after >= last {
		return nil, last, err
	}
	looked = min(last, firstOf(spanOf(after+1)+1)-1)
	tenant := db.tenants.known(f.Tenant)
	err = scan(db.cdr, key64(tableClosed, after+1), key64(tableClosed, looked+1), func(key, value []byte) (bool, error) {
		h, _, err := parseRecordHeader(value)
		if err != nil {
			return false, fmt.Errorf("%w: a call record: %w", ErrCorrupt, err)
		}
		if !times.has(h.mark) || f.Tenant != "" && h.tenant != tenant {
			return true, nil
		}
		r, _, err := db.journal.open(key, value)
		if errors.Is(err, ErrErased) {
			db.passOver(f)
			return true, nil
		}
		r.Seq = binary.BigEndian.Uint64(key[1:])
		records = append(records, r)
		return true, err
	})
	return records, looked, err
}

// skip moves after to before the first span, from its own on, whose times touch the window. The span that is still
// being filled has no row and is never skipped.
func (db *DB) skip(ctx context.Context, times window, after, last uint64) (uint64, error) {
	if times == (window{}) {
		return after, nil
	}
	lower, upper := key64(tableSpan, spanOf(after+1)), key64(tableSpan, spanOf(last)+1)
	n := 0
	err := scan(db.cdr, lower, upper, func(key, value []byte) (bool, error) {
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return false, ctx.Err()
		}
		s, err := parseSpan(value)
		if err != nil || times.touches(s) {
			return false, err
		}
		after = max(after, firstOf(binary.BigEndian.Uint64(key[1:])+1)-1)
		return true, nil
	})
	return after, err
}

// recordsBy is the hashes that records are found by which a filter selects: of its binding, of its order and of each
// binding of that, or of each binding of a number, party or consent. nil: none is named. under is when the bindings of a consent had it.
func (db *DB) recordsBy(ctx context.Context, f *cdr.Filter) (of []seal.Hash, under stretches, err error) {
	index := db.cdrKeys.index
	switch {
	case f.Binding != "":
		return []seal.Hash{index.Hash(domainBinding, f.Binding)}, nil, nil
	case f.X != 0 || !f.Number.IsZero() || f.Consent != "":
		return db.recordsHeld(ctx, f)
	case f.Order == "":
		return nil, nil, nil
	}
	if err := db.enter(ctx); err != nil {
		return nil, nil, err
	}
	defer db.leave()
	of = []seal.Hash{index.Hash(domainOrder, f.Order)}
	err = scanPrefix(db.bind, keyHash(tableWho, db.bindKeys.index.Hash(domainOrder, f.Order)), func(key, _ []byte) (bool, error) {
		row, _, err := db.rowBy(db.bind, key)
		switch {
		case err == nil:
			of = append(of, index.Hash(domainBinding, row.ID))
		case !errors.Is(err, ErrErased) && !errors.Is(err, binding.ErrNotFound):
			return false, err
		}
		return true, ctx.Err()
	})
	return of, nil, err
}

// outlives is how long before a window bindings are over whose calls are looked for in it: unbinding ends no call. So long after it
// they begin, too: one that was bound before the clock was set back carries calls at once (binding.Settled).
const outlives = 24 * time.Hour

// recordsHeld is the hashes of the bindings that held or named something in the window, or in the day before it or after it.
func (db *DB) recordsHeld(ctx context.Context, f *cdr.Filter) (of []seal.Hash, under stretches, err error) {
	q := binding.HistoryQuery{X: f.X, Since: f.Since, Until: f.Until}
	if f.X == 0 {
		q.Number, q.Consent = f.Number, f.Consent
	}
	if err := q.Check(); err != nil { // of the window that was asked for
		return nil, nil, err
	}
	if !q.Since.IsZero() {
		q.Since = q.Since.Add(-outlives)
	}
	if !q.Until.IsZero() {
		q.Until = q.Until.Add(outlives)
	}
	of = []seal.Hash{} // none is not any
	if q.Consent != "" {
		under = make(stretches)
	}
	index, last := db.cdrKeys.index, ""
	err = db.History(ctx, q, func(h binding.Holding) error {
		if h.Binding.ID != last { // stretches of one stand together
			last = h.Binding.ID
			of = append(of, index.Hash(domainBinding, last))
		}
		if under != nil {
			under.add(&h)
		}
		return nil
	})
	return of, under, err
}

// stretches are when bindings had the consent that is asked for, by their ids.
type stretches map[string][]stretch

// stretch is a time from a moment to before another; to zero: it does not end.
type stretch struct{ from, to time.Time }

// add takes one in. The consent that a binding ends with is that of the calls that were refused afterwards, too, and the one that it
// begins with is that of those before.
func (s stretches) add(h *binding.Holding) {
	t := stretch{h.From, h.To}
	if t.to.Equal(ends(&h.Binding)) {
		t.to = time.Time{}
	}
	if t.from.Equal(h.Binding.CreatedAt) {
		t.from = time.Time{}
	}
	s[h.Binding.ID] = append(s[h.Binding.ID], t)
}

// has reports whether a call came while its binding had the consent.
func (s stretches) has(r *cdr.Record) bool {
	return slices.ContainsFunc(s[r.Binding], func(t stretch) bool {
		return !r.ReceivedAt.Before(t.from) && (t.to.IsZero() || r.ReceivedAt.Before(t.to))
	})
}

// recordsOf returns a page of the records that some hashes find, and how far it looked.
func (db *DB) recordsOf(ctx context.Context, f cdr.Filter, of []seal.Hash, after, last uint64) (records []cdr.Record, looked uint64, err error) {
	if err := db.enter(ctx); err != nil {
		return nil, 0, err
	}
	defer db.leave()
	var seqs []uint64
	for _, hash := range of {
		n := 0
		err = scan(db.cdr, keyHash64(tableOf, hash, after+1), keyHash64(tableOf, hash, last+1), func(key, _ []byte) (bool, error) {
			seqs = append(seqs, binary.BigEndian.Uint64(key[len(key)-8:]))
			n++
			return n < page, nil
		})
		if err != nil {
			return nil, 0, err
		}
		if len(seqs) > 2*page { // the first ones of all are enough
			slices.Sort(seqs)
			seqs = slices.Compact(seqs)
			seqs = seqs[:min(len(seqs), page)]
		}
	}
	slices.Sort(seqs)
	seqs = slices.Compact(seqs)
	seqs = seqs[:min(len(seqs), page)]
	for _, seq := range seqs {
		r, err := db.recordAt(seq)
		if errors.Is(err, ErrErased) {
			db.passOver(f)
			continue
		}
		if errors.Is(err, cdr.ErrNotFound) { // deleted since
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		records = append(records, r)
	}
	if len(seqs) < page {
		return records, last, nil
	}
	return records, seqs[page-1], nil
}

// Record implements cdr.Reader; ErrErased besides.
func (db *DB) Record(ctx context.Context, id string) (cdr.Record, error) {
	if err := db.enter(ctx); err != nil {
		return cdr.Record{}, err
	}
	defer db.leave()
	last := db.LastSeq()
	seq, ok, err := get64(db.cdr, keyHash(tableRecord, db.cdrKeys.index.Hash(domainRecord, id)))
	if err != nil {
		return cdr.Record{}, err
	}
	if !ok || seq > last {
		return cdr.Record{}, cdr.ErrNotFound
	}
	r, err := db.recordAt(seq)
	if err == nil && r.ID != id {
		err = fmt.Errorf("%w: call record %d is another's", ErrCorrupt, seq)
	}
	return r, err
}

// recordAt reads the record with a seq, which must be there, or ErrNotFound: deleted since its time was over.
func (db *DB) recordAt(seq uint64) (cdr.Record, error) {
	key := key64(tableClosed, seq)
	value, ok, err := get(db.cdr, key)
	if err != nil {
		return cdr.Record{}, err
	}
	if !ok && seq <= db.journal.purged.Load() {
		return cdr.Record{}, cdr.ErrNotFound
	}
	if !ok {
		return cdr.Record{}, fmt.Errorf("%w: call record %d is missing", ErrCorrupt, seq)
	}
	r, _, err := db.journal.open(key, value)
	r.Seq = seq
	return r, err
}
