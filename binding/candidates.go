package binding

// Words of Candidate.Why.
const (
	whyMode       = "its mode is not served by this version"
	whyOpen       = "it is for anyone, which numbering.allow_strangers does not allow here"
	whyNoCaller   = "the call shows no caller that can be read"
	whyNotHeld    = "the dialled number is in no block that this installation holds"
	whyOver       = "the dialled number is of an older range, and not in service: its block is not held, or its last day was over"
	whyDialled    = "it is reached over another number"
	whyCaller     = "it is for another caller"
	whyDigits     = "it has no extension, and digits were dialled behind the number"
	whyNoDigits   = "its extension was not dialled"
	whyExtension  = "it has another extension"
	whySelf       = "it would ring the caller itself"
	whyPending    = "the binding was not made yet"
	whyExpired    = "the binding has expired"
	whyUnbound    = "the binding was unbound"
	whyForbidden  = "the binding is one-way and this caller may only be called"
	whyNobody     = "the binding names nobody whom this caller would reach"
	whySuperseded = "another binding came first"
	whyNamed      = "it is for anyone, and another binding came first"
)

// candidates lists every edge of the rows but the one taken.
func candidates(q *Query, held bool, rows []Binding, d Decision) []Candidate {
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
			all = append(all, Candidate{Binding: row.ID, Edge: e, Why: whyNot(q, held, row, &e)})
		}
	}
	return all
}

// whyNot gives the first reason in the order in which Resolve asks.
func whyNot(q *Query, held bool, row *Binding, e *Edge) string {
	switch {
	case q.Caller.IsZero():
		return whyNoCaller
	case !held && q.Dialled.Older():
		return whyOver
	case !held || !q.Dialled.Valid():
		return whyNotHeld
	case e.Dialled != q.Dialled:
		return whyDialled
	case e.Anyone && !q.Strangers:
		return whyOpen
	case !e.Anyone && e.Caller != q.Caller:
		return whyCaller
	case e.Extension == "" && q.Extension != "":
		return whyDigits
	case e.Extension != "" && q.Extension == "":
		return whyNoDigits
	case e.Extension != q.Extension:
		return whyExtension
	case e.Anyone && e.Callee == q.Caller:
		return whySelf
	}
	switch row.State(q.At) {
	case StatePending:
		return whyPending
	case StateExpired:
		return whyExpired
	case StateUnbound:
		return whyUnbound
	}
	switch {
	case e.Callee.IsZero():
		return whyNobody
	case e.Forbidden:
		return whyForbidden
	case e.Anyone:
		return whyNamed
	}
	return whySuperseded
}
