package binding

import (
	"context"
	"time"
)

// slideStep is the part of a sliding period by which an expiry may lag: it is
// moved only when that would move it further. A binding is written 16 times in
// its period at most, however many calls it carries.
const slideStep = 16

// slide moves the expiry of a sliding binding that carries a call or a text
// now, where it lags by a step. It never moves it back.
func (b *Binding) slide(now time.Time) {
	if b.Sliding <= 0 || b.ExpiresAt.IsZero() || b.State(now) != StateLive {
		return
	}
	if to := now.Add(b.Sliding).Truncate(time.Millisecond); to.Sub(b.ExpiresAt) >= b.Sliding/slideStep {
		b.ExpiresAt, b.UpdatedAt = to, now
	}
}

// slid reports whether a change does what slide does at a moment, whoever asked for it: it
// costs what calls cost, and gives what they give.
func slid(old, b *Binding, at time.Time) bool {
	if old.Sliding <= 0 || b.ExpiresAt.After(at.Add(old.Sliding)) || b.ExpiresAt.Sub(old.ExpiresAt) < old.Sliding/slideStep {
		return false
	}
	moved := *old
	moved.ExpiresAt = b.ExpiresAt
	return same(&moved, b)
}

// Slide says that a binding carries a call or a text now. It writes nothing
// where nothing is due; where another binding of one of the parties begins
// before the new expiry would be over, the old one stays. It is never moved beyond the
// last day of an older range. On a full disk it is moved all the same: what is in use
// does not end for want of room.
func (s *Service) Slide(ctx context.Context, id string) error {
	now := s.now()
	_, err := s.Store.Change(ctx, id, func(b *Binding) error {
		b.slide(now)
		return nil
	})
	if taken(err) {
		return nil
	}
	return err
}
