package binding

import (
	"fmt"
	"strings"
	"testing"
)

// TestSipHash has vectors of the reference implementation of SipHash-2-4: key 00 to 0f, messages 00, 01, 02 and so on.
func TestSipHash(t *testing.T) {
	var key [16]byte
	var message [64]byte
	for i := range key {
		key[i] = byte(i)
	}
	for i := range message {
		message[i] = byte(i)
	}
	f := NewFingerprints(key)
	for length, want := range map[int]uint64{
		0: 0x726fdb47dd0e0e31, 1: 0x74f839c593dc67fd, 7: 0xab0200f58b01d137, 8: 0x93f5f5799a932462, 15: 0xa129ca6149be45e5,
	} {
		if got := f.sum(message[:length]); got != want {
			t.Errorf("%d bytes: %016x, want %016x", length, got, want)
		}
	}
	if text := fmt.Sprintf("%v %+v %s", f, f, f); strings.ContainsAny(text, "0123456789") {
		t.Errorf("printed: %s", text)
	}
}

func TestFingerprints(t *testing.T) {
	f, other := NewFingerprints([16]byte{1}), NewFingerprints([16]byte{2})
	a, err := NumberFromDigits("8613800138000")
	if err != nil {
		t.Fatal(err)
	}
	b, err := NumberFromDigits("8613800138001")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint64]string{}
	for name, word := range map[string]uint64{
		"a": f.Number('c', a), "b": f.Number('c', b), "a, other domain": f.Number('d', a), "a, other key": other.Number('c', a),
		"a to b": f.Pair('p', a, b), "b to a": f.Pair('p', b, a), "x": f.X('x', firstX), "text": f.Text('t', "shop"),
		"long": f.Text('t', strings.Repeat("s", 200)), "longer": f.Text('t', strings.Repeat("s", 201)),
	} {
		if seen[word] != "" {
			t.Errorf("%s and %s are one word", name, seen[word])
		}
		seen[word] = name
	}
	if f.Number('c', a) != NewFingerprints([16]byte{1}).Number('c', a) {
		t.Error("one number has two words")
	}
	n := testing.AllocsPerRun(100, func() { f.Pair('p', a, b); f.Text('t', "a tenant of some length") })
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
