package srtp

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

// No index is sealed twice, whatever numbers come: the packets of one index would
// share their keystream. What is refused is left as it was.
func TestNoIndexIsSealedTwice(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, suite := range Suites {
		seal, _ := pair(t, suite)
		used := map[int64]bool{}
		index, rolled, refused := int64(1000), int64(0), 0
		for i := range 3000 {
			step := int64(1)
			switch r.IntN(8) {
			case 0:
				step = int64(r.IntN(200)) - 150
			case 1:
				step = int64(r.IntN(1<<16)) - 1<<15
			}
			if i == 0 {
				step = 0
			}
			at := index + step
			b := packet(1, uint16(at))
			sealed, err := seal.Seal(b)
			if may := !used[at] && at > index-window && at >= 0 && step != -1<<15; may != (err == nil) {
				t.Fatalf("%v: packet %d, %d from the highest: %v", suite, i, step, err)
			}
			if err != nil {
				if !errors.Is(err, ErrUsed) || !bytes.Equal(b, packet(1, uint16(at))) {
					t.Fatalf("%v: %v, or the packet was changed", suite, err)
				}
				refused++
				continue
			}
			used[at] = true
			index = max(index, at)
			rolled = index >> 16
			if i%64 != 0 {
				continue
			}
			// The rollover counter is the one that was checked: a receiver that is told it opens the packet.
			_, open := pair(t, suite)
			open.context.SetROC(1, uint32(at>>16))
			if got, err := open.Open(sealed); err != nil || !bytes.Equal(got, packet(1, uint16(at))) {
				t.Fatalf("%v: index %d is not opened: %v", suite, at, err)
			}
		}
		if rolled < 3 || refused < 100 {
			t.Errorf("%v: rolled over %d times, refused %d", suite, rolled, refused)
		}
	}
}

// Each source has its own numbers, also one that comes back.
func TestNumbersAreOfOneSource(t *testing.T) {
	seal, _ := pair(t, AES128GCM)
	for _, ssrc := range []uint32{1, 2, 3} {
		if _, err := seal.Seal(packet(ssrc, 7)); err != nil {
			t.Errorf("source %d: %v", ssrc, err)
		}
	}
	for _, ssrc := range []uint32{1, 2, 3} {
		if _, err := seal.Seal(packet(ssrc, 7)); !errors.Is(err, ErrUsed) {
			t.Errorf("source %d again: %v", ssrc, err)
		}
	}
	if _, err := seal.Seal(make([]byte, 11, 64)); err == nil {
		t.Error("what is shorter than a header is sealed")
	}
}
