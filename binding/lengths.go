package binding

import "math/bits"

// Lengths is a set of lengths of extensions, in digits.
type Lengths uint16

// add adds a length of up to 15 digits.
func (l *Lengths) add(n int) { *l |= 1 << uint(n) }

// Has reports whether a length is in the set.
func (l Lengths) Has(n int) bool { return n > 0 && n < 16 && l>>uint(n)&1 == 1 }

// Longest is the greatest of them, 0 of the empty set.
func (l Lengths) Longest() int { return max(bits.Len16(uint16(l))-1, 0) }
