package binding_test

import (
	"strings"
	"testing"

	"mask700/binding"
)

// TestMentions: a number is found however people write it, and nothing is taken for it that is not.
func TestMentions(t *testing.T) {
	t.Parallel()
	for number, texts := range map[string][]string{
		"13800000001": {
			"13800000001", "+86 138-0000-0001", "008613800000001", "013800000001", "138/0000/0001", "138_0000_0001", "138,0000,0001",
			"138，0000，0001", "138：0000：0001", "１３８０００００００１", "一三八〇〇〇〇〇〇〇一", "①③⑧⓪⓪⓪⓪⓪⓪⓪①", "138 then 0000 and 0001", "138\u200b0000\u200b0001",
			"l38OOOOOOOl", "91380000000199", "138" + strings.Repeat(" ", 40) + "00000001", `{"p":"138","q":"0000","r":"0001"}`,
		},
		"01082345678":    {"010-82345678", "10 8234/5678"},
		"+12125550001":   {"+1 212 555 0001", "(212) 555-0001", "212/555/0001"},
		"+447700900123":  {"07700 900123", "+44 (0) 7700 900123"},
		"+85221234567":   {"2123 4567", "+852 2123 4567"},
		"+3726123":       {"+372 6123"},
		"+8613900000002": {"139 0000 0002"},
	} {
		n := asWritten(t, number)
		for _, text := range texts {
			if !binding.Mentions("see "+text+" (his)", n) {
				t.Errorf("%s is not found in %q", number, text)
			}
			if binding.Mentions(text, binding.Number{}) {
				t.Errorf("nobody is found in %q", text)
			}
		}
		for _, text := range []string{"", "order 20261126163700", "13800000010", "138 is where all of them begin, 0000 0001", "700100000010001"} {
			if binding.Mentions(text, n) {
				t.Errorf("%s is found in %q", number, text)
			}
		}
	}
}

func asWritten(t *testing.T, text string) binding.Number {
	t.Helper()
	n, err := binding.Plan{}.ParseNumber(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return n
}

// TestMentionsAllocatesNothing: every text of every row of an import is looked through.
func TestMentionsAllocatesNothing(t *testing.T) {
	n, m := asWritten(t, "13800000001"), asWritten(t, "+85221234567")
	for _, text := range []string{"", "order-20261126-0000017", "O-l7 of 20261126163700", "訂單 20261126-0000017", strings.Repeat("20261126 ", 20)} {
		if allocs := testing.AllocsPerRun(100, func() { binding.Mentions(text, n, m) }); allocs != 0 {
			t.Errorf("%q: %v allocations", text, allocs)
		}
	}
}

func BenchmarkMentions(b *testing.B) {
	n, err := binding.Plan{}.ParseNumber("13800000001")
	if err != nil {
		b.Fatal(err)
	}
	for name, text := range map[string]string{"order": "order-20261126-0000017", "none": "", "words": "for the courier of rides", "consent": "CONSENT-4711"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				binding.Mentions(text, n, n)
			}
		})
	}
}
