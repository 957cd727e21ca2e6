// Package remote serves the mode in which nothing is stored: for each call to
// a number of certain blocks an endpoint of a tenant's or a platform's is asked
// who is reached. Its answer becomes a binding of one edge, which lives for this
// call, and the call goes on as over any other: [binding.Resolve], the rules
// after the match, the record.
//
// What is bound on such a number all the same comes first. Without an answer in
// time, the last one for the same caller and number may serve in its place, if
// it is not too old; else the policy says whether the caller is refused as one
// whom nothing is bound for, or told that something failed.
package remote

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/rule"
	"mask700/binding/verify"
)

// Question is what an endpoint is told of a call or text.
type Question struct {
	Kind      rule.Kind
	Record    string // id of the record; "" for a probe
	Dialled   binding.X
	Extension string
	Caller    binding.Number
	At        time.Time
	Probe     bool // somebody only asks what would be
}

// Answer is what an endpoint decides.
type Answer struct {
	Connect bool           // else the caller is refused
	Callee  binding.Number // of Connect
	Shown   binding.X      // to the callee; 0: the number dialled

	Binding      string // the endpoint's own name for the pair, for the record
	Order        string
	IndustrialID string
	Consent      string
	Data         string
	MaxDuration  time.Duration // 0: not limited
	Record       bool
}

// Asker asks an endpoint. An error that is no [verify.Failure] is told as
// "failed".
type Asker interface {
	Ask(ctx context.Context, q *Question) (Answer, error)
}

// Endpoint decides the calls to its blocks.
type Endpoint struct {
	Name   string
	Tenant string
	Blocks []binding.Block
	Asker  Asker

	// Fallback is how old the last answer for a caller and number may be to
	// serve where there is no new one; 0: none does.
	Fallback time.Duration
	Entries  int // answers kept for that at most

	FailAsError bool // without any answer the call fails with 500, and is not refused with 404
}

// Router finds the endpoint of a number and turns its answers into bindings.
// Its methods may be called from several goroutines. A nil Router serves no
// number.
type Router struct {
	house House
	by    map[binding.Block]*endpoint
	all   []*endpoint
}

// House is what holds for what an endpoint decides as for what is bound.
type House struct {
	// May says why a number may not be dialled or, with shown, be shown to a callee
	// for a tenant, if it may not.
	May func(tenant string, x binding.X, shown bool) error
	// Tenant returns a tenant by its name.
	Tenant func(name string) (binding.Tenant, bool)
}

type endpoint struct {
	Endpoint
	last *lru.Cache[pair, kept]

	connected, refused, stale, failed atomic.Uint64
}

// pair holds a number as it is veiled in this process.
type pair struct {
	kind      rule.Kind
	dialled   binding.X
	extension string
	caller    binding.Number
}

type kept struct {
	row binding.Binding
	at  time.Time
}

// Stats are what became of the calls of an endpoint.
type Stats struct {
	Name                                string
	Connected, Refused, Fallbacks, None uint64 // None: no answer and none kept
}

// errTwice names a mistake of the configuration.
var errTwice = errors.New("a block has two endpoints")

// New returns a Router.
func New(house House, endpoints ...Endpoint) (*Router, error) {
	r := &Router{house: house, by: make(map[binding.Block]*endpoint)}
	for _, e := range endpoints {
		served := &endpoint{Endpoint: e}
		if e.Fallback > 0 {
			var err error
			if served.last, err = lru.New[pair, kept](e.Entries); err != nil {
				return nil, err
			}
		}
		r.all = append(r.all, served)
		for _, b := range e.Blocks {
			if r.by[b] != nil {
				return nil, errTwice
			}
			r.by[b] = served
		}
	}
	return r, nil
}

// Serves reports whether an endpoint decides calls to a number.
func (r *Router) Serves(x binding.X) bool { return r != nil && r.by[x.Block()] != nil }

// Stats returns the counts of each endpoint.
func (r *Router) Stats() []Stats {
	if r == nil {
		return nil
	}
	var all []Stats
	for _, e := range r.all {
		all = append(all, Stats{e.Name, e.connected.Load(), e.refused.Load(), e.stale.Load(), e.failed.Load()})
	}
	return all
}

