package gateway

import (
	"fmt"
	"testing"

	"mask700/binding"
	"mask700/binding/limit"
	"mask700/binding/rule"
	"mask700/sip/message"
)

// TestSixthCallInFiveMinutes: it gets 403, and its record says by which rule; where the rules only report it goes
// through, and its record says so too.
func TestSixthCallInFiveMinutes(t *testing.T) {
	for _, mode := range []limit.Mode{limit.Enforce, limit.Shadow} {
		t.Run(string(mode), func(t *testing.T) {
			j := limit.New(limit.Options{Memory: 1 << 20})
			if err := j.Use(limit.Set{Mode: mode, Rules: limit.Defaults().Rules}, nil); err != nil {
				t.Fatal(err)
			}
			w := newWorldWith(t, func(o *Options) { o.Rules = rule.Chain{j} })
			dial := func(id string) string {
				w.send(w.peer, w.request("INVITE", id, alice, x, offer))
				for {
					switch m := w.receive(); {
					case m.IsRequest() && m.Method == "INVITE":
						busy := message.Response{Echo: m.Echo(w.gateway.Addr(0)), Status: 486, ToTag: "bob"}
						w.send(w.peer, string(busy.Append(nil)))
					case !m.IsRequest() && m.Status >= 200 && m.CallID == id:
						return fmt.Sprint(m.Status, " ", m.Q850)
					}
				}
			}
			for i := range 5 {
				if got := dial(fmt.Sprintf("call-%d", i)); got != "486 17" {
					t.Errorf("%s: call %d is answered %s", mode, i, got)
				}
			}
			last := dial("sixth")
			closed := w.journal.Closed()
			if len(closed) != 6 {
				t.Fatalf("%s: %d records", mode, len(closed))
			}
			r := closed[5]
			if mode == limit.Enforce && (last != "403 21" || r.Refusal != binding.RefusalCapped || r.Rule != "pair 5/5m" || r.Shadow != "") {
				t.Errorf("the sixth call is answered %s, and its record says %q by %q, reported %q", last, r.Refusal, r.Rule, r.Shadow)
			}
			if mode == limit.Shadow && (last != "486 17" || r.Refusal != "" || r.Rule != "" || r.Shadow != "pair 5/5m") {
				t.Errorf("the sixth call is answered %s, and its record says %q by %q, reported %q", last, r.Refusal, r.Rule, r.Shadow)
			}
			if n := j.Stats().Live; n != 0 {
				t.Errorf("%s: %d calls are held as going on after all have ended", mode, n)
			}
		})
	}
}
