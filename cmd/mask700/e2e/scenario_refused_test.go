package e2e

import (
	"testing"

	"mask700/binding"
	"mask700/binding/cdr"
)

// refused is a call that is answered here: nothing rings.
type refused struct {
	name   string
	caller string
	dial   string // empty: the world's 700 number
	setup  setup
	bind   []string
	status int
	q850   int // 0: not looked at
	why    binding.Refusal
	end    string // empty: refused
}

// TestRefused: each leaves its record, and the far side hears nothing.
func TestRefused(t *testing.T) {
	need(t, "sipp")
	rows := []refused{
		{name: "only the other may call", caller: "caller-rejected", bind: []string{"--one-way", "b-to-a"},
			status: 403, q850: 21, why: binding.RefusalOneWay},
		{name: "nobody says who calls", caller: "caller-anonymous", status: 404, q850: 1, why: binding.RefusalNoCaller},
		{name: "two say who calls", caller: "caller-of-two-minds", status: 404, q850: 1, why: binding.RefusalNoCaller},
		{name: "identity not where the trunk has it", caller: "caller-not-found", setup: setup{left: "caller: [rpid]"}, status: 404, q850: 1,
			why: binding.RefusalNoCaller},
		{name: "digits missing", caller: "caller-short", dial: block[:9], status: 484, q850: 28, why: binding.RefusalNoBinding},
		{name: "nobody at the target", caller: "caller-failed",
			setup: setup{calleeNet: "tcp"}, status: 500, q850: 3, end: cdr.EndUnavailable},
		{name: "encrypted audio alone", caller: "caller-only-srtp", status: 488, q850: 88, end: cdr.EndFailed},
		{name: "no audio that is known", caller: "caller-only-video", status: 488, q850: 88, end: cdr.EndFailed},
		{name: "extension required", caller: "caller-require", status: 420},
		{name: "100rel required where it is off", caller: "caller-reliable-refused",
			setup: setup{left: "reliable: off"}, status: 420},
		{name: "body of text", caller: "caller-text-body", status: 415},
		{name: "no hops left", caller: "caller-last-hop", status: 483},
		{name: "Request-URI of another scheme", caller: "caller-scheme", status: 416},
		{name: "INVITE cut off", caller: "caller-cut-off", status: 400},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.at(newWorld(t))
		})
	}
}

func (r refused) at(w *world) {
	t := w.t
	t.Helper()
	w.serve(r.setup)
	w.bind(w.caller.number, w.callee.number, w.x, r.bind...)
	silent := w.listen()
	p := play{caller: r.caller}
	if r.dial != "" {
		p.dials = []string{r.dial}
	}
	o := w.play(p)
	if o.callerStatus != 0 {
		t.Errorf("the caller's SIPp ended with %d", o.callerStatus)
	}
	if got := silent(); got != "" {
		t.Errorf("the callee's phone was sent %q", got)
	}
	w.unseen(o)
	records := w.records()
	if len(records) != 1 {
		t.Fatalf("%d records of one call", len(records))
	}
	want := ending{end: or(r.end, cdr.EndRefused), releasedBy: cdr.ByPlatform, status: r.status, q850: r.q850, refusal: r.why}
	want.agrees(t, records[0])
	w.shut(w.caller.number, w.callee.number, w.forwarder)
}
