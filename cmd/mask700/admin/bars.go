package admin

import (
	"errors"
	"net/http"

	"mask700/binding"
)

// BarQuery selects entries of block lists; what is empty does not restrict.
type BarQuery struct {
	Number string `json:"number,omitempty"`
	Tenant string `json:"tenant,omitempty"`
	After  string `json:"after,omitempty"` // id: the page begins behind it
	Limit  int    `json:"limit,omitempty"` // at most 1000; 0: 100
}

// BarPage is a page of entries in order of id.
type BarPage struct {
	Entries []binding.BarView `json:"entries"`
	Next    string            `json:"next,omitempty"` // After of the next page; empty: this is the last
}

// BarResult is the result of one row of a batch: one of Entry and Problem is set.
type BarResult struct {
	Row     int              `json:"row"` // from 1
	Entry   *binding.BarView `json:"entry,omitempty"`
	Problem *Problem         `json:"error,omitempty"`
}

// What the audit log calls what was done with block lists.
const (
	whatBarAdd    = "blocklist.add"
	whatBarRemove = "blocklist.remove"
	whatBarLookup = "blocklist.lookup" // by a number; what came back was masked
	whatBarReveal = "blocklist.reveal"
)

var errNoBars = errors.New("this store keeps no block lists")

// described is an entry in words, without a real number.
func described(b *binding.Bar) string {
	s := "number " + b.Number.String() + " " + b.Direction
	if !b.Peer.IsZero() {
		s += ", peer " + b.Peer.String()
	}
	if b.Tenant != "" {
		s += ", tenant " + b.Tenant
	}
	return s
}

func (a *api) addBar(w http.ResponseWriter, r *http.Request) {
	var req binding.BarRequest
	err := readJSON(w, r, &req)
	if err == nil && a.Bars == nil {
		err = errNoBars
	}
	if err == nil {
		err = a.checkReason(req.Reason)
	}
	var b binding.Bar
	if err == nil {
		b, err = a.Bindings.AddBar(r.Context(), a.Bars, req)
	}
	if err == nil {
		_, err = a.note(r, whatBarAdd, "entry "+b.ID+": "+described(&b), b.Reason)
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusCreated, b.View(a.now(), binding.Number.Masked))
}

func (a *api) listBars(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	q := BarQuery{Tenant: v.Get("tenant"), After: v.Get("after")}
	var err error
	q.Limit, err = integer(v, "limit")
	if err == nil && v.Has("number") {
		err = &binding.FieldError{Field: "number", Err: errors.New("a number does not belong in a URL; send POST /v1/blocklist/query")}
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	a.barPage(w, r, q)
}

func (a *api) queryBars(w http.ResponseWriter, r *http.Request) {
	var q BarQuery
	if err := readJSON(w, r, &q); err != nil {
		a.fail(w, err)
		return
	}
	a.barPage(w, r, q)
}

func (a *api) barFilter(q BarQuery) (f binding.BarFilter, err error) {
	if q.Number != "" {
		if f.Number, err = a.Bindings.Plan.ParseNumber(q.Number); err != nil {
			return f, &binding.FieldError{Field: "number", Err: err}
		}
	}
	if f.Tenant = q.Tenant; f.Tenant != "" {
		if _, ok := a.Bindings.Store.Tenant(f.Tenant); !ok {
			return f, &binding.FieldError{Field: "tenant", Err: binding.ErrNoTenant}
		}
	}
	if f.After = q.After; f.After != "" && !goodID(f.After) {
		return f, &binding.FieldError{Field: "after", Err: errors.New("not an id; take `next` of the page before")}
	}
	switch f.Limit = q.Limit; {
	case f.Limit < 0 || f.Limit > maxPage:
		return f, &binding.FieldError{Field: "limit", Err: errors.New("from 1 to 1000")}
	case f.Limit == 0:
		f.Limit = defaultPage
	}
	return f, nil
}

func (a *api) barPage(w http.ResponseWriter, r *http.Request, q BarQuery) {
	f, err := a.barFilter(q)
	if err == nil {
		err = a.checkSearch(r.Context(), f.Number)
	}
	if err == nil && a.Bars == nil {
		err = errNoBars
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	size := f.Limit
	f.Limit++ // one more, to know whether there is a next page
	var found []binding.Bar
	if err := a.Bars.Bars(r.Context(), f, func(b binding.Bar) error { found = append(found, b); return nil }); err != nil {
		a.fail(w, err)
		return
	}
	page := BarPage{Entries: []binding.BarView{}}
	if len(found) > size {
		found = found[:size]
		page.Next = found[size-1].ID
	}
	show, err := a.showBars(r, f, found)
	if err != nil {
		a.fail(w, err)
		return
	}
	for _, b := range found {
		page.Entries = append(page.Entries, b.View(a.now(), show))
	}
	a.answer(w, http.StatusOK, page)
}

// showBars is show for a page of entries. One that was found by a number is noted though its numbers stay masked.
func (a *api) showBars(r *http.Request, f binding.BarFilter, found []binding.Bar) (Show, error) {
	k := askOf(r.Context())
	if !k.reveal && f.Number.IsZero() {
		return binding.Number.Masked, nil
	}
	ids := make([]string, len(found))
	var numbers []binding.Number
	for i := range found {
		ids[i] = found[i].ID
		numbers = append(numbers, found[i].Number, found[i].Peer)
	}
	object := listed("id", ids)
	if !f.Number.IsZero() {
		object = "number " + f.Number.String() + ": " + object
	}
	if k.reveal {
		return a.show(r, whatBarReveal, object, numbers...)
	}
	_, err := a.note(r, whatBarLookup, object, k.reason)
	return binding.Number.Masked, err
}

func (a *api) removeBar(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	err := error(binding.ErrNoBar)
	if a.Bars == nil {
		err = errNoBars
	}
	var b binding.Bar
	if a.Bars != nil && goodID(id) {
		b, err = a.Bars.RemoveBar(r.Context(), id)
	}
	if err == nil {
		_, err = a.note(r, whatBarRemove, "entry "+b.ID+": "+described(&b), noReason)
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, b.View(a.now(), binding.Number.Masked))
}
