package phone

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mask700/sip/flow"
	"mask700/sip/token"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// line is phones with a wire between them, without any gateway: a caller, and
// one or more phones of the number that it calls.
type line struct {
	t      *testing.T
	now    time.Time
	phones []*Phone
	hosts  []string
	wire   []packet
	sent   []string // "caller INVITE", "callee 200"
	lose   map[string]int
	tamper func(name string, b []byte) []byte // what the wire makes of a message
}

type packet struct {
	at   time.Time
	to   int
	data []byte
}

const delay = 10 * time.Millisecond

func connect(t *testing.T, network flow.Network, ring time.Duration, behaviours ...Behaviour) *line {
	router := token.NewRouter(token.Secret{}, 1)
	l := &line{t: t, now: epoch, lose: map[string]int{}, hosts: []string{"192.0.2.10:5060", "198.51.100.20:5070",
		"198.51.100.30:5070"}}
	for i, b := range behaviours {
		l.phones = append(l.phones, New(Config{
			User: []string{"13800000001", "13900000002", "13900000002"}[i], Host: l.hosts[i], Server: l.hosts[max(1-i, 0)],
			Network: network,
			Mint:    token.NewMint([32]byte{byte(i)}, router, 0), Ring: ring, Behaviour: b,
			SDP:     Voice(netip.AddrPortFrom(netip.MustParseAddrPort(l.hosts[i]).Addr(), 40000), uint64(i+1)),
			Name:    []string{"Ann", "Bob", "Bob"}[i],
			Headers: []string{fmt.Sprintf("User-Agent: Phone/%d", i)},
		}, epoch))
	}
	return l
}

// name says who sends what: "caller INVITE", "callee 200".
func name(from int, b []byte) string {
	first, rest, _ := strings.Cut(string(b), " ")
	if first == "SIP/2.0" {
		first = rest[:3]
	}
	return []string{"caller ", "callee ", "twin "}[from] + first
}

// carry takes what the phones send onto the wire. What is for no phone by its
// Request-URI is for all that were called.
func (l *line) carry() {
	for i, p := range l.phones {
		for _, b := range p.Take() {
			n := name(i, b)
			l.sent = append(l.sent, n)
			if l.lose[n] > 0 {
				l.lose[n]--
				continue
			}
			if l.tamper != nil {
				b = l.tamper(n, b)
			}
			if i > 0 {
				l.put(0, b)
				continue
			}
			first, _, _ := bytes.Cut(b, []byte("\r\n"))
			for j := 1; j < len(l.phones); j++ {
				if !bytes.Contains(first, []byte("sip:13900000002@")) || bytes.Contains(first, []byte(l.hosts[j])) {
					l.put(j, b)
				}
			}
		}
	}
}

func (l *line) put(to int, b []byte) {
	if b != nil {
		l.wire = append(l.wire, packet{l.now.Add(delay), to, b})
	}
}

// until runs the line for a time.
func (l *line) until(d time.Duration) {
	end := epoch.Add(d)
	for {
		l.carry()
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

// want checks where the phones are, and that none has anything to complain of.
func (l *line) want(states []State, finals []int) {
	l.t.Helper()
	for i, p := range l.phones {
		if p.State() != states[i] || p.Final() != finals[i] {
			l.t.Errorf("phone %d: %v, %d; want %v, %d\n%v", i, p.State(), p.Final(), states[i], finals[i], l.sent)
		}
		if p.Malformed() != 0 {
			l.t.Errorf("phone %d got %d malformed messages", i, p.Malformed())
		}
		for _, v := range p.Violations() {
			l.t.Errorf("phone %d: %s\n%v", i, v, l.sent)
		}
	}
}

func (l *line) wantSent(list string) {
	l.t.Helper()
	if got := strings.Join(l.sent, ", "); got != list {
		l.t.Errorf("sent %s\nwant %s", got, list)
	}
}

// idle checks that nothing waits any more.
func (l *line) idle() {
	l.t.Helper()
	for i, p := range l.phones {
		if p.Busy() {
			l.t.Errorf("phone %d is still busy", i)
		}
	}
}

func msec(n int) time.Duration { return time.Duration(n) * time.Millisecond }
