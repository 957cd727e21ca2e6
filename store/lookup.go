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
)

// splitRow takes a row of bindings apart without opening it.
func splitRow(key, value []byte) (place, rowHeader, []byte, error) {
	p, ok := placeOfKey(key)
	if !ok {
		return place{}, rowHeader{}, nil, fmt.Errorf("%w: the key of a binding", ErrCorrupt)
	}
	h, sealed, err := parseRowHeader(value, p.start)
	if err != nil {
		return place{}, rowHeader{}, nil, fmt.Errorf("%w: a binding on %s: %w", ErrCorrupt, p.x, err)
	}
	return p, h, sealed, nil
}

// openRow opens the sealed part of a row.
func (db *DB) openRow(p place, h rowHeader, sealed []byte) (binding.Binding, error) {
	box, err := db.bindKeys.box(h.dataKey)
	if err != nil {
		return binding.Binding{}, err
	}
	plain, err := box.Open(make([]byte, 0, len(sealed)), sealed, placeOf(p.key(), h.append(make([]byte, 0, maxRowHeader), p.start)))
	if err != nil {
		return binding.Binding{}, fmt.Errorf("%w: a binding on %s: %w", ErrCorrupt, p.x, err)
	}
	row, err := parseBinding(h.version, plain)
	if err != nil {
		return binding.Binding{}, fmt.Errorf("%w: a binding on %s: %w", ErrCorrupt, p.x, err)
	}
	if row.Tenant, err = db.tenants.name(h.tenant); err != nil {
		return binding.Binding{}, err
	}
	times := h.times(p)
	row.CreatedAt, row.ExpiresAt, row.EndedAt = times.CreatedAt, times.ExpiresAt, times.EndedAt
	if row.X = p.x; h.copy {
		row.X, row.Y = row.Y, p.x
	}
	return row, nil
}

// foundRow is where a binding's own row stands.
type foundRow struct {
	place  place
	header rowHeader
}

// rowOf reads a binding by its id. ErrNotFound: none has it.
func (db *DB) rowOf(r pebble.Reader, id string) (binding.Binding, foundRow, error) {
	if id == "" || len(id) > maxID {
		return binding.Binding{}, foundRow{}, binding.ErrNotFound
	}
	where, ok, err := get(r, idKey(id))
	if err != nil {
		return binding.Binding{}, foundRow{}, err
	}
	if !ok {
		return binding.Binding{}, foundRow{}, binding.ErrNotFound
	}
	p, ok := placeOfValue(where)
	if !ok {
		return binding.Binding{}, foundRow{}, fmt.Errorf("%w: where binding %s stands", ErrCorrupt, id)
	}
	row, found, err := db.ownRow(r, p)
	if err == binding.ErrNotFound {
		if _, named, err := get(r, idKey(id)); err == nil && !named {
			return binding.Binding{}, foundRow{}, binding.ErrNotFound // deleted between the two looks
		}
		return binding.Binding{}, foundRow{}, fmt.Errorf("%w: binding %s is named and missing", ErrCorrupt, id)
	}
	if err == nil && row.ID != id {
		return binding.Binding{}, foundRow{}, fmt.Errorf("%w: binding %s is another's row", ErrCorrupt, id)
	}
	return row, found, err
}

// rowAt reads the row at a place. ErrNotFound: there is none.
func (db *DB) rowAt(r pebble.Reader, p place) (binding.Binding, rowHeader, error) {
	key := p.key()
	value, ok, err := get(r, key)
	if err == nil && !ok {
		err = binding.ErrNotFound
	}
	if err != nil {
		return binding.Binding{}, rowHeader{}, err
	}
	_, h, sealed, err := splitRow(key, value)
	if err != nil {
		return binding.Binding{}, h, err
	}
	row, err := db.openRow(p, h, sealed)
	return row, h, err
}

