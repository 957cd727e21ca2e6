package phone

import (
	"strings"
	"testing"
	"time"

	"mask700/media/sdp"
	"mask700/sip/flow"
)

func TestCall(t *testing.T) {
	for _, network := range []flow.Network{flow.UDP, flow.TCP} {
		l := connect(t, network, time.Second, Behaviour{ByeAfter: 3 * time.Second}, Behaviour{})
		l.phones[0].Dial(epoch, "700100000010000")
		l.until(500 * time.Millisecond)
		l.want([]State{Ringing, Ringing}, []int{0, 0})
		l.until(2 * time.Second)
		l.want([]State{Talking, Talking}, []int{200, 200})
		if got := l.phones[1].Shown(); got != "13800000001" {
			t.Errorf("%v: the callee's display shows %q", network, got)
		}
		for i, host := range []string{"198.51.100.20", "192.0.2.10"} {
			d, err := sdp.Parse(l.phones[i].RemoteSDP())
			if err != nil {
				t.Fatal(err)
			}
			if r, err := sdp.Remote(d); err != nil || r.RTP.String() != host+":40000" {
				t.Errorf("%v: phone %d would send to %v, %v", network, i, r.RTP, err)
			}
		}
		l.until(time.Minute)
		l.want([]State{Ended, Ended}, []int{200, 200})
		l.wantSent("caller INVITE, callee 100, callee 180, callee 200, caller ACK, caller BYE, callee 200")
		l.idle()
	}
}

