package binding_test

import (
	"errors"
	"testing"

	"mask700/binding"
)

var formats = []binding.Format{binding.National, binding.E164, binding.Plus, binding.International}

func TestPlanFormat(t *testing.T) {
	for digits, want := range map[string][4]string{
		"8613800138000":   {"13800138000", "8613800138000", "+8613800138000", "008613800138000"},
		"861059658005":    {"01059658005", "861059658005", "+861059658005", "00861059658005"},
		"8675522345678":   {"075522345678", "8675522345678", "+8675522345678", "008675522345678"},
		"865712345678":    {"05712345678", "865712345678", "+865712345678", "00865712345678"},
		"493012345678":    {"00493012345678", "+493012345678", "+493012345678", "00493012345678"},
		"14155550100":     {"0014155550100", "+14155550100", "+14155550100", "0014155550100"},
		"123456789012345": {"00123456789012345", "+123456789012345", "+123456789012345", "00123456789012345"},
	} {
		n := number(t, digits)
		for i, f := range formats {
			if got := (binding.Plan{}).Format(n, f); got != want[i] {
				t.Errorf("%s in %v form is %s, want %s", digits, f, got, want[i])
			}
		}
	}
	for _, f := range formats {
		if got := (binding.Plan{}).Format(binding.Number{}, f); got != "" {
			t.Errorf("no number in %v form is %q", f, got)
		}
	}
}

func TestPlanFormatOfAnotherCountry(t *testing.T) {
	plan := binding.Plan{CountryCode: "65"}
	for digits, want := range map[string][4]string{
		"6561234567":    {"061234567", "6561234567", "+6561234567", "006561234567"},
		"8613800138000": {"008613800138000", "+8613800138000", "+8613800138000", "008613800138000"},
	} {
		for i, f := range formats {
			if got := plan.Format(number(t, digits), f); got != want[i] {
				t.Errorf("%s in %v form is %s, want %s", digits, f, got, want[i])
			}
		}
	}
}

// TestForeignNumberIsNotReadAsOurs is why a foreign number never leaves as
// bare digits: these are those of a Chinese mobile.
func TestForeignNumberIsNotReadAsOurs(t *testing.T) {
	var plan binding.Plan
	n, err := plan.ParseNumber("+13800138000")
	if err != nil {
		t.Fatal(err)
	}
	mobile, err := plan.ParseNumber("13800138000")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range formats {
		back, err := plan.ParseNumber(plan.Format(n, f))
		if err != nil || back != n || back == mobile {
			t.Errorf("in %v form it comes back as another number, %v", f, err)
		}
	}
}

func TestFormatNames(t *testing.T) {
	for _, f := range formats {
		if got, err := binding.ParseFormat(f.String()); err != nil || got != f {
			t.Errorf("%v is read as %v, %v", f, got, err)
		}
	}
	for _, name := range []string{"", "E164", "unknown", "13800138000"} {
		if _, err := binding.ParseFormat(name); !errors.Is(err, binding.ErrFormat) {
			t.Errorf("%q: error is %v", name, err)
		}
	}
	if got := binding.Format(99).String(); got != "unknown" {
		t.Errorf("a form that does not exist is called %s", got)
	}
}

func TestFormatAllocatesOnce(t *testing.T) {
	n := number(t, secret)
	for _, f := range formats {
		if got := testing.AllocsPerRun(100, func() { _ = binding.Plan{}.Format(n, f) }); got > 1 {
			t.Errorf("%v: %v allocations", f, got)
		}
	}
}
