package e2e

import (
	"slices"
	"strings"
	"testing"
)

// earlyScenarios are about what is heard before the answer (RFC 3960).
func earlyScenarios() []scenario {
	hidden := setup{right: "early_media: ringing"}
	return []scenario{
		{name: "early media", play: pair("caller-early", "callee-early"), alone: true, audio: true, want: callerHangsUp},
		{name: "180 after 183", play: pair("caller-early-then-ringing", "callee-early-then-ringing"), alone: true,
			want: callerHangsUp},
		{name: "183 after 180", play: pair("caller-ringing-then-early", "callee-ringing-then-early"), alone: true,
			want: callerHangsUp},
		{name: "early media hidden", play: pair("caller-ringing-only", "callee-early"), setup: hidden,
			heard: rangAtAll, want: callerHangsUp},
		{name: "early media hidden, 180 after 183", play: pair("caller-ringing-only", "callee-early-then-ringing"), setup: hidden, heard: rangAtAll,
			want: callerHangsUp},
		{name: "early media hidden, reliable", play: pair("caller-ringing-only", "callee-reliable-media"), setup: hidden, heard: rangAtAll,
			want: callerHangsUp},
		{name: "progress without SDP", play: pair("caller-progress", "callee-progress-without-sdp"),
			heard: oneTag, want: callerHangsUp},
		{name: "rings twelve times", play: pair("caller-progress", "callee-rings-on"), heard: oneTag, want: callerHangsUp},
		{name: "one of two phones gives up", play: pair("caller-progress", "callee-early-dialog-ends"),
			heard: oneTag, want: callerHangsUp},
		{name: "two phones with early media", play: pair("caller-forked-early", "callee-forks-early"),
			heard: oneTag, want: callerHangsUp},
		{name: "answered with another tag", play: pair("caller-forked-early", "callee-another-tag"),
			heard: oneTag, want: callerHangsUp},
	}
}

// rangAtAll: the caller heard that it rings.
func rangAtAll(t *testing.T, o outcome) {
	if count(o.callerHeard, "SIP/2.0 180", "INVITE") == 0 {
		t.Error("the caller heard no ringing")
	}
}

// oneTag: whatever phones there are below, above there is one dialog (RFC 3261 section 12.1.1).
func oneTag(t *testing.T, o outcome) {
	var tags []string
	for _, m := range pick(o.callerHeard, "SIP/2.0 ", "INVITE") {
		if _, tag, tagged := strings.Cut(strings.Join(m.Header("To"), ""), ";tag="); tagged && !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	if len(tags) != 1 {
		t.Errorf("the caller saw the tags %q, want one", tags)
	}
}
