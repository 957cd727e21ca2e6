package message

import "strings"

// quoted returns the length of the quoted-string that s begins with, quotes
// included; 0: it does not end (RFC 3261 section 25.1).
func quoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// entries walks the entries of a comma list. Commas inside quotes and angle
// brackets separate nothing.
type entries struct {
	rest string
	more bool
	bad  bool // a quote or a bracket does not end
}

func entriesOf(value string) entries { return entries{rest: value, more: true} }

// next returns the next entry without the blanks around it. Empty entries are
// passed over, as section 7.3.1 of RFC 3261 gives them no meaning.
func (e *entries) next() (string, bool) {
	for e.more && !e.bad {
		if entry := trimBlanks(e.cut()); entry != "" && !e.bad {
			return entry, true
		}
	}
	return "", false
}

func (e *entries) cut() string {
	s := e.rest
	bracket := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			n := quoted(s[i:])
			if n == 0 {
				e.bad = true
				return ""
			}
			i += n - 1
		case '<':
			bracket = true
		case '>':
			bracket = false
		case ',':
			if !bracket {
				e.rest = s[i+1:]
				return s[:i]
			}
		}
	}
	e.rest, e.more, e.bad = "", false, bracket
	return s
}

// params walks the parameters of a header value: what is left after the value
// proper, empty or beginning with a semicolon.
type params struct {
	rest string
	bad  bool
	text string // the last parameter verbatim, without its semicolon
}

// next returns the next parameter: its name as written and its raw value, with
// quotes if it has them, "" when it has none.
func (p *params) next() (name, value string, ok bool) {
	s := skipBlanks(p.rest)
	if s == "" {
		return "", "", false
	}
	if s[0] != ';' {
		p.bad = true
		return "", "", false
	}
	s = s[1:]
	end := 0
	for end < len(s) && s[end] != ';' {
		if s[end] == '"' {
			n := quoted(s[end:])
			if n == 0 {
				p.bad = true
				return "", "", false
			}
			end += n
			continue
		}
		end++
	}
	p.text, p.rest = s[:end], s[end:]
	name, value, has := strings.Cut(p.text, "=")
	name, value = trimBlanks(name), trimBlanks(value)
	if !isToken(name) || has && !isParamValue(value) {
		p.bad = true
		return "", "", false
	}
	return name, value, true
}

// isParamValue accepts a quoted-string, or anything without blanks and without
// what separates values. The grammar allows less (token or host); peers write
// more.
func isParamValue(s string) bool {
	if s == "" {
		return false
	}
	if s[0] == '"' {
		return quoted(s) == len(s)
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c <= ' ', c == 0x7f, c == '"', c == '<', c == '>', c == ',':
			return false
		}
	}
	return true
}

// parameter finds a parameter by its name, which is in lower case, among those
// that follow a value, and returns its raw value.
func parameter(rest, name string) (value string, ok bool) {
	p := params{rest: rest}
	for {
		n, value, ok := p.next()
		if !ok {
			return "", false
		}
		if equalFold(n, name) {
			return value, true
		}
	}
}
