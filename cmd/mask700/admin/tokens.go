package admin

import (
	"errors"
	"net/http"

	"mask700/binding"
)

// TokenRequest asks for a token of a tenant.
type TokenRequest struct {
	Name   string `json:"name"`
	Reveal bool   `json:"reveal,omitempty"`
}

// NewTenantToken is a token that was just made. Token is shown this once.
type NewTenantToken struct {
	binding.TenantToken
	Token string `json:"token"` // ID.SECRET, what the client sends
}

// String says what it is and nothing else: it holds a secret.
func (NewTenantToken) String() string { return "new token of a tenant" }

// GoString is String.
func (t NewTenantToken) GoString() string { return t.String() }

// TokenList is the tokens of tenants, in order of their ids.
type TokenList struct {
	Tokens []binding.TenantToken `json:"tokens"`
}

// What the audit log calls what was done with tokens.
const (
	whatTokenAdd    = "token.add"
	whatTokenRevoke = "token.revoke"
)

var (
	errNoTokens   = errors.New("this store keeps no tokens of tenants")
	errMayNotGive = kindForbidden.problem("this token may not see real numbers, and makes none that may; give it `reveal: true` in admin.tokens, or use another")
)

// addToken makes a token, which may no more than who makes it: one that could see numbers would be that of who made it, under another
// name. It is in the audit log before it is shown; where that fails nobody has it, and it is removed.
func (a *api) addToken(w http.ResponseWriter, r *http.Request) {
	var req TokenRequest
	err := readJSON(w, r, &req)
	if err == nil && a.TenantTokens == nil {
		err = errNoTokens
	}
	if err == nil && req.Reveal && !mayReveal(r.Context()) {
		err = errMayNotGive
	}
	var tenant binding.Tenant
	if err == nil {
		tenant, err = a.tenantOf(r)
	}
	var made NewTenantToken
	if err == nil {
		made.TenantToken, made.Token, err = a.Bindings.AddToken(r.Context(), a.TenantTokens, tenant.Name, req.Name, req.Reveal)
	}
	if err == nil {
		if _, err = a.note(r, whatTokenAdd, describedToken(&made.TenantToken), noReason); err != nil {
			_, undone := a.TenantTokens.RemoveToken(r.Context(), made.ID)
			err = errors.Join(err, undone)
		}
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	a.answer(w, http.StatusCreated, made)
}

// describedToken is a token in words.
func describedToken(t *binding.TenantToken) string {
	s := "token " + t.ID + " " + t.Name + " of tenant " + t.Tenant
	if t.Reveal {
		s += ", may reveal"
	}
	return s
}

func (a *api) listTokens(w http.ResponseWriter, r *http.Request) {
	tenant := r.URL.Query().Get("tenant")
	var err error
	if a.TenantTokens == nil {
		err = errNoTokens
	}
	if _, ok := a.Bindings.Store.Tenant(tenant); err == nil && tenant != "" && !ok {
		err = binding.ErrNoTenant
	}
	var all []binding.TenantToken
	if err == nil {
		all, err = a.TenantTokens.Tokens(r.Context(), tenant)
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, TokenList{append([]binding.TenantToken{}, all...)})
}

// revokeToken removes a token. Who has it out is let in no more at once; that must not wait for the audit log.
func (a *api) revokeToken(w http.ResponseWriter, r *http.Request) {
	var t binding.TenantToken
	err := error(binding.ErrNoToken)
	id := r.PathValue("id")
	switch {
	case a.TenantTokens == nil:
		err = errNoTokens
	case goodID(id):
		t, err = a.TenantTokens.RemoveToken(r.Context(), id)
	}
	if err == nil {
		_, err = a.note(r, whatTokenRevoke, describedToken(&t), noReason)
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, t)
}
