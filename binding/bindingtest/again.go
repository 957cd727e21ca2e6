package bindingtest

import (
	"context"

	"mask700/binding"
)

// BindAgain implements binding.Store.
func (s *Store) BindAgain(ctx context.Context, b binding.Binding, r binding.Repeat) (binding.Binding, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return binding.Binding{}, false, err
	}
	if r.Reuse {
		for _, row := range s.ofOrderLocked(&b) {
			again, err := s.changeLocked(row.ID, func(row *binding.Binding) error { return row.Again(&b) })
			if err != binding.ErrUnlike {
				return again, err == nil, err
			}
		}
	}
	if b.Lacks() {
		bound, err := s.drawForLocked(b)
		return bound, false, err
	}
	return clone(b), false, s.bindLocked(b, false)
}

// ofOrderLocked returns the bindings of an order that may be bound once more,
// newest first.
func (s *Store) ofOrderLocked(b *binding.Binding) []binding.Binding {
	var rows []binding.Binding
	for _, row := range s.bindings {
		if row.Order == b.Order && row.EndedAt.IsZero() {
			rows = append(rows, row)
		}
	}
	newestFirst(rows)
	return rows[:min(len(rows), binding.MaxReuse)]
}
