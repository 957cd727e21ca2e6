package limit

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/rule"
)

// world is a Judge under a clock of its own, and its attempts.
type world struct {
	testing.TB
	*Judge
	at   time.Time
	next int // of the ids of records
}

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func newWorld(t testing.TB, memory int, s Set) *world {
	t.Helper()
	w := &world{TB: t, at: noon}
	w.Judge = New(Options{Key: [16]byte{7}, Memory: memory, Now: func() time.Time { return w.at }})
	if err := w.Use(s, nil); err != nil {
		t.Fatal(err)
	}
	return w
}

// rules makes a set: of calls, of texts, of all.
func rules(t testing.TB, m Mode, texts ...string) Set {
	t.Helper()
	s := Set{Mode: m}
	for k, text := range texts {
		r, err := ParseRules(Kind(k), text)
		if err != nil {
			t.Fatal(err)
		}
		s.Rules[k] = r
	}
	return s
}

func number(t testing.TB, i int) binding.Number {
	t.Helper()
	n, err := binding.NumberFromDigits(fmt.Sprintf("86138%08d", i))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

const firstX = binding.X(700_100_000_010_000)

// attempt is one by a caller to a callee over the X of that number, for a tenant.
func (w *world) attempt(k rule.Kind, caller, callee, x int, tenant string) *rule.Attempt {
	w.Helper()
	w.next++
	from, to := number(w, caller), number(w, callee)
	return &rule.Attempt{
		Kind: k, Record: fmt.Sprintf("record-%d", w.next), Query: binding.Query{Dialled: firstX + binding.X(x), Caller: from, At: w.at},
		Binding: &binding.Binding{Tenant: tenant}, Edge: binding.Edge{Caller: from, Callee: to},
	}
}

// call attempts a call from one to another and returns the verdict.
func (w *world) call(caller, callee int) rule.Verdict {
	w.Helper()
	return w.Judge.Judge(w.Context(), w.attempt(rule.Call, caller, callee, callee, "shop"))
}

// passes makes a call that has to pass, without a word.
func (w *world) passes(caller, callee int) {
	w.Helper()
	if v := w.call(caller, callee); v.Refusal != binding.RefusalNone || len(v.Shadow) > 0 {
		w.Errorf("at %s refused: %+v", w.at.Sub(noon), v)
	}
}

// capped makes a call that a rule has to refuse.
func (w *world) capped(caller, callee int, by string) {
	w.Helper()
	if v := w.call(caller, callee); v.Refusal != binding.RefusalCapped || v.Rule != by {
		w.Errorf("at %s not refused by %s: %+v", w.at.Sub(noon), by, v)
	}
}

// after lets time pass.
func (w *world) after(d time.Duration) { w.at = w.at.Add(d) }

// made is a call that is answered and ends at once after so long a talk.
func (w *world) made(caller, callee int, talk time.Duration) rule.Verdict {
	w.Helper()
	a := w.attempt(rule.Call, caller, callee, callee, "shop")
	v := w.Judge.Judge(w.Context(), a)
	w.Done(&cdr.Record{ID: a.Record, AnsweredAt: w.at, ReleasedAt: w.at.Add(talk)})
	return v
}

// past is the exact model: everything that passed.
type past []happened

type happened struct {
	at time.Time
	a  rule.Attempt
}

// over reports whether there are as many attempts in the time before now as a rule allows. A callee of the time known is no
// new one.
func (p past) over(r Rule, window, known time.Duration, now time.Time, a *rule.Attempt) bool {
	var callees []binding.Number
	n := uint32(0)
	for _, h := range p {
		age, same := now.Sub(h.at), h.a.Query.Caller == a.Query.Caller
		switch r.Scope {
		case Pair:
			same = same && h.a.Edge.Callee == a.Edge.Callee
		case X:
			same = h.a.Query.Dialled == a.Query.Dialled
		case Tenant:
			same = h.a.Binding.Tenant == a.Binding.Tenant
		}
		if !same || r.Kind != All && Kind(h.a.Kind) != r.Kind {
			continue
		}
		if r.Metric == Callees {
			switch callee := h.a.Edge.Callee; {
			case callee == a.Edge.Callee && age <= known:
				return false
			case callee == a.Edge.Callee || slices.Contains(callees, callee) || age > window:
				continue
			default:
				callees = append(callees, callee)
			}
		}
		if age <= window {
			n++
		}
	}
	return n >= r.Most
}

// longest is how long an attempt may count in a window.
func longest(r Rule) time.Duration {
	if r.Metric == Attempts && r.Most <= exact {
		return r.Window + 200*time.Millisecond
	}
	return r.Window + r.Window/25 + 3200*time.Millisecond
}
