package phone

import (
	"slices"
	"strings"
	"testing"

	"mask700/sip/flow"
)

// TestAsides sends within a call what has nothing to do with its session.
func TestAsides(t *testing.T) {
	act := func(method string) Behaviour { return Behaviour{Acts: []Act{{After: s, Method: method, Digit: '7'}}} }
	talking, ok := states(Talking, Talking), finals(200, 200)
	call := "caller INVITE, callee 100, callee 180, callee 200, caller ACK"
	run(t, []play{
		{name: "INFO", phones: []Behaviour{act("INFO"), {}}, until: 3 * s, states: talking, finals: ok,
			sent:    call + ", caller INFO, callee 200",
			answers: map[string][]int{"INFO": {200}}},
		{name: "OPTIONS", phones: []Behaviour{act("OPTIONS"), {}}, until: 3 * s, states: talking, finals: ok,
			sent:    call + ", caller OPTIONS, callee 200",
			answers: map[string][]int{"OPTIONS": {200}}},
		{name: "REFER", phones: []Behaviour{act("REFER"), {}}, until: 3 * s, states: talking, finals: ok,
			sent:    call + ", caller REFER, callee 405",
			answers: map[string][]int{"REFER": {405}}},
		{name: "unknown", phones: []Behaviour{act("JUMP"), {}}, until: 3 * s, states: talking, finals: ok,
			sent:    call + ", caller JUMP, callee 405",
			answers: map[string][]int{"JUMP": {405}}},
		{name: "early BYE", phones: []Behaviour{{Acts: []Act{{After: s, Early: true, Method: "BYE"}}}, {}}, ring: 9 * s,
			until:  90 * s,
			states: states(Ended, Ended), finals: finals(487, 487),
			sent: "caller INVITE, callee 100, callee 180, caller BYE, callee 200, callee 487, caller ACK"},
		{name: "early BYE crosses the answer", phones: []Behaviour{{Acts: []Act{{After: s - delay/2, Early: true,
			Method: "BYE"}}}, {}}, ring: s,
			until: 90 * s, states: states(Ended, Ended), finals: ok,
			sent: "caller INVITE, callee 100, callee 180, callee 200, caller BYE, caller ACK, caller BYE, callee 200, callee 200"},
	})
}

func TestDigits(t *testing.T) {
	b := Behaviour{}
	for i := range 12 {
		b.Acts = append(b.Acts, Act{After: s, Method: "INFO", Digit: "123456789*0#"[i]})
	}
	l := connect(t, flow.UDP, 0, b, Behaviour{})
	l.phones[0].Dial(epoch, "1")
	l.until(3 * s)
	l.want(states(Talking, Talking), finals(200, 200))
	if got := l.phones[1].Digits(); got != "123456789*0#" {
		t.Errorf("heard %q", got)
	}
}

// TestHabits checks that the bad habits are what they are called, and that a
// plain phone at the other end lives through them.
func TestHabits(t *testing.T) {
	talking, over, ok := states(Talking, Talking), states(Ended, Ended), finals(200, 200)
	call := "caller INVITE, callee 100, callee 180, callee 200, caller ACK"
	acts := func(a ...Act) Behaviour { return Behaviour{Acts: a} }
	run(t, []play{
		{name: "CSeq jumps", phones: []Behaviour{{Habits: Habits{CSeqJump: 1000}, ReinviteAfter: s, ByeAfter: 2 * s}, {}},
			until: 60 * s, states: over,
			finals: ok, sent: call + ", caller INVITE, callee 200, caller ACK, caller BYE, callee 200"},
		{name: "1xx after final", phones: []Behaviour{{}, {Habits: Habits{LateProvisional: true}}}, until: 3 * s,
			states: talking, finals: ok,
			sent: "caller INVITE, callee 100, callee 180, callee 200, callee 180, caller ACK"},
		{name: "the 2xx comes again with another tag", phones: []Behaviour{{LateACK: 700 * delay / 10},
			{Habits: Habits{OtherTag: true}}}, until: 9 * s,
			states: talking, finals: ok,
			sent: "caller INVITE, callee 100, callee 180, callee 200, callee 200, caller ACK, caller BYE, callee 481, caller ACK"},
		{name: "CANCEL after the answer", phones: []Behaviour{{Habits: Habits{CancelLate: true}}, {}}, until: 3 * s,
			states: talking, finals: ok,
			sent: "caller INVITE, callee 100, callee 180, callee 200, caller CANCEL, caller ACK, callee 200"},
		{name: "re-INVITE before the ACK", phones: []Behaviour{{Habits: Habits{EagerReinvite: true}}, {}}, until: 20 * s,
			states: talking, finals: ok,
			sent: "caller INVITE, callee 100, callee 180, callee 200, caller INVITE, caller ACK, callee 491, caller ACK"},
		{name: "re-INVITE by the callee before the ACK", phones: []Behaviour{{}, {Habits: Habits{EagerReinvite: true}}},
			until: 20 * s, states: talking,
			finals: ok, sent: "caller INVITE, callee 100, callee 180, callee 200, callee INVITE, caller ACK, caller 200, callee ACK"},
		{name: "BYE by the callee before the ACK", phones: []Behaviour{{LateACK: 3 * s}, {Habits: Habits{EagerBye: true},
			ByeAfter: s}}, until: 60 * s,
			states: over, finals: ok,
			sent: "caller INVITE, callee 100, callee 180, callee 200, callee 200, callee BYE, caller 200, callee 200, caller ACK"},
		{name: "an old number", phones: []Behaviour{acts(Act{After: s, Method: "INFO", Digit: '5'}, Act{After: 2 * s,
			Method: "OPTIONS", Stale: true}), {}}, until: 4 * s,
			states: talking, finals: ok, sent: call + ", caller INFO, callee 200, caller OPTIONS, callee 500"},
		{name: "an old request", phones: []Behaviour{acts(Act{After: s, Method: "INFO", Digit: '5'}, Act{After: 50 * s,
			Method: "INFO", Repeat: true}), {}},
			until: 52 * s, states: talking, finals: ok, sent: call + ", caller INFO, callee 200, caller INFO, callee 500"},
		{name: "a re-INVITE is answered slowly", phones: []Behaviour{{ReinviteAfter: s}, {SlowReinvite: 2 * s}}, until: 9 * s,
			states: talking, finals: ok, sent: call + ", caller INVITE, callee 180, callee 200, caller ACK"},
		{name: "nothing to repeat", phones: []Behaviour{acts(Act{After: s, Method: "INFO", Repeat: true}), {}},
			until: 52 * s, states: talking, finals: ok,
			sent: call},
	})
}

