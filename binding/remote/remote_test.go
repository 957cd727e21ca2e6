package remote_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/remote"
	"mask700/binding/rule"
	"mask700/binding/verify"
)

const (
	dialled = binding.X(700100000090007)
	shown   = binding.X(700100000090008)
	foreign = binding.X(700100000080008)
)

// script answers what it is told to.
type script struct {
	answer remote.Answer
	err    error
	asked  []remote.Question
}

func (s *script) Ask(_ context.Context, q *remote.Question) (remote.Answer, error) {
	s.asked = append(s.asked, *q)
	return s.answer, s.err
}

func number(t testing.TB, text string) binding.Number {
	t.Helper()
	n, err := binding.Plan{}.ParseNumber(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func router(t testing.TB, e remote.Endpoint) *remote.Router {
	t.Helper()
	r, _ := housed(t, e)
	return r
}

// house is what holds for a tenant, and can be changed.
type house struct {
	settings binding.TenantSettings
	barred   map[binding.X]bool // may not be shown
	others   bool               // the block is another tenant's
}

func housed(t testing.TB, e remote.Endpoint) (*remote.Router, *house) {
	t.Helper()
	h := &house{barred: make(map[binding.X]bool)}
	e.Name, e.Tenant, e.Blocks = "rides", "rides-tenant", []binding.Block{dialled.Block()}
	r, err := remote.New(remote.House{
		May: func(tenant string, x binding.X, shown bool) error {
			switch {
			case tenant != "rides-tenant" || h.others:
				return binding.ErrOtherTenant
			case x.Block() != dialled.Block():
				return binding.ErrNotHeld
			case shown && h.barred[x]:
				return binding.ErrNumberLocked
			}
			return nil
		},
		Tenant: func(name string) (binding.Tenant, bool) {
			return binding.Tenant{Name: name, TenantSettings: h.settings}, name == "rides-tenant"
		},
	}, e)
	if err != nil {
		t.Fatal(err)
	}
	return r, h
}

func query(t testing.TB) *binding.Query {
	return &binding.Query{Dialled: dialled, Caller: number(t, "13800000001"), At: time.Unix(1e9, 0)}
}

func connects(t testing.TB) remote.Answer {
	return remote.Answer{
		Connect: true, Callee: number(t, "13900000002"), Shown: shown, Binding: "pair-7", Order: "T-1", Consent: "c", IndustrialID: "700.100.1/T-1",
		Data: "d", MaxDuration: time.Minute, Record: true,
	}
}

func TestAnAnswerIsABindingOfOneEdge(t *testing.T) {
	s := &script{answer: connects(t)}
	r, q := router(t, remote.Endpoint{Asker: s}), query(t)
	if !r.Serves(dialled) || r.Serves(foreign) || (*remote.Router)(nil).Serves(dialled) {
		t.Error("it serves other numbers than those of its blocks")
	}
	got := r.Decide(context.Background(), rule.Text, "record", q)
	if got.Err != nil || len(got.Rows) != 1 || got.Evidence != "remote rides" {
		t.Fatalf("%+v", got)
	}
	if a := s.asked[0]; a.Kind != rule.Text || a.Record != "record" || a.Probe || a.Dialled != dialled || a.Caller != q.Caller || !a.At.Equal(q.At) {
		t.Errorf("asked about a %v from %v", a.Kind, a.Caller)
	}
	d := binding.Resolve(*q, true, got.Rows)
	want := binding.Edge{Dialled: dialled, Caller: q.Caller, Callee: number(t, "13900000002"), Shown: shown}
	if d.Refusal != "" || d.Edge != want {
		t.Errorf("refused as %q, edge %v to %v", d.Refusal, d.Edge.Dialled, d.Edge.Shown)
	}
	b := d.Binding
	if b.ID != "pair-7" || b.Order != "T-1" || b.Tenant != "rides-tenant" || b.Data != "d" || b.MaxDuration != time.Minute || !b.Record || b.Consent != "c" || b.IndustrialID != "700.100.1/T-1" {
		t.Errorf("the binding is %+v", b)
	}
	// It is this caller's alone, and for this number alone.
	other := *q
	other.Caller = number(t, "13700000003")
	if d := binding.Resolve(other, true, got.Rows); d.Refusal != binding.RefusalNoBinding {
		t.Errorf("another caller: %q", d.Refusal)
	}
	// Without a number of its own to show, the one dialled is shown.
	s.answer.Shown = 0
	if d := binding.Resolve(*q, true, r.Decide(context.Background(), rule.Call, "record", q).Rows); d.Edge.Shown != dialled {
		t.Errorf("shows %v", d.Edge.Shown)
	}
}

func TestAnswersThatCannotBeCarriedOut(t *testing.T) {
	for name, change := range map[string]func(*remote.Answer){
		"nobody":                    func(a *remote.Answer) { a.Callee = binding.Number{} },
		"the caller":                func(a *remote.Answer) { a.Callee = number(t, "13800000001") },
		"shows a number not held":   func(a *remote.Answer) { a.Shown = foreign },
		"shows no 700 number":       func(a *remote.Answer) { a.Shown = 13800000001 },
		"no order":                  func(a *remote.Answer) { a.Order = "" },
		"an order that names":       func(a *remote.Answer) { a.Order = "for 138-0000-0001" },
		"a control character":       func(a *remote.Answer) { a.Data = "a\nb" },
		"long data":                 func(a *remote.Answer) { a.Data = strings.Repeat("x", 1025) },
		"a duration below a second": func(a *remote.Answer) { a.MaxDuration = time.Millisecond },
	} {
		s := &script{answer: connects(t)}
		change(&s.answer)
		got := router(t, remote.Endpoint{Asker: s}).Decide(context.Background(), rule.Call, "record", query(t))
		if got.Rows != nil || got.Evidence != "remote rides: answer" || got.Err != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestWhatMayNotBeBoundMayNotBeAnswered: the numbers and the consent of the tenant, of a kept answer too; its longest call holds
// where the endpoint names none.
func TestWhatMayNotBeBoundMayNotBeAnswered(t *testing.T) {
	ctx := context.Background()
	s := &script{answer: connects(t)}
	s.answer.MaxDuration, s.answer.Consent = 0, ""
	r, h := housed(t, remote.Endpoint{Asker: s, Fallback: time.Minute, Entries: 10})
	decide := func(what string, carried bool, words string) []binding.Binding {
		t.Helper()
		got := r.Decide(ctx, rule.Call, "record", query(t))
		if (len(got.Rows) > 0) != carried || got.Evidence != words {
			t.Errorf("%s: %d rows, %q", what, len(got.Rows), got.Evidence)
		}
		return got.Rows
	}
	h.settings.MaxDuration = binding.Duration(10 * time.Minute)
	if rows := decide("as it is", true, "remote rides"); len(rows) == 0 || rows[0].MaxDuration != 10*time.Minute {
		t.Error("the tenant's longest call does not hold")
	}
	s.answer.MaxDuration = time.Minute
	if rows := decide("a shorter one", true, "remote rides"); len(rows) == 0 || rows[0].MaxDuration != time.Minute {
		t.Error("the endpoint's longest call does not hold")
	}
	s.err = verify.Failure("timeout")
	decide("kept", true, "remote rides: timeout, the last answer")
	for what, change := range map[string]func(on bool){
		"without a consent":         func(on bool) { h.settings.RequireConsent = on },
		"a number that is locked":   func(on bool) { h.barred[shown] = on },
		"a block of another tenant": func(on bool) { h.others = on },
	} {
		change(true)
		s.err = verify.Failure("timeout")
		decide(what+", kept", false, "remote rides: timeout")
		s.err = nil
		decide(what, false, "remote rides: answer")
		change(false)
		decide(what+" no more", true, "remote rides")
	}
}

// TestAKeptAnswerIsOfItsKind: what was answered of a call serves no text, and no call of before it.
func TestAKeptAnswerIsOfItsKind(t *testing.T) {
	ctx := context.Background()
	s := &script{answer: connects(t)}
	r, q := router(t, remote.Endpoint{Asker: s, Fallback: time.Minute, Entries: 10}), query(t)
	r.Decide(ctx, rule.Call, "1", q)
	s.answer.Connect = false
	r.Decide(ctx, rule.Text, "2", q)
	s.err = verify.Failure("timeout")
	if got := r.Decide(ctx, rule.Text, "3", q); len(got.Rows) > 0 {
		t.Error("a text goes by the answer of a call")
	}
	if got := r.Decide(ctx, rule.Call, "4", q); len(got.Rows) != 1 {
		t.Error("a text that was refused took the answer of a call back")
	}
	q.At = q.At.Add(-time.Second) // the clock was set back
	if got := r.Decide(ctx, rule.Call, "5", q); len(got.Rows) > 0 {
		t.Error("an answer of a time that is to come serves")
	}
}

func TestWithoutAnAnswer(t *testing.T) {
	ctx := context.Background()
	s := &script{answer: connects(t)}
	r, q := router(t, remote.Endpoint{Asker: s, Fallback: time.Minute, Entries: 1}), query(t)
	decide := func(record, words string, rows int) {
		t.Helper()
		if got := r.Decide(ctx, rule.Call, record, q); got.Evidence != words || len(got.Rows) != rows || got.Err != nil {
			t.Errorf("%q with %d rows, error %v, want %q with %d", got.Evidence, len(got.Rows), got.Err, words, rows)
		} else if rows > 0 && binding.Resolve(*q, true, got.Rows).Refusal != "" {
			t.Error("the row does not carry the call")
		}
	}
	s.err = verify.Failure("timeout")
	decide("1", "remote rides: timeout", 0)
	s.err = nil
	decide("2", "remote rides", 1)
	s.err = errors.New("whatever 13800000001")
	q.At = q.At.Add(time.Minute)
	decide("3", "remote rides: failed, the last answer", 1)
	decide("", "remote rides: failed, the last answer", 1)
	q.At = q.At.Add(time.Second)
	decide("4", "remote rides: failed", 0)
	// A refusal takes back what was kept: the pair is over.
	s.err, s.answer.Connect = nil, true
	decide("5", "remote rides", 1)
	s.answer.Connect = false
	decide("6", "remote rides: refused", 0)
	s.err = verify.Failure("paused")
	decide("7", "remote rides: paused", 0)
	if got := r.Stats(); got[0] != (remote.Stats{Name: "rides", Connected: 2, Refused: 1, Fallbacks: 1, None: 3}) {
		t.Errorf("%+v", got)
	}

	strict := router(t, remote.Endpoint{Asker: s, FailAsError: true})
	if got := strict.Decide(ctx, rule.Call, "8", q); got.Err == nil || got.Evidence != "remote rides: paused" {
		t.Errorf("%+v", got)
	}
}

func TestABlockHasOneEndpoint(t *testing.T) {
	e := remote.Endpoint{Name: "a", Asker: &script{}, Blocks: []binding.Block{dialled.Block()}}
	if _, err := remote.New(remote.House{}, e, e); err == nil {
		t.Error("two endpoints decide one number")
	}
}
