package bindingtest

import (
	"cmp"
	"context"
	"slices"

	"mask700/binding"
)

var _ binding.TokenStore = (*Store)(nil)

// AddToken implements binding.TokenStore.
func (s *Store) AddToken(ctx context.Context, t binding.TenantToken) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return err
	}
	n := 0
	for _, other := range s.tokens {
		if other.Tenant == t.Tenant {
			n++
		}
	}
	_, taken := s.tokens[t.ID]
	switch {
	case taken:
		return binding.ErrExists
	case n >= binding.MaxTokensOfTenant:
		return binding.ErrManyTokens
	case s.tokens == nil:
		s.tokens = make(map[string]binding.TenantToken)
	}
	s.tokens[t.ID] = t
	return nil
}

// RemoveToken implements binding.TokenStore.
func (s *Store) RemoveToken(ctx context.Context, id string) (binding.TenantToken, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return binding.TenantToken{}, err
	}
	t, ok := s.tokens[id]
	if !ok {
		return t, binding.ErrNoToken
	}
	delete(s.tokens, id)
	return t, nil
}

// Tokens implements binding.TokenStore.
func (s *Store) Tokens(ctx context.Context, tenant string) ([]binding.TenantToken, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return nil, err
	}
	var all []binding.TenantToken
	for _, t := range s.tokens {
		if tenant == "" || t.Tenant == tenant {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b binding.TenantToken) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// Token implements binding.TokenStore.
func (s *Store) Token(id string) (binding.TenantToken, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tokens[id]
	return t, ok
}
