package binding

import "errors"

// Parties that a call can be asked for from, in CallFrom.
const (
	PartyA = "a"
	PartyB = "b"
)

var (
	errParty     = errors.New("is to be a or b")
	errNobody    = errors.New("the binding names nobody there; of a group the default member can be called")
	errDialsNone = errors.New("this party of the binding has nobody to call")
)

// CallFrom is the edge that a party of b takes when it calls, also where it is forbidden
// to: that is for the decision to say. An empty party is A. The error is a *FieldError of
// the field "from".
func (b *Binding) CallFrom(party string) (Edge, error) {
	number := b.A
	switch party {
	case "", PartyA:
	case PartyB:
		number = b.B
	default:
		return Edge{}, &FieldError{Field: "from", Err: errParty}
	}
	if number.IsZero() {
		return Edge{}, &FieldError{Field: "from", Err: errNobody}
	}
	for e := range b.edges {
		if !e.Anyone && e.Caller == number {
			return e, nil
		}
	}
	return Edge{}, &FieldError{Field: "from", Err: errDialsNone}
}
