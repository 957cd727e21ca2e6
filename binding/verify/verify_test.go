package verify_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/rule"
	"mask700/binding/verify"
)

// platform answers from a script and counts what it is asked.
type platform struct {
	answer verify.Answer
	err    error
	asked  []verify.Question
}

func (p *platform) Ask(_ context.Context, q *verify.Question) (verify.Answer, error) {
	p.asked = append(p.asked, *q)
	return p.answer, p.err
}

func number(t testing.TB, text string) binding.Number {
	t.Helper()
	n, err := binding.Plan{}.ParseNumber(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func attempt(t testing.TB) *rule.Attempt {
	t.Helper()
	a, b := number(t, "13800000001"), number(t, "13900000002")
	return &rule.Attempt{
		Record: "record", Binding: &binding.Binding{ID: "pair", Order: "T-1", A: a, B: b},
		Query: binding.Query{Dialled: 700100000010007, Caller: a, At: time.Unix(1e9, 0)},
		Edge:  binding.Edge{Dialled: 700100000010007, Caller: a, Callee: b, Shown: 700100000010008},
	}
}

func TestWhatThePlatformSays(t *testing.T) {
	for name, c := range map[string]struct {
		answer  verify.Answer
		err     error
		open    bool
		refusal binding.Refusal
		words   string
	}{
		"allowed":             {answer: verify.Answer{Allow: true, Ticket: "t-1"}, words: "allow t-1"},
		"denied":              {answer: verify.Answer{Ticket: "t-2"}, refusal: binding.RefusalUnverified, words: "deny t-2"},
		"timeout, open":       {err: verify.Failure("timeout"), open: true, words: "unasked timeout, open"},
		"timeout, closed":     {err: verify.Failure("timeout"), refusal: binding.RefusalUnverified, words: "unasked timeout, closed"},
		"an error of another": {err: errors.New("dial 13800000001"), refusal: binding.RefusalUnverified, words: "unasked failed, closed"},
	} {
		p := &platform{answer: c.answer, err: c.err}
		j, err := verify.New(verify.Options{Asker: p, FailOpen: c.open})
		if err != nil {
			t.Fatal(err)
		}
		a := attempt(t)
		v := j.Judge(context.Background(), a)
		if v.Refusal != c.refusal || v.Evidence != c.words || (v.Rule != "") != (c.refusal != "") {
			t.Errorf("%s: %+v", name, v)
		}
		q := p.asked[0]
		if q.Record != "record" || q.Binding.Order != "T-1" || q.Caller != a.Query.Caller || q.Callee != a.Edge.Callee ||
			q.Dialled != a.Query.Dialled || q.Shown != a.Edge.Shown || !q.At.Equal(a.Query.At) {
			t.Errorf("%s: asked %v %v", name, q.Dialled, q.Shown)
		}
	}
}

func TestAnswersAreRemembered(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := &platform{answer: verify.Answer{Allow: true, Ticket: "t", For: time.Hour}}
	j, err := verify.New(verify.Options{Asker: p, Cache: time.Minute, Entries: 2, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(change func(*rule.Attempt), asked int, words string) {
		t.Helper()
		a := attempt(t)
		change(a)
		if v := j.Judge(context.Background(), a); len(p.asked) != asked || v.Evidence != words {
			t.Errorf("asked %d times, want %d; %q, want %q", len(p.asked), asked, v.Evidence, words)
		}
	}
	same := func(*rule.Attempt) {}
	probe := func(a *rule.Attempt) { a.Probe = true }
	ask(probe, 0, "unasked probe")
	ask(same, 1, "allow t")
	ask(same, 1, "allow t, cached")
	ask(probe, 1, "allow t, cached")
	ask(func(a *rule.Attempt) { a.Kind = rule.Text }, 2, "allow t")
	now = now.Add(59 * time.Second)
	ask(same, 2, "allow t, cached")
	now = now.Add(time.Second) // no longer than we remember, whatever the platform says
	ask(same, 3, "allow t")
	// There is room for two: the one longest unused is asked about again.
	ask(func(a *rule.Attempt) { a.Binding.ID = "other" }, 4, "allow t")
	ask(func(a *rule.Attempt) { a.Kind = rule.Text }, 5, "allow t")
	// A platform that says nothing of how long is asked every time.
	p.answer.For = 0
	now = now.Add(time.Hour)
	ask(same, 6, "allow t")
	ask(same, 7, "allow t")
	if s := j.Stats(); s != (verify.Stats{Allowed: 9, Cached: 2}) {
		t.Errorf("%+v", s)
	}
}

// TestAnswersAreOfOneOrder: what an endpoint decides has any name for a binding, or none; an answer about one order, number or
// tenant says nothing of another.
func TestAnswersAreOfOneOrder(t *testing.T) {
	p := &platform{answer: verify.Answer{Allow: true, Ticket: "t", For: time.Hour}}
	j, err := verify.New(verify.Options{Asker: p, Cache: time.Minute, Entries: 10})
	if err != nil {
		t.Fatal(err)
	}
	for i, change := range []func(*rule.Attempt){
		func(*rule.Attempt) {},
		func(a *rule.Attempt) { a.Binding.Order = "T-2" },
		func(a *rule.Attempt) { a.Binding.Tenant = "other" },
		func(a *rule.Attempt) { a.Binding.Consent = "c" },
		func(a *rule.Attempt) { a.Query.Dialled++ },
		func(a *rule.Attempt) { a.Edge.Shown++ },
	} {
		for range 2 {
			a := attempt(t)
			a.Binding.ID = "none"
			change(a)
			j.Judge(context.Background(), a)
		}
		if len(p.asked) != i+1 {
			t.Errorf("%d: asked %d times", i, len(p.asked))
		}
	}
}

func TestTickets(t *testing.T) {
	a, b := number(t, "13800000001"), number(t, "01059658005")
	for ticket, want := range map[string]string{
		"":                       "none",
		"20261126/ab-1_2.3:4":    "20261126/ab-1_2.3:4",
		"two words\r\nand more":  "twowordsandmore",
		"核验":                     "none",
		"of 138-0000-0001":       "withheld",
		"8613800000001":          "withheld",
		"1 3 8?0 0 0*0 0 0 0 1":  "withheld",
		"for +86 10 5965 8005 x": "withheld",
		strings.Repeat("x", 99):  strings.Repeat("x", 64),
	} {
		if got := verify.Clean(ticket, a, b); got != want {
			t.Errorf("%q is kept as %q, want %q", ticket, got, want)
		}
	}
}
