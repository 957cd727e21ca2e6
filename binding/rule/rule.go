// Package rule has the rules that are asked after the match: whether an
// attempt that has an edge may take it. They are asked in a row ([Chain]), by
// the call path and, with [Attempt.Probe], by who explains a call; the first
// that refuses ends the row.
//
// That they run after the match is what keeps them from telling anything to
// one who is not a party: such a caller is refused before, and always alike.
package rule

import (
	"context"

	"mask700/binding"
	"mask700/binding/cdr"
)

// Kind is what is attempted.
type Kind uint8

// Kinds of an attempt.
const (
	Call Kind = iota // an INVITE, or the target of a REFER
	Text             // a MESSAGE outside of a call
)

// String returns "call" or "text".
func (k Kind) String() string {
	if k == Text {
		return "text"
	}
	return "call"
}

// Attempt is one call or text that has matched an edge.
type Attempt struct {
	Kind    Kind
	Record  string // id of its record; "" for a probe
	Query   binding.Query
	Binding *binding.Binding // of the edge; only to be read
	Edge    binding.Edge
	Probe   bool // somebody only asks what would be: nothing is counted, stored or asked of others
	Turn    bool // another callee of an attempt that has passed: it is counted for what depends on that alone
}

// Ordered reports whether the platform has asked for the call: neither party has
// dialled, and both are called.
func (a *Attempt) Ordered() bool { return a.Query.Over != "" }

// Back is the attempt as if who would be called had asked for who asks. It is a turn:
// the number and the tenant have one attempt.
func (a *Attempt) Back() Attempt {
	back := *a
	back.Query.Caller, back.Edge.Caller, back.Edge.Callee = a.Edge.Callee, a.Edge.Callee, a.Query.Caller
	back.Turn = true
	return back
}

// Verdict is what the rules say of an attempt. The zero value lets it pass.
type Verdict struct {
	Refusal  binding.Refusal // none: it may go on
	Rule     string          // the rule that refused, for the record: no number
	Shadow   []string        // rules that would have refused, and only report
	Evidence string          // what an external check answered, for the record: no number
	Anyone   bool            // it is refused whoever is called
	Counted  bool            // the attempt was counted: what follows it for another callee is a turn of it
	Numbers  string          // what is to become of telephone numbers in a text: binding.TextsPass and so on; "": as configured
}

// Judge is one rule, or a row of them. Its methods may be called from several
// goroutines at once.
type Judge interface {
	// Judge decides an attempt. It may wait for others until ctx ends.
	Judge(ctx context.Context, a *Attempt) Verdict

	// Done says that an attempt is over, refused ones and those that the
	// judge was never asked about too. It is called once for each record, and
	// does not wait.
	Done(r *cdr.Record)
}

// Guesser is a judge that bounds how often extensions are guessed.
type Guesser interface {
	// Guess decides about one who has dialled an extension that there is not. Binding is
	// that of another one on the number, the edge is none. It does not wait. A probe asks
	// whether there have been too many already.
	Guess(a *Attempt) Verdict
}

// Guess asks the judges that bound guesses, as Judge does.
func (c Chain) Guess(a *Attempt) Verdict {
	var all Verdict
	for _, j := range c {
		g, ok := j.(Guesser)
		if !ok {
			continue
		}
		v := g.Guess(a)
		all.Shadow = append(all.Shadow, v.Shadow...)
		if v.Refusal != binding.RefusalNone {
			all.Refusal, all.Rule = v.Refusal, v.Rule
			break
		}
	}
	return all
}

// Chain asks its judges in order. The empty chain lets everything pass.
type Chain []Judge

// Judge returns the first refusal, with what the judges before it reported.
func (c Chain) Judge(ctx context.Context, a *Attempt) Verdict {
	var all Verdict
	for _, j := range c {
		v := j.Judge(ctx, a)
		all.Shadow = append(all.Shadow, v.Shadow...)
		if v.Evidence != "" {
			all.Evidence = v.Evidence
		}
		if v.Numbers != "" {
			all.Numbers = v.Numbers
		}
		all.Counted = all.Counted || v.Counted
		if v.Refusal != binding.RefusalNone {
			all.Refusal, all.Rule, all.Anyone = v.Refusal, v.Rule, v.Anyone
			break
		}
	}
	return all
}

// Done tells every judge.
func (c Chain) Done(r *cdr.Record) {
	for _, j := range c {
		j.Done(r)
	}
}
