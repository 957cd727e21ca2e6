package media

import (
	"net/netip"
	"testing"
	"time"

	"mask700/media/socket"
)

// Behind one address of a carrier there are many phones. One of an old call, which
// still sends, is taken while the right one is silent; the right one has its call
// as soon as it speaks, however late.
func TestTheSignalledSourceTakesItsCallBack(t *testing.T) {
	c := newClock()
	r := newRelay(t, Options{Timeout: -1, Window: 2 * time.Second, Clock: Clock{Now: c.read}})
	a, b, old := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3"), newPhone(t, "127.0.0.2")
	s := talk(t, r, a, b)
	for range 2 { // the second fixes it
		send(t, old.rtp, old.frame("of another call"), at(s.Local(A)))
		b.hear()
		c.advance(r, 2*time.Second)
	}
	send(t, a.rtp, a.frame("mine"), at(s.Local(A)))
	if p := b.hear(); string(p.Payload) != "mine" {
		t.Errorf("B heard %q", p.Payload)
	}
	send(t, b.rtp, b.frame("yours"), at(s.Local(B)))
	if p := a.hear(); string(p.Payload) != "yours" {
		t.Errorf("A heard %q", p.Payload)
	}
	send(t, old.rtp, old.frame("of another call"), at(s.Local(A)))
	eventually(t, "the other is refused", func() bool { return s.Stats().AtoB.Refused == 1 })
	send(t, a.rtp, a.frame("mine again"), at(s.Local(A)))
	if p := b.hear(); string(p.Payload) != "mine again" {
		t.Errorf("B heard %q", p.Payload)
	}
}

// Who is at the address of a party that says nothing, or in its network, gets nothing
// once it is too late to be learnt, and neither does who comes after one that was. The
// party has its call as soon as it speaks from where it was said to be.
func TestAPartyThatIsSilentIsNotTakenOver(t *testing.T) {
	for name, tt := range map[string]struct {
		policy Latching
		learnt string // who speaks in time, "": nobody
	}{
		"strict":         {LatchStrict, ""},
		"subnet":         {LatchSubnet, ""},
		"strict, learnt": {LatchStrict, "127.0.0.2"},
		"subnet, learnt": {LatchSubnet, "127.0.0.8"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			r := newRelay(t, Options{Timeout: -1, Window: 2 * time.Second, Clock: Clock{Now: c.read}})
			a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
			strangers := []*phone{newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.9")}
			s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one", LatchA: tt.policy, LatchB: tt.policy})
			if err != nil {
				t.Fatal(err)
			}
			s.SetRemote(A, a.remote())
			s.SetRemote(B, b.remote())
			s.Settle(A)
			s.Settle(B)
			party, refused := a, uint64(0)
			attack := func() {
				t.Helper()
				for _, x := range strangers {
					refused++
					send(t, x.rtp, x.frame("injected"), at(s.Local(A)))
					eventually(t, "it is refused", func() bool { return s.Stats().AtoB.Refused == refused })
				}
				send(t, b.rtp, b.frame("to a"), at(s.Local(B)))
				if got := party.hear(); string(got.Payload) != "to a" {
					t.Errorf("heard %q", got.Payload)
				}
			}
			send(t, a.rtcp, report(t, a.ssrc), control(s.Local(A)))
			eventually(t, "its reports are read", func() bool { return s.Stats().AtoB.RTCP == 1 })
			c.advance(r, time.Duration(learnFor)-5*time.Second)
			if tt.learnt != "" {
				party = newPhone(t, tt.learnt)
				send(t, party.rtp, party.frame("late"), at(s.Local(A)))
				if got := b.hear(); string(got.Payload) != "late" {
					t.Errorf("heard %q", got.Payload)
				}
				c.advance(r, 3*time.Second)
				attack()
			}
			c.advance(r, 5*time.Second)
			attack()
			c.advance(r, time.Hour)
			attack()
			for _, x := range strangers {
				refused++
				send(t, x.rtcp, report(t, a.ssrc), control(s.Local(A)))
				eventually(t, "nor are its reports read", func() bool { return s.Stats().AtoB.Refused == refused })
			}
			party = a
			send(t, a.rtp, a.frame("at last"), at(s.Local(A)))
			if got := b.hear(); string(got.Payload) != "at last" {
				t.Errorf("heard %q", got.Payload)
			}
			attack()
			silent(t, b)
		})
	}
}

