package digest

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of a challenge and of credentials.
const (
	maxParams = 32
	maxValue  = 1024 // bytes: what a peer challenges with goes back in every request
)

// params reads the parameters of a challenge or of credentials by name, in lower
// case:
//
//	Digest realm="example.net", nonce="a\"b", algorithm=SHA-256, qop="auth,auth-int"
//
// A value is a token or a quoted-string (RFC 3261 section 25.1: digest-cln); an
// empty entry of the list means nothing. False for another scheme, and for text
// that could be read in two ways: a name twice, a quote that does not end.
func params(value string) (map[string]string, bool) {
	scheme, rest, _ := strings.Cut(strings.ReplaceAll(value, "\t", " "), " ")
	if !strings.EqualFold(scheme, "Digest") {
		return nil, false
	}
	list := make(map[string]string, 12)
	for {
		rest = strings.TrimLeft(rest, " ,")
		if rest == "" {
			return list, true
		}
		name, after, ok := strings.Cut(rest, "=")
		name = strings.ToLower(strings.TrimRight(name, " "))
		if _, twice := list[name]; !ok || !isToken(name) || twice || len(list) == maxParams {
			return nil, false
		}
		text, after, ok := paramValue(strings.TrimLeft(after, " "))
		after = strings.TrimLeft(after, " ")
		if !ok || len(text) > maxValue || after != "" && after[0] != ',' {
			return nil, false
		}
		list[name], rest = text, after
	}
}

// paramValue reads the value that s begins with, its quotes and escapes undone.
func paramValue(s string) (value, rest string, ok bool) {
	if s == "" {
		return "", "", false
	}
	if s[0] != '"' {
		end := strings.IndexAny(s, " ,")
		if end < 0 {
			end = len(s)
		}
		value = s[:end]
		return value, s[end:], value != "" && !strings.Contains(value, `"`)
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// isToken accepts the characters that names and algorithms are made of.
func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._!%*+`'~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// isPrintable accepts text that stands in a quoted-string as it is, but for its
// quotes and backslashes. What a peer challenges with goes back to it only if it
// is such text: no line end, no other control character, no broken UTF-8.
func isPrintable(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			return false
		}
	}
	return true
}
