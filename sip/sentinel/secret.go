// Package sentinel searches what leaves toward one party of a call for what only the
// other may know. It is the last look before the socket: that nothing crosses is
// for the construction to see to (package call), and what is found here is a fault
// of that.
//
// [Secrets] are what a party has presented of itself. A [Set] is the secrets of all
// others, made ready to be searched for in every notation. A [Finder] searches a
// message for them. Nothing here knows a clock, a socket or a random source.
//
// # Notations
//
//	plain          without regard to case, in headers and bodies
//	digits         of a number, with - space . ( ) / between them, behind its country
//	               code with + or 00, 0 or anything else, full-width ones too
//	percent        %31%33…, in part or whole, twice over too
//	base64         at all three alignments, of the URL alphabet too
//	hex            of the characters
//	reversed BCD   of a number, as hexadecimal text and as bytes (ITU-T Q.763, 3GPP
//	               TS 24.008), whatever is in front of it; as bytes that are all
//	               characters from 10 digits on
//
// Branches and tokens of our own, which say nothing but what belongs together, are
// looked for plain and with percent signs only.
package sentinel

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"mask700/binding"
)

// Kind says what a secret is.
type Kind uint8

// Kinds, the most important first.
const (
	Number Kind = iota // a real number: its digits without country code and 0
	Host               // an address or a host name
	User               // user part of a URI or of credentials
	Name               // display name, or a free text
	Dialog             // Call-ID, tag or session id
	Device             // a word of what names the device
	Branch             // of a Via
	Token              // what we are called toward a party: tag, Call-ID and user part of our making

	kinds
)

var kindNames = [kinds]string{"number", "address", "user", "name", "dialog", "device", "branch", "token"}

// String names the kind for people.
func (k Kind) String() string { return kindNames[k] }

// MinDigits is the length of the shortest number that is guarded, and MinLength that
// of other texts, in bytes. What is shorter would be found by chance.
const (
	MinDigits = 7
	MinLength = 6
)

// maxLength bounds what is looked for of one text, in bytes: of a longer one that
// much is enough.
const maxLength = 64

// room is how many secrets of each kind are kept for one party: of its numbers and
// addresses more than honest ones have. The first ones count, which are those of
// its first message, its Contact before its Via and the nearest hop before those
// behind it. What finds none is counted, but for branches: every request has another,
// and they say no more than what belongs together.
var room = [kinds]int{Number: 16, Host: 16, User: 8, Name: 6, Dialog: 10, Device: 16, Branch: 4}

// usual is how many secrets a party has that is not hostile.
const usual = 16

// Secret is one text of a party: plain data.
type Secret struct {
	Kind Kind
	Text string
}

// Format implements [fmt.Formatter], masked whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.Kind.String()+" ***") }

// LogValue implements [slog.LogValuer], masked.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.Kind.String() + " ***") }

// MarshalText gives the masked form to JSON and YAML; there is no way back.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.Kind.String() + " ***"), nil }

// Secrets are those of one party, plain data, in the order in which they came. They
// are bounded whatever it sends.
type Secrets []Secret

// Add keeps a text, unless it is too short, there already, or one too many. It says
// false when it will not be looked for though it should: there is no room for it.
func (l *Secrets) Add(k Kind, text string) bool {
	if len(text) < MinLength || (k == Number || onlyDigits(text)) && len(text) < MinDigits {
		return true
	}
	if len(text) > maxLength {
		text = text[:maxLength]
	}
	n := 0
	for i := range *l {
		s := &(*l)[i]
		if s.Text == text && (s.Kind == Number) == (k == Number) {
			return true
		}
		if s.Kind == k {
			n++
		}
	}
	if n >= room[k] {
		return k == Branch
	}
	if *l == nil {
		*l = make(Secrets, 0, usual)
	}
	*l = append(*l, Secret{k, text})
	return true
}

// Has says whether a secret is among them.
func (l Secrets) Has(s Secret) bool {
	for i := range l {
		if l[i] == s {
			return true
		}
	}
	return false
}

// AddParty keeps the number of a party; its zero value is none. It says false when there
// is no room for it.
func (l *Secrets) AddParty(n binding.Number, countryCode string) bool {
	d := n.Digits()
	if d == "" {
		return true
	}
	k := codeLength(d, countryCode)
	return l.number(d[k:], d[:k])
}

// number keeps a number by its digits behind the country code: they are in every form of
// it. So few of them that they may be part of something else have to stand for themselves;
// for those the number is kept with its code too, which is found wherever it is.
func (l *Secrets) number(national, code string) bool {
	ok := len(national) < MinDigits || l.Add(Number, national)
	if len(national) >= longDigits || code == "" {
		return ok
	}
	return l.Add(Number, code+national) && ok
}

// codeLength is how many of a number's first digits are its country code. The configured one
// is one, whatever the list of ITU-T says.
func codeLength(digits, countryCode string) int {
	if strings.HasPrefix(digits, countryCode) {
		return len(countryCode)
	}
	return binding.CodeLength(digits)
}

// bare are the digits of a written number without what says where it is valid (+, 00, a
// country code, 0) and its country code: that which was written, or else the configured
// one. It is false for a text that is no number, or too short for one.
func bare(text, countryCode string) (national, code string, ok bool) {
	var b [24]byte
	n, plus := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case class[c] == digit:
			if n == len(b) {
				return "", "", false
			}
			b[n] = c
			n++
		case c == '+' && n == 0:
			plus = true
		case class[c] == separator:
		default:
			return "", "", false
		}
	}
	d := b[:n]
	switch {
	case plus:
	case hasPrefix(d, "00"):
		plus, d = true, d[2:]
	case hasPrefix(d, "0"), len(d) == 11 && d[0] == '8' && countryCode == "7":
		d = d[1:]
	}
	if len(d) < MinDigits {
		return "", "", false
	}
	code = countryCode
	switch {
	case plus:
		k := codeLength(string(d), countryCode)
		if !hasPrefix(d, code) {
			code = string(d[:k])
		}
		if d = d[k:]; hasPrefix(d, "0") && code != "39" { // Italy's is part of the number
			d = d[1:] // +86 (0)10 …
		}
	case hasPrefix(d, code) && len(d) >= len(code)+behindCode(code):
		d = d[len(code):]
	}
	if n == len(text) && len(d) == n {
		return text, code, true
	}
	return string(d), code, true
}

// behindCode is how many digits there have to be behind what may be a country code that
// nothing says is one. In China there are ten at least.
func behindCode(code string) int {
	if code == "86" {
		return 10
	}
	return MinDigits
}

// public says that digits are a 700 number, which both parties see.
func public(digits string) bool { return len(digits) == 15 && digits[:3] == "700" }

func hasPrefix(d []byte, prefix string) bool {
	return len(d) >= len(prefix) && string(d[:len(prefix)]) == prefix
}

func onlyDigits(text string) bool {
	for i := 0; i < len(text); i++ {
		if class[text[i]] != digit {
			return false
		}
	}
	return true
}

// Classes of characters for the search of numbers.
const (
	digit     = 1
	separator = 2
)

var class = func() (t [256]uint8) {
	for c := '0'; c <= '9'; c++ {
		t[c] = digit
	}
	for _, c := range "- .()/" {
		t[c] = separator
	}
	return t
}()
