package binding

import (
	"errors"
	"slices"
	"time"
)

// DefaultQuarantine is for how long nobody is bound again on a number that he
// dialled or was bound on, where nothing else is configured.
const DefaultQuarantine = 90 * 24 * time.Hour

// ErrQuarantine: a party of a new binding had to do with its number not long
// enough ago; a *QuarantineError says more.
var ErrQuarantine = errors.New("a party dialled this number or was bound on it not long ago, and may call somebody else on it by mistake; " +
	"give another number or none")

// QuarantineError is an ErrQuarantine about one number.
type QuarantineError struct {
	Until time.Time // then these parties may be bound on it
}

func (e *QuarantineError) Error() string {
	return ErrQuarantine.Error() + ", or wait until " + e.Until.UTC().Format(time.RFC3339)
}

func (e *QuarantineError) Unwrap() error { return ErrQuarantine }

// KeptOff says until when who, parties of b, are kept off a number by another
// binding that is or was on it: the moment at which one of them left it, and
// rest. The zero time: they are not any more now, which is when b begins, or
// earlier where the clock is not believed.
//
// The call log of a party of the other binding holds the number, and means
// somebody: nobody else is to answer. That is why the same people may have
// their number again at once. Of a number that connects anyone, everybody may
// have such a memory, so that it rests for all of its kind.
func (b *Binding) KeptOff(other *Binding, who []Number, rest time.Duration, now time.Time) time.Time {
	var left time.Time
	switch {
	case rest <= 0 || b.SamePeople(other):
		return time.Time{}
	case b.Mode.open() && other.Mode.open() && b.Extension == other.Extension:
		left = other.ended()
	}
	for _, n := range who {
		if at := other.partyUntil(n); at.After(left) {
			left = at
		}
	}
	if until := left.Add(rest); !left.IsZero() && until.After(now) {
		return until
	}
	return time.Time{}
}

// partyUntil is when n left b; the zero time: it never was a party, or nothing
// says that it will leave.
func (b *Binding) partyUntil(n Number) time.Time {
	if b.HasParty(n) {
		return b.ended()
	}
	var left time.Time
	for _, c := range b.Changes {
		if !n.IsZero() && c.Out == n {
			left = c.At
		}
	}
	return left
}

// SamePeople reports whether whoever calls on a number of both bindings reaches
// by one whom he reached by the other.
func (b *Binding) SamePeople(other *Binding) bool {
	if slices.ContainsFunc(other.Changes, func(c Change) bool { return !c.Out.IsZero() }) || len(b.Group) != len(other.Group) {
		return false
	}
	if len(b.Group) == 0 {
		return b.A == other.A && b.B == other.B || b.A == other.B && b.B == other.A
	}
	return b.A == other.A && b.B == other.B &&
		!slices.ContainsFunc(b.Group, func(n Number) bool { return !slices.Contains(other.Group, n) })
}

// Parties returns the subscribers of b, each once.
func (b *Binding) Parties() []Number {
	all := make([]Number, 0, 2+len(b.Group))
	for _, n := range [...]Number{b.A, b.B} {
		if !n.IsZero() && !slices.Contains(b.Group, n) {
			all = append(all, n)
		}
	}
	return append(all, b.Group...)
}

// Newcomers returns the parties that a revision brings.
func (r *Revision) Newcomers() []Number {
	var all []Number
	for _, c := range r.Changes {
		if c.At.Equal(r.From) && !c.In.IsZero() {
			all = append(all, c.In)
		}
	}
	return all
}
