package rule

import (
	"context"
	"log/slog"

	"mask700/binding"
	"mask700/binding/cdr"
)

// NameBars is the rule of [Bars] in a record.
const NameBars = "blocklist"

// Bars refuses what an entry of a block list bars: calls and texts alike. Of a call
// that the platform has asked for both are called, so that an entry counts for it
// whichever of the two it keeps from the other; so it does for the two who would talk
// after a transfer, of whom neither has dialled.
type Bars struct {
	Store  binding.BarStore
	Logger *slog.Logger // of what could not be looked up; nil: nothing is logged
}

// Judge implements Judge. Where the lists cannot be read it refuses: that
// somebody is left in peace is what they are for. The record has the id of the
// entry as evidence.
func (b Bars) Judge(ctx context.Context, a *Attempt) Verdict {
	bar, found, err := b.barred(ctx, a)
	switch {
	case err != nil:
		if b.Logger != nil {
			b.Logger.Error("a block list cannot be read; the call is refused", "call", a.Record, "error", err)
		}
		return Verdict{Refusal: binding.RefusalUnverified, Rule: NameBars}
	case found:
		return Verdict{Refusal: binding.RefusalBlocked, Rule: NameBars, Evidence: "entry " + bar.ID}
	}
	return Verdict{}
}

// barred returns an entry that keeps the parties of an attempt apart.
func (b Bars) barred(ctx context.Context, a *Attempt) (bar binding.Bar, found bool, err error) {
	caller, callee, joins := a.Query.Caller, a.Edge.Callee, a.Query.Joins
	pairs := [4][2]binding.Number{{caller, callee}}
	n := 1
	if a.Ordered() {
		pairs[n] = [2]binding.Number{callee, caller}
		n++
	}
	if !joins.IsZero() {
		pairs[n], pairs[n+1] = [2]binding.Number{joins, callee}, [2]binding.Number{callee, joins}
		n += 2
	}
	for _, p := range pairs[:n] {
		if bar, found, err = b.Store.Barred(ctx, p[0], p[1], a.Binding.Tenant, a.Query.At); err != nil || found {
			break
		}
	}
	return bar, found, err
}

// Done implements Judge: nothing is counted.
func (Bars) Done(*cdr.Record) {}
