package limit

import (
	"math/bits"
	"sync"
)

// ways is how many keys a set has places for.
const ways = 8

// stripes is how many locks a table has. A set belongs to the one of its number.
const stripes = 256

// table has the counters of the keys of one scope. All of its memory is there from the start.
type table struct {
	layout
	sets   int
	hashes []uint64 // ways of each set; 0: free
	cells  []uint32 // ways of each set
	none   []uint32 // what a key has of which nothing is counted; never written
	locks  [stripes]stripe
}

// stripe is a lock, and what is counted under it. It fills a cache line.
type stripe struct {
	sync.Mutex
	pushed uint64 // keys that lost their place while they still counted
	_      [48]byte
}

// setBytes is what a set takes.
func (l *layout) setBytes() int { return ways * (8 + 4*l.Words) }

// newTable makes a table within so many bytes, of one set at least.
func newTable(l layout, bytes int) *table {
	sets := max(1, bytes/l.setBytes())
	return &table{
		layout: l, sets: sets,
		hashes: make([]uint64, sets*ways), cells: make([]uint32, sets*ways*l.Words), none: make([]uint32, l.Words),
	}
}

func (t *table) bytes() int { return len(t.hashes)*8 + len(t.cells)*4 }

// set is the number of the set of a key.
func (t *table) set(key uint64) int {
	hi, _ := bits.Mul64(key, uint64(t.sets))
	return int(hi)
}

func (t *table) lock(set int) *stripe {
	s := &t.locks[set%stripes]
	s.Lock()
	return s
}

func (t *table) entry(set, way int) []uint32 {
	at := (set*ways + way) * t.Words
	return t.cells[at : at+t.Words : at+t.Words]
}

// find returns the counters of a key, and whether they are its own: where it has no place, they are zero and not to be
// written. The set is locked.
func (t *table) find(set int, key uint64) (e []uint32, own bool) {
	hashes := t.hashes[set*ways : set*ways+ways]
	for way, h := range hashes {
		if h == key {
			return t.entry(set, way), true
		}
	}
	return t.none, false
}

// stale reports whether nothing in an entry counts any more.
func (t *table) stale(e []uint32, now int64) bool {
	return now-moment(e[wordLast], now) > t.Longest
}

// place gives a key a place in which nothing is counted, and returns its counters: one that is free or, where there is none,
// that of the key which is farthest from any limit. The set is locked.
func (t *table) place(set int, key uint64, now int64) []uint32 {
	way := t.free(set, now)
	if way < 0 {
		way = t.victim(set)
		t.locks[set%stripes].pushed++
	}
	t.hashes[set*ways+way] = key
	e := t.entry(set, way)
	t.begin(e, now)
	return e
}

// begin makes an entry one of which nothing was counted.
func (t *table) begin(e []uint32, now int64) {
	clear(e)
	e[wordLast] = stamp(now)
	for i := range t.Rings {
		t.Rings[i].begin(e, now)
	}
}

// free returns a place that nobody needs, -1 where there is none.
func (t *table) free(set int, now int64) int {
	for way := range ways {
		if t.hashes[set*ways+way] == 0 || t.stale(t.entry(set, way), now) {
			return way
		}
	}
	return -1
}

// victim returns the place of the key that is farthest from any limit; of several, of the one that was quiet longest.
func (t *table) victim(set int) (least int) {
	for way := 1; way < ways; way++ {
		a, b := t.entry(set, way), t.entry(set, least)
		if a[wordWeight] < b[wordWeight] || a[wordWeight] == b[wordWeight] && int32(a[wordLast]-b[wordLast]) < 0 {
			least = way
		}
	}
	return least
}

// keys is how many keys have counters that still count.
func (t *table) keys(now int64) (n int) {
	for stripe := range min(stripes, t.sets) {
		t.lock(stripe)
		for set := stripe; set < t.sets; set += stripes {
			for way := range ways {
				if t.hashes[set*ways+way] != 0 && !t.stale(t.entry(set, way), now) {
					n++
				}
			}
		}
		t.locks[stripe].Unlock()
	}
	return n
}

// pushed is how many keys lost their place while they still counted.
func (t *table) pushed() (n uint64) {
	for i := range t.locks {
		t.locks[i].Lock()
		n += t.locks[i].pushed
		t.locks[i].Unlock()
	}
	return n
}
