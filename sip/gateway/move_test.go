package gateway

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mask700/media"
	"mask700/media/sdp"
	"mask700/sip/message"
	"mask700/sip/transport"
	"mask700/sip/trunk"
)

// socket6 is a socket of the other family.
func socket6(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// speaker is where a party's voice is.
type speaker struct {
	t      *testing.T
	socket *net.UDPConn
	seq    uint16
}

func (s *speaker) describe() string {
	at := s.socket.LocalAddr().(*net.UDPAddr).AddrPort()
	family := "IP4"
	if at.Addr().Is6() {
		family = "IP6"
	}
	return fmt.Sprintf("v=0\no=- 1 1 IN %s %s\ns=-\nc=IN %s %s\nt=0 0\nm=audio %d RTP/AVP 8\n", family, at.Addr(), family, at.Addr(), at.Port())
}

// says sends a packet of PCMA to where a description says.
func (s *speaker) says(to netip.AddrPort, what string) {
	s.t.Helper()
	s.seq++
	b := []byte{0x80, 8, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}
	binary.BigEndian.PutUint16(b[2:], s.seq)
	binary.BigEndian.PutUint32(b[4:], 160*uint32(s.seq))
	if _, err := s.socket.WriteToUDPAddrPort(append(b, what...), to); err != nil {
		s.t.Fatal(err)
	}
}

func (s *speaker) hears(what string) {
	s.t.Helper()
	if err := s.socket.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		s.t.Fatal(err)
	}
	b := make([]byte, 2048)
	n, _, err := s.socket.ReadFromUDPAddrPort(b)
	if err != nil {
		s.t.Fatal(err)
	}
	if !bytes.HasSuffix(b[:n], []byte(what)) {
		s.t.Errorf("heard %d bytes without %q", n, what)
	}
}

// placeIn is where a description wants packets.
func placeIn(t *testing.T, m *message.Message) netip.AddrPort {
	t.Helper()
	d, err := sdp.Parse(m.Body)
	if err != nil {
		t.Fatalf("%v in %q", err, m.Body)
	}
	remote, err := sdp.Remote(d)
	if err != nil {
		t.Fatal(err)
	}
	return remote.RTP
}

// TestMediaGoesWhereTheCallGoes: the first target is reached over IPv4 and takes no call, the second over IPv6. The pool has
// no address, so that the second is offered one of that family, and the two hear each other.
func TestMediaGoesWhereTheCallGoes(t *testing.T) {
	first, second := newSwitchboard(t, "127.0.3.3", 0), newSwitchboardOn(t, socket6(t), 0)
	r := newRouting(t, func(o *Options) {
		o.Listeners = append(o.Listeners, transport.Listener{Name: "six", Network: "udp", Bind: netip.AddrPortFrom(netip.IPv6Loopback(), 0)})
		o.Trunks[1].Targets = []trunk.Target{first.target(), second.target()}
		o.Media = func(on MediaEvents) (media.Engine, error) {
			return media.NewRelay(media.Options{Pools: []media.Pool{{Name: "in", Min: 21000, Max: 21099}}, OnTimeout: on.Silent, OnSource: on.Source, OnKey: on.Key})
		}
	})
	caller, callee := &speaker{t: t, socket: socket(t, "127.0.3.1")}, &speaker{t: t, socket: socket6(t)}
	say := func(s *switchboard, listener int, m *message.Message, status int, body string) {
		t.Helper()
		answer := message.Response{Echo: m.Echo(r.gateway.Addr(listener)), Status: status, ToTag: "them"}
		if body != "" {
			answer.Contact, answer.ContentType, answer.Body = "<sip:bob@"+s.addr().String()+">", "application/sdp", []byte(strings.ReplaceAll(body, "\n", "\r\n"))
		}
		if _, err := s.socket.WriteToUDPAddrPort(answer.Append(nil), r.gateway.Addr(listener)); err != nil {
			t.Fatal(err)
		}
	}
	pool := func() media.PoolStats { return r.gateway.Stats().Media.Pools[0] }

	r.send(r.peer, r.request("INVITE", "one", alice, x, caller.describe()))
	toFirst := first.next(t, "INVITE")
	if at := placeIn(t, toFirst); at.Addr() != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("the first is offered %v", at)
	}
	say(first, 0, toFirst, 503, "")
	toSecond := second.next(t, "INVITE")
	ours := placeIn(t, toSecond)
	if ours.Addr() != netip.IPv6Loopback() {
		t.Fatalf("the second is offered %v", ours)
	}
	if p := pool(); p.InUse != 2 || p.Resting != 1 {
		t.Errorf("%d pairs in use, %d rest", p.InUse, p.Resting)
	}
	say(second, 1, toSecond, 200, callee.describe())
	answer := placeIn(t, r.expect(200, "INVITE"))
	second.next(t, "ACK")
	if answer.Addr() != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("the caller is answered %v", answer)
	}
	caller.says(answer, "hello")
	callee.hears("hello")
	callee.says(ours, "who is there")
	caller.hears("who is there")

	r.gateway.HangUp(r.gateway.Calls()[0].ID)
	second.next(t, "BYE")
	eventually(t, "all ports are given back", func() bool { p := pool(); return p.InUse == 0 && p.Resting == 3 })
}
