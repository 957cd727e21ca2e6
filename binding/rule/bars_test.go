package rule_test

import (
	"errors"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/bindingtest"
	"mask700/binding/rule"
)

func TestBars(t *testing.T) {
	store := new(bindingtest.Store)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := &binding.Service{Store: store, Now: func() time.Time { return now }}
	number := func(text string) binding.Number {
		n, err := s.Plan.ParseNumber(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	a, b := number("13800000001"), number("13900000002")
	judge := rule.Bars{Store: store}
	verdict := func(kind rule.Kind, caller, callee binding.Number) rule.Verdict {
		return judge.Judge(t.Context(), &rule.Attempt{
			Kind: kind, Query: binding.Query{Caller: caller, At: now}, Edge: binding.Edge{Callee: callee}, Binding: &binding.Binding{Tenant: "default"},
		})
	}
	if v := verdict(rule.Call, a, b); v.Refusal != "" || v.Evidence != "" {
		t.Errorf("of an empty list: %+v", v)
	}
	bar, err := s.AddBar(t.Context(), store, binding.BarRequest{
		Number: "13800000001", Peer: "+86 139 0000 0002", Direction: binding.BarFrom, Until: now.Add(time.Hour), Reason: "harassment",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []rule.Kind{rule.Call, rule.Text} {
		if v := verdict(kind, a, b); v.Refusal != binding.RefusalBlocked || v.Rule != rule.NameBars || v.Evidence != "entry "+bar.ID {
			t.Errorf("%v: %+v", kind, v)
		}
		if v := verdict(kind, b, a); v.Refusal != "" {
			t.Errorf("%v the other way: %+v", kind, v)
		}
	}
	store.Fail(errors.New("the disk"))
	if v := verdict(rule.Call, b, a); v.Refusal != binding.RefusalUnverified || v.Rule != rule.NameBars {
		t.Errorf("where the lists cannot be read: %+v", v)
	}
	store.Fail(nil)
	now = now.Add(time.Hour)
	if v := verdict(rule.Call, a, b); v.Refusal != "" {
		t.Errorf("when it is over: %+v", v)
	}
}
