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
	var id [idLength]byte
	for i := range id {
		n, err := draw(random, len(idLetters))
		if err != nil {
			return "", err
		}
		id[i] = idLetters[n]
	}
	return string(id[:]), nil
}

// draw returns a number from 0 to below-1, each as likely as any other.
// Below is from 1 to 2^31.
func draw(random io.Reader, below int) (int, error) {
	if random == nil {
		random = rand.Reader
	}
	const words = 1 << 32
	limit := uint32(words/int64(below)*int64(below) - 1)
	for {
		var b [4]byte
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return 0, fmt.Errorf("the random source gave nothing: %w", err)
		}
		// What lies above the last whole multiple is drawn again: it would
		// make the small numbers likelier.
		if word := binary.BigEndian.Uint32(b[:]); word <= limit {
			return int(word % uint32(below)), nil
		}
	}
}
