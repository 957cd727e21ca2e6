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
// whichever of the two it keeps from the other.
type Bars struct {
	Store  binding.BarStore
	Logger *slog.Logger // of what could not be looked up; nil: nothing is logged
}

// Judge implements Judge. Where the lists cannot be read it refuses: that
// somebody is left in peace is what they are for. The record has the id of the
// entry as evidence.
func (b Bars) Judge(ctx context.Context, a *Attempt) Verdict {
	bar, found, err := b.Store.Barred(ctx, a.Query.Caller, a.Edge.Callee, a.Binding.Tenant, a.Query.At)
	if a.Ordered() && err == nil && !found {
		bar, found, err = b.Store.Barred(ctx, a.Edge.Callee, a.Query.Caller, a.Binding.Tenant, a.Query.At)
	}
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

// Done implements Judge: nothing is counted.
func (Bars) Done(*cdr.Record) {}
