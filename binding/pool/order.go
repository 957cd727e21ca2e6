package pool

import (
	"math/rand/v2"

	"mask700/binding"
)

// Size is how many numbers a block has.
const Size = binding.BlockSize

const (
	half   = 100 // Size is half times half
	rounds = 12
)

// Order is a keyed permutation of the serials of a block. Whoever has seen
// some of its numbers in the order in which they were drawn, and has not the
// seed, cannot tell the next.
//
// It is a Feistel network over pairs of digits, which are exactly the serials,
// so that no step has to be walked again to stay inside the block:
//
//	left, right = right, left + F(round, right)  (mod 100)
//
// F is a table of random digits for each round, drawn from the seed.
type Order struct {
	f [rounds][half]uint8
}

// NewOrder returns the order of a seed, which is secret. Another version of
// the program gives the same order: a cursor that was written down goes on in it.
func NewOrder(seed [32]byte) *Order {
	o := new(Order)
	random := rand.NewChaCha8(seed)
	var word [8]byte
	left := 0
	for r := range o.f {
		for i := range o.f[r] {
			for {
				if left == 0 {
					_, _ = random.Read(word[:]) // never fails
					left = len(word)
				}
				left--
				// What lies above the last whole multiple would make some digits likelier.
				if b := word[left]; b < 2*half {
					o.f[r][i] = b % half
					break
				}
			}
		}
	}
	return o
}

// Serial returns the serial at a position, both from 0 to Size-1.
func (o *Order) Serial(position int) int {
	left, right := position/half, position%half
	for r := range o.f {
		left, right = right, (left+int(o.f[r][right]))%half
	}
	return left*half + right
}

// Position returns the position of a serial: the inverse of Serial.
func (o *Order) Position(serial int) int {
	left, right := serial/half, serial%half
	for r := rounds - 1; r >= 0; r-- {
		left, right = (right+half-int(o.f[r][left]))%half, left
	}
	return left*half + right
}
