package transport

import (
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestDatagrams(t *testing.T) {
	for _, test := range []struct {
		name  string
		bind  string
		to    string // address that the peer sends to
		peer  string
		local string
	}{
		{"one address", "127.0.0.1:0", "127.0.0.1", "127.0.0.1:0", "127.0.0.1"},
		{"every address", "0.0.0.0:0", "127.0.0.1", "127.0.0.1:0", "127.0.0.1"},
		{"every address, another", "0.0.0.0:0", "127.0.0.77", "127.0.0.1:0", "127.0.0.77"},
		{"one IPv6 address", "[::1]:0", "::1", "[::1]:0", "::1"},
		{"every IPv6 address", "[::]:0", "::1", "[::1]:0", "::1"},
		{"IPv4 in IPv6 form", "[::ffff:127.0.0.3]:0", "127.0.0.3", "127.0.0.1:0", "127.0.0.3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newRecorder()
			tr := listen(t, h, Options{}, "udp 127.0.0.9:0", "udp "+test.bind)
			port := tr.Addr(1).Port()
			peer := dialUDP(t, test.peer, netip.AddrPortFrom(netip.MustParseAddr(test.to), port))
			write(t, peer, options(1))
			got := next(t, "datagram", h.received)
			want := Flow{Listener: 1, Network: UDP, Local: netip.AddrPortFrom(netip.MustParseAddr(test.local), port), Remote: addrPortOf(peer.LocalAddr())}
			if got.flow != want || got.frame != options(1) {
				t.Fatalf("got %+v, want %+v", got, want)
			}
			// The peer's socket is connected: it takes the answer only from the
			// address that it sent to.
			tr.Send(got.flow, []byte("SIP/2.0 200 OK\r\n\r\n"), 7)
			read(t, peer, "SIP/2.0 200 OK\r\n\r\n")
			s := tr.Stats().Listeners[1]
			if s.Received != 1 || s.ReceivedBytes != uint64(len(options(1))) || s.Sent != 1 || s.SentBytes != 18 || s.SendErrors != 0 {
				t.Errorf("counted %+v", s)
			}
			none(t, "failure", h.failed)
		})
	}
}

func TestDatagramsOfStrangersAreDropped(t *testing.T) {
	h := newRecorder()
	h.allow = func(listener int, src netip.Addr) bool {
		return listener == 0 && src == netip.MustParseAddr("127.0.0.2")
	}
	tr := listen(t, h, Options{}, "udp 127.0.0.1:0")
	stranger := dialUDP(t, "127.0.0.3:0", tr.Addr(0))
	friend := dialUDP(t, "127.0.0.2:0", tr.Addr(0))
	for range 3 {
		write(t, stranger, options(1))
	}
	write(t, friend, options(2))
	if got := next(t, "datagram", h.received); got.frame != options(2) {
		t.Fatalf("got %q", got.frame)
	}
	none(t, "datagram", h.received)
	if s := tr.Stats().Listeners[0]; s.Refused != 3 || s.Received != 1 {
		t.Errorf("counted %+v", s)
	}
}

func TestDatagramsThatAreNoMessages(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{}, "udp 127.0.0.1:0")
	peer := dialUDP(t, "127.0.0.1:0", tr.Addr(0))
	for _, d := range []string{"", "\r\n", "\r\n\r\n", "\n"} {
		write(t, peer, d)
	}
	stun := "\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl"
	for _, d := range []string{stun, "\x80\x00rtp", "\x00", " x"} {
		write(t, peer, d)
	}
	large := "\r\n" + "OPTIONS " + strings.Repeat("x", 65000)
	write(t, peer, large)
	if got := next(t, "datagram", h.received); got.frame != large[2:] {
		t.Fatalf("got %d bytes, want %d", len(got.frame), len(large)-2)
	}
	none(t, "datagram", h.received)
	if s := tr.Stats().Listeners[0]; s.KeepAlives != 4 || s.STUN != 1 || s.Malformed != 3 || s.Received != 1 {
		t.Errorf("counted %+v", s)
	}
}

// The frame is the handler's: the next datagram does not write over it.
func TestDatagramsAreKept(t *testing.T) {
	frames := make(chan []byte, 10)
	h := &keeper{frames: frames}
	tr := listen(t, h, Options{}, "udp 127.0.0.1:0")
	peer := dialUDP(t, "127.0.0.1:0", tr.Addr(0))
	write(t, peer, "first")
	first := next(t, "datagram", frames)
	write(t, peer, "other")
	next(t, "datagram", frames)
	if string(first) != "first" || cap(first) > 8 {
		t.Errorf("%q, %d bytes held", first, cap(first))
	}
}

