package gateway

import (
	"context"
	"testing"

	"mask700/binding"
	"mask700/binding/bindingtest"
	"mask700/binding/cdr"
	"mask700/binding/rule"
)

// refusesAll is a rule that lets nobody pass, and hands on what it was asked.
type refusesAll struct {
	asked chan rule.Attempt
	done  chan string
}

func newRefusesAll() *refusesAll {
	return &refusesAll{asked: make(chan rule.Attempt, 8), done: make(chan string, 8)}
}

func (r *refusesAll) Judge(_ context.Context, a *rule.Attempt) rule.Verdict {
	r.asked <- *a
	return rule.Verdict{Refusal: binding.RefusalCapped, Rule: "pair", Shadow: []string{"caller", "x"}, Evidence: "ticket 7"}
}

func (r *refusesAll) Done(c *cdr.Record) { r.done <- c.ID }

// TestRuleRefusesAParty: it is asked once, with the edge, answers 403 and is named by the record, whose end it hears.
func TestRuleRefusesAParty(t *testing.T) {
	r := newRefusesAll()
	w := newWorldWith(t, func(o *Options) { o.Rules = rule.Chain{r} })
	w.send(w.peer, w.request("INVITE", "capped", alice, x, offer))
	if final := w.expect(403, "INVITE"); final.Q850 != 21 {
		t.Errorf("cause %d, want 21", final.Q850)
	}
	a := <-r.asked
	if a.Kind != rule.Call || a.Probe || a.Edge.Callee != a.Binding.B || a.Edge.Caller != a.Query.Caller {
		t.Errorf("the rule is asked about a %v, probe %v", a.Kind, a.Probe)
	}
	closed := w.journal.Closed()
	if len(closed) != 1 || closed[0].Refusal != binding.RefusalCapped || closed[0].Rule != "pair" || closed[0].Shadow != "caller,x" ||
		closed[0].Evidence != "ticket 7" || closed[0].Binding != a.Binding.ID || closed[0].ID != a.Record {
		t.Errorf("records: %+v, asked for %s", closed, a.Record)
	}
	if got := <-r.done; got != a.Record || len(r.done) != 0 {
		t.Errorf("told of the end of %s and %d more, want %s alone", got, len(r.done), a.Record)
	}
}

// TestRuleIsNotAskedOfStrangers: nothing is matched, so that nothing of theirs is counted; they hear what they always
// do, and so does a stranger whom a rule keeps from a number that is for anyone.
func TestRuleIsNotAskedOfStrangers(t *testing.T) {
	r := newRefusesAll()
	w := newWorldWith(t, func(o *Options) {
		o.Rules = rule.Chain{r}
		s := &bindingtest.Store{}
		service := binding.Service{Store: s, Plan: binding.Plan{Strangers: true}}
		if _, err := service.AddBlock(t.Context(), "70010000001"); err != nil {
			t.Fatal(err)
		}
		if _, err := service.Create(t.Context(), binding.Request{Mode: "ax", A: alice, X: "700100000010008", Order: "T-2"}); err != nil {
			t.Fatal(err)
		}
		o.Bindings, o.Plan = s, service.Plan
	})
	w.send(w.peer, w.request("INVITE", "unbound", bob, x, offer))
	unbound := w.expect(404, "INVITE")
	<-r.done
	if len(r.asked) != 0 {
		t.Error("the rule was asked about a call without an edge")
	}
	w.send(w.peer, w.request("INVITE", "anyone", bob, "700100000010008", offer))
	refused := w.expect(404, "INVITE")
	<-r.done
	if len(r.asked) != 1 {
		t.Errorf("the rule was asked %d times about a call for anyone", len(r.asked))
	}
	if unbound.Q850 != refused.Q850 {
		t.Errorf("causes %d and %d tell the two apart", unbound.Q850, refused.Q850)
	}
	closed := w.journal.Closed()
	if len(closed) != 2 || closed[1].Refusal != binding.RefusalCapped {
		t.Errorf("records: %+v", closed)
	}
}

// TestSuspendedTenantsPartyIsRefused: the rule itself, and not one made for the test. Another tenant's calls go on.
func TestSuspendedTenantsPartyIsRefused(t *testing.T) {
	w := newWorldWith(t, func(o *Options) {
		o.Rules = rule.Chain{rule.Tenants{Tenant: func(name string) (binding.Tenant, bool) {
			state := binding.TenantActive
			if name == binding.DefaultTenant {
				state = binding.TenantSuspended
			}
			return binding.Tenant{Name: name, State: state}, true
		}}}
	})
	w.send(w.peer, w.request("INVITE", "suspended", alice, x, offer))
	if final := w.expect(403, "INVITE"); final.Q850 != 21 {
		t.Errorf("cause %d, want 21", final.Q850)
	}
	w.send(w.peer, w.request("INVITE", "stranger", "13700000007", x, offer))
	w.expect(404, "INVITE")
	closed := w.journal.Closed()
	if len(closed) != 2 || closed[0].Refusal != binding.RefusalSuspended || closed[0].Rule != rule.NameTenant || closed[1].Refusal != binding.RefusalNoBinding {
		t.Errorf("records: %+v", closed)
	}
}

// TestBlockedPartyIsRefused: who is barred hears 403, and the call is carried once the entry is removed.
func TestBlockedPartyIsRefused(t *testing.T) {
	lists := new(bindingtest.Store)
	service := binding.Service{Store: lists}
	bar, err := service.AddBar(t.Context(), lists, binding.BarRequest{Number: alice, Peer: bob, Direction: binding.BarFrom, Reason: "harassment"})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldWith(t, func(o *Options) { o.Rules = rule.Chain{rule.Bars{Store: lists}} })
	w.send(w.peer, w.request("INVITE", "blocked", alice, x, offer))
	if final := w.expect(403, "INVITE"); final.Q850 != 21 {
		t.Errorf("cause %d, want 21", final.Q850)
	}
	closed := w.journal.Closed()
	if len(closed) != 1 || closed[0].Refusal != binding.RefusalBlocked || closed[0].Rule != rule.NameBars || closed[0].Evidence != "entry "+bar.ID {
		t.Errorf("records: %+v", closed)
	}
	if _, err := lists.RemoveBar(t.Context(), bar.ID); err != nil {
		t.Fatal(err)
	}
	w.send(w.peer, w.request("INVITE", "free", alice, x, offer))
	w.expect(0, "INVITE") // on its way to the callee
}
