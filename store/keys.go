package store

import (
	"encoding/binary"
	"fmt"
	"time"

	"mask700/binding"
	"mask700/store/seal"
)

// Tables: the first byte of a key. The letters are distinct over both databases, which share one comparer.
const (
	tableMeta    = 'm' // both: name -> value
	tableKeys    = 'k' // format 1, both: kind, id u32 -> wrapped key
	tableTenant  = 't' // id u32 -> sealed tenant
	tableBlock   = 'p' // block u64 -> state
	tableRow     = 'b' // X u64, ^start u64 -> sealed binding
	tableID      = 'e' // binding id -> X 40 bits, start u64
	tableWho     = 'z' // hash of a real number, an order or a consent, ^start u64, X -> when it is over
	tableOldID   = 'i' // up to format 3: binding id as text -> X u64, start u64
	tableOldWho  = 'q' // format 3: as tableWho, the binding id as text in place of X
	tableIDWho   = 'f' // formats 4 and 5: as tableWho, the binding id in place of X
	tableNumber  = 'n' // formats 1 and 2: hash of a real number, binding id -> nothing
	tableOrder   = 'o' // formats 1 and 2: hash of an order, binding id -> nothing
	tableConsent = 'g' // format 2: hash of a consent, binding id -> nothing
	tableDraws   = 'u' // block u64 -> how far it is drawn
	tableLock    = 'w' // X u64 -> that nothing new is bound on it
	tableBar     = 'v' // hash of a real number, id -> sealed entry of a block list
	tableBarID   = 'j' // id of such an entry -> hash of its number
	tableErasing = 'x' // id -> sealed erasure of a person that was begun and is not done
	tableToken   = 'a' // id -> sealed token of a tenant
	tableRequest = 'y' // day u32, hash of a tenant and its key -> hash of the request, when u64, binding id

	tableOpen   = 'l' // hash of a record id -> sealed opening row
	tableClosed = 'c' // seq u64 -> sealed closed row
	tableRecord = 'r' // hash of a record id -> seq u64
	tableOf     = 'h' // hash of a binding id, or of an order of which no binding is stored, seq u64 -> whom it reached, roughly: lastMark
	tableSpan   = 's' // span u64 -> earliest and latest time in it

	tableContact = 'd' // X u64, hash of a real number -> when that number last dialled X
)

// Domains of the keyed hash.
const (
	domainNumber  = 'n'
	domainOrder   = 'o'
	domainConsent = 'g'
	domainRecord  = 'r'
	domainBinding = 'b'
	domainDraws   = 'u'
	domainContact = 'd'
	domainBar     = 'v'
	domainKey     = 'y'
	domainRequest = 'z'
	domainCalled  = 'a'
)

// splitKey is where the prefix of a key ends: the part that Bloom filters know and that rows share which are asked
// for together.
func splitKey(key []byte) int {
	if len(key) == 0 {
		return 0
	}
	n := len(key)
	switch key[0] {
	case tableRow, tableContact:
		n = 1 + 8
	case tableWho, tableOldWho, tableIDWho, tableNumber, tableOrder, tableConsent, tableBar, tableOf:
		n = 1 + seal.HashSize
	}
	return min(n, len(key))
}

func key64(table byte, v uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 1+8), table), v)
}

func key32(table byte, v uint32) []byte {
	return binary.BigEndian.AppendUint32(append(make([]byte, 0, 1+4), table), v)
}

// seqOfKey is the number that ends the key of a closed record.
func seqOfKey(key []byte) (uint64, bool) {
	if len(key) != 1+8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(key[1:]), true
}

func keyText(table byte, text string) []byte {
	return append(append(make([]byte, 0, 1+len(text)), table), text...)
}

func keyHash(table byte, h seal.Hash) []byte {
	return append(append(make([]byte, 0, 1+seal.HashSize), table), h[:]...)
}

func keyHashText(table byte, h seal.Hash, text string) []byte {
	k := append(make([]byte, 0, 1+seal.HashSize+len(text)), table)
	return append(append(k, h[:]...), text...)
}

func keyHash64(table byte, h seal.Hash, v uint64) []byte {
	k := append(make([]byte, 0, 1+seal.HashSize+8), table)
	return binary.BigEndian.AppendUint64(append(k, h[:]...), v)
}

