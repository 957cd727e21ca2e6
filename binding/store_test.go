package binding_test

import (
	"testing"
	"time"

	"mask700/binding"
)

func TestFilterMatch(t *testing.T) {
	b := pair(t)
	b.ID, b.Order, b.EndedAt = "m", "order", noon
	c := number(t, digitsC)
	for name, test := range map[string]struct {
		filter binding.Filter
		want   bool
	}{
		"nothing asked":         {binding.Filter{}, true},
		"limit is no property":  {binding.Filter{Limit: 1}, true},
		"party a":               {binding.Filter{Number: b.A}, true},
		"party b":               {binding.Filter{Number: b.B}, true},
		"stranger":              {binding.Filter{Number: c}, false},
		"its number":            {binding.Filter{X: x}, true},
		"another number":        {binding.Filter{X: y}, false},
		"its order":             {binding.Filter{Order: "order"}, true},
		"part of its order":     {binding.Filter{Order: "ord"}, false},
		"a page is no property": {binding.Filter{After: "n"}, true},
		"while it lived":        {binding.Filter{LiveAt: noon.Add(-time.Second)}, true},
		"when it had ended":     {binding.Filter{LiveAt: noon}, false},
		"before it was made":    {binding.Filter{LiveAt: noon.Add(-2 * time.Hour)}, false},
		"all of it":             {binding.Filter{Number: b.A, X: x, Order: "order", After: "a", LiveAt: noon.Add(-1)}, true},
		"all but one":           {binding.Filter{Number: b.A, X: x, Order: "other", After: "a", LiveAt: noon.Add(-1)}, false},
	} {
		if got := test.filter.Match(&b); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestFilterMatchesY(t *testing.T) {
	b := binding.Binding{ID: "a", X: x, Y: y}
	if f := (binding.Filter{X: y}); !f.Match(&b) {
		t.Error("the second number is not found")
	}
}

func TestFilterListed(t *testing.T) {
	a, b := binding.Binding{ID: "a", X: x, CreatedAt: noon}, binding.Binding{ID: "b", X: x, CreatedAt: noon.Add(time.Second)}
	if f := (binding.Filter{LiveAt: noon}); f.Newest() || f.Listed(&a, &b) >= 0 || f.Listed(&b, &a) <= 0 {
		t.Error("not in the order of ids")
	}
	for _, f := range []binding.Filter{{Number: number(t, digitsC)}, {X: x}, {Order: "o"}, {Consent: "c"}} {
		if !f.Newest() || f.Listed(&a, &b) <= 0 || f.Listed(&b, &a) >= 0 || f.Listed(&a, &a) != 0 {
			t.Errorf("%+v: not the newest first", f)
		}
	}
}
