package binding

import "time"

// Query is a call to be resolved.
type Query struct {
	Dialled   X
	Extension string // digits dialled behind it
	Caller    Number // zero: the call shows no caller that could be read
	At        time.Time
	Strangers bool // edges for anyone count: see Plan.Strangers
	Explain   bool // fill Decision.Candidates

	// Joins is who would talk with whoever is reached, where that is not the caller: of a
	// transfer the one who stays. Zero: it is the caller.
	Joins Number

	// Over is the id of the binding that a call was ordered over; empty: it was dialled, and goes
	// over whichever there is. One that would go over another goes over none.
	Over string
}

// Refusal is why a call is not carried, as its record says. The zero value
// is no refusal.
type Refusal string

// Reasons of refusal. Resolve gives the first four; the others are of rules
// that run after the match and of the gateway.
const (
	RefusalNone       Refusal = ""
	RefusalNoCaller   Refusal = "no_caller"
	RefusalNoBinding  Refusal = "no_binding"
	RefusalExpired    Refusal = "expired"
	RefusalOneWay     Refusal = "one_way"
	RefusalCapped     Refusal = "capped"
	RefusalBlocked    Refusal = "blocked"
	RefusalSuspended  Refusal = "suspended"
	RefusalUnverified Refusal = "unverified"
	RefusalNoRoute    Refusal = "no_route"
	RefusalOverload   Refusal = "overload"
)

// Decision is the answer to a Query.
type Decision struct {
	// Edge is the way of the call; the zero Edge when it is refused.
	Edge Edge
	// Binding is the row that the call belongs to: the one matched, or for
	// RefusalExpired and RefusalOneWay the one that stands in the way, for
	// the record. It points into the rows that were given.
	Binding *Binding
	Refusal Refusal
	// Next are those who are tried when the callee of Edge does not answer, in their order.
	Next []Number
	// Skipped is how many come before the callee of Edge, and are refused by a rule.
	Skipped int
	// Stranger: a rule refuses an edge for anyone. The caller is no party, and
	// is answered as those are whom nothing is bound for.
	Stranger bool
	// Ended is when the caller's own edge on this number ended last, whatever the
	// binding ended by; zero when it is live, or never was.
	Ended time.Time
	// Extensions are how long those are that strangers may dial behind the number,
	// and Guess is the binding of one of them, where this caller has dialled one that
	// there is not.
	Extensions Lengths
	Guess      *Binding
	// Candidates are the edges that did not match, when Query.Explain asks.
	Candidates []Candidate
}

// Refuse takes the edge away from a call that a rule after the match refuses;
// the binding stays, for the record. No reason changes nothing.
func (d *Decision) Refuse(why Refusal) {
	if why != RefusalNone {
		d.Stranger = d.Edge.Anyone
		d.Edge, d.Next, d.Skipped, d.Refusal = Edge{}, nil, 0, why
	}
}

// ToParty reports whether the refused caller is a party of a live binding, who
// is told that there is one. Everyone else gets one answer, whatever the
// reason.
func (d *Decision) ToParty() bool {
	switch d.Refusal {
	case RefusalOneWay, RefusalCapped, RefusalBlocked, RefusalSuspended, RefusalUnverified:
		return !d.Stranger
	}
	return false
}

// Candidate is an edge that was looked at and not taken.
type Candidate struct {
	Binding string // id
	Edge    Edge   // zero when the binding has no edge in this version
	Why     string // in words, without a number
}

// Resolve decides a call. It is pure. held says whether the block of the
// dialled number is held by this installation, and in service; rows are the bindings on that
// number in any state and order. A caller whom a live binding names takes that
// edge, or is refused where it is forbidden; then comes a live edge for
// anyone; everyone else is refused. With Query.Over nothing is said of another
// binding than that one, not even that it refuses.
func Resolve(q Query, held bool, rows []Binding) Decision {
	d := decide(&q, held, rows)
	if q.Over != "" && (d.Binding == nil || d.Binding.ID != q.Over) {
		d = Decision{Refusal: RefusalNoBinding}
	}
	if d.Edge.Back == BackInTurn {
		d.Next = d.Binding.Next(d.Edge)
	}
	if q.Explain {
		d.Candidates = candidates(&q, held, rows, d)
	}
	return d
}

// Explain is Resolve with Candidates filled.
func Explain(q Query, held bool, rows []Binding) Decision {
	q.Explain = true
	return Resolve(q, held, rows)
}

func decide(q *Query, held bool, rows []Binding) Decision {
	switch {
	case q.Caller.IsZero():
		return Decision{Refusal: RefusalNoCaller}
	case !held || !q.Dialled.Valid():
		return Decision{Refusal: RefusalNoBinding}
	}
	var forbidden, old *Binding
	var open Decision  // by an edge for anyone
	var others Lengths // of extensions that would reach somebody
	var other *Binding
	for i := range rows {
		row := &rows[i]
		for e := range row.edges {
			if !e.isFor(q) {
				if e.Extension != "" && e.isOpen(q) && row.State(q.At) == StateLive {
					others.add(len(e.Extension))
					other = row
				}
				continue
			}
			switch state := row.State(q.At); {
			case e.Anyone && state == StateLive && open.Binding == nil:
				open = Decision{Edge: e, Binding: row}
			case e.Anyone:
			case state == StateLive && !e.Forbidden:
				return Decision{Edge: e, Binding: row}
			case state == StateLive:
				forbidden = row
			case state != StatePending && (old == nil || row.CreatedAt.After(old.CreatedAt)):
				old = row
			}
		}
	}
	switch {
	case forbidden != nil:
		return Decision{Binding: forbidden, Refusal: RefusalOneWay}
	case open.Binding != nil:
		return open
	}
	d := Decision{Refusal: RefusalNoBinding, Extensions: others}
	if q.Extension != "" {
		d.Guess = other
	}
	if old != nil {
		d.Ended = old.ended()
		if old.State(q.At) == StateExpired {
			d.Binding, d.Refusal = old, RefusalExpired
		}
	}
	return d
}
