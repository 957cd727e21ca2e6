package e2e

import (
	"fmt"
	"strings"
	"testing"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/cmd/mask700/consult/consulttest"
)

// TestVerification: the platform is asked about a call of a party and about no other, is told no real number, and its no
// is a 403 whose record has its ticket.
func TestVerification(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	p := consulttest.New(t)
	w := newWorld(t)
	w.serveWith(w.config(setup{})+fmt.Sprintf("verification: {url: %q}\n", p.URL), setup{})
	w.run("block", "add", block)
	w.bind(w.caller.number, w.callee.number, w.x)
	silent := w.listen()

	p.Answer(200, `{"allow":false,"ticket":"V-1"}`)
	if o := w.play(play{caller: "caller-rejected"}); o.callerStatus != 0 {
		t.Errorf("the caller's SIPp ended with %d", o.callerStatus)
	}
	if o := w.play(play{caller: "caller-not-found", dials: []string{block + "0001"}}); o.callerStatus != 0 {
		t.Errorf("the caller's SIPp ended with %d when it dialled what is not bound", o.callerStatus)
	}
	p.Hang()
	if o := w.play(play{caller: "caller-rejected"}); o.callerStatus != 0 {
		t.Errorf("the caller's SIPp ended with %d where the platform did not answer", o.callerStatus)
	}
	if got := silent(); got != "" {
		t.Errorf("the callee's phone was sent %q", got)
	}
	asked := p.Asked()
	if len(asked) != 2 {
		t.Fatalf("asked %d times about two calls of a party and one of a stranger", len(asked))
	}
	if q := asked[0]; q.Kind != "call" || q.Dialled != w.x || q.Shown != w.x || q.Caller != "" || q.Callee != "" || q.Order == "" {
		t.Errorf("asked about %s shown as %s", q.Dialled, q.Shown)
	}
	records := w.records()
	if len(records) != 3 {
		t.Fatalf("%d records of three calls", len(records))
	}
	ending{end: cdr.EndRefused, releasedBy: cdr.ByPlatform, status: 403, q850: 21, refusal: binding.RefusalUnverified}.agrees(t, records[0])
	if r := records[0]; r.Rule != "verification" || r.Evidence != "deny V-1" || r.ID != asked[0].ID {
		t.Errorf("the record has rule %q, evidence %q", r.Rule, r.Evidence)
	}
	if out := w.run("call", "get", records[0].ID); !strings.Contains(out, "evidence  deny V-1\n") {
		t.Errorf("no evidence in\n%s", out)
	}
	ending{end: cdr.EndRefused, releasedBy: cdr.ByPlatform, status: 403, q850: 21, refusal: binding.RefusalUnverified}.agrees(t, records[2])
	if r := records[2]; r.Evidence != "unasked timeout, closed" {
		t.Errorf("the record of a call that nobody answered about has evidence %q", r.Evidence)
	}
	w.shut(w.caller.number, w.callee.number)
}

// TestRemote: a call to a number on which nothing is stored goes where the endpoint says; `explain` asks it the same.
func TestRemote(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	p := consulttest.New(t)
	w := newWorld(t)
	w.serveWith(w.config(setup{})+fmt.Sprintf("remote: [{name: rides, blocks: [%q], url: %q}]\n", block, p.URL), setup{})
	w.run("block", "add", block)
	p.Answer(200, fmt.Sprintf(`{"action":"connect","callee":%q,"order":"R-7","binding":"ride"}`, w.callee.number))

	told := w.run("explain", "--caller", w.caller.number, "--dialled", w.x)
	if !strings.Contains(told, "connected by binding ride") || !strings.Contains(told, "asked remote rides") {
		t.Errorf("explain says:\n%s", told)
	}
	o := w.play(pair("caller-bye", "callee-answer"))
	if o.callerStatus != 0 || o.calleeStatus != 0 {
		t.Errorf("the caller's SIPp ended with %d, the callee's with %d", o.callerStatus, o.calleeStatus)
	}
	w.unseen(o)
	asked := p.Asked()
	if len(asked) != 2 || !asked[0].Probe || asked[1].Probe || asked[1].Dialled != w.x || !strings.HasSuffix(asked[1].Caller, w.caller.number) {
		t.Errorf("asked %d times", len(asked))
	}
	records := w.records()
	if len(records) != 1 {
		t.Fatalf("%d records of one call", len(records))
	}
	r := records[0]
	callerHangsUp.agrees(t, r)
	if r.Binding != "ride" || r.Order != "R-7" || r.Evidence != "remote rides" || r.CalleeOut != masked(w.callee.number) {
		t.Errorf("record: binding %q, order %q, evidence %q", r.Binding, r.Order, r.Evidence)
	}
	w.shut(w.caller.number, w.callee.number)
}
