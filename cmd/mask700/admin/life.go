package admin

import (
	"context"
	"net/http"

	"mask700/binding"
)

// updateBinding changes parties or terms of a binding that lives.
func (a *api) updateBinding(w http.ResponseWriter, r *http.Request) {
	var u binding.Update
	a.changeBinding(w, r, &u, func(ctx context.Context, id string) (binding.Binding, error) {
		return a.Bindings.Update(ctx, id, u)
	})
}

// extendBinding moves the expiry of a binding that lives to a later time.
func (a *api) extendBinding(w http.ResponseWriter, r *http.Request) {
	var e binding.Extension
	a.changeBinding(w, r, &e, func(ctx context.Context, id string) (binding.Binding, error) {
		return a.Bindings.Extend(ctx, id, e)
	})
}

// changeBinding reads a request and does it to the binding that the path names.
func (a *api) changeBinding(w http.ResponseWriter, r *http.Request, into any, change func(context.Context, string) (binding.Binding, error)) {
	id := r.PathValue("id")
	if !goodID(id) {
		a.fail(w, binding.ErrNotFound)
		return
	}
	if err := readJSON(w, r, into); err != nil {
		a.fail(w, err)
		return
	}
	b, err := change(r.Context(), id)
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, b.View(a.now()))
}
