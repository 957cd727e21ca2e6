package digest

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// maxSecret is the longest password, in bytes.
const maxSecret = 1024

// Secret is a password. It prints itself as *** whatever prints it, and nothing
// outside of this package can read it. The zero value is none.
type Secret struct {
	// A pointer, because fmt does not ask a field that is not exported for its
	// own form, but follows no pointer inside a struct.
	text *string
}

// NewSecret makes a Secret of a text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// IsZero reports whether there is no password.
func (s Secret) IsZero() bool { return s.text == nil }

func (s Secret) reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// MAC authenticates data, in one piece after the other, with the password as the
// key of HMAC-SHA-256 (RFC 2104).
func (s Secret) MAC(data ...[]byte) []byte {
	h := hmac.New(sha256.New, []byte(s.reveal()))
	for _, d := range data {
		h.Write(d)
	}
	return h.Sum(nil)
}

func (s Secret) masked() string {
	if s.text == nil {
		return ""
	}
	return "***"
}

// Format implements [fmt.Formatter], masked whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.masked()) }

// LogValue implements [slog.LogValuer], masked.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.masked()) }

// MarshalText gives the masked form to JSON, YAML and gob; there is no way back.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.masked()), nil }

// What can be wrong with the file of a password.
var (
	errExposed = errors.New("others than its owner can read it; chmod 600 it, and take a new password if they did")
	errKind    = errors.New("it is not a regular file")
	errSecret  = errors.New("it must hold the password on one line of at most 1024 characters, and nothing else")
)

// ReadSecret reads a password from a file that holds it on a single line. A file
// that other users can read or the group can write is refused: mode 0600, 0400 or
// 0440 is right. The error does not repeat what is in the file.
func ReadSecret(file string) (Secret, error) {
	f, err := os.Open(file)
	if err != nil {
		return Secret{}, fmt.Errorf("password file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Secret{}, fmt.Errorf("password file: %w", err)
	}
	switch {
	case !info.Mode().IsRegular():
		return Secret{}, fmt.Errorf("password file %s: %w", file, errKind)
	case info.Mode().Perm()&0o027 != 0:
		return Secret{}, fmt.Errorf("password file %s has mode %04o: %w", file, info.Mode().Perm(), errExposed)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+3))
	if err != nil {
		return Secret{}, fmt.Errorf("password file: %w", err)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if text == "" || len(text) > maxSecret || strings.ContainsAny(text, "\r\n\x00") {
		return Secret{}, fmt.Errorf("password file %s: %w", file, errSecret)
	}
	return NewSecret(text), nil
}

// User is a name and its password. As a whole it prints masked: the name of an
// account is often a number.
type User struct {
	Name     string
	Password Secret
}

// Account is what this program is known by to a trunk. As a whole it prints
// masked.
type Account struct {
	User     string
	Password Secret
	Realm    string // the only one that the password is for; "": any
}

// Format implements [fmt.Formatter], masked whatever the verb.
func (u User) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "user ***") }

// LogValue implements [slog.LogValuer], masked.
func (u User) LogValue() slog.Value { return slog.StringValue("user ***") }

// MarshalText gives the masked form to JSON and YAML; there is no way back.
func (u User) MarshalText() ([]byte, error) { return []byte("user ***"), nil }

// Format implements [fmt.Formatter], masked whatever the verb.
func (a Account) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "account ***") }

// LogValue implements [slog.LogValuer], masked.
func (a Account) LogValue() slog.Value { return slog.StringValue("account ***") }

// MarshalText gives the masked form to JSON and YAML; there is no way back.
func (a Account) MarshalText() ([]byte, error) { return []byte("account ***"), nil }
