package admin

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"os"
	"strings"
)

// minToken is the least length of a token: 16 random bytes in hexadecimal.
const minToken = 32

// Token is a secret that lets a client in. Only its hash is kept.
type Token struct {
	Name   string
	Reveal bool // it may ask for real numbers and for what was said in a call
	hash   [sha256.Size]byte
}

// NewToken makes the token of a secret.
func NewToken(name, secret string) (Token, error) {
	if len(secret) < minToken || strings.ContainsAny(secret, " \t\r\n") {
		return Token{}, fmt.Errorf("token %s: the secret must have at least %d characters and no blank; make one with `openssl rand -hex 32`",
			name, minToken)
	}
	return Token{Name: name, hash: sha256.Sum256([]byte(secret))}, nil
}

// ReadToken reads the secret from a file that holds it on a single line.
func ReadToken(name, file string) (Token, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return Token{}, fmt.Errorf("token %s: %w", name, err)
	}
	return NewToken(name, string(bytes.TrimSpace(data)))
}

// anybody is who asks where there are no tokens: whoever reaches the socket, which is its owner's alone.
var anybody = Token{Reveal: true}

// allowed reports whether the value of an Authorization header has one of the tokens, and which. All are compared,
// whichever matches, so that time tells nothing.
func allowed(tokens []Token, header string) (t Token, ok bool) {
	if len(tokens) == 0 {
		return anybody, true
	}
	scheme, secret, _ := strings.Cut(header, " ")
	given := sha256.Sum256([]byte(secret))
	match := -1
	for i, t := range tokens {
		match = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(given[:], t.hash[:]), i, match)
	}
	if match < 0 || !strings.EqualFold(scheme, "Bearer") {
		return Token{}, false
	}
	return tokens[match], true
}
