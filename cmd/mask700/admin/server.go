package admin

import (
	"errors"
	"net/http"

	"mask700/store"
)

func (a *api) status(w http.ResponseWriter, r *http.Request) {
	if a.Node == nil {
		a.fail(w, ErrNoServer)
		return
	}
	s, err := a.Node.Status(r.Context())
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, s)
}

func (a *api) check(w http.ResponseWriter, r *http.Request) {
	if a.Check == nil {
		a.fail(w, errors.New("this store has no check"))
		return
	}
	report, err := a.Check(r.Context())
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, checkReport(report))
}

// checkReport is what is shown of what a check found.
func checkReport(report store.Report) CheckReport {
	return CheckReport{
		Blocks: report.Blocks, Bindings: report.Bindings, Live: report.Live, Records: report.Records, Open: report.Open,
		ErasedBindings: report.ErasedBindings, ErasedRecords: report.ErasedRecords, Erased: append([]string{}, report.Erased...),
		Problems: append([]string{}, report.Problems...),
	}
}

func (a *api) drain(w http.ResponseWriter, r *http.Request) {
	a.do(w, func() error { return a.Node.Drain(r.Context()) })
}

func (a *api) reload(w http.ResponseWriter, r *http.Request) {
	a.do(w, func() error { return a.Node.Reload(r.Context()) })
}

// do asks the node for something that has no answer but done.
func (a *api) do(w http.ResponseWriter, f func() error) {
	if a.Node == nil {
		a.fail(w, ErrNoServer)
		return
	}
	if err := f(); err != nil {
		a.fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
