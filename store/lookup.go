package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
	"mask700/store/seal"
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
	key := p.key()
	value, ok, err := get(r, key)
	if err != nil {
		return binding.Binding{}, foundRow{}, err
	}
	if !ok {
		if _, named, err := get(r, idKey(id)); err == nil && !named {
			return binding.Binding{}, foundRow{}, binding.ErrNotFound // deleted between the two looks
		}
		return binding.Binding{}, foundRow{}, fmt.Errorf("%w: binding %s is named and missing", ErrCorrupt, id)
	}
	_, h, sealed, err := splitRow(key, value)
	if err != nil {
		return binding.Binding{}, foundRow{}, err
	}
	row, err := db.openRow(p, h, sealed)
	if err != nil {
		return binding.Binding{}, foundRow{}, err
	}
	if row.ID != id {
		return binding.Binding{}, foundRow{}, fmt.Errorf("%w: binding %s is another's row", ErrCorrupt, id)
	}
	return row, foundRow{place: p, header: h}, nil
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
// newest only the header is read, unless they are live.
func (db *DB) Candidates(ctx context.Context, x binding.X, at time.Time) ([]binding.Binding, error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	defer db.leave()
	rows, _, err := db.rowsOn(x, binding.MaxRowsOnX, at)
	return rows, err
}

// rowsOn returns the newest rows on a number, and those behind them that are live at a moment; zero: none of them.
// newest 0: all. It says how many more are erased.
func (db *DB) rowsOn(x binding.X, newest int, at time.Time) (rows []binding.Binding, erased int, err error) {
	n := 0
	err = scanPrefix(db.bind, key64(tableRow, uint64(x)), func(key, value []byte) (bool, error) {
		p, h, sealed, err := splitRow(key, value)
		if err != nil {
			return false, err
		}
		n++
		if newest != 0 && n > newest {
			if at.IsZero() {
				return false, nil
			}
			if times := h.times(p); times.State(at) != binding.StateLive {
				return true, nil
			}
		}
		row, err := db.openRow(p, h, sealed)
		if errors.Is(err, ErrErased) {
			erased++
			return true, nil
		}
		if err != nil {
			return false, err
		}
		rows = append(rows, row)
		return true, nil
	})
	db.erased.Add(uint64(erased))
	if err != nil {
		return nil, 0, err
	}
	// The keys have this order except where starts were moved past a row of the next nanosecond.
	slices.SortStableFunc(rows, func(a, b binding.Binding) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return rows, erased, nil
}

// page is how many rows a list reads before it hands them out. Nothing of the database is held while it does.
const page = 256

// List implements binding.Store. It finds by number, order or consent through their index, else by X, else it goes through all.
func (db *DB) List(ctx context.Context, f binding.Filter, each func(binding.Binding) error) error {
	left := f.Limit
	for {
		rows, after, err := db.listPage(ctx, f)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := each(row); err != nil {
				return err
			}
			if left--; left == 0 {
				return nil
			}
		}
		if after == "" {
			return nil
		}
		f.After = after
	}
}

// listPage returns the selected rows among the next ids, and the last id looked at unless it was the last of all.
func (db *DB) listPage(ctx context.Context, f binding.Filter) (rows []binding.Binding, after string, err error) {
	if err := db.enter(ctx); err != nil {
		return nil, "", err
	}
	defer db.leave()
	erased := 0
	switch {
	case !f.Number.IsZero():
		rows, after, erased, err = db.listWho(db.numberHash(f.Number), f.After)
	case f.Order != "":
		rows, after, erased, err = db.listWho(db.bindKeys.index.Hash(domainOrder, f.Order), f.After)
	case f.Consent != "":
		rows, after, erased, err = db.listWho(db.bindKeys.index.Hash(domainConsent, f.Consent), f.After)
	case f.X != 0:
		rows, erased, err = db.rowsOn(f.X, 0, time.Time{})
		slices.SortFunc(rows, func(a, b binding.Binding) int { return strings.Compare(a.ID, b.ID) })
	default:
		rows, after, erased, err = db.listIDs(f.After)
	}
	if err != nil {
		return nil, "", err
	}
	if f.Erased != nil {
		*f.Erased += erased
	}
	return slices.DeleteFunc(rows, func(b binding.Binding) bool { return !f.Match(&b) }), after, nil
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

// listWho is listIDs among those that a hash finds. They stand in another order, so that the next ones are the least of
// all behind after.
func (db *DB) listWho(h seal.Hash, after string) (rows []binding.Binding, last string, erased int, err error) {
	var ids []string
	err = scanPrefix(db.bind, keyHash(tableWho, h), func(key, _ []byte) (bool, error) {
		id, ok := idOfWho(key)
		if !ok {
			return false, errIDKey
		}
		if id > after {
			ids = append(ids, id)
		}
		if len(ids) == 16*page {
			slices.Sort(ids)
			ids = ids[:page]
		}
		return true, nil
	})
	if err != nil {
		return nil, "", 0, err
	}
	slices.Sort(ids)
	return db.rowsOf(ids[:min(len(ids), page)])
}

// rowsOf opens the rows of ids that an index has, which are in order. last is the last of them where there may be more.
func (db *DB) rowsOf(ids []string) (rows []binding.Binding, last string, erased int, err error) {
	for _, id := range ids {
		row, _, err := db.rowOf(db.bind, id)
		switch {
		case err == nil:
			rows = append(rows, row)
		case errors.Is(err, ErrErased):
			db.erased.Add(1)
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
