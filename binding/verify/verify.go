// Package verify asks a verification platform before each call and text
// whether it may be carried. It is a rule after the match ([rule.Judge]): an
// attempt without an edge is refused before, and nobody is asked about it.
//
// The platform answers yes or no and gives a ticket, which stays in the record
// as evidence. An answer may be remembered for the same edge for a time. Where
// no answer comes in time, the policy decides, and the record says that it did:
//
//	allow TICKET           the platform let it pass
//	allow TICKET, cached   it did so a moment ago
//	deny TICKET            it refused; the caller gets 403, unverified
//	unasked REASON, open   no answer, and the policy lets it pass
//	unasked REASON, closed no answer, and the policy refuses
//	unasked probe          somebody only asks what would be; in no record
//
// What is a reason is said by the [Asker]; see [Failure].
package verify

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/rule"
)

// Rule is the name of the rule in records.
const Rule = "verification"

// Unasked is the evidence of a probe about which nothing is remembered.
const Unasked = "unasked probe"

// Question is what the platform is told of an attempt.
type Question struct {
	Kind           rule.Kind
	Record         string // id of the record, which is the call's
	Binding        *binding.Binding
	Dialled, Shown binding.X
	Caller, Callee binding.Number
	At             time.Time
}

// Answer is what the platform says.
type Answer struct {
	Allow  bool
	Ticket string        // kept as evidence, after Clean
	For    time.Duration // how long it holds for the same edge, at most as long as [Options].Cache; 0: this time only
}

// Failure is why there is no answer, in a word without a number: "timeout".
type Failure string

// Error returns the word.
func (f Failure) Error() string { return string(f) }

// Asker asks the platform. An error that is no Failure is told as "failed".
type Asker interface {
	Ask(ctx context.Context, q *Question) (Answer, error)
}

// Options are how a Judge asks.
type Options struct {
	Asker    Asker
	FailOpen bool          // without an answer the attempt passes
	Cache    time.Duration // answers are remembered so long at most; 0: not at all
	Entries  int           // remembered at once at most; the longest unused goes first
	Now      func() time.Time
}

// Judge is the rule. Its methods may be called from several goroutines.
type Judge struct {
	options Options
	cache   *lru.Cache[edge, remembered]
	counts  counts
}

// edge is what an answer is remembered for: all of what the platform was told but
// the record and the time. A binding that an endpoint has decided has the name that the
// endpoint gave it, which may be any. It holds numbers as they are veiled in this
// process.
type edge struct {
	binding, order, tenant string
	industrial, consent    string
	kind                   rule.Kind
	dialled, shown         binding.X
	caller, callee         binding.Number
}

func edgeOf(a *rule.Attempt) edge {
	b := a.Binding
	return edge{
		binding: b.ID, order: b.Order, tenant: b.Tenant, industrial: b.IndustrialID, consent: b.Consent, kind: a.Kind,
		dialled: a.Query.Dialled, shown: a.Edge.Shown, caller: a.Query.Caller, callee: a.Edge.Callee,
	}
}

type remembered struct {
	answer Answer
	until  time.Time
}

type counts struct{ allowed, denied, cached, open, closed atomic.Uint64 }

// Stats are what became of attempts.
type Stats struct{ Allowed, Denied, Cached, FailedOpen, FailedClosed uint64 }

var _ rule.Judge = (*Judge)(nil)

// New returns a Judge. Options must have an Asker, and Entries where it
// has a Cache.
func New(o Options) (*Judge, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	j := &Judge{options: o}
	if o.Cache <= 0 {
		return j, nil
	}
	var err error
	j.cache, err = lru.New[edge, remembered](o.Entries)
	return j, err
}

// Stats returns the counts so far.
func (j *Judge) Stats() Stats {
	c := &j.counts
	return Stats{Allowed: c.allowed.Load(), Denied: c.denied.Load(), Cached: c.cached.Load(), FailedOpen: c.open.Load(), FailedClosed: c.closed.Load()}
}

// Judge implements [rule.Judge]. A probe is answered from what is remembered,
// and passes otherwise: who only asks what would be must not leave a ticket.
func (j *Judge) Judge(ctx context.Context, a *rule.Attempt) rule.Verdict {
	e := edgeOf(a)
	if answer, ok := j.remembered(e); ok {
		if a.Probe {
			return verdict(answer, ", cached")
		}
		j.counts.cached.Add(1)
		return j.decided(answer, ", cached")
	}
	if a.Probe {
		return rule.Verdict{Evidence: Unasked}
	}
	answer, err := j.options.Asker.Ask(ctx, &Question{
		Kind: a.Kind, Record: a.Record, Binding: a.Binding, Dialled: a.Query.Dialled, Shown: a.Edge.Shown,
		Caller: a.Query.Caller, Callee: a.Edge.Callee, At: a.Query.At,
	})
	if err != nil {
		return j.unasked(err)
	}
	answer.Ticket = Clean(answer.Ticket, a.Query.Caller, a.Edge.Callee)
	if hold := min(answer.For, j.options.Cache); hold > 0 && j.cache != nil {
		j.cache.Add(e, remembered{answer, j.options.Now().Add(hold)})
	}
	return j.decided(answer, "")
}

func (j *Judge) remembered(e edge) (Answer, bool) {
	if j.cache == nil {
		return Answer{}, false
	}
	r, ok := j.cache.Get(e)
	return r.answer, ok && j.options.Now().Before(r.until)
}

func (j *Judge) decided(a Answer, how string) rule.Verdict {
	if a.Allow {
		j.counts.allowed.Add(1)
	} else {
		j.counts.denied.Add(1)
	}
	return verdict(a, how)
}

func verdict(a Answer, how string) rule.Verdict {
	if a.Allow {
		return rule.Verdict{Evidence: "allow " + a.Ticket + how}
	}
	return rule.Verdict{Refusal: binding.RefusalUnverified, Rule: Rule, Evidence: "deny " + a.Ticket + how}
}

func (j *Judge) unasked(err error) rule.Verdict {
	why := Failure("failed")
	errors.As(err, &why)
	if j.options.FailOpen {
		j.counts.open.Add(1)
		return rule.Verdict{Evidence: "unasked " + string(why) + ", open"}
	}
	j.counts.closed.Add(1)
	return rule.Verdict{Refusal: binding.RefusalUnverified, Rule: Rule, Evidence: "unasked " + string(why) + ", closed"}
}

// Done implements [rule.Judge]: nothing is held for an attempt.
func (j *Judge) Done(*cdr.Record) {}

// maxTicket is how much of a ticket is kept, in bytes.
const maxTicket = 64

// Clean makes of a platform's ticket what may stand in a record: at most 64 letters, digits and .:_/-, "none" where
// nothing is left, and "withheld" where it has the number of a party in it.
func Clean(ticket string, parties ...binding.Number) string {
	if binding.Mentions(ticket, parties...) {
		return "withheld"
	}
	clean := make([]byte, 0, maxTicket)
	for i := 0; i < len(ticket) && len(clean) < maxTicket; i++ {
		switch c := ticket[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == ':', c == '_', c == '/', c == '-':
			clean = append(clean, c)
		}
	}
	switch {
	case len(clean) == 0:
		return "none"
	case binding.Mentions(string(clean), parties...):
		return "withheld" // so much stood between its digits that Mentions took them for several
	}
	return string(clean)
}
