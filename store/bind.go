package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
	"mask700/binding/pool"
	"mask700/store/seal"
)

// pair is a row to be written.
type pair struct{ key, value []byte }

func putAll(b *pebble.Batch, rows []pair) error {
	for _, r := range rows {
		if err := b.Set(r.key, r.value, nil); err != nil {
			return err
		}
	}
	return nil
}

// Bind writes a new binding. It implements binding.Store; besides: binding.ErrWorn when the number has maxRowsOnX
// rows in whatever state, ErrDiskFull, ErrStalled, ErrBusy, ErrRow.
//
// One that would outlive the older range of a number is cut, as binding.EndBy says.
//
// Two bindings of one party may not overlap on a number at any moment, which is stricter than the moment of creation:
// clocks of concurrent callers differ.
func (db *DB) Bind(ctx context.Context, b binding.Binding) error {
	if err := db.enter(ctx); err != nil {
		return err
	}
	defer db.leave()
	if db.guard.full.Load() {
		return ErrDiskFull
	}
	return db.put(ctx, &b, nil, nil)
}

// put writes a new binding on numbers of which some were drawn. Those are given back when it cannot be.
func (db *DB) put(ctx context.Context, b *binding.Binding, draws []drawn, with *beside) (err error) {
	handed := false // to the disk, which settles what becomes of the numbers
	defer func() {
		if !handed {
			giveBack(draws, nil)
		}
	}()
	if err := checkBinding(b); err != nil {
		return err
	}
	tenant, err := db.tenantID(ctx, b.Tenant)
	if err != nil {
		return err
	}
	which := []uint64{db.locks.ofID(b.ID), db.locks.ofNumber(uint64(b.X))}
	if b.Y != 0 {
		which = append(which, db.locks.ofNumber(uint64(b.Y)))
	}
	unlock, err := db.locks.lock(ctx, db.opts.WriteTimeout, which...)
	if err != nil {
		return err
	}
	m := rowMakers.Get().(*rowMaker)
	m.begin(b)
	if err := db.bindRows(ctx, m, b, tenant, draws); err != nil {
		rowMakers.Put(m)
		unlock()
		return err
	}
	var notes []pair
	for _, d := range draws {
		if d.Note > 0 {
			notes = append(notes, drawsRow(d.from.block, d.Note))
		}
	}
	handed = true
	with.hand()
	return db.bindWrites.doRows(ctx, m.rows,
		func(batch *pebble.Batch) error { return errors.Join(putAll(batch, notes), with.write(batch, b.ID)) },
		func(written bool) {
			for _, x := range m.numbers {
				db.pasts.added(x, b.CreatedAt)
			}
			if written {
				held := db.blocks.table.Load().held
				for i, x := range m.numbers {
					if h := held[x.Block()]; h != nil {
						h.Set(serialOf(x), m.used[i])
					}
				}
			} else {
				giveBack(draws, nil)
			}
			rowMakers.Put(m) // its rows are in the batch, or will never be
			unlock()
			with.settled()
		})
}

// bindRows checks b against what is there and makes its rows, and notes until when each of its numbers is in use then. The
// locks of its numbers and id are held.
func (db *DB) bindRows(ctx context.Context, m *rowMaker, b *binding.Binding, tenant uint32, draws []drawn) error {
	table := db.blocks.table.Load()
	owner := db.ownerOf(table, b.Tenant)
	for _, x := range m.numbers {
		if err := table.open(x, owner, b.CreatedAt); err != nil {
			return &binding.NumberError{X: x, Err: err}
		}
		if err := b.EndBy(table.held[x.Block()].until); err != nil {
			return &binding.NumberError{X: x, Err: err}
		}
	}
	m.id = appendID(append(m.id[:0], tableID), b.ID)
	if db.seen.mayHave(m.id) {
		if _, ok, err := get(db.bind, m.id); err != nil {
			return err
		} else if ok {
			return binding.ErrExists
		}
	}
	start, newest := uint64(b.CreatedAt.UnixNano()), uint64(0)
	for _, x := range m.numbers {
		alone := slices.ContainsFunc(draws, func(d drawn) bool { return d.alone && d.number() == x })
		held := table.held[x.Block()]
		w := wish{alone: alone, first: !db.mayHaveRows(ctx, held, serialOf(x))}
		if !w.first || db.opts.Quarantine > 0 {
			w.who = b.Parties()
		}
		on, err := db.free(b, x, w)
		switch { // the pool thought otherwise
		case err == errInUse:
			held.Set(serialOf(x), on.used)
		case errors.Is(err, binding.ErrWorn):
			held.Set(serialOf(x), pool.Worn)
		}
		if err != nil {
			return &binding.NumberError{X: x, Err: err}
		}
		start, newest = max(start, on.after), max(newest, on.newest)
		used := max(on.used, usedUntil(b))
		if on.rows+1 >= db.opts.maxRows {
			used = pool.Worn // this one is the last
		}
		m.used = append(m.used, used)
	}
	var err error
	if start <= newest { // else nothing can stand there
		if start, err = db.alone(start, m.numbers); err != nil {
			return err
		}
	}
	moved := start - uint64(b.CreatedAt.UnixNano())
	if moved > 1<<16-1 {
		return binding.ErrCrowded
	}
	h := rowHeader{moved: uint16(moved), tenant: tenant}
	h.expires, _ = nanos(b.ExpiresAt)
	h.ended, _ = nanos(b.EndedAt)
	var box *seal.Box
	// The key is of the time of creation: the row keeps it for life, whatever becomes of the binding's end.
	if h.dataKey, box, err = db.bindKeys.forNew(ctx, tenant, b.CreatedAt); err != nil {
		return err
	}
	if err := m.seal(box, b, h, start, m.numbers); err != nil {
		return err
	}
	db.seen.add(m.id)
	for _, x := range m.numbers {
		table.held[x.Block()].rows.add(serialOf(x))
	}
	m.index(db, b, place{x: b.X, start: start})
	return nil
}

