package admin

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"mask700/binding"
)

// HeaderKey carries the idempotency key of a request for which its body has none, as that which deletes: the key, or the key in quotes.
const HeaderKey = "Idempotency-Key"

// takeKey takes the key of a request from its header, if that has one.
func takeKey(r *http.Request, into *string) error {
	sent := r.Header.Values(HeaderKey)
	if len(sent) == 0 {
		return nil
	}
	key := strings.TrimSpace(sent[0])
	if n := len(key); n >= 2 && key[0] == '"' && key[n-1] == '"' {
		key = key[1 : n-1]
	}
	switch {
	case len(sent) > 1 || *into != "" && *into != key:
		return refuseKey("two of them; send one, in the header or in the body")
	case key == "":
		return refuseKey("the header is empty; send a key, or no header")
	}
	*into = key
	return nil
}

func refuseKey(text string) error {
	return &binding.FieldError{Field: "idempotency_key", Err: errors.New(text)}
}

// updateBinding changes parties or terms of a binding that lives.
func (a *api) updateBinding(w http.ResponseWriter, r *http.Request) {
	var u binding.Update
	a.changeBinding(w, r, &u, func(ctx context.Context, id string) (binding.Binding, error) {
		if s, ok := a.Bindings.Store.(confinedStore); ok && bringsParties(&u) {
			if err := s.mayName(ctx, id); err != nil {
				return binding.Binding{}, err
			}
		}
		b, err := a.Bindings.Update(ctx, id, u)
		return b, a.refusedChange(r, id, &u, err)
	})
}

// bringsParties reports whether a change names parties whom a binding is to have.
func bringsParties(u *binding.Update) bool {
	return u.A != nil && *u.A != "" || u.B != nil && *u.B != "" || len(u.GroupAdd) > 0
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
