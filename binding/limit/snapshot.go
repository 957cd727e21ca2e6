package limit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"time"
)

// A snapshot is: magic, length u32 and JSON of a header, the tables, and SHA-256 of all before. Of each table there are
// records, each 1, key u64 and the counters of a place, and a zero at the end. Words are little-endian.
var magic = [8]byte{'m', '7', '0', '0', 'l', 'i', 'm', '2'}

type header struct {
	Saved  time.Time     // by the wall clock
	Tick   int64         // by ours
	Check  uint64        // a fingerprint, to know the key by
	Tables []tableHeader // in the order of their scopes
}

type tableHeader struct {
	Scope  Scope
	Layout layout
}

// Kinds of records.
const (
	recordEnd = iota
	recordPlace
)

// maxHeader bounds what is read before it is understood.
const maxHeader = 1 << 20

// Errors of reading a snapshot.
var (
	ErrDamaged = errors.New("the saved counters are damaged or cut off")
	ErrOther   = errors.New("the saved counters are of another store or version")
)

// Save writes what counts. Attempts go on meanwhile.
func (j *Judge) Save(w io.Writer) error {
	s, now := j.state.Load(), j.clock.now()
	h := header{Saved: j.clock.time().Round(0), Tick: now, Check: j.prints.Text(domainCheck, "")}
	for scope, t := range s.tables {
		if t != nil {
			h.Tables = append(h.Tables, tableHeader{Scope(scope), t.layout})
		}
	}
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	sum := sha256.New()
	b := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<16)
	b.Write(magic[:]) // an error stays and is what Flush returns
	b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(text))))
	b.Write(text)
	for _, t := range s.tables {
		if t == nil {
			continue
		}
		row := make([]byte, 0, 16+4*t.Words)
		put := func(key uint64, e []uint32) {
			row = binary.LittleEndian.AppendUint64(append(row[:0], recordPlace), key)
			for _, word := range e {
				row = binary.LittleEndian.AppendUint32(row, word)
			}
			b.Write(row)
		}
		for stripe := range min(stripes, t.sets) {
			t.copyStripe(stripe, now, put)
		}
		b.WriteByte(recordEnd)
	}
	if err := b.Flush(); err != nil {
		return err
	}
	_, err = w.Write(sum.Sum(nil))
	return err
}

// Load puts what Save wrote into the tables, in which nothing was counted yet; nobody may be judged meanwhile. After an error
// they are as they were. ErrDamaged, ErrOther.
func (j *Judge) Load(r io.ReadSeeker) error {
	j.changing.Lock()
	defer j.changing.Unlock()
	if err := checkSum(r); err != nil {
		return err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	b := bufio.NewReaderSize(r, 1<<16)
	h, err := readHeader(b)
	if err != nil {
		return err
	}
	if h.Check != j.prints.Text(domainCheck, "") {
		return ErrOther
	}
	base, latest := j.clock.base.Load(), j.clock.latest.Load()
	j.clock.resume(h.Tick, h.Saved)
	s := j.state.Load()
	next := *s
	for scope, t := range s.tables {
		if t != nil {
			next.tables[scope] = newTable(t.layout, t.bytes())
		}
	}
	for _, th := range h.Tables {
		if err := next.tables[th.Scope].load(b, &th, j.clock.now()); err != nil {
			j.clock.base.Store(base)
			j.clock.latest.Store(latest)
			return err
		}
	}
	j.state.Store(&next)
	return nil
}

// checkSum reads everything once.
func checkSum(r io.Reader) error {
	sum := sha256.New()
	tail := &tailWriter{sum: sum}
	if _, err := io.Copy(tail, r); err != nil {
		return err
	}
	if !bytes.Equal(tail.last, sum.Sum(nil)) {
		return ErrDamaged
	}
	return nil
}

// tailWriter hashes all but the last bytes, which are the sum.
type tailWriter struct {
	sum  hash.Hash
	last []byte
}

func (t *tailWriter) Write(b []byte) (int, error) {
	t.last = append(t.last, b...)
	if over := len(t.last) - sha256.Size; over > 0 {
		t.sum.Write(t.last[:over])
		t.last = append(t.last[:0], t.last[over:]...)
	}
	return len(b), nil
}

func readHeader(r io.Reader) (h header, err error) {
	var start [12]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return h, ErrDamaged
	}
	size := binary.LittleEndian.Uint32(start[8:])
	if !bytes.Equal(start[:8], magic[:]) || size > maxHeader {
		return h, ErrOther
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return h, ErrDamaged
	}
	if err := json.Unmarshal(text, &h); err != nil {
		return h, ErrOther
	}
	for i := range h.Tables {
		if err := h.Tables[i].check(); err != nil {
			return h, err
		}
	}
	return h, nil
}

// check makes sure that a layout is one that this program makes.
func (t *tableHeader) check() error {
	if t.Scope >= scopes || len(t.Layout.Rings) > maxRings {
		return ErrOther
	}
	for _, l := range t.Layout.Lists {
		if l.Len < 0 || l.Len > exact {
			return ErrOther
		}
	}
	for _, r := range t.Layout.Rings {
		if r.Kind >= kinds || r.Metric > Short || r.Window < 1 || r.Window > ticksOf(MaxWindow) {
			return ErrOther
		}
	}
	again := t.Layout
	again.Rings = slices.Clone(again.Rings)
	again.arrange(t.Scope)
	if fmt.Sprint(again) != fmt.Sprint(t.Layout) {
		return ErrOther
	}
	return nil
}

// load reads the records of a table. A nil one passes them over.
func (t *table) load(r *bufio.Reader, h *tableHeader, now int64) error {
	row, e := make([]byte, 8+4*h.Layout.Words), make([]uint32, h.Layout.Words)
	for {
		kind, err := r.ReadByte()
		switch {
		case err != nil || kind > recordPlace:
			return ErrDamaged
		case kind == recordEnd:
			return nil
		}
		if _, err := io.ReadFull(r, row); err != nil {
			return ErrDamaged
		}
		key := binary.LittleEndian.Uint64(row)
		for i := range e {
			e[i] = binary.LittleEndian.Uint32(row[8+4*i:])
		}
		switch {
		case key == 0:
			return ErrDamaged
		case t != nil && now-moment(e[wordLast], now) <= h.Layout.Longest:
			t.take(&h.Layout, key, e, now)
		}
	}
}
