package media

import (
	"fmt"
	"net/netip"
	"testing"
)

// hairpin is a peer that is said to be at a port of a call of ours.
func hairpin(p *phone, at Local) Remote {
	r := p.remote()
	r.RTP, r.RTCP = netip.AddrPortFrom(at.Addr, at.Port), control(at)
	return r
}

// targets are where a session sends to.
func targets(s Session) (to [2]netip.AddrPort, reports [2]netip.AddrPort) {
	relay := s.(*session)
	relay.shard.mu.Lock()
	defer relay.shard.mu.Unlock()
	for side, l := range relay.legs {
		to[side], reports[side] = l.target(), l.reportTarget()
	}
	return to, reports
}

// Two calls whose parties ask for their packets at the ports of the other call would
// have us send one packet round for ever: whoever closes the ring is sent nothing.
func TestTwoCallsAreNotSentToEachOther(t *testing.T) {
	nowhere := [2]netip.AddrPort{}
	for name, kind := range map[string]struct {
		of    func(Session) Session
		twist Side // what a side of one call is told: the other's same side, or the opposite one
		as    func(*Remote)
	}{
		"audio":            {of: func(s Session) Session { return s }},
		"audio, crosswise": {of: func(s Session) Session { return s }, twist: 1},
		"audio, mux":       {of: func(s Session) Session { return s }, as: func(r *Remote) { r.Mux, r.RTCP = true, r.RTP }},
		"T.38":             {of: func(s Session) Session { return s }, as: func(r *Remote) { r.Fax = true }},
		"video":            {of: Session.Video},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRelay(t, Options{})
			p := newPhone(t, loopback.String())
			var calls [2]Session
			for i := range calls {
				s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one", Video: true})
				if err != nil {
					t.Fatal(err)
				}
				calls[i] = kind.of(s)
			}
			for i, s := range calls {
				for _, side := range []Side{A, B} {
					told := hairpin(p, calls[1-i].Local(side^kind.twist))
					if kind.as != nil {
						kind.as(&told)
					}
					s.SetRemote(side, told)
					s.Settle(side)
				}
			}
			if to, _ := targets(calls[0]); to[A] != at(calls[1].Local(A^kind.twist)) || to[B] != at(calls[1].Local(B^kind.twist)) {
				t.Errorf("the first call sends to %v", to)
			}
			if to, reports := targets(calls[1]); to != nowhere || reports != nowhere {
				t.Errorf("the second call sends to %v, reports to %v", to, reports)
			}
			if name != "audio" {
				return
			}
			// What another on the same host gets in goes no further than the second call.
			send(t, p.rtp, p.frame("round"), at(calls[0].Local(A)))
			eventually(t, "it ends in the second call", func() bool { return calls[1].Stats().BtoA.Refused == 1 })
			// With other places the calls go on, one through the other.
			b := newPhone(t, "127.0.0.3")
			calls[0].SetRemote(A, p.remote())
			calls[1].SetRemote(A, b.remote())
			calls[1].SetRemote(B, hairpin(p, calls[0].Local(B)))
			send(t, p.rtp, p.frame("through both"), at(calls[0].Local(A)))
			if got := b.hear(); string(got.Payload) != "through both" {
				t.Errorf("heard %q", got.Payload)
			}
		})
	}
}

// A call over several numbers of ours is a chain of calls, and is relayed both ways.
func TestAChainOfCallsIsRelayed(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	calls := []Session{open(t, r), open(t, r), open(t, r)}
	for i, s := range calls {
		fromA, fromB := a.remote(), b.remote()
		if i > 0 {
			fromA = hairpin(a, calls[i-1].Local(B))
		}
		if i+1 < len(calls) {
			fromB = hairpin(b, calls[i+1].Local(A))
		}
		s.SetRemote(A, fromA)
		s.SetRemote(B, fromB)
		s.Settle(A)
		s.Settle(B)
	}
	for range 20 { // the usual way and the others
		send(t, a.rtp, a.frame("from a"), at(calls[0].Local(A)))
		if got := b.hear(); string(got.Payload) != "from a" {
			t.Fatalf("B heard %q", got.Payload)
		}
		send(t, b.rtp, b.frame("from b"), at(calls[2].Local(B)))
		if got := a.hear(); string(got.Payload) != "from b" {
			t.Fatalf("A heard %q", got.Payload)
		}
	}
	// The ends are said to be each other: a ring of three, either way round.
	calls[0].SetRemote(A, hairpin(a, calls[2].Local(B)))
	calls[2].SetRemote(B, hairpin(b, calls[0].Local(A)))
	first, _ := targets(calls[0])
	if last, reports := targets(calls[2]); first[A].IsValid() || last[B].IsValid() || reports[B].IsValid() {
		t.Errorf("the first sends to %v, the last to %v, reports to %v", first, last, reports)
	}
}