// Before the answer, while there is early media, who is at the address of a party that speaks (another phone behind the
// same NAT) gets nothing of it and changes nothing. A party that has fallen silent is heard from its next port; and the
// one that was signalled is heard at once.
func TestEarlyMediaIsNotTakenFromWhoSpeaks(t *testing.T) {
	for name, policy := range map[string]Latching{"strict": LatchStrict, "subnet": LatchSubnet} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			r := newRelay(t, Options{Timeout: -1, Window: 2 * time.Second, Clock: Clock{Now: c.read}})
			told, a, b, x := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3"), newPhone(t, "127.0.0.2")
			x.ssrc = a.ssrc
			s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one", LatchA: policy, LatchB: policy})
			if err != nil {
				t.Fatal(err)
			}
			s.SetRemote(A, told.remote())
			s.SetRemote(B, b.remote())
			for n := range uint64(5) {
				send(t, a.rtp, a.frame("mine"), at(s.Local(A)))
				if got := b.hear(); string(got.Payload) != "mine" {
					t.Fatalf("B heard %q", got.Payload)
				}
				send(t, x.rtp, x.frame("injected"), at(s.Local(A)))
				eventually(t, "the stranger is refused", func() bool { return s.Stats().AtoB.Refused == n+1 })
				send(t, b.rtp, b.frame("ringing"), at(s.Local(B)))
				if got := a.hear(); string(got.Payload) != "ringing" {
					t.Errorf("A heard %q", got.Payload)
				}
				c.advance(r, time.Second)
			}
			silent(t, x)
			silent(t, b)
			c.advance(r, 2*time.Second)
			moved := newPhone(t, "127.0.0.2")
			for _, p := range []*phone{moved, told} {
				send(t, p.rtp, p.frame("from elsewhere"), at(s.Local(A)))
				b.hear()
				send(t, b.rtp, b.frame("ringing"), at(s.Local(B)))
				if got := p.hear(); string(got.Payload) != "ringing" {
					t.Errorf("A heard %q at its next port", got.Payload)
				}
			}
		})
	}
}

// A NAT gives a phone another port in mid-call. The next offer, with the same
// private address, finds it, once the old port has been silent for the window.
func TestTheNextOfferFindsAPortThatANATHasMoved(t *testing.T) {
	c := newClock()
	r := newRelay(t, Options{Timeout: -1, Window: 2 * time.Second, Clock: Clock{Now: c.read}})
	a, b, moved := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3"), newPhone(t, "127.0.0.2")
	s := open(t, r)
	inside := a.remote()
	inside.RTP, inside.Signal = netip.MustParseAddrPort("192.168.1.2:4000"), netip.MustParseAddr("127.0.0.2")
	s.SetRemote(A, inside)
	s.SetRemote(B, b.remote())
	s.Settle(A)
	s.Settle(B)
	for range 2 {
		send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
		b.hear()
		c.advance(r, 2*time.Second)
	}
	refused := func(n uint64) {
		t.Helper()
		send(t, moved.rtp, moved.frame("from the new port"), at(s.Local(A)))
		eventually(t, "the new port is refused", func() bool { return s.Stats().AtoB.Refused == n })
	}
	refused(1)
	s.SetRemote(A, inside)
	s.Settle(A)
	refused(2)
	c.advance(r, 2*time.Second)
	send(t, moved.rtp, moved.frame("from the new port"), at(s.Local(A)))
	if p := b.hear(); string(p.Payload) != "from the new port" {
		t.Errorf("B heard %q", p.Payload)
	}
	send(t, b.rtp, b.frame("to the new port"), at(s.Local(B)))
	if p := moved.hear(); string(p.Payload) != "to the new port" {
		t.Errorf("A heard %q at its new port", p.Payload)
	}
}