// ownRow is rowAt for what an index names, which is never the copy under a second number.
func (db *DB) ownRow(r pebble.Reader, p place) (binding.Binding, foundRow, error) {
	row, h, err := db.rowAt(r, p)
	if h.copy {
		err = fmt.Errorf("%w: a binding on %s is named by its copy there", ErrCorrupt, p.x)
	}
	if err != nil {
		return binding.Binding{}, foundRow{}, err
	}
	return row, foundRow{place: p, header: h}, nil
}

// rowBy reads the binding that an entry by party, order or consent names, of which there is the key. ErrNotFound: both
// were deleted meanwhile.
func (db *DB) rowBy(r pebble.Reader, entry []byte) (binding.Binding, foundRow, error) {
	p, ok := placeOfWho(entry)
	if !ok {
		return binding.Binding{}, foundRow{}, errWhoKey
	}
	row, found, err := db.ownRow(r, p)
	if err == binding.ErrNotFound {
		if _, named, err := get(r, entry); err == nil && !named {
			return binding.Binding{}, foundRow{}, binding.ErrNotFound
		}
		return binding.Binding{}, foundRow{}, fmt.Errorf("%w: a binding on %s is named and missing", ErrCorrupt, p.x)
	}
	return row, found, err
}

// Binding returns the binding with an id, in any state. It implements binding.Store; ErrErased besides.
func (db *DB) Binding(ctx context.Context, id string) (binding.Binding, error) {
	if err := db.enter(ctx); err != nil {
		return binding.Binding{}, err
	}
	defer db.leave()
	row, _, err := db.rowOf(db.bind, id)
	return row, err
}

// OnX returns the newest rows on a number. It implements binding.Store.
func (db *DB) OnX(ctx context.Context, x binding.X) ([]binding.Binding, error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	defer db.leave()
	rows, _, err := db.rowsOn(x, binding.MaxRowsOnX, time.Time{})
	return rows, err
}

// Candidates returns what decides a call to a number at a moment. It implements binding.Store. Of the rows behind the
// newest only the header is read, unless they are live or ahead.
func (db *DB) Candidates(ctx context.Context, x binding.X, at time.Time) ([]binding.Binding, error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	defer db.leave()
	rows, _, err := db.rowsOn(x, binding.MaxRowsOnX, at)
	return rows, err
}

