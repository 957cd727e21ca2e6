package binding

import "strconv"

// Format is a written form of a subscriber number toward a carrier.
type Format uint8

// The written forms. A foreign number has no national form and is written
// with 00; it is written with a plus where E.164 is asked for, because bare
// digits would be read as a number of this country.
const (
	National      Format = iota // 13800138000, 01059658005
	E164                        // 8613800138000
	Plus                        // +8613800138000
	International               // 008613800138000
)

// ParseFormat reads the name of a form: national, e164, plus or
// international. It returns ErrFormat for anything else.
func ParseFormat(s string) (Format, error) {
	for f := National; f <= International; f++ {
		if s == f.String() {
			return f, nil
		}
	}
	return 0, ErrFormat
}

// String returns the name that ParseFormat reads.
func (f Format) String() string {
	switch f {
	case National:
		return "national"
	case E164:
		return "e164"
	case Plus:
		return "plus"
	case International:
		return "international"
	default:
		return "unknown"
	}
}

// Format reveals a number in a written form, "" for the zero Number. It is
// for the carrier's side only, like [Number.Digits].
func (p Plan) Format(n Number, f Format) string {
	if n.IsZero() {
		return ""
	}
	const lead = 2
	var buf [lead + maxDigits + 5]byte
	digits := strconv.AppendUint(buf[lead:lead], n.value(), 10)
	code := p.code()
	own := hasPrefix(digits, code) && len(digits) > len(code)
	switch {
	case f == Plus, f == E164 && !own:
		buf[lead-1] = '+'
		return string(buf[lead-1 : lead+len(digits)])
	case f == E164:
		return string(digits)
	case f == International, !own:
		buf[0], buf[1] = '0', '0'
		return string(buf[:lead+len(digits)])
	}
	national := digits[len(code):]
	if p.china() && isMobile(national) {
		return string(national)
	}
	digits[len(code)-1] = '0'
	return string(digits[len(code)-1:])
}
