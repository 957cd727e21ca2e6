package admin

import (
	"net/http"
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
	list := CallList{make([]CallView, len(calls))}
	for i, c := range calls {
		list.Calls[i] = c.View()
	}
	a.answer(w, http.StatusOK, list)
}

func (a *api) getCall(w http.ResponseWriter, r *http.Request) {
	if a.Node == nil {
		a.fail(w, ErrNoServer)
		return
	}
	c, err := a.Node.Call(r.Context(), r.PathValue("id"))
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, c.View())
}

func (a *api) hangUp(w http.ResponseWriter, r *http.Request) {
	a.do(w, func() error { return a.Node.Hangup(r.Context(), r.PathValue("id")) })
}
