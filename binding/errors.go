package binding

import (
	"errors"
	"fmt"
)

// Errors of reading a number. Their texts hold no digit, whatever was read,
// so that they may be logged. A kind stands behind the more exact ones:
// errors.Is(ErrEmergency, ErrShort) holds, for example.
var (
	// ErrMalformed: the text is no complete number in any accepted form.
	ErrMalformed = errors.New("not a complete telephone number; " +
		"write a mobile, a landline with its area code, or + and the country code")
	// ErrAreaCode: a landline's local number alone; an ErrMalformed.
	ErrAreaCode error = kindError{"a landline without its area code; put the area code in front", ErrMalformed}
	// ErrShort: a short number, which several networks share.
	ErrShort = errors.New("a short number, which cannot be a party; give a subscriber's number")
	// ErrEmergency: an emergency number; an ErrShort.
	ErrEmergency error = kindError{"an emergency number, which cannot be a party; give a subscriber's number", ErrShort}
	// ErrService: a nationwide service number (95, 96).
	ErrService = errors.New("a service number, which cannot be a party; give a subscriber's number")
	// ErrTollFree: a 400 or 800 number; an ErrService.
	ErrTollFree error = kindError{"a toll-free or shared-cost number, which cannot be a party; give a subscriber's number", ErrService}
	// ErrIs700: a 700 number, complete or not, where a subscriber's belongs.
	ErrIs700 = errors.New("a protected number, not a subscriber's; give the party's own number")
	// ErrLegacy: a number of a configured older intermediate range.
	ErrLegacy = errors.New("a number of an older intermediate range, not a subscriber's; give the party's own number")

	// ErrNot700: the text is something else than a 700 number.
	ErrNot700 = errors.New("not a 700 number; write its fifteen digits")
	// ErrIncomplete: a 700 number that stops before its fifteenth digit.
	ErrIncomplete = errors.New("a 700 number with too few digits; write all fifteen")
	// ErrTooLong: a 700 number with something after its fifteenth digit, or
	// with characters that are no digits; an ErrMalformed.
	ErrTooLong error = kindError{"a 700 number with something more than its fifteen digits; take the rest away", ErrMalformed}
	// ErrBlock: not the digits of a block.
	ErrBlock = errors.New("not a block; a block is the first eleven digits of a 700 number, " +
		"or a number of an older range without its last four digits")
	// ErrNoRange: a block of an older range that is not configured; an ErrBlock.
	ErrNoRange error = kindError{"in no older range that is configured, or not wholly; set numbering.legacy_ranges, " +
		"with a prefix that is at least four digits shorter than the length", ErrBlock}
	// ErrRangeOver: the last day of the older range is over; an ErrNotOpen.
	ErrRangeOver error = kindError{"of an older range whose last day is over; give a 700 number or none", ErrNotOpen}
	// ErrRangeEnds: a binding would outlive the older range of its number; a *RangeError says more.
	ErrRangeEnds = errors.New("later than the last day of the older range of its number; give an earlier expiry")
	// ErrFormat: not the name of a written form.
	ErrFormat = errors.New("not a number format; one of national, e164, plus, international")
)

// Errors of a store and of the rules above it.
var (
	// ErrExists: the block, or a binding with that id, is there already.
	ErrExists = errors.New("already there")
	// ErrInUse: the block still carries live bindings.
	ErrInUse = errors.New("live bindings remain on the block; delete them or let them expire, then remove it")
	// ErrNotHeld: the block of the number is not one that this installation
	// holds.
	ErrNotHeld = errors.New("in no block that this installation holds; add the block or give another number")
	// ErrNotOpen: the block is held, but locked or draining; an ErrNotHeld.
	ErrNotOpen error = kindError{"in a block that is not open to new bindings; give another number or none", ErrNotHeld}
	// ErrNumberLocked: the number itself is locked; an ErrNotOpen.
	ErrNumberLocked error = kindError{"locked: nothing new is bound on it; give another number or none", ErrNotOpen}
	// ErrOtherTenant: the block is another tenant's, or is shared and the tenant
	// has blocks of its own; an ErrNotHeld.
	ErrOtherTenant error = kindError{"in a block that the tenant does not draw from; give a number of its own blocks or none", ErrNotHeld}
	// ErrNotFound: no binding has that id.
	ErrNotFound = errors.New("no binding has this id; look it up in the list of bindings")
	// ErrNoFreeNumber: there is no number left to draw; a *PoolError says more.
	ErrNoFreeNumber = errors.New("no free number; add a block")
	// ErrCrowded: as many bindings live on the number as may.
	ErrCrowded = errors.New("too many bindings on this number; give another number or none")
	// ErrWorn: as many bindings were on the number as it takes, with those that are
	// over and kept; an ErrCrowded.
	ErrWorn error = kindError{"has had as many bindings as a number takes, with those that are over; give another number or none: " +
		"it can be had again when retention has deleted the oldest", ErrCrowded}
	// ErrHistory: nothing is named whose past is asked for, or several things.
	ErrHistory = errors.New("name one thing: a 700 number, a subscriber's number, an order or a consent")
	// ErrCursor: it is of no list.
	ErrCursor = errors.New("not where a list goes on; take `next` of what came before")
	// ErrWindow: it ends before it begins.
	ErrWindow = errors.New("the window ends before it begins; write a later time")
	// ErrRepeats: a text of a binding holds the number of one of its parties.
	ErrRepeats = errors.New("repeats the number of a party, which would then stand in every record; take it out")
	// ErrMode: a mode that is not known, or for which nothing is stored.
	ErrMode = errors.New("not an available mode; available: " + availableModes)
	// ErrStrangers: a mode that connects anyone, which the operator has not
	// allowed; an ErrMode.
	ErrStrangers error = kindError{"connects anyone who dials, which is not allowed on 700 numbers; " +
		"use another mode, or have the operator set numbering.allow_strangers", ErrMode}
)

