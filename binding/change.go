package binding

import (
	"errors"
	"reflect"
	"slices"
	"time"
)

// MaxChanges is how many changes of its parties and consent a binding keeps,
// and with that how many it may have.
const MaxChanges = 1000

// Errors of changing a binding.
var (
	// ErrEnded: the binding has ended, and what has ended is not changed.
	ErrEnded = errors.New("the binding has ended, and its number may be in other hands; make a new binding")
	// ErrChanges: the binding was changed too often.
	ErrChanges = errors.New("the parties of this binding were changed a thousand times; delete it and make a new one")
	// ErrFixed: a change would touch what a binding keeps for life, or says
	// no moment. It is a fault of the program.
	ErrFixed = errors.New("a change touches what a binding keeps for life, or says no moment")
)

// What a [Change] is of.
const (
	ChangeA       = "a"
	ChangeB       = "b"
	ChangeGroup   = "group"
	ChangeConsent = "consent"
)

// Change is one step of what the parties and the consent of a binding went
// through: who went and who came, so that it can be told later who was bound at
// a moment.
type Change struct {
	At      time.Time
	Field   string // ChangeA, ChangeB, ChangeGroup or ChangeConsent
	Out, In Number // of a party or member; zero: nobody
	Was     string // the consent before
}

// HadParty reports whether n is a party of b or was one.
func (b *Binding) HadParty(n Number) bool {
	return b.HasParty(n) || !n.IsZero() && slices.ContainsFunc(b.Changes, func(c Change) bool { return c.Out == n })
}

// HadConsent reports whether a consent is or was that of b.
func (b *Binding) HadConsent(consent string) bool {
	return b.Consent == consent || slices.ContainsFunc(b.Changes, func(c Change) bool {
		return c.Field == ChangeConsent && c.Was == consent
	})
}

// AsOf returns b with the parties and the consent that it had at a moment. All
// else is as it is now.
func (b *Binding) AsOf(at time.Time) Binding {
	then := b.clone()
	for _, c := range slices.Backward(then.Changes) {
		if !c.At.After(at) {
			break
		}
		switch c.Field {
		case ChangeA:
			then.A = c.Out
		case ChangeB:
			then.B = c.Out
		case ChangeConsent:
			then.Consent = c.Was
		case ChangeGroup:
			then.Group = slices.DeleteFunc(then.Group, func(n Number) bool { return n == c.In })
			if !c.Out.IsZero() {
				then.Group = append(then.Group, c.Out)
			}
		}
	}
	return then
}

// clone shares nothing with b.
func (b *Binding) clone() Binding {
	c := *b
	c.Group, c.Changes = slices.Clone(b.Group), slices.Clone(b.Changes)
	return c
}

// Revision is what a change makes of a binding.
type Revision struct {
	Binding
	From    time.Time // when it happens
	Changed bool      // anything at all
	Wider   bool      // somebody came, or it lives longer: it may collide with others now
	Slid    bool      // nothing else than that it lives longer, as a call moves a sliding expiry
}

// Revise applies a change to a binding, by the rules that hold in every
// engine: what identifies a binding stays, one that has ended is not changed,
// and of parties and consent it is kept what they were. change sets UpdatedAt to
// the moment, or EndedAt; a moment before the one before counts as that one. An error is
// ErrEnded, ErrChanges, ErrFixed or that of change.
func Revise(old Binding, change func(*Binding) error) (Revision, error) {
	b := old.clone()
	if err := change(&b); err != nil {
		return Revision{}, err
	}
	if same(&old, &b) {
		return Revision{Binding: old}, nil
	}
	from := b.UpdatedAt
	if old.EndedAt.IsZero() && !b.EndedAt.IsZero() {
		from, b.UpdatedAt = b.EndedAt, old.UpdatedAt // an end is no update
	}
	if from.IsZero() || fixed(&old) != fixed(&b) || !slices.Equal(old.Changes, b.Changes) ||
		!old.EndedAt.IsZero() && !b.EndedAt.Equal(old.EndedAt) {
		return Revision{}, ErrFixed
	}
	from = from.UTC().Round(0)
	for _, earlier := range []time.Time{old.UpdatedAt, old.CreatedAt} {
		if from.Before(earlier) {
			from = earlier
		}
	}
	if !old.EndedAt.IsZero() || old.State(from) != StateLive {
		return Revision{}, ErrEnded
	}
	if b.EndedAt.IsZero() {
		b.UpdatedAt = from
	}
	asCalls := slid(&old, &b, from)
	changes := changesOf(&old, &b, from)
	if len(old.Changes)+len(changes) > MaxChanges {
		return Revision{}, ErrChanges
	}
	b.Changes = append(b.Changes, changes...)
	end, before := b.ended(), old.ended()
	longer := end.IsZero() && !before.IsZero() || !before.IsZero() && end.After(before)
	came := slices.ContainsFunc(changes, func(c Change) bool { return !c.In.IsZero() })
	return Revision{Binding: b, From: from, Changed: true, Wider: longer || came, Slid: asCalls}, nil
}

// fixed is what a binding keeps for life, its time of creation aside.
func fixed(b *Binding) any {
	return [...]any{b.ID, b.Mode, b.X, b.Y, b.Extension, b.Order, b.Tenant, b.CreatedAt.UnixNano()}
}

// same reports whether two bindings are one but for the moment of the last
// change.
func same(a, b *Binding) bool {
	x, y := a.clone(), b.clone()
	for _, c := range []*Binding{&x, &y} {
		c.UpdatedAt = time.Time{}
		c.CreatedAt, c.ExpiresAt, c.EndedAt = c.CreatedAt.UTC(), c.ExpiresAt.UTC(), c.EndedAt.UTC()
		if len(c.Group) == 0 {
			c.Group = nil
		}
		if len(c.Changes) == 0 {
			c.Changes = nil
		}
	}
	return reflect.DeepEqual(x, y)
}

// changesOf lists what of parties and consent differs.
func changesOf(old, b *Binding, at time.Time) []Change {
	var all []Change
	if old.A != b.A {
		all = append(all, Change{At: at, Field: ChangeA, Out: old.A, In: b.A})
	}
	if old.B != b.B {
		all = append(all, Change{At: at, Field: ChangeB, Out: old.B, In: b.B})
	}
	for _, n := range old.Group {
		if !slices.Contains(b.Group, n) {
			all = append(all, Change{At: at, Field: ChangeGroup, Out: n})
		}
	}
	for _, n := range b.Group {
		if !slices.Contains(old.Group, n) {
			all = append(all, Change{At: at, Field: ChangeGroup, In: n})
		}
	}
	if old.Consent != b.Consent {
		all = append(all, Change{At: at, Field: ChangeConsent, Was: old.Consent})
	}
	return all
}
