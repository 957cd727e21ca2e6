package admin

import (
	"context"
	"errors"
	"net/http"

	"mask700/binding"
	"mask700/binding/limit"
)

// Limits is what the handlers need for limits.
type Limits struct {
	Set limit.Set                   // as configured
	Use func(context.Context) error // has those of tenants hold that the store now has; nil: nobody is judged here
}

// Overrides are the limits that tenants have of their own.
func Overrides(ctx context.Context, s binding.Tenants) (map[string]limit.Override, error) {
	all, err := s.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	own := make(map[string]limit.Override)
	for _, t := range all {
		if t.Limits == "" {
			continue
		}
		o, err := limit.ParseOverride(t.Limits)
		if err != nil {
			return nil, errors.New("the limits of a tenant cannot be read; set them anew")
		}
		own[t.Name] = o
	}
	return own, nil
}

// LimitRequest sets limits of a tenant; what is left out stays. "default" is as configured.
type LimitRequest struct {
	Mode  *string `json:"mode,omitempty"`  // enforce, shadow, off
	Calls *string `json:"calls,omitempty"` // "pair 5/5m, caller 100/1h shadow", or "none"
	Texts *string `json:"texts,omitempty"`
	All   *string `json:"all,omitempty"`
}

// LimitView is the limits that hold.
type LimitView struct {
	Tenant string      `json:"tenant,omitempty"` // empty: of those that have none of their own
	Mode   limit.Mode  `json:"mode"`
	Own    bool        `json:"own"` // the mode is the tenant's
	Rules  []LimitRule `json:"rules"`
}

// LimitRule is one of them.
type LimitRule struct {
	Of   string     `json:"of"` // calls, texts, all
	Rule string     `json:"rule"`
	Mode limit.Mode `json:"mode"` // what becomes of an attempt over it, the mode of all of them considered
	Own  bool       `json:"own"`  // it is the tenant's, not of the configuration
}

const whatLimitSet = "limit.set"

var errNoLimits = errors.New("there are no limits to see to here")

func limitView(name string, all limit.Set, o limit.Override) LimitView {
	s := o.Over(all)
	v := LimitView{Tenant: name, Mode: s.Mode, Own: o.Mode != "", Rules: []LimitRule{}}
	for _, k := range limit.Kinds {
		for _, r := range s.Rules[k] {
			row := LimitRule{Of: k.String(), Mode: r.Mode, Own: o.Rules[k] != nil}
			if s.Mode == limit.Off || s.Mode == limit.Shadow && r.Mode == limit.Enforce {
				row.Mode = s.Mode
			}
			r.Mode = limit.Enforce
			row.Rule = r.String()
			v.Rules = append(v.Rules, row)
		}
	}
	return v
}

func (a *api) showLimits(w http.ResponseWriter, r *http.Request) {
	if a.Limits == nil {
		a.fail(w, errNoLimits)
		return
	}
	name := r.PathValue("tenant")
	var o limit.Override
	if name != "" {
		t, ok := a.Bindings.Store.Tenant(name)
		if !ok {
			a.fail(w, binding.ErrNoTenant)
			return
		}
		var err error
		if o, err = limit.ParseOverride(t.Limits); err != nil {
			a.fail(w, err)
			return
		}
	}
	a.answer(w, http.StatusOK, limitView(name, a.Limits.Set, o))
}

// put sets in an override what the request has.
func (q *LimitRequest) put(o *limit.Override) error {
	for _, part := range []struct {
		word string
		text *string
	}{{"mode", q.Mode}, {"calls", q.Calls}, {"texts", q.Texts}, {"all", q.All}} {
		if part.text == nil {
			continue
		}
		if err := o.Put(part.word, *part.text); err != nil {
			return &binding.FieldError{Field: part.word, Err: err}
		}
	}
	return nil
}

// setLimits changes the limits of a tenant. They hold when it answers.
func (a *api) setLimits(w http.ResponseWriter, r *http.Request) {
	var req LimitRequest
	err := readJSON(w, r, &req)
	if err == nil && a.Limits == nil {
		err = errNoLimits
	}
	name := r.PathValue("tenant")
	var own map[string]limit.Override
	if err == nil {
		own, err = Overrides(r.Context(), a.Bindings.Store)
	}
	var o limit.Override
	if err == nil {
		if _, ok := a.Bindings.Store.Tenant(name); !ok {
			err = binding.ErrNoTenant
		}
	}
	if err == nil {
		o = own[name]
		err = req.put(&o)
	}
	if err == nil {
		own[name] = o
		if err = limit.Check(a.Limits.Set, own); err != nil {
			err = &binding.FieldError{Field: "limits", Err: err}
		}
	}
	if err == nil {
		_, err = a.note(r, whatLimitSet, "tenant "+name+": "+o.String(), noReason)
	}
	if err == nil {
		_, err = a.Bindings.ChangeTenant(r.Context(), name, func(s *binding.TenantSettings) error {
			now, err := limit.ParseOverride(s.Limits)
			if err == nil {
				err = req.put(&now)
			}
			s.Limits, o = now.String(), now
			return err
		})
	}
	if err == nil && a.Limits.Use != nil {
		err = a.Limits.Use(r.Context())
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, limitView(name, a.Limits.Set, o))
}

// LimitStatus is how the counters of the limits are.
type LimitStatus struct {
	Memory int          `json:"memory"` // bytes of their tables
	Saved  string       `json:"saved"`  // when they were last written, RFC 3339; empty: not yet
	Tables []LimitTable `json:"tables"`
	Pushed uint64       `json:"pushed_out"`  // keys that lost their place while they still counted: others may be counted too high
	Missed uint64       `json:"live_missed"` // calls for which there was no room among those that go on
	Rules  []LimitHits  `json:"rules"`
}

// LimitTable is one table of counters.
type LimitTable struct {
	Of   string `json:"of"` // pair, caller, x, tenant
	Keys int    `json:"keys"`
	Room int    `json:"room"`
}

// LimitHits is what became of attempts by one limit since the start.
type LimitHits struct {
	Rule     string `json:"rule"`
	Refused  uint64 `json:"refused"`
	Shadowed uint64 `json:"shadowed"` // would have been refused
}