type keeper struct {
	recorder
	frames chan []byte
}

func (k *keeper) Receive(_ Flow, _ *Peer, frame []byte) { k.frames <- frame }

func TestDatagramsThatCanNotBeSent(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{}, "udp 127.0.0.1:0", "udp 0.0.0.0:0")
	peer := netip.MustParseAddrPort("127.0.0.1:9")
	for i, f := range []Flow{
		{Listener: 0, Remote: netip.MustParseAddrPort("[::1]:9")},
		{Listener: 0},
		{Listener: 0, Remote: netip.MustParseAddrPort("192.0.2.1:9")},                 // not from the loopback
		{Listener: 1, Remote: peer, Local: netip.MustParseAddrPort("192.0.2.1:5060")}, // not our address
		{Listener: 1, Remote: peer, Local: netip.MustParseAddrPort("[::1]:5060")},     // of the other family
		{Listener: 2, Remote: peer}, // no such listener
	} {
		tr.Send(f, []byte("x"), uint64(i+1))
		if got := next(t, "failure", h.failed); got.flow != f || got.token != uint64(i+1) {
			t.Errorf("%d: failed %+v, want %+v", i, got, f)
		}
	}
	tr.Send(Flow{Remote: peer}, make([]byte, 70000), 9)
	if got := next(t, "failure", h.failed); got.token != 9 {
		t.Errorf("failed %+v", got)
	}
	s := tr.Stats()
	if s.Listeners[0].SendErrors != 4 || s.Listeners[1].SendErrors != 2 || s.Listeners[0].Sent != 0 {
		t.Errorf("counted %+v", s)
	}
}

func TestSeveralReaders(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{Readers: 3}, "udp 0.0.0.0:0")
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), tr.Addr(0).Port())
	const peers, each = 20, 10
	for range peers {
		peer := dialUDP(t, "127.0.0.1:0", to)
		for i := range each {
			write(t, peer, options(i))
		}
	}
	last := map[netip.AddrPort]int{}
	for range peers * each {
		got := next(t, "datagram", h.received)
		if want := options(last[got.flow.Remote]); got.frame != want {
			t.Fatalf("from %s: %q, want %q", got.flow.Remote, got.frame, want)
		}
		last[got.flow.Remote]++
	}
	if n := len(tr.edges[0].(*datagramEdge).sockets); n != 3 {
		t.Errorf("%d sockets", n)
	}
}

func TestKernelDropsAreCounted(t *testing.T) {
	h := &blocked{begun: make(chan struct{}), release: make(chan struct{})}
	tr := listen(t, h, Options{ReadBuffer: 4096}, "udp 127.0.0.1:0")
	peer := dialUDP(t, "127.0.0.1:0", tr.Addr(0))
	write(t, peer, options(0))
	next(t, "datagram", h.begun)
	const sent = 200
	for range sent {
		write(t, peer, strings.Repeat("x", 1000))
	}
	drops := tr.Stats().Listeners[0].KernelDrops
	if drops == 0 || drops >= sent {
		t.Errorf("%d of %d dropped", drops, sent)
	}
	close(h.release)
	eventually(t, "the rest is received", func() bool { return tr.Stats().Listeners[0].Received == 1+sent-drops })
	tr.Close()
	if after := tr.Stats().Listeners[0].KernelDrops; after != drops {
		t.Errorf("%d drops after Close, %d before", after, drops)
	}
}

// blocked is a handler that does not return before it may.
type blocked struct {
	recorder
	begun   chan struct{}
	release chan struct{}
}

func (b *blocked) Receive(Flow, *Peer, []byte) {
	select {
	case b.begun <- struct{}{}:
	case <-b.release:
	}
	<-b.release
}

func TestReadBufferIsLarge(t *testing.T) {
	tr := listen(t, newRecorder(), Options{}, "udp 127.0.0.1:0")
	got := readBuffer(tr.edges[0].(*datagramEdge).sockets[0].raw)
	plain, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	raw, err := plain.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	setTo(t, raw, 4<<20)
	if most := readBuffer(raw); got < most {
		t.Errorf("%d bytes, the kernel gives %d", got, most)
	}
}

