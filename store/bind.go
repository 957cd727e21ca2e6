package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
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

// Bind writes a new binding. It implements binding.Store; besides: binding.ErrCrowded when the number has maxRowsOnX
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
	numbers := []binding.X{b.X}
	which := []uint64{db.locks.ofID(b.ID), db.locks.ofNumber(uint64(b.X))}
	if b.Y != 0 {
		numbers = append(numbers, b.Y)
		which = append(which, db.locks.ofNumber(uint64(b.Y)))
	}
	unlock, err := db.locks.lock(ctx, db.opts.WriteTimeout, which...)
	if err != nil {
		return err
	}
	rows, used, err := db.bindRows(ctx, b, tenant, numbers, draws)
	if err != nil {
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
	return db.bindWrites.doRows(ctx, rows,
		func(batch *pebble.Batch) error { return errors.Join(putAll(batch, notes), with.write(batch, b.ID)) },
		func(written bool) {
			if written {
				held := db.blocks.table.Load().held
				for i, x := range numbers {
					if h := held[x.Block()]; h != nil {
						h.Set(serialOf(x), used[i])
					}
				}
			} else {
				giveBack(draws, nil)
			}
			unlock()
			with.settled()
		})
}

// bindRows checks b against what is there and returns its rows, and until when each of its numbers is in use then. The
// locks of its numbers and id are held.
func (db *DB) bindRows(ctx context.Context, b *binding.Binding, tenant uint32, numbers []binding.X, draws []drawn) (rows []pair, used []uint32, err error) {
	table := db.blocks.table.Load()
	for _, x := range numbers {
		if err := table.open(x, b.Tenant, b.CreatedAt); err != nil {
			return nil, nil, &binding.NumberError{X: x, Err: err}
		}
		if err := b.EndBy(table.held[x.Block()].until); err != nil {
			return nil, nil, &binding.NumberError{X: x, Err: err}
		}
	}
	id := idKey(b.ID)
	if db.seen.mayHave(id) {
		if _, ok, err := get(db.bind, id); err != nil {
			return nil, nil, err
		} else if ok {
			return nil, nil, binding.ErrExists
		}
	}
	start, newest := uint64(b.CreatedAt.UnixNano()), uint64(0)
	for _, x := range numbers {
		alone := slices.ContainsFunc(draws, func(d drawn) bool { return d.alone && d.number() == x })
		held := table.held[x.Block()]
		on, err := db.free(b, x, wish{alone: alone, who: b.Parties(), first: !db.mayHaveRows(ctx, held, serialOf(x))})
		if err == errInUse { // the pool thought otherwise
			held.Set(serialOf(x), on.used)
		}
		if err != nil {
			return nil, nil, &binding.NumberError{X: x, Err: err}
		}
		start, newest = max(start, on.after), max(newest, on.newest)
		used = append(used, max(on.used, usedUntil(b)))
	}
	if start <= newest { // else nothing can stand there
		if start, err = db.alone(start, numbers); err != nil {
			return nil, nil, err
		}
	}
	moved := start - uint64(b.CreatedAt.UnixNano())
	if moved > 1<<16-1 {
		return nil, nil, binding.ErrCrowded
	}
	h := rowHeader{moved: uint16(moved), tenant: tenant}
	h.expires, _ = nanos(b.ExpiresAt)
	h.ended, _ = nanos(b.EndedAt)
	var box *seal.Box
	// The key is of the time of creation: the row keeps it for life, whatever becomes of the binding's end.
	if h.dataKey, box, err = db.bindKeys.forNew(ctx, tenant, b.CreatedAt); err != nil {
		return nil, nil, err
	}
	if rows, err = sealRows(box, b, h, start, numbers); err != nil {
		return nil, nil, err
	}
	db.seen.add(id)
	for _, x := range numbers {
		table.held[x.Block()].rows.add(serialOf(x))
	}
	return append(rows, db.indexRows(b, place{x: b.X, start: start})...), used, nil
}

// maxRowsOnX bounds what one number gathers, ended bindings too, and with it what a look-up goes through.
const maxRowsOnX = 1 << 16

