package store

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mask700/binding"
)

// A number gathers rows, up to maxRowsOnX, of which nearly all are over for good. What goes through them remembers where those begin
// that need not be looked at again, so that the next goes no further: a call to a number costs what came since, not all of its past.

const (
	leastPast = 256  // rows: fewer are passed over as fast as they are looked up
	mostPasts = 4096 // that are remembered, of about 100 bytes and 8 for each exception
	mostNot   = 512  // exceptions of one
)

// past is what is known of the older rows of a number: that they are over, but for some. It is never changed.
type past struct {
	from uint64    // the start of the newest of them
	rows int       // how many there are
	over time.Time // when the last of them was over for good
	not  []uint64  // the starts of those of which that was not so, newest first: they are looked at
}

// pastOf names a past: of who asks what lives, or of who asks what was there within the quarantine.
type pastOf struct {
	x      binding.X
	rested bool
}

// pasts are the pasts that are known. Changes of rows and what is remembered of them come in any order: who has read rows keeps nothing of
// them when one has changed since he began.
type pasts struct {
	changes [1 << 14]atomic.Uint32 // of rows, by number: of so many that another's change is seldom in the way of what is remembered
	passed  atomic.Uint64          // rows that were gone through on numbers one by one

	mu    sync.Mutex // protects what follows
	known map[pastOf]*past
}

// turn is asked before rows of a number are read.
func (s *pasts) turn(x binding.X) uint32 { return s.change(x).Load() }

func (s *pasts) change(x binding.X) *atomic.Uint32 {
	return &s.changes[uint64(x)%uint64(len(s.changes))]
}

func (s *pasts) get(of pastOf) *past {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[of]
}

// keep remembers a past that was read since a turn, unless one is known that goes further: who asks of an earlier moment finds less. Where
// there are too many, any one is forgotten.
func (s *pasts) keep(of pastOf, turn uint32, p *past) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turn(of.x) != turn {
		return
	}
	if s.known == nil {
		s.known = make(map[pastOf]*past)
	}
	if before := s.known[of]; before != nil && before.from > p.from {
		return
	} else if before == nil && len(s.known) >= mostPasts {
		for one := range s.known {
			delete(s.known, one)
			break
		}
	}
	s.known[of] = p
}

// changed is called when a row of a number has changed on disk or is gone, or may be, before that is answered. Of a row that
// is looked at anyway nothing is remembered.
func (s *pasts) changed(x binding.X, start uint64) {
	s.forget(x, func(p *past) bool { return start <= p.from && !slices.Contains(p.not, start) })
}

// added is changed of a new row, which stands at the time of its creation or behind it.
func (s *pasts) added(x binding.X, created time.Time) {
	at := uint64(created.UnixNano())
	s.forget(x, func(p *past) bool { return at <= p.from })
}

func (s *pasts) forget(x binding.X, touches func(*past) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change(x).Add(1)
	for _, rested := range [...]bool{false, true} {
		of := pastOf{x, rested}
		if p := s.known[of]; p != nil && touches(p) {
			delete(s.known, of)
		}
	}
}

// pastReader goes through the rows of a number, newest first, and learns its past on the way.
type pastReader struct {
	pasts *pasts
	of    pastOf
	turn  uint32
	known *past // as it was remembered; nil: it was not

	rows  int      // gone through one by one
	since int      // of them, how many found is of
	found past     // what they are
	used  bool     // known stands for the rest
	left  []uint64 // of the exceptions of known, those that still are ones
}

func (s *pasts) reader(of pastOf) pastReader {
	return pastReader{pasts: s, of: of, turn: s.turn(of.x)}
}

// recall asks what is remembered. To ask late costs those nothing who have read all by then.
func (r *pastReader) recall() { r.known = r.pasts.get(r.of) }

// behind reports whether a row and all older ones are known to be over since a moment or longer. They need not be read then, but for those
// that rest says.
func (r *pastReader) behind(start uint64, since time.Time) bool {
	r.used = r.known != nil && start <= r.known.from && !since.Before(r.known.over)
	return r.used
}

// rest are the starts of the rows that are to be looked at, of one that is behind and the older ones. Each is told to again, if it is
// still there.
func (r *pastReader) rest(start uint64) []uint64 {
	n := 0
	for n < len(r.known.not) && r.known.not[n] > start {
		n++
	}
	r.left = append(r.left, r.known.not[:n]...)
	return r.known.not[n:]
}

// again notes a row of rest, as row does.
func (r *pastReader) again(start uint64, end time.Time, over bool) {
	if !over {
		r.left = append(r.left, start)
	} else if end.After(r.found.over) {
		r.found.over = end
	}
}

// row notes a row that was read one by one: when it is over, and whether it need not be looked at again.
func (r *pastReader) row(start uint64, end time.Time, over bool) {
	if r.rows++; !over && r.since == 0 {
		return
	}
	if r.since++; r.since == 1 {
		r.found.from = start
	}
	switch {
	case !over:
		r.found.not = append(r.found.not, start)
	case end.After(r.found.over):
		r.found.over = end
	}
	if len(r.found.not) > mostNot { // those before are too many: the past begins behind them
		r.found, r.since = past{}, 0
	}
}

// end remembers what was found, when all rows were gone through.
func (r *pastReader) end() {
	r.pasts.passed.Add(uint64(r.rows))
	if r.since < leastPast && !(r.used && len(r.known.not)-len(r.left) >= leastPast) {
		return
	}
	found := r.found
	if found.rows = r.since; r.used {
		if r.since == 0 {
			found.from = r.known.from
		}
		found.rows += r.known.rows
		found.not = append(found.not, r.left...)
		if r.known.over.After(found.over) {
			found.over = r.known.over
		}
	}
	if len(found.not) <= mostNot {
		r.pasts.keep(r.of, r.turn, &found)
	}
}
