package binding

// Words of Candidate.Why.
const (
	whyMode       = "its mode is not served by this version"
	whyNoCaller   = "the call shows no caller that can be read"
	whyNotHeld    = "the dialled number is in no block that this installation holds"
	whyDialled    = "it is reached over another number"
	whyCaller     = "it is for another caller"
	whyPending    = "the binding was not made yet"
	whyExpired    = "the binding has expired"
	whyUnbound    = "the binding was unbound"
	whyForbidden  = "the binding is one-way and this caller may only be called"
	whySuperseded = "another binding came first"
)

// candidates lists every edge of the rows but the one taken.
func candidates(q Query, held bool, rows []Binding, d Decision) []Candidate {
	var all []Candidate
	for i := range rows {
		row := &rows[i]
		edges := row.Edges()
		if len(edges) == 0 {
			all = append(all, Candidate{Binding: row.ID, Why: whyMode})
		}
		for _, e := range edges {
			if d.Refusal == RefusalNone && d.Binding == row && d.Edge == e {
				continue
			}
			all = append(all, Candidate{Binding: row.ID, Edge: e, Why: whyNot(q, held, row, e)})
		}
	}
	return all
}

// whyNot gives the first reason in the order in which Resolve asks.
func whyNot(q Query, held bool, row *Binding, e Edge) string {
	switch {
	case q.Caller.IsZero():
		return whyNoCaller
	case !held || !q.Dialled.Valid():
		return whyNotHeld
	case e.Dialled != q.Dialled:
		return whyDialled
	case e.Caller != q.Caller:
		return whyCaller
	}
	switch row.State(q.At) {
	case StatePending:
		return whyPending
	case StateExpired:
		return whyExpired
	case StateUnbound:
		return whyUnbound
	}
	if e.Forbidden {
		return whyForbidden
	}
	return whySuperseded
}
