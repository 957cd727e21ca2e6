package rule_test

import (
	"errors"
	"fmt"
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

// Of a call that the platform has asked for both are called: who is never to be called is not, whichever comes first.
func TestBarsOfAnOrderedCall(t *testing.T) {
	store := new(bindingtest.Store)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := &binding.Service{Store: store, Now: func() time.Time { return now }}
	number := func(n int) binding.Number {
		got, err := s.Plan.ParseNumber(fmt.Sprintf("1380000%04d", n))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	const left, silent, kept, peer, other = 1, 2, 3, 4, 5
	for _, r := range []binding.BarRequest{
		{Number: "+" + number(left).Digits(), Direction: binding.BarTo, Reason: "never to be called"},
		{Number: "+" + number(silent).Digits(), Direction: binding.BarFrom, Reason: "calls nobody"},
		{Number: "+" + number(kept).Digits(), Peer: "+" + number(peer).Digits(), Direction: binding.BarTo, Reason: "harassment"},
	} {
		if _, err := s.AddBar(t.Context(), store, r); err != nil {
			t.Fatal(err)
		}
	}
	judge := rule.Bars{Store: store}
	for _, test := range []struct {
		first, second  int
		dialled, asked bool // barred where the first has dialled, and where the platform has asked for it
	}{
		{left, other, false, true},
		{other, left, true, true},
		{silent, other, true, true},
		{other, silent, false, true},
		{kept, peer, false, true},
		{peer, kept, true, true},
		{kept, other, false, false},
		{other, peer, false, false},
	} {
		for _, over := range []string{"", "binding"} {
			v := judge.Judge(t.Context(), &rule.Attempt{
				Query: binding.Query{Caller: number(test.first), At: now, Over: over}, Edge: binding.Edge{Callee: number(test.second)},
				Binding: &binding.Binding{Tenant: "default"},
			})
			want := test.dialled
			if over != "" {
				want = test.asked
			}
			if (v.Refusal == binding.RefusalBlocked) != want {
				t.Errorf("%d, %d, over %q: %+v", test.first, test.second, over, v)
			}
		}
	}
}

// After a transfer the one who stays talks with the one who is called: what keeps these two apart refuses it.
func TestBarsOfATransfer(t *testing.T) {
	store := new(bindingtest.Store)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := &binding.Service{Store: store, Now: func() time.Time { return now }}
	const by, stays, called = "13800000001", "13800000002", "13800000003"
	number := func(text string) binding.Number {
		n, err := s.Plan.ParseNumber(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	judge := rule.Bars{Store: store}
	for _, r := range []binding.BarRequest{
		{Number: called, Peer: stays, Direction: binding.BarBoth},
		{Number: called, Peer: stays, Direction: binding.BarTo},
		{Number: stays, Peer: called, Direction: binding.BarTo},
		{Number: stays, Direction: binding.BarFrom},
	} {
		r.Reason = "harassment"
		bar, err := s.AddBar(t.Context(), store, r)
		if err != nil {
			t.Fatal(err)
		}
		for _, joins := range []binding.Number{{}, number(stays)} {
			v := judge.Judge(t.Context(), &rule.Attempt{
				Query: binding.Query{Caller: number(by), At: now, Joins: joins}, Edge: binding.Edge{Callee: number(called)},
				Binding: &binding.Binding{Tenant: "default"},
			})
			if (v.Refusal == binding.RefusalBlocked) == joins.IsZero() {
				t.Errorf("%s, a transfer %v: %+v", r.Direction, !joins.IsZero(), v)
			}
		}
		if _, err := store.RemoveBar(t.Context(), bar.ID); err != nil {
			t.Fatal(err)
		}
	}
}
