package e2e

import (
	"testing"

	"mask700/binding"
)

// TestModes carries a call of every mode but axb, which all others are of: the phone that rings sees the number that the
// mode says, and neither is sent anything of the other.
func TestModes(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	for _, m := range []struct {
		name    string
		reverse bool // B of the binding calls, in ax and axe somebody
		second  bool // Y is dialled
		digits  string
		sees    string // x or y
		flags   func(w *world) []string
	}{
		{name: "axyb", sees: "y", flags: func(*world) []string { return []string{"--mode", "axyb"} }},
		{name: "axyb, back", reverse: true, second: true, sees: "x", flags: func(*world) []string { return []string{"--mode", "axyb"} }},
		{name: "gxb", sees: "x", flags: func(w *world) []string {
			return []string{"--mode", "gxb", "--group", w.forwarder + "," + w.caller.number}
		}},
		{name: "gxyb, back", reverse: true, second: true, sees: "x", flags: func(w *world) []string {
			return []string{"--mode", "gxyb", "--group", w.callee.number + "," + w.onward}
		}},
		{name: "ax", reverse: true, sees: "x", flags: func(w *world) []string { return []string{"--mode", "ax", "--b", w.onward} }},
		{name: "axe", reverse: true, digits: "1234", sees: "x", flags: func(w *world) []string {
			return []string{"--mode", "axe", "--b", w.onward, "--extension", "1234"}
		}},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.serveWith(w.config(setup{})+"numbering: {allow_strangers: true}\n", setup{})
			w.run("block", "add", block)
			y := block + digits(4)
			for y == w.x {
				y = block + digits(4)
			}
			flags := m.flags(w)
			if m.second || m.sees == "y" {
				flags = append(flags, "--y", y)
			}
			a, b := w.caller.number, w.callee.number
			if m.reverse {
				a, b = b, a
			}
			id := w.bind(a, b, w.x, flags...)
			dialled, sees := w.x, w.x
			if m.second {
				dialled = y
			}
			if m.sees == "y" {
				sees = y
			}
			p := pair("caller-bye", "callee-answer")
			p.lines = func(_ *world, caller, callee []string) { caller[1], callee[1] = dialled+m.digits, sees }
			o := w.play(p)
			if o.callerStatus != 0 || o.calleeStatus != 0 {
				t.Errorf("the caller's SIPp ended with %d, the callee's with %d", o.callerStatus, o.calleeStatus)
			}
			w.unseen(o)
			records := w.records()
			if len(records) != 1 {
				t.Fatalf("%d records", len(records))
			}
			r := records[0]
			callerHangsUp.agrees(t, r)
			if r.Binding != id || r.Refusal != binding.RefusalNone || r.CalleeIn != dialled || r.CallerOut != sees ||
				r.CallerIn != masked(w.caller.number) || r.CalleeOut != masked(w.callee.number) {
				t.Errorf("record: %+v", r)
			}
			w.shut(w.caller.number, w.callee.number, w.forwarder, w.onward)
		})
	}
}
