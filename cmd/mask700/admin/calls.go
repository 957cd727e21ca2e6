package admin

import (
	"errors"
	"net/http"

	"mask700/binding"
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
	var numbers []binding.Number
	for i := range calls {
		ids[i] = calls[i].Record.ID
		numbers = append(numbers, numbersOf(&calls[i].Record)...)
	}
	show, err := a.show(r, ActionCalls, listed("call", ids), numbers...)
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

// numbersOf is the real numbers that a record shows.
func numbersOf(r *cdr.Record) []binding.Number {
	return []binding.Number{r.CallerIn.Number, r.CalleeIn.Number, r.CallerOut.Number, r.CalleeOut.Number}
}

// getCall answers with a call that goes on, or else with one that has ended.
func (a *api) getCall(w http.ResponseWriter, r *http.Request) {
	v, err := a.callView(r, r.PathValue("id"))
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, v)
}

// callView shows a call. One that ends in between has its record by the time that it is no longer live.
func (a *api) callView(r *http.Request, id string) (CallView, error) {
	if a.Node != nil {
		c, err := a.Node.Call(r.Context(), id)
		if err == nil {
			show, err := a.show(r, ActionCalls, c.Record.ID, numbersOf(&c.Record)...)
			if err != nil {
				return CallView{}, err
			}
			return c.View(show), nil
		}
		if !errors.Is(err, ErrNoCall) {
			return CallView{}, err
		}
	}
	record, err := a.Records.Record(r.Context(), id)
	if errors.Is(err, cdr.ErrNotFound) {
		err = ErrUnknownCall
	}
	if err != nil {
		return CallView{}, err
	}
	show, err := a.show(r, ActionCalls, record.ID, numbersOf(&record)...)
	if err != nil {
		return CallView{}, err
	}
	return CallView{State: StateEnded, View: record.ViewWith(show)}, nil
}

func (a *api) hangUp(w http.ResponseWriter, r *http.Request) {
	a.do(w, func() error { return a.Node.Hangup(r.Context(), r.PathValue("id")) })
}
