package seal

import (
	"crypto/cipher"
	"crypto/rand"
	"slices"
)

const nonceSize = 12

// Overhead is what sealing adds to a value: a nonce of 12 bytes in front, a tag of 16 behind.
const Overhead = nonceSize + 16

// Box seals and opens values with one data key: GCM, a random nonce for each value. It is safe for many goroutines. One
// key is good for 2^32 values (NIST SP 800-38D §8.3); rows name their key so that it can be changed.
type Box struct {
	aead  cipher.AEAD
	draws bool // the nonce is drawn here; the standard library draws that of AES itself
}

// NewBox makes a box for AES-256-GCM of a key of KeySize bytes.
func NewBox(key []byte) (*Box, error) { return AES256GCM.Box(key) }

// Seal appends nonce, ciphertext and tag to dst. The value opens only with the same place, which is not stored.
func (b *Box) Seal(dst, value, place []byte) []byte {
	if !b.draws {
		return b.aead.Seal(dst, nil, value, place)
	}
	at := len(dst)
	dst = slices.Grow(dst, len(value)+Overhead)[:at+nonceSize]
	rand.Read(dst[at:]) // never fails: it ends the process rather than return weak bytes
	return b.aead.Seal(dst, dst[at:], value, place)
}

// Open appends the value to dst. Any change of key, bytes or place gives ErrOpen.
func (b *Box) Open(dst, sealed, place []byte) ([]byte, error) {
	var nonce []byte
	if b.draws {
		if len(sealed) < Overhead {
			return nil, ErrOpen
		}
		nonce, sealed = sealed[:nonceSize], sealed[nonceSize:]
	}
	out, err := b.aead.Open(dst, nonce, sealed, place)
	if err != nil {
		return nil, ErrOpen
	}
	return out, nil
}
