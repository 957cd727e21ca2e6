package phone

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mask700/media/sdp"
	"mask700/sip/flow"
	"mask700/sip/token"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// line is two phones with a wire between them, without any gateway.
type line struct {
	t      *testing.T
	now    time.Time
	phones [2]*Phone
	wire   []packet
	sent   []string // "caller INVITE", "callee 200"
	lose   map[string]int
}

type packet struct {
	at   time.Time
	to   int
	data []byte
}

const delay = 10 * time.Millisecond

func connect(t *testing.T, network flow.Network, caller, callee Behaviour, ring time.Duration) *line {
	router := token.NewRouter(token.Secret{}, 1)
	hosts := [2]string{"192.0.2.10:5060", "198.51.100.20:5070"}
	l := &line{t: t, now: epoch, lose: map[string]int{}}
	for i, b := range []Behaviour{caller, callee} {
		l.phones[i] = New(Config{
			User: []string{"13800000001", "13900000002"}[i], Host: hosts[i], Server: hosts[1-i], Network: network,
			Mint: token.NewMint([32]byte{byte(i)}, router, 0), Ring: ring, Behaviour: b,
			SDP:     Voice(netip.AddrPortFrom(netip.MustParseAddrPort(hosts[i]).Addr(), 40000), uint64(i+1)),
			Name:    []string{"Ann", "Bob"}[i],
			Headers: []string{fmt.Sprintf("User-Agent: Phone/%d", i)},
		}, epoch)
	}
	return l
}

func name(b []byte) string {
	first, rest, _ := strings.Cut(string(b), " ")
	if first != "SIP/2.0" {
		return first
	}
	return rest[:3]
}

// until runs the line for a time.
func (l *line) until(d time.Duration) {
	end := epoch.Add(d)
	for {
		for i, p := range l.phones {
			for _, b := range p.Take() {
				n := []string{"caller ", "callee "}[i] + name(b)
				l.sent = append(l.sent, n)
				if l.lose[n] > 0 {
					l.lose[n]--
					continue
				}
				l.wire = append(l.wire, packet{l.now.Add(delay), 1 - i, b})
			}
		}
		next := end
		if len(l.wire) > 0 && l.wire[0].at.Before(next) {
			next = l.wire[0].at
		}
		for _, p := range l.phones {
			if at, ok := p.Next(); ok && at.Before(next) {
				next = at
			}
		}
		l.now = next
		switch {
		case len(l.wire) > 0 && !l.wire[0].at.After(next):
			w := l.wire[0]
			l.wire = l.wire[1:]
			l.phones[w.to].Receive(next, w.data)
		case next.Equal(end):
			for _, p := range l.phones {
				p.Advance(end)
			}
			return
		default:
			for _, p := range l.phones {
				p.Advance(next)
			}
		}
	}
}

func (l *line) want(states [2]State, finals [2]int) {
	l.t.Helper()
	for i, p := range l.phones {
		if p.State() != states[i] || p.Final() != finals[i] {
			l.t.Errorf("phone %d: %v, %d; want %v, %d\n%v", i, p.State(), p.Final(), states[i], finals[i], l.sent)
		}
		if p.Malformed() != 0 {
			l.t.Errorf("phone %d got %d malformed messages", i, p.Malformed())
		}
	}
}

func (l *line) wantSent(list string) {
	l.t.Helper()
	if got := strings.Join(l.sent, ", "); got != list {
		l.t.Errorf("sent %s\nwant %s", got, list)
	}
}

func TestCall(t *testing.T) {
	for _, network := range []flow.Network{flow.UDP, flow.TCP} {
		l := connect(t, network, Behaviour{ByeAfter: 3 * time.Second}, Behaviour{}, time.Second)
		l.phones[0].Dial(epoch, "700100000010000")
		l.until(500 * time.Millisecond)
		l.want([2]State{Ringing, Ringing}, [2]int{0, 0})
		l.until(2 * time.Second)
		l.want([2]State{Talking, Talking}, [2]int{200, 200})
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
		l.want([2]State{Ended, Ended}, [2]int{200, 200})
		l.wantSent("caller INVITE, callee 100, callee 180, callee 200, caller ACK, caller BYE, callee 200")
		for i, p := range l.phones {
			if p.Busy() {
				t.Errorf("%v: phone %d is still busy", network, i)
			}
		}
	}
}

