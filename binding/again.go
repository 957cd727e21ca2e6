package binding

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"time"
)

// Repeat says how a bind is answered that was asked for before. The zero value
// asks for a new binding each time.
type Repeat struct {
	Reuse   bool   // one that lives and is what was asked for is bound once more
	Key     string // names one request of its tenant, which is done once; "": it has no name
	Request string // what is asked for under Key: the same text for the same request
}

// KeyLife is how long it is remembered what was done under a [Repeat].Key.
const KeyLife = 24 * time.Hour

// maxKey bounds such a key, in bytes.
const maxKey = 255

// Errors of keys.
var (
	// ErrKeyUsed: something else was asked for under the key.
	ErrKeyUsed = errors.New("was used for another request in the last 24 hours; give each request a key of its own")
	// ErrKeyGone: what was done under the key is not there any more.
	ErrKeyGone = errors.New("the binding that was made under this key is erased; give a new key for a new binding")
)

// MaxReuse is among how many bindings of its order and tenant, newest first, one is
// looked for that is bound once more, where no X is named.
const MaxReuse = 256

// ErrUnlike: a binding is not, or no longer, what was asked for, and cannot be
// bound once more. It is for engines.
var ErrUnlike = errors.New("the binding is not what was asked for")

// repeat is how a request is answered that was made before.
func (r *Request) repeat() (Repeat, error) {
	again := Repeat{Reuse: r.Reuse, Key: r.IdempotencyKey}
	if again.Key == "" {
		return again, nil
	}
	if err := checkText("idempotency_key", again.Key, maxKey); err != nil {
		return again, err
	}
	asked := *r
	asked.IdempotencyKey = ""
	text, err := asked.MarshalJSON()
	again.Request = string(text)
	return again, err
}

// String says nothing of what is in it: the request has numbers.
func (r Repeat) String() string { return "repeat of a bind" }

// Format implements [fmt.Formatter]: String under every verb.
func (r Repeat) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue implements [slog.LogValuer] with String.
func (r Repeat) LogValue() slog.Value { return slog.StringValue(r.String()) }

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
