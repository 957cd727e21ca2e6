package bindingtest

import (
	"cmp"
	"context"
	"slices"

	"mask700/binding"
)

// Tenants implements binding.Store.
func (s *Store) Tenants(ctx context.Context) ([]binding.Tenant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return nil, err
	}
	var all []binding.Tenant
	for _, t := range s.tenants {
		all = append(all, t)
	}
	if _, ok := s.tenants[binding.DefaultTenant]; !ok {
		all = append(all, defaultTenant)
	}
	slices.SortFunc(all, func(a, b binding.Tenant) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

var defaultTenant = binding.Tenant{Name: binding.DefaultTenant, State: binding.TenantActive}

// Tenant implements binding.Store.
func (s *Store) Tenant(name string) (binding.Tenant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tenantLocked(name)
}

func (s *Store) tenantLocked(name string) (binding.Tenant, bool) {
	t, ok := s.tenants[name]
	if !ok && name == binding.DefaultTenant {
		return defaultTenant, true
	}
	return t, ok
}

// PutTenant implements binding.Store.
func (s *Store) PutTenant(ctx context.Context, name string, change func(*binding.Tenant, bool) error) (binding.Tenant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return binding.Tenant{}, err
	}
	t, known := s.tenantLocked(name)
	t.Name = name
	if err := change(&t, known); err != nil {
		return binding.Tenant{}, err
	}
	t.Name = name
	if s.tenants == nil {
		s.tenants = make(map[string]binding.Tenant)
	}
	s.tenants[name] = t
	return t, nil
}
