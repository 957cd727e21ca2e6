package binding

import (
	"encoding/binary"
	"math/bits"
)

// Fingerprints makes words of 64 bits that stand for numbers where these are
// counted and not read: SipHash-2-4 under a key. The same number has the same
// word under the same key; two that meet are found among 10^9 numbers with a
// chance of one in forty. Who has the key can try all numbers: it must not stand
// beside what was made with it.
type Fingerprints struct{ k0, k1 uint64 }

// NewFingerprints makes them of a key.
func NewFingerprints(key [16]byte) *Fingerprints {
	return &Fingerprints{binary.LittleEndian.Uint64(key[:8]), binary.LittleEndian.Uint64(key[8:])}
}

// String keeps the key from being printed.
func (*Fingerprints) String() string { return "fingerprints" }

// Number returns the word of a number. In another domain it has another.
func (f *Fingerprints) Number(domain byte, n Number) uint64 {
	var b [1 + 8]byte
	b[0] = domain
	binary.LittleEndian.PutUint64(b[1:], n.value())
	return f.sum(b[:])
}

// Pair returns the word of two numbers in this order.
func (f *Fingerprints) Pair(domain byte, from, to Number) uint64 {
	var b [1 + 16]byte
	b[0] = domain
	binary.LittleEndian.PutUint64(b[1:], from.value())
	binary.LittleEndian.PutUint64(b[9:], to.value())
	return f.sum(b[:])
}

// X returns the word of a 700 number.
func (f *Fingerprints) X(domain byte, x X) uint64 {
	var b [1 + 8]byte
	b[0] = domain
	binary.LittleEndian.PutUint64(b[1:], uint64(x))
	return f.sum(b[:])
}

// Text returns the word of a text.
func (f *Fingerprints) Text(domain byte, text string) uint64 {
	var short [64]byte
	return f.sum(append(append(short[:0], domain), text...))
}

// sum is SipHash-2-4 (Aumasson and Bernstein, 2012).
func (f *Fingerprints) sum(b []byte) uint64 {
	v0, v1 := f.k0^0x736f6d6570736575, f.k1^0x646f72616e646f6d
	v2, v3 := f.k0^0x6c7967656e657261, f.k1^0x7465646279746573
	round := func() {
		v0 += v1
		v2 += v3
		v1 = bits.RotateLeft64(v1, 13) ^ v0
		v3 = bits.RotateLeft64(v3, 16) ^ v2
		v0 = bits.RotateLeft64(v0, 32)
		v2 += v1
		v0 += v3
		v1 = bits.RotateLeft64(v1, 17) ^ v2
		v3 = bits.RotateLeft64(v3, 21) ^ v0
		v2 = bits.RotateLeft64(v2, 32)
	}
	last := uint64(len(b)) << 56
	for ; len(b) >= 8; b = b[8:] {
		m := binary.LittleEndian.Uint64(b)
		v3 ^= m
		round()
		round()
		v0 ^= m
	}
	for i, c := range b {
		last |= uint64(c) << (8 * i)
	}
	v3 ^= last
	round()
	round()
	v0 ^= last
	v2 ^= 0xff
	for range 4 {
		round()
	}
	return v0 ^ v1 ^ v2 ^ v3
}