// maxRowsOnX bounds what one number gathers, ended bindings too, and with it what a look-up goes through. A number that has as many is worn:
// nothing is bound on it, and it is not drawn, until retention has deleted some.
const maxRowsOnX = 1 << 16

// onNumber is what stands on a number on which a binding can live.
type onNumber struct {
	after  uint64 // the least start that sorts the binding before the rows made in the same nanosecond
	newest uint64 // the greatest start there is
	used   uint32 // until when the number is in use
	rows   int    // how many there are
}

// wish is how a binding wants to be on a number.
type wish struct {
	own   uint64           // where it stands already, 0 for a new one: one that is there is not asked how many others are
	alone bool             // nobody else may be there at the same time
	first bool             // there is no row on the number
	who   []binding.Number // parties that come to the number
}

// free checks that b can live on x: no binding that overlaps it has a party of it or is for anyone as well, not as many
// overlap it as may live there, and nobody who comes is kept off it by what he remembers of it.
func (db *DB) free(b *binding.Binding, x binding.X, w wish) (on onNumber, err error) {
	if w.first {
		until, err := db.dialled(x, w.who, db.atBind(b, w.who))
		if err == nil && !until.IsZero() {
			err = &binding.QuarantineError{Until: until}
		}
		return on, err
	}
	return db.freeBeside(b, x, w)
}

// atBind is the moment by which a quarantine is judged: a clock that was set ahead lets nobody come too early.
func (db *DB) atBind(b *binding.Binding, who []binding.Number) time.Time {
	if db.opts.Quarantine == 0 || len(who) == 0 {
		return b.CreatedAt
	}
	return db.earlier(b.CreatedAt)
}

