package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"mask700/binding"
	"mask700/store/seal"
)

// History implements binding.Store. A 700 number is searched through its rows, of which the headers have the times; a
// party, an order and a consent through their entries, which have them as well. Either is in the order of time: nothing
// that began after the window is looked at, and of what began before only what reached it is opened.
func (db *DB) History(ctx context.Context, q binding.HistoryQuery, each func(binding.Holding) error) error {
	if err := q.Check(); err != nil {
		return err
	}
	from := startKey(q)
	seen, err := parseCursor(q.After)
	if err != nil {
		return err
	}
	if seen.end != nil && bytes.Compare(seen.end, from) > 0 {
		from = seen.end
	}
	left := q.Limit
	for from != nil {
		var found []binding.Holding
		some := page // at once; no more is opened than may be asked for
		if left > 0 {
			some = min(some, left)
		}
		if q.X != 0 {
			found, from, err = db.pastOnX(ctx, q, seen, from, some)
		} else {
			found, from, err = db.pastOf(ctx, q, seen, from, some)
		}
		if err != nil {
			return err
		}
		for _, h := range found {
			if err := each(h); err != nil {
				return err
			}
			if left--; left == 0 {
				return nil
			}
		}
	}
	return nil
}

// cursor is where a stretch stands: the end of the key of its row or entry and, since a binding may have several, when it
// began, in nanoseconds since 1970. As text it is both, the time first, in base64 without what a shell or a URL knows.
type cursor struct {
	end  []byte // nil: nothing was seen
	from int64
}

func parseCursor(text string) (c cursor, err error) {
	if text == "" {
		return c, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < 8+8 || len(b) > 8+8+maxID {
		return c, &binding.FieldError{Field: "after", Err: binding.ErrCursor}
	}
	return cursor{end: b[8:], from: int64(binary.BigEndian.Uint64(b))}, nil
}

// behind returns those stretches of a row or entry that come behind the cursor, each with its own.
func (c *cursor) behind(all []binding.Holding, end []byte) []binding.Holding {
	if bytes.Equal(end, c.end) {
		all = slices.DeleteFunc(all, func(h binding.Holding) bool { return h.From.UnixNano() >= c.from })
	}
	for i := range all {
		b := binary.BigEndian.AppendUint64(make([]byte, 0, 8+8+maxID), uint64(all[i].From.UnixNano()))
		all[i].Cursor = base64.RawURLEncoding.EncodeToString(append(b, end...))
	}
	return all
}

// askedHash is by what the entries of a query are found.
func (db *DB) askedHash(q binding.HistoryQuery) seal.Hash {
	switch {
	case q.Order != "":
		return db.bindKeys.index.Hash(domainOrder, q.Order)
	case q.Consent != "":
		return db.bindKeys.index.Hash(domainConsent, q.Consent)
	}
	return db.numberHash(q.Number)
}

// startKey is where what began last before the end of the window stands, without what stands before it: the end of a key.
// Rows may stand as far behind their CreatedAt as their header can say.
func startKey(q binding.HistoryQuery) []byte {
	latest := uint64(math.MaxUint64)
	if n, ok := nanos(q.Until); ok && n != 0 {
		latest = uint64(n) + 1<<16
	} else if !ok && q.Until.Unix() < 0 {
		return nil // before there was anything
	}
	return place{start: latest}.key()[1+8:]
}

// pastOnX returns what is asked for among the next rows on a number, and where to go on; nil: those were the last.
func (db *DB) pastOnX(ctx context.Context, q binding.HistoryQuery, seen cursor, from []byte, some int) (found []binding.Holding, next []byte, err error) {
	if err := db.enter(ctx); err != nil {
		return nil, nil, err
	}
	defer db.leave()
	prefix := key64(tableRow, uint64(q.X))
	err = db.each(ctx, append(key64(tableRow, uint64(q.X)), from...), keyAfter(prefix), func(key, value []byte) (bool, error) {
		p, h, sealed, err := splitRow(key, value)
		if err != nil {
			return false, err
		}
		if times := h.times(p); !q.Touches(&times) {
			return true, nil
		}
		row, err := db.openRow(p, h, sealed)
		switch {
		case errors.Is(err, ErrErased):
			db.passOverBinding(q.Erased)
			return true, nil
		case err != nil:
			return false, err
		}
		if found = append(found, seen.behind(q.Holdings(&row), key[len(prefix):])...); len(found) >= some {
			next = append(append(next, key[len(prefix):]...), 0)
			return false, nil
		}
		return true, nil
	})
	return found, next, err
}

// pastOf is pastOnX for what the entries of a hash find.
func (db *DB) pastOf(ctx context.Context, q binding.HistoryQuery, seen cursor, from []byte, some int) (found []binding.Holding, next []byte, err error) {
	if err := db.enter(ctx); err != nil {
		return nil, nil, err
	}
	defer db.leave()
	prefix := keyHash(tableWho, db.askedHash(q))
	var entries [][]byte
	err = db.each(ctx, append(slices.Clone(prefix), from...), keyAfter(prefix), func(key, value []byte) (bool, error) {
		over, err := parseOver(key, value)
		if err != nil {
			return false, err
		}
		if !q.Since.IsZero() && !over.After(q.Since) {
			return true, nil
		}
		entries = append(entries, bytes.Clone(key))
		if len(entries) == some {
			next = append(bytes.Clone(key[len(prefix):]), 0)
			return false, nil
		}
		return true, nil
	})
	if err != nil {
		return nil, nil, err
	}
	r, err := newSeeks(db.bind)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	for _, entry := range entries {
		row, _, err := db.rowBy(r, entry)
		switch {
		case errors.Is(err, ErrErased):
			db.passOverBinding(q.Erased)
		case errors.Is(err, binding.ErrNotFound): // deleted since
		case err != nil:
			return nil, nil, err
		default:
			found = append(found, seen.behind(q.Holdings(&row), entry[len(prefix):])...)
		}
	}
	return found, next, nil
}

// passOverBinding counts a binding that is erased.
func (db *DB) passOverBinding(erased *int) {
	db.erased.Add(1)
	if erased != nil {
		*erased++
	}
}
