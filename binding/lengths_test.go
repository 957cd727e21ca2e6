package binding

import (
	"fmt"
	"testing"
	"time"
)

func TestLengths(t *testing.T) {
	var l Lengths
	if l.Longest() != 0 || l.Has(0) || l.Has(4) {
		t.Errorf("nothing has %d", l.Longest())
	}
	l.add(2)
	l.add(8)
	l.add(2)
	for n := -1; n < 20; n++ {
		if l.Has(n) != (n == 2 || n == 8) {
			t.Errorf("%d: %t", n, l.Has(n))
		}
	}
	if l.Longest() != 8 {
		t.Errorf("the longest is %d", l.Longest())
	}
}

// Who lacks an extension is told which lengths there are; who has another, of which binding
// one is. Others are told nothing.
func TestWhoLacksAnExtension(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	number := func(s string) Number {
		n, err := Plan{}.ParseNumber(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	x, err := Plan{}.ParseX("700100000010014")
	if err != nil {
		t.Fatal(err)
	}
	a, b, stranger := number("13900000002"), number("13500000005"), number("13600000004")
	rows := []Binding{
		{ID: "four", Mode: ModeAXE, X: x, A: a, Extension: "1234", CreatedAt: at.Add(-time.Hour)},
		{ID: "two", Mode: ModeAXE, X: x, A: b, Extension: "77", CreatedAt: at.Add(-time.Hour)},
		{ID: "over", Mode: ModeAXE, X: x, A: number("13700000006"), Extension: "777", CreatedAt: at.Add(-time.Hour), ExpiresAt: at.Add(-time.Minute)},
	}
	for name, tt := range map[string]struct {
		caller     Number
		extension  string
		strangers  bool
		held       bool
		want       string // refusal, lengths, whether it is a guess
		extensions Lengths
	}{
		"none dialled":            {stranger, "", true, true, "no_binding false", 1<<2 | 1<<4},
		"a wrong one":             {stranger, "1235", true, true, "no_binding true", 1<<2 | 1<<4},
		"one that is over":        {stranger, "777", true, true, "no_binding true", 1<<2 | 1<<4},
		"a right one":             {stranger, "1234", true, true, " false", 0},
		"strangers are refused":   {stranger, "", false, true, "no_binding false", 0},
		"a wrong one, if refused": {stranger, "99", false, true, "no_binding false", 0},
		"not held":                {stranger, "", true, false, "no_binding false", 0},
		"nobody's call":           {Number{}, "", true, true, "no_caller false", 0},
		"a party of one dials it": {a, "", true, true, "one_way false", 0},
		"and that of the other":   {a, "77", true, true, " false", 0},
		"its own":                 {a, "1234", true, true, "no_binding true", 1 << 2},
	} {
		d := Resolve(Query{Dialled: x, Extension: tt.extension, Caller: tt.caller, At: at, Strangers: tt.strangers}, tt.held, rows)
		if got := fmt.Sprint(string(d.Refusal), " ", d.Guess != nil); got != tt.want || d.Extensions != tt.extensions {
			t.Errorf("%s: %q %b, want %q %b", name, got, d.Extensions, tt.want, tt.extensions)
		}
	}
}
