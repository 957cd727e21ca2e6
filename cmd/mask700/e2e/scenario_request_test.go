package e2e

import (
	"mask700/binding/cdr"
)

// requestScenarios are other requests inside a call.
func requestScenarios() []scenario {
	return []scenario{
		{name: "requests that are not carried", play: pair("caller-asks", "callee-answer"), want: callerHangsUp},
		{name: "requests that are not carried, by the callee", play: pair("caller-await-bye", "callee-asks"),
			want: calleeHangsUp},
		{name: "INVITE that would take over a call", play: pair("caller-replaces", "callee-answer"), want: callerHangsUp},
		{name: "keys in INFO", play: pair("caller-presses-keys", "callee-hears-keys"), want: callerHangsUp},
		{name: "keys in INFO, by the callee", play: pair("caller-hears-key", "callee-presses-key"), alone: true,
			want: calleeHangsUp},
	}
}

// reasonScenarios are about why a call was released (RFC 3326).
func reasonScenarios() []scenario {
	return []scenario{
		{name: "reason of the caller's BYE", play: pair("caller-bye-reason", "callee-reason"),
			want: ending{end: cdr.EndCompleted, releasedBy: cdr.ByCaller, status: 200, q850: 31}},
		{name: "reason of the callee's BYE", play: pair("caller-reason", "callee-bye-reason"),
			want: ending{end: cdr.EndCompleted, releasedBy: cdr.ByCallee, status: 200, q850: 27}},
		{name: "reason of the CANCEL", play: pair("caller-cancel-reason", "callee-cancel-reason"), want: callerCancels},
	}
}

// identityScenarios are about where the true caller is read, a trunk at a time.
func identityScenarios() []scenario {
	return []scenario{
		{name: "caller in Remote-Party-ID", play: pair("caller-in-rpid", "callee-answer"),
			setup: setup{left: "caller: [rpid]"}, want: callerHangsUp},
		{name: "caller in Remote-Party-ID, by default", play: pair("caller-in-rpid", "callee-answer"), want: callerHangsUp},
		{name: "caller who wants privacy", play: pair("caller-private", "callee-answer"), setup: setup{identity: "pai"}, heard: shownInIdentity,
			want: callerHangsUp},
		{name: "caller in From", play: pair("caller-in-from", "callee-answer"),
			setup: setup{left: "caller: [from]"}, want: callerHangsUp},
	}
}
