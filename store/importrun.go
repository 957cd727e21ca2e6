package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"runtime"
	"slices"

	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
)

// The rows of an import go through memory in three steps, each of which reads and writes it in order, so that what is
// sorted in the end lies in the processor's cache:
//
//	runs    each worker's own, of each table, in the order in which they are made
//	slices  each run shared out by key, into as many as make a megabyte together
//	parts   some slices that follow each other, sorted one after the other and written as a table of the database
//
// run is rows of one table, one behind the other:
//
//	length of the key u8, length of the value u32, key, value
type run struct {
	bytes []byte
	rows  []importRow
}

// importRow is where a row is, and what sorts most of them: the eight bytes of its key behind the table's letter.
type importRow struct {
	start uint64
	run   uint32 // which of those that are sorted together
	at    uint32
}

const importRowHead = 1 + 4

// add copies a row.
func (r *run) add(key, value []byte) {
	var start [8]byte
	copy(start[:], key[1:])
	r.rows = append(r.rows, importRow{start: binary.BigEndian.Uint64(start[:]), at: uint32(len(r.bytes))})
	r.bytes = append(r.bytes, byte(len(key)))
	r.bytes = binary.BigEndian.AppendUint32(r.bytes, uint32(len(value)))
	r.bytes = append(append(r.bytes, key...), value...)
}

// row is a row as it lies there.
func (r *run) row(at uint32) []byte {
	b := r.bytes[at:]
	return b[:importRowHead+int(b[0])+int(binary.BigEndian.Uint32(b[1:]))]
}

// key and value are those of a row.
func (r *run) key(at uint32) []byte {
	b := r.bytes[at:]
	return b[importRowHead : importRowHead+int(b[0])]
}

func (r *run) value(at uint32) []byte {
	b := r.row(at)
	return b[importRowHead+int(b[0]):]
}

// runs are what one worker has made: a run for each table, by its letter.
type runs struct {
	expect int // bindings, about
	maker  rowMaker
	tables []byte
	of     []*run
}

func (r *runs) add(key, value []byte) {
	i := bytes.IndexByte(r.tables, key[0])
	if i < 0 {
		i = len(r.tables)
		r.tables = append(r.tables, key[0])
		const more = 8 // bytes that the next may be longer
		r.of = append(r.of, &run{
			bytes: make([]byte, 0, r.expect*(importRowHead+len(key)+len(value)+more)),
			rows:  make([]importRow, 0, r.expect),
		})
	}
	r.of[i].add(key, value)
}

// slice shares the rows of a run out by key; bounds are where the slices begin, but for the first.
func (r *run) slice(bounds []uint64) []run {
	slices := make([]run, len(bounds)+1)
	for i := range slices {
		const spare = 16 // a slice is larger than the others by less than a part of so many, mostly
		slices[i].rows = make([]importRow, 0, (len(r.rows)+len(r.rows)/spare)/len(slices)+1)
		slices[i].bytes = make([]byte, 0, (len(r.bytes)+len(r.bytes)/spare)/len(slices)+1)
	}
	for _, row := range r.rows {
		s := &slices[sliceOf(bounds, row.start)]
		s.rows = append(s.rows, importRow{start: row.start, at: uint32(len(s.bytes))})
		s.bytes = append(s.bytes, r.row(row.at)...)
	}
	return slices
}

// sliceOf is in which slice a row is: a bound begins the one behind it.
func sliceOf(bounds []uint64, start uint64) int {
	low, high := 0, len(bounds)
	for low < high {
		if middle := (low + high) / 2; bounds[middle] <= start {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// boundsOf cuts the rows of one table into slices of about so many bytes, by a sample.
func boundsOf(from []*run, size int) []uint64 {
	const each = 32 // of the sample, for a slice
	bytes, rows := 0, 0
	for _, r := range from {
		bytes += len(r.bytes)
		rows += len(r.rows)
	}
	n := bytes/size + 1
	step := max(rows/(n*each), 1)
	sample := make([]uint64, 0, rows/step+len(from))
	for _, r := range from {
		for i := 0; i < len(r.rows); i += step {
			sample = append(sample, r.rows[i].start)
		}
	}
	slices.Sort(sample)
	var bounds []uint64
	for i := 1; i < n; i++ {
		bounds = append(bounds, sample[i*len(sample)/n])
	}
	return slices.Compact(bounds)
}

// importPart is a table of the database: slices that follow each other, of each of the runs. No two parts overlap.
type importPart struct {
	table  byte
	slices [][]run
}

const (
	sliceBytes = 1 << 20
	// partSlices make a part as large as the tables that compactions write, so that none has to rewrite more than it needs.
	partSlices = 16
)

// partsOf shares what the workers have made out to parts, on all processors.
func partsOf(made []runs, size int) (parts []importPart) {
	byTable := make(map[byte][]*run)
	for i := range made {
		for k, table := range made[i].tables {
			byTable[table] = append(byTable[table], made[i].of[k])
		}
		made[i].of = nil
	}
	type share struct {
		from   *run
		bounds []uint64
		to     *[]run
	}
	var shares []share
	sliced := make(map[byte][][]run)
	for table, from := range byTable {
		bounds := boundsOf(from, size)
		of := make([][]run, len(from))
		for i, r := range from {
			shares = append(shares, share{r, bounds, &of[i]})
		}
		sliced[table] = of
	}
	slices.SortFunc(shares, func(a, b share) int { return cmp.Compare(len(b.from.bytes), len(a.from.bytes)) })
	inParallel(runtime.GOMAXPROCS(0), len(shares), func(i int) {
		*shares[i].to = shares[i].from.slice(shares[i].bounds)
		*shares[i].from = run{} // it is not needed any more
	})
	for table, of := range sliced {
		for first := 0; first < len(of[0]); first += partSlices {
			p, rows := importPart{table: table}, 0
			for k := first; k < min(first+partSlices, len(of[0])); k++ {
				together := make([]run, len(of))
				for i := range of {
					together[i], of[i][k] = of[i][k], run{}
					rows += len(together[i].rows)
				}
				p.slices = append(p.slices, together)
			}
			if rows > 0 {
				parts = append(parts, p)
			}
		}
	}
	// The largest first, so that no worker begins one when the others are done.
	slices.SortFunc(parts, func(a, b importPart) int { return cmp.Compare(len(b.slices), len(a.slices)) })
	return parts
}

// each calls do for the rows of a part in the order of their keys, and lets go of what it is done with.
func (p *importPart) each(do func(key, value []byte) error) error {
	var rows []importRow
	for _, together := range p.slices {
		rows = rows[:0]
		for i := range together {
			for _, r := range together[i].rows {
				r.run = uint32(i)
				rows = append(rows, r)
			}
		}
		slices.SortFunc(rows, func(a, b importRow) int {
			if a.start != b.start {
				return cmp.Compare(a.start, b.start)
			}
			return bytes.Compare(together[a.run].key(a.at), together[b.run].key(b.at))
		})
		for _, r := range rows {
			if err := do(together[r.run].key(r.at), together[r.run].value(r.at)); err != nil {
				return err
			}
		}
		clear(together)
	}
	return nil
}

// writeTable writes a part as a table, synced.
func (e *engine) writeTable(o Options, path string, p importPart) error {
	f, err := o.fs.Create(path, "import")
	if err != nil {
		return err
	}
	options := e.tables
	if p.table != tableRow { // the rows of numbers come block by block and stay where they are put; others are soon written anew
		options = e.upper
	}
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), options)
	return errors.Join(p.each(w.Set), w.Close())
}
