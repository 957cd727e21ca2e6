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
	tableWho     = 'f' // hash of a real number, an order or a consent, ^start u64, binding id -> when it is over
	tableOldID   = 'i' // up to format 3: binding id as text -> X u64, start u64
	tableOldWho  = 'q' // format 3: as tableWho, the id as text
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
	tableOf     = 'h' // hash of a binding id, or of an order of which no binding is stored, seq u64 -> nothing
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
	case tableWho, tableOldWho, tableNumber, tableOrder, tableConsent, tableBar, tableOf:
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

// whoKey sorts what one hash finds newest first.
func whoKey(h seal.Hash, start uint64, id string) []byte {
	k := append(make([]byte, 0, whoPrefixSize+idSize(id)), tableWho)
	k = binary.BigEndian.AppendUint64(append(k, h[:]...), ^start)
	return appendID(k, id)
}

// whoPrefixSize is how much of such a key stands before the id.
const whoPrefixSize = 1 + seal.HashSize + 8

func idOfWho(key []byte) (string, bool) { return parseID(key[min(whoPrefixSize, len(key)):]) }

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
func (p place) key() []byte {
	k := append(make([]byte, 0, rowKeySize), tableRow)
	k = binary.BigEndian.AppendUint64(k, uint64(p.x))
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

// value is the place as the ID table holds it. A number of an older range, which is less than any 700 number, stands there
// whole, and the length of the value tells the two apart.
func (p place) value() []byte {
	if p.x < firstX {
		v := binary.BigEndian.AppendUint64(make([]byte, 0, oldPlaceSize), uint64(p.x))
		return binary.BigEndian.AppendUint64(v, p.start)
	}
	v := binary.BigEndian.AppendUint64(make([]byte, 0, 8+8), uint64(p.x)-firstX)
	return binary.BigEndian.AppendUint64(v, p.start)[8-5:]
}

func placeOfValue(v []byte) (place, bool) {
	if len(v) == oldPlaceSize {
		p := place{x: binding.X(binary.BigEndian.Uint64(v)), start: binary.BigEndian.Uint64(v[8:])}
		return p, p.x.Older()
	}
	if len(v) != placeValueSize {
		return place{}, false
	}
	x := uint64(v[0])<<32 | uint64(binary.BigEndian.Uint32(v[1:]))
	return place{x: binding.X(firstX + x), start: binary.BigEndian.Uint64(v[5:])}, true
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
