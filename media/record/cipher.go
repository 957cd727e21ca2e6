package record

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"

	"github.com/emmansun/gmsm/sm4"
)

// Cipher is how the segments of a recording are sealed.
type Cipher uint8

// The ciphers. Their values stand in files.
const (
	AES256GCM Cipher = 1
	SM4GCM    Cipher = 2 // GB/T 32907
)

// KeySize is the length of a data key in bytes. SM4 takes the first 16 of them.
const KeySize = 32

const (
	nonceSize  = 12
	tagSize    = 16
	sm4KeySize = 16
)

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

// aead makes the cipher of a data key.
func (c Cipher) aead(key []byte) (cipher.AEAD, error) {
	if len(key) != KeySize {
		return nil, ErrKey
	}
	var block cipher.Block
	var err error
	switch c {
	case AES256GCM:
		block, err = aes.NewCipher(key)
	case SM4GCM:
		block, err = sm4.NewCipher(key[:sm4KeySize])
	default:
		return nil, ErrCipher
	}
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	return a, nil
}

// nonce is that of a segment; 0 is the header's.
func nonce(number uint64) (n [nonceSize]byte) {
	binary.BigEndian.PutUint64(n[nonceSize-8:], number)
	return n
}
