package route

import "time"

// Lease is what a target was resolved to, and for how long. Its zero value has
// nothing and is due at once.
type Lease struct {
	Places []Place

	until      time.Time
	asking     bool
	complained time.Time
}

// Ask reports whether it is time to resolve the target, and notes that this is
// being done: Learn has to follow.
func (l *Lease) Ask(now time.Time) bool {
	if l.asking || now.Before(l.until) {
		return false
	}
	l.asking = true
	return true
}

// Next is when to ask again; false while that is being done.
func (l *Lease) Next() (time.Time, bool) { return l.until, !l.asking }

// Learn takes what came of Ask and reports whether it is worth a line in the
// log: nothing was found, or nobody answered. In the second case what was known
// stays in use, for a name server that is away is no reason to end calls.
func (l *Lease) Learn(now time.Time, a Answer, err error, t Times) (complain bool) {
	l.asking = false
	switch {
	case err != nil:
		l.until = now.Add(t.Negative)
	case len(a.Places) == 0:
		l.Places = nil
		l.until = now.Add(t.Negative)
	default:
		l.Places = a.Places
		l.until = now.Add(min(max(a.TTL, t.MinTTL), t.MaxTTL))
		l.complained = time.Time{}
		return false
	}
	if !l.complained.IsZero() && now.Sub(l.complained) < t.Complain {
		return false
	}
	l.complained = now
	return true
}