// A call moves to another phone behind the same NAT, or to another gateway of the same farm: what the old one had on its
// way is passed on and does not keep the new one out, nor is it sent anything for long.
func TestWhatIsOnItsWayWhenACallMovesIsNotLearnt(t *testing.T) {
	for name, tt := range map[string]struct {
		policy   Latching
		old, new string
	}{
		"strict": {LatchStrict, "127.0.0.2", "127.0.0.2"},
		"subnet": {LatchSubnet, "127.0.0.9", "127.0.0.10"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			r := newRelay(t, Options{Timeout: -1, Window: 2 * time.Second, Clock: Clock{Now: c.read}})
			told, moved, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
			old, next := newPhone(t, tt.old), newPhone(t, tt.new)
			s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one", LatchA: tt.policy, LatchB: tt.policy})
			if err != nil {
				t.Fatal(err)
			}
			pass := func(p *phone) {
				t.Helper()
				send(t, p.rtp, p.frame("voice"), at(s.Local(A)))
				if got := b.hear(); string(got.Payload) != "voice" {
					t.Errorf("B heard %q", got.Payload)
				}
				send(t, b.rtp, b.frame("back"), at(s.Local(B)))
				if got := p.hear(); string(got.Payload) != "back" {
					t.Errorf("A heard %q", got.Payload)
				}
			}
			s.SetRemote(A, told.remote())
			s.SetRemote(B, b.remote())
			s.Settle(A)
			s.Settle(B)
			for range 2 { // the second fixes it
				pass(old)
				c.advance(r, 2*time.Second)
			}
			s.SetRemote(A, moved.remote())
			s.Settle(A)
			pass(old)
			c.advance(r, time.Duration(pause))
			for range 2 {
				pass(next)
				c.advance(r, 2*time.Second)
			}
			send(t, old.rtp, old.frame("too late"), at(s.Local(A)))
			eventually(t, "the old one is refused", func() bool { return s.Stats().AtoB.Refused == 1 })
			pass(next)
			silent(t, old)
		})
	}
}

// Two peers that ask for their packets at our own ports of the call would have us
// send one packet to ourselves for ever.
func TestACallIsNotSentToItself(t *testing.T) {
	r := newRelay(t, Options{})
	s := open(t, r)
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	toA, toB := a.remote(), b.remote()
	toA.RTP, toA.RTCP = at(s.Local(B)), control(s.Local(B))
	toB.RTP, toB.RTCP = at(s.Local(A)), control(s.Local(A))
	s.SetRemote(A, toA)
	s.SetRemote(B, toB)
	s.Settle(A)
	s.Settle(B)
	relay := s.(*session)
	relay.shard.mu.Lock()
	defer relay.shard.mu.Unlock()
	for side, l := range relay.legs {
		if l.target().IsValid() || l.reportTarget().IsValid() {
			t.Errorf("side %v is sent packets at %v and %v", Side(side), l.target(), l.reportTarget())
		}
	}
}

// Letting go of a source loses none of its packets: it may well be the one that is found again.
func TestNoPacketIsLostWhileASourceIsLetGo(t *testing.T) {
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	var to netip.AddrPort
	e := linux()
	letGo := 0
	e.disconnect = func(u socket.UDP) error {
		err := u.Disconnect()
		letGo++
		send(t, a.rtp, a.frame("in between"), to)
		return err
	}
	r := newRelayOn(t, Options{Timeout: -1, Window: time.Nanosecond}, e)
	s := open(t, r)
	to = at(s.Local(A))
	inside := a.remote()
	inside.RTP, inside.Signal = netip.MustParseAddrPort("192.168.1.2:4000"), netip.MustParseAddr("127.0.0.2")
	s.SetRemote(A, inside)
	s.SetRemote(B, b.remote())
	s.Settle(A)
	s.Settle(B)
	for range 2 { // the second fixes it
		send(t, a.rtp, a.frame("voice"), to)
		b.hear()
	}
	s.SetRemote(A, inside)
	if p := b.hear(); letGo != 1 || string(p.Payload) != "in between" {
		t.Errorf("let go %d times, heard %q", letGo, p.Payload)
	}
}
