package binding

import (
	"fmt"
	"io"
)

// erasedCode stands in front of what is put in place of an erased number. It is
// a country code that is not assigned (ITU-T E.164), so that nobody can be
// taken for it and it for nobody; what a person writes is never read as one.
const erasedCode = 999

const erasedUnits = 1_000_000_000_000 // twelve digits behind the code

// ErasedNumber draws what stands in place of a subscriber's number that is
// erased: the same in all rows of one erasure, so that they can be told to be
// of one person, and of nobody any more. The error is random's.
func ErasedNumber(random io.Reader) (Number, error) {
	v := uint64(erasedCode)
	for range 3 {
		n, err := draw(random, 10_000)
		if err != nil {
			return Number{}, err
		}
		v = v*10_000 + uint64(n)
	}
	return newNumber(v), nil
}

// IsErased reports whether n stands in place of a number that was erased.
func (n Number) IsErased() bool { return n.value()/erasedUnits == erasedCode }

// erased is such a number as it is shown.
func (n Number) erased() Masked { return Masked(fmt.Sprintf("erased-%04d", n.value()%10_000)) }

// Forget returns b with another number in place of a party's, a former one's
// too, and without the consents that it had.
func (b *Binding) Forget(n, as Number) Binding {
	c := b.clone()
	for _, at := range []*Number{&c.A, &c.B} {
		if *at == n {
			*at = as
		}
	}
	for i := range c.Group {
		if c.Group[i] == n {
			c.Group[i] = as
		}
	}
	for i := range c.Changes {
		change := &c.Changes[i]
		if change.In == n {
			change.In = as
		}
		if change.Out == n {
			change.Out = as
		}
		change.Was = ""
	}
	c.Consent = ""
	return c
}
