package e2e

import (
	"strings"
	"testing"
	"time"

	"mask700/binding/cdr"
)

// basicScenarios are calls as they should be (RFC 3665 section 3).
func basicScenarios() []scenario {
	ignore := []string{"-pause_msg_ign"}
	again := pair("caller-invite-again", "callee-answer")
	again.callerFlags = ignore
	byeAgain := pair("caller-bye-again", "callee-answer")
	byeAgain.callerFlags = ignore
	five := pair("caller-bye", "callee-answer")
	five.calls = 5
	echoed := pair("caller-rtp", "callee-answer")
	echoed.calleeFlags = []string{"-rtp_echo"}
	never := pair("caller-never-ack", "callee-never-acked")
	never.within = 50 * time.Second
	return []scenario{
		{name: "basic, caller hangs up", play: pair("caller-bye", "callee-answer"), alone: true, want: callerHangsUp},
		{name: "basic, callee hangs up", play: pair("caller-await-bye", "callee-bye"), alone: true, want: calleeHangsUp},
		{name: "reverse, caller hangs up", play: pair("caller-bye", "callee-answer"), reverse: true, want: callerHangsUp},
		{name: "reverse, callee hangs up", play: pair("caller-await-bye", "callee-bye"), reverse: true, want: calleeHangsUp},
		{name: "five calls, one after the other", play: five, alone: true, invites: 5, want: callerHangsUp},
		{name: "700 number repeated in P-Asserted-Identity", play: pair("caller-bye", "callee-answer"),
			setup: setup{identity: "pai"}, heard: shownInIdentity, want: callerHangsUp},
		{name: "proxies that stay in the path", play: pair("caller-proxied", "callee-proxied"), want: calleeHangsUp},
		{name: "answered without ringing", play: pair("caller-answered-at-once", "callee-silent-then-answer"), alone: true,
			want: callerHangsUp},
		{name: "offer in the 200", play: pair("caller-delayed-offer", "callee-delayed-offer"), alone: true,
			want: callerHangsUp},
		{name: "what Asterisk sends", play: pair("caller-asterisk", "callee-reinvited"), alone: true, want: callerHangsUp},
		{name: "audio both ways", play: pair("caller-rtp", "callee-rtp"), alone: true, audio: true, want: callerHangsUp},
		{name: "audio echoed", play: echoed, alone: true, audio: true, want: callerHangsUp},
		{name: "no longer than the binding allows", play: pair("caller-await-bye", "callee-answer"), bind: []string{"--max-duration", "2s"},
			want: ending{end: cdr.EndMaxDuration, releasedBy: cdr.ByPlatform, status: 200}},

		{name: "cancelled after 100", play: pair("caller-cancel-trying", "callee-cancelled-trying"), alone: true,
			want: callerCancels},
		{name: "cancelled before the callee said anything", play: pair("caller-cancel-trying", "callee-cancelled-late"),
			want: callerCancels},
		{name: "cancelled after 180", play: pair("caller-cancel-ringing", "callee-cancelled"), alone: true,
			want: callerCancels},
		{name: "200 crosses the CANCEL", play: pair("caller-cancel-ringing", "callee-answers-cancel"), want: callerCancels},

		{name: "INVITE again", play: again, alone: true, want: callerHangsUp},
		{name: "BYE again", play: byeAgain, want: callerHangsUp},
		{name: "late ACK", play: pair("caller-late-ack", "callee-answer"), alone: true,
			heard: answeredAgain(2), want: callerHangsUp},
		{name: "two ACKs lost", play: pair("caller-ack-lost", "callee-answer"), alone: true,
			heard: answeredAgain(3), want: callerHangsUp},
		{name: "no ACK", play: never, want: ending{end: cdr.EndNoACK, releasedBy: cdr.ByCaller, status: 200}},
		{name: "callee slow to answer the BYE", play: pair("caller-bye", "callee-slow-bye"), alone: true,
			heard: hungUpAgain, want: callerHangsUp},
	}
}

// shownInIdentity: with identity: pai every INVITE to the callee has the header.
func shownInIdentity(t *testing.T, o outcome) {
	for _, m := range o.calleeHeard {
		if strings.HasPrefix(m.First(), "INVITE ") && len(m.Header("P-Asserted-Identity")) != 1 {
			t.Errorf("INVITE without one P-Asserted-Identity:\n%s", m.Text)
		}
	}
}

// answeredAgain: the 200 was sent again while the ACK was missing.
func answeredAgain(times int) func(*testing.T, outcome) {
	return func(t *testing.T, o outcome) {
		if n := count(o.callerHeard, "SIP/2.0 200", "INVITE"); n < times {
			t.Errorf("the caller got %d answers before its ACK, want %d", n, times)
		}
	}
}

// hungUpAgain: the BYE was sent again while its answer was missing.
func hungUpAgain(t *testing.T, o outcome) {
	if n := count(o.calleeHeard, "BYE ", "BYE"); n < 2 {
		t.Errorf("the callee got %d BYEs before it answered, want a second", n)
	}
}
