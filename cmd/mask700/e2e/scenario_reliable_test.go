package e2e

import (
	"strconv"
	"strings"
	"testing"

	"mask700/cmd/mask700/e2e/rig"
)

// can do.
func reliableScenarios() []scenario {
	return []scenario{
		{name: "callee rings reliably, caller cannot", play: pair("caller-unreliable", "callee-reliable-ringing"),
			heard: prackedOnce, want: callerHangsUp},
		{name: "callee has reliable early media, caller cannot", play: pair("caller-unreliable", "callee-reliable-media"),
			want: callerHangsUp},
		{name: "caller requires 100rel, callee cannot", play: pair("caller-reliable-ringing", "callee-answer"),
			want: callerHangsUp},
		{name: "100rel required of the callee", play: pair("caller-unreliable", "callee-must-be-reliable"),
			setup: setup{right: "reliable: required"},
			want:  callerHangsUp},
		{name: "caller requires 100rel, callee's trunk does not know it", play: pair("caller-reliable-ringing", "callee-cannot-be-reliable"),
			setup: setup{right: "reliable: off"}, want: callerHangsUp},
		{name: "100rel on both legs", play: pair("caller-reliable-ringing", "callee-reliable-ringing"), alone: true,
			want: callerHangsUp},
		{name: "two reliable responses", play: pair("caller-reliable-media", "callee-reliable-media"), alone: true,
			heard: inOrder, want: callerHangsUp},
		{name: "reliable response again", play: pair("caller-reliable-ringing", "callee-reliable-again"),
			heard: prackedOnce, want: callerHangsUp},
		{name: "reliable response again, caller cannot", play: pair("caller-unreliable", "callee-reliable-again"),
			heard: prackedOnce, want: callerHangsUp},
		{name: "PRACK lost", play: pair("caller-unreliable", "callee-prack-lost"), heard: prackedOnce, want: callerHangsUp},
		{name: "answered before the PRACK", play: pair("caller-unreliable", "callee-answers-before-prack"),
			want: callerHangsUp},
		{name: "late PRACK", play: pair("caller-late-prack", "callee-slow-answer"), heard: rangAgain, want: callerHangsUp},
		{name: "PRACK of nothing", play: pair("caller-wrong-prack", "callee-slow-answer"), want: callerHangsUp},
		{name: "cancelled after PRACK", play: pair("caller-reliable-cancel", "callee-reliable-cancelled"), alone: true,
			want: callerCancels},
		{name: "cancelled after PRACK, callee cannot", play: pair("caller-reliable-cancel", "callee-cancelled"),
			want: callerCancels},
		{name: "cancelled after PRACK, caller cannot", play: pair("caller-cancel-ringing", "callee-reliable-cancelled"),
			want: callerCancels},
		{name: "offer in 183, answer in PRACK", play: pair("caller-offer-in-prack", "callee-offer-in-183"), alone: true,
			want: callerHangsUp},
		{name: "held by UPDATE before the answer", play: pair("caller-early-update", "callee-early-updated"), alone: true,
			want: callerHangsUp},
		{name: "UPDATE before the answer, which the callee does not take", play: pair("caller-update-too-early", "callee-reliable-media"),
			want: callerHangsUp},
		{name: "held by the callee's UPDATE before the answer", play: pair("caller-early-updated", "callee-early-update"), alone: true, want: callerHangsUp},
	}
}

// rangAgain: a reliable 180 was sent again while its PRACK was missing.
func rangAgain(t *testing.T, o outcome) {
	if n := count(o.callerHeard, "SIP/2.0 180", "INVITE"); n < 2 {
		t.Errorf("the caller got %d times 180 before its PRACK, want a second", n)
	}
}

// prackedOnce: one reliable response, one PRACK, however often either is sent.
func prackedOnce(t *testing.T, o outcome) {
	seen := map[string]bool{}
	for _, m := range pick(o.calleeHeard, "PRACK ", "PRACK") {
		seen[strings.Join(m.Header("CSeq"), "")] = true
	}
	if len(seen) != 1 {
		t.Errorf("the callee got %d PRACKs of one reliable response", len(seen))
	}
}

// inOrder: RSeq goes up by one from one reliable response to the next (RFC 3262 section 3).
func inOrder(t *testing.T, o outcome) {
	rseq := func(m rig.Message) int {
		n, err := strconv.Atoi(strings.Join(m.Header("RSeq"), ""))
		if err != nil {
			t.Errorf("no RSeq in:\n%s", m.Text)
		}
		return n
	}
	first, second := pick(o.callerHeard, "SIP/2.0 183", "INVITE"), pick(o.callerHeard, "SIP/2.0 180", "INVITE")
	if len(first) == 0 || len(second) == 0 || rseq(second[0]) != rseq(first[0])+1 {
		t.Errorf("RSeq of the second reliable response is not that of the first plus one")
	}
}