// onNumber is what stands on a number on which a binding can live.
type onNumber struct {
	after  uint64 // the least start that sorts the binding before the rows made in the same nanosecond
	newest uint64 // the greatest start there is
	used   uint32 // until when the number is in use
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
	n, live := 0, 0
	back := false // the same people were here, and nobody is mistaken
	var keptOff time.Time
	rest, now := db.opts.Quarantine, b.CreatedAt
	if rest > 0 && len(w.who) > 0 {
		now = db.earlier(now) // a clock that was set ahead lets nobody come too early
	}
	scan := scanPrefix
	if w.first {
		scan = func(pebble.Reader, []byte, func(_, _ []byte) (bool, error)) error { return nil }
	}
	err = scan(db.bind, key64(tableRow, uint64(x)), func(key, value []byte) (bool, error) {
		p, h, sealed, err := splitRow(key, value)
		if err != nil {
			return false, err
		}
		on.newest = max(on.newest, p.start)
		times := h.times(p)
		if times.CreatedAt.Equal(b.CreatedAt) {
			on.after = max(on.after, p.start+1)
		}
		if n++; n == maxRowsOnX && w.own == 0 {
			return false, binding.ErrCrowded
		}
		over := !overlap(b, &times)
		if p.start == w.own || over && (len(w.who) == 0 || !ends(&times).Add(rest).After(now)) {
			return true, nil
		}
		if !over {
			on.used = max(on.used, usedUntil(&times))
			if w.alone {
				return false, errInUse
			}
		}
		row, err := db.openRow(p, h, sealed)
		switch {
		case errors.Is(err, ErrErased):
			return true, nil // it carries no call any more, whoever it was for
		case err != nil:
			return false, err
		case !over && row.Collides(b):
			return false, &binding.ConflictError{Binding: row.ID, Anyone: !row.SharesParty(b)}
		case !over:
			live++
		}
		if until := b.KeptOff(&row, w.who, rest, now); until.After(keptOff) {
			keptOff = until
		}
		back = back || over && b.SamePeople(&row)
		return true, nil
	})
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

// sealRows returns the binding's row under each of its numbers; the first is its own, the others are copies. The box is
// that of the data key that h names.
func sealRows(box *seal.Box, b *binding.Binding, h rowHeader, start uint64, numbers []binding.X) ([]pair, error) {
	rows := make([]pair, 0, 8)
	h.version = bindingRow // also where the row was of an older one
	for i, x := range numbers {
		other := b.Y
		if h.copy = i > 0; h.copy {
			other = b.X
		}
		plain, err := appendBinding(make([]byte, 0, 256), b, other)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrRow, err)
		}
		key := place{x: x, start: start}.key()
		value := h.append(make([]byte, 0, maxRowHeader+len(plain)+seal.Overhead), start)
		value = box.Seal(value, plain, placeOf(key, value))
		rows = append(rows, pair{key, value})
	}
	return rows, nil
}

// indexRows returns the rows by which b is found other than by its numbers. None ever goes; a change may add some.
func (db *DB) indexRows(b *binding.Binding, p place) []pair {
	return append([]pair{{idKey(b.ID), p.value()}}, db.whoRows(b, p)...)
}

// whoRows are those by which it is found by each party, its order and each consent, former ones too. They say when it is over as well, so that
// the past of a number is searched without opening the rows behind them.
func (db *DB) whoRows(b *binding.Binding, p place) []pair {
	hashes := append(db.partyHashes(b), db.consentHashes(b)...)
	if b.Order != "" {
		hashes = append(hashes, db.bindKeys.index.Hash(domainOrder, b.Order))
	}
	rows := make([]pair, 0, len(hashes))
	over := appendOver(nil, p.start, ends(b))
	for _, h := range hashes {
		rows = append(rows, pair{whoKey(h, p), over})
	}
	return rows
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

// partyHashes returns the hash of each party of b, former ones too, once.
func (db *DB) partyHashes(b *binding.Binding) []seal.Hash {
	hashes := make([]seal.Hash, 0, 4+len(b.Group))
	for _, n := range append([]binding.Number{b.A, b.B}, b.Group...) {
		if !n.IsZero() {
			hashes = append(hashes, db.numberHash(n))
		}
	}
	for _, c := range b.Changes {
		if !c.Out.IsZero() {
			hashes = append(hashes, db.numberHash(c.Out))
		}
	}
	return once(hashes)
}

// consentHashes returns the hash of each consent of b, former ones too, once.
func (db *DB) consentHashes(b *binding.Binding) []seal.Hash {
	var hashes []seal.Hash
	if b.Consent != "" {
		hashes = append(hashes, db.bindKeys.index.Hash(domainConsent, b.Consent))
	}
	for _, c := range b.Changes {
		if c.Was != "" {
			hashes = append(hashes, db.bindKeys.index.Hash(domainConsent, c.Was))
		}
	}
	return once(hashes)
}

func once(hashes []seal.Hash) []seal.Hash {
	slices.SortFunc(hashes, func(a, b seal.Hash) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(hashes)
}
