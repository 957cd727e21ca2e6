package binding

import (
	"errors"
	"reflect"
	"time"
)

// Repeat says how a bind is answered that was asked for before. The zero value
// asks for a new binding each time.
type Repeat struct {
	Reuse bool // one that lives and is what was asked for is bound once more
}

// MaxReuse is among how many bindings of its order, newest first, one is looked
// for that is bound once more, where no X is named.
const MaxReuse = 256

// ErrUnlike: a binding is not, or no longer, what was asked for, and cannot be
// bound once more. It is for engines.
var ErrUnlike = errors.New("the binding is not what was asked for")

// Alike reports whether b is what was asked for but for its times: the same
// people in the same roles, order, tenant and terms, and each of its numbers
// that was named.
func (b *Binding) Alike(asked *Binding) bool {
	x, y := b.clone(), asked.clone()
	if y.X == 0 {
		x.X = 0
	}
	if y.Y == 0 {
		x.Y = 0
	}
	for _, c := range []*Binding{&x, &y} {
		c.ID, c.Refs, c.Changes = "", 0, nil
		c.CreatedAt, c.ExpiresAt, c.EndedAt, c.UpdatedAt = time.Time{}, time.Time{}, time.Time{}, time.Time{}
		if len(c.Group) == 0 {
			c.Group = nil
		}
	}
	return reflect.DeepEqual(x, y)
}

// Again binds b once more, as a change: one more in Refs, and the later expiry
// of both. ErrUnlike: it is not what was asked for, or does not live when it was.
func (b *Binding) Again(asked *Binding) error {
	at := asked.CreatedAt
	if at.Before(b.CreatedAt) { // two asked at once, and the other came first
		at = b.CreatedAt
	}
	if !b.Alike(asked) || !b.EndedAt.IsZero() || b.State(at) != StateLive {
		return ErrUnlike
	}
	b.Refs++
	b.UpdatedAt = at
	if !b.ExpiresAt.IsZero() && (asked.ExpiresAt.IsZero() || asked.ExpiresAt.After(b.ExpiresAt)) {
		b.ExpiresAt = asked.ExpiresAt
	}
	return nil
}
