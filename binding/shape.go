package binding

import (
	"errors"
	"strings"
)

// Bounds of a request of the modes that have them.
const (
	maxGroup     = 1000 // members
	minExtension = 2    // digits; with one a stranger would reach somebody at every tenth call
	maxExtension = 8
)

// presence says whether a mode has a field.
type presence uint8

const (
	absent presence = iota
	optional
	required
)

// shape is what a mode asks for.
type shape struct{ a, b, y, group, extension presence }

// shapeOf is the shape of a mode that is available. A number that is not
// given is drawn, so that y is never required.
func shapeOf(m Mode) shape {
	switch m {
	case ModeAXYB:
		return shape{a: required, b: required, y: optional}
	case ModeGXB:
		return shape{a: optional, b: required, group: required}
	case ModeGXYB:
		return shape{a: optional, b: required, group: required, y: optional}
	case ModeAX:
		return shape{a: required, b: optional}
	case ModeAXE:
		return shape{a: required, b: optional, extension: required}
	default:
		return shape{a: required, b: required}
	}
}

// HasY reports whether bindings of the mode have a second number.
func (m Mode) HasY() bool { return shapeOf(m).y != absent }

// checkMode also refuses what belongs to other modes, rather than to drop it
// in silence.
func (s *Service) checkMode(b *Binding, r *Request) error {
	switch {
	case r.Mode == "":
		return &FieldError{Field: "mode", Err: kindError{"missing; available: " + availableModes, ErrMode}}
	case !b.Mode.known():
		return &FieldError{Field: "mode", Err: ErrMode}
	case !b.Mode.available():
		return &FieldError{Field: "mode", Err: kindError{"nothing is stored for mode " + r.Mode + ": an endpoint of the configuration decides each call; to bind: " + availableModes, ErrMode}}
	case b.Mode.open() && !s.Plan.Strangers:
		return &FieldError{Field: "mode", Err: ErrStrangers}
	case b.Mode.open() && r.OneWay != "":
		return refuse("one_way", "mode "+r.Mode+" has no two directions; leave it out")
	}
	want := shapeOf(b.Mode)
	if err := checkBack(b); err != nil {
		return err
	}
	for _, f := range []struct {
		field, missing, surplus string
		want                    presence
		given                   bool
	}{
		{"y", "", " has one number; leave y out", want.y, r.Y != ""},
		{"group", "missing; give the numbers of its members", " has no group; leave it out", want.group, len(r.Group) > 0},
		{"extension", "missing; give the digits that are dialled behind the number", " has no extension; leave it out", want.extension, r.Extension != ""},
		{"a", missingParty, "", want.a, strings.TrimSpace(r.A) != ""},
		{"b", missingParty, "", want.b, strings.TrimSpace(r.B) != ""},
	} {
		switch {
		case f.want == required && !f.given:
			return refuse(f.field, f.missing)
		case f.want == absent && f.given:
			return refuse(f.field, "mode "+r.Mode+f.surplus)
		}
	}
	return nil
}

// checkBack checks whom the protected side reaches.
func checkBack(b *Binding) error {
	switch group := shapeOf(b.Mode).group != absent; {
	case b.Back != BackNamed && b.Back != BackInTurn && b.Back != BackLast:
		return refuse("back", "one of in-turn, last-caller, or none for the party that is named")
	case b.Back == BackInTurn && !group:
		return refuse("back", "mode "+string(b.Mode)+" has no group to be rung in turn; leave it out")
	case b.Back != BackNamed && !group && !b.Mode.open():
		return refuse("back", "mode "+string(b.Mode)+" has one party on either side; leave it out")
	}
	return nil
}

const missingParty = "missing; give the number of this party"

func (s *Service) checkParties(b *Binding, r *Request) error {
	for _, party := range []struct {
		field, text string
		into        *Number
	}{{"a", r.A, &b.A}, {"b", r.B, &b.B}} {
		if strings.TrimSpace(party.text) == "" {
			continue // checkMode knows where it has to be there
		}
		n, err := s.Plan.ParseNumber(party.text)
		if err != nil {
			return &FieldError{Field: party.field, Err: err}
		}
		*party.into = n
	}
	if len(r.Group) > maxGroup {
		return errLargeGroup
	}
	for _, text := range r.Group {
		n, err := s.Plan.ParseNumber(text)
		if err != nil {
			return &FieldError{Field: "group", Err: err}
		}
		b.Group = append(b.Group, n)
	}
	return checkSides(b)
}

var errLargeGroup = refuse("group", "more than a thousand members; make several bindings")

// checkSides checks that the sides of a binding are different people.
func checkSides(b *Binding) error {
	if b.A == b.B {
		return refuse("b", "the same subscriber as a; a binding needs two different numbers")
	}
	if shapeOf(b.Mode).group == absent {
		return nil
	}
	if len(b.Group) > maxGroup {
		return errLargeGroup
	}
	members := make(map[Number]bool, len(b.Group))
	for _, n := range b.Group {
		if members[n] {
			return refuse("group", "a member twice; name each once")
		}
		members[n] = true
	}
	switch {
	case members[b.B]:
		return refuse("b", "a member of the group; a binding needs two different sides")
	case !b.A.IsZero() && !members[b.A]:
		return refuse("a", "no member of the group; name the member whom b reaches, or leave it out")
	}
	return nil
}

func checkExtension(b *Binding, r *Request) error {
	if r.Extension == "" {
		return nil
	}
	if !isExtension([]byte(r.Extension)) {
		return &FieldError{Field: "extension", Err: ErrExtension}
	}
	b.Extension = r.Extension
	return nil
}

// isExtension reports whether d are digits that may stand behind a number.
func isExtension(d []byte) bool {
	if len(d) < minExtension || len(d) > maxExtension {
		return false
	}
	_, ok := decimal(d)
	return ok
}

// ErrExtension: the text is no extension.
var ErrExtension = errors.New("not an extension; write two to eight digits")