// kindError is an error that is also one of a wider kind.
type kindError struct {
	text string
	kind error
}

func (e kindError) Error() string { return e.text }

func (e kindError) Unwrap() error { return e.kind }

const availableModes = "axb, axyb, gxb, gxyb, ax, axe"

// NumberError says which of the numbers of a new binding an error of a store
// is about. Its text is that of the error.
type NumberError struct {
	X   X
	Err error
}

func (e *NumberError) Error() string { return e.Err.Error() }

func (e *NumberError) Unwrap() error { return e.Err }

// PoolError says that there is no number left to draw for a binding of a
// tenant, and how its blocks stand. It is an ErrNoFreeNumber.
type PoolError struct {
	Tenant string // whose blocks were drawn from
	Blocks int    // of them that are open
	InUse  int    // numbers on which bindings live
	Locked int    // numbers that are locked one by one
	Closed int    // free numbers that were drawn and cannot be had by these parties; 0: there were none
	Ending int    // open blocks of older ranges that end before the binding would, or have ended
	Absent int    // numbers that those blocks have not
	Worn   int    // numbers that have had as many bindings as one takes
}

func (e *PoolError) Error() string {
	if e.Blocks == 0 && e.Ending > 0 {
		return fmt.Sprintf("no free number: the open blocks of tenant %s are of older ranges that end before the binding would (%d); "+
			"add a block of 700 numbers, or give an earlier expiry", e.Tenant, e.Ending)
	}
	if e.Blocks == 0 {
		return "no free number: tenant " + e.Tenant + " has no open block; add a block, or unlock one"
	}
	text := fmt.Sprintf("no free number: of %d numbers in the open blocks of tenant %s %d are in use and %d locked",
		e.Blocks*BlockSize-e.Absent, e.Tenant, e.InUse, e.Locked)
	if e.Worn > 0 {
		text += fmt.Sprintf(", %d have had as many bindings as a number takes until retention deletes the oldest", e.Worn)
	}
	if e.Closed > 0 {
		text += fmt.Sprintf(", and %d that were tried are closed to these parties", e.Closed)
	}
	if e.Ending > 0 {
		text += fmt.Sprintf("; %d blocks more are of older ranges that end before the binding would", e.Ending)
	}
	return text + "; add a block, or unbind what is over"
}

func (e *PoolError) Unwrap() error { return ErrNoFreeNumber }

// ConflictError says that a party of the new binding stands on its number
// already, in a live binding, or that anyone who dials it and these digits
// reaches somebody else.
type ConflictError struct {
	Binding string // id of the binding in the way
	Anyone  bool   // it is not a party that both have, but that both are for anyone
}

func (e *ConflictError) Error() string {
	if e.Anyone {
		return "who dials this number with these digits is already connected by binding " + e.Binding +
			"; delete that binding or give another number or extension"
	}
	return "a party is already bound on this number by binding " + e.Binding +
		"; delete that binding or give another number"
}

// FieldError is a request refused for one of its fields. Its text is one
// line that names the field, says what is wrong and what to do, and never
// repeats the value.
type FieldError struct {
	Field string // name in JSON: "a", "order", "max_duration"
	Err   error
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }

func (e *FieldError) Unwrap() error { return e.Err }
