package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
)

// Overhead is what sealing adds to a value: a nonce of 12 bytes in front, a tag of 16 behind.
const Overhead = 12 + 16

// Box seals and opens values with one data key: AES-256-GCM, a random nonce for each value. It is safe for many
// goroutines. One key is good for 2^32 values (NIST SP 800-38D §8.3); rows name their key so that it can be changed.
type Box struct {
	aead cipher.AEAD
}

// NewBox makes a box of a key of KeySize bytes.
func NewBox(key []byte) (*Box, error) {
	if len(key) != KeySize {
		return nil, ErrKeySize
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return &Box{aead: aead}, nil
}

// Seal appends nonce, ciphertext and tag to dst. The value opens only with the same place, which is not stored.
func (b *Box) Seal(dst, value, place []byte) []byte {
	return b.aead.Seal(dst, nil, value, place)
}

// Open appends the value to dst. Any change of key, bytes or place gives ErrOpen.
func (b *Box) Open(dst, sealed, place []byte) ([]byte, error) {
	out, err := b.aead.Open(dst, nil, sealed, place)
	if err != nil {
		return nil, ErrOpen
	}
	return out, nil
}
