package binding

import "strconv"

// Bounds of the 700 numbers and of their blocks.
const (
	digitsOfX = 15
	firstX    = X(700_000_000_000_000)
	lastX     = X(700_999_999_999_999)
)

// X is a 700 number: 15 digits, national form, never E.164. The zero value
// is none. A 700 number is public and prints in full.
type X uint64

// Block returns the block that x belongs to, 0 when x is not valid.
func (x X) Block() Block {
	if !x.Valid() {
		return 0
	}
	return Block(x / BlockSize)
}

// Valid reports whether x is a 700 number of 15 digits.
func (x X) Valid() bool { return x >= firstX && x <= lastX }

// String returns the 15 digits, "" for the zero value.
func (x X) String() string {
	if x == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(x), 10)
}

// MarshalText returns the 15 digits, nothing for the zero value. JSON uses
// it too, so that no client reads a 700 number as a float.
func (x X) MarshalText() ([]byte, error) { return []byte(x.String()), nil }

// UnmarshalText reads exactly 15 digits that begin with 700, or nothing for
// the zero value. It returns ErrNot700 for anything else; forms with a
// prefix or separators are read by [Plan.ParseX].
func (x *X) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*x = 0
		return nil
	}
	if len(b) != digitsOfX {
		return ErrNot700
	}
	v, ok := decimal(b)
	if !ok || !X(v).Valid() {
		return ErrNot700
	}
	*x = X(v)
	return nil
}

// decimal reads ASCII digits, at most 19 of them.
func decimal(b []byte) (uint64, bool) {
	var v uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
	}
	return v, len(b) > 0 && len(b) <= 19
}
