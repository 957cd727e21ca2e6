package phone

import (
	"slices"
	"strings"
	"testing"
	"time"

	"mask700/sip/flow"
)

// TestSessionTimers runs sessions that are refreshed, or not (RFC 4028).
func TestSessionTimers(t *testing.T) {
	timer := func(expires int, who string) Behaviour {
		return Behaviour{Timer: Supported, Expires: expires, Refresher: who}
	}
	knows := Behaviour{Timer: Supported}
	talking, over, ok := states(Talking, Talking), states(Ended, Ended), finals(200, 200)
	call := "caller INVITE, callee 100, callee 180, callee 200, caller ACK"
	run(t, []play{
		{name: "the caller refreshes", phones: []Behaviour{timer(90, "uac"), knows}, until: 100 * s, states: talking, finals: ok,
			sent: call + ", caller UPDATE, callee 200, caller UPDATE, callee 200"},
		{name: "the callee refreshes", phones: []Behaviour{timer(90, "uas"), knows}, until: 100 * s, states: talking, finals: ok,
			sent: call + ", callee UPDATE, caller 200, callee UPDATE, caller 200"},
		{name: "the callee asks", phones: []Behaviour{knows, timer(120, "uac")}, until: 100 * s, states: talking, finals: ok,
			sent: call + ", caller UPDATE, callee 200"},
		{name: "the callee asks for less", phones: []Behaviour{timer(1800, "uac"), timer(120, "")}, until: 100 * s,
			states: talking, finals: ok,
			sent: call + ", caller UPDATE, callee 200"},
		{name: "only the callee knows", phones: []Behaviour{{}, timer(100, "uac")}, until: 80 * s, states: talking, finals: ok,
			sent: call + ", callee UPDATE, caller 200"},
		{name: "only the caller knows", phones: []Behaviour{timer(90, ""), {}}, until: 1000 * s, states: talking,
			finals: ok, sent: call},
		{name: "by re-INVITE", phones: []Behaviour{timer(90, "uac"), {Timer: Supported, NoUpdate: true}}, until: 60 * s,
			states: talking, finals: ok,
			sent: call + ", caller INVITE, callee 200, caller ACK"},
		{name: "too short for the callee", phones: []Behaviour{timer(90, "uac"), {Timer: Supported, MinSE: 300}}, ring: s,
			until: 140 * s, states: talking,
			finals: ok, sent: "caller INVITE, callee 422, caller ACK, " + call},
		{name: "required by the caller, not known", phones: []Behaviour{{Timer: Required, Expires: 90}, {}}, until: 40 * s,
			states: states(Ended, Idle),
			finals: finals(420, 0), sent: "caller INVITE, callee 420, caller ACK"},
		{name: "required by the callee, not known", phones: []Behaviour{{}, {Timer: Required}}, until: 40 * s,
			states: states(Ended, Idle),
			finals: finals(421, 0), sent: "caller INVITE, callee 421, caller ACK"},
		{name: "the caller stops refreshing", phones: []Behaviour{{Timer: Supported, Expires: 90, Refresher: "uac",
			NoRefresh: true}, knows},
			until: 100 * s, states: over, finals: ok, sent: call + ", callee BYE, caller 200"},
		{name: "the callee has lost its memory", phones: []Behaviour{timer(90, "uac"), {Timer: Supported, DeadAfter: s}},
			until: 100 * s, states: over,
			finals: ok, sent: call + ", caller UPDATE, callee 481, caller BYE, callee 481"},
		{name: "a hold is a refresh", phones: []Behaviour{{Timer: Supported, Expires: 90, Refresher: "uac",
			ReinviteAfter: 40 * s}, knows},
			until: 80 * s, states: talking, finals: ok, sent: call + ", caller INVITE, callee 200, caller ACK"},
		{name: "a hold by the other keeps the roles", phones: []Behaviour{timer(90, "uac"), {Timer: Supported,
			ReinviteAfter: 40 * s}},
			until: 90 * s, states: talking, finals: ok,
			sent: call + ", callee INVITE, caller 200, callee ACK, caller UPDATE, callee 200"},
	})
}

// TestExpiry checks when a session ends that nobody refreshes, for both roles
// (RFC 4028 section 10).
func TestExpiry(t *testing.T) {
	for _, test := range []struct {
		expires int
		at      time.Duration
	}{{90, 60 * s}, {1800, 1768 * s}} {
		l := connect(t, flow.UDP, 0, Behaviour{Timer: Supported, Expires: test.expires, Refresher: "uac"},
			Behaviour{Timer: Supported})
		l.phones[0].Dial(epoch, "1")
		l.until(s)
		l.tamper = func(string, []byte) []byte { return nil } // the wire is cut
		l.until(test.at - s)
		if l.phones[1].State() != Talking {
			t.Errorf("%d s: the callee is %v too early", test.expires, l.phones[1].State())
		}
		l.until(test.at + s)
		if l.phones[1].State() != Ended || !l.phones[1].Expired() {
			t.Errorf("%d s: the callee is %v", test.expires, l.phones[1].State())
		}
		l.until(test.at + 90*s)
		if l.phones[0].State() != Ended {
			t.Errorf("%d s: the caller is %v, though its refresh got no answer", test.expires, l.phones[0].State())
		}
		if got := l.phones[0].Answers("UPDATE"); !slices.Equal(got, []int{0}) {
			t.Errorf("%d s: refreshes were answered %v", test.expires, got)
		}
		l.idle()
	}
}

// TestRefreshSaysNothingNew checks that a refresh by INVITE repeats the
// description, its version too.
func TestRefreshSaysNothingNew(t *testing.T) {
	l := connect(t, flow.UDP, 0, Behaviour{Timer: Supported, Expires: 90, Refresher: "uac"}, Behaviour{Timer: Supported,
		NoUpdate: true})
	var offers []string
	l.tamper = func(name string, b []byte) []byte {
		if name == "caller INVITE" {
			_, body, _ := strings.Cut(string(b), "\r\n\r\n")
			offers = append(offers, body)
		}
		return b
	}
	l.phones[0].Dial(epoch, "1")
	l.until(100 * s)
	l.want(states(Talking, Talking), finals(200, 200))
	if len(offers) != 3 || offers[0] != offers[1] || offers[1] != offers[2] {
		t.Errorf("offers were %q", offers)
	}
}
