package binding_test

import (
	"errors"
	"strings"
	"testing"

	"mask700/binding"
)

func TestParseNumberForms(t *testing.T) {
	for canonical, forms := range map[string][]string{
		"8613800138000": {
			"13800138000", "+8613800138000", "8613800138000", "008613800138000", "013800138000",
			"138-0013-8000", "138 0013 8000", "138.0013.8000", "+86 138 0013 8000", "(+86) 138-0013-8000",
			"+86-138-0013-8000", "  13800138000  ", "0086 138 0013 8000", "0138-0013-8000", "+86 (0) 138 0013 8000",
			"86013800138000", "0086013800138000",
			"tel:13800138000", "tel:+86-138-0013-8000", "TEL:+8613800138000", "tel:13800138000;phone-context=+86",
			"tel:013800138000;phone-context=+86", "tel:+8613800138000;npdi;rn=+8613700000000",
			"tel:13800138000;phone-context=ims.example.com", "tel:+8613800138000;phone-context=+49",
			"tel:008613800138000;phone-context=+49",
			"tel:8613800138000;phone-context=+86",
			"sip:13800138000@192.0.2.1", "sip:+8613800138000@example.com:5060;user=phone", "SIPS:8613800138000@[2001:db8::1]",
			"sip:13800138000;npdi;rn=+8613700000000@192.0.2.1;user=phone", "sip:13800138000:secret@example.com",
			"sip:13800138000;phone-context=+86@192.0.2.1", "sip:13800138000;Phone-Context=+86@192.0.2.1",
			"13800138000;npdi;rn=+8613700000000", "+8613800138000;cpc=ordinary", "13800138000;",
		},
		"8619912345678": {"19912345678", "019912345678", "+8619912345678"},
		"8614712345678": {"14712345678"},
		"861059658005": {
			"01059658005", "1059658005", "+861059658005", "861059658005", "00861059658005", "+8601059658005",
			"010-5965-8005", "(010) 5965 8005", "+86 (0)10 5965 8005", "8601059658005", "tel:59658005;phone-context=+8610",
			"tel:5965-8005;phone-context=+86-10",
		},
		"862158765432":  {"02158765432", "2158765432", "+862158765432", "021 5876 5432"},
		"862987654321":  {"02987654321", "2987654321"},
		"8675522345678": {"075522345678", "75522345678", "+86 755 2234 5678"},
		"865712345678":  {"05712345678", "5712345678", "+865712345678"},
		"869512345678":  {"09512345678", "9512345678"}, // area 951, not the service 95
		"869632345678":  {"09632345678"},
		"493012345678":  {"+493012345678", "00493012345678", "+49 30 1234 5678", "00 49 30 12345678", "tel:3012345678;phone-context=+49"},
		"14155550100":   {"+14155550100", "0014155550100", "+1 (415) 555-0100"},
		"85261234567":   {"+85261234567", "0085261234567"},
		"70012345678":   {"+70012345678", "0070012345678"}, // eleven digits of +7
		"123456789012345": {
			"+123456789012345", "00123456789012345",
		},
		"2901234": {"+2901234", "002901234"},
	} {
		for _, form := range forms {
			got, err := binding.Plan{}.ParseNumber(form)
			if err != nil {
				t.Errorf("%q: %v", form, err)
				continue
			}
			if got.Digits() != canonical {
				t.Errorf("%q is %s, want %s", form, got.Digits(), canonical)
			}
		}
	}
}

