package message

import "strings"

// Via is one entry of a Via header (RFC 3261 section 20.42).
type Via struct {
	Text      string // the whole entry verbatim
	Transport string // upper case
	Host      string // sent-by, IPv6 without brackets
	Port      int    // 0: none written
	Branch    string
	RPort     bool // the parameter is there, with or without a value (RFC 3581)
}

// readVia reads one entry. Where only its parameters are bad, what came before
// them is returned all the same.
func readVia(s string) (v Via, ok bool) {
	v.Text = s
	sentBy, rest, ok := v.readProtocol(s)
	if !ok {
		return Via{Text: s}, false
	}
	if !v.readSentBy(sentBy) {
		return Via{Text: s}, false
	}
	p := params{rest: rest}
	for {
		name, value, ok := p.next()
		if !ok {
			break
		}
		switch {
		case equalFold(name, "branch"):
			if v.Branch != "" || value == "" {
				return v, false
			}
			v.Branch = value
		case equalFold(name, "rport"):
			v.RPort = true
		}
	}
	return v, !p.bad
}

// readProtocol reads "SIP/2.0/UDP" with blanks where the grammar allows them,
// and gives what follows up to the first semicolon, and from there on.
func (v *Via) readProtocol(s string) (sentBy, rest string, ok bool) {
	name, s, ok := strings.Cut(s, "/")
	if !ok || !isToken(trimBlanks(name)) {
		return "", "", false
	}
	version, s, ok := strings.Cut(s, "/")
	if !ok || !isToken(trimBlanks(version)) {
		return "", "", false
	}
	s = skipBlanks(s)
	end := 0
	for end < len(s) && !isBlank(s[end]) {
		end++
	}
	if end == len(s) || !isToken(s[:end]) {
		return "", "", false
	}
	v.Transport = upper(s[:end])
	s = s[end:]
	if i := strings.IndexByte(s, ';'); i >= 0 {
		return trimBlanks(s[:i]), s[i:], true
	}
	return trimBlanks(s), "", true
}

// readSentBy reads host [":" port], blanks around the colon allowed.
func (v *Via) readSentBy(s string) bool {
	host, port := s, ""
	hasPort := false
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return false
		}
		host = s[1:end]
		if !isIPv6(host) {
			return false
		}
		if after := skipBlanks(s[end+1:]); after != "" {
			if after[0] != ':' {
				return false
			}
			port, hasPort = after[1:], true
		}
	} else {
		host, port, hasPort = strings.Cut(s, ":")
		host = trimBlanks(host)
		if host == "" || !hostChars.holdsAll(host) {
			return false
		}
	}
	if hasPort {
		n, ok := digits(trimBlanks(port), 65535)
		if !ok || n == 0 {
			return false
		}
		v.Port = n
	}
	v.Host = host
	return true
}
