package srtp

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Key is the master key and salt of one direction. It prints itself as *** and
// nothing outside of this package reads it; only gob takes it along, with the
// state of a call. The zero value is none.
type Key struct {
	// A pointer, because fmt does not ask a field that is not exported for its
	// own form, and to a string, because that is where it follows none: the suite
	// in one byte, then key and salt.
	material *string
}

func newKey(suite Suite, b []byte) Key {
	m := string(rune(suite)) + string(b)
	return Key{&m}
}

// Suite is what the key is for, None for no key.
func (k Key) Suite() Suite {
	if k.material == nil {
		return None
	}
	return Suite((*k.material)[0])
}

// IsZero reports whether there is no key.
func (k Key) IsZero() bool { return k.material == nil }

// Equal reports whether two keys are the same.
func (k Key) Equal(o Key) bool {
	if k.material == nil || o.material == nil {
		return k.material == o.material
	}
	return subtle.ConstantTimeCompare([]byte(*k.material), []byte(*o.material)) == 1
}

// bytes are key and salt together, nil for no key.
func (k Key) bytes() []byte {
	if k.material == nil {
		return nil
	}
	return []byte((*k.material)[1:])
}

func (k Key) split() (key, salt []byte) {
	n, _ := k.Suite().sizes()
	b := k.bytes()
	return b[:n], b[n:]
}

func masked(text *string) string {
	if text == nil {
		return ""
	}
	return "***"
}

// Format implements [fmt.Formatter], masked whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked(k.material)) }

// LogValue implements [slog.LogValuer], masked.
func (k Key) LogValue() slog.Value { return slog.StringValue(masked(k.material)) }

// MarshalText gives the masked form to JSON and YAML; there is no way back.
func (k Key) MarshalText() ([]byte, error) { return []byte(masked(k.material)), nil }

// GobEncode implements gob.GobEncoder.
func (k Key) GobEncode() ([]byte, error) {
	if k.material == nil {
		return nil, nil
	}
	return []byte(*k.material), nil
}

// GobDecode implements gob.GobDecoder.
func (k *Key) GobDecode(b []byte) error {
	*k = Key{}
	if len(b) == 0 {
		return nil
	}
	if n := Suite(b[0]).size(); n == 0 || n != len(b)-1 {
		return errors.New("srtp: an encoded key of the wrong length")
	}
	*k = newKey(Suite(b[0]), b[1:])
	return nil
}

// Secret is what the keys of our own of one leg are derived from: 32 bytes of
// crypto/rand, drawn where media is opened. It prints itself as ***. The zero
// value is none, and gives no keys.
type Secret struct {
	text *string // as in Key
}

// NewSecret makes a Secret of random bytes.
func NewSecret(b [32]byte) Secret {
	text := string(b[:])
	return Secret{&text}
}

// IsZero reports whether there is none.
func (s Secret) IsZero() bool { return s.text == nil }

// Key derives our key for a suite (HKDF, RFC 5869). The peer's own key, zero
// where it is not known yet, goes into it: a peer that takes another key gets
// another of ours, and its count of packets begins anew with ours (RFC 3711
// section 3.3.1); one that keeps its key finds ours unchanged.
func (s Secret) Key(suite Suite, peer Key) Key {
	if s.text == nil || suite.size() == 0 {
		return Key{}
	}
	info := "mask700 srtp " + suite.String() + " " + string(peer.bytes())
	b, err := hkdf.Expand(sha256.New, []byte(*s.text), info, suite.size())
	if err != nil {
		return Key{} // cannot be: the length is far below the bound of RFC 5869
	}
	return newKey(suite, b)
}

// For derives the secret of a further stream of the same leg, which has keys of
// its own (RFC 4568 section 5.1.1). The stream is named by a word of ours.
func (s Secret) For(stream string) Secret {
	if s.text == nil {
		return Secret{}
	}
	b, err := hkdf.Expand(sha256.New, []byte(*s.text), "mask700 stream "+stream, 32)
	if err != nil {
		return Secret{} // cannot be: the length is far below the bound of RFC 5869
	}
	return NewSecret([32]byte(b))
}

// Format implements [fmt.Formatter], masked whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked(s.text)) }

// LogValue implements [slog.LogValuer], masked.
func (s Secret) LogValue() slog.Value { return slog.StringValue(masked(s.text)) }

// MarshalText gives the masked form to JSON and YAML; there is no way back.
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked(s.text)), nil }

// GobEncode implements gob.GobEncoder.
func (s Secret) GobEncode() ([]byte, error) {
	if s.text == nil {
		return nil, nil
	}
	return []byte(*s.text), nil
}

// GobDecode implements gob.GobDecoder.
func (s *Secret) GobDecode(b []byte) error {
	*s = Secret{}
	switch len(b) {
	case 0:
		return nil
	case 32:
		*s = NewSecret([32]byte(b))
		return nil
	}
	return errors.New("srtp: an encoded secret of the wrong length")
}
