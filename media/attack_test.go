package media

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"golang.org/x/sys/unix"
)

// attacker is a third host that guessed a port, the payload type and even the
// SSRC.
type attacker struct{ *phone }

// spray sends one of each kind to both ports of a side, and gives how many.
func (x *attacker) spray(to Local, ssrc uint32) int {
	x.t.Helper()
	x.ssrc = ssrc
	bye, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: ssrc}, &rtcp.Goodbye{Sources: []uint32{ssrc}}})
	if err != nil {
		x.t.Fatal(err)
	}
	packets := [][]byte{x.frame("injected"), report(x.t, ssrc), bye, append([]byte{0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 20)...)}
	for _, b := range packets {
		send(x.t, x.rtp, b, at(to))
		send(x.t, x.rtcp, b, control(to))
	}
	return 2 * len(packets)
}

// nothing fails the test when a socket holds a packet.
func nothing(t *testing.T, c *net.UDPConn, what string) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		if n, _, err := unix.Recvfrom(int(fd), make([]byte, 2048), unix.MSG_DONTWAIT); err != unix.EAGAIN {
			t.Errorf("%s heard %d bytes, %v", what, n, err)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// A third host sprays the ports of a call at every stage of it: all is refused and
// counted, nobody hears it, it hears nobody, and the call goes on as if it had not
// been there.
func TestAThirdHostGetsNothingAndChangesNothing(t *testing.T) {
	for _, policy := range []Latching{LatchStrict, LatchSubnet, LatchOff} {
		t.Run(fmt.Sprint(policy), func(t *testing.T) {
			r := newRelay(t, Options{})
			a, b, moved := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3"), newPhone(t, "127.0.0.5")
			moved.ssrc = 0x22222222
			x := &attacker{phone: newPhone(t, "127.9.0.4")} // another network, too
			s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one", LatchA: policy, LatchB: policy})
			if err != nil {
				t.Fatal(err)
			}
			var last [2]rtp.Packet // what each side heard last
			attack := func(stage string) {
				t.Helper()
				for _, side := range []Side{A, B} {
					flow := func() Flow {
						if st := s.Stats(); side == A {
							return st.AtoB
						}
						return s.Stats().BtoA
					}
					before := flow()
					n := uint64(x.spray(s.Local(side), a.ssrc))
					eventually(t, stage+": all is refused", func() bool { return flow().Refused == before.Refused+n })
					after := flow()
					after.Refused = before.Refused
					if after != before {
						t.Errorf("%s: %+v became %+v", stage, before, after)
					}
				}
				for _, p := range []*phone{a, b, x.phone} {
					nothing(t, p.rtp, stage+": a party")
					nothing(t, p.rtcp, stage+": a party")
				}
			}
			say := func(stage string, from, to *phone, side Side) {
				t.Helper()
				send(t, from.rtp, from.frame("voice"), at(s.Local(side)))
				got := to.hear()
				was := last[side.Other()]
				if string(got.Payload) != "voice" || was.SSRC != 0 && (got.SSRC != was.SSRC || got.SequenceNumber != was.SequenceNumber+1) {
					t.Errorf("%s: heard %v %q after %v", stage, got.Header, got.Payload, was.Header)
				}
				last[side.Other()] = got
			}
			attack("before any description")
			s.SetRemote(A, a.remote())
			attack("after the offer")
			s.SetRemote(B, b.remote())
			attack("before the answer")
			s.Settle(A)
			s.Settle(B)
			attack("before the latch")
			say("latch", a, b, A)
			attack("A is latched")
			say("latch", b, a, B)
			attack("both are latched")
			say("talk", a, b, A)
			held := a.remote()
			held.Recv = false
			s.SetRemote(A, held)
			attack("held")
			held.RTP, held.RTCP = netip.AddrPort{}, netip.AddrPort{}
			s.SetRemote(A, held)
			attack("held by no address")
			s.SetRemote(A, a.remote())
			s.Settle(A)
			attack("after a re-INVITE that changes nothing")
			say("talk", a, b, A)
			say("talk", b, a, B)
			s.SetRemote(B, moved.remote())
			attack("while B moves")
			s.Settle(B)
			attack("before B is latched anew")
			say("moved", moved, a, B)
			attack("B has moved")
			say("talk", a, moved, A)
			// Where B was is a third host now.
			x.phone = b
			x.spray(s.Local(B), moved.ssrc)
			eventually(t, "the old place is refused", func() bool { return s.Stats().BtoA.RTCP+s.Stats().BtoA.Invalid == 0 && s.Stats().BtoA.Refused%8 == 0 })
			say("talk", moved, a, B)
		})
	}
}

// What is queued in a socket when it is connected is still checked.
func TestPacketsQueuedBeforeTheLatchAreChecked(t *testing.T) {
	r := newRelay(t, Options{Shards: 1})
	a, b, x := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3"), newPhone(t, "127.0.0.4")
	s := talk(t, r, a, b)
	to := at(s.Local(A))
	r.shards[0].mu.Lock() // nothing is read
	send(t, a.rtp, a.frame("first"), to)
	for range 3 {
		send(t, x.rtp, x.frame("injected"), to)
		send(t, a.rtp, a.frame("voice"), to)
	}
	r.shards[0].mu.Unlock()
	for _, want := range []string{"first", "voice", "voice", "voice"} {
		if got := b.hear(); string(got.Payload) != want {
			t.Errorf("heard %q, want %q", got.Payload, want)
		}
	}
	if st := s.Stats(); st.AtoB.Refused != 3 || st.AtoB.Packets != 4 {
		t.Errorf("%+v", st.AtoB)
	}
	l := s.(*session).legs[A]
	r.shards[0].mu.Lock()
	defer r.shards[0].mu.Unlock()
	if l.connected != addrOf(a.rtp) {
		t.Errorf("connected to %v", l.connected)
	}
}

// A peer that is gone answers with ICMP errors, which end nothing: when it is back
// it hears again.
func TestErrorsOfTheNetworkBreakNothing(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	send(t, b.rtp, b.frame("voice"), at(s.Local(B)))
	a.hear() // B is latched, and its socket connected
	where := addrOf(b.rtp)
	b.rtp.Close()
	for n := uint64(1); n <= 5; n++ {
		send(t, a.rtp, a.frame("unheard"), at(s.Local(A)))
		eventually(t, "it is sent", func() bool { return s.Stats().AtoB.Packets == n })
	}
	eventually(t, "the errors are counted", func() bool { return s.Stats().BtoA.Unreachable > 0 })
	back, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(where))
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	b.rtp = back
	send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
	if got := b.hear(); string(got.Payload) != "voice" {
		t.Errorf("heard %v", got)
	}
	send(t, b.rtp, b.frame("voice"), at(s.Local(B)))
	if got := a.hear(); string(got.Payload) != "voice" {
		t.Errorf("heard %v", got)
	}
	if st := s.Stats(); st.AtoB.Failed != 0 || st.BtoA.Failed != 0 {
		t.Errorf("%+v", st)
	}
}

