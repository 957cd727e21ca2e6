package binding

import "strings"

// Bounds of what is looked at. The longest written form that can mean
// anything has 28 digits (00, 86, 0, a 700 number and an extension).
const (
	maxWritten = 32
	maxText    = 256
)

// written is a number as it was written: its digits, and whether a plus
// stood before them.
type written struct {
	d    [maxWritten]byte
	n    int
	plus bool
}

func (w *written) digits() []byte { return w.d[:w.n] }

// international returns the digits after + or 00, and whether there was one.
func (w *written) international() ([]byte, bool) {
	switch {
	case w.plus:
		return w.digits(), true
	case hasPrefix(w.digits(), "00"):
		return w.d[2:w.n], true
	default:
		return nil, false
	}
}

// read collects the digits of s, which may hold separators and a plus before
// its first digit. It returns false at the first byte that is anything else,
// and keeps what came before.
func (w *written) read(s string) bool {
	if len(s) > maxText {
		return false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			if w.n == len(w.d) {
				return false
			}
			w.d[w.n] = c
			w.n++
		case isSeparator(c):
		case c == '+' && w.n == 0 && !w.plus:
			w.plus = true
		default:
			return false
		}
	}
	return true
}

// readURI reads what read does, and the user of a sip: or sips: URI or a
// tel: URI besides. A phone-context with a country code other than code
// comes before the number, unless the number is a global one itself.
func (w *written) readURI(s, code string) bool {
	if len(s) > maxText {
		return false
	}
	number, params, ok := splitURI(s)
	if !ok || !w.read(number) {
		return false
	}
	if params == "" {
		return true
	}
	context, ok := phoneContext(params)
	if !ok || context == "" {
		return ok
	}
	var c written
	if !c.read(context) || !c.plus || c.n == 0 {
		return false
	}
	if _, global := w.international(); global || string(c.digits()) == code {
		return true
	}
	if !c.read(string(w.digits())) {
		return false
	}
	*w = c
	return true
}

// splitURI takes the number and its parameters out of a URI; text without a
// scheme is its own number and parameters.
func splitURI(s string) (number, params string, ok bool) {
	switch {
	case hasScheme(s, "tel:"):
		s = s[len("tel:"):]
	case hasScheme(s, "sip:"), hasScheme(s, "sips:"):
		_, s, _ = strings.Cut(s, ":")
		if s, _, ok = strings.Cut(s, "@"); !ok {
			return "", "", false
		}
		s, _, _ = strings.Cut(s, ":") // a password
	}
	number, params, _ = strings.Cut(s, ";")
	return number, params, true
}

// phoneContext returns the global number of a phone-context parameter, ""
// when there is none or when it is a domain name. Two of them are refused.
func phoneContext(params string) (context string, ok bool) {
	for params != "" {
		var param string
		param, params, _ = strings.Cut(params, ";")
		name, value, _ := strings.Cut(param, "=")
		if !strings.EqualFold(name, "phone-context") || !strings.HasPrefix(value, "+") {
			continue
		}
		if context != "" {
			return "", false
		}
		context = value
	}
	return context, true
}

// isSeparator reports whether c may stand between digits: the visual
// separators of RFC 3966 section 5.1.1, and the space that people type.
func isSeparator(c byte) bool { return c == '-' || c == '.' || c == '(' || c == ')' || c == ' ' }

func hasScheme(s, scheme string) bool {
	return len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme)
}

func hasPrefix(d []byte, prefix string) bool {
	return len(d) >= len(prefix) && string(d[:len(prefix)]) == prefix
}

// trimZero takes away the 0 that stands before a national number.
func trimZero(d []byte) []byte {
	if len(d) > 0 && d[0] == '0' {
		return d[1:]
	}
	return d
}