// whoKey sorts what one hash finds newest first. It says where the row stands: the id would take twice as many bytes, and a
// look for where that is.
func whoKey(h seal.Hash, p place) []byte {
	return appendWhoKey(make([]byte, 0, whoPrefixSize+8), h, p)
}

func appendWhoKey(k []byte, h seal.Hash, p place) []byte {
	k = append(append(k, tableWho), h[:]...)
	return appendX(binary.BigEndian.AppendUint64(k, ^p.start), p.x)
}

// whoPrefixSize is how much of such a key stands before X.
const whoPrefixSize = 1 + seal.HashSize + 8

func placeOfWho(key []byte) (place, bool) {
	if len(key) < whoPrefixSize {
		return place{}, false
	}
	x, ok := parseX(key[whoPrefixSize:])
	return place{x: x, start: ^binary.BigEndian.Uint64(key[whoPrefixSize-8:])}, ok
}

// errWhoKey is of such a key that does not end in a number.
var errWhoKey = fmt.Errorf("%w: where a binding stands, in an index", ErrCorrupt)

// errIDKey is of a key that should end in an id.
var errIDKey = fmt.Errorf("%w: a binding's id in an index", ErrCorrupt)

// place is where a binding's row stands: its X, or its Y for the copy there, and its start. Start is CreatedAt in
// nanoseconds since 1970, moved on by as many nanoseconds as it takes to stand alone.
type place struct {
	x     binding.X
	start uint64
}

const rowKeySize = 1 + 8 + 8

// key sorts the rows of one number newest first.
func (p place) key() []byte { return p.append(make([]byte, 0, rowKeySize)) }

func (p place) append(k []byte) []byte {
	k = binary.BigEndian.AppendUint64(append(k, tableRow), uint64(p.x))
	return binary.BigEndian.AppendUint64(k, ^p.start)
}

func placeOfKey(key []byte) (place, bool) {
	if len(key) != rowKeySize || key[0] != tableRow {
		return place{}, false
	}
	return place{
		x:     binding.X(binary.BigEndian.Uint64(key[1:])),
		start: ^binary.BigEndian.Uint64(key[9:]),
	}, true
}

const (
	firstX         = 700_000_000_000_000 // the least 700 number: what is above it takes 40 bits
	placeValueSize = 5 + 8
	oldPlaceSize   = 8 + 8
)

// appendX writes a number as indexes hold it: 40 bits of a 700 number. One of an older range, which is less than any of those,
// stands there whole, and the length tells the two apart.
func appendX(b []byte, x binding.X) []byte {
	if x < firstX {
		return binary.BigEndian.AppendUint64(b, uint64(x))
	}
	above := uint64(x) - firstX
	return binary.BigEndian.AppendUint32(append(b, byte(above>>32)), uint32(above))
}

// parseX reads what appendX wrote, and only that.
func parseX(b []byte) (binding.X, bool) {
	switch len(b) {
	case 5:
		return binding.X(firstX + uint64(b[0])<<32 + uint64(binary.BigEndian.Uint32(b[1:]))), true
	case 8:
		x := binding.X(binary.BigEndian.Uint64(b))
		return x, x.Older()
	}
	return 0, false
}

// value is the place as the ID table holds it.
func (p place) value() []byte { return p.appendValue(make([]byte, 0, oldPlaceSize)) }

func (p place) appendValue(v []byte) []byte {
	return binary.BigEndian.AppendUint64(appendX(v, p.x), p.start)
}

func placeOfValue(v []byte) (place, bool) {
	if len(v) < 8 {
		return place{}, false
	}
	x, ok := parseX(v[:len(v)-8])
	return place{x: x, start: binary.BigEndian.Uint64(v[len(v)-8:])}, ok
}

// keyAfter is the least key behind every key that begins with prefix; nil when there is none.
func keyAfter(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			end := append([]byte(nil), prefix[:i+1]...)
			end[i]++
			return end
		}
	}
	return nil
}

// Times are kept as nanoseconds since 1970 in 63 bits, which ends in the year 2262. Zero is no time.
var lastTime = time.Unix(0, 1<<63-1)

// nanos refuses a time that cannot be kept.
func nanos(t time.Time) (int64, bool) {
	if t.IsZero() {
		return 0, true
	}
	if t.After(lastTime) || t.Unix() < 0 {
		return 0, false
	}
	n := t.UnixNano()
	return n, n > 0
}

func timeOf(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
