package e2e

import (
	"testing"
)

// misbehavingScenarios are phones that do what they should not, and networks that lose, double and turn round.
func misbehavingScenarios() []scenario {
	return []scenario{
		{name: "ACK with the INVITE's branch", play: pair("caller-ack-in-transaction", "callee-answer"), want: callerHangsUp},
		{name: "200 again", play: pair("caller-bye", "callee-answers-twice"), heard: acknowledgedTwice, want: callerHangsUp},
		{name: "two phones answer", play: pair("caller-bye", "callee-forks-answer"), want: callerHangsUp},
		{name: "news after the answer", play: pair("caller-bye", "callee-late-news"), want: callerHangsUp},
		{name: "CANCEL crosses the 200", play: pair("caller-cancel-too-late", "callee-answer"), want: callerHangsUp},
		{name: "BYE crosses BYE, caller's side", play: pair("caller-bye-crosses", "callee-bye"), want: calleeHangsUp},
		{name: "BYE crosses BYE, callee's side", play: pair("caller-bye", "callee-bye-crosses"), want: callerHangsUp},
		{name: "BYE before the ACK", play: pair("caller-bye-before-ack", "callee-answer"), want: callerHangsUp},
		{name: "BYE of the callee before the ACK", play: pair("caller-slow-answer", "callee-bye-before-ack"),
			want: calleeHangsUp},
		{name: "BYE while it rings", play: pair("caller-bye-while-ringing", "callee-cancelled"), want: callerCancels},
		{name: "CSeq jumps and tags change", play: pair("caller-counts-badly", "callee-answer"), want: callerHangsUp},
		{name: "a response cut off", play: pair("caller-answered-at-once", "callee-cuts-off"), want: callerHangsUp},
		{name: "a body beyond Content-Length", play: pair("caller-overlong", "callee-delayed-offer"), want: callerHangsUp},
		{name: "strays in the midst of a call", play: pair("caller-strays", "callee-answer"), want: callerHangsUp},
	}
}

// acknowledgedTwice: each 200 has its ACK, for the callee cannot know that it was had before.
func acknowledgedTwice(t *testing.T, o outcome) {
	if n := count(o.calleeHeard, "ACK ", "ACK"); n < 2 {
		t.Errorf("the callee got %d ACKs of two answers", n)
	}
}
