package binding

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
)

const (
	idLetters = "abcdefghijklmnopqrstuvwxyz"
	idLength  = 16
)

// NewID draws an id of 16 lower-case letters (75 bits) from random, nil for
// the system's. It holds no digit, so that no id can be taken for a number
// nor a number for an id. The error is random's.
func NewID(random io.Reader) (string, error) {
	if random == nil {
		random = rand.Reader
	}
	// All that most ids need is asked for at once: a question costs more than
	// its answer.
	var all [4 * idLength]byte
	if _, err := io.ReadFull(random, all[:]); err != nil {
		return "", fmt.Errorf("the random source gave nothing: %w", err)
	}
	var id [idLength]byte
	for i := range id {
		n, ok := among(binary.BigEndian.Uint32(all[4*i:]), len(idLetters))
		if !ok {
			var err error
			if n, err = draw(random, len(idLetters)); err != nil {
				return "", err
			}
		}
		id[i] = idLetters[n]
	}
	return string(id[:]), nil
}

// among is the number from 0 to below-1 that a random word stands for. False:
// for none; what lies above the last whole multiple would make the small numbers
// likelier.
func among(word uint32, below int) (int, bool) {
	const words = 1 << 32
	limit := uint32(words/int64(below)*int64(below) - 1)
	return int(word % uint32(below)), word <= limit
}

// draw returns a number from 0 to below-1, each as likely as any other.
// Below is from 1 to 2^31.
func draw(random io.Reader, below int) (int, error) {
	if random == nil {
		random = rand.Reader
	}
	for {
		var b [4]byte
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return 0, fmt.Errorf("the random source gave nothing: %w", err)
		}
		if n, ok := among(binary.BigEndian.Uint32(b[:]), below); ok {
			return n, nil
		}
	}
}
