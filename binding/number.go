package binding

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
)

// Shortest and longest number that can be a party, in digits of E.164 with
// the country code (ITU-T E.164 section 6 sets the upper bound).
const (
	minDigits = 7
	maxDigits = 15
)

// ErrDigits is returned when stored digits are not a canonical number. Its
// text never repeats them.
var ErrDigits = errors.New("not the canonical digits of a number")

// Number is a subscriber's real number in its canonical form: the digits of
// E.164 with the country code and without a plus ("8613800138000",
// "861059658005"). The zero value is no number. Two Numbers are the same
// subscriber exactly when they are ==, so a Number serves as a map key.
//
// A Number prints itself masked ("138****8000") under every verb of fmt, in
// JSON, in text and in slog. Only [Number.Digits] and [Plan.Format] reveal
// it. Where methods cannot help, because fmt does not call the methods of an
// unexported field and a goroutine trace prints raw words, the value itself
// is veiled: see veil.
type Number struct {
	veiled uint64
}

// NumberFromDigits makes a Number of digits that are canonical already. It
// is for the codecs of stored rows; what a person or a peer wrote goes
// through [Plan.ParseNumber]. It returns ErrDigits for anything but 7 to 15
// ASCII digits of which the first is not 0.
func NumberFromDigits(canonical string) (Number, error) {
	if len(canonical) < minDigits || len(canonical) > maxDigits || canonical[0] == '0' {
		return Number{}, ErrDigits
	}
	var v uint64
	for i := 0; i < len(canonical); i++ {
		c := canonical[i]
		if c < '0' || c > '9' {
			return Number{}, ErrDigits
		}
		v = v*10 + uint64(c-'0')
	}
	return newNumber(v), nil
}

func newNumber(v uint64) Number { return Number{veiled: processVeil.hide(v)} }

func (n Number) value() uint64 { return processVeil.show(n.veiled) }

// IsZero reports whether n is no number.
func (n Number) IsZero() bool { return n.veiled == 0 }

// Digits reveals the number: its canonical digits, "" for the zero value.
// Only code that writes SIP toward the carrier or seals a stored row may
// call it; the rules in binding/secrecy hold the list of those places.
func (n Number) Digits() string {
	if n.IsZero() {
		return ""
	}
	return strconv.FormatUint(n.value(), 10)
}

// GobEncode carries the real number, because the state of a call must come
// back with it after a restart. What gob writes must therefore be sealed
// before it touches a disk or a socket.
func (n Number) GobEncode() ([]byte, error) {
	return binary.AppendUvarint(nil, n.value()), nil
}

// GobDecode reads what GobEncode wrote. It returns ErrDigits for anything
// else.
func (n *Number) GobDecode(b []byte) error {
	v, size := binary.Uvarint(b)
	if size <= 0 || size != len(b) {
		return ErrDigits
	}
	if v != 0 && (v < 1e6 || v >= 1e15) {
		return ErrDigits
	}
	*n = newNumber(v)
	return nil
}

// Masked is a number as it may be shown to anyone: the first and the last
// digits with stars between ("138****8000", "010****8005"), "" for none. It
// is a plain string, so that a client can read back what a server printed;
// where that was asked to show the number itself, and recorded it, it is that.
type Masked string

// Masked returns n as it may be shown. A Chinese number is masked in its
// national form, any other in its canonical form. At least four digits are
// always hidden.
func (n Number) Masked() Masked {
	if n.IsZero() {
		return ""
	}
	if n.IsErased() {
		return n.erased()
	}
	var buf [1 + maxDigits]byte
	digits := strconv.AppendUint(buf[1:1], n.value(), 10)
	// 86, then an eleven-digit mobile or a landline of ten or eleven digits.
	if (len(digits) == 12 || len(digits) == 13) && digits[0] == '8' && digits[1] == '6' {
		if len(digits) == 13 && digits[2] == '1' {
			digits = digits[2:]
		} else {
			digits[1] = '0'
			digits = digits[1:]
		}
	}
	tail := 4
	if len(digits) < 11 {
		tail = len(digits) - 7
	}
	var out [11]byte
	shown := append(out[:0], digits[:3]...)
	shown = append(shown, "****"...)
	shown = append(shown, digits[len(digits)-tail:]...)
	return Masked(shown)
}

// String returns the masked number.
func (n Number) String() string { return string(n.Masked()) }

// GoString returns the masked number as %#v shows it.
func (n Number) GoString() string { return "binding.Number(" + strconv.Quote(n.String()) + ")" }

// Format implements [fmt.Formatter]: whatever the verb, the masked number is
// what is printed. Width and flags are those of a string.
func (n Number) Format(f fmt.State, verb rune) {
	switch {
	case verb == 'v' && f.Flag('#'):
		_, _ = f.Write([]byte(n.GoString()))
	case verb == 'q':
		_, _ = fmt.Fprintf(f, fmt.FormatString(f, 'q'), n.String())
	default:
		_, _ = fmt.Fprintf(f, fmt.FormatString(f, 's'), n.String())
	}
}

// LogValue implements [slog.LogValuer] with the masked number.
func (n Number) LogValue() slog.Value { return slog.StringValue(n.String()) }

// MarshalText returns the masked number; there is no way back.
func (n Number) MarshalText() ([]byte, error) { return []byte(n.Masked()), nil }

// MarshalJSON returns the masked number as a JSON string.
func (n Number) MarshalJSON() ([]byte, error) { return []byte(`"` + n.String() + `"`), nil }
