package binding_test

import (
	"errors"
	"testing"
	"time"

	"mask700/binding"
)

func TestCallFrom(t *testing.T) {
	read := func(s string) binding.Number {
		n, err := binding.Plan{}.ParseNumber(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	a, b, g := read("13800000001"), read("13900000002"), read("13700000003")
	x, y := binding.X(700100000010001), binding.X(700100000010002)
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	pair := binding.Binding{ID: "pair", Mode: binding.ModeAXB, X: x, A: a, B: b, CreatedAt: now}
	axyb, oneWay, group, few, ax := pair, pair, pair, pair, pair
	axyb.Mode, axyb.Y = binding.ModeAXYB, y
	oneWay.OneWay = binding.OneWayBToA
	group.Mode, group.A, group.Group = binding.ModeGXB, a, []binding.Number{a, g}
	few.Mode, few.A, few.Group = binding.ModeGXB, binding.Number{}, []binding.Number{a, g}
	ax.Mode, ax.B = binding.ModeAX, binding.Number{}
	for name, c := range map[string]struct {
		binding         binding.Binding
		from            string
		dialled         binding.X
		caller, reaches binding.Number
		shows           binding.X // to who is reached
		refused         bool
	}{
		"a":                     {pair, "a", x, a, b, x, false},
		"nobody said":           {pair, "", x, a, b, x, false},
		"b":                     {pair, "b", x, b, a, x, false},
		"a with two numbers":    {axyb, "a", x, a, b, y, false},
		"b with two numbers":    {axyb, "b", y, b, a, x, false},
		"who may not call":      {oneWay, "a", x, a, b, x, false}, // for the decision to say
		"the default member":    {group, "a", x, a, b, x, false},
		"no default member":     {few, "a", 0, a, b, 0, true},
		"who calls the group":   {group, "b", x, b, a, x, false},
		"who calls who called":  {ax, "a", x, a, binding.Number{}, x, false},
		"nobody there":          {ax, "b", 0, b, a, 0, true},
		"a word that is none":   {pair, "c", 0, a, b, 0, true},
		"another word for that": {pair, "A", 0, a, b, 0, true},
	} {
		e, err := c.binding.CallFrom(c.from)
		var field *binding.FieldError
		switch {
		case c.refused:
			if !errors.As(err, &field) || field.Field != "from" {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case e.Dialled != c.dialled || e.Caller != c.caller || e.Callee != c.reaches || e.Shown != c.shows && !e.Callee.IsZero():
			t.Errorf("%s: %+v", name, e)
		}
	}
}