// Result is what is to be known of a decision beside the rows it gives.
type Result struct {
	Rows     []binding.Binding // none: refused
	Evidence string            // for the record; no number
	Err      error             // there is no answer, and the call is to fail
}

// Decide asks the endpoint of the number dialled. The row that it gives is
// live at q.At and has one edge, of this caller.
func (r *Router) Decide(ctx context.Context, kind rule.Kind, record string, q *binding.Query) Result {
	e := r.by[q.Dialled.Block()]
	probe := record == ""
	answer, err := e.Asker.Ask(ctx, &Question{
		Kind: kind, Record: record, Dialled: q.Dialled, Extension: q.Extension, Caller: q.Caller, At: q.At, Probe: probe,
	})
	var row binding.Binding
	if err == nil && answer.Connect {
		row, err = r.row(e, q, &answer)
	}
	key := pair{kind, q.Dialled, q.Extension, q.Caller}
	switch {
	case err != nil:
		return r.without(e, key, q, probe, err)
	case !answer.Connect:
		if !probe {
			e.refused.Add(1)
			e.forget(key)
		}
		return Result{Evidence: cdr.EvidenceRemote + e.Name + ": refused"}
	}
	if !probe {
		e.connected.Add(1)
		if e.last != nil {
			e.last.Add(key, kept{row, q.At})
		}
	}
	return Result{Rows: []binding.Binding{row}, Evidence: cdr.EvidenceRemote + e.Name}
}

// forget drops what was kept for a pair that the endpoint has since refused.
func (e *endpoint) forget(key pair) {
	if e.last != nil {
		e.last.Remove(key)
	}
}

// without is a call for which there is no answer. The last one serves where what was
// answered may be answered still.
func (r *Router) without(e *endpoint, key pair, q *binding.Query, probe bool, err error) Result {
	why := verify.Failure("failed")
	errors.As(err, &why)
	words := cdr.EvidenceRemote + e.Name + ": " + string(why)
	if e.last != nil {
		k, ok := e.last.Get(key)
		if age := q.At.Sub(k.at); ok && age >= 0 && age <= e.Fallback && r.may(&k.row) {
			if !probe {
				e.stale.Add(1)
			}
			k.row.CreatedAt = q.At
			return Result{Rows: []binding.Binding{k.row}, Evidence: words + ", the last answer"}
		}
	}
	if !probe {
		e.failed.Add(1)
	}
	if e.FailAsError {
		return Result{Evidence: words, Err: why}
	}
	return Result{Evidence: words}
}

// unusable is an answer that cannot be carried out.
const unusable = verify.Failure("answer")

// row makes the binding of an answer, checked as one that is asked for.
func (r *Router) row(e *endpoint, q *binding.Query, a *Answer) (binding.Binding, error) {
	b := binding.Binding{
		ID: verify.Clean(a.Binding, q.Caller, a.Callee), Mode: binding.ModeRemote, X: q.Dialled, Y: a.Shown, A: q.Caller, B: a.Callee,
		Extension: q.Extension, Order: a.Order, Consent: a.Consent, IndustrialID: a.IndustrialID, Tenant: e.Tenant, Data: a.Data,
		CreatedAt: q.At, MaxDuration: a.MaxDuration, Record: a.Record,
	}
	if b.Y == b.X {
		b.Y = 0
	}
	if t, ok := r.house.Tenant(e.Tenant); ok && b.MaxDuration == 0 {
		b.MaxDuration = time.Duration(t.MaxDuration)
	}
	if a.Callee.IsZero() || a.Callee == q.Caller || b.Check() != nil || !r.may(&b) {
		return b, unusable
	}
	return b, nil
}

// may reports whether a row might be bound for its tenant: on these numbers, and with
// the consent that the tenant asks for.
func (r *Router) may(b *binding.Binding) bool {
	t, known := r.house.Tenant(b.Tenant)
	return (!known || !t.RequireConsent || b.Consent != "") && r.house.May(b.Tenant, b.X, false) == nil &&
		(b.Y == 0 || b.Y.Valid() && r.house.May(b.Tenant, b.Y, true) == nil)
}