// A flood at one port takes one turn a wake, whoever it is from: another call's
// packet that comes after all of it is served among the first.
func TestAFloodTakesItsTurn(t *testing.T) {
	r := newRelay(t, Options{Shards: 1})
	a, b, x := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3"), newPhone(t, "127.0.0.4")
	flooded, other := talk(t, r, a, b), talk(t, r, a, b)
	for _, s := range []Session{flooded, other} {
		send(t, a.rtp, a.frame("latch"), at(s.Local(A)))
		b.hear()
	}
	var tape taped
	flooded.Record(&tape)
	other.Record(&tape)
	r.shards[0].mu.Lock()
	for range 100 {
		send(t, a.rtp, a.frame("flood"), at(flooded.Local(A)))
		send(t, x.rtp, x.frame("flood"), at(flooded.Local(A)))
	}
	send(t, a.rtp, a.frame("voice"), at(other.Local(A)))
	r.shards[0].mu.Unlock()
	eventually(t, "all is heard", func() bool { return len(tape.all()) == 101 })
	at := slices.IndexFunc(tape.all(), func(s string) bool { return s[len(s)-5:] == "voice" })
	if at > 2 {
		t.Errorf("the other call had to wait for %d packets", at)
	}
	// What the guard had no room for is counted, too.
	if st := flooded.Close(); st.AtoB.Refused != 100 || st.AtoB.Packets != 101 || st.AtoB.Overrun != 0 {
		t.Errorf("%+v", st.AtoB)
	}
}

// Reports share RTP's port where that was agreed on.
func TestReportsOnThePortOfRTP(t *testing.T) {
	c := newClock()
	r := newRelay(t, Options{Timeout: -1, Clock: Clock{Now: c.read}})
	a, b, x := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3"), newPhone(t, "127.0.0.4")
	s := open(t, r)
	muxed := a.remote()
	muxed.Mux, muxed.RTCP = true, muxed.RTP
	s.SetRemote(A, muxed)
	s.SetRemote(B, b.remote())
	s.Settle(A)
	s.Settle(B)
	c.advance(r, 0)
	send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
	heard := b.hear()
	send(t, a.rtp, report(t, a.ssrc), at(s.Local(A)))
	eventually(t, "the report is read", func() bool { return s.Stats().AtoB.RTCP == 1 })
	send(t, x.rtp, report(t, a.ssrc), at(s.Local(A)))
	eventually(t, "another's is refused", func() bool { return s.Stats().AtoB.Refused == 1 })
	c.advance(r, 10*time.Second)
	packets := decode(t, receive(t, a.rtp))
	if rr, ok := packets[0].(*rtcp.ReceiverReport); !ok || len(rr.Reports) != 1 || rr.Reports[0].SSRC != a.ssrc {
		t.Errorf("A got %v", packets)
	}
	nothing(t, a.rtcp, "A's other port")
	packets = decode(t, receive(t, b.rtcp))
	if sr, ok := packets[0].(*rtcp.SenderReport); !ok || sr.SSRC != heard.SSRC {
		t.Errorf("B got %v", packets)
	}
}
