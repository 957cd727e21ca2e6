package message

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// ErrURI is returned for text that is not a URI. It never repeats the text.
var ErrURI = errors.New("not a URI that can be read")

// URI is a sip:, sips: or tel: URI taken apart (RFC 3261 section 19.1, RFC
// 3966). Of any other scheme only Scheme is set: what is behind it is nothing
// that this program could use.
type URI struct {
	Scheme     string  // lower case
	User       string  // unescaped, without its parameters; the number of a tel: URI
	UserParams []Param // parameters inside the user part, all those of a tel: URI
	Password   string
	Host       string // IPv6 with brackets
	Port       int    // 0: none written
	Params     []Param
	Headers    string // what follows "?", verbatim
}

// Param is one parameter. The name is in lower case; name and value are
// unescaped.
type Param struct{ Name, Value string }

// Param returns the value of a URI parameter, "" when it is absent or has none.
func (u URI) Param(name string) string { v, _ := find(u.Params, name); return v }

// HasParam reports whether a URI parameter is there, with or without a value.
func (u URI) HasParam(name string) bool { _, ok := find(u.Params, name); return ok }

// UserParam returns the value of a parameter of the user part.
func (u URI) UserParam(name string) string { v, _ := find(u.UserParams, name); return v }

// HasUserParam reports whether a parameter of the user part is there.
func (u URI) HasUserParam(name string) bool { _, ok := find(u.UserParams, name); return ok }

func find(params []Param, name string) (string, bool) {
	for i := range params {
		if params[i].Name == name {
			return params[i].Value, true
		}
	}
	return "", false
}

// ParseURI reads a URI. It returns ErrURI for text that is none.
func ParseURI(s string) (URI, error) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c <= ' ', c == 0x7f, c == '<', c == '>', c == '"':
			return URI{}, ErrURI
		}
	}
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || !isScheme(scheme) || rest == "" {
		return URI{}, ErrURI
	}
	u := URI{Scheme: lower(scheme)}
	switch u.Scheme {
	case "sip", "sips":
		ok = u.readSIP(rest)
	case "tel":
		ok = u.readUser(rest) && u.User != ""
	}
	if !ok {
		return URI{}, ErrURI
	}
	return u, nil
}

// isScheme checks ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ).
func isScheme(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case i > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return false
		}
	}
	return s != ""
}

// readSIP reads what follows "sip:". The first "@" ends the user part, because
// an "@" inside one is escaped; a second one is then no character of a host.
func (u *URI) readSIP(s string) bool {
	if i := strings.IndexByte(s, '@'); i >= 0 {
		user, password, _ := strings.Cut(s[:i], ":")
		if user == "" || !u.readUser(user) {
			return false
		}
		var ok bool
		if u.Password, ok = unescape(password); !ok || strings.IndexByte(password, ':') >= 0 {
			return false
		}
		s = s[i+1:]
	}
	if i := strings.IndexByte(s, '?'); i >= 0 {
		s, u.Headers = s[:i], s[i+1:]
	}
	host, list, has := strings.Cut(s, ";")
	if !u.readHost(host) {
		return false
	}
	for has {
		var text string
		text, list, has = strings.Cut(list, ";")
		if text == "" {
			continue
		}
		p, ok := readParam(text)
		if !ok || p.Name == "" || len(u.Params) == maxParams {
			return false
		}
		u.Params = append(u.Params, p)
	}
	return true
}

// readUser splits the user part at its semicolons before any escape is undone:
// an escaped semicolon is part of the user.
func (u *URI) readUser(s string) bool {
	user, list, has := strings.Cut(s, ";")
	var ok bool
	if u.User, ok = unescape(user); !ok {
		return false
	}
	for has {
		var text string
		text, list, has = strings.Cut(list, ";")
		p, ok := readParam(text)
		if !ok || len(u.UserParams) == maxParams {
			return false
		}
		u.UserParams = append(u.UserParams, p)
	}
	return true
}

func readParam(s string) (Param, bool) {
	name, value, _ := strings.Cut(s, "=")
	name, nameOK := unescape(name)
	value, valueOK := unescape(value)
	return Param{lower(name), value}, nameOK && valueOK
}

func (u *URI) readHost(s string) bool {
	host, port, hasPort := s, "", false
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return false
		}
		if !isIPv6(s[1:end]) {
			return false
		}
		host, port = s[:end+1], s[end+1:]
		if port != "" && port[0] != ':' {
			return false
		}
		hasPort = port != ""
		port = strings.TrimPrefix(port, ":")
	} else {
		host, port, hasPort = strings.Cut(s, ":")
		if host == "" || !hostChars.holdsAll(host) {
			return false
		}
	}
	u.Host = host
	if hasPort {
		n, ok := digits(port, 65535)
		if !ok || n == 0 {
			return false
		}
		u.Port = n
	}
	return true
}

// isIPv6 reports whether s may stand between brackets as an IPv6 address. A zone
// may not: it names an interface of the sender's. Three colons before an IPv4
// address are what the grammar of RFC 3261 came to ask for, and are taken for two
// (RFC 5118 section 4.10).
func isIPv6(s string) bool {
	if head, tail, ok := strings.Cut(s, ":::"); ok {
		if a, err := netip.ParseAddr(tail); err != nil || !a.Is4() {
			return false
		}
		s = head + "::" + tail
	}
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is6() && a.Zone() == ""
}

// unescape undoes %HH. Text without a percent sign is returned as it is.
func unescape(s string) (string, bool) {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s, true
	}
	b := append(make([]byte, 0, len(s)), s[:i]...)
	for ; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		high, low := unhex(s[i+1]), unhex(s[i+2])
		if high < 0 || low < 0 {
			return "", false
		}
		b = append(b, byte(high<<4|low))
		i += 2
	}
	return string(b), true
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	default:
		return -1
	}
}

// Text reveals the URI: it is written again, with what has to be escaped
// escaped. It is "" for a scheme of which nothing was kept.
func (u URI) Text() string { return string(u.Append(nil)) }

// Append reveals the URI behind dst, as Text does.
func (u URI) Append(dst []byte) []byte {
	switch u.Scheme {
	case "sip", "sips", "tel":
	default:
		return dst
	}
	dst = append(dst, u.Scheme...)
	dst = append(dst, ':')
	dst = escape(dst, u.User, userChars)
	for _, p := range u.UserParams {
		dst = append(dst, ';')
		dst = p.append(dst, userChars)
	}
	if u.Scheme == "tel" {
		return dst
	}
	if u.User != "" || len(u.UserParams) > 0 {
		if u.Password != "" {
			dst = append(dst, ':')
			dst = escape(dst, u.Password, userChars)
		}
		dst = append(dst, '@')
	}
	dst = append(dst, u.Host...)
	if u.Port != 0 {
		dst = append(dst, ':')
		dst = strconv.AppendInt(dst, int64(u.Port), 10)
	}
	for _, p := range u.Params {
		dst = append(dst, ';')
		dst = p.append(dst, paramChars)
	}
	if u.Headers != "" {
		dst = append(dst, '?')
		dst = append(dst, u.Headers...)
	}
	return dst
}

func (p Param) append(dst []byte, allowed *charset) []byte {
	dst = escape(dst, p.Name, tokenNames)
	if p.Value != "" {
		dst = append(dst, '=')
		dst = escape(dst, p.Value, allowed)
	}
	return dst
}

// tokenNames are the characters of a parameter's name that need no escape
// wherever it stands.
var tokenNames = newCharset("-_.!~*'()&+$/")

func escape(dst []byte, s string, allowed *charset) []byte {
	const hex = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		if c := s[i]; allowed[c] {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}