// rowsOn returns the newest rows on a number, and those behind them that are live at a moment, or ahead of it; zero: none of them. It says how many more
// are erased. Of those behind, what is known to be over is not gone through again.
func (db *DB) rowsOn(x binding.X, newest int, at time.Time) (rows []binding.Binding, erased int, err error) {
	n := 0
	open := func(p place, h rowHeader, sealed []byte) error {
		row, err := db.openRow(p, h, sealed)
		switch {
		case err == nil:
			rows = append(rows, row)
		case errors.Is(err, ErrErased):
			erased++
		default:
			return err
		}
		return nil
	}
	old := db.pasts.reader(pastOf{x: x})
	err = scanPrefix(db.bind, key64(tableRow, uint64(x)), func(key, value []byte) (bool, error) {
		p, h, sealed, err := splitRow(key, value)
		if err != nil {
			return false, err
		}
		if n++; n <= newest {
			return true, open(p, h, sealed)
		}
		if at.IsZero() {
			return false, nil
		}
		if n == newest+1 {
			old.recall()
		}
		if old.behind(p.start, at) {
			return false, db.eachAt(x, old.rest(p.start), func(p place, h rowHeader, sealed []byte) error {
				times := h.times(p)
				end := ends(&times)
				old.again(p.start, end, !end.After(at))
				if times.State(at) != binding.StateLive && !times.Ahead(at) {
					return nil
				}
				return open(p, h, sealed)
			})
		}
		times := h.times(p)
		end := ends(&times)
		old.row(p.start, end, !end.After(at))
		if times.State(at) != binding.StateLive && !times.Ahead(at) {
			return true, nil
		}
		return true, open(p, h, sealed)
	})
	db.erased.Add(uint64(erased))
	if err != nil {
		return nil, 0, err
	}
	old.end()
	// The keys have this order except where starts were moved past a row of the next nanosecond.
	slices.SortStableFunc(rows, func(a, b binding.Binding) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return rows, erased, nil
}

// eachAt calls each for the rows of a number that stand at some starts. One that is not there any more is passed over.
func (db *DB) eachAt(x binding.X, starts []uint64, each func(p place, h rowHeader, sealed []byte) error) error {
	for _, start := range starts {
		key := place{x: x, start: start}.key()
		value, ok, err := get(db.bind, key)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		p, h, sealed, err := splitRow(key, value)
		if err == nil {
			err = each(p, h, sealed)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// page is how many rows a list reads before it hands them out. Nothing of the database is held while it does.
const page = 256

// List implements binding.Store. It finds by number, order or consent through their index, else by X, else it goes through all. No
// more rows are opened than are handed out or do not match the rest of the filter, and those behind them to the end of a page.
func (db *DB) List(ctx context.Context, f binding.Filter, each func(binding.Binding) error) error {
	l := lister{db: db, Filter: f, left: f.Limit}
	if err := l.begin(ctx); err != nil {
		return err
	}
	for {
		rows, more, err := l.page(ctx)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := each(row); err != nil {
				return err
			}
			if l.left--; l.left == 0 {
				return nil
			}
		}
		if !more {
			return nil
		}
	}
}

// lister is a list on its way.
type lister struct {
	db *DB
	binding.Filter
	left int // rows to hand out; not above 0: as many as there are

	prefix, from []byte // of the keys of what is found by something, and the next of them; of all it goes on behind After
}

// begin finds where the list begins.
func (l *lister) begin(ctx context.Context) error {
	if !l.Newest() {
		return nil
	}
	db := l.db
	if err := db.enter(ctx); err != nil {
		return err
	}
	defer db.leave()
	switch {
	case !l.Number.IsZero():
		l.prefix = keyHash(tableWho, db.numberHash(l.Number))
	case l.Order != "":
		l.prefix = keyHash(tableWho, db.bindKeys.index.Hash(domainOrder, l.Order))
	case l.Consent != "":
		l.prefix = keyHash(tableWho, db.bindKeys.index.Hash(domainConsent, l.Consent))
	default:
		l.prefix = key64(tableRow, uint64(l.X))
	}
	if l.from = l.prefix; l.After == "" {
		return nil
	}
	if len(l.After) > maxID {
		return &binding.FieldError{Field: "after", Err: binding.ErrCursor}
	}
	where, ok, err := get(db.bind, idKey(l.After))
	if err != nil {
		return err
	}
	p, placed := placeOfValue(where)
	switch {
	case !ok:
		return &binding.FieldError{Field: "after", Err: binding.ErrCursor}
	case !placed:
		return fmt.Errorf("%w: where binding %s stands", ErrCorrupt, l.After)
	}
	l.from = binary.BigEndian.AppendUint64(bytes.Clone(l.prefix), ^p.start)
	if l.prefix[0] == tableWho {
		l.from = appendX(l.from, p.x)
	}
	l.from = append(l.from, 0) // the least key behind it
	return nil
}

// page returns the selected ones among the next rows, and whether there may be more behind them.
func (l *lister) page(ctx context.Context) (rows []binding.Binding, more bool, err error) {
	db := l.db
	if err := db.enter(ctx); err != nil {
		return nil, false, err
	}
	defer db.leave()
	erased := 0
	switch {
	case !l.Newest():
		var after string
		if rows, after, erased, err = db.listIDs(l.After); after != "" {
			l.After, more = after, true
		}
	case l.prefix[0] == tableWho:
		rows, more, erased, err = l.byHash(ctx)
	default:
		rows, more, erased, err = l.byX(ctx)
	}
	if err != nil {
		return nil, false, err
	}
	db.erased.Add(uint64(erased))
	if l.Erased != nil {
		*l.Erased += erased
	}
	return slices.DeleteFunc(rows, func(b binding.Binding) bool { return !l.Match(&b) }), more, nil
}

// some is how many rows are opened at once: no more than may be asked for.
func (l *lister) some() int {
	if l.left > 0 {
		return min(page, l.left)
	}
	return page
}

// byHash opens the rows behind the next entries of a hash, but for those of which the entry says that the binding is over when
// it was to be live.
func (l *lister) byHash(ctx context.Context) (rows []binding.Binding, more bool, erased int, err error) {
	var entries [][]byte
	some := l.some()
	err = l.db.each(ctx, l.from, keyAfter(l.prefix), func(key, value []byte) (bool, error) {
		over, err := parseOver(key, value)
		if err != nil || !l.LiveAt.IsZero() && !over.After(l.LiveAt) {
			return true, err
		}
		entries = append(entries, bytes.Clone(key))
		return len(entries) < some, nil
	})
	if err != nil {
		return nil, false, 0, err
	}
	if more = len(entries) == some; more {
		l.from = append(bytes.Clone(entries[some-1]), 0)
	}
	r, err := newSeeks(l.db.bind)
	if err != nil {
		return nil, false, 0, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	for _, entry := range entries {
		row, _, err := l.db.rowBy(r, entry)
		switch {
		case err == nil:
			rows = append(rows, row)
		case errors.Is(err, ErrErased):
			erased++
		case errors.Is(err, binding.ErrNotFound): // deleted since
		default:
			return nil, false, 0, err
		}
	}
	return rows, more, erased, nil
}

// byX opens the next rows on a number, but for those of which the header says that the binding is not live when it was to be.
func (l *lister) byX(ctx context.Context) (rows []binding.Binding, more bool, erased int, err error) {
	n, some := 0, l.some()
	err = l.db.each(ctx, l.from, keyAfter(l.prefix), func(key, value []byte) (bool, error) {
		p, h, sealed, err := splitRow(key, value)
		if err != nil {
			return false, err
		}
		if times := h.times(p); !l.LiveAt.IsZero() && times.State(l.LiveAt) != binding.StateLive {
			return true, nil
		}
		row, err := l.db.openRow(p, h, sealed)
		switch {
		case err == nil:
			rows = append(rows, row)
		case errors.Is(err, ErrErased):
			erased++
		default:
			return false, err
		}
		if n++; n == some {
			l.from, more = append(bytes.Clone(key), 0), true
		}
		return n < some, nil
	})
	return rows, more, erased, err
}

// listIDs opens the rows of the next ids of all, and says how many of them are erased.
func (db *DB) listIDs(after string) (rows []binding.Binding, last string, erased int, err error) {
	lower := []byte{tableID}
	if after != "" {
		lower = append(idKey(after), 0) // the least key behind it
	}
	var ids []string
	err = scan(db.bind, lower, []byte{tableID + 1}, func(key, _ []byte) (bool, error) {
		id, ok := parseID(key[1:])
		if !ok {
			return false, errIDKey
		}
		ids = append(ids, id)
		return len(ids) < page, nil
	})
	if err != nil {
		return nil, "", 0, err
	}
	return db.rowsOf(ids)
}

// rowsOf opens the rows of ids that an index has, which are in order. last is the last of them where there may be more.
func (db *DB) rowsOf(ids []string) (rows []binding.Binding, last string, erased int, err error) {
	for _, id := range ids {
		row, _, err := db.rowOf(db.bind, id)
		switch {
		case err == nil:
			rows = append(rows, row)
		case errors.Is(err, ErrErased):
			erased++
		case errors.Is(err, binding.ErrNotFound): // deleted since
		default:
			return nil, "", 0, err
		}
	}
	if len(ids) == page {
		last = ids[page-1]
	}
	return rows, last, erased, nil
}
