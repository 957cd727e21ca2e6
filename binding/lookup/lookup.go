// Package lookup answers whom a call or text reaches: what is bound on the
// number dialled, the endpoint of that number where nothing bound is for this
// caller, who called last, and the rules after the match. The call path and who
// explains a call ask it alike; a probe differs in that nothing is counted,
// stored or asked of the verification platform.
package lookup

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"mask700/binding"
	"mask700/binding/remote"
	"mask700/binding/rule"
)

// Time is how long all of it may take: the store, and all who are asked
// besides.
const Time = 2 * time.Second

// Store is what is needed of a binding.Store.
type Store interface {
	Holds(binding.Block) bool
	Candidates(context.Context, binding.X, time.Time) ([]binding.Binding, error)
	Binding(ctx context.Context, id string) (binding.Binding, error)
}

// Path is the way from a call to its answer. Its methods may be called from
// several goroutines at once.
type Path struct {
	Store    Store
	Calls    binding.Calls  // who called last; nil: nobody
	CallBack time.Duration  // for so long; 0: binding.DefaultCallBack
	Remote   *remote.Router // decides calls to numbers on which nothing is stored; nil: there are none
	Rules    rule.Chain     // asked after the match
	Logger   *slog.Logger   // of what could not be looked up; nil: nothing is logged
	Plan     binding.Plan   // says which older ranges are in service
}

// Attempt is what is to be answered.
type Attempt struct {
	Kind   rule.Kind
	Record string // id of its record; "": a probe, somebody only asks what would be
	Query  binding.Query
	Now    bool // it comes now: what was unbound is over, and what was bound lives, see [binding.Settled]
}

func (a *Attempt) probe() bool { return a.Record == "" }

// Found is what the store has about a number.
type Found struct {
	Held bool // its block is held by this installation, and in service
	Rows []binding.Binding
}

// Answer is what becomes of an attempt.
type Answer struct {
	Decision binding.Decision
	Verdict  rule.Verdict // of the rules, where they were asked; a refusal is in Decision too
	Remote   string       // what the endpoint of the number has said, for the record; "": none was asked
	Err      error        // something failed, and nobody refuses; Decision says nothing then
}

// Evidence is what a record keeps of those who were asked.
func (a *Answer) Evidence() string {
	if a.Remote == "" || a.Verdict.Evidence == "" {
		return a.Remote + a.Verdict.Evidence
	}
	return a.Remote + "; " + a.Verdict.Evidence
}

// Find asks the store. A number of a block that is not held, or of an older range
// whose last day is over, is looked up like any other, so that the time of the
// answer tells nothing.
func (p *Path) Find(ctx context.Context, q *binding.Query) (Found, error) {
	held := p.Store.Holds(q.Dialled.Block()) && p.Plan.InService(q.Dialled, q.At)
	rows, err := p.Store.Candidates(ctx, q.Dialled, q.At)
	if err != nil {
		p.log("binding lookup failed", err)
	}
	return Found{held, rows}, err
}

// Decide answers an attempt with what was found.
func (p *Path) Decide(ctx context.Context, a *Attempt, found Found) Answer {
	if a.Now {
		found.Rows = binding.Settled(found.Rows, &a.Query)
	}
	answer := Answer{Decision: binding.Resolve(a.Query, found.Held, found.Rows)}
	p.ask(ctx, a, found.Held, &answer)
	if answer.Err != nil {
		return answer
	}
	if err := answer.Decision.CallBack(ctx, &a.Query, p.Calls, p.CallBack); err != nil {
		p.log("who called last is not known", err)
		answer.Err = err
		return answer
	}
	if len(p.Rules) == 0 {
		return answer
	}
	p.guess(a, &answer)
	if answer.Decision.Refusal == binding.RefusalNone {
		p.judge(ctx, a, &answer)
	}
	return answer
}

// ask asks the endpoint of the number dialled about a call that nothing bound is
// for. All stays as it is where there is none, and for a call that was ordered
// over one that is bound.
func (p *Path) ask(ctx context.Context, a *Attempt, held bool, answer *Answer) {
	why := answer.Decision.Refusal
	if a.Query.Over != "" || why != binding.RefusalNoBinding && why != binding.RefusalExpired || !held || !p.Remote.Serves(a.Query.Dialled) {
		return
	}
	r := p.Remote.Decide(ctx, a.Kind, a.Record, &a.Query)
	answer.Remote, answer.Err = r.Evidence, r.Err
	if len(r.Rows) > 0 {
		bound := answer.Decision.Candidates
		answer.Decision = binding.Resolve(a.Query, held, r.Rows)
		answer.Decision.Candidates = append(answer.Decision.Candidates, bound...)
	}
}

