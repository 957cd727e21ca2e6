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
	turn   *call.Judge // only whether this one may be called too is asked; nil: all
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
	if d.turn != nil {
		found() // it may wait for the network
		l.answer(d.id, l.gateway.judge(ctx, d.turn))
		return
	}
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

// judge asks whether the next one of several may be called.
func (g *Gateway) judge(ctx context.Context, j *call.Judge) call.Judged {
	ctx, cancel := context.WithTimeout(ctx, lookup.Time)
	defer cancel()
	v, err := g.path.Turn(ctx, &lookup.Attempt{Kind: j.Kind, Record: j.Record, Query: j.Query, Now: true}, j.Binding, j.Edge)
	return call.Judged{Verdict: v, Err: err}
}
