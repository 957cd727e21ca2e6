package gateway

import (
	"time"

	"mask700/binding"
	"mask700/sip/call"
)

// refusalTime is how long after its INVITE a caller who is no party is refused, or a whole number of times as long
// where the store was slower. A number on which nothing is bound is looked up in less time than one with bindings, whose
// rows are read and opened: without this, who dials numbers and looks at the clock would learn which are in use. It is longer
// than the look-up of the fullest number takes (binding.MaxLimitOnX) on a machine where twelve want each core, and long before
// an INVITE is repeated.
const refusalTime = 100 * time.Millisecond

// due is how long a looked-up answer waits before the call is told, for a call that came at a moment. Only what is
// answered 404 waits: everything else is told to a party of a live binding.
func due(came, now time.Time, d call.Decided) time.Duration {
	if d.Err != nil || d.Decision.Refusal == binding.RefusalNone || d.Decision.ToParty() {
		return 0
	}
	return refusalTime - max(now.Sub(came), 0)%refusalTime
}
