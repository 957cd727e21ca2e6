package binding_test

import (
	"fmt"
	"strings"
	"testing"

	"mask700/binding"
)

// TestKnown: a number is found by the part that all its forms hold, of every country and length, and nothing else is.
func TestKnown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code, number, part string
	}{
		{"", "13800000001", "13800000001"},
		{"", "01059658005", "1059658005"},
		{"", "0755-8601 3388", "75586013388"},
		{"", "+85291234567", "91234567"},
		{"", "+6591234567", "91234567"},
		{"", "+493012345678", "3012345678"},
		{"", "+12125550001", "2125550001"},
		{"", "+390612345678", "0612345678"},
		{"", "+3545812345", "5812345"},
		{"", "+3726123", "3726123"}, // so short that it stands with its country
		{"65", "91234567", "91234567"},
		{"65", "+8613800000001", "13800000001"},
		{"999", "+9991234567", "1234567"},
	} {
		p := binding.Plan{CountryCode: c.code}
		n, err := p.ParseNumber(c.number)
		if err != nil {
			t.Fatalf("%s: %v", c.number, err)
		}
		other, err := p.ParseNumber("+4479876543210")
		if err != nil {
			t.Fatal(err)
		}
		k := p.Know(binding.Number{}, other, n)
		for _, digits := range []string{c.part, c.part + "0", c.part + strings.Repeat("9", 20)} {
			if got := k.At([]byte(digits)); got != len(c.part) {
				t.Errorf("%s in %s: %d digits, want %d", c.number, digits, got, len(c.part))
			}
		}
		for _, digits := range []string{"", c.part[:len(c.part)-1], "9" + c.part, c.part[1:] + "0", strings.Repeat("0", len(c.part)), "7987654321"} {
			if got := k.At([]byte(digits)); got != 0 {
				t.Errorf("%s in %s: %d digits", c.number, digits, got)
			}
		}
		if s := fmt.Sprintf("%v %+v %#v", k, k, k); strings.Contains(s, c.part) {
			t.Errorf("printed as %s", s)
		}
	}
	var none binding.Known
	if none.At([]byte("13800000001")) != 0 {
		t.Error("nobody is found")
	}
}

// TestTheLongerNumberIsFound of two that begin alike.
func TestTheLongerNumberIsFound(t *testing.T) {
	t.Parallel()
	short, long := asWritten(t, "+85291234567"), asWritten(t, "+499123456789")
	k := binding.Plan{}.Know(long, short)
	if a, b := k.At([]byte("9123456789")), k.At([]byte("9123456700")); a != 10 || b != 8 {
		t.Errorf("%d and %d digits", a, b)
	}
}
