package rule

import (
	"context"

	"mask700/binding"
	"mask700/binding/cdr"
)

// NameTenant is the rule of [Tenants] in a record.
const NameTenant = "tenant"

// Tenants refuses what goes over a binding of a tenant that is suspended, and texts
// where the binding, or its tenant, has none. Of other texts it says what the tenant
// wants to become of telephone numbers in them. It asks memory alone.
type Tenants struct {
	Tenant func(name string) (binding.Tenant, bool)
}

// Judge implements Judge. What is stored is of a tenant that is there; what an
// endpoint decides about is of the one that its configuration names, over which
// nothing goes before it is added, as nothing is bound for it. Where no tenant is
// named the binding's own words hold.
func (t Tenants) Judge(_ context.Context, a *Attempt) Verdict {
	tenant, known := t.Tenant(a.Binding.Tenant)
	switch {
	case tenant.State == binding.TenantSuspended, !known && a.Binding.Tenant != "":
		return Verdict{Refusal: binding.RefusalSuspended, Rule: NameTenant, Anyone: true}
	case a.Kind != Text:
		return Verdict{}
	case a.Binding.CarriesTexts(&tenant.TenantSettings) && tenant.Texts == binding.TextsOff:
		return Verdict{} // the binding carries them all the same, as configured
	case a.Binding.CarriesTexts(&tenant.TenantSettings):
		return Verdict{Numbers: tenant.Texts}
	case a.Binding.Texts == binding.TextsOff:
		return Verdict{Refusal: binding.RefusalBlocked, Rule: cdr.RuleBindingTexts, Anyone: true}
	}
	return Verdict{Refusal: binding.RefusalBlocked, Rule: cdr.RuleTenantTexts, Anyone: true}
}

// Done implements Judge: nothing is counted.
func (Tenants) Done(*cdr.Record) {}