func setTo(t *testing.T, raw syscall.RawConn, size int) {
	t.Helper()
	if err := raw.Control(func(fd uintptr) {
		if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, size); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// However many sources there are of what is dropped, none of them leaves a trace.
func TestRefusedDatagramsAllocateNothing(t *testing.T) {
	h := newRecorder()
	h.allow = func(int, netip.Addr) bool { return false }
	tr := listen(t, h, Options{}, "udp 127.0.0.1:0", "udp [::1]:0")
	for i, prefix := range []string{"10.0.0.0", "2001:db8::", "fe80::"} {
		edge := tr.edges[min(i, 1)].(*datagramEdge)
		b := newBatch(false)
		copy(b.data, options(1))
		b.headers[0].Len = uint32(len(options(1)))
		from := netip.AddrPortFrom(netip.MustParseAddr(prefix), 5060)
		if n := testing.AllocsPerRun(1000, func() {
			from = netip.AddrPortFrom(from.Addr().Next(), from.Port())
			b.sources[0].set(from, i > 0)
			edge.receive(b, 0)
		}); n > 0 {
			t.Errorf("from %s on: %v allocations", prefix, n)
		}
	}
	if s := tr.Stats(); s.Listeners[0].Refused < 1000 || s.Listeners[1].Refused < 2000 {
		t.Errorf("counted %+v", s)
	}
	none(t, "message", h.received)
}

// A zone is of this machine, and goes into no message: an address of ours has
// none, and is found again by the peer's.
func TestLinkLocal(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{}, "udp [::]:0")
	edge := tr.edges[0].(*datagramEdge)
	b := newBatch(true)
	n := copy(b.data, options(1))
	b.headers[0].Len = uint32(n)
	b.sources[0].set(netip.MustParseAddrPort("[fe80::2%3]:5060"), true)
	b.headers[0].Hdr.SetControllen(b.controls[0].setSource(netip.MustParseAddr("fe80::1%3"), true))
	edge.receive(b, 0)
	got := next(t, "datagram", h.received).flow
	if got.Local.Addr() != netip.MustParseAddr("fe80::1") || got.Remote != netip.MustParseAddrPort("[fe80::2%3]:5060") {
		t.Fatalf("from %s to %s", got.Remote, got.Local)
	}
	if own := inZoneOf(got.Local.Addr(), got.Remote.Addr()); own != netip.MustParseAddr("fe80::1%3") {
		t.Errorf("answered from %s", own)
	}
	for own, peer := range map[string]string{"2001:db8::1": "fe80::2%3", "192.0.2.1": "192.0.2.2", "::1": "::1"} {
		if got := inZoneOf(netip.MustParseAddr(own), netip.MustParseAddr(peer)); got != netip.MustParseAddr(own) {
			t.Errorf("%s toward %s is %s", own, peer, got)
		}
	}
}

func TestSTUNIsDropped(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{}, "udp 127.0.0.1:0")
	peer := dialUDP(t, "127.0.0.1:0", tr.Addr(0))
	request := "\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl"
	response := "\x01\x01" + request[2:]
	for _, d := range []string{request, response, request + "attributes"} {
		write(t, peer, d)
	}
	for _, d := range []string{request[:19], strings.Replace(request, "\x21", "\x20", 1), "OPTI\x21\x12\xa4\x42 sip:a SIP/2.0\r\n\r\n"} {
		write(t, peer, d)
	}
	if got := next(t, "datagram", h.received); !strings.HasPrefix(got.frame, "OPTI") {
		t.Errorf("got %q", got.frame)
	}
	if s := tr.Stats().Listeners[0]; s.STUN != 3 || s.Malformed != 2 || s.Sent != 0 {
		t.Errorf("counted %+v", s)
	}
}

func TestSendingDatagramsAllocatesNothing(t *testing.T) {
	tr := listen(t, newRecorder(), Options{}, "udp 0.0.0.0:0")
	peer := dialUDP(t, "127.0.0.1:0", netip.MustParseAddrPort("127.0.0.1:9"))
	f := Flow{Local: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), tr.Addr(0).Port()), Remote: addrPortOf(peer.LocalAddr())}
	b := []byte(options(1))
	if n := testing.AllocsPerRun(500, func() { tr.Send(f, b, 1) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
