package rule

import (
	"context"

	"mask700/binding"
	"mask700/binding/cdr"
)

// NameTenant is the rule of [Tenants] in a record.
const NameTenant = "tenant"

// NameTextsOff is the rule where a tenant has no texts.
const NameTextsOff = "tenant texts off"

// Tenants refuses what goes over a binding of a tenant that is suspended, and texts
// where it has none. It asks memory alone.
type Tenants struct {
	Tenant func(name string) (binding.Tenant, bool)
}

// Judge implements Judge. Who has no such tenant, as for a binding that
// another decided about, lets it pass.
func (t Tenants) Judge(_ context.Context, a *Attempt) Verdict {
	switch tenant, ok := t.Tenant(a.Binding.Tenant); {
	case !ok:
	case tenant.State == binding.TenantSuspended:
		return Verdict{Refusal: binding.RefusalSuspended, Rule: NameTenant}
	case a.Kind == Text && tenant.Texts == binding.TextsOff:
		return Verdict{Refusal: binding.RefusalBlocked, Rule: NameTextsOff}
	}
	return Verdict{}
}

// Done implements Judge: nothing is counted.
func (Tenants) Done(*cdr.Record) {}
