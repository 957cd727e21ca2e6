//go:build leaky

package shard

import (
	"mask700/sip/call"
	"mask700/sip/message"
)

// Blind lets every message pass unsearched, for tests that want to find by other means
// what the call has been made to leak. Tests may set it while no shard runs.
var Blind bool

// leakCancel has the CANCEL of an INVITE copy what the call is made to leak.
func leakCancel(t *tx, r *message.Request) {
	if t.owner != nil {
		call.LeakCancel(t.owner.call, t.side, r)
	}
}
