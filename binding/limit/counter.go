package limit

// buckets is how many counters a window has.
const buckets = 32

// grain is how long a counter of a window is in use, so that a window is never longer than 31 of them.
func grain(window int64) int64 { return window/(buckets-1) + 1 }

// held is how long something may count in a window at most.
func held(window int64) int64 { return buckets * grain(window) }

// words is how many words a ring has: the number of its newest counter, then all, by their number modulo 32.
func (r *ring) words() int {
	if r.Wide {
		return 1 + buckets
	}
	return 1 + buckets/2
}

// newest is the number of the counter of a moment. It is kept as its low 32 bits.
func (r *ring) newest(now int64) uint32 { return uint32(now / grain(r.Window)) }

func (r *ring) get(e []uint32, i uint32) uint32 {
	i %= buckets
	if r.Wide {
		return e[r.At+1+int(i)]
	}
	return e[r.At+1+int(i/2)] >> (16 * (i % 2)) & 0xffff
}

func (r *ring) set(e []uint32, i, v uint32) {
	i %= buckets
	if r.Wide {
		e[r.At+1+int(i)] = v
		return
	}
	w := &e[r.At+1+int(i/2)]
	shift := 16 * (i % 2)
	*w = *w&^(0xffff<<shift) | min(v, 0xffff)<<shift
}

// sum is what the window has now.
func (r *ring) sum(e []uint32, now int64) uint32 {
	age := int32(r.newest(now) - e[r.At])
	if age < 0 {
		age = 0 // somebody was a moment faster
	}
	if age >= buckets {
		return 0
	}
	var n uint32
	if r.Wide {
		for _, c := range e[r.At+1 : r.At+1+buckets] {
			n += c
		}
	} else {
		for _, w := range e[r.At+1 : r.At+1+buckets/2] {
			n += w&0xffff + w>>16
		}
	}
	for i := range uint32(age) { // these are no longer in the window
		n -= r.get(e, e[r.At]+1+i)
	}
	return n
}

// advance makes the counter of a moment the newest.
func (r *ring) advance(e []uint32, now int64) {
	newest := r.newest(now)
	age := int32(newest - e[r.At])
	switch {
	case age <= 0:
		return
	case age >= buckets:
		clear(e[r.At+1 : r.At+r.words()])
	default:
		for i := range uint32(age) {
			r.set(e, newest-i, 0)
		}
	}
	e[r.At] = newest
}

// begin makes all counters zero, at a moment.
func (r *ring) begin(e []uint32, now int64) {
	e[r.At] = r.newest(now)
	clear(e[r.At+1 : r.At+r.words()])
}

// add counts n at a moment, which may be a former one.
func (r *ring) add(e []uint32, now int64, n uint32) {
	r.advance(e, now)
	at := r.newest(now)
	if e[r.At]-at < buckets {
		r.set(e, at, r.get(e, at)+n)
	}
}

// take takes one away that was counted at a moment, where it still counts.
func (r *ring) take(e []uint32, then uint32, now int64) {
	r.advance(e, now)
	at := r.newest(moment(then, now))
	if e[r.At]-at >= buckets {
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

// raise makes every counter at least that of another entry at the same time.
func (r *ring) raise(e, other []uint32) {
	ahead := int32(other[r.At] - e[r.At])
	if ahead > 0 {
		r.forward(e, other[r.At])
	}
	for i := range uint32(buckets) {
		at := other[r.At] - i
		if e[r.At]-at >= buckets {
			break
		}
		if v := r.get(other, at); v > r.get(e, at) {
			r.set(e, at, v)
		}
	}
}

// forward is advance to a counter by its number.
func (r *ring) forward(e []uint32, newest uint32) {
	if newest-e[r.At] >= buckets {
		clear(e[r.At+1 : r.At+r.words()])
	} else {
		for i := e[r.At] + 1; i != newest+1; i++ {
			r.set(e, i, 0)
		}
	}
	e[r.At] = newest
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

// raise makes the list one of which the latest, the second latest and so on is at least as late as in another entry.
func (l list) raise(e, other []uint32) {
	for i := l.At; i < l.At+l.Len; i++ {
		if v := other[i]; v != 0 && (e[i] == 0 || int32(v-e[i]) > 0) {
			e[i] = v
		}
	}
}