func TestParseNumberRefuses(t *testing.T) {
	for want, forms := range map[error][]string{
		binding.ErrMalformed: {
			"", " ", "+", "-", "()", "abc", "anonymous", "1380013800a", "13800138000x", "１３８００１３８０００", "１38００１３８０００",
			"١٣٨٠٠١٣٨٠٠٠", "138\t0013\t8000", "13800138000\n", "\r13800138000", "138\x0000138000", "13800+138000", "++8613800138000",
			"+0138001380000", "00013800138000", "+008613800138000", "138001380001", "1380013800", "138001380", "12800138000",
			"11000138000", "10596580055", "105965800", "21587654321", "0215876543", "0105965800", "755123456789", "7551234567890",
			"0755123456", "01005965800", "0100596580", "02115876543", "07550234567", "07551234567", "086138001380001",
			"8686138001380", "86138001380001", "+8613800138", "+86138001380001", "4915112345678", "14155550100x", "123456789012345678",
			"+1234567890123456", "001234567890123456", "+86", "0086", "0", "86138001380", "8613800138", "00",
			"sip:13800138000", "sip:@example.com", "sip:alice@example.com", "tel:", "mailto:13800138000", "http://13800138000@x",
			"13800138000@example.com", "<tel:13800138000>", "sip:13800138000,13800138001@example.com", "%2B8613800138000",
			"tel:13800138000;phone-context=+", "tel:13800138000;phone-context=+abc", "tel:13800138000;phone-context=+86;phone-context=+49",
			"tel:3012345678901234;phone-context=+49", "１", "138——0013", "13800138000,", "13800138000#", "*13800138000",
		},
		binding.ErrAreaCode:  {"59658005", "2345678", "86543210", "8654321", "+8659658005", "059658005"},
		binding.ErrEmergency: {"110", "112", "119", "120", "122", "911", "999", "12110", "12395", "+86110", "86110", "0086119", "0110", "1-1-0", "+112", "00112", "tel:110"},
		binding.ErrShort:     {"1", "10", "114", "10086", "10010", "12345", "12315", "11185", "123456", "010110", "+8610086", "+123456", "00123", "8612", "86", "654321"},
		binding.ErrService: {"95588", "955881", "95123456", "951234567", "96123", "961234", "095588", "+8695588", "8695588", "01095588", "075595588",
			"02196123", "01095123456", "0755951234"},
		binding.ErrTollFree: {"4001234567", "8001234567", "04001234567", "+864001234567", "864001234567", "400-123-4567", "800 810 1234", "40012345678",
			"400123456", "8008101"},
		binding.ErrIs700: {"700100000010000", "+86700100000010000", "86700100000010000", "0086700100000010000", "0700100000010000",
			"700 1000 0001 0000", "+86 700-1000-0001-0000", "860700100000010000", "7001", "700", "70010000001", "7001000000100001",
			"700100000010000000", "0700", "+86700", "+700100000010000", "00700100000010000", "tel:700100000010000", "sip:700100000010000@192.0.2.1",
			"tel:700100000010000;phone-context=+86", "tel:100000010000;phone-context=+86700", "7001234567", "70012345678"},
	} {
		for _, form := range forms {
			n, err := binding.Plan{}.ParseNumber(form)
			if err != want && !(want == binding.ErrMalformed && errors.Is(err, want) && err != binding.ErrAreaCode) {
				t.Errorf("%q: error is %v, want %v", form, err, want)
			}
			if !n.IsZero() {
				t.Errorf("%q: a number came with the error", form)
			}
		}
	}
}

func TestErrorKinds(t *testing.T) {
	for err, kind := range map[error]error{
		binding.ErrAreaCode:    binding.ErrMalformed,
		binding.ErrEmergency:   binding.ErrShort,
		binding.ErrTollFree:    binding.ErrService,
		binding.ErrTooLong:     binding.ErrMalformed,
		binding.ErrNotOpen:     binding.ErrNotHeld,
		binding.ErrOtherTenant: binding.ErrNotHeld,
	} {
		if !errors.Is(err, kind) {
			t.Errorf("%q is no %q", err, kind)
		}
		if errors.Is(kind, err) {
			t.Errorf("%q is a %q", kind, err)
		}
	}
}

func TestErrorsOfNumbersHaveNoDigits(t *testing.T) {
	for _, err := range []error{binding.ErrDigits, binding.ErrMalformed, binding.ErrAreaCode, binding.ErrShort, binding.ErrEmergency,
		binding.ErrIs700, binding.ErrLegacy} {
		if hasDigit(err.Error()) {
			t.Errorf("a digit in %q", err)
		}
	}
}

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }

func TestVeryLongTextIsRefused(t *testing.T) {
	long := strings.Repeat(" ", 1000) + "13800138000"
	if _, err := (binding.Plan{}).ParseNumber(long); !errors.Is(err, binding.ErrMalformed) {
		t.Errorf("error is %v", err)
	}
	if _, err := (binding.Plan{}).ParseX(strings.Repeat(" ", 1000) + "700100000010000"); !errors.Is(err, binding.ErrNot700) {
		t.Errorf("error is %v", err)
	}
}

func TestLegacyRange(t *testing.T) {
	plan := binding.Plan{Legacy: []binding.LegacyRange{{Prefix: "17000", Length: 11}, {Prefix: "7556", Length: 11}}}
	for _, form := range []string{"17000123456", "+8617000123456", "017000123456", "075561234567"} {
		if _, err := plan.ParseNumber(form); err != binding.ErrLegacy {
			t.Errorf("%s: error is %v", form, err)
		}
	}
	for _, form := range []string{"17001123456", "07556123456", "+17000123456"} {
		if _, err := plan.ParseNumber(form); err != nil {
			t.Errorf("%s: %v", form, err)
		}
	}
}

