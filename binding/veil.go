package binding

import (
	"crypto/rand"
	"encoding/binary"
)

// veil is a bijection of 64-bit words that keeps zero at zero. A Number holds
// its value under the veil, so that the word itself, printed in any base by
// something that cannot be taught to mask, shows nothing of the digits and
// cannot be turned back by a reader of the log.
//
// The keys are drawn when the process starts and never leave it. A veil is
// not encryption of stored data: who can read the memory of the process has
// the keys too.
type veil struct {
	first, second               uint64 // odd multipliers
	firstInverse, secondInverse uint64 // their inverses modulo 2^64
}

// processVeil is written once, before main, and only read afterwards.
var processVeil = drawVeil()

func drawVeil() veil {
	var seed [16]byte
	_, _ = rand.Read(seed[:]) // never fails, see crypto/rand
	return newVeil(binary.LittleEndian.Uint64(seed[:8]), binary.LittleEndian.Uint64(seed[8:]))
}

func newVeil(first, second uint64) veil {
	v := veil{first: first | 1, second: second | 1}
	v.firstInverse, v.secondInverse = inverse(v.first), inverse(v.second)
	return v
}

// hide multiplies and folds twice: a multiplication alone would leave the
// low bits of the value to be seen.
func (k veil) hide(v uint64) uint64 {
	v *= k.first
	v ^= v >> 32
	v *= k.second
	return v ^ v>>32
}

// show undoes hide. The fold is its own inverse.
func (k veil) show(v uint64) uint64 {
	v ^= v >> 32
	v *= k.secondInverse
	v ^= v >> 32
	return v * k.firstInverse
}

// inverse returns the inverse of an odd word modulo 2^64 by Newton's method:
// every step doubles the number of correct low bits, of which there are
// three at the start.
func inverse(odd uint64) uint64 {
	x := odd
	for range 5 {
		x *= 2 - odd*x
	}
	return x
}
