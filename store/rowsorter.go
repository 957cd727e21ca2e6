package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// rowSorter puts the rows of a group into its batch in the order of their keys: the table in memory looks for the place of
// each from that of the one before, which is near, in place of from its top.
type rowSorter struct {
	rows  []pair
	order []sortedRow
}

// sortedRow has the first bytes of a key as numbers, which are quicker to compare.
type sortedRow struct {
	high, low uint64
	row       int
}

func (s *rowSorter) add(rows []pair) {
	for _, r := range rows {
		var start [16]byte
		copy(start[:], r.key)
		s.order = append(s.order, sortedRow{binary.BigEndian.Uint64(start[:]), binary.BigEndian.Uint64(start[8:]), len(s.rows)})
		s.rows = append(s.rows, r)
	}
}

// put empties the sorter.
func (s *rowSorter) put(b *pebble.Batch) error {
	slices.SortFunc(s.order, func(x, y sortedRow) int {
		if x.high != y.high {
			return cmp.Compare(x.high, y.high)
		}
		if x.low != y.low {
			return cmp.Compare(x.low, y.low)
		}
		return bytes.Compare(s.rows[x.row].key, s.rows[y.row].key)
	})
	var err error
	for _, o := range s.order {
		if err == nil {
			err = b.Set(s.rows[o.row].key, s.rows[o.row].value, nil)
		}
	}
	clear(s.rows)
	s.rows, s.order = s.rows[:0], s.order[:0]
	return err
}
