package gateway

import (
	"context"
	"time"

	"mask700/binding"
	"mask700/binding/lookup"
	"mask700/binding/rule"
	"mask700/crash"
	"mask700/sip/call"
)

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

// decide looks a call up, calls found when the store has answered, and goes on to ask all
// who have a say in it.
func (g *Gateway) decide(ctx context.Context, d decide, found func()) call.Decided {
	ctx, cancel := context.WithTimeout(ctx, lookup.Time)
	defer cancel()
	bound, err := g.path.Find(ctx, &d.query)
	found()
	if err != nil {
		return call.Decided{Err: err}
	}
	a := g.path.Decide(ctx, &lookup.Attempt{Kind: d.kind, Record: d.record, Query: d.query, Now: true}, bound)
	decided := call.Decided{Decision: a.Decision, Verdict: a.Verdict, Err: a.Err}
	decided.Verdict.Evidence = a.Evidence()
	return decided
}