func TestBehaviour(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name           string
		caller, callee Behaviour
		ring           time.Duration
		at             time.Duration
		states         [2]State
		finals         [2]int
		sent           string
	}{
		{"rejected", Behaviour{}, Behaviour{Reject: 486}, s, 40 * s, [2]State{Ended, Ended}, [2]int{486, 486},
			"caller INVITE, callee 100, callee 180, callee 486, caller ACK"},
		{"early media", Behaviour{}, Behaviour{Early: true, ByeAfter: s}, s, 40 * s, [2]State{Ended, Ended}, [2]int{200, 200},
			"caller INVITE, callee 100, callee 183, callee 200, caller ACK, callee BYE, caller 200"},
		{"cancelled", Behaviour{CancelAfter: s}, Behaviour{NeverAnswer: true}, 0, 40 * s, [2]State{Ended, Ended}, [2]int{487, 487},
			"caller INVITE, callee 100, callee 180, caller CANCEL, callee 200, callee 487, caller ACK"},
		{"answer crosses CANCEL", Behaviour{CancelAfter: s}, Behaviour{AnswerCancelled: true}, 0, 40 * s, [2]State{Ended, Ended}, [2]int{200, 200},
			"caller INVITE, callee 100, callee 180, caller CANCEL, callee 200, callee 200, caller ACK, caller BYE, callee 200"},
		{"cancelled before a word", Behaviour{CancelAfter: 100 * time.Millisecond}, Behaviour{Abrupt: true}, 3 * s, 40 * s,
			[2]State{Ended, Ended}, [2]int{200, 200},
			"caller INVITE, caller INVITE, caller INVITE, callee 200, caller ACK, caller BYE, callee 200"},
		{"silent", Behaviour{}, Behaviour{Silent: true}, 0, 40 * s, [2]State{Ended, Idle}, [2]int{408, 0},
			"caller INVITE, caller INVITE, caller INVITE, caller INVITE, caller INVITE, caller INVITE, caller INVITE"},
		{"rings", Behaviour{}, Behaviour{NeverAnswer: true}, 0, 1000 * s, [2]State{Ringing, Ringing}, [2]int{0, 0},
			"caller INVITE, callee 100, callee 180"},
		{"late offer", Behaviour{LateOffer: true, ByeAfter: s}, Behaviour{}, s, 40 * s, [2]State{Ended, Ended}, [2]int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, caller ACK, caller BYE, callee 200"},
		{"late ACK", Behaviour{LateACK: 2 * s}, Behaviour{}, s, 30 * s, [2]State{Talking, Talking}, [2]int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, callee 200, callee 200, caller ACK"},
		{"BYE before ACK", Behaviour{LateACK: 2 * s, ByeAfter: s}, Behaviour{}, s, 60 * s, [2]State{Ended, Ended}, [2]int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, callee 200, caller BYE, callee 200, caller ACK"},
		{"no ACK", Behaviour{NoACK: true}, Behaviour{}, s, 60 * s, [2]State{Ended, Ended}, [2]int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, callee 200, callee 200, callee 200, callee 200, callee 200, " +
				"callee 200, callee 200, callee 200, callee 200, callee 200, callee BYE, caller 200"},
		{"hold", Behaviour{ReinviteAfter: s}, Behaviour{}, s, 60 * s, [2]State{Talking, Talking}, [2]int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, caller ACK, caller INVITE, callee 200, caller ACK"},
		{"hold by the callee without an offer", Behaviour{}, Behaviour{ReinviteAfter: s, LateReinvite: true}, s, 60 * s,
			[2]State{Talking, Talking}, [2]int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, caller ACK, callee INVITE, caller 200, callee ACK"},
		{"hold refused", Behaviour{ReinviteAfter: s}, Behaviour{Refuse: 488}, s, 60 * s, [2]State{Talking, Talking}, [2]int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, caller ACK, caller INVITE, callee 488, caller ACK"},
		{"hold stalled", Behaviour{ReinviteAfter: s, ByeAfter: 3 * s}, Behaviour{Stall: true}, s, 60 * s, [2]State{Ended, Ended}, [2]int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, caller ACK, caller INVITE, callee 100, caller BYE, callee 200, callee 487, caller ACK"},
		{"callee hangs up before the ACK", Behaviour{LateACK: 3 * s}, Behaviour{ByeAfter: s}, s, 60 * s, [2]State{Ended, Ended}, [2]int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, callee 200, callee 200, caller ACK, callee BYE, caller 200"},
		{"deaf to ACK", Behaviour{}, Behaviour{DeafACK: true}, s, 5 * s, [2]State{Talking, Talking}, [2]int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, caller ACK, callee 200, caller ACK, callee 200, caller ACK, callee 200, caller ACK"},
		{"restarted", Behaviour{ByeAfter: 3 * s}, Behaviour{DeadAfter: s}, s, 60 * s, [2]State{Ended, Ended}, [2]int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, caller ACK, caller BYE, callee 481"},
		{"hold toward one that restarted", Behaviour{ReinviteAfter: 3 * s}, Behaviour{DeadAfter: s}, s, 60 * s, [2]State{Ended, Ended}, [2]int{200, 200},
			"caller INVITE, callee 100, callee 180, callee 200, caller ACK, caller INVITE, callee 481, caller ACK, caller BYE, callee 481"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := connect(t, flow.UDP, test.caller, test.callee, test.ring)
			l.phones[0].Dial(epoch, "700100000010000")
			l.until(test.at)
			l.want(test.states, test.finals)
			l.wantSent(test.sent)
		})
	}
}

func TestHoldIsHeard(t *testing.T) {
	l := connect(t, flow.UDP, Behaviour{}, Behaviour{}, 0)
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
	l := connect(t, flow.UDP, Behaviour{}, Behaviour{}, 10*time.Second)
	l.phones[0].HangUp(l.now) // nothing to hang up
	l.phones[0].Dial(epoch, "1")
	l.until(time.Second)
	l.phones[1].HangUp(l.now)
	l.until(2 * time.Second)
	l.want([2]State{Ended, Ended}, [2]int{603, 603})

	l.phones[0].Dial(l.now, "1") // once more with the same phones
	l.until(3 * time.Second)
	l.phones[0].HangUp(l.now)
	l.until(4 * time.Second)
	l.want([2]State{Ended, Ended}, [2]int{487, 487})

	l.phones[0].Dial(l.now, "1")
	l.until(20 * time.Second)
	l.want([2]State{Talking, Talking}, [2]int{200, 200})
	l.phones[0].Cancel(l.now) // too late
	l.phones[1].HangUp(l.now)
	l.phones[0].HangUp(l.now) // the two BYEs cross
	l.until(60 * time.Second)
	l.want([2]State{Ended, Ended}, [2]int{200, 200})
}

// TestLosses loses each message of a call once.
func TestLosses(t *testing.T) {
	for _, lost := range []string{"caller INVITE", "callee 100", "callee 180", "callee 200", "caller ACK", "caller BYE"} {
		l := connect(t, flow.UDP, Behaviour{ByeAfter: 5 * time.Second}, Behaviour{}, time.Second)
		l.lose[lost] = 1
		l.phones[0].Dial(epoch, "1")
		l.until(4 * time.Second)
		l.want([2]State{Talking, Talking}, [2]int{200, 200})
		l.until(time.Minute)
		l.want([2]State{Ended, Ended}, [2]int{200, 200})
		if l.lose[lost] != 0 {
			t.Errorf("%s was never sent", lost)
		}
	}
}

func TestGarbageIsCounted(t *testing.T) {
	l := connect(t, flow.UDP, Behaviour{}, Behaviour{}, 0)
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
