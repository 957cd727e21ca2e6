package admin

import (
	"errors"
	"net/http"
	"time"

	"mask700/binding"
	"mask700/binding/rule"
)

// explainDialled explains a call that shows no caller: a caller does not belong in a URL.
func (a *api) explainDialled(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	q := Question{Dialled: v.Get("dialled")}
	var err error
	if at := v.Get("at"); at != "" {
		if q.At, err = time.Parse(time.RFC3339, at); err != nil {
			err = &binding.FieldError{Field: "at", Err: errors.New("not a time in RFC 3339, such as 2026-01-02T15:04:05+08:00")}
		}
	}
	if v.Has("caller") {
		err = &binding.FieldError{Field: "caller", Err: errors.New("a number does not belong in a URL; send POST /v1/explain")}
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answerExplain(w, r, q)
}

func (a *api) explain(w http.ResponseWriter, r *http.Request) {
	var q Question
	if err := readJSON(w, r, &q); err != nil {
		a.fail(w, err)
		return
	}
	a.answerExplain(w, r, q)
}

func (a *api) answerExplain(w http.ResponseWriter, r *http.Request, q Question) {
	query := binding.Query{At: q.At, Strangers: a.Bindings.Plan.Strangers}
	if query.At.IsZero() {
		query.At = a.now()
	}
	var err error
	if query.Dialled, query.Extension, err = a.Bindings.Plan.ParseDialled(q.Dialled); err != nil {
		a.fail(w, &binding.FieldError{Field: "dialled", Err: err})
		return
	}
	if q.Caller != "" {
		if query.Caller, err = a.Bindings.Plan.ParseNumber(q.Caller); err != nil {
			a.fail(w, &binding.FieldError{Field: "caller", Err: err})
			return
		}
	}
	rows, err := a.Bindings.Store.Candidates(r.Context(), query.Dialled, query.At)
	if err != nil {
		a.fail(w, err)
		return
	}
	held := a.Bindings.Store.Holds(query.Dialled.Block())
	ids := make([]string, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	object := "x " + query.Dialled.String()
	if !query.Caller.IsZero() {
		object += ", caller " + query.Caller.String()
	}
	show, err := a.show(r, ActionExplain, object+": "+listed("binding", ids))
	if err != nil {
		a.fail(w, err)
		return
	}
	d := binding.Explain(query, held, rows)
	asked := a.remote(r, &query, held, &d)
	if err := d.CallBack(r.Context(), &query, a.Calls, a.Bindings.Plan.CallBack); err != nil {
		a.fail(w, err)
		return
	}
	var v rule.Verdict
	if d.Refusal == binding.RefusalNone {
		v = a.Rules.Judge(r.Context(), &rule.Attempt{Query: query, Binding: d.Binding, Edge: d.Edge, Probe: true})
		d.Refuse(v.Refusal)
	}
	e := explanation(query, held, d, show)
	e.Rule, e.Shadow, e.Evidence, e.Remote = v.Rule, v.Shadow, v.Evidence, asked
	a.answer(w, http.StatusOK, e)
}

// remote asks the endpoint of the number, where there is one and nothing bound is for the caller, as the call path does,
// and says what came of it. What was bound stays among the candidates.
func (a *api) remote(r *http.Request, q *binding.Query, held bool, d *binding.Decision) string {
	if d.Refusal != binding.RefusalNoBinding && d.Refusal != binding.RefusalExpired || !held || !a.Remote.Serves(q.Dialled) {
		return ""
	}
	answer := a.Remote.Decide(r.Context(), rule.Call, "", q)
	if len(answer.Rows) > 0 {
		refused := d.Candidates
		*d = binding.Explain(*q, held, answer.Rows)
		d.Candidates = append(d.Candidates, refused...)
	}
	return answer.Evidence
}

// explanation puts a decision into words for an operator, who may know more than a caller is told.
func explanation(q binding.Query, held bool, d binding.Decision, show Show) Explanation {
	e := Explanation{
		Dialled: q.Dialled, Extension: q.Extension, Caller: show(q.Caller), At: q.At, Held: held,
		Connected: d.Refusal == binding.RefusalNone, Refusal: d.Refusal,
		Candidates: []Candidate{},
	}
	switch {
	case d.Refusal == binding.RefusalNone:
		e.Rings, e.Shows = show(d.Edge.Callee), d.Edge.Shown
	case d.ToParty():
		e.Answer = http.StatusForbidden // SIP's status is the same number
	default:
		e.Answer = http.StatusNotFound
	}
	if d.Binding != nil {
		e.Binding = d.Binding.ID
	}
	for _, c := range d.Candidates {
		e.Candidates = append(e.Candidates, Candidate{
			Binding: c.Binding,
			Leg:     c.Edge.Leg(show),
			Why:     c.Why,
		})
	}
	return e
}