// freeBeside is free where rows may be on the number. What is known to be over, and longer than the quarantine where that matters, is not
// gone through again.
func (db *DB) freeBeside(b *binding.Binding, x binding.X, w wish) (on onNumber, err error) {
	live := 0
	back := false // the same people were here, and nobody is mistaken
	var keptOff time.Time
	rest, now := db.opts.Quarantine, db.atBind(b, w.who)
	if len(w.who) == 0 {
		rest = 0
	}
	since := b.CreatedAt // over since then, it is nothing to b
	if before := now.Add(-rest); len(w.who) > 0 && before.Before(since) {
		since = before
	}
	look := func(p place, h rowHeader, sealed []byte, times *binding.Binding) error {
		over := !overlap(b, times)
		if p.start == w.own || over && (len(w.who) == 0 || !ends(times).Add(rest).After(now)) {
			return nil
		}
		if !over {
			on.used = max(on.used, usedUntil(times))
			if w.alone {
				return errInUse
			}
		}
		row, err := db.openRow(p, h, sealed)
		switch {
		case errors.Is(err, ErrErased):
			return nil // it carries no call any more, whoever it was for
		case err != nil:
			return err
		case !over && row.Collides(b):
			return &binding.ConflictError{Binding: row.ID, Anyone: !row.SharesParty(b)}
		case !over:
			live++
		}
		if until := b.KeptOff(&row, w.who, rest, now); until.After(keptOff) {
			keptOff = until
		}
		back = back || over && b.SamePeople(&row)
		return nil
	}
	old := db.pasts.reader(pastOf{x, rest > 0})
	err = scanPrefix(db.bind, key64(tableRow, uint64(x)), func(key, value []byte) (bool, error) {
		p, h, sealed, err := splitRow(key, value)
		if err != nil {
			return false, err
		}
		if on.rows == 0 {
			on.newest = p.start
			old.recall()
		}
		if old.behind(p.start, since) {
			if on.rows += old.known.rows; on.rows >= db.opts.maxRows && w.own == 0 {
				return false, binding.ErrWorn
			}
			return false, db.eachAt(x, old.rest(p.start), func(p place, h rowHeader, sealed []byte) error {
				times := h.times(p)
				end := ends(&times)
				old.again(p.start, end, !end.After(since))
				return look(p, h, sealed, &times)
			})
		}
		times := h.times(p)
		if times.CreatedAt.Equal(b.CreatedAt) {
			on.after = max(on.after, p.start+1)
		}
		if on.rows++; on.rows >= db.opts.maxRows && w.own == 0 {
			return false, binding.ErrWorn
		}
		end := ends(&times)
		old.row(p.start, end, !end.After(since))
		return true, look(p, h, sealed, &times)
	})
	if err == nil {
		old.end()
	}
	switch {
	case err != nil:
		return on, err
	case live >= db.opts.LimitOnX && w.own == 0:
		return on, binding.ErrCrowded
	case !back && keptOff.IsZero():
		keptOff, err = db.dialled(x, w.who, now)
	}
	if err == nil && !keptOff.IsZero() {
		err = &binding.QuarantineError{Until: keptOff}
	}
	return on, err
}

// overlap reports whether there is a moment at which both may be live.
func overlap(a, b *binding.Binding) bool {
	return ends(a).After(b.CreatedAt) && ends(b).After(a.CreatedAt)
}

// ends is when a binding is over for good.
func ends(b *binding.Binding) time.Time {
	end := lastTime
	for _, t := range []time.Time{b.ExpiresAt, b.EndedAt} {
		if !t.IsZero() && t.Before(end) {
			end = t
		}
	}
	return end
}

// notOver reports whether a binding lives or will live at a moment, or after it. What was unbound does not, whatever the clock says of
// when that was: only an expiry is a matter of the time.
func notOver(b *binding.Binding, at time.Time) bool { return b.EndedAt.IsZero() && ends(b).After(at) }

// alone moves start on until no row stands there on any of the numbers.
func (db *DB) alone(start uint64, numbers []binding.X) (uint64, error) {
	for {
		taken := false
		for _, x := range numbers {
			_, ok, err := get(db.bind, place{x: x, start: start}.key())
			if err != nil {
				return 0, err
			}
			taken = taken || ok
		}
		if !taken {
			return start, nil
		}
		start++
	}
}

// relativeOver bounds the seconds that an entry counts from its start, eight years: what is not below it is a moment.
const relativeOver = 1 << 28

// appendOver writes when a binding that stands at start is over, as a uvarint: 0 for never, or 1 and whole seconds after
// start, rounded up, which most bindings of a tenant have in common; where those are too many, seconds since 1970, as
// up to format 4 in every entry.
func appendOver(b []byte, start uint64, end time.Time) []byte {
	if !end.Before(lastTime) {
		return append(b, 0)
	}
	after := max(int64(end.Sub(timeOf(int64(start)))+time.Second-1)/int64(time.Second), 0)
	if after+1 < relativeOver {
		return binary.AppendUvarint(b, uint64(after+1))
	}
	return binary.AppendUvarint(b, uint64(min(end.Add(time.Second-1).Unix(), lastTime.Unix())))
}

// parseOver reads it from an entry; lastTime for never.
func parseOver(key, value []byte) (time.Time, error) {
	w := wire{b: value}
	s := w.uvarint()
	if err := w.end(); err != nil || s > uint64(lastTime.Unix()) || len(key) < whoPrefixSize {
		return time.Time{}, fmt.Errorf("%w: an entry of an index", ErrCorrupt)
	}
	switch start := ^binary.BigEndian.Uint64(key[whoPrefixSize-8:]); {
	case s == 0:
		return lastTime, nil
	case s < relativeOver:
		return timeOf(int64(start &^ (1 << 63))).Add(time.Duration(s-1) * time.Second), nil
	}
	return time.Unix(int64(s), 0), nil
}

// early is how much sooner than its entries say a binding may be over before they are written anew: what searches the past
// opens its row for nothing then.
const early = 24 * time.Hour
