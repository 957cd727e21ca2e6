package e2e

import (
	"fmt"
	"strings"
	"testing"

	"mask700/binding/cdr"
	"mask700/cmd/mask700/e2e/rig"
)

// updateScenarios are offers by UPDATE inside the call (RFC 3311).
func updateScenarios() []scenario {
	return []scenario{
		{name: "held by UPDATE", play: pair("caller-update-hold", "callee-updated-twice"), alone: true, want: callerHangsUp},
		{name: "held by UPDATE, which the callee does not take", play: pair("caller-update-hold", "callee-reinvited-twice"),
			want: callerHangsUp},
		{name: "held by the callee's UPDATE", play: pair("caller-updated-twice", "callee-update-hold"), alone: true,
			want: calleeHangsUp},
		{name: "held by the callee's UPDATE, which the caller does not take", play: pair("caller-reinvited-twice", "callee-update-hold"),
			want: calleeHangsUp},
		{name: "UPDATE without SDP", play: pair("caller-update-without-sdp", "callee-answer"), want: callerHangsUp},
		{name: "UPDATE refused", play: pair("caller-update-refused", "callee-refuses-update"), alone: true,
			want: callerHangsUp},
		{name: "UPDATE crosses a re-INVITE", play: pair("caller-update-crosses", "callee-reinvites"), want: callerHangsUp},
		{name: "UPDATE before the last one is answered", play: pair("caller-update-twice-at-once", "callee-slow-update"),
			want: callerHangsUp},
	}
}

// reinviteScenarios are offers by re-INVITE (RFC 3261 section 14).
func reinviteScenarios() []scenario {
	return []scenario{
		{name: "hold and resume", play: pair("caller-hold", "callee-reinvited-twice"), alone: true, want: callerHangsUp},
		{name: "hold and resume by the callee", play: pair("caller-reinvited-twice", "callee-hold"), alone: true,
			want: calleeHangsUp},
		{name: "hold, inactive", play: pair("caller-hold-inactive", "callee-held-inactive"), alone: true, want: callerHangsUp},
		{name: "hold, 0.0.0.0", play: pair("caller-hold-zero", "callee-held-zero"), want: callerHangsUp},
		{name: "another codec, port and address", play: pair("caller-changes-codec", "callee-changed-codec"), alone: true,
			want: callerHangsUp},
		{name: "video added", play: pair("caller-adds-video", "callee-reinvited"), want: callerHangsUp},
		{name: "video, taken out again", play: pair("caller-video", "callee-video"), alone: true,
			setup: setup{left: "video: allow", right: "video: allow"}, want: callerHangsUp},
		{name: "re-INVITE without an offer", play: pair("caller-reinvite-without-offer", "callee-reinvited-without-offer"), alone: true,
			want: callerHangsUp},
		{name: "re-INVITE of the callee without an offer", play: pair("caller-reinvited-without-offer", "callee-reinvite-without-offer"), alone: true,
			want: calleeHangsUp},
		{name: "re-INVITE refused", play: pair("caller-reinvite-refused", "callee-refuses-reinvite"), alone: true,
			want: callerHangsUp},
		{name: "re-INVITE of the callee refused", play: pair("caller-refuses-reinvite", "callee-reinvite-refused"), alone: true,
			want: calleeHangsUp},
		{name: "re-INVITEs cross", play: pair("caller-reinvite-crosses", "callee-reinvite-crosses"), want: callerHangsUp},
		{name: "re-INVITE told 491", play: pair("caller-reinvite-pending", "callee-reinvite-pending"), alone: true,
			want: callerHangsUp},
		{name: "re-INVITE before the last one is answered", play: pair("caller-reinvite-twice-at-once", "callee-slow-reinvite"),
			want: callerHangsUp},
		{name: "re-INVITE before the ACK", play: pair("caller-reinvite-before-ack", "callee-held"), want: callerHangsUp},
		{name: "re-INVITE to a phone that has forgotten the call", play: pair("caller-reinvite-gone", "callee-reinvite-gone"),
			want: ending{end: cdr.EndLegLost, releasedBy: cdr.ByCallee, status: 200, q850: 102}},
		{name: "re-INVITE to a caller that has forgotten the call", play: pair("caller-forgets", "callee-forgotten"),
			want: ending{end: cdr.EndLegLost, releasedBy: cdr.ByCaller, status: 200, q850: 102}},
	}
}

// sameSession: the descriptions that a phone got in one call have one session id in their o= line, and a version that
// is another, and higher, when the text is another (RFC 3264 section 8).
func sameSession(t *testing.T, who string, heard []rig.Message) {
	t.Helper()
	type session struct {
		id   string
		last int
		text map[int]string // by version
	}
	sessions := map[string]*session{}
	for _, m := range heard {
		body := m.Body()
		_, origin, described := strings.Cut(body, "\r\no=")
		if !described {
			continue
		}
		var id string
		var version int
		if _, err := fmt.Sscanf(origin, "- %s %d", &id, &version); err != nil {
			t.Errorf("the %s got an o= line that is not ours:\n%s", who, body)
			continue
		}
		call := strings.Join(m.Header("Call-ID"), "")
		s := sessions[call]
		if s == nil {
			s = &session{id: id, last: version, text: map[int]string{}}
			sessions[call] = s
		}
		known, again := s.text[version]
		switch {
		case s.id != id:
			t.Errorf("the %s got two session ids in one call", who)
		case again && known != body:
			t.Errorf("the %s got version %d of two descriptions:\n%s\n%s", who, version, known, body)
		case !again && version < s.last:
			t.Errorf("the %s got version %d after %d", who, version, s.last)
		}
		s.text[version], s.last = body, max(s.last, version)
	}
}
