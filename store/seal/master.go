package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// masterLabel opens the one line of a key file that is not a comment; the figure is the version of the text form.
const masterLabel = "mask700-master-1"

// Master is the key under which all other keys are wrapped. It encrypts no row itself, so that changing it means
// wrapping a handful of keys anew. It prints as its fingerprint, whatever the verb.
type Master struct {
	key [KeySize]byte
}

// NewMaster draws a master key from random.
func NewMaster(random io.Reader) (Master, error) {
	var m Master
	if _, err := io.ReadFull(random, m.key[:]); err != nil {
		return Master{}, fmt.Errorf("seal: draw a master key: %w", err)
	}
	return m, nil
}

// Text is the form kept in a key file: comment lines beginning with '#', then one line
//
//	mask700-master-1 HEX64 HEX8
//
// of label, the 32 bytes of the key and the first 4 bytes of its SHA-256, which find a copying fault.
func (m Master) Text() []byte {
	var b bytes.Buffer
	b.WriteString("# The master key of a mask700 store. Without it the store cannot be read; with it and the\n")
	b.WriteString("# data directory anybody can read it. Keep a copy in another place, never beside the data.\n")
	fmt.Fprintf(&b, "%s %x %x\n", masterLabel, m.key[:], m.check())
	return b.Bytes()
}

// ParseMaster reads the form that Text writes. Errors (ErrKeyText, ErrKeyTyped) never repeat the input.
func ParseMaster(text []byte) (Master, error) {
	var fields []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if fields != nil {
			return Master{}, ErrKeyText
		}
		fields = strings.Fields(line)
	}
	if len(fields) != 3 || fields[0] != masterLabel || len(fields[1]) != 2*KeySize || len(fields[2]) != 8 {
		return Master{}, ErrKeyText
	}
	var m Master
	if _, err := hex.Decode(m.key[:], []byte(fields[1])); err != nil {
		return Master{}, ErrKeyText
	}
	check, err := hex.DecodeString(fields[2])
	if err != nil {
		return Master{}, ErrKeyText
	}
	if !bytes.Equal(check, m.check()) {
		return Master{}, ErrKeyTyped
	}
	return m, nil
}

// check is safe to show: four bytes of a hash of 256 random bits tell nothing of them.
func (m Master) check() []byte {
	sum := sha256.Sum256(m.key[:])
	return sum[:4]
}

// Fingerprint names the key without telling it: 16 hexadecimal digits, the same for the same key.
func (m Master) Fingerprint() string {
	short, err := hkdf.Key(sha256.New, m.key[:], nil, "mask700 fingerprint", 8)
	if err != nil {
		return "unavailable"
	}
	return hex.EncodeToString(short)
}

// Wrap seals key under the master key for one purpose, with a cipher. Unwrap gives it back only for the same two, so
// that wrapped keys cannot be exchanged for one another.
func (m Master) Wrap(c Cipher, purpose string, key []byte) ([]byte, error) {
	if len(key) != KeySize {
		return nil, ErrKeySize
	}
	box, err := m.wrapper(c)
	if err != nil {
		return nil, err
	}
	return box.Seal(nil, key, []byte(purpose)), nil
}

// Unwrap opens what Wrap made. ErrOpen: another master key, another purpose or damage.
func (m Master) Unwrap(c Cipher, purpose string, wrapped []byte) ([]byte, error) {
	box, err := m.wrapper(c)
	if err != nil {
		return nil, err
	}
	key, err := box.Open(nil, wrapped, []byte(purpose))
	if err != nil {
		return nil, err
	}
	if len(key) != KeySize {
		return nil, ErrKeySize
	}
	return key, nil
}

// wrapper derives the wrapping key of a cipher, so that the master key itself is never a cipher's key and other uses of
// it can be added without touching these.
func (m Master) wrapper(c Cipher) (*Box, error) {
	function, err := c.hash()
	if err != nil {
		return nil, err
	}
	label := "mask700 wrap"
	if c != AES256GCM {
		label += " " + c.String()
	}
	key, err := hkdf.Key(function, m.key[:], nil, label, KeySize)
	if err != nil {
		return nil, fmt.Errorf("seal: derive the wrapping key: %w", err)
	}
	return c.Box(key)
}

// String masks the key.
func (m Master) String() string { return "master key " + m.Fingerprint() }

// Format masks the key under every verb, %#v and %x too.
func (m Master) Format(f fmt.State, _ rune) { io.WriteString(f, m.String()) }

// LogValue masks the key in logs.
func (m Master) LogValue() slog.Value { return slog.StringValue(m.String()) }

// MarshalText masks the key in any encoding that asks for text; Text is the only way out.
func (m Master) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// NewKey draws one key to be wrapped.
func NewKey() []byte {
	key := make([]byte, KeySize)
	rand.Read(key) // never fails: it ends the process rather than return weak bytes
	return key
}
