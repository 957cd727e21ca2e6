package admin

import (
	"net/http"

	"mask700/binding"
)

// TenantRequest adds a tenant or changes its settings; of a change, what is left out stays.
type TenantRequest struct {
	Name           string  `json:"name,omitempty"` // of a new one
	RequireConsent *bool   `json:"require_consent,omitempty"`
	OwnBlocks      *bool   `json:"own_blocks,omitempty"`
	TTL            *string `json:"ttl,omitempty"`          // like "2h"; "0s" or empty: none
	MaxDuration    *string `json:"max_duration,omitempty"` // likewise
	Texts          *string `json:"texts,omitempty"`
}

// ReasonRequest says why something is done, for the audit log.
type ReasonRequest struct {
	Reason string `json:"reason"`
}

// TenantList is the tenants, in order of their names.
type TenantList struct {
	Tenants []binding.Tenant `json:"tenants"`
}

// What the audit log calls what was done with tenants.
const (
	whatTenantAdd     = "tenant.add"
	whatTenantUpdate  = "tenant.update"
	whatTenantSuspend = "tenant.suspend"
	whatTenantResume  = "tenant.resume"
)

// settle puts what a request says into settings.
func (q *TenantRequest) settle(s *binding.TenantSettings) error {
	for _, d := range []struct {
		field string
		text  *string
		into  *binding.Duration
	}{{"ttl", q.TTL, &s.TTL}, {"max_duration", q.MaxDuration, &s.MaxDuration}} {
		if d.text == nil {
			continue
		}
		if err := d.into.UnmarshalText([]byte(*d.text)); err != nil {
			return &binding.FieldError{Field: d.field, Err: err}
		}
	}
	for _, b := range []struct{ from, into *bool }{{q.RequireConsent, &s.RequireConsent}, {q.OwnBlocks, &s.OwnBlocks}} {
		if b.from != nil {
			*b.into = *b.from
		}
	}
	if q.Texts != nil {
		s.Texts = *q.Texts
	}
	return nil
}

func (a *api) listTenants(w http.ResponseWriter, r *http.Request) {
	all, err := a.Bindings.Store.Tenants(r.Context())
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, TenantList{append([]binding.Tenant{}, all...)})
}

// tenantOf is the tenant that a path names.
func (a *api) tenantOf(r *http.Request) (binding.Tenant, error) {
	t, ok := a.Bindings.Store.Tenant(r.PathValue("name"))
	if !ok {
		return binding.Tenant{}, binding.ErrNoTenant
	}
	return t, nil
}

func (a *api) getTenant(w http.ResponseWriter, r *http.Request) {
	t, err := a.tenantOf(r)
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, t)
}

func (a *api) addTenant(w http.ResponseWriter, r *http.Request) {
	var req TenantRequest
	var s binding.TenantSettings
	err := readJSON(w, r, &req)
	if err == nil {
		err = req.settle(&s)
	}
	var t binding.Tenant
	if err == nil {
		t, err = a.Bindings.AddTenant(r.Context(), req.Name, s)
	}
	if err == nil {
		_, err = a.note(r, whatTenantAdd, "tenant "+t.Name, noReason)
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusCreated, t)
}

// changeTenant notes what is going to be done with a tenant, does it, and answers with the tenant.
func (a *api) changeTenant(w http.ResponseWriter, r *http.Request, what, reason string, do func(name string) (binding.Tenant, error)) {
	t, err := a.tenantOf(r)
	if err == nil {
		_, err = a.note(r, what, "tenant "+a.blot(t.Name), reason)
	}
	if err == nil {
		t, err = do(t.Name)
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, t)
}

func (a *api) updateTenant(w http.ResponseWriter, r *http.Request) {
	var req TenantRequest
	err := readJSON(w, r, &req)
	if err == nil && req.Name != "" {
		err = errTenantName
	}
	var trial binding.TenantSettings
	if err == nil {
		err = req.settle(&trial)
	}
	if err == nil {
		err = trial.Check()
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	a.changeTenant(w, r, whatTenantUpdate, noReason, func(name string) (binding.Tenant, error) {
		return a.Bindings.ChangeTenant(r.Context(), name, req.settle)
	})
}

var errTenantName = kindInvalid.problem("a tenant keeps its name: it stands in its bindings and records")

func (a *api) suspendTenant(w http.ResponseWriter, r *http.Request) {
	var req ReasonRequest
	err := readJSON(w, r, &req)
	if err == nil {
		err = a.checkReason(req.Reason)
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	a.changeTenant(w, r, whatTenantSuspend, req.Reason, func(name string) (binding.Tenant, error) {
		return a.Bindings.SuspendTenant(r.Context(), name, req.Reason)
	})
}

func (a *api) resumeTenant(w http.ResponseWriter, r *http.Request) {
	a.changeTenant(w, r, whatTenantResume, noReason, func(name string) (binding.Tenant, error) {
		return a.Bindings.ResumeTenant(r.Context(), name)
	})
}
