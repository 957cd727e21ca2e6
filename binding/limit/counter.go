package limit

// buckets is how many counters a window has.
const buckets = 32

// grain is how long a counter of a window is in use, so that a window is never longer than 31 of them.
func grain(window int64) int64 { return window/(buckets-1) + 1 }

// held is how long something may count in a window at most.
func held(window int64) int64 { return buckets * grain(window) }

// A ring has two words at its Head: the number of its newest counter, and the sum of all of them. The counters themselves are
// at At, by their number modulo 32. The heads of all rings of an entry lie together, so that what a key is asked is in one
// or two lines of the cache, and only what is counted touches others.
const headWords = 2

// words is how many words the counters of a ring have.
func (r *ring) words() int {
	if r.Wide {
		return buckets
	}
	return buckets / 2
}

// cells are the counters of a ring.
func (r *ring) cells(e []uint32) []uint32 { return e[r.At : r.At+r.words()] }

// newest is the number of the counter of a moment. It is kept as its low 32 bits.
func (r *ring) newest(now int64) uint32 { return uint32(now / grain(r.Window)) }

func (r *ring) get(e []uint32, i uint32) uint32 {
	i %= buckets
	if r.Wide {
		return e[r.At+int(i)]
	}
	return e[r.At+int(i/2)] >> (16 * (i % 2)) & 0xffff
}

// set sets a counter, which stays at its highest value when there is more.
func (r *ring) set(e []uint32, i, v uint32) {
	i %= buckets
	if r.Wide {
		w := &e[r.At+int(i)]
		e[r.Head+1] += v - *w
		*w = v
		return
	}
	v = min(v, 0xffff)
	w := &e[r.At+int(i/2)]
	shift := 16 * (i % 2)
	e[r.Head+1] += v - *w>>shift&0xffff
	*w = *w&^(0xffff<<shift) | v<<shift
}

// sum is what the window has now.
func (r *ring) sum(e []uint32, now int64) uint32 {
	newest, n := e[r.Head], e[r.Head+1]
	if n == 0 {
		return 0
	}
	age := int32(r.newest(now) - newest)
	if age >= buckets {
		return 0
	}
	for i := range age { // these are no longer in the window; before zero somebody was a moment faster
		n -= r.get(e, newest+1+uint32(i))
	}
	return n
}

// advance makes the counter of a moment the newest.
func (r *ring) advance(e []uint32, now int64) {
	if newest := r.newest(now); int32(newest-e[r.Head]) > 0 {
		r.forward(e, newest)
	}
}

// forward is advance to a counter by its number.
func (r *ring) forward(e []uint32, newest uint32) {
	if e[r.Head+1] > 0 {
		if newest-e[r.Head] >= buckets {
			r.clear(e)
		} else {
			for i := e[r.Head] + 1; i != newest+1; i++ {
				r.set(e, i, 0)
			}
		}
	}
	e[r.Head] = newest
}

func (r *ring) clear(e []uint32) {
	clear(r.cells(e))
	e[r.Head+1] = 0
}

// begin makes all counters zero, at a moment.
func (r *ring) begin(e []uint32, now int64) {
	e[r.Head] = r.newest(now)
	r.clear(e)
}

// add counts n at a moment, which may be a former one.
func (r *ring) add(e []uint32, now int64, n uint32) {
	r.advance(e, now)
	at := r.newest(now)
	if e[r.Head]-at < buckets {
		r.set(e, at, r.get(e, at)+n)
	}
}

// take takes one away that was counted at a moment, where it still counts.
func (r *ring) take(e []uint32, then uint32, now int64) {
	r.advance(e, now)
	at := r.newest(moment(then, now))
	if e[r.Head]-at >= buckets {
		return
	}
	if n := r.get(e, at); n > 0 {
		r.set(e, at, n-1)
	}
}

// moment is the tick of a stamp that is not half of all stamps away.
func moment(then uint32, now int64) int64 { return now - int64(int32(uint32(now)-then)) }

// has reports whether what was counted at a moment still counts.
func (r *ring) has(then uint32, now int64) bool {
	return r.newest(now)-min(r.newest(now), r.newest(moment(then, now))) < buckets
}

// fill makes the counters those of the same ring in another entry, which is of another layout.
func (r *ring) fill(e []uint32, from *ring, other []uint32) {
	r.clear(e)
	e[r.Head] = other[from.Head]
	for i := range uint32(buckets) {
		r.set(e, i, from.get(other, i))
	}
}

// A list is the times of the latest attempts, the newest first; zero is none.

// stamp is a moment as a list has it.
func stamp(now int64) uint32 { return max(uint32(now), 1) }

// sum is how many are not older than a window.
func (l list) sum(e []uint32, now, window int64) (n uint32) {
	for _, then := range e[l.At : l.At+l.Len] {
		if then == 0 || now-moment(then, now) > window {
			break
		}
		n++
	}
	return n
}

// add puts a moment in.
func (l list) add(e []uint32, then uint32) {
	times := e[l.At : l.At+l.Len]
	for i, t := range times {
		if t == 0 || int32(then-t) >= 0 {
			copy(times[i+1:], times[i:])
			times[i] = then
			return
		}
	}
}