// guess counts a wrong extension, and refuses a right one after too many of these: who
// tries them one after the other does not learn which there are. Either is answered as
// strangers are.
func (p *Path) guess(a *Attempt, answer *Answer) {
	d := &answer.Decision
	guess := rule.Attempt{Kind: a.Kind, Record: a.Record, Query: a.Query, Binding: d.Guess, Probe: a.probe()}
	right := d.Refusal == binding.RefusalNone && d.Edge.Anyone && d.Edge.Extension != ""
	if right {
		guess.Binding, guess.Probe = d.Binding, true
	}
	if guess.Binding == nil {
		return
	}
	v := p.Rules.Guess(&guess)
	answer.Verdict.Shadow = append(answer.Verdict.Shadow, v.Shadow...)
	if v.Refusal == binding.RefusalNone {
		return
	}
	answer.Verdict.Rule = v.Rule
	if right {
		answer.Verdict.Refusal = v.Refusal
		d.Refuse(v.Refusal)
	}
}

// judge asks the rules about an attempt that has an edge. Where several are called one
// after the other, who is refused to this caller is passed over; where that is all of
// them, or all that are asked about, it is refused as the first was. Of the caller, the
// number and the tenant it is one attempt, and counted once. A probe is told only of those
// who may be called.
func (p *Path) judge(ctx context.Context, a *Attempt, answer *Answer) {
	d := &answer.Decision
	attempt := rule.Attempt{Kind: a.Kind, Record: a.Record, Query: a.Query, Binding: d.Binding, Edge: d.Edge, Probe: a.probe()}
	v := p.Rules.Judge(ctx, &attempt)
	v.Shadow = append(answer.Verdict.Shadow, v.Shadow...)
	first, passed := v, ""
	for v.Refusal != binding.RefusalNone && !v.Anyone && len(d.Next) > 0 && d.Skipped+1 < rule.MaxAsked && ctx.Err() == nil {
		d.Skipped++
		attempt.Turn = attempt.Turn || v.Counted
		passed = rule.Join(passed, v.PassedOver(d.Skipped))
		d.Edge.Callee, d.Next = d.Next[0], d.Next[1:]
		attempt.Edge = d.Edge
		before := v.Shadow
		v = p.Rules.Judge(ctx, &attempt)
		v.Shadow = rule.Together(before, v.Shadow)
	}
	if v.Refusal != binding.RefusalNone && passed != "" {
		v.Evidence = v.PassedOver(d.Skipped + 1)
		v.Refusal, v.Rule = first.Refusal, first.Rule
	}
	v.Evidence = rule.Join(passed, v.Evidence)
	answer.Verdict = v
	d.Refuse(v.Refusal)
	if attempt.Probe {
		d.Next = d.Next[:min(len(d.Next), max(rule.MaxAsked-1-d.Skipped, 0))]
		d.Next = slices.DeleteFunc(d.Next, func(n binding.Number) bool {
			attempt.Edge.Callee, attempt.Turn = n, true
			return p.Rules.Judge(ctx, &attempt).Refusal != binding.RefusalNone
		})
	}
}

// Turn judges who is to be called next of several who are called one after the other,
// after an attempt was decided to go over a binding. What has become of that since does
// not matter. An error says that nobody knows; the callee is not to be called then.
func (p *Path) Turn(ctx context.Context, a *Attempt, id string, e binding.Edge) (rule.Verdict, error) {
	if len(p.Rules) == 0 {
		return rule.Verdict{}, nil
	}
	b, err := p.Store.Binding(ctx, id)
	if err != nil {
		p.log("a binding cannot be read; who is next on it is not called", err)
		return rule.Verdict{}, err
	}
	return p.Rules.Judge(ctx, &rule.Attempt{Kind: a.Kind, Record: a.Record, Query: a.Query, Binding: &b, Edge: e, Probe: a.probe(), Turn: true}), nil
}

func (p *Path) log(what string, err error) {
	if p.Logger != nil {
		p.Logger.Error(what, "error", err)
	}
}
