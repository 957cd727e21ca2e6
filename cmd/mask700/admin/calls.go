package admin

import (
	"errors"
	"net/http"

	"mask700/binding/cdr"
)

// CallList is the calls that go on.
type CallList struct {
	Calls []CallView `json:"calls"`
}

func (a *api) listCalls(w http.ResponseWriter, r *http.Request) {
	if a.Node == nil {
		a.fail(w, ErrNoServer)
		return
	}
	calls, err := a.Node.Calls(r.Context())
	if err != nil {
		a.fail(w, err)
		return
	}
	ids := make([]string, len(calls))
	for i, c := range calls {
		ids[i] = c.Record.ID
	}
	show, err := a.show(r, ActionCalls, listed("call", ids))
	if err != nil {
		a.fail(w, err)
		return
	}
	list := CallList{make([]CallView, len(calls))}
	for i, c := range calls {
		list.Calls[i] = c.View(show)
	}
	a.answer(w, http.StatusOK, list)
}

// getCall answers with a call that goes on, or else with one that has ended. One that ends in between has its record
// by the time that it is no longer live.
func (a *api) getCall(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if a.Node != nil {
		c, err := a.Node.Call(r.Context(), id)
		if err == nil {
			a.answerCall(w, r, c.Record.ID, c.View)
			return
		}
		if !errors.Is(err, ErrNoCall) {
			a.fail(w, err)
			return
		}
	}
	record, err := a.Records.Record(r.Context(), id)
	switch {
	case errors.Is(err, cdr.ErrNotFound):
		a.fail(w, ErrUnknownCall)
	case err != nil:
		a.fail(w, err)
	default:
		a.answerCall(w, r, record.ID, func(show Show) CallView {
			return CallView{State: StateEnded, View: record.ViewWith(show)}
		})
	}
}

func (a *api) answerCall(w http.ResponseWriter, r *http.Request, id string, view func(Show) CallView) {
	show, err := a.show(r, ActionCalls, id)
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, view(show))
}

func (a *api) hangUp(w http.ResponseWriter, r *http.Request) {
	a.do(w, func() error { return a.Node.Hangup(r.Context(), r.PathValue("id")) })
}
