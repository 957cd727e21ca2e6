package message

import "strings"

// URI is a sip:, sips: or tel: URI taken apart (RFC 3261 section 19.1, RFC
// 3966). Of any other scheme only Scheme is set.
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

// Param is one parameter. The name is in lower case; the value is unescaped.
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
	scheme, _, ok := strings.Cut(s, ":")
	if !ok {
		return URI{}, ErrURI
	}
	return URI{Scheme: strings.ToLower(scheme)}, nil
}

// RouteURI reads the URI of one Route or Record-Route entry.
func RouteURI(entry string) (URI, bool) {
	u, err := ParseURI(strings.Trim(entry, "<>"))
	return u, err == nil
}

// Text reveals the URI: it is written again with what has to be escaped
// escaped.
func (u URI) Text() string { return u.Scheme + ":" + u.User + "@" + u.Host }