// TestRestart lets a phone forget its call in every state.
func TestRestart(t *testing.T) {
	for _, test := range []struct {
		who    int
		at     int // ms
		states []State
	}{
		{1, 500, states(Ringing, Ended)}, {1, 2500, states(Ended, Ended)}, {0, 500, states(Ended, Ended)}, {0, 2500,
			states(Ended, Ended)},
	} {
		l := connect(t, flow.UDP, s, Behaviour{ByeAfter: 9 * s}, Behaviour{ByeAfter: 10 * s})
		l.phones[0].Dial(epoch, "1")
		l.until(msec(test.at))
		l.phones[test.who].Restart(l.now)
		if l.phones[test.who].Busy() {
			t.Error("a phone waits for what it has forgotten")
		}
		l.until(90 * s)
		for i, p := range l.phones {
			if p.State() != test.states[i] {
				t.Errorf("phone %d restarted after %d ms, and phone %d is %v: %v", test.who, test.at, i, p.State(), l.sent)
			}
		}
	}
}

// TestNews sends a phone that has asked for a transfer what it is to hear of it.
func TestNews(t *testing.T) {
	l := connect(t, flow.UDP, 0, Behaviour{Acts: []Act{{After: s, Method: "REFER", To: "700100000010001"}}},
		Behaviour{Acts: []Act{{After: 2 * s, Method: "NOTIFY"}}})
	l.tamper = func(name string, b []byte) []byte {
		if name != "callee NOTIFY" {
			return b
		}
		head := strings.TrimSuffix(string(b), "\r\n\r\n")
		return measured([]byte(head + "\r\nEvent: refer\r\nContact: <sip:b@198.51.100.20:5070>\r\nSubscription-State: active\r\n" +
			"Content-Type: message/sipfrag;version=2.0\r\n\r\nSIP/2.0 180 Ringing\r\n"))
	}
	l.phones[0].Dial(epoch, "1")
	l.until(4 * s)
	l.want(states(Talking, Talking), finals(200, 200))
	if got := l.phones[0].News(); !slices.Equal(got, []string{"SIP/2.0 180 Ringing"}) {
		t.Errorf("heard %q", got)
	}
	if got := l.phones[1].Answers("NOTIFY"); !slices.Equal(got, []int{200}) {
		t.Errorf("NOTIFY was answered %v", got)
	}
}

// TestSession reads what a call has come to, and knows when that is not decided.
func TestSession(t *testing.T) {
	l := connect(t, flow.UDP, s, Behaviour{ReinviteAfter: s}, Behaviour{SlowReinvite: 3 * s})
	for at, want := range []bool{false, true, false, false, false, true} {
		if at == 0 {
			l.phones[0].Dial(epoch, "1")
		}
		l.until(msec(1000*at + 500))
		for i, p := range l.phones {
			id, own, theirs, ok := p.Session()
			if ok != want || want && (id == "" || !strings.Contains(string(own), "m=audio") || !strings.Contains(string(theirs), "m=audio")) {
				t.Errorf("after %d s phone %d says %t: %s, %s", at, i, ok, own, theirs)
			}
		}
	}
}
