package srtp

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// Crypto is one a=crypto attribute (RFC 4568 section 4).
type Crypto struct {
	Tag uint32 // chosen by who offers, 1 to 999999
	Key Key
}

// Suite is that of the key.
func (c Crypto) Suite() Suite { return c.Key.Suite() }

// What makes an attribute one that cannot be agreed to. None repeats what was
// read, which holds a key.
var (
	ErrSyntax   = errors.New("srtp: not a crypto attribute of RFC 4568")
	ErrSuite    = errors.New("srtp: a crypto suite that is not known")
	ErrKey      = errors.New("srtp: a key of the wrong length or form for its suite")
	ErrMKI      = errors.New("srtp: a master key identifier, or more than one key")
	ErrLifetime = errors.New("srtp: a key lifetime outside of RFC 3711")
	ErrParams   = errors.New("srtp: a session parameter that changes what is protected")
)

// maxTag bounds tags, which the standard lets have nine digits.
const maxTag = 999999

// Parse reads the value of an a=crypto attribute:
//
//	1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20 WSH=64
//
// A lifetime is read and has no effect on us: it bounds what the peer sends, and
// no call is as long as the least that anybody writes. A master key identifier is
// refused, and so is every session parameter (section 6.3) but WSH, a hint: each
// would change what is encrypted or authenticated.
func Parse(value string) (Crypto, error) {
	f := strings.Fields(value)
	if len(f) < 3 {
		return Crypto{}, ErrSyntax
	}
	tag, err := strconv.ParseUint(f[0], 10, 32)
	if err != nil || tag == 0 || tag > maxTag || f[0][0] == '+' {
		return Crypto{}, ErrSyntax
	}
	suite := suiteOf(f[1])
	if suite == None {
		return Crypto{}, ErrSuite
	}
	key, err := parseKey(suite, f[2])
	if err != nil {
		return Crypto{}, err
	}
	for _, param := range f[3:] {
		if !isWindow(param) {
			return Crypto{}, ErrParams
		}
	}
	return Crypto{Tag: uint32(tag), Key: key}, nil
}

// parseKey reads "inline:" key||salt ["|" lifetime] ["|" MKI ":" length].
func parseKey(suite Suite, text string) (Key, error) {
	const method = "inline:"
	if len(text) < len(method) || !strings.EqualFold(text[:len(method)], method) {
		return Key{}, ErrSyntax
	}
	if strings.Contains(text, ";") {
		return Key{}, ErrMKI // several keys are told apart by identifiers
	}
	encoded, rest, more := strings.Cut(text[len(method):], "|")
	if more {
		lifetime, identifier, both := strings.Cut(rest, "|")
		if both || strings.Contains(lifetime, ":") || identifier != "" {
			return Key{}, ErrMKI
		}
		if !isLifetime(lifetime) {
			return Key{}, ErrLifetime
		}
	}
	if len(encoded) > 4*((suite.size()+2)/3) {
		return Key{}, ErrKey
	}
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil || len(b) != suite.size() {
		return Key{}, ErrKey
	}
	return newKey(suite, b), nil
}

// isLifetime reads "2^20" or "1048576": up to 2^48 packets (RFC 4568 section
// 9.2).
func isLifetime(s string) bool {
	if power, ok := strings.CutPrefix(s, "2^"); ok {
		n, err := strconv.ParseUint(power, 10, 8)
		return err == nil && n <= 48
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return err == nil && n > 0 && n <= 1<<48
}

// isWindow reads WSH=64, the least size of the receiver's replay window (section
// 6.3.7). Ours is of that size.
func isWindow(param string) bool {
	size, ok := strings.CutPrefix(strings.ToUpper(param), "WSH=")
	if !ok {
		return false
	}
	n, err := strconv.ParseUint(size, 10, 16)
	return err == nil && n >= 64
}

// Append writes the value of an attribute: our tag, suite and key, and nothing
// else.
func (c Crypto) Append(b []byte) []byte {
	b = strconv.AppendUint(b, uint64(c.Tag), 10)
	b = append(b, ' ')
	b = append(b, c.Suite().String()...)
	b = append(b, " inline:"...)
	return base64.StdEncoding.AppendEncode(b, c.Key.bytes())
}

// Agreed finds what offer and answer have in common: of two attributes with one
// tag and suite, ours and theirs (RFC 4568 section 5.1.3). The answer has one, so
// that it does not matter who made the offer.
func Agreed(ours, theirs []Crypto) (out, in Crypto, ok bool) {
	for _, in = range theirs {
		for _, out = range ours {
			if out.Tag == in.Tag && out.Suite() == in.Suite() && in.Suite() != None {
				return out, in, true
			}
		}
	}
	return Crypto{}, Crypto{}, false
}
