package admin

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"mask700/binding"
	"mask700/binding/lookup"
	"mask700/binding/rule"
)

// explainDialled explains a call that shows no caller: a caller does not belong in a URL.
func (a *api) explainDialled(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	q := Question{Kind: v.Get("kind"), Dialled: v.Get("dialled")}
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
	kind, ok := kinds[q.Kind]
	if !ok {
		a.fail(w, &binding.FieldError{Field: "kind", Err: errors.New("write call or text")})
		return
	}
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
		if err = a.mayGuess(r); err != nil {
			a.fail(w, err)
			return
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), lookup.Time)
	defer cancel()
	path := a.path()
	found, err := path.Find(ctx, &query)
	if err != nil {
		a.fail(w, err)
		return
	}
	show, err := a.showExplained(r, &query, found.Rows)
	if err != nil {
		a.fail(w, err)
		return
	}
	query.Explain = true
	answer := path.Decide(ctx, &lookup.Attempt{Kind: kind, Query: query, Now: q.At.IsZero()}, found)
	if answer.Err != nil && answer.Remote == "" {
		a.fail(w, answer.Err)
		return
	}
	e := explanation(query, found.Held, answer, show)
	e.Kind = kind.String()
	if kind == rule.Text {
		a.Texts.explain(&e, answer.Verdict.Numbers)
	}
	a.answer(w, http.StatusOK, e)
}

// path is that of calls.
func (a *api) path() *lookup.Path {
	return &lookup.Path{Store: a.Bindings.Store, Calls: a.Calls, CallBack: a.Bindings.Plan.CallBack, Remote: a.Remote, Rules: a.Rules, Logger: a.log, Plan: a.Bindings.Plan}
}

// showExplained says how numbers are shown of what is bound on a number, and notes that they are, or that a caller was named.
func (a *api) showExplained(r *http.Request, q *binding.Query, rows []binding.Binding) (Show, error) {
	ids := make([]string, len(rows))
	numbers := []binding.Number{q.Caller}
	for i := range rows {
		ids[i] = rows[i].ID
		numbers = append(numbers, rows[i].Parties()...)
	}
	object := "x " + q.Dialled.String()
	if !q.Caller.IsZero() {
		object += ", caller " + q.Caller.String()
	}
	object += ": " + listed("binding", ids)
	show, err := a.show(r, ActionExplain, object, numbers...)
	if k := askOf(r.Context()); err == nil && !k.reveal && !q.Caller.IsZero() {
		if err = reasonNamesNone(k.reason, q.Caller); err != nil {
			return nil, err
		}
		_, err = a.note(r, ActionGuess, object, cmp.Or(k.reason, noReason))
	}
	return show, err
}

// mayGuess refuses a caller that may not be named. What is said of a number that was given says whether it is that of a
// party, so that who may try them all has the digits that are masked: on behalf of a tenant that is for who may see them,
// and for a reason. The operator's is noted, as each is; a token of the operator's that may not see numbers needs a reason too.
func (a *api) mayGuess(r *http.Request) error {
	switch sees := mayReveal(r.Context()); {
	case a.Bindings.Tenant == "" && sees:
		return nil
	case a.Bindings.Tenant != "" && !sees:
		return errMayNotGuess
	case askOf(r.Context()).reason == "":
		return errGuessNeedsReason
	}
	return nil
}

var (
	errMayNotGuess            = kindForbidden.problem("this token may not see real numbers, nor try them as callers or look for them; use one that was made with --reveal, or name no number")
	errGuessNeedsReason error = &binding.FieldError{Field: "reason", Err: errors.New("a caller that is named needs one, in " + HeaderReason + " or --reason; the audit log records it")}
)

// kinds are the words of Question.Kind.
var kinds = map[string]rule.Kind{"": rule.Call, "call": rule.Call, "text": rule.Text}

// ruleTexts is the rule of an explanation where no texts are carried at all. No record has it: there is none then.
const ruleTexts = "texts.enabled"

// explain adds what only a text has: whether texts are carried at all, and what would become of telephone numbers in it,
// which its tenant may have a word about.
func (t Texts) explain(e *Explanation, wanted string) {
	switch {
	case t.Off:
		*e = Explanation{Kind: e.Kind, Dialled: e.Dialled, Extension: e.Extension, Caller: e.Caller, At: e.At, Held: e.Held,
			Answer: http.StatusMethodNotAllowed, Rule: ruleTexts, Candidates: e.Candidates}
	case e.Connected:
		e.Numbers = cmp.Or(wanted, t.Numbers, binding.TextsMask)
	}
}

// explanation puts a decision into words for an operator, who may know more than a caller is told.
func explanation(q binding.Query, held bool, answer lookup.Answer, show Show) Explanation {
	d, v := &answer.Decision, &answer.Verdict
	e := Explanation{
		Dialled: q.Dialled, Extension: q.Extension, Caller: show(q.Caller), At: q.At, Held: held,
		Connected: d.Refusal == binding.RefusalNone && answer.Err == nil, Refusal: d.Refusal,
		Rule: v.Rule, Shadow: v.Shadow, Evidence: v.Evidence, Remote: answer.Remote,
		Candidates: []Candidate{},
	}
	switch {
	case answer.Err != nil: // something failed, nobody refuses
		e.Answer, e.Refusal = http.StatusInternalServerError, binding.RefusalNone
	case d.Refusal == binding.RefusalNone:
		e.Rings, e.Shows = show(d.Edge.Callee), d.Edge.Shown
		for _, n := range d.Next[:min(len(d.Next), rule.MaxCalled-1)] {
			e.Then = append(e.Then, show(n))
		}
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
