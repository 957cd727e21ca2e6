package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
)

// run is the rows that one worker of an import has made, one behind the other in memory:
//
//	length of the key u8, length of the value u32, key, value
//
// Sorted are not they but what points at them, 16 bytes each.
type run struct {
	bytes  []byte
	tables []tableRows
}

// tableRows are the rows of one table, in the order in which they came.
type tableRows struct {
	table byte
	bytes int
	rows  []importRow
}

// importRow is where a row is, and what sorts most of them: the eight bytes of its key behind the table's letter.
type importRow struct {
	start uint64
	run   uint32
	at    uint32
}

const importRowHead = 1 + 4

// add copies a row.
func (r *run) add(key, value []byte) {
	i := slices.IndexFunc(r.tables, func(t tableRows) bool { return t.table == key[0] })
	if i < 0 {
		i = len(r.tables)
		r.tables = append(r.tables, tableRows{table: key[0]})
	}
	t := &r.tables[i]
	var start [8]byte
	copy(start[:], key[1:])
	t.rows = append(t.rows, importRow{start: binary.BigEndian.Uint64(start[:]), at: uint32(len(r.bytes))})
	t.bytes += len(key) + len(value)
	r.bytes = append(r.bytes, byte(len(key)))
	r.bytes = binary.BigEndian.AppendUint32(r.bytes, uint32(len(value)))
	r.bytes = append(append(r.bytes, key...), value...)
}

// key and value are those of a row of the run.
func (r *run) key(at uint32) []byte {
	b := r.bytes[at:]
	return b[importRowHead : importRowHead+int(b[0])]
}

func (r *run) value(at uint32) []byte {
	b := r.bytes[at:]
	n := binary.BigEndian.Uint32(b[1:])
	return b[importRowHead+int(b[0]):][:n]
}

// importPart is the rows of one table of the database that is to be taken in. No two parts overlap.
type importPart struct {
	table byte
	rows  []importRow // not sorted yet
}

// partBytes is about how large a part is: as the tables that compactions write, so that none has to rewrite more than it needs.
const partBytes = 16 << 20

// partsOf shares the rows of runs out to parts of about so many bytes.
func partsOf(runs []run, size int) (parts []importPart) {
	byTable := make(map[byte][]*tableRows)
	for n := range runs {
		for i := range runs[n].tables {
			t := &runs[n].tables[i]
			for k := range t.rows {
				t.rows[k].run = uint32(n)
			}
			byTable[t.table] = append(byTable[t.table], t)
		}
	}
	for table, from := range byTable {
		bounds := boundsOf(from, size)
		own := make([]importPart, len(bounds)+1)
		rows := 0
		for _, t := range from {
			rows += len(t.rows)
		}
		for i := range own {
			own[i] = importPart{table: table, rows: make([]importRow, 0, rows/len(own)*9/8)}
		}
		for _, t := range from {
			for _, r := range t.rows {
				p, same := slices.BinarySearch(bounds, r.start)
				if same { // a bound begins the part behind it
					p++
				}
				own[p].rows = append(own[p].rows, r)
			}
			t.rows = nil
		}
		for _, p := range own {
			if len(p.rows) > 0 {
				parts = append(parts, p)
			}
		}
	}
	// The largest first, so that no worker begins one when the others are done.
	slices.SortFunc(parts, func(a, b importPart) int { return cmp.Compare(len(b.rows), len(a.rows)) })
	return parts
}

// boundsOf are where the parts of a table begin, but for the first: so that they are about of one size, by a sample.
func boundsOf(from []*tableRows, size int) []uint64 {
	const each = 64 // of the sample, for a part
	bytes, rows := 0, 0
	for _, t := range from {
		bytes += t.bytes
		rows += len(t.rows)
	}
	parts := bytes/size + 1
	step := max(rows/(parts*each), 1)
	sample := make([]uint64, 0, rows/step+len(from))
	for _, t := range from {
		for i := 0; i < len(t.rows); i += step {
			sample = append(sample, t.rows[i].start)
		}
	}
	slices.Sort(sample)
	var bounds []uint64
	for i := 1; i < parts; i++ {
		bounds = append(bounds, sample[i*len(sample)/parts])
	}
	return slices.Compact(bounds)
}

// sortPart sorts the rows of a part by key.
func sortPart(runs []run, rows []importRow) {
	slices.SortFunc(rows, func(a, b importRow) int {
		if a.start != b.start {
			return cmp.Compare(a.start, b.start)
		}
		return bytes.Compare(runs[a.run].key(a.at), runs[b.run].key(b.at))
	})
}

// writeTable writes the rows of a part as a table, synced.
func (e *engine) writeTable(o Options, path string, runs []run, p importPart) error {
	sortPart(runs, p.rows)
	f, err := o.fs.Create(path, "import")
	if err != nil {
		return err
	}
	options := e.tables
	if p.table != tableRow {
		options = e.upper
	}
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), options)
	for _, r := range p.rows {
		from := &runs[r.run]
		if err := w.Set(from.key(r.at), from.value(r.at)); err != nil {
			return errors.Join(err, w.Close())
		}
	}
	return w.Close()
}
