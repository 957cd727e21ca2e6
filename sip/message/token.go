package message

// charset is a set of bytes.
type charset [256]bool

func newCharset(others string) *charset {
	var c charset
	for b := byte('0'); b <= '9'; b++ {
		c[b] = true
	}
	for b := byte('a'); b <= 'z'; b++ {
		c[b], c[b-'a'+'A'] = true, true
	}
	for i := 0; i < len(others); i++ {
		c[others[i]] = true
	}
	return &c
}

// The character classes of RFC 3261 section 25.1. They are never written to.
var (
	tokenChars = newCharset("-.!%*_+`'~")
	hostChars  = newCharset("-._") // with the underscore that hosts in the field have
	userChars  = newCharset("-_.!~*'()&=+$,?/")
	paramChars = newCharset("-_.!~*'()[]/:&+$")
)

func (c *charset) holdsAll(s string) bool {
	for i := 0; i < len(s); i++ {
		if !c[s[i]] {
			return false
		}
	}
	return true
}

func isToken(s string) bool { return s != "" && tokenChars.holdsAll(s) }

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func skipBlanks(s string) string {
	for s != "" && isBlank(s[0]) {
		s = s[1:]
	}
	return s
}

func trimBlanks(s string) string {
	s = skipBlanks(s)
	for s != "" && isBlank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// lower is s with its ASCII letters in lower case. Without any upper case
// letter it is s itself.
func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= 'A' && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if b[i] >= 'A' && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// upper is s with its ASCII letters in upper case.
func upper(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= 'a' && s[i] <= 'z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if b[i] >= 'a' && b[i] <= 'z' {
					b[i] -= 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// equalFold compares without regard to the case of ASCII letters; want is in
// lower case.
func equalFold(s, want string) bool {
	if len(s) != len(want) {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != want[i] {
			return false
		}
	}
	return true
}

// digits reads 1*DIGIT up to most; ok is false for anything else.
func digits(s string, most int) (n int, ok bool) {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		if n = n*10 + int(s[i]-'0'); n > most {
			return 0, false
		}
	}
	return n, s != ""
}
