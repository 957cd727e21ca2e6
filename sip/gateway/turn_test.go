package gateway

import (
	"context"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/bindingtest"
	"mask700/binding/rule"
	"mask700/sip/message"
)

// refusesOne lets anybody be called but one.
type refusesOne struct {
	*refusesAll
	callee binding.Number
}

func (r refusesOne) Judge(ctx context.Context, a *rule.Attempt) rule.Verdict {
	v := r.refusesAll.Judge(ctx, a)
	if a.Edge.Callee != r.callee {
		return rule.Verdict{Evidence: "allow " + a.Edge.Callee.Digits()[11:]}
	}
	return v
}

// TestTheNextInTurnIsJudged: the rules are asked about each who is called, with the binding and the record of the call, and
// not about who is not; the one they refuse is passed over, and the record says why.
func TestTheNextInTurnIsJudged(t *testing.T) {
	const x = "700100000010009"
	r := refusesOne{refusesAll: newRefusesAll()}
	var bound binding.Binding
	w := newWorldWith(t, func(o *Options) {
		s := &bindingtest.Store{}
		service := binding.Service{Store: s}
		if _, err := service.AddBlock(t.Context(), "70010000001"); err != nil {
			t.Fatal(err)
		}
		var err error
		bound, err = service.Create(t.Context(), binding.Request{
			Mode: "gxb", Group: []string{"13700000001", "13700000002", "13700000003", "13700000004"}, B: alice, X: x, Back: string(binding.BackInTurn), Order: "T-3",
		})
		if err != nil {
			t.Fatal(err)
		}
		r.callee = bound.Group[1]
		o.Bindings, o.TurnTimeout, o.Rules = s, 20*time.Second, rule.Chain{&r}
	})
	w.send(w.peer, w.request("INVITE", "in-turn", alice, x, offer))
	for range 3 {
		busy := message.Response{Echo: w.asked("INVITE").Echo(w.gateway.Addr(0)), Status: 486, ToTag: "callee"}
		w.send(w.peer, string(busy.Append(nil)))
	}
	w.expect(486, "INVITE")

	closed := w.journal.Closed()
	const evidence = "allow 01; no. 2 passed over: capped, pair, ticket 7; allow 03; allow 04"
	if len(closed) != 1 || closed[0].Evidence != evidence || closed[0].Rule != "" || closed[0].Shadow != "caller,x" || closed[0].CalleeOut.Number != bound.Group[3] {
		t.Fatalf("%d records: %q, rule %q, shadow %q, to %v", len(closed), closed[0].Evidence, closed[0].Rule, closed[0].Shadow, closed[0].CalleeOut)
	}
	for i, n := range bound.Group {
		a := <-r.asked
		if a.Edge.Callee != n || a.Turn != (i > 0) || a.Record != closed[0].ID || a.Binding.ID != bound.ID || a.Query.Caller != bound.B || a.Query.Dialled.String() != x {
			t.Errorf("no. %d: asked about %v, turn %t, record %s", i+1, a.Edge.Callee, a.Turn, a.Record)
		}
	}
	if len(r.asked) != 0 {
		t.Error("asked about more than are called")
	}
}
