package binding_test

import (
	"reflect"
	"testing"

	"mask700/binding"
)

func TestEdgesOfAXB(t *testing.T) {
	a, b := number(t, digitsA), number(t, digitsB)
	for oneWay, forbidden := range map[binding.OneWay][2]bool{
		binding.BothWays:   {false, false},
		binding.OneWayAToB: {false, true},
		binding.OneWayBToA: {true, false},
		"sideways":         {true, true},
	} {
		row := pair(t)
		row.OneWay = oneWay
		want := []binding.Edge{
			{Dialled: x, Caller: a, Callee: b, Shown: x, Forbidden: forbidden[0]},
			{Dialled: x, Caller: b, Callee: a, Shown: x, Forbidden: forbidden[1]},
		}
		if got := row.Edges(); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: edges are %+v, want %+v", oneWay, got, want)
		}
	}
}

func TestNoEdges(t *testing.T) {
	for name, change := range map[string]func(*binding.Binding){
		"no mode":        func(b *binding.Binding) { b.Mode = "" },
		"unknown mode":   func(b *binding.Binding) { b.Mode = "hologram" },
		"axyb without y": func(b *binding.Binding) { b.Mode = binding.ModeAXYB },
		"axyb, y is x":   func(b *binding.Binding) { b.Mode, b.Y = binding.ModeAXYB, b.X },
		"gxb of nobody":  func(b *binding.Binding) { b.Mode = binding.ModeGXB },
		"gxb without b": func(b *binding.Binding) {
			b.Mode, b.Group, b.B = binding.ModeGXB, []binding.Number{b.A}, binding.Number{}
		},
		"gxyb without y": func(b *binding.Binding) { b.Mode, b.Group = binding.ModeGXYB, []binding.Number{b.A} },
		"ax without a":   func(b *binding.Binding) { b.Mode, b.A = binding.ModeAX, binding.Number{} },
		"ax, extension":  func(b *binding.Binding) { b.Mode, b.Extension = binding.ModeAX, "12" },
		"ax, one-way":    func(b *binding.Binding) { b.Mode, b.OneWay = binding.ModeAX, binding.OneWayAToB },
		"axe without":    func(b *binding.Binding) { b.Mode = binding.ModeAXE },
		"remote, no b":   func(b *binding.Binding) { b.Mode, b.B = binding.ModeRemote, binding.Number{} },
		"no number":      func(b *binding.Binding) { b.X = 0 },
		"no a":           func(b *binding.Binding) { b.A = binding.Number{} },
		"no b":           func(b *binding.Binding) { b.B = binding.Number{} },
	} {
		row := pair(t)
		change(&row)
		if got := row.Edges(); got != nil {
			t.Errorf("%s: edges are %+v", name, got)
		}
	}
}

func TestEdgesAreTheCallersOwn(t *testing.T) {
	row := pair(t)
	first := row.Edges()
	first[0].Shown = 0
	_ = append(first, binding.Edge{})
	if second := row.Edges(); second[0].Shown != x || len(second) != 2 {
		t.Error("a change of what was returned changed the binding")
	}
}
