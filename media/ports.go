package media

import "time"

// ports hands out the port pairs of one pool: an even port for RTP and the odd
// one after it for RTCP (RFC 3550 section 11). They come in random order, so that
// the next call's ports cannot be guessed, and a pair rests after use, so that a
// late packet of one call is not taken for the next one's.
//
// It is plain data: time and randomness are handed in. Each pair is in exactly
// one of the lists, so memory is bounded by the size of the pool.
type ports struct {
	rest    time.Duration
	free    []uint16
	resting []restingPort // a ring in order of time, as every rest is equally long
	head    int           // of the ring
	waiting int           // in the ring
	used    map[uint16]struct{}

	doubted    []uint16  // of calls that a crash cut off: taken when no other is left
	doubtFrom  time.Time // not before
	doubtUntil time.Time // as any other after
}

type restingPort struct {
	port  uint16
	until time.Time
}

// newPorts takes every pair that lies within lo and hi, both inclusive.
func newPorts(lo, hi uint16, rest time.Duration) *ports {
	p := &ports{rest: rest, used: map[uint16]struct{}{}}
	for port := (int(lo) + 1) &^ 1; port+1 <= int(hi); port += 2 {
		if port != 0 {
			p.free = append(p.free, uint16(port))
		}
	}
	p.resting = make([]restingPort, len(p.free))
	return p
}

// take gives the even port of a free pair. draw(n) is a random number below n.
func (p *ports) take(now time.Time, draw func(n int) int) (uint16, bool) {
	p.wake(now)
	from := &p.free
	if len(p.free) == 0 && !now.Before(p.doubtFrom) {
		from = &p.doubted
	}
	n := len(*from)
	if n == 0 {
		return 0, false
	}
	i := draw(n)
	port := (*from)[i]
	(*from)[i] = (*from)[n-1]
	*from = (*from)[:n-1]
	p.used[port] = struct{}{}
	return port, true
}

// give lets a pair rest. A port that is not in use is ignored.
func (p *ports) give(port uint16, now time.Time) {
	if _, ok := p.used[port]; !ok {
		return
	}
	delete(p.used, port)
	p.resting[(p.head+p.waiting)%len(p.resting)] = restingPort{port: port, until: now.Add(p.rest)}
	p.waiting++
}

// wake frees the pairs that have rested.
func (p *ports) wake(now time.Time) {
	for p.waiting > 0 && !now.Before(p.resting[p.head].until) {
		p.free = append(p.free, p.resting[p.head].port)
		p.head = (p.head + 1) % len(p.resting)
		p.waiting--
	}
	if len(p.doubted) > 0 && !now.Before(p.doubtUntil) {
		p.free = append(p.free, p.doubted...)
		p.doubted = nil
	}
}

func (p *ports) counts() (free, used, resting int) {
	return len(p.free), len(p.used), p.waiting + len(p.doubted)
}
