package binding

import "strconv"

// Bounds of the 700 numbers and of their blocks.
const (
	digitsOfX = 15
	firstX    = X(700_000_000_000_000)
	lastX     = X(700_999_999_999_999)
	lastOlder = X(99_999_999_999_999)
)

// X is a number over which others are reached: a 700 number of 15 digits, never
// E.164, or one of an older range (see [LegacyRange]). The zero value is none. It is
// public and prints in full, as it is dialled in its country: one that looks like a
// landline of China with the 0 in front.
//
// The value is that of the digits without that 0. The two kinds have none in common: a
// number of an older range has 14 digits at most, and never begins with 700.
type X uint64

// Block returns the block that x belongs to, 0 when x is not valid.
func (x X) Block() Block {
	if !x.Valid() {
		return 0
	}
	return Block(x / BlockSize)
}

// Valid reports whether x is a 700 number of 15 digits, or can be a number of an
// older range.
func (x X) Valid() bool { return x >= firstX && x <= lastX || x.Older() }

// Older reports whether x can be a number of an older range: 5 to 14 digits that
// do not begin with 700.
func (x X) Older() bool { return x >= BlockSize && x <= lastOlder && !begins700(uint64(x)) }

// begins700 reports whether the digits of v begin with 700.
func begins700(v uint64) bool {
	for v >= 1000 {
		v /= 10
	}
	return v == 700
}

// String returns the digits that are dialled, "" for the zero value.
func (x X) String() string {
	if x == 0 {
		return ""
	}
	var buf [21]byte
	buf[0] = '0'
	text := strconv.AppendUint(buf[:1], uint64(x), 10)
	if d := text[1:]; !x.Older() || isMobile(d) || checkChinese(d) != nil {
		return string(d)
	}
	return string(text)
}

// MarshalText returns what String does. JSON uses it too, so that no client reads
// a 700 number as a float.
func (x X) MarshalText() ([]byte, error) { return []byte(x.String()), nil }

// UnmarshalText reads what MarshalText wrote, and a landline without its 0. It
// returns ErrNot700 for anything else. Which older ranges there are it does not know: what people and peers
// write is read by [Plan.ParseX].
func (x *X) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*x = 0
		return nil
	}
	v, ok := decimal(b)
	if !ok || !X(v).Valid() || b[0] == '0' && X(v).String() != string(b) {
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
