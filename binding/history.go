package binding

import (
	"slices"
	"time"
)

// HistoryQuery asks who held what and when. Exactly one of the first four
// fields is set; the bindings that it names and that carried calls at some
// moment of the window are meant.
type HistoryQuery struct {
	X       X      // a number of the binding, X or Y
	Number  Number // a party, in whatever role
	Order   string
	Consent string

	Since  time.Time // live at this moment or later; zero: no bound
	Until  time.Time // live before this moment; zero: no bound
	After  string    // Holding.Cursor: what comes behind that one; "": from the newest on
	Limit  int       // at most so many, the newest ones; 0: all
	Erased *int      // as in Filter
}

// Holding is a stretch of time in which numbers were held: a binding as it
// then was, from one moment to before another. A binding whose parties or
// consent were changed is several of them.
type Holding struct {
	Binding  Binding
	From, To time.Time // To: zero while nothing says that it ends

	// Cursor is where it stands among what was asked for, as HistoryQuery.After. What is bound
	// later comes before it.
	Cursor string
}

// Holdings is the life of b as stretches, the last one first. A binding that
// never lived has none.
func (b *Binding) Holdings() []Holding {
	from, end := b.CreatedAt, b.ended()
	if !end.IsZero() && !end.After(from) {
		return nil
	}
	var all []Holding
	for i := 0; i < len(b.Changes); i++ {
		at := b.Changes[i].At
		if !at.After(from) || !end.IsZero() && !at.Before(end) {
			continue // one moment with the change before
		}
		all = append(all, Holding{Binding: b.AsOf(from), From: from, To: at})
		from = at
	}
	all = append(all, Holding{Binding: b.AsOf(from), From: from, To: end})
	slices.Reverse(all)
	return all
}

// At is the query with the window of one moment.
func (q HistoryQuery) At(t time.Time) HistoryQuery {
	q.Since, q.Until = t, t.Add(1)
	return q
}

// one reports whether exactly one of the things asked for is named.
func (q *HistoryQuery) one() bool {
	n := 0
	for _, set := range []bool{q.X != 0, !q.Number.IsZero(), q.Order != "", q.Consent != ""} {
		if set {
			n++
		}
	}
	return n == 1
}

// Check refuses a query that names nothing, or more than one thing, or a
// window that ends before it begins: a *FieldError.
func (q *HistoryQuery) Check() error {
	switch {
	case !q.one():
		return &FieldError{Field: "query", Err: ErrHistory}
	case !q.Since.IsZero() && !q.Until.IsZero() && !q.Until.After(q.Since):
		return &FieldError{Field: "until", Err: ErrWindow}
	}
	return nil
}

// Holdings returns the stretches of b that are selected by everything in q but
// Limit, the last one first.
func (q *HistoryQuery) Holdings(b *Binding) []Holding {
	if !q.Touches(b) {
		return nil
	}
	return slices.DeleteFunc(b.Holdings(), func(h Holding) bool {
		return !q.touches(h.From, h.To) || !q.names(&h.Binding)
	})
}

// names reports whether b is of what is asked about.
func (q *HistoryQuery) names(b *Binding) bool {
	switch {
	case q.X != 0:
		return b.OnX(q.X)
	case !q.Number.IsZero():
		return b.HasParty(q.Number)
	case q.Order != "":
		return b.Order == q.Order
	}
	return b.Consent == q.Consent
}

// Touches reports whether b was live at some moment of the window. Only its
// times are asked for.
func (q *HistoryQuery) Touches(b *Binding) bool { return q.touches(b.CreatedAt, b.ended()) }

func (q *HistoryQuery) touches(from, to time.Time) bool {
	switch {
	case !q.Until.IsZero() && !from.Before(q.Until):
		return false
	case to.IsZero():
		return true
	case !to.After(from):
		return false // it never lived
	}
	return q.Since.IsZero() || to.After(q.Since)
}
