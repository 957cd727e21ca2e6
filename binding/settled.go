package binding

import "time"

// maxSetBack is how far a clock may have been set back while what was bound before that
// lives on. Who puts a clock right by minutes or hours has all of it; one that was wrong by
// more gave ends, too, that are as far from those that were meant.
const maxSetBack = 24 * time.Hour

// Ahead reports whether b, which is not over, begins at a moment that is still to come: it was
// bound before the clock was set back, by a day at most. State has it pending until then; to
// calls that come now it is live, see [Settled].
func (b *Binding) Ahead(now time.Time) bool {
	return b.CreatedAt.After(now) && !b.CreatedAt.After(now.Add(maxSetBack)) &&
		b.EndedAt.IsZero() && (b.ExpiresAt.IsZero() || now.Before(b.ExpiresAt))
}

// Settled has rows be what they are for a call that comes now, where a clock that was set back
// does not show the moments in them yet: what was unbound is over, and what was bound lives.
// Of bindings that collide, which on one number the old clock and the new may both have made,
// none comes to life before its time: nobody knows whose it is. Rows are changed in place and
// returned.
func Settled(rows []Binding, q *Query) []Binding {
	for i := range rows {
		if rows[i].EndedAt.After(q.At) {
			rows[i].EndedAt = q.At
		}
	}
	for i := range rows {
		if b := &rows[i]; b.Ahead(q.At) && b.wanted(q) && !b.doubted(rows, q.At) {
			b.CreatedAt = q.At
		}
	}
	return rows
}

// wanted reports whether a call takes an edge of b, or would with an extension. Of a number
// with many others on it these few alone are looked at more closely.
func (b *Binding) wanted(q *Query) bool {
	for e := range b.edges {
		if e.isFor(q) || e.Extension != "" && q.Extension == "" && e.isOpen(q) {
			return true
		}
	}
	return false
}

// doubted reports whether another of some rows that is not over collides with b.
func (b *Binding) doubted(rows []Binding, now time.Time) bool {
	for i := range rows {
		other := &rows[i]
		if other.ID != b.ID && (other.State(now) == StateLive || other.Ahead(now)) && other.Collides(b) {
			return true
		}
	}
	return false
}
