package gateway

import (
	"context"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/lookup"
	"mask700/binding/remote"
	"mask700/binding/rule"
	"mask700/binding/verify"
	"mask700/sip/message"
)

// far is a number of the block whose calls an endpoint decides.
const far = "700100000090007"

// asked answers from a channel what it is asked, and keeps the question.
type asked struct {
	questions chan remote.Question
	answers   chan func() (remote.Answer, error)
}

func (a *asked) Ask(ctx context.Context, q *remote.Question) (remote.Answer, error) {
	a.questions <- *q
	select {
	case f := <-a.answers:
		return f()
	case <-ctx.Done():
		return remote.Answer{}, verify.Failure("timeout")
	}
}

func parsed(t testing.TB, text string) binding.Number {
	t.Helper()
	n, err := binding.Plan{}.ParseNumber(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestEndpointIsNotAskedOfAnOrder: a call that was ordered over a binding goes over that or over none, so that what an
// endpoint says of the number is nothing to it.
func TestEndpointIsNotAskedOfAnOrder(t *testing.T) {
	e := &asked{questions: make(chan remote.Question, 1), answers: make(chan func() (remote.Answer, error), 1)}
	w := newWorldWith(t, func(o *Options) {
		service := binding.Service{Store: o.Bindings.(binding.Store)}
		if _, err := service.AddBlock(t.Context(), far[:11]); err != nil {
			t.Fatal(err)
		}
		block, err := binding.ParseBlock(far[:11])
		if err != nil {
			t.Fatal(err)
		}
		o.Remote, err = remote.New(houseOf(o.Bindings), remote.Endpoint{Name: "rides", Tenant: "rides", Asker: e, Blocks: []binding.Block{block}})
		if err != nil {
			t.Fatal(err)
		}
	})
	dialled, err := binding.Plan{}.ParseX(far)
	if err != nil {
		t.Fatal(err)
	}
	e.answers <- func() (remote.Answer, error) {
		return remote.Answer{Connect: true, Callee: parsed(t, bob), Order: "R-1", Binding: "ride"}, nil
	}
	q := binding.Query{Dialled: dialled, Caller: parsed(t, alice), At: time.Now()}
	for over, want := range map[string]int{"former": 0, "": 1} {
		q.Over = over
		d := w.gateway.decide(t.Context(), decide{query: q}, func() {})
		if d.Err != nil || len(e.questions) != want || (d.Decision.Binding != nil) != (want > 0) || (d.Verdict.Evidence != "") != (want > 0) {
			t.Errorf("ordered over %q: %d questions, %q, %q, %v", over, len(e.questions), d.Decision.Refusal, d.Verdict.Evidence, d.Err)
		}
		for len(e.questions) > 0 {
			<-e.questions
		}
	}
}

// TestEndpointDecides: a call to a number on which nothing is stored goes where the endpoint says, shows what it says and
// is judged as any other; what it refuses is refused as a stranger is; and nobody else waits for it.
func TestEndpointDecides(t *testing.T) {
	e := &asked{questions: make(chan remote.Question, 8), answers: make(chan func() (remote.Answer, error), 8)}
	judged := newRefusesAll()
	w := newWorldWith(t, func(o *Options) {
		service := binding.Service{Store: o.Bindings.(binding.Store)}
		if _, err := service.AddBlock(t.Context(), far[:11]); err != nil {
			t.Fatal(err)
		}
		block, err := binding.ParseBlock(far[:11])
		if err != nil {
			t.Fatal(err)
		}
		o.Remote, err = remote.New(houseOf(o.Bindings), remote.Endpoint{Name: "rides", Tenant: "rides", Asker: e, Blocks: []binding.Block{block}})
		if err != nil {
			t.Fatal(err)
		}
		o.Rules = rule.Chain{onlyRemote{judged}}
		o.Shards = 1
	})
	connect := func() (remote.Answer, error) {
		return remote.Answer{Connect: true, Callee: parsed(t, bob), Order: "R-1", Binding: "ride"}, nil
	}

	// More calls than may ask the store at once wait for the endpoint, and a call to another number does not.
	for _, id := range []string{"one", "two", "three", "four", "five", "six"} {
		w.send(w.peer, w.request("INVITE", id, alice, far, offer))
		<-e.questions
	}
	w.send(w.peer, w.request("INVITE", "stored", alice, x, offer))
	var invite *message.Message
	for invite == nil {
		if m := w.receive(); m.IsRequest() && m.Method == "INVITE" {
			invite = m
		}
	}
	if invite.From.URI.User != x || invite.Target.User != bob {
		t.Errorf("the call that is stored shows %s", invite.From.URI.User)
	}

	e.answers <- connect
	if final := w.expect(403, "INVITE"); final.Q850 != 21 {
		t.Errorf("cause %d, want 21", final.Q850)
	}
	if a := <-judged.asked; a.Binding.ID != "ride" || a.Binding.Order != "R-1" || a.Edge.Callee != parsed(t, bob) || a.Edge.Shown.String() != far {
		t.Errorf("judged was a call over %s", a.Binding.ID)
	}
	e.answers <- func() (remote.Answer, error) { return remote.Answer{}, nil }
	w.expect(404, "INVITE")
	var evidence []string
	for _, r := range w.journal.Closed() {
		evidence = append(evidence, string(r.Refusal)+" "+r.Binding+" "+r.Evidence)
	}
	if len(evidence) != 2 || evidence[0] != "capped ride remote rides; ticket 7" || evidence[1] != "no_binding  remote rides: refused" {
		t.Errorf("records: %q", evidence)
	}
}

// onlyRemote asks a judge about calls that an endpoint has decided.
type onlyRemote struct{ other rule.Judge }

func (o onlyRemote) Judge(ctx context.Context, a *rule.Attempt) rule.Verdict {
	if a.Binding.Mode != binding.ModeRemote {
		return rule.Verdict{}
	}
	return o.other.Judge(ctx, a)
}

func (o onlyRemote) Done(r *cdr.Record) { o.other.Done(r) }

// TestOlderRangeEnds: of one moment to the next, calls to an older range are decided as those to a block that is not held, whatever is bound
// there, and the endpoint of the block is not asked.
func TestOlderRangeEnds(t *testing.T) {
	const older = binding.X(17000120034)
	end := time.Now().Add(time.Hour)
	e := &asked{questions: make(chan remote.Question, 1), answers: make(chan func() (remote.Answer, error), 1)}
	w := newWorldWith(t, func(o *Options) {
		o.Plan.Legacy = []binding.LegacyRange{{Prefix: "17000", Length: 11, Until: end.Add(-1)}}
		s := o.Bindings.(binding.Store)
		service := binding.Service{Store: s, Plan: o.Plan}
		if _, err := service.AddBlock(t.Context(), "1700012"); err != nil {
			t.Fatal(err)
		}
		// The range was longer when it was bound.
		err := s.Bind(t.Context(), binding.Binding{ID: "older", Mode: binding.ModeAXB, X: older, A: parsed(t, alice), B: parsed(t, bob), Order: "T-2", CreatedAt: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		o.Remote, err = remote.New(houseOf(o.Bindings), remote.Endpoint{Name: "rides", Tenant: "rides", Asker: e, Blocks: []binding.Block{1700012}})
		if err != nil {
			t.Fatal(err)
		}
	})
	for at, want := range map[time.Time]binding.Refusal{end.Add(-1): "", end: binding.RefusalNoBinding, end.Add(time.Hour): binding.RefusalNoBinding} {
		d := w.gateway.decide(t.Context(), decide{query: binding.Query{Dialled: older, Caller: parsed(t, alice), At: at}}, func() {})
		if d.Err != nil || d.Decision.Refusal != want || len(e.questions) != 0 || (d.Decision.Binding != nil) != (want == "") {
			t.Errorf("at %v: %q, %+v, %v, %d questions", at, d.Decision.Refusal, d.Decision.Binding, d.Err, len(e.questions))
		}
	}
}

// houseOf is that of a store: numbers of the blocks that it holds may be answered, for any tenant.
func houseOf(s lookup.Store) remote.House {
	nobody := func(string) (binding.Tenant, bool) { return binding.Tenant{}, false }
	return remote.House{Tenant: nobody, May: func(_ string, x binding.X, _ bool) error {
		if !s.Holds(x.Block()) {
			return binding.ErrNotHeld
		}
		return nil
	}}
}