// A call that names no port of ours must not learn one: two more would make a ring of
// it that no description shows.
func TestOurselvesAreNotLearnt(t *testing.T) {
	r := newRelay(t, Options{})
	a, here := newPhone(t, "127.0.0.2"), newPhone(t, loopback.String())
	learns, sends := open(t, r), open(t, r)
	learns.SetRemote(A, here.remote()) // any port of our own address
	learns.SetRemote(B, a.remote())
	sends.SetRemote(A, a.remote())
	sends.SetRemote(B, hairpin(here, learns.Local(A)))
	for _, s := range []Session{learns, sends} {
		s.Settle(A)
		s.Settle(B)
	}
	send(t, a.rtp, a.frame("voice"), at(sends.Local(A)))
	eventually(t, "it is refused", func() bool { return learns.Stats().AtoB.Refused == 1 })
	if to, _ := targets(learns); to[A] != addrOf(here.rtp) {
		t.Errorf("learnt %v", to[A])
	}
	other := newPhone(t, loopback.String()) // who is on our host without being us may be learnt
	send(t, other.rtp, other.frame("mine"), at(learns.Local(A)))
	if got := a.hear(); string(got.Payload) != "mine" {
		t.Errorf("heard %q", got.Payload)
	}
}

// chain makes n sessions of two legs, each of which sends to the next one's A.
func chain(n int) (*hairpins, []*leg) {
	p := newHairpins([]Pool{{Min: 10000, Max: 19999}})
	legs := make([]*leg, 2*n)
	for i := range legs {
		at := netip.AddrPortFrom(loopback, uint16(10000+2*i))
		legs[i] = &leg{bound: at, local: Local{Addr: netip.MustParseAddr("203.0.113.1"), Port: at.Port()}}
		p.enter(legs[i])
		if i%2 == 1 {
			p.join(legs[i-1], legs[i])
		}
	}
	return p, legs
}

func TestRingsOfCalls(t *testing.T) {
	none := netip.AddrPort{}
	public := func(l *leg) netip.AddrPort { return netip.AddrPortFrom(l.local.Addr, l.local.Port) }
	for n := 2; n <= maxHairpins+1; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			p, legs := chain(n)
			for i := 1; i+2 < len(legs); i += 2 {
				if i%4 == 1 && !p.aim(legs[i].hop, legs[i+1].bound, none) || i%4 == 3 && !p.aim(legs[i].hop, none, public(legs[i+1])) {
					t.Fatalf("leg %d is a hold", i)
				}
			}
			last := legs[len(legs)-1].hop
			if p.aim(last, legs[0].bound, none) || p.aim(last, none, public(legs[0])) {
				t.Error("a ring is none")
			}
			if !p.aim(last, netip.MustParseAddrPort("198.51.100.1:4000"), none) {
				t.Error("another place is a hold")
			}
			// A ring that a call has left is none.
			p.leave(legs[2])
			if !p.aim(last, legs[0].bound, none) {
				t.Error("a ring is seen that is no more")
			}
		})
	}
	p, legs := chain(maxHairpins + 2)
	for i := len(legs) - 3; i > 0; i -= 2 {
		if ok := p.aim(legs[i].hop, legs[i+1].bound, none); ok != (i > 1) {
			t.Errorf("leg %d: %t", i, ok)
		}
	}
}

// An address that was kept over a hold counts.
func TestARingOverAHold(t *testing.T) {
	p, legs := chain(2)
	none := netip.AddrPort{}
	if !p.aim(legs[1].hop, legs[2].bound, none) || !p.aim(legs[1].hop, none, none) || p.aim(legs[3].hop, legs[0].bound, none) {
		t.Error("the hold hides it")
	}
}

func TestOurPortsAreKnown(t *testing.T) {
	p, _ := chain(1)
	for at, want := range map[netip.AddrPort]bool{
		netip.AddrPortFrom(loopback, 10000): true, netip.MustParseAddrPort("203.0.113.1:19999"): true,
		netip.AddrPortFrom(loopback, 9999): false, netip.AddrPortFrom(loopback, 20000): false, netip.AddrPortFrom(loopback.Next(), 10000): false,
	} {
		if p.has(at) != want {
			t.Errorf("%s: %t", at, !want)
		}
	}
	if testing.AllocsPerRun(100, func() { p.has(netip.AddrPortFrom(loopback, 10000)) }) != 0 {
		t.Error("it allocates")
	}
}
