package admin

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"mask700/binding"
)

// HistoryRequest asks who held what: exactly one of the first four fields is given, a number only to /v1/history/number.
type HistoryRequest struct {
	X       string `json:"x,omitempty"`
	Number  string `json:"number,omitempty"`
	Order   string `json:"order,omitempty"`
	Consent string `json:"consent,omitempty"`

	At    time.Time `json:"at,omitzero"`    // held at this moment; instead of since and until
	Since time.Time `json:"since,omitzero"` // held then or later
	Until time.Time `json:"until,omitzero"` // held before then
	Limit int       `json:"limit,omitempty"`
}

// HoldingView is a stretch of time in which 700 numbers were held, and the binding as it then was; its state is that of now.
type HoldingView struct {
	From time.Time  `json:"from"`
	To   *time.Time `json:"to"` // null: nothing says that it ends
	binding.View
}

// What the audit log calls a look at what was.
const (
	ActionHistory    = "history.number" // by a number; numbers stay masked
	ActionHistoryAll = "history.reveal"
	ActionHistoryEnd = "history.end" // how many there were, and which
)

// history answers for a 700 number, an order or a consent.
func (a *api) history(w http.ResponseWriter, r *http.Request) { a.answerHistory(w, r, false) }

// historyOfNumber answers for a subscriber's number.
func (a *api) historyOfNumber(w http.ResponseWriter, r *http.Request) { a.answerHistory(w, r, true) }

// answerHistory writes the stretches asked for, a JSON object a line, those that began last first. Who looks for a person or
// is shown numbers is noted before the first, and behind the last what was shown.
func (a *api) answerHistory(w http.ResponseWriter, r *http.Request, byNumber bool) {
	var req HistoryRequest
	err := readJSON(w, r, &req)
	var q binding.HistoryQuery
	if err == nil {
		q, err = a.historyQuery(req, byNumber)
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	show, shown, err := a.showHistory(r, q, byNumber)
	if err != nil {
		a.fail(w, err)
		return
	}
	defer shown.end()
	out := &lineWriter{w: w, control: http.NewResponseController(w)}
	err = a.Bindings.Store.History(r.Context(), q, func(h binding.Holding) error {
		shown.add(h.Binding.ID)
		v := HoldingView{From: h.From, View: h.Binding.ViewWith(a.now(), show)}
		if !h.To.IsZero() {
			v.To = &h.To
		}
		return out.write(v)
	})
	switch {
	case err == nil:
		out.begin()
	case !out.begun:
		a.fail(w, err)
	}
}

func (a *api) historyQuery(req HistoryRequest, byNumber bool) (binding.HistoryQuery, error) {
	q := binding.HistoryQuery{Order: req.Order, Consent: req.Consent, Since: req.Since, Until: req.Until, Limit: req.Limit}
	var err error
	switch {
	case byNumber != (req.Number != ""):
		return q, &binding.FieldError{Field: "number", Err: errors.New("a subscriber's number is asked for at /v1/history/number, and nothing else is there")}
	case !req.At.IsZero() && !(req.Since.IsZero() && req.Until.IsZero()):
		return q, &binding.FieldError{Field: "at", Err: errors.New("one moment, or a window: not both")}
	case req.Limit < 0:
		return q, &binding.FieldError{Field: "limit", Err: errors.New("from 1 on")}
	}
	if req.Number != "" {
		if q.Number, err = a.Bindings.Plan.ParseNumber(req.Number); err != nil {
			return q, &binding.FieldError{Field: "number", Err: err}
		}
	}
	if req.X != "" {
		if q.X, err = a.Bindings.Plan.ParseX(req.X); err != nil {
			return q, &binding.FieldError{Field: "x", Err: err}
		}
	}
	if !req.At.IsZero() {
		q = q.At(req.At)
	}
	return q, q.Check()
}

// shownHistory counts what is shown of a history that is noted; nil: it is not.
type shownHistory struct {
	api   *api
	r     *http.Request
	begun uint64 // number of the entry of its beginning
	count int
	ids   []string // the first ones
	last  string
}

// showHistory says how numbers are shown, and notes that they are, or that a person is looked for.
func (a *api) showHistory(r *http.Request, q binding.HistoryQuery, byNumber bool) (Show, *shownHistory, error) {
	k := askOf(r.Context())
	if !k.reveal && !byNumber {
		return binding.Number.Masked, nil, nil
	}
	if k.reason == "" { // who came past the door
		return nil, nil, errNeedsReason
	}
	what, show := ActionHistory, Show(binding.Number.Masked)
	if k.reveal {
		what, show = ActionHistoryAll, a.whole
	}
	e, err := a.note(r, what, a.asked(q), k.reason)
	if err != nil {
		return nil, nil, err
	}
	return show, &shownHistory{api: a, r: r, begun: e.Seq}, nil
}

// asked is a question in words, without a real number.
func (a *api) asked(q binding.HistoryQuery) string {
	words := []string{a.filtered(binding.Filter{X: q.X, Number: q.Number, Order: q.Order})}
	if q.Consent != "" {
		words = []string{"consent " + a.blot(q.Consent)}
	}
	for _, t := range []struct {
		name string
		at   time.Time
	}{{"since", q.Since}, {"until", q.Until}} {
		if !t.at.IsZero() {
			words = append(words, t.name+" "+t.at.UTC().Format(time.RFC3339Nano))
		}
	}
	if q.Limit > 0 {
		words = append(words, atMost(q.Limit))
	}
	return strings.Join(words, ", ")
}

// add counts a binding that is about to be shown.
func (s *shownHistory) add(id string) {
	if s == nil {
		return
	}
	if s.count++; len(s.ids) < maxListed {
		s.ids = append(s.ids, id)
	}
	s.last = id
}

// end notes which there were. Where that fails the entry of the beginning stands, which has no bound.
func (s *shownHistory) end() {
	if s == nil {
		return
	}
	object := fmt.Sprintf("entry %d: %s", s.begun, listed("binding", s.ids))
	if s.count > len(s.ids) {
		object = fmt.Sprintf("entry %d: %d bindings %s … %s", s.begun, s.count, strings.Join(s.ids, " "), s.last)
	}
	if _, err := s.api.note(s.r, ActionHistoryEnd, object, askOf(s.r.Context()).reason); err != nil {
		s.api.log.Error("what was shown of a history is not in the audit log", "entry", s.begun, "error", err)
	}
}
