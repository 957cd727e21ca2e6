package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"

	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/sm4"
)

// Cipher is the suite of a key: what it seals with, what it is wrapped with, and what an index key hashes with. Every
// key says which it is of, so that another one can be chosen for the keys that come.
type Cipher uint8

// The suites. Their values stand in files.
const (
	AES256GCM Cipher = 1 // with HMAC-SHA-256
	SM4GCM    Cipher = 2 // GB/T 32907, with HMAC-SM3 (GB/T 32905)
)

// ErrCipher says that a suite is not one of those known here.
var ErrCipher = errors.New("seal: a cipher that is not known; aes-256-gcm and sm4-gcm are")

// sm4KeySize is how many bytes of a key SM4 takes, the first ones.
const sm4KeySize = 16

// ParseCipher reads the name that a configuration has.
func ParseCipher(name string) (Cipher, error) {
	for _, c := range []Cipher{AES256GCM, SM4GCM} {
		if c.String() == name {
			return c, nil
		}
	}
	return 0, ErrCipher
}

// String is the name in a configuration.
func (c Cipher) String() string {
	switch c {
	case AES256GCM:
		return "aes-256-gcm"
	case SM4GCM:
		return "sm4-gcm"
	}
	return "unknown"
}

// block makes the block cipher of a key of KeySize bytes.
func (c Cipher) block(key []byte) (cipher.Block, error) {
	if len(key) != KeySize {
		return nil, ErrKeySize
	}
	switch c {
	case AES256GCM:
		return aes.NewCipher(key)
	case SM4GCM:
		return sm4.NewCipher(key[:sm4KeySize])
	}
	return nil, ErrCipher
}

// hash is the hash function of the suite; both give 32 bytes.
func (c Cipher) hash() (func() hash.Hash, error) {
	switch c {
	case AES256GCM:
		return sha256.New, nil
	case SM4GCM:
		return sm3.New, nil
	}
	return nil, ErrCipher
}

// Box makes a box of a key of KeySize bytes.
func (c Cipher) Box(key []byte) (*Box, error) {
	block, err := c.block(key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if c == AES256GCM {
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
		return &Box{aead: aead}, nil
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return &Box{aead: aead, draws: true}, nil
}
