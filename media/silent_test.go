package media

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

// An offer or answer of one side is none of the other: as often as A refreshes the session, nobody is learnt at B's address
// once it is too late, until B has said something.
func TestNobodyIsLearntForWhatTheOtherSideSays(t *testing.T) {
	c := newClock()
	r := newRelay(t, Options{Timeout: -1, Clock: Clock{Now: c.read}})
	a, b, neighbour := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	c.advance(r, time.Duration(learnFor))
	silent := b.remote()
	silent.Silent = true
	other := silent
	other.Types = other.Types[:1] // A has less, of which B need not hear
	for i, m := range []Remote{silent, other, silent} {
		s.SetRemote(A, a.remote())
		s.SetRemote(B, m)
		send(t, neighbour.rtp, neighbour.frame("mine"), at(s.Local(B)))
		eventually(t, "the neighbour is refused", func() bool { return s.Stats().BtoA.Refused == uint64(i+1) })
	}
	send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
	if got := b.hear(); string(got.Payload) != "voice" {
		t.Errorf("B hears %q", got.Payload)
	}
	// Where B said before that it is now, it is: an exchange that failed is taken back so.
	moved := newPhone(t, "127.0.0.4")
	m := moved.remote()
	m.Silent = true
	s.SetRemote(B, m)
	send(t, a.rtp, a.frame("moved"), at(s.Local(A)))
	if got := moved.hear(); string(got.Payload) != "moved" {
		t.Errorf("B hears %q", got.Payload)
	}
	s.SetRemote(B, b.remote())
	send(t, neighbour.rtp, neighbour.frame("B, behind a NAT"), at(s.Local(B)))
	if got := a.hear(); string(got.Payload) != "B, behind a NAT" {
		t.Errorf("A hears %q", got.Payload)
	}
}

// A source that was learnt is not looked for anew, and a direction that goes its own way goes on.
func TestTheOtherSidesRefreshChangesNothing(t *testing.T) {
	r := inUserSpace(t, Options{})
	a, b, neighbour := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	overTo(t, s, a, b, riding)
	m := b.remote()
	m.Silent = true
	s.SetRemote(B, m)
	if n := riding(s); n != 2 {
		t.Errorf("%d directions are on their way", n)
	}
	send(t, neighbour.rtp, neighbour.frame("mine"), at(s.Local(B)))
	eventually(t, "the neighbour is refused", func() bool { return s.Stats().BtoA.Refused == 1 })
	converse(t, s, a, b)
}

// A packet whose lengths contradict each other is not what a source is learnt by.
func TestAMalformedPacketLearnsNoSource(t *testing.T) {
	r := newRelay(t, Options{})
	a, b, wrong, nat := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3"), newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.2")
	s := talk(t, r, a, b)
	for i, bad := range [][]byte{
		{0x90, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0xff, 0xff}, // an extension longer than the packet
		{0x90, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe},                   // and one that is cut
		{0xa0, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0},                      // no padding at all
		{0xa0, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 9},                      // padding over the header
		{0x8f, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4},             // contributors that are not there
	} {
		send(t, wrong.rtp, bad, at(s.Local(A)))
		eventually(t, "it is counted", func() bool { return s.Stats().AtoB.Junk.Malformed == uint64(i+1) })
	}
	send(t, nat.rtp, nat.frame("voice"), at(s.Local(A)))
	if got := b.hear(); string(got.Payload) != "voice" {
		t.Errorf("B hears %q", got.Payload)
	}
	send(t, b.rtp, b.frame("answer"), at(s.Local(B)))
	if got := nat.hear(); string(got.Payload) != "answer" {
		t.Errorf("A hears %q", got.Payload)
	}
}

