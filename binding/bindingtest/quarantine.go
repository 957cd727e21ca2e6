package bindingtest

import (
	"time"

	"mask700/binding"
)

// contact is that somebody dialled a number.
type contact struct {
	x   binding.X
	who binding.Number
}

// Dialled says that somebody dialled a number at a moment.
func (s *Store) Dialled(x binding.X, who binding.Number, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dialled == nil {
		s.dialled = make(map[contact]time.Time)
	}
	if last := s.dialled[contact{x, who}]; at.After(last) { // a clock may go back
		s.dialled[contact{x, who}] = at
	}
}

// endOf is when a binding is over.
func endOf(b *binding.Binding) time.Time {
	end := time.Unix(1<<40, 0)
	for _, t := range []time.Time{b.ExpiresAt, b.EndedAt} {
		if !t.IsZero() && t.Before(end) {
			end = t
		}
	}
	return end
}

// overlap reports whether there is a moment at which both may be live.
func overlap(a, b *binding.Binding) bool {
	return endOf(a).After(b.CreatedAt) && endOf(b).After(a.CreatedAt)
}

// earlier is a moment by the clock, as much earlier as the clock is not believed.
func (s *Store) earlier(at time.Time) time.Time {
	if s.Ahead == nil {
		return at
	}
	return at.Add(-s.Ahead())
}

// restedLocked refuses who is kept off a number.
func (s *Store) restedLocked(b *binding.Binding, x binding.X, who []binding.Number) error {
	var keptOff time.Time
	back, now := false, s.earlier(b.CreatedAt)
	for _, id := range s.onX[x] {
		row := s.bindings[id]
		if row.ID == b.ID {
			continue
		}
		if until := b.KeptOff(&row, who, s.Quarantine, now); until.After(keptOff) {
			keptOff = until
		}
		end := endOf(&row)
		back = back || !overlap(b, &row) && end.Add(s.Quarantine).After(now) && b.SamePeople(&row)
	}
	if !back && keptOff.IsZero() && s.Quarantine > 0 {
		for _, n := range who {
			at, ok := s.dialled[contact{x, n}]
			if until := at.Add(s.Quarantine); ok && until.After(now) && until.After(keptOff) {
				keptOff = until
			}
		}
	}
	if keptOff.IsZero() {
		return nil
	}
	return &binding.QuarantineError{Until: keptOff}
}
