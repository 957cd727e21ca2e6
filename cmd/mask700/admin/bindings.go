package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"mask700/binding"
)

// Sizes of a page of bindings.
const (
	defaultPage = 100
	maxPage     = 1000
)

func (a *api) createBinding(w http.ResponseWriter, r *http.Request) {
	var req binding.Request
	if err := readJSON(w, r, &req); err != nil {
		a.fail(w, err)
		return
	}
	if err := takeKey(r, &req.IdempotencyKey); err != nil {
		a.fail(w, err)
		return
	}
	b, again, err := a.Bindings.CreateAgain(r.Context(), req)
	if err != nil {
		a.fail(w, a.refusedParties(r, &req, err))
		return
	}
	status := http.StatusCreated
	if again {
		status = http.StatusOK
	}
	a.answer(w, status, b.View(a.now()))
}

func (a *api) getBinding(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !goodID(id) {
		a.fail(w, binding.ErrNotFound)
		return
	}
	b, err := a.Bindings.Store.Binding(r.Context(), id)
	if err != nil {
		a.fail(w, err)
		return
	}
	show, err := a.show(r, ActionBindings, b.ID, b.Parties()...)
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, b.ViewWith(a.now(), show))
}

func (a *api) deleteBinding(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !goodID(id) {
		a.fail(w, binding.ErrNotFound)
		return
	}
	hard, err := boolean(r.URL.Query(), "hard")
	unbind := a.Bindings.DeleteOnce
	if err == nil {
		unbind, err = a.unbind(r)
	}
	key := ""
	if err == nil {
		err = takeKey(r, &key)
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	if !hard {
		b, err := unbind(r.Context(), id, key)
		if err != nil {
			a.fail(w, err)
			return
		}
		a.answer(w, http.StatusOK, b.View(a.now()))
		return
	}
	b, err := a.Bindings.End(r.Context(), id)
	if err != nil {
		a.fail(w, err)
		return
	}
	done := HardDelete{View: b.View(a.now())}
	if a.Node != nil {
		done.CallsEnded = a.Node.HangupBinding(r.Context(), id)
	}
	a.answer(w, http.StatusOK, done)
}

// unbind is how a request unbinds a binding of an id, under an idempotency key if it has one: once, or with all=1 however often it was
// bound, which done again does nothing more and needs no key.
func (a *api) unbind(r *http.Request) (func(ctx context.Context, id, key string) (binding.Binding, error), error) {
	all, err := boolean(r.URL.Query(), "all")
	if all {
		return func(ctx context.Context, id, _ string) (binding.Binding, error) { return a.Bindings.End(ctx, id) }, err
	}
	return a.Bindings.DeleteOnce, err
}

// listBindings is the page of a query without a number.
func (a *api) listBindings(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	q := BindingQuery{X: v.Get("x"), Order: v.Get("order"), Consent: v.Get("consent"), After: v.Get("after")}
	var err error
	if q.Live, err = boolean(v, "live"); err == nil {
		q.Limit, err = integer(v, "limit")
	}
	if err == nil && v.Has("number") {
		err = &binding.FieldError{Field: "number", Err: errors.New("a number does not belong in a URL; send POST /v1/bindings/query")}
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	a.page(w, r, q)
}

// queryBindings is the page of any query.
func (a *api) queryBindings(w http.ResponseWriter, r *http.Request) {
	var q BindingQuery
	if err := readJSON(w, r, &q); err != nil {
		a.fail(w, err)
		return
	}
	a.page(w, r, q)
}

func (a *api) page(w http.ResponseWriter, r *http.Request, q BindingQuery) {
	f, err := a.filter(q)
	if err == nil {
		err = a.checkSearch(r.Context(), f.Number)
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	size := f.Limit
	f.Limit++ // one more, to know whether there is a next page
	page, found := BindingPage{Bindings: []binding.View{}}, []binding.Binding{}
	err = a.Bindings.Store.List(r.Context(), f, func(b binding.Binding) error {
		if len(found) == size {
			page.Next = found[size-1].ID
			return nil
		}
		found = append(found, b)
		return nil
	})
	if err != nil {
		a.fail(w, err)
		return
	}
	show, err := a.showPage(r, f, found)
	if err != nil {
		a.fail(w, err)
		return
	}
	for _, b := range found {
		page.Bindings = append(page.Bindings, b.ViewWith(a.now(), show))
	}
	a.answer(w, http.StatusOK, page)
}

func (a *api) filter(q BindingQuery) (binding.Filter, error) {
	f := binding.Filter{Order: q.Order, Consent: q.Consent, After: q.After, Limit: q.Limit}
	var err error
	if q.Number != "" {
		if f.Number, err = a.Bindings.Plan.ParseNumber(q.Number); err != nil {
			return f, &binding.FieldError{Field: "number", Err: err}
		}
	}
	if q.X != "" {
		if f.X, err = a.Bindings.Plan.ParseX(q.X); err != nil {
			return f, &binding.FieldError{Field: "x", Err: err}
		}
	}
	if q.Live {
		f.LiveAt = a.now()
	}
	if q.After != "" && !goodID(q.After) {
		return f, &binding.FieldError{Field: "after", Err: errors.New("not an id; take `next` of the page before")}
	}
	switch {
	case f.Limit < 0 || f.Limit > maxPage:
		return f, &binding.FieldError{Field: "limit", Err: errors.New("from 1 to 1000")}
	case f.Limit == 0:
		f.Limit = defaultPage
	}
	return f, nil
}

// goodID reports whether an id has the shape of ours: letters alone. A number that slipped into its place goes no
// further.
func goodID(id string) bool {
	return id != "" && len(id) <= 64 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

func boolean(v url.Values, name string) (bool, error) {
	switch v.Get(name) {
	case "", "0", "false":
		return false, nil
	case "1", "true":
		return true, nil
	}
	return false, &binding.FieldError{Field: name, Err: errors.New("write 1 or 0")}
}

func integer(v url.Values, name string) (int, error) {
	s := v.Get(name)
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, &binding.FieldError{Field: name, Err: errors.New("not a number from 0 on")}
	}
	return n, nil
}
