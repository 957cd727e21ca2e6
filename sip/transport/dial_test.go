package transport

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestDial(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{}, "tcp 127.0.0.5:0", "tcp 0.0.0.0:0")
	target := acceptor(t, "127.0.0.1:0")
	f := Flow{Listener: 0, Network: TCP, Local: tr.Addr(0), Remote: target.addr}
	tr.Send(f, []byte(options(1)), 1)
	tr.Send(f, []byte(options(2)), 2)
	conn := next(t, "connection", target.conns)
	read(t, conn, options(1)+options(2))
	if from := addrPortOf(conn.RemoteAddr()); from.Addr() != tr.Addr(0).Addr() {
		t.Errorf("dialled from %s", from)
	}
	tr.Send(f, []byte(options(3)), 3)
	read(t, conn, options(3))

	// What comes back names the connection and the port where we listen.
	write(t, conn, options(4))
	got := next(t, "message", h.received)
	if want := (Flow{Listener: 0, Network: TCP, Local: tr.Addr(0), Remote: target.addr, Conn: got.flow.Conn}); got.flow != want || want.Conn == 0 {
		t.Errorf("got %+v, want %+v", got.flow, want)
	}
	tr.Send(got.flow, []byte(options(5)), 5)
	read(t, conn, options(5))

	// Each listener has connections of its own; the flow says from where.
	tr.Send(Flow{Listener: 1, Network: TCP, Remote: target.addr, Local: netip.MustParseAddrPort("127.0.0.6:5060")}, []byte(options(6)), 6)
	other := next(t, "another connection", target.conns)
	read(t, other, options(6))
	if from := addrPortOf(other.RemoteAddr()); from.Addr() != netip.MustParseAddr("127.0.0.6") {
		t.Errorf("dialled from %s", from)
	}

	// When it has ended the next message makes another one.
	conn.Close()
	if id := next(t, "end", h.lost); id != got.flow.Conn {
		t.Errorf("lost %d", id)
	}
	if lost := next(t, "end", h.ends); lost != (end{got.flow, true}) {
		t.Errorf("lost %+v", lost)
	}
	tr.Send(got.flow, []byte("x"), 7)
	if failed := next(t, "failure", h.failed); failed.token != 7 {
		t.Errorf("failed %+v", failed)
	}
	tr.Send(f, []byte(options(8)), 8)
	read(t, next(t, "connection", target.conns), options(8))
	none(t, "failure", h.failed)
	eventually(t, "two connections and five messages are counted", func() bool {
		s := tr.Stats().Listeners[0]
		return s.Opened == 2 && s.Open == 1 && s.Sent == 5
	})
}

func TestDialRefused(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{}, "tcp 127.0.0.1:0")
	target := acceptor(t, "127.0.0.1:0")
	target.close()
	f := Flow{Network: TCP, Remote: target.addr}
	for round := range 2 {
		for token := range 3 {
			tr.Send(f, []byte(options(1)), uint64(token))
		}
		for range 3 {
			if got := next(t, "failure", h.failed); got.flow != f || got.token > 2 {
				t.Errorf("failed %+v", got)
			}
		}
		if s := tr.Stats().Listeners[0]; s.DialErrors == 0 || s.Open != 0 || s.SendErrors != uint64(3*(round+1)) {
			t.Errorf("counted %+v", s)
		}
	}
	none(t, "end", h.lost)
	for i, f := range []Flow{
		{Network: TCP}, // nowhere
		{Network: TCP, Remote: netip.MustParseAddrPort("[::1]:5060")},
		{Network: TCP, Remote: target.addr, Local: netip.MustParseAddrPort("192.0.2.1:5060")}, // not our address
		{Network: TCP, Remote: target.addr, Conn: 1},
	} {
		tr.Send(f, []byte("x"), uint64(100+i))
		if got := next(t, "failure", h.failed); got.flow != f || got.token != uint64(100+i) {
			t.Errorf("failed %+v, want %+v", got, f)
		}
	}
}

// A peer that connects from the address of another one gets nothing that is for
// that one, and no flow of another peer leads to it.
func TestStrangersConnectionIsNotUsed(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{}, "tcp 127.0.0.1:0")
	stranger, err := net.DialTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}, net.TCPAddrFromAddrPort(tr.Addr(0)))
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	write(t, stranger, options(1))
	got := next(t, "message", h.received).flow

	request := Flow{Network: TCP, Local: tr.Addr(0), Remote: got.Remote}
	tr.Send(request, []byte(options(2)), 2)
	if failed := next(t, "failure", h.failed); failed.token != 2 {
		t.Errorf("failed %+v", failed)
	}
	another := got
	another.Remote = netip.MustParseAddrPort("127.0.0.3:5060")
	tr.Send(another, []byte(options(3)), 3)
	if failed := next(t, "failure", h.failed); failed.token != 3 {
		t.Errorf("failed %+v", failed)
	}
	// All that it gets is the answer.
	tr.Send(got, []byte("answer"), 4)
	read(t, stranger, "answer")
}

// Connections of one run are not those of another.
func TestConnectionIDsDoNotRepeat(t *testing.T) {
	seen := map[uint64]bool{}
	for range 3 {
		h := newRecorder()
		tr := listen(t, h, Options{}, "tcp 127.0.0.1:0")
		for range 3 {
			write(t, dialTCP(t, tr.Addr(0)), options(1))
			seen[next(t, "message", h.received).flow.Conn] = true
		}
		tr.Close()
	}
	if len(seen) != 9 || seen[0] {
		t.Errorf("ids %v", seen)
	}
}

func TestQueueWhileDialling(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{QueueMessages: 3, DialTimeout: 200 * time.Millisecond}, "tcp 127.0.0.1:0")
	silent := unanswered(t)
	f := Flow{Network: TCP, Remote: silent}
	for token := range 5 {
		tr.Send(f, []byte("x"), uint64(token))
	}
	for _, want := range []uint64{3, 4, 0, 1, 2} {
		if failed := next(t, "failure", h.failed); failed.token != want {
			t.Errorf("failed %d, want %d", failed.token, want)
		}
	}
}

// unanswered is an address where connecting takes forever: its backlog is full.
func unanswered(t *testing.T) netip.AddrPort {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: loopback.As4()}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.AddrPortFrom(loopback, uint16(name.(*unix.SockaddrInet4).Port))
	for {
		c, err := net.DialTimeout("tcp", addr.String(), 100*time.Millisecond)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { c.Close() })
	}
}
