package srtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

// numbered is one of many keys.
func numbered(suite Suite, n int) Key {
	return NewSecret([32]byte{1: byte(n), 2: byte(n >> 8)}).Key(suite, Key{})
}

func take(t *testing.T, r *Ring, k Key) *Direction {
	t.Helper()
	d, err := r.Take(k)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func direction(t *testing.T, k Key) *Direction {
	t.Helper()
	d, err := NewDirection(k)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// reception is an empty receiver report.
func reception(ssrc uint32) []byte {
	b := append(make([]byte, 0, 8+Overhead), 0x80, 201, 0, 1)
	return binary.BigEndian.AppendUint32(b, ssrc)
}

// A key that comes back after others goes on where it was: what was sealed or heard under
// it is neither sealed nor heard again, and its rollover counter is not begun anew.
func TestAKeyThatComesBackGoesOn(t *testing.T) {
	for _, suite := range Suites {
		var ours, theirs Ring
		key := numbered(suite, 1)
		var old []byte
		for n, seq := range []uint16{65000, 10, 20, 30000} { // rolls over with the second
			sealed, err := take(t, &ours, key).Seal(packet(1, seq))
			if err != nil {
				t.Fatal(err)
			}
			if n == 2 {
				old = bytes.Clone(sealed)
			}
			if got, err := take(t, &theirs, key).Open(sealed); err != nil || !bytes.Equal(got, packet(1, seq)) {
				t.Fatalf("%v: %d: %v", suite, seq, err)
			}
			for other := 2; other < 4; other++ {
				take(t, &ours, numbered(suite, other))
				take(t, &theirs, numbered(suite, other))
			}
		}
		if _, err := take(t, &ours, key).Seal(packet(1, 30000)); !errors.Is(err, ErrUsed) {
			t.Errorf("%v: a number is sealed twice: %v", suite, err)
		}
		if _, err := take(t, &theirs, key).Open(old); !errors.Is(err, ErrForged) {
			t.Errorf("%v: a packet is heard twice: %v", suite, err)
		}
		if roc, ok := take(t, &ours, key).context.ROC(1); !ok || roc != 1 {
			t.Errorf("%v: rollover counter %d, %t", suite, roc, ok)
		}
	}
}

// A stream is new to a key under which nothing of it was sealed, if anything will be.
func TestWhatIsNewToAKey(t *testing.T) {
	var r Ring
	first, other := numbered(AES128GCM, 1), numbered(AES128GCM, 2)
	if r.Sealed(first, 1) {
		t.Error("before there is any key")
	}
	if _, err := take(t, &r, first).Seal(packet(1, 1000)); err != nil {
		t.Fatal(err)
	}
	take(t, &r, other)
	if !r.Sealed(first, 1) || r.Sealed(first, 2) || r.Sealed(other, 1) {
		t.Errorf("%t, another stream %t, another key %t", r.Sealed(first, 1), r.Sealed(first, 2), r.Sealed(other, 1))
	}
	for ssrc := uint32(2); ssrc <= maxSources; ssrc++ {
		if _, err := take(t, &r, first).Seal(packet(ssrc, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if !r.Sealed(first, maxSources+1) {
		t.Error("a key has streams without a bound")
	}
	for n := 3; n < 3+maxKept; n++ {
		take(t, &r, numbered(AES128GCM, n))
	}
	if !r.Sealed(other, 1) {
		t.Error("a stream is new to a key that seals nothing any more")
	}
}

// Of a key whose direction was forgotten nothing is protected any more, nor of any new one
// when there have been too many.
func TestAForgottenKeyProtectsNothing(t *testing.T) {
	for _, suite := range Suites {
		var r Ring
		works := func(n int) bool {
			t.Helper()
			key := numbered(suite, n)
			sealed, err := direction(t, key).Seal(packet(1, 1000))
			if err != nil {
				t.Fatal(err)
			}
			_, opened := take(t, &r, key).Open(sealed)
			_, made := take(t, &r, key).Seal(packet(2, 1000))
			report, err := direction(t, key).SealReport(reception(1))
			if err != nil {
				t.Fatal(err)
			}
			_, heard := take(t, &r, key).OpenReport(report)
			_, told := take(t, &r, key).SealReport(reception(2))
			if (opened == nil) != (made == nil) || (heard == nil) != (told == nil) || (opened == nil) != (heard == nil) {
				t.Fatalf("%v, key %d: %v, %v, %v, %v", suite, n, opened, made, heard, told)
			}
			return opened == nil
		}
		for n := 1; n <= maxKept; n++ {
			if !works(n) {
				t.Fatalf("%v: key %d does not work", suite, n)
			}
		}
		take(t, &r, numbered(suite, 1)) // used again: the second is the oldest now
		if !works(maxKept+1) || works(2) {
			t.Errorf("%v: the oldest is not the one that is forgotten", suite)
		}
		if n := len(r.kept); n != maxKept {
			t.Errorf("%v: %d are kept", suite, n)
		}
		for n := maxKept + 2; n <= maxKept+maxSpent; n++ {
			take(t, &r, numbered(suite, n))
		}
		if works(maxKept+maxSpent+1) || !works(maxKept+maxSpent) || len(r.spent) != maxSpent || len(r.kept) != maxKept {
			t.Errorf("%v: %d are kept, %d spent", suite, len(r.kept), len(r.spent))
		}
	}
}
