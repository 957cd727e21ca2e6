package bindingtest

import (
	"context"
	"errors"
	"reflect"
	"time"

	"mask700/binding"
)

// BindAgain implements binding.Store.
func (s *Store) BindAgain(ctx context.Context, b binding.Binding, r binding.Repeat) (binding.Binding, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return binding.Binding{}, false, err
	}
	if row, err := s.repeatedLocked(b.Tenant, r, b.CreatedAt); err != binding.ErrNotFound {
		return row, err == nil, err
	}
	bound, again, err := s.bindAgainLocked(b, r)
	if err == nil && r.Key != "" {
		s.askedLocked(b.Tenant, r, bound.ID, b.CreatedAt)
	}
	return bound, again, err
}

// askedLocked notes what was done under a key.
func (s *Store) askedLocked(tenant string, r binding.Repeat, id string, at time.Time) {
	if s.asked == nil {
		s.asked = make(map[[2]string]request)
	}
	s.asked[[2]string{tenant, r.Key}] = request{r.Request, id, at}
}

// ChangeOnce implements binding.Store.
func (s *Store) ChangeOnce(ctx context.Context, id string, r binding.Repeat, at time.Time, change func(*binding.Binding) error) (binding.Binding, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return binding.Binding{}, err
	}
	before, ok := s.bindings[id]
	if !ok {
		return binding.Binding{}, binding.ErrNotFound
	}
	if row, err := s.repeatedLocked(before.Tenant, r, at); err != binding.ErrNotFound {
		return row, err
	}
	was := clone(before)
	b, err := s.changeLocked(id, change)
	if err == nil && !reflect.DeepEqual(b, was) {
		s.askedLocked(b.Tenant, r, id, at)
	}
	return b, err
}

// request is what was done under a key.
type request struct {
	text, id string
	at       time.Time
}

// Repeated implements binding.Store.
func (s *Store) Repeated(ctx context.Context, tenant string, r binding.Repeat, at time.Time) (binding.Binding, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return binding.Binding{}, err
	}
	return s.repeatedLocked(tenant, r, at)
}

func (s *Store) repeatedLocked(tenant string, r binding.Repeat, at time.Time) (binding.Binding, error) {
	done, ok := s.asked[[2]string{tenant, r.Key}]
	switch {
	case !ok || at.Sub(done.at) >= binding.KeyLife:
		return binding.Binding{}, binding.ErrNotFound
	case done.text != r.Request:
		return binding.Binding{}, binding.ErrKeyUsed
	}
	return clone(s.bindings[done.id]), nil
}

func (s *Store) bindAgainLocked(b binding.Binding, r binding.Repeat) (binding.Binding, bool, error) {
	if r.Reuse {
		for _, row := range s.ofOrderLocked(&b) {
			again, err := s.changeLocked(row.ID, func(row *binding.Binding) error { return row.Again(&b) })
			if err != binding.ErrUnlike && !errors.Is(err, binding.ErrRangeEnds) {
				return again, err == nil, err
			}
		}
	}
	if b.Lacks() {
		bound, err := s.drawForLocked(b)
		return bound, false, err
	}
	if err := s.bindLocked(b, false); err != nil {
		return binding.Binding{}, false, err
	}
	return clone(s.bindings[b.ID]), false, nil
}

// ofOrderLocked returns the bindings of an order and a tenant that may be bound once
// more, newest first.
func (s *Store) ofOrderLocked(b *binding.Binding) []binding.Binding {
	var rows []binding.Binding
	for _, row := range s.bindings {
		if row.Order == b.Order && row.Tenant == b.Tenant && row.EndedAt.IsZero() {
			rows = append(rows, row)
		}
	}
	newestFirst(rows)
	return rows[:min(len(rows), binding.MaxReuse)]
}
