package main

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"mask700/binding"
	"mask700/cmd/mask700/admin"
)

// TestModes makes a binding of each mode and reads its legs back.
func TestModes(t *testing.T) {
	const c = "13700000001"
	leg := func(caller, dials, rings, shows string) string {
		return caller + " " + dials + " " + rings + " " + shows
	}
	mA, mB, mC := "138****0001", "139****0002", "137****0001"
	bothWays(t, func(t *testing.T, d *desk) {
		d.must("block", "add", block)
		for _, tc := range []struct {
			mode string
			args []string
			legs []string // x and y are the numbers of the binding
		}{
			{"axyb", []string{"--a", numberA, "--b", numberB}, []string{leg(mA, "x", mB, "y"), leg(mB, "y", mA, "x")}},
			{"gxb", []string{"--group", numberA + "," + c, "--b", numberB}, []string{leg(mA, "x", mB, "x"), leg(mC, "x", mB, "x")}},
			{"gxb", []string{"--group", numberA + "," + c, "--b", numberB, "--a", c},
				[]string{leg(mA, "x", mB, "x"), leg(mC, "x", mB, "x"), leg(mB, "x", mC, "x")}},
			{"gxyb", []string{"--group", numberA + "," + c, "--b", numberB, "--a", numberA},
				[]string{leg(mA, "x", mB, "y"), leg(mC, "x", mB, "y"), leg(mB, "y", mA, "x")}},
		} {
			var v binding.View
			d.mustJSON(&v, append([]string{"binding", "create", "--order", "o", "--mode", tc.mode}, tc.args...)...)
			number := func(x binding.X) string { return map[binding.X]string{v.X: "x", v.Y: "y"}[x] }
			var got []string
			for _, l := range v.Legs {
				got = append(got, leg(string(l.Caller), number(l.Dials), string(l.Rings), number(l.Shows)))
			}
			if strings.Join(got, ", ") != strings.Join(tc.legs, ", ") || string(v.Mode) != tc.mode {
				t.Errorf("%s: made %+v with legs %v, want %v", tc.mode, v, got, tc.legs)
			}
			var again binding.View
			d.mustJSON(&again, "binding", "get", v.ID)
			if len(again.Legs) != len(v.Legs) || again.Y != v.Y {
				t.Errorf("%s: got %+v", tc.mode, again)
			}
			if out := d.must("binding", "get", v.ID); strings.Count(out, " rings and shows ") != len(tc.legs) {
				t.Errorf("%s: printed\n%s", tc.mode, out)
			}
			d.must("binding", "delete", v.ID)
		}
		if out := d.must("binding", "list"); !strings.Contains(out, "2 members") || !strings.Contains(out, mC+" of 2") {
			t.Errorf("groups are listed as\n%s", out)
		}
		row := `{"mode":"gxyb","group":["` + numberA + `","` + c + `"],"b":"` + numberB + `","x":"` + x + `","y":"` + block + `0001","order":"o"}`
		a := d.feed(row+"\n", "binding", "create", "--from", "-", "-o", "json")
		var r admin.BatchResult
		if err := json.Unmarshal([]byte(a.out), &r); err != nil || r.Binding == nil || r.Binding.Y.String() != block+"0001" || len(r.Binding.Legs) != 2 {
			t.Errorf("a row of a batch: %v %+v", err, a)
		}
	})
}

// TestStrangers: the modes that connect anyone are there once the configuration says so.
func TestStrangers(t *testing.T) {
	d := newDesk(t)
	if err := os.WriteFile("mask700.yaml", []byte("numbering: {allow_strangers: true}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.must("block", "add", block)
	var v binding.View
	d.mustJSON(&v, "binding", "create", "--mode", "axe", "--a", numberA, "--extension", "1234", "--x", x, "--order", "o")
	if len(v.Legs) != 1 || !reflect.DeepEqual(v.Legs[0], binding.Leg{Caller: binding.Anyone, Dials: v.X, Extension: "1234", Rings: "138****0001", Shows: v.X}) {
		t.Errorf("made %+v", v)
	}
	d.refuse(1, "--extension: ", "binding", "create", "--mode", "axe", "--a", numberB, "--extension", "1", "--x", x, "--order", "o")
	d.refuse(1, "--x: who dials this number with these digits is already connected by binding "+v.ID,
		"binding", "create", "--mode", "axe", "--a", numberB, "--extension", "1234", "--x", x, "--order", "o")
	d.must("binding", "create", "--mode", "axe", "--a", numberB, "--extension", "4321", "--x", x, "--order", "o")
	for dialled, says := range map[string]string{
		x + ",1234": "138****0001 rings",
		x + "4321":  "139****0002 rings",
		x:           "its extension was not dialled",
		x + "p11":   "it has another extension",
	} {
		if out := d.must("explain", "--caller", "13700000001", "--dialled", dialled); !strings.Contains(out, says) {
			t.Errorf("%s: no %q in\n%s", dialled, says, out)
		}
	}
}

// TestWhoRingsInTurnIsPrinted: a person sees in which order.
func TestWhoRingsInTurnIsPrinted(t *testing.T) {
	var b strings.Builder
	err := printBinding(&b, binding.View{Legs: []binding.Leg{{Caller: "139****0002", Rings: "138****0001", Then: []binding.Masked{"138****0003", "138****0004"}}}})
	if err != nil || !strings.Contains(b.String(), ", then 138****0003, then 138****0004\n") {
		t.Errorf("printed %q, %v", b.String(), err)
	}
}
