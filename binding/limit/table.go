package limit

import (
	"math/bits"
	"sync"
)

// ways is how many keys a set has places for; its floor is behind them.
const ways = 8

// stripes is how many locks a table has. A set belongs to the one of its number.
const stripes = 256

// table has the counters of the keys of one scope. All of its memory is there from the start.
type table struct {
	layout
	sets   int
	hashes []uint64 // ways of each set; 0: free
	cells  []uint32 // ways and the floor of each set
	locks  [stripes]stripe
}

// stripe is a lock, and what is counted under it. It fills a cache line.
type stripe struct {
	sync.Mutex
	pushed uint64 // keys that lost their place while they still counted
	_      [48]byte
}

// setBytes is what a set takes.
func (l *layout) setBytes() int { return ways*8 + (ways+1)*4*l.Words }

// newTable makes a table within so many bytes, of one set at least.
func newTable(l layout, bytes int) *table {
	sets := max(1, bytes/l.setBytes())
	return &table{
		layout: l, sets: sets,
		hashes: make([]uint64, sets*ways), cells: make([]uint32, sets*(ways+1)*l.Words),
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
	at := (set*(ways+1) + way) * t.Words
	return t.cells[at : at+t.Words : at+t.Words]
}

func (t *table) floor(set int) []uint32 { return t.entry(set, ways) }

// find returns the counters of a key, and whether they are its own: where it has no place, those of the floor. The set is
// locked.
func (t *table) find(set int, key uint64) (e []uint32, own bool) {
	hashes := t.hashes[set*ways : set*ways+ways]
	for way, h := range hashes {
		if h == key {
			return t.entry(set, way), true
		}
	}
	return t.floor(set), false
}

// stale reports whether nothing in an entry counts any more.
func (t *table) stale(e []uint32, now int64) bool {
	return now-moment(e[wordLast], now) > t.Longest
}

// place gives a key a place, which begins at the floor, and returns its counters. The set is locked.
func (t *table) place(set int, key uint64, now int64) []uint32 {
	e, floor := t.claim(set, key, now), t.floor(set)
	if floor[wordLast] == 0 || t.stale(floor, now) {
		t.begin(e, now)
		return e
	}
	copy(e, floor)
	e[wordLast] = stamp(now)
	for _, at := range t.Seen {
		if at != 0 {
			e[at] = 0 // it is not this one's
		}
	}
	for i := range t.Rings {
		if t.Rings[i].Long {
			t.Rings[i].begin(e, now)
		}
	}
	return e
}

// claim gives a key a place as it is. The set is locked.
func (t *table) claim(set int, key uint64, now int64) []uint32 {
	way := t.free(set, now)
	if way < 0 {
		way = t.victim(set)
		t.pushOut(set, way, now)
	}
	t.hashes[set*ways+way] = key
	return t.entry(set, way)
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

// pushOut merges an entry into the floor.
func (t *table) pushOut(set, way int, now int64) {
	e, floor := t.entry(set, way), t.floor(set)
	t.locks[set%stripes].pushed++
	t.merge(floor, e, now)
}

// merge makes a floor at least as high as an entry.
func (t *table) merge(floor, e []uint32, now int64) {
	if floor[wordLast] == 0 || t.stale(floor, now) {
		t.begin(floor, now)
		floor[wordLast] = e[wordLast]
	}
	if int32(e[wordLast]-floor[wordLast]) > 0 {
		floor[wordLast] = e[wordLast]
	}
	for k := range t.Lists {
		t.Lists[k].raise(floor, e)
	}
	for i := range t.Rings {
		if !t.Rings[i].Long {
			t.Rings[i].raise(floor, e)
		}
	}
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
