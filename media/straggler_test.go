package media

import (
	"net/netip"
	"testing"
	"time"
)

// A phone that goes on after its call has ended is not taken for the party of the next call that gets the port, though
// it has that one's address, and hears nothing of it.
func TestAPhoneOfTheCallBeforeIsNotHeard(t *testing.T) {
	t.Run("called at once", func(t *testing.T) { phoneOfTheCallBefore(t, false) })
	t.Run("the other is greeted first", func(t *testing.T) { phoneOfTheCallBefore(t, true) })
}

// phoneOfTheCallBefore has one go on. Greeted says that the other party of the next call was answered long before this one was
// called.
func phoneOfTheCallBefore(t *testing.T, greeted bool) {
	now := newClock()
	r := newRelay(t, Options{Rest: time.Nanosecond, Clock: Clock{Now: now.read}, Pools: []Pool{{Name: "one", Address: loopback, Min: 15000, Max: 15003}}})
	former, a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, former, b)
	converse(t, s, former, b)
	port := s.Local(A).Port
	s.Close()
	now.advance(r, time.Second)
	for s = open(t, r); s.Local(A).Port != port; s = open(t, r) { // there are two pairs, and two ways round
		s.Close()
		now.advance(r, time.Second)
	}
	if greeted {
		s.SetRemote(B, b.remote())
		s.Settle(A)
		s.Settle(B)
		now.advance(r, 3*time.Second)
	}
	s.SetRemote(A, a.remote())
	s.SetRemote(B, b.remote())
	refused := uint64(0)
	late := func() {
		t.Helper()
		refused++
		send(t, former.rtp, former.frame("late"), at(s.Local(A)))
		eventually(t, "the former phone is refused", func() bool { return s.Stats().AtoB.Refused == refused })
		send(t, b.rtp, b.frame("to a"), at(s.Local(B)))
		if got := a.hear(); string(got.Payload) != "to a" {
			t.Errorf("heard %q", got.Payload)
		}
	}
	late()
	s.Settle(A)
	s.Settle(B)
	late()
	silent(t, b)
	silent(t, former)
	// Another source from that very place is another call's, and so is the former one when the window is over.
	if s.Stats().AtoB.Packets != 0 {
		t.Errorf("%+v", s.Stats().AtoB)
	}
	now.advance(r, 3*time.Second)
	send(t, former.rtp, former.frame("is it me?"), at(s.Local(A)))
	if got := b.hear(); string(got.Payload) != "is it me?" {
		t.Errorf("heard %q", got.Payload)
	}
}

// A phone that calls again from one port, and says so, is heard at once.
func TestAPhoneThatCallsAgainIsHeard(t *testing.T) {
	r := newRelay(t, Options{Rest: time.Nanosecond, Pools: []Pool{{Name: "one", Address: loopback, Min: 15000, Max: 15003}}})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	for range 10 {
		s := talk(t, r, a, b)
		converse(t, s, a, b)
		s.Close()
	}
}

// Reports of a phone of the call before are not taken for the next call's: it is sent none of ours, seconds later either.
func TestReportsOfTheCallBeforeAreNotRead(t *testing.T) {
	now := newClock()
	r := newRelay(t, Options{Timeout: -1, Rest: time.Nanosecond, Clock: Clock{Now: now.read}, Pools: []Pool{{Name: "one", Address: loopback, Min: 15000, Max: 15003}}})
	former, a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	a.ssrc = 0x33333333
	s := talk(t, r, former, b)
	converse(t, s, former, b)
	send(t, former.rtcp, report(t, former.ssrc), control(s.Local(A)))
	eventually(t, "its report is read", func() bool { return s.Stats().AtoB.RTCP == 1 })
	port := s.Local(A).Port
	s.Close()
	decode(t, receive(t, former.rtcp)) // the goodbye
	now.advance(r, time.Second)
	for s = open(t, r); s.Local(A).Port != port; s = open(t, r) {
		s.Close()
		now.advance(r, time.Second)
	}
	told := a.remote()
	told.RTCP = netip.AddrPort{} // behind a NAT, where its reports come from is learnt
	s.SetRemote(A, told)
	s.SetRemote(B, b.remote())
	refused := uint64(0)
	late := func() {
		t.Helper()
		refused++
		send(t, former.rtcp, report(t, former.ssrc), control(s.Local(A)))
		eventually(t, "the former phone is refused", func() bool { return s.Stats().AtoB.Refused == refused })
	}
	late()
	s.Settle(A)
	s.Settle(B)
	late()
	converse(t, s, a, b)
	late()
	now.advance(r, 10*time.Second)
	late()
	if n := s.Stats().AtoB.RTCP; n != 0 {
		t.Errorf("%d reports", n)
	}
	nothing(t, former.rtcp, "the former phone")
	send(t, a.rtcp, report(t, a.ssrc), control(s.Local(A)))
	eventually(t, "the party's report is read", func() bool { return s.Stats().AtoB.RTCP == 1 })
}

// A phone that calls again from its ports under its SSRC has its reports read, once it is known to be the party.
func TestReportsOfAPhoneThatCallsAgainAreRead(t *testing.T) {
	now := newClock()
	r := newRelay(t, Options{Timeout: -1, Rest: time.Nanosecond, Clock: Clock{Now: now.read}, Pools: []Pool{{Name: "one", Address: loopback, Min: 15000, Max: 15003}}})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	told := a.remote()
	told.RTCP = netip.AddrPort{}
	for range 4 { // each of the two pairs comes again
		s := open(t, r)
		s.SetRemote(A, told)
		s.SetRemote(B, b.remote())
		s.Settle(A)
		s.Settle(B)
		converse(t, s, a, b)
		send(t, a.rtcp, report(t, a.ssrc), control(s.Local(A)))
		eventually(t, "its report is read", func() bool { return s.Stats().AtoB.RTCP == 1 })
		s.Close()
		now.advance(r, time.Second)
	}
}
