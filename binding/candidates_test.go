package binding_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mask700/binding"
)

func TestExplainSaysWhy(t *testing.T) {
	a, c := number(t, digitsA), number(t, digitsC)
	for name, test := range map[string]struct {
		caller  binding.Number
		notHeld bool
		change  func(*binding.Binding)
		want    []string // of the edges from A and from B
	}{
		"taken":        {caller: a, want: []string{"it is for another caller"}},
		"stranger":     {caller: c, want: []string{"it is for another caller", "it is for another caller"}},
		"no caller":    {want: []string{"the call shows no caller that can be read", "the call shows no caller that can be read"}},
		"not held":     {caller: a, notHeld: true, want: []string{"the dialled number is in no block", "the dialled number is in no block"}},
		"other number": {caller: a, change: func(b *binding.Binding) { b.X = y }, want: []string{"over another number", "over another number"}},
		"expired":      {caller: a, change: func(b *binding.Binding) { b.ExpiresAt = noon }, want: []string{"has expired", "another caller"}},
		"unbound":      {caller: a, change: func(b *binding.Binding) { b.EndedAt = noon }, want: []string{"was unbound", "another caller"}},
		"to come":      {caller: a, change: func(b *binding.Binding) { b.CreatedAt = noon.Add(1) }, want: []string{"not made yet", "another caller"}},
		"one-way":      {caller: a, change: func(b *binding.Binding) { b.OneWay = binding.OneWayBToA }, want: []string{"may only be called", "another caller"}},
		"mode":         {caller: a, change: func(b *binding.Binding) { b.Mode = binding.ModeAXE }, want: []string{"not served"}},
	} {
		r := pair(t)
		if test.change != nil {
			test.change(&r)
		}
		d := binding.Explain(binding.Query{Dialled: x, Caller: test.caller, At: noon}, !test.notHeld, []binding.Binding{r})
		if len(d.Candidates) != len(test.want) {
			t.Errorf("%s: candidates are %+v", name, d.Candidates)
			continue
		}
		for i, want := range test.want {
			got := d.Candidates[i]
			if !strings.Contains(got.Why, want) {
				t.Errorf("%s: %q, want %q", name, got.Why, want)
			}
			if hasDigit(got.Why) {
				t.Errorf("%s: a digit in %q", name, got.Why)
			}
			if got.Binding != "pair" {
				t.Errorf("%s: of binding %q", name, got.Binding)
			}
		}
	}
}

func TestExplainOfSecondChoice(t *testing.T) {
	first, second := pair(t), pair(t)
	second.ID = "second"
	d := binding.Explain(binding.Query{Dialled: x, Caller: number(t, digitsA), At: noon}, true, []binding.Binding{first, second})
	if d.Binding == nil || d.Binding.ID != "pair" || len(d.Candidates) != 3 {
		t.Fatalf("decided %+v", d)
	}
	if got := d.Candidates[1]; got.Binding != "second" || got.Why != "another binding came first" {
		t.Errorf("the second choice is explained as %+v", got)
	}
}

func TestExplainOfNothing(t *testing.T) {
	d := binding.Explain(binding.Query{Dialled: x, Caller: number(t, digitsA), At: noon}, true, nil)
	if d.Refusal != binding.RefusalNoBinding || len(d.Candidates) != 0 {
		t.Errorf("decided %+v", d)
	}
}

func TestExplainPrintsMasked(t *testing.T) {
	r := row(t, func(b *binding.Binding) { b.A, b.ExpiresAt = number(t, secret), noon.Add(-time.Minute) })
	q := binding.Query{Dialled: x, Caller: number(t, secret), At: noon, Explain: true}
	d := binding.Resolve(q, true, []binding.Binding{r})
	for _, format := range []string{"%v", "%+v", "%#v"} {
		assertHidden(t, format, fmt.Sprintf(format, q)+fmt.Sprintf(format, d)+fmt.Sprintf(format, d.Candidates))
	}
}
