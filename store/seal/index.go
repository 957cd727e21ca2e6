package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
)

// HashSize is the length in bytes of a Hash: key version, then 96 bits of HMAC-SHA-256 or HMAC-SM3. At 10^10 entries the chance of
// any two of them meeting is about 10^-9.
const HashSize = 1 + 12

// Hash stands for a secret text in the key of a row. It is found again by asking for the same text.
type Hash [HashSize]byte

// Index makes hashes with one key. Subscriber numbers have so few values that whoever holds the key can try them
// all: the key never leaves memory unwrapped. It is safe for many goroutines.
type Index struct {
	version byte
	pool    sync.Pool // of *hasher: making an HMAC anew costs six times as much as resetting one
}

type hasher struct {
	mac hash.Hash
	buf []byte
	sum [sha256.Size]byte
}

// NewIndex makes an index for HMAC-SHA-256 of a key of KeySize bytes.
func NewIndex(version byte, key []byte) (*Index, error) { return AES256GCM.Index(version, key) }

// Index makes an index of a key of KeySize bytes. version is the first byte of every hash; a key is changed by writing
// under the next version and asking under both until the old one is empty.
func (c Cipher) Index(version byte, key []byte) (*Index, error) {
	if len(key) != KeySize {
		return nil, ErrKeySize
	}
	function, err := c.hash()
	if err != nil {
		return nil, err
	}
	own := make([]byte, KeySize)
	copy(own, key)
	x := &Index{version: version}
	x.pool.New = func() any { return &hasher{mac: hmac.New(function, own)} }
	return x, nil
}

// Hash of text within a domain: the same text in two domains has two hashes that cannot be told to belong together.
func (x *Index) Hash(domain byte, text string) Hash {
	h := x.pool.Get().(*hasher)
	h.mac.Reset()
	h.buf = append(append(h.buf[:0], domain), text...)
	h.mac.Write(h.buf)
	sum := h.mac.Sum(h.sum[:0])
	var out Hash
	out[0] = x.version
	copy(out[1:], sum)
	x.pool.Put(h)
	return out
}

// Version is the first byte of the hashes made.
func (x *Index) Version() byte { return x.version }
