package message

import "strings"

// Address is a name-addr or addr-spec with its parameters (RFC 3261 section
// 20.10). The display name is not extracted.
type Address struct {
	URI   URI    // zero where it cannot be read
	Tag   string // of From and To
	Party string // of Remote-Party-ID, lower case
	Text  string // the whole value verbatim, for the leg it came from only
}

// splitAddress finds the URI and the parameters of a name-addr or an addr-spec.
//
//	"A. Bell" <sip:bell@example.com;user=phone>;tag=1     name-addr
//	sip:bell@example.com;tag=1                            addr-spec
//
// Without brackets everything behind the first semicolon is of the header, not
// of the URI, and a URI with a comma or a question mark is not allowed. The
// display name is passed over; unquoted it may hold what the grammar forbids
// but quotes and brackets, because peers write names unquoted.
func splitAddress(s string) (uri, rest string, bracketed, ok bool) {
	s = skipBlanks(s)
	start := 0
	if s != "" && s[0] == '"' {
		if start = quoted(s); start == 0 {
			return "", "", false, false
		}
		for start < len(s) && isBlank(s[start]) {
			start++
		}
		if start == len(s) || s[start] != '<' {
			return "", "", false, false
		}
	}
	for i := start; i < len(s); i++ {
		switch s[i] {
		case '<':
			for j := i + 1; j < len(s); j++ {
				if s[j] == '>' {
					return s[i+1 : j], s[j+1:], true, true
				}
			}
			return "", "", false, false
		case '"', '>':
			return "", "", false, false
		case ';':
			return plainAddress(s[:i], s[i:])
		}
	}
	return plainAddress(s, "")
}

func plainAddress(uri, rest string) (string, string, bool, bool) {
	uri = trimBlanks(uri)
	for i := 0; i < len(uri); i++ {
		if uri[i] == '?' || uri[i] == ',' {
			return "", "", false, false
		}
	}
	return uri, rest, false, true
}

// readAddress reads one From, To, Contact or identity value. Text is set also
// when the value cannot be read.
func readAddress(s string) (Address, bool) {
	a := Address{Text: s}
	uri, rest, _, ok := splitAddress(s)
	if !ok {
		return a, false
	}
	u, err := ParseURI(uri)
	if err != nil {
		return a, false
	}
	p := params{rest: rest}
	for {
		name, value, ok := p.next()
		if !ok {
			break
		}
		switch {
		case equalFold(name, "tag"):
			if a.Tag != "" || value == "" || value[0] == '"' {
				return Address{Text: s}, false
			}
			a.Tag = value
		case equalFold(name, "party"):
			a.Party = lower(strings.Trim(value, `"`))
		}
	}
	if p.bad {
		return Address{Text: s}, false
	}
	a.URI = u
	return a, true
}

// RouteURI reads the URI of one Route or Record-Route entry.
func RouteURI(entry string) (URI, bool) {
	text, _, bracketed, ok := splitAddress(entry)
	if !ok || !bracketed {
		return URI{}, false
	}
	u, err := ParseURI(text)
	return u, err == nil
}
