package phone

import (
	"slices"
	"strings"
	"testing"
	"time"

	"mask700/sip/flow"
)

// TestForks calls two phones of one number at once, through a switch that lets
// both answer for themselves.
func TestForks(t *testing.T) {
	rel := Behaviour{Reliable: Supported}
	early := func(after time.Duration) Behaviour {
		return Behaviour{Reliable: Supported, Progress: []Notice{{After: after, Status: 183, SDP: true}}}
	}
	never := early(s / 2)
	never.NeverAnswer = true
	run(t, []play{
		{name: "two early dialogs, one answer", phones: []Behaviour{rel, early(0), never}, ring: 2 * s, until: 9 * s,
			states: states(Talking, Talking, Ringing), finals: finals(200, 200, 0),
			sent:    "caller INVITE, callee 100, callee 183, twin 100, caller PRACK, callee 200, twin 183, caller PRACK, twin 200, callee 200, caller ACK",
			answers: map[string][]int{"PRACK": {200, 200}}},
		{name: "both answer", phones: []Behaviour{rel, early(0), early(s / 2)}, ring: 2 * s, until: 60 * s,
			states: states(Talking, Talking, Ended), finals: finals(200, 200, 200),
			sent: "...callee 200, twin 200, caller ACK, caller ACK, caller BYE, twin 200", answers: map[string][]int{"BYE": {200}}},
		{name: "both answer, unreliably", phones: []Behaviour{{}, {}, {Early: true}}, ring: 2 * s, until: 60 * s,
			states: states(Talking, Talking, Ended), finals: finals(200, 200, 200),
			sent: "...callee 200, twin 200, caller ACK, caller ACK, caller BYE, twin 200"},
		{name: "the offer is theirs", phones: []Behaviour{{Reliable: Supported, LateOffer: true}, early(0), never},
			ring: 2 * s, until: 9 * s, sent: "...caller PRACK, twin 200, callee 200, caller ACK",
			states: states(Talking, Talking, Ringing), finals: finals(200, 200, 0)},
		{name: "one leaves", phones: []Behaviour{{}, {}, {Progress: []Notice{{Status: 180}, {After: s, Status: 199}},
			NeverAnswer: true}}, ring: 2 * s,
			until: 9 * s, states: states(Talking, Talking, Ringing), finals: finals(200, 200, 0),
			sent: "...twin 199, callee 200, caller ACK"},
	})
}

// TestLateAnswerOfAFork lets the second answer come when the first is
// acknowledged, and again when its ACK was lost.
func TestLateAnswerOfAFork(t *testing.T) {
	l := connect(t, flow.UDP, 0, Behaviour{}, Behaviour{}, Behaviour{Progress: []Notice{{Status: 180}}})
	l.phones[2].config.Ring = 5 * s
	l.lose["caller ACK"] = 2
	l.phones[0].Dial(epoch, "1")
	l.until(4 * s)
	l.lose["caller ACK"] = 1
	l.until(90 * s)
	l.want(states(Talking, Talking, Ended), finals(200, 200, 200))
	if n := strings.Count(strings.Join(l.sent, ","), "caller BYE"); n != 1 {
		t.Errorf("%d BYEs, want one:\n%v", n, l.sent)
	}
	if got := l.phones[0].Answers("BYE"); !slices.Equal(got, []int{200}) {
		t.Errorf("BYE was answered %v", got)
	}
}
