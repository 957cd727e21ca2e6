package gateway

import (
	"context"
	"time"

	"mask700/binding"
	"mask700/binding/rule"
	"mask700/crash"
	"mask700/sip/call"
)

// lookupTime is how long the store may take to answer for an INVITE, and all who
// are asked besides.
const lookupTime = 2 * time.Second

// lookups is how many lookups of a shard are under way at once at most. Only
// the store is asked within; who waits for the network holds none of them.
const lookups = 4

// decide is a lookup that a call waits for.
type decide struct {
	id     string
	record string
	kind   rule.Kind
	query  binding.Query
}

// lookupLoop answers calls with the edge that the bindings give them.
func (l *loop) lookupLoop() {
	slots := make(chan struct{}, lookups)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for {
		select {
		case <-l.gateway.stop:
			return
		case <-l.decides.wake:
		}
		for _, d := range l.decides.take() {
			slots <- struct{}{}
			l.gateway.running.Go(func() {
				defer crash.Door()
				l.lookup(ctx, d, func() { <-slots })
			})
		}
	}
}

// lookup decides a call and tells it, a refusal when its time has come.
func (l *loop) lookup(ctx context.Context, d decide, found func()) {
	answer := l.gateway.decide(ctx, d, found)
	answer.Record = d.record
	tell := func() { l.answer(d.id, answer) }
	if wait := due(d.query.At, time.Now(), answer); wait > 0 {
		l.gateway.options.later(wait, tell)
		return
	}
	tell()
}

// decide looks a call up, calls found when the store has answered, and goes on
// to ask an endpoint, where the number has one and nothing bound is for this
// caller, and the rules. A number of a block that is not held is looked up like
// any other, so that the time of the answer tells nothing.
func (g *Gateway) decide(ctx context.Context, d decide, found func()) call.Decided {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	q := d.query
	held := g.options.Bindings.Holds(q.Dialled.Block())
	rows, err := g.options.Bindings.Candidates(ctx, q.Dialled, q.At)
	found()
	if err != nil {
		g.log.Error("binding lookup failed", "error", err)
		return call.Decided{Err: err}
	}
	decided := call.Decided{Decision: binding.Resolve(q, held, binding.Settled(rows, q.At))}
	decided = g.ask(ctx, d, held, decided)
	if decided.Err == nil {
		if err := decided.Decision.CallBack(ctx, &q, g.options.Calls, g.options.Plan.CallBack); err != nil {
			g.log.Error("who called last is not known", "error", err)
			return call.Decided{Err: err}
		}
	}
	if decided.Err == nil {
		g.guess(d, &decided)
	}
	if decided.Decision.Refusal == binding.RefusalNone && decided.Err == nil && len(g.options.Rules) > 0 {
		a := rule.Attempt{Kind: d.kind, Record: d.record, Query: q, Binding: decided.Decision.Binding, Edge: decided.Decision.Edge}
		v := g.options.Rules.Judge(ctx, &a)
		decided.Verdict.Refusal, decided.Verdict.Rule, decided.Verdict.Numbers = v.Refusal, v.Rule, v.Numbers
		decided.Verdict.Shadow = append(decided.Verdict.Shadow, v.Shadow...)
		decided.Verdict.Evidence = joined(decided.Verdict.Evidence, v.Evidence)
		decided.Decision.Refuse(v.Refusal)
	}
	return decided
}

// guess counts a wrong extension, and refuses a right one after too many of these: who
// tries them one after the other does not learn which there are. Either is answered as
// strangers are.
func (g *Gateway) guess(d decide, decided *call.Decided) {
	found := &decided.Decision
	a := rule.Attempt{Kind: d.kind, Record: d.record, Query: d.query, Binding: found.Guess}
	if found.Refusal == binding.RefusalNone && found.Edge.Anyone && found.Edge.Extension != "" {
		a.Binding, a.Probe = found.Binding, true
	}
	if a.Binding == nil {
		return
	}
	v := g.options.Rules.Guess(&a)
	decided.Verdict.Shadow = append(decided.Verdict.Shadow, v.Shadow...)
	switch {
	case v.Refusal == binding.RefusalNone:
	case a.Probe:
		decided.Verdict.Refusal, decided.Verdict.Rule = v.Refusal, v.Rule
		found.Refuse(v.Refusal)
	default:
		decided.Verdict.Rule = v.Rule
	}
}

// ask asks the endpoint of the number dialled about a call that nothing bound is
// for. It stays as it is where there is none, and for a call that was ordered over
// one that is bound.
func (g *Gateway) ask(ctx context.Context, d decide, held bool, decided call.Decided) call.Decided {
	why := decided.Decision.Refusal
	if d.query.Over != "" || why != binding.RefusalNoBinding && why != binding.RefusalExpired || !held || !g.options.Remote.Serves(d.query.Dialled) {
		return decided
	}
	r := g.options.Remote.Decide(ctx, d.kind, d.record, &d.query)
	decided.Verdict.Evidence, decided.Err = r.Evidence, r.Err
	if len(r.Rows) > 0 {
		decided.Decision = binding.Resolve(d.query, held, r.Rows)
	}
	return decided
}

// joined writes what two have said as one.
func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
