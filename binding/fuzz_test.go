package binding_test

import (
	"fmt"
	"strings"
	"testing"

	"mask700/binding"
)

var numberSeeds = []string{
	"13800138000", "+8613800138000", "86 138 0013 8000", "01059658005", "1059658005", "+86 (0)10 5965-8005", "110", "95588",
	"4001234567", "700100000010000", "+493012345678", "00493012345678", "tel:59658005;phone-context=+8610",
	"sip:+8613800138000;npdi;rn=+8613700000000@192.0.2.1;user=phone", "anonymous", "+", "00", "１３８００１３８０００",
	"+700100000010000", "0", "86", "860700", "+86861", "61234567", "+6561234567",
}

// FuzzParseNumber: no text makes the parser panic; what is read is the same
// in every written form; an error repeats nothing of the text.
func FuzzParseNumber(f *testing.F) {
	for _, seed := range numberSeeds {
		f.Add(seed, uint8(0))
		f.Add(seed, uint8(1))
	}
	plans := []binding.Plan{
		{},
		{CountryCode: "65"},
		{CountryCode: "1"},
		{CountryCode: "7"},
		{CountryCode: "70"},
		{CountryCode: "852", Legacy: []binding.LegacyRange{{Prefix: "17", Length: 8}}},
	}
	f.Fuzz(func(t *testing.T, text string, which uint8) {
		plan := plans[int(which)%len(plans)]
		n, err := plan.ParseNumber(text)
		if err != nil {
			if !n.IsZero() {
				t.Fatal("a number came with an error")
			}
			if run := sharedDigits(err.Error(), text); run != "" {
				t.Fatalf("the error %q repeats digits of the text", err)
			}
			return
		}
		digits := n.Digits()
		if back, err := binding.NumberFromDigits(digits); err != nil || back != n {
			t.Fatalf("its own digits %s are not canonical: %v", digits, err)
		}
		for _, format := range formats {
			written := plan.Format(n, format)
			back, err := plan.ParseNumber(written)
			if err != nil || back != n {
				t.Fatalf("%q is %s, written as %s, and that is %s, %v", text, digits, written, back.Digits(), err)
			}
		}
		if _, err := plan.ParseX(text); err == nil {
			t.Fatalf("%q is a subscriber's number and a 700 number", text)
		}
		for _, verb := range []string{"%v", "%#v", "%d", "%q"} {
			if strings.Contains(fmt.Sprintf(verb, n), digits) {
				t.Fatalf("%s prints the number", verb)
			}
		}
	})
}

// FuzzParseX: no text makes the parser panic; what is read is a 700 number,
// stays the same when it is written, and is refused as a party.
func FuzzParseX(f *testing.F) {
	for _, seed := range append(numberSeeds, "700", "+86700100000010000", "0086 700 1000 0001 0000", "0700100000010000",
		"70010000001000", "7001000000100001", "700100000010000x", "tel:700100000010000;phone-context=+86") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var plan binding.Plan
		x, err := plan.ParseX(text)
		if err != nil {
			if x != 0 {
				t.Fatal("a 700 number came with an error")
			}
			if hasDigit(strings.ReplaceAll(err.Error(), "700", "")) {
				t.Fatalf("digits in the error %q", err)
			}
			return
		}
		if !x.Valid() {
			t.Fatalf("%q is %d, which is no 700 number", text, uint64(x))
		}
		var same binding.X
		if err := same.UnmarshalText([]byte(x.String())); err != nil || same != x {
			t.Fatalf("%v came back as %v, %v", x, same, err)
		}
		for _, prefix := range []string{"", "0", "86", "+86", "0086"} {
			written := prefix + x.String()
			if back, err := plan.ParseX(written); err != nil || back != x {
				t.Fatalf("%s is %v, %v", written, back, err)
			}
		}
		if _, err := plan.ParseNumber(text); err != binding.ErrIs700 {
			t.Fatalf("%q as a party: %v", text, err)
		}
	})
}

// sharedDigits returns three or more consecutive digits of text that message
// holds too.
func sharedDigits(message, text string) string {
	for i := 0; i+3 <= len(text); i++ {
		run := text[i : i+3]
		if strings.Trim(run, "0123456789") == "" && strings.Contains(message, run) {
			return run
		}
	}
	return ""
}
