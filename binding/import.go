package binding

import (
	"cmp"
	"context"
)

// Ready checks a request of an import and returns the binding that it asks for,
// with an id: Import is to write it. Errors are those of CreateAgain that do not
// depend on what is there; *FieldError as well for a request that may be there
// already, because an import binds each of its rows anew.
func (s *Service) Ready(ctx context.Context, r Request) (Binding, error) {
	switch {
	case r.Reuse:
		return Binding{}, refuse("reuse", notImported)
	case r.IdempotencyKey != "":
		return Binding{}, refuse("idempotency_key", notImported)
	}
	r.Tenant = cmp.Or(r.Tenant, s.Tenant, DefaultTenant)
	return s.ready(ctx, r)
}

const notImported = "not in an import, which binds each row anew; use `binding create --from`"

// Import writes many bindings that Ready has returned, together: into bs goes what
// numbers were drawn. Errors are in the order of bs and those of CreateAgain.
func (s *Service) Import(ctx context.Context, bs []Binding) []error {
	type numbers struct{ x, y X }
	given := make([]numbers, len(bs))
	for i := range bs {
		given[i] = numbers{bs[i].X, bs[i].Y}
	}
	errs := s.Store.Import(ctx, bs)
	for i, err := range errs {
		if err != nil {
			errs[i] = s.refused(&Binding{X: given[i].x, Y: given[i].y}, err)
		}
	}
	return errs
}