func TestPlanOfAnotherCountry(t *testing.T) {
	plan := binding.Plan{CountryCode: "65"}
	for form, want := range map[string]string{
		"61234567": "6561234567", "061234567": "6561234567", "+6561234567": "6561234567", "6561234567": "6561234567",
		"006561234567": "6561234567", "0065123456": "65123456", "+8613800138000": "8613800138000", "065123456": "6565123456",
	} {
		n, err := plan.ParseNumber(form)
		if err != nil || n.Digits() != want {
			t.Errorf("%s is %s, %v, want %s", form, n.Digits(), err, want)
		}
	}
	for form, want := range map[string]error{
		"999": binding.ErrEmergency, "1234": binding.ErrShort, "65": binding.ErrMalformed, "12345678901234": binding.ErrMalformed,
		"700100000010000": binding.ErrIs700, "+65700100000010000": binding.ErrIs700, "": binding.ErrMalformed,
	} {
		if _, err := plan.ParseNumber(form); err != want {
			t.Errorf("%s: error is %v, want %v", form, err, want)
		}
	}
}

func TestParseX(t *testing.T) {
	const want = binding.X(700100000010000)
	for _, form := range []string{
		"700100000010000", "+86700100000010000", "86700100000010000", "0086700100000010000", "0700100000010000",
		"700 1000 0001 0000", "+86-700-1000-0001-0000", "+86 (0)700100000010000", "tel:700100000010000;phone-context=+86",
		"sip:700100000010000@192.0.2.1", "sip:700100000010000;phone-context=+86@192.0.2.1;user=phone",
		"sip:+86700100000010000@192.0.2.1",
	} {
		if got, err := (binding.Plan{}).ParseX(form); err != nil || got != want {
			t.Errorf("%q is %v, %v", form, got, err)
		}
	}
	for want, forms := range map[error][]string{
		binding.ErrNot700: {"", "7", "70", "13800138000", "alice", "*100#", "701100000010000", "+700100000010000", "00700100000010000",
			"+49700100000010000", "８", "７００100000010000", "sip:700100000010000", "400100000010000", "110", "tel:700100000010000;phone-context=+49",
			"8670110", "a700100000010000"},
		binding.ErrIncomplete: {"700", "70010000001", "70010000001000", "+8670010000001000", "0700", "00867001", "sip:7001@192.0.2.1"},
		binding.ErrTooLong: {"7001000000100001", "+867001000000100001", "07001000000100001", "70010000001000012345678901234567", "700abc",
			"700100000010000x", "700100000010000*", "70010000001000０"},
	} {
		for _, form := range forms {
			if got, err := (binding.Plan{}).ParseX(form); err != want || got != 0 {
				t.Errorf("%q: got %v, error %v, want %v", form, got, err, want)
			}
		}
	}
	if got, err := (binding.Plan{CountryCode: "65"}).ParseX("+65700100000010000"); err != nil || got != want {
		t.Errorf("with another country code it is %v, %v", got, err)
	}
}

func TestParsingAllocatesNothing(t *testing.T) {
	var plan binding.Plan
	for _, form := range []string{"13800138000", "+86 (0)10 5965-8005", "tel:+8613800138000;npdi;rn=+8613700000000",
		"tel:59658005;phone-context=+8610", "anonymous", "110", "700100000010000"} {
		if n := testing.AllocsPerRun(100, func() {
			_, _ = plan.ParseNumber(form)
			_, _ = plan.ParseX(form)
		}); n != 0 {
			t.Errorf("%q: %v allocations", form, n)
		}
	}
}

func BenchmarkParseNumber(b *testing.B) {
	var plan binding.Plan
	for name, form := range map[string]string{
		"mobile": "13800138000", "plus": "+8613800138000", "landline": "01059658005", "separators": "+86 (0)10 5965-8005",
		"tel": "tel:+8613800138000;npdi;rn=+8613700000000", "foreign": "+493012345678", "refused": "anonymous",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = plan.ParseNumber(form)
			}
		})
	}
}

func BenchmarkParseX(b *testing.B) {
	var plan binding.Plan
	b.ReportAllocs()
	for b.Loop() {
		_, _ = plan.ParseX("+86700100000010000")
	}
}
