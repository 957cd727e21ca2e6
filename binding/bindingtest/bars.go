package bindingtest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"mask700/binding"
)

var _ binding.BarStore = (*Store)(nil)

// AddBar implements binding.BarStore.
func (s *Store) AddBar(ctx context.Context, b binding.Bar) (binding.Bar, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return binding.Bar{}, err
	}
	if _, ok := s.bars[b.ID]; ok {
		return binding.Bar{}, binding.ErrExists
	}
	n := 0
	var over []string
	for id, other := range s.bars {
		if other.Number != b.Number || other.Tenant != b.Tenant {
			continue
		}
		if other.Covers(&b, b.CreatedAt) {
			return other, nil
		}
		if n++; !other.Live(s.earlier(b.CreatedAt)) {
			over = append(over, id)
		}
	}
	if n >= binding.MaxBarsOnNumber {
		if over == nil {
			return binding.Bar{}, binding.ErrManyBars
		}
		for _, id := range over {
			delete(s.bars, id)
		}
	}
	if s.bars == nil {
		s.bars = make(map[string]binding.Bar)
	}
	s.bars[b.ID] = b
	return b, nil
}

// Bar implements binding.BarStore.
func (s *Store) Bar(ctx context.Context, id string) (binding.Bar, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return binding.Bar{}, err
	}
	b, ok := s.bars[id]
	if !ok {
		return binding.Bar{}, binding.ErrNoBar
	}
	return b, nil
}

// RemoveBar implements binding.BarStore.
func (s *Store) RemoveBar(ctx context.Context, id string) (binding.Bar, error) {
	b, err := s.Bar(ctx, id)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.bars, id)
	}
	return b, err
}

// Bars implements binding.BarStore. Each runs without the lock.
func (s *Store) Bars(ctx context.Context, f binding.BarFilter, each func(binding.Bar) error) error {
	rows, err := s.selectedBars(ctx, f)
	if err != nil {
		return err
	}
	for _, b := range rows {
		if err := each(b); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) selectedBars(ctx context.Context, f binding.BarFilter) (rows []binding.Bar, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return nil, err
	}
	for _, b := range s.bars {
		if f.Match(&b) {
			rows = append(rows, b)
		}
	}
	slices.SortFunc(rows, func(a, b binding.Bar) int { return cmp.Compare(a.ID, b.ID) })
	if f.Limit > 0 {
		rows = rows[:min(len(rows), f.Limit)]
	}
	return rows, nil
}

// Barred implements binding.BarStore.
func (s *Store) Barred(ctx context.Context, caller, callee binding.Number, tenant string, at time.Time) (binding.Bar, bool, error) {
	rows, err := s.selectedBars(ctx, binding.BarFilter{})
	for _, b := range rows {
		if b.Bars(caller, callee, tenant, at) {
			return b, true, nil
		}
	}
	return binding.Bar{}, false, err
}
