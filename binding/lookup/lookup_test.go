package lookup_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/bindingtest"
	"mask700/binding/cdr"
	"mask700/binding/lookup"
	"mask700/binding/rule"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is a store with a path over it.
type world struct {
	t       *testing.T
	store   *bindingtest.Store
	service *binding.Service
	path    lookup.Path
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, store: new(bindingtest.Store)}
	w.service = &binding.Service{Store: w.store, Now: func() time.Time { return now }}
	w.path = lookup.Path{Store: w.store, Rules: rule.Chain{rule.Bars{Store: w.store}}}
	if _, err := w.service.AddBlock(t.Context(), "70010000001"); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) number(text string) binding.Number {
	w.t.Helper()
	n, err := w.service.Plan.ParseNumber(text)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *world) decide(caller string, x binding.X) lookup.Answer {
	w.t.Helper()
	q := binding.Query{Dialled: x, Caller: w.number(caller), At: now}
	found, err := w.path.Find(w.t.Context(), &q)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.path.Decide(w.t.Context(), &lookup.Attempt{Record: "record", Query: q}, found)
}

// TestWhoIsSparedIsLeftOut: of those who are called one after the other nobody is who has the caller on a block list; where
// that is all of them, the call is refused.
func TestWhoIsSparedIsLeftOut(t *testing.T) {
	w := newWorld(t)
	const caller = "13900000009"
	members := []string{"13800000001", "13800000002", "13800000003"}
	b, err := w.service.Create(t.Context(), binding.Request{Mode: "gxb", Group: members, B: caller, Back: string(binding.BackInTurn), Order: "T-1"})
	if err != nil {
		t.Fatal(err)
	}
	rings := func(want ...string) {
		t.Helper()
		a := w.decide(caller, b.X)
		var got []binding.Number
		if a.Decision.Refusal == "" {
			got = append([]binding.Number{a.Decision.Edge.Callee}, a.Decision.Next...)
		}
		var numbers []binding.Number
		for _, n := range want {
			numbers = append(numbers, w.number(n))
		}
		if !slices.Equal(got, numbers) {
			t.Errorf("%d ring, want %d; refused as %q by %q", len(got), len(numbers), a.Decision.Refusal, a.Verdict.Rule)
		}
		if len(want) == 0 && (a.Decision.Refusal != binding.RefusalBlocked || a.Verdict.Rule != rule.NameBars || a.Decision.Next != nil) {
			t.Errorf("refused as %q by %q", a.Decision.Refusal, a.Verdict.Rule)
		}
	}
	rings(members...)
	for i, left := range [][]string{{members[0], members[2]}, {members[2]}, nil} {
		_, err := w.service.AddBar(t.Context(), w.store, binding.BarRequest{
			Number: []string{members[1], members[0], members[2]}[i], Peer: caller, Direction: binding.BarTo, Reason: "asked to be left in peace",
		})
		if err != nil {
			t.Fatal(err)
		}
		rings(left...)
	}
	if a := w.decide(members[0], b.X); a.Decision.Refusal != "" || a.Decision.Next != nil {
		t.Errorf("a member: %q, %d follow", a.Decision.Refusal, len(a.Decision.Next))
	}
}

// calls fail to say who called last.
type calls struct{ err error }

func (c calls) LastCaller(context.Context, string, binding.Number, time.Time) (binding.Number, error) {
	return binding.Number{}, c.err
}

// never is a rule that must not be asked.
type never struct{ t *testing.T }

func (n never) Judge(context.Context, *rule.Attempt) rule.Verdict {
	n.t.Error("the rules are asked about what has failed")
	return rule.Verdict{}
}
func (never) Done(*cdr.Record) {}

// TestWhatFailsRefusesNobody: an error of the store is one, and no rule is asked any more.
func TestWhatFailsRefusesNobody(t *testing.T) {
	w := newWorld(t)
	w.path.Rules, w.path.Calls = rule.Chain{never{t}}, calls{errors.New("the disk")}
	b, err := w.service.Create(t.Context(), binding.Request{Mode: "gxb", Group: []string{"13800000001", "13800000002"}, B: "13900000009", Back: string(binding.BackLast), Order: "T-1"})
	if err != nil {
		t.Fatal(err)
	}
	if a := w.decide("13900000009", b.X); a.Err == nil || a.Verdict.Refusal != "" {
		t.Errorf("%+v", a.Verdict)
	}
	w.store.Fail(errors.New("the disk"))
	if _, err := w.path.Find(t.Context(), &binding.Query{Dialled: b.X, At: now}); err == nil {
		t.Error("found on a disk that fails")
	}
}
