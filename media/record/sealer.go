package record

import (
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
)

// Kinds of segment.
const (
	kindVoice = 1
	kindEnd   = 2
)

// prefix is what stands before the sealed bytes of a segment: length, kind, number.
const prefix = 4 + 1 + 8

// maxSealed bounds a segment, so that a damaged length cannot take the memory.
const maxSealed = 1 << 20

// EndSize is how long the last segment of a whole recording is in a file.
const EndSize = prefix + endSize + tagSize

// Overhead is what sealing adds to a segment in a file, in bytes.
const Overhead = prefix + tagSize

// Sealer seals the segments of one recording, in order. It must never be made twice for one data key: the numbers,
// which are the nonces, would come again.
type Sealer struct {
	aead   cipher.AEAD
	header [sha256.Size]byte
	number uint64 // of the last segment

	nonce [nonceSize]byte // of the segment being sealed; here so that it is not allocated
	place place
}

// NewSealer begins a recording with a data key of its own, and gives the bytes of its header.
func NewSealer(h Header, key []byte) (*Sealer, []byte, error) {
	a, err := h.Cipher.aead(key)
	if err != nil {
		return nil, nil, err
	}
	raw, err := h.append(make([]byte, 0, maxHeader))
	if err != nil {
		return nil, nil, err
	}
	n := nonce(0)
	raw = a.Seal(raw, n[:], nil, raw)
	return &Sealer{aead: a, header: sha256.Sum256(raw)}, raw, nil
}

// Voice appends a segment with the items of a buffer to dst. What it gives is to be written as it is, however often
// that must be tried.
func (s *Sealer) Voice(dst []byte, items *Buffer) []byte { return s.seal(dst, kindVoice, items.b) }

// End appends the last segment to dst.
func (s *Sealer) End(dst []byte, e End) []byte {
	return s.seal(dst, kindEnd, e.append(make([]byte, 0, endSize)))
}

func (s *Sealer) seal(dst []byte, kind byte, contents []byte) []byte {
	s.number++
	at := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(contents)+tagSize))
	dst = binary.BigEndian.AppendUint64(append(dst, kind), s.number)
	s.nonce, s.place = nonce(s.number), placeOf(&s.header, dst[at:])
	return s.aead.Seal(dst, s.nonce[:], contents, s.place[:])
}

// place is what the seal of a segment covers beside its contents: the hash of the header and the segment's prefix.
type place [sha256.Size + prefix]byte

func placeOf(header *[sha256.Size]byte, p []byte) (out place) {
	copy(out[:], header[:])
	copy(out[sha256.Size:], p)
	return out
}
