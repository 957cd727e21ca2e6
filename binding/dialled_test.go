package binding_test

import (
	"errors"
	"strings"
	"testing"

	"mask700/binding"
)

func TestParseDialled(t *testing.T) {
	var plan binding.Plan
	for text, want := range map[string]struct {
		extension string
		err       error
	}{
		"700100000010007":                            {"", nil},
		"7001000000100071234":                        {"1234", nil},
		"0700-1000-0001-0007-12":                     {"12", nil},
		"+8670010000001000712345678":                 {"12345678", nil},
		"0086 0 700100000010007 12345678":            {"12345678", nil},
		"700100000010007,1234":                       {"1234", nil},
		"700100000010007p1234":                       {"1234", nil},
		"+86700100000010007W0012":                    {"0012", nil},
		"tel:700100000010007,12;phone-context=+86":   {"12", nil},
		"sip:700100000010007,12@pw.example;user=p,w": {"12", nil},
		"sip:700100000010007@pw.example":             {"", nil},
		"7001000000100071":                           {"", binding.ErrTooLong},
		"700100000010007123456789":                   {"", binding.ErrTooLong},
		"700100000010007,":                           {"", binding.ErrTooLong},
		"700100000010007,1":                          {"", binding.ErrTooLong},
		"700100000010007,12,34":                      {"", binding.ErrTooLong},
		"700100000010007,12-34":                      {"", binding.ErrTooLong},
		"700100000010007,+12":                        {"", binding.ErrTooLong},
		"70010000001000712,34":                       {"", binding.ErrTooLong},
		"700100000010007#12":                         {"", binding.ErrTooLong},
		"700100000010007１２":                          {"", binding.ErrTooLong},
		"70010000001000,1234":                        {"", binding.ErrIncomplete},
		"700":                                        {"", binding.ErrIncomplete},
		",1234":                                      {"", binding.ErrNot700},
		"p700100000010007":                           {"", binding.ErrNot700},
		"13800138000,1234":                           {"", binding.ErrNot700},
		"":                                           {"", binding.ErrNot700},
	} {
		got, extension, err := plan.ParseDialled(text)
		if !errors.Is(err, want.err) || extension != want.extension || (want.err == nil) != (got == x) {
			t.Errorf("%q: %v, %q, %v; want %q, %v", text, got, extension, err, want.extension, want.err)
		}
	}
}

// FuzzDialled: whatever is dialled, at most one person rings: the one whose
// extension it is, digit for digit, or the one without.
func FuzzDialled(f *testing.F) {
	for _, seed := range []string{"700100000010007", "7001000000100071234", "700100000010007,1234", "+86700100000010007p12", "0086 0700-100000010007 12345678",
		"sip:700100000010007,1234@192.0.2.1", "tel:+86700100000010007w1234;phone-context=+86", "700100000010007,,", "7001000000100071234,1234", "070010000001"} {
		f.Add(seed)
	}
	var rows []binding.Binding
	extensions := []string{"", "12", "123", "1234", "12345678", "0012", "00"}
	for i, extension := range extensions {
		rows = append(rows, row(f, func(b *binding.Binding) {
			b.Mode, b.Extension, b.B = binding.ModeAXE, extension, binding.Number{}
			if extension == "" {
				b.Mode = binding.ModeAX
			}
			b.A = number(f, "861380000001"+string(rune('0'+i)))
		}))
	}
	f.Fuzz(func(t *testing.T, text string) {
		var plan binding.Plan
		dialled, extension, err := plan.ParseDialled(text)
		if err != nil {
			if dialled != 0 || extension != "" {
				t.Fatalf("%q: %v and %q came with %v", text, dialled, extension, err)
			}
			if run := sharedDigits(strings.ReplaceAll(err.Error(), "700", ""), text); run != "" {
				t.Fatalf("the error %q repeats digits of the text", err)
			}
			return
		}
		if !dialled.Valid() || strings.Trim(extension, "0123456789") != "" || len(extension) == 1 || len(extension) > 8 {
			t.Fatalf("%q is %v and %q", text, dialled, extension)
		}
		if same, err := plan.ParseX(text); (err == nil) != (extension == "") || err == nil && same != dialled {
			t.Fatalf("%q is %v and %q, and %v, %v as a number alone", text, dialled, extension, same, err)
		}
		for _, form := range []string{dialled.String() + extension, "+86" + dialled.String() + "," + extension} {
			form = strings.TrimSuffix(form, ",")
			if d, e, err := plan.ParseDialled(form); err != nil || d != dialled || e != extension {
				t.Fatalf("%q is %v and %q, and dialled again %v and %q, %v", text, dialled, extension, d, e, err)
			}
		}
		q := binding.Query{Dialled: dialled, Extension: extension, Caller: number(t, digitsC), At: noon, Strangers: true}
		d := binding.Resolve(q, true, rows)
		for i, e := range extensions {
			if rings := d.Edge.Callee == rows[i].A; rings != (dialled == x && e == extension) {
				t.Fatalf("%q, which is %v and %q: extension %q rings: %v", text, dialled, extension, e, rings)
			}
		}
	})
}