// What a peer asks for must not be a service of this host's, unless it signals from here; nor, by loopback, anything here.
func TestAServiceOfThisHostIsNotSentTo(t *testing.T) {
	now := epoch
	p := newHairpins([]Pool{{Min: 20000, Max: 20999}})
	asked := 0
	p.host.list = func() ([]net.Addr, error) {
		if asked++; asked == 3 {
			return nil, errors.New("no answer")
		}
		return []net.Addr{&net.IPNet{IP: net.IPv4(198, 51, 100, 7), Mask: net.CIDRMask(24, 32)}, &net.IPNet{IP: net.ParseIP("2001:db8::7"), Mask: net.CIDRMask(64, 128)}}, nil
	}
	for _, tt := range []struct {
		place, signal string
		serves        bool
	}{
		{"198.51.100.7:5060", "203.0.113.5", true},
		{"198.51.100.7:161", "203.0.113.5", true},
		{"[::ffff:198.51.100.7]:161", "203.0.113.5", true},
		{"[2001:db8::7]:53", "2001:db8::9", true},
		{"127.0.0.1:161", "203.0.113.5", true},
		{"127.0.0.1:20000", "203.0.113.5", true},
		{"[::1]:161", "203.0.113.5", true},
		{"198.51.100.7:20000", "203.0.113.5", false}, // a call over two numbers
		{"198.51.100.7:5060", "198.51.100.7", false}, // a softswitch beside us
		{"198.51.100.7:5060", "127.0.0.1", false},
		{"127.0.0.1:161", "198.51.100.7", false},
		{"198.51.100.8:5060", "203.0.113.5", false},
	} {
		if got := p.serves(netip.MustParseAddrPort(tt.place), netip.MustParseAddr(tt.signal), now); got != tt.serves {
			t.Errorf("%s for %s: %t", tt.place, tt.signal, got)
		}
	}
	if asked != 1 {
		t.Errorf("the addresses were asked for %d times", asked)
	}
	for range 2 { // and the second time there is no answer
		now = now.Add(relist + 1)
		if !p.host.has(netip.MustParseAddr("198.51.100.7"), now) {
			t.Error("the host has lost its address")
		}
	}
	if asked != 3 {
		t.Errorf("the addresses were asked for %d times", asked)
	}
}

// Reports are not sent to loopback for one who signals from elsewhere, but where they would go if nothing were said.
func TestReportsGoToNoServiceOfThisHost(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	r.hairpins.host.list = func() ([]net.Addr, error) { return []net.Addr{&net.IPNet{IP: net.IPv4(198, 51, 100, 7)}}, nil }
	r.hairpins.host.until = time.Time{}
	for _, tt := range []struct{ rtp, rtcp, to, reports string }{
		{"203.0.113.5:4000", "127.0.0.1:161", "203.0.113.5:4000", "203.0.113.5:4001"},
		{"203.0.113.5:4000", "198.51.100.7:161", "203.0.113.5:4000", "203.0.113.5:4001"},
		{"203.0.113.5:4000", "203.0.113.5:4009", "203.0.113.5:4000", "203.0.113.5:4009"},
		{"198.51.100.7:5060", "198.51.100.7:5061", "", ""},
		{"198.51.100.7:15000", "198.51.100.7:15001", "198.51.100.7:15000", "198.51.100.7:15001"},
	} {
		m := a.remote()
		m.Signal = netip.MustParseAddr("203.0.113.5")
		m.RTP, m.RTCP = netip.MustParseAddrPort(tt.rtp), netip.MustParseAddrPort(tt.rtcp)
		s.SetRemote(A, m)
		x := s.(*session)
		x.shard.mu.Lock()
		to, reports := x.legs[A].target(), x.legs[A].reportTarget()
		x.shard.mu.Unlock()
		for got, want := range map[netip.AddrPort]string{to: tt.to, reports: tt.reports} {
			if got.IsValid() != (want != "") || got.IsValid() && got.String() != want {
				t.Errorf("%s and %s: %v, want %q", tt.rtp, tt.rtcp, got, want)
			}
		}
	}
}

// A caller that is greeted is settled before anybody is called. Nobody has to speak while that one rings, however long;
// once it has answered, what it says is learnt, and silence counts.
func TestSilenceCountsOnceBothHaveAnswered(t *testing.T) {
	c := newClock()
	ended := make(chan Session, 10)
	r := newRelay(t, Options{Timeout: time.Minute, Clock: Clock{Now: c.read}, OnTimeout: func(s Session) { ended <- s }})
	a, b, nat := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3"), newPhone(t, "127.0.0.3")
	s := open(t, r)
	s.SetRemote(A, a.remote())
	s.Settle(A)
	s.Settle(B)
	c.advance(r, time.Hour)
	s.SetRemote(B, b.remote()) // early
	c.advance(r, time.Hour)
	select {
	case <-ended:
		t.Fatal("it ended while it rang")
	default:
	}
	s.Settle(A)
	s.Settle(B)
	c.advance(r, 25*time.Second)
	send(t, nat.rtp, nat.frame("at last"), at(s.Local(B)))
	if got := a.hear(); string(got.Payload) != "at last" {
		t.Errorf("A hears %q", got.Payload)
	}
	c.advance(r, time.Hour)
	select {
	case <-ended:
	default:
		t.Error("it did not end")
	}
}
