package gateway

import (
	"strings"
	"testing"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/rule"
	"mask700/sip/call"
	"mask700/sip/message"
)

// text is a MESSAGE of alice's to the 700 number.
func (w *world) text(callID, body string) string {
	m := w.request("MESSAGE", callID, alice, x, body)
	return strings.Replace(m, "Content-Type: application/sdp", "Content-Type: text/plain;charset=utf-8", 1)
}

// TestTextCrosses: what is written reaches the other party from the 700 number, without the sender's number in it; the
// sender hears 202 when it was taken, and the record has no word of it.
func TestTextCrosses(t *testing.T) {
	w := newWorldWith(t, func(o *Options) { o.Texts = call.Texts{On: true} })
	w.send(w.peer, w.text("text", "I am here, call 138 0000 0001 or 13700000003"))
	var out *message.Message
	for out == nil {
		if m := w.receive(); m.IsRequest() && m.Method == "MESSAGE" {
			out = m
		}
	}
	if out.From.URI.User != x || out.Target.User != bob || !strings.HasPrefix(string(out.Body), "I am here, call ") || strings.ContainsAny(string(out.Body), "0123456789") {
		t.Errorf("the text shows %s, and has %d bytes", out.From.URI.User, len(out.Body))
	}
	taken := message.Response{Echo: out.Echo(w.gateway.Addr(0)), Status: 200, ToTag: "bob"}
	w.send(w.peer, string(taken.Append(nil)))
	w.expect(202, "MESSAGE")
	closed := w.journal.Closed()
	if len(closed) != 1 || closed[0].Kind != cdr.KindText || closed[0].SIPStatus != 202 || closed[0].Binding == "" || closed[0].Text.Masked != 2 {
		t.Errorf("records: %+v", closed)
	}
}

// TestTextIsJudged: the rules are told that it is a text.
func TestTextIsJudged(t *testing.T) {
	r := newRefusesAll()
	w := newWorldWith(t, func(o *Options) { o.Texts, o.Rules = call.Texts{On: true}, rule.Chain{r} })
	w.send(w.peer, w.text("text", "hello"))
	if final := w.expect(403, "MESSAGE"); final.Q850 != 21 {
		t.Errorf("cause %d, want 21", final.Q850)
	}
	if a := <-r.asked; a.Kind != rule.Text {
		t.Errorf("the rule is asked about a %v", a.Kind)
	}
	if closed := w.journal.Closed(); len(closed) != 1 || closed[0].Refusal != binding.RefusalCapped || closed[0].Rule != "pair" {
		t.Errorf("records: %+v", closed)
	}
}
