package e2e

import (
	"mask700/binding/cdr"
)

// sessionScenarios are about the session timer of either leg (RFC 4028). Its usual intervals take minutes: these trunks
// take short ones.
func sessionScenarios() []scenario {
	expired := func(by string) ending {
		return ending{end: cdr.EndSessionExpired, releasedBy: by, status: 200, q850: 102}
	}
	return []scenario{
		{name: "session refreshed by the caller", play: pair("caller-refreshes", "callee-answer"), want: callerHangsUp},
		{name: "session of the caller refreshed by us", play: pair("caller-refreshed", "callee-answer"),
			setup: setup{left: "session_timer: 4s, min_session: 1s"}, want: callerHangsUp},
		{name: "session of the callee refreshed by us", play: pair("caller-await-bye", "callee-refreshed"),
			setup: setup{right: "session_timer: 4s, min_session: 1s"}, want: calleeHangsUp},
		{name: "session too brief for the callee", play: pair("caller-bye", "callee-too-brief"), want: callerHangsUp},
		{name: "caller dies", play: pair("caller-dies", "callee-answer"),
			setup: setup{left: "session_timer: 4s, min_session: 1s"}, want: expired(cdr.ByCaller)},
		{name: "callee dies", play: pair("caller-await-bye", "callee-dies"),
			setup: setup{right: "session_timer: 4s, min_session: 1s"}, want: expired(cdr.ByCallee)},
	}
}