func TestBehaviour(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name           string
		caller, callee Behaviour
		ring           time.Duration
		at             time.Duration
		states         []State
		finals         []int
		sent           string
	}{
		{"rejected", Behaviour{}, Behaviour{Reject: 486}, s, 40 * s, []State{Ended, Ended}, []int{486, 486},
			"caller INVITE, callee 100, callee 180, callee 486, caller ACK"},
		{"early media", Behaviour{}, Behaviour{Early: true, ByeAfter: s}, s, 40 * s, []State{Ended, Ended}, []int{200, 200},
			"caller INVITE, callee 100, callee 183, callee 200, caller ACK, callee BYE, caller 200"},
		{"cancelled", Behaviour{CancelAfter: s}, Behaviour{NeverAnswer: true}, 0, 40 * s, []State{Ended, Ended}, []int{487, 487},
			"caller INVITE, callee 100, callee 180, caller CANCEL, callee 200, callee 487, caller ACK"},
		{"answer crosses CANCEL", Behaviour{CancelAfter: s}, Behaviour{AnswerCancelled: true}, 0, 40 * s, []State{Ended,
			Ended}, []int{200, 200},
			"caller INVITE, callee 100, callee 180, caller CANCEL, callee 200, callee 200, caller ACK, caller BYE, callee 200"},
		{"cancelled before a word", Behaviour{CancelAfter: 100 * time.Millisecond}, Behaviour{Abrupt: true}, 3 * s, 40 * s,
			[]State{Ended, Ended}, []int{200, 200},
			"caller INVITE, caller INVITE, caller INVITE, callee 200, caller ACK, caller BYE, callee 200"},
		{"silent", Behaviour{}, Behaviour{Silent: true}, 0, 40 * s, []State{Ended, Idle}, []int{408, 0},
			"caller INVITE, caller INVITE, caller INVITE, caller INVITE, caller INVITE, caller INVITE, caller INVITE"},
		{"rings", Behaviour{}, Behaviour{NeverAnswer: true}, 0, 1000 * s, []State{Ringing, Ringing}, []int{0, 0},
			"caller INVITE, callee 100, callee 180"},
		{"late offer", Behaviour{LateOffer: true, ByeAfter: s}, Behaviour{}, s, 40 * s, []State{Ended, Ended}, []int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, caller ACK, caller BYE, callee 200"},
		{"late ACK", Behaviour{LateACK: 2 * s}, Behaviour{}, s, 30 * s, []State{Talking, Talking}, []int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, callee 200, callee 200, caller ACK"},
		{"BYE before ACK", Behaviour{LateACK: 2 * s, ByeAfter: s}, Behaviour{}, s, 60 * s, []State{Ended, Ended}, []int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, callee 200, caller BYE, callee 200, caller ACK"},
		{"no ACK", Behaviour{NoACK: true}, Behaviour{}, s, 60 * s, []State{Ended, Ended}, []int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, callee 200, callee 200, callee 200, callee 200, callee 200, " +
				"callee 200, callee 200, callee 200, callee 200, callee 200, callee BYE, caller 200"},
		{"hold", Behaviour{ReinviteAfter: s}, Behaviour{}, s, 60 * s, []State{Talking, Talking}, []int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, caller ACK, caller INVITE, callee 200, caller ACK"},
		{"hold by the callee without an offer", Behaviour{}, Behaviour{ReinviteAfter: s, LateReinvite: true}, s, 60 * s,
			[]State{Talking, Talking}, []int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, caller ACK, callee INVITE, caller 200, callee ACK"},
		{"hold refused", Behaviour{ReinviteAfter: s}, Behaviour{Refuse: 488}, s, 60 * s, []State{Talking, Talking}, []int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, caller ACK, caller INVITE, callee 488, caller ACK"},
		{"hold stalled", Behaviour{ReinviteAfter: s, ByeAfter: 3 * s}, Behaviour{Stall: true}, s, 60 * s, []State{Ended,
			Ended}, []int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, caller ACK, caller INVITE, callee 100, caller BYE, callee 200, callee 487, caller ACK"},
		{"callee hangs up before the ACK", Behaviour{LateACK: 3 * s}, Behaviour{ByeAfter: s}, s, 60 * s, []State{Ended,
			Ended}, []int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, callee 200, callee 200, caller ACK, callee BYE, caller 200"},
		{"deaf to ACK", Behaviour{}, Behaviour{DeafACK: true}, s, 5 * s, []State{Talking, Talking}, []int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, caller ACK, callee 200, caller ACK, callee 200, caller ACK, callee 200, caller ACK"},
		{"restarted", Behaviour{ByeAfter: 3 * s}, Behaviour{DeadAfter: s}, s, 60 * s, []State{Ended, Ended}, []int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, caller ACK, caller BYE, callee 481"},
		{"hold toward one that restarted", Behaviour{ReinviteAfter: 3 * s}, Behaviour{DeadAfter: s}, s, 60 * s,
			[]State{Ended, Ended}, []int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, caller ACK, caller INVITE, callee 481, caller ACK, caller BYE, callee 481"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := connect(t, flow.UDP, test.ring, test.caller, test.callee)
			l.phones[0].Dial(epoch, "700100000010000")
			l.until(test.at)
			l.want(test.states, test.finals)
			l.wantSent(test.sent)
		})
	}
}

func TestHoldIsHeard(t *testing.T) {
	l := connect(t, flow.UDP, 0, Behaviour{}, Behaviour{})
	l.phones[0].Dial(epoch, "1")
	l.until(time.Second)
	l.phones[0].Hold(l.now)
	l.until(2 * time.Second)
	for i, want := range []string{"a=recvonly", "a=sendonly"} {
		if !strings.Contains(string(l.phones[i].RemoteSDP()), want) {
			t.Errorf("phone %d was not told %s:\n%s", i, want, l.phones[i].RemoteSDP())
		}
	}
}

func TestByButtons(t *testing.T) {
	l := connect(t, flow.UDP, 10*time.Second, Behaviour{}, Behaviour{})
	l.phones[0].HangUp(l.now) // nothing to hang up
	l.phones[0].Dial(epoch, "1")
	l.until(time.Second)
	l.phones[1].HangUp(l.now)
	l.until(2 * time.Second)
	l.want([]State{Ended, Ended}, []int{603, 603})

	l.phones[0].Dial(l.now, "1") // once more with the same phones
	l.until(3 * time.Second)
	l.phones[0].HangUp(l.now)
	l.until(4 * time.Second)
	l.want([]State{Ended, Ended}, []int{487, 487})

	l.phones[0].Dial(l.now, "1")
	l.until(20 * time.Second)
	l.want([]State{Talking, Talking}, []int{200, 200})
	l.phones[0].Cancel(l.now) // too late
	l.phones[1].HangUp(l.now)
	l.phones[0].HangUp(l.now) // the two BYEs cross
	l.until(60 * time.Second)
	l.want([]State{Ended, Ended}, []int{200, 200})
}

// TestLosses loses each message of a call once.
func TestLosses(t *testing.T) {
	for _, lost := range []string{"caller INVITE", "callee 100", "callee 180", "callee 200", "caller ACK", "caller BYE"} {
		l := connect(t, flow.UDP, time.Second, Behaviour{ByeAfter: 5 * time.Second}, Behaviour{})
		l.lose[lost] = 1
		l.phones[0].Dial(epoch, "1")
		l.until(4 * time.Second)
		l.want([]State{Talking, Talking}, []int{200, 200})
		l.until(time.Minute)
		l.want([]State{Ended, Ended}, []int{200, 200})
		if l.lose[lost] != 0 {
			t.Errorf("%s was never sent", lost)
		}
	}
}

func TestGarbageIsCounted(t *testing.T) {
	l := connect(t, flow.UDP, 0, Behaviour{}, Behaviour{})
	p := l.phones[0]
	p.Receive(epoch, []byte("hello"))
	p.Receive(epoch, []byte("SIP/2.0 200 OK\r\n\r\n"))
	if p.Malformed() != 2 || len(p.RawReceived()) != 2 || len(p.Seen()) != 0 || p.State() != Idle {
		t.Errorf("%d malformed of %d, %v", p.Malformed(), len(p.RawReceived()), p.State())
	}
	if p.Shown() != "" || p.Final() != 0 || p.RemoteSDP() != nil {
		t.Error("a phone without a call shows one")
	}
}
