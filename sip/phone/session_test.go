package phone

import (
	"slices"
	"strings"
	"testing"
	"time"

	"mask700/sip/flow"
)

// TestUpdate sends UPDATEs early and late, with and without an offer, into what
// they must not meet.
func TestUpdate(t *testing.T) {
	acts := func(a ...Act) Behaviour { return Behaviour{Reliable: Supported, Acts: a} }
	update := func(after time.Duration, c Change) Act { return Act{After: after, Method: "UPDATE", Change: c} }
	soon := func(a Act) Act { a.Early = true; return a }
	rel, early := Behaviour{Reliable: Supported}, Behaviour{Reliable: Supported, Early: true}
	talking, ok := states(Talking, Talking), finals(200, 200)
	run(t, []play{
		{name: "confirmed, with an offer", phones: []Behaviour{acts(update(s, Hold)), {}}, until: 5 * s, states: talking,
			finals:  ok,
			sent:    "...caller ACK, caller UPDATE, callee 200",
			answers: map[string][]int{"UPDATE": {200}}},
		{name: "confirmed, without", phones: []Behaviour{acts(update(s, NoOffer)), {}}, until: 5 * s, states: talking, finals: ok,
			sent: "...caller ACK, caller UPDATE, callee 200", answers: map[string][]int{"UPDATE": {200}}},
		{name: "by the callee", phones: []Behaviour{{}, acts(update(s, Hold))}, until: 5 * s, states: talking, finals: ok,
			sent: "...caller ACK, callee UPDATE, caller 200"},
		{name: "early, with an offer", phones: []Behaviour{acts(soon(update(s, Move))), early}, ring: 3 * s, until: 5 * s,
			states:  talking,
			finals:  ok,
			sent:    "...callee 183, caller PRACK, callee 200, caller UPDATE, callee 200, callee 200, caller ACK",
			answers: map[string][]int{"UPDATE": {200}}},
		{name: "early by the callee", phones: []Behaviour{rel, {Reliable: Supported, Early: true, Acts: []Act{soon(update(s,
			Move))}}},
			ring: 3 * s, until: 5 * s, states: talking, finals: ok,
			sent: "...callee 183, caller PRACK, callee 200, callee UPDATE, caller 200, callee 200, caller ACK"},
		{name: "early, before any answer", phones: []Behaviour{acts(soon(update(s, Move)), soon(update(s, NoOffer))), rel},
			ring: 3 * s, until: 9 * s,
			states: talking, finals: ok,
			sent: "...callee 180, caller PRACK, callee 200, caller UPDATE, callee 200, callee 200, caller ACK, caller UPDATE, callee 200"},
		{name: "to one who does not know it", phones: []Behaviour{acts(update(s, Hold)), {NoUpdate: true}}, until: 5 * s,
			states: talking,
			finals: ok, sent: "caller INVITE, callee 100, callee 180, callee 200, caller ACK"},
		{name: "refused", phones: []Behaviour{acts(update(s, Hold)), {RefuseUpdate: 488}}, until: 9 * s, states: talking,
			finals: ok,
			sent:   "...caller ACK, caller UPDATE, callee 488", answers: map[string][]int{"UPDATE": {488}}},
		{name: "refused, then something else", phones: []Behaviour{acts(update(s, Hold), Act{After: 2 * s, Method: "INVITE",
			Change: AsItIs}),
			{RefuseUpdate: 504}}, until: 9 * s, states: talking, finals: ok,
			sent: "...caller UPDATE, callee 504, caller INVITE, callee 200, caller ACK"},
		{name: "answered slowly", phones: []Behaviour{acts(update(s, Hold)), {SlowUpdate: 2 * s}}, until: 9 * s,
			states: talking, finals: ok,
			sent: "...caller UPDATE, caller UPDATE, caller UPDATE, callee 200"},
		{name: "the call ends before the answer", phones: []Behaviour{acts(update(s, Hold), Act{After: 2 * s, Method: "BYE"}),
			{SlowUpdate: 9 * s}}, until: 60 * s, states: states(Ended, Ended), finals: ok,
			sent:    "...caller UPDATE, caller UPDATE, caller BYE, callee 487, callee 200",
			answers: map[string][]int{"UPDATE": {487}, "BYE": {200}}},
		{name: "both at once", phones: []Behaviour{acts(update(s-delay/2, Hold)), acts(update(s, Hold))}, until: 20 * s,
			states: talking, finals: ok,
			answers: map[string][]int{"UPDATE": {491, 200}}, sent: "...callee UPDATE, caller UPDATE, caller 491, callee 491"},
		{name: "re-INVITEs at once", phones: []Behaviour{acts(Act{After: s - delay/2, Method: "INVITE"}), acts(Act{After: s,
			Method: "INVITE"})},
			until: 20 * s, states: talking, finals: ok, answers: map[string][]int{"INVITE": {491}},
			sent: "...callee INVITE, caller INVITE, caller 491, callee 491, callee ACK, caller ACK"},
	})
}

// TestBackOff checks who waits how long after a 491 (RFC 3261 section 14.1).
func TestBackOff(t *testing.T) {
	p := connect(t, flow.UDP, 0, Behaviour{}).phones[0]
	for range 1000 {
		if d := (&call{phone: p, outgoing: true}).backOff(); d < 2100*time.Millisecond || d > 4*s || d%(10*time.Millisecond) != 0 {
			t.Fatalf("the owner of the Call-ID waits %v", d)
		}
		if d := (&call{phone: p}).backOff(); d < 0 || d > 2*s || d%(10*time.Millisecond) != 0 {
			t.Fatalf("the other waits %v", d)
		}
	}
}

// TestChanges sends every change of the session in a row, by both methods, from
// both sides, and checks what the other gets to see.
func TestChanges(t *testing.T) {
	marks := map[Change]string{
		Hold: "a=sendonly", HoldOld: "c=IN IP4 0.0.0.0", Inactive: "a=inactive", Resume: "a=sendrecv", Move: "m=audio 40002 ",
		OneCodec: "RTP/AVP 8 101\r\n", Video: "m=video 50000 ",
	}
	for side := range 2 {
		for _, method := range []string{"INVITE", "UPDATE"} {
			l := connect(t, flow.UDP, 0, Behaviour{}, Behaviour{})
			l.phones[0].Dial(epoch, "1")
			at := s
			l.until(at)
			for change := range Change(Changes) {
				l.phones[side].Do(l.now, Act{Method: method, Change: change})
				at += s
				l.until(at)
				if got := l.phones[1-side].RemoteSDP(); !strings.Contains(string(got), marks[change]) {
					t.Errorf("change %d by %s of phone %d is not to be seen:\n%s", change, method, side, got)
				}
			}
			l.want(states(Talking, Talking), finals(200, 200))
			if method == "INVITE" {
				continue
			}
			if want := slices.Repeat([]int{200}, Changes); !slices.Equal(l.phones[side].Answers(method), want) {
				t.Errorf("phone %d was answered %v", side, l.phones[side].Answers(method))
			}
		}
	}
}
