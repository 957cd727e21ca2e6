package lookup_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/bindingtest"
	"mask700/binding/cdr"
	"mask700/binding/limit"
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

// TestWhoIsRefusedIsPassedOver: of those who are called one after the other nobody is who has the caller on a block list; where
// that is all of them, the call is refused. Each is judged when its turn comes, and a probe is told of those who are left.
func TestWhoIsRefusedIsPassedOver(t *testing.T) {
	w := newWorld(t)
	const caller = "13900000009"
	members := []string{"13800000001", "13800000002", "13800000003"}
	b, err := w.service.Create(t.Context(), binding.Request{Mode: "gxb", Group: members, B: caller, Back: string(binding.BackInTurn), Order: "T-1"})
	if err != nil {
		t.Fatal(err)
	}
	q := binding.Query{Dialled: b.X, Caller: w.number(caller), At: now}
	turn := func(callee string) rule.Verdict {
		t.Helper()
		e := binding.Edge{Dialled: b.X, Caller: q.Caller, Callee: w.number(callee), Shown: b.X}
		v, err := w.path.Turn(t.Context(), &lookup.Attempt{Record: "record", Query: q}, b.ID, e)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	rings := func(words string, want ...string) {
		t.Helper()
		a := w.decide(caller, b.X)
		var got []string
		for _, m := range members {
			n := w.number(m)
			if called := n == a.Decision.Edge.Callee; called || slices.Contains(a.Decision.Next, n) && turn(m).Refusal == "" {
				got = append(got, m)
			}
		}
		if !slices.Equal(got, want) || a.Verdict.Evidence != words {
			t.Errorf("%d ring, want %d; refused as %q by %q, %q, want %q", len(got), len(want), a.Decision.Refusal, a.Verdict.Rule, a.Verdict.Evidence, words)
		}
		found, err := w.path.Find(t.Context(), &q)
		if err != nil {
			t.Fatal(err)
		}
		told := w.path.Decide(t.Context(), &lookup.Attempt{Query: q}, found).Decision
		if len(want) == 0 {
			if a.Decision.Refusal != binding.RefusalBlocked || a.Verdict.Rule != rule.NameBars || a.Decision.Next != nil || told.Refusal != binding.RefusalBlocked {
				t.Errorf("refused as %q by %q", a.Decision.Refusal, a.Verdict.Rule)
			}
			return
		}
		if told.Edge.Callee != a.Decision.Edge.Callee || len(told.Next) != len(want)-1 {
			t.Errorf("a probe is told of %d who follow, want %d", len(told.Next), len(want)-1)
		}
	}
	bar := func(member string) string {
		t.Helper()
		e, err := w.service.AddBar(t.Context(), w.store, binding.BarRequest{Number: member, Peer: caller, Direction: binding.BarTo, Reason: "asked to be left in peace"})
		if err != nil {
			t.Fatal(err)
		}
		return "blocked, blocklist, entry " + e.ID
	}
	rings("", members...)
	second := bar(members[1])
	rings("", members[0], members[2])
	if v := turn(members[1]); v.PassedOver(2) != "no. 2 passed over: "+second {
		t.Errorf("the second: %+v", v)
	}
	first := bar(members[0])
	rings("no. 1 passed over: "+first+"; no. 2 passed over: "+second, members[2])
	if a := w.decide(caller, b.X); a.Decision.Skipped != 2 {
		t.Errorf("%d come before who is called", a.Decision.Skipped)
	}
	third := bar(members[2])
	rings("no. 1 passed over: " + first + "; no. 2 passed over: " + second + "; no. 3 passed over: " + third)
	if a := w.decide(members[0], b.X); a.Decision.Refusal != "" || a.Decision.Next != nil {
		t.Errorf("a member: %q, %d follow", a.Decision.Refusal, len(a.Decision.Next))
	}
	w.store.Fail(errors.New("the disk"))
	if _, err := w.path.Turn(t.Context(), &lookup.Attempt{Record: "record", Query: q}, b.ID, binding.Edge{}); err == nil {
		t.Error("judged by a store that fails")
	}
}

// refuses says no to everything, and counts how often it is asked.
type refuses struct {
	verdict rule.Verdict
	asked   int
}

func (r *refuses) Judge(context.Context, *rule.Attempt) rule.Verdict {
	r.asked++
	return r.verdict
}
func (*refuses) Done(*cdr.Record) {}

// TestWhatIsRefusedToAnyoneIsAskedOnce: nobody else is looked at where it does not depend on who is called.
func TestWhatIsRefusedToAnyoneIsAskedOnce(t *testing.T) {
	w := newWorld(t)
	b, err := w.service.Create(t.Context(), binding.Request{
		Mode: "gxb", Group: []string{"13800000001", "13800000002", "13800000003"}, B: "13900000009", Back: string(binding.BackInTurn), Order: "T-1",
	})
	if err != nil {
		t.Fatal(err)
	}
	for anyone, want := range map[bool]int{true: 1, false: 3} {
		r := &refuses{verdict: rule.Verdict{Refusal: binding.RefusalCapped, Rule: "caller 1/1h", Anyone: anyone, Shadow: []string{"x"}}}
		w.path.Rules = rule.Chain{r}
		a := w.decide("13900000009", b.X)
		if r.asked != want || a.Decision.Refusal != binding.RefusalCapped || a.Verdict.Rule != "caller 1/1h" || len(a.Verdict.Shadow) != 1 {
			t.Errorf("asked %d times, want %d: %+v", r.asked, want, a.Verdict)
		}
	}
}

// denies says no to some callees, as a platform does that is asked last.
type denies struct {
	refuses
	whom []binding.Number
}

func (d *denies) Judge(_ context.Context, a *rule.Attempt) rule.Verdict {
	d.asked++
	if slices.Contains(d.whom, a.Edge.Callee) {
		return rule.Verdict{Refusal: binding.RefusalUnverified, Rule: "verification"}
	}
	return rule.Verdict{}
}

// TestWhoIsDeniedCountsAsOneCall: a platform passes members of a group over after the limits have counted the call. It stays
// one call of the caller, that goes on once, and not everybody in a large group is asked about.
func TestWhoIsDeniedCountsAsOneCall(t *testing.T) {
	w := newWorld(t)
	const caller = "13900000009"
	var members []string
	for i := range 30 {
		members = append(members, fmt.Sprintf("138000001%02d", i))
	}
	b, err := w.service.Create(t.Context(), binding.Request{Mode: "gxb", Group: members, B: caller, Back: string(binding.BackInTurn), Order: "T-1"})
	if err != nil {
		t.Fatal(err)
	}
	set := limit.Set{Mode: limit.Enforce}
	if set.Rules[limit.Calls], err = limit.ParseRules(limit.Calls, "caller 2/1h, x 2/1h, caller live 1"); err != nil {
		t.Fatal(err)
	}
	limits := limit.New(limit.Options{Memory: 1 << 20})
	if err := limits.Use(set, nil); err != nil {
		t.Fatal(err)
	}
	platform := new(denies)
	w.path.Rules = rule.Chain{limits, platform}
	deny := func(n int) {
		platform.asked, platform.whom = 0, nil
		for _, m := range members[:n] {
			platform.whom = append(platform.whom, w.number(m))
		}
	}
	deny(2)
	a := w.decide(caller, b.X)
	if a.Decision.Refusal != "" || a.Decision.Skipped != 2 || a.Decision.Edge.Callee != w.number(members[2]) || platform.asked != 3 {
		t.Fatalf("refused as %q by %q, %d passed over, asked %d times", a.Decision.Refusal, a.Verdict.Rule, a.Decision.Skipped, platform.asked)
	}
	if n := limits.Stats().Live; n != 1 {
		t.Errorf("%d calls go on", n)
	}
	limits.Done(&cdr.Record{ID: "record"})
	deny(len(members))
	if a := w.decide(caller, b.X); a.Decision.Refusal != binding.RefusalUnverified || platform.asked != rule.MaxAsked {
		t.Errorf("refused as %q by %q, asked %d times", a.Decision.Refusal, a.Verdict.Rule, platform.asked)
	}
	limits.Done(&cdr.Record{ID: "record"})
	deny(0)
	if a := w.decide(caller, b.X); a.Decision.Refusal != binding.RefusalCapped || a.Verdict.Rule != "caller 2/1h" {
		t.Errorf("a third call: %q by %q", a.Decision.Refusal, a.Verdict.Rule)
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
