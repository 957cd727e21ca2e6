package transport

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func dialTCP(t testing.TB, to netip.AddrPort) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func dialFrom(t testing.TB, addr string, to netip.AddrPort) *net.TCPConn {
	t.Helper()
	from := net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 0))
	c, err := net.DialTCP("tcp", from, net.TCPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// peer accepts connections.
type peer struct {
	addr  netip.AddrPort
	conns chan net.Conn
	close func()
}

func acceptor(t testing.TB, bind string) *peer {
	t.Helper()
	l, err := net.Listen("tcp", bind)
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{addr: addrPortOf(l.Addr()), conns: make(chan net.Conn, 100)}
	done := make(chan struct{})
	var once sync.Once
	p.close = func() {
		once.Do(func() {
			l.Close()
			<-done
		})
	}
	t.Cleanup(p.close)
	go func() {
		defer close(done)
		var all []net.Conn
		defer func() {
			for _, c := range all {
				c.Close()
			}
		}()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all = append(all, c)
			p.conns <- c
		}
	}()
	return p
}

var loopback = netip.MustParseAddr("127.0.0.1")

func TestStreams(t *testing.T) {
	for _, test := range []struct{ name, bind, to string }{
		{"one address", "127.0.0.1:0", "127.0.0.1"},
		{"every address", "0.0.0.0:0", "127.0.0.77"},
		{"IPv6", "[::1]:0", "::1"},
		{"every IPv6 address", "[::]:0", "::1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newRecorder()
			tr := listen(t, h, Options{}, "udp 127.0.0.1:0", "tcp "+test.bind)
			local := netip.AddrPortFrom(netip.MustParseAddr(test.to), tr.Addr(1).Port())
			peer := dialTCP(t, local)
			write(t, peer, options(1))
			got := next(t, "message", h.received)
			want := Flow{Listener: 1, Network: TCP, Local: local, Remote: addrPortOf(peer.LocalAddr()), Conn: got.flow.Conn}
			if got.flow != want || got.frame != options(1) || got.flow.Conn == 0 {
				t.Fatalf("got %+v, want %+v", got, want)
			}
			tr.Send(got.flow, []byte("answer"), 1)
			read(t, peer, "answer")
			// The port of the peer's Contact in place of its connection's.
			got.flow.Remote = netip.AddrPortFrom(got.flow.Remote.Addr(), 5060)
			tr.Send(got.flow, []byte("request"), 2)
			read(t, peer, "request")

			peer.Close()
			if id := next(t, "end", h.lost); id != want.Conn {
				t.Errorf("lost %d, want %d", id, want.Conn)
			}
			if lost := next(t, "end", h.ends); lost != (end{want, false}) {
				t.Errorf("lost %+v", lost)
			}
			tr.Send(want, []byte("late"), 3)
			if f := next(t, "failure", h.failed); f.token != 3 || f.flow != want {
				t.Errorf("failed %+v", f)
			}
			s := tr.Stats().Listeners[1]
			if s.Received != 1 || s.Sent != 2 || s.SentBytes != 13 || s.SendErrors != 1 || s.Open != 0 || s.Opened != 1 {
				t.Errorf("counted %+v", s)
			}
			none(t, "end", h.lost)
		})
	}
}

func TestStreamsAreFramed(t *testing.T) {
	bad := crlf("OPTIONS sip:bad SIP/2.0", "Subject: a\nb", "Content-Length: 0", "")
	body := crlf("MESSAGE sip:a SIP/2.0", "l: 12", "") + "0123456789\r\n"
	for _, test := range []struct {
		name      string
		writes    []string
		want      []string
		malformed uint64
	}{
		{"a message a write", []string{options(1), options(2)}, []string{options(1), options(2)}, 0},
		{"several in one", []string{options(1) + body + options(2)}, []string{options(1), body, options(2)}, 0},
		{"one in several", []string{body[:10], body[10:30], body[30:] + options(1)[:1], options(1)[1:]}, []string{body, options(1)}, 0},
		{"a byte at a time", bytesOf(body + options(1)), []string{body, options(1)}, 0},
		{"good after bad", []string{bad + options(1), options(2)}, []string{bad, options(1), options(2)}, 1},
		{"without length", []string{crlf("OPTIONS sip:a SIP/2.0", ""), options(1)}, []string{crlf("OPTIONS sip:a SIP/2.0", ""), options(1)}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newRecorder()
			tr := listen(t, h, Options{}, "tcp 127.0.0.1:0", "tls 127.0.0.1:0")
			for i, peer := range []net.Conn{dialTCP(t, tr.Addr(0)), dialTLS(t, tr, 1)} {
				for _, w := range test.writes {
					write(t, peer, w) // a segment, or a record, each: the kernel does not wait for more
				}
				for _, want := range test.want {
					if got := next(t, "message", h.received); got.frame != want {
						t.Fatalf("got %q, want %q", got.frame, want)
					}
				}
				if got := tr.Stats().Listeners[i].Malformed; got != test.malformed {
					t.Errorf("%d malformed, want %d", got, test.malformed)
				}
			}
		})
	}
}

func bytesOf(s string) []string {
	var all []string
	for i := range len(s) {
		all = append(all, s[i:i+1])
	}
	return all
}

func TestLimitsOfConnections(t *testing.T) {
	h := newRecorder()
	h.allow = func(_ int, src netip.Addr) bool { return src != netip.MustParseAddr("127.0.0.9") }
	tr := listen(t, h, Options{MaxConns: 3, MaxConnsPerSource: 2, MaxDialled: 1}, "tcp 127.0.0.1:0")
	from := func(addr string) net.Conn {
		t.Helper()
		c, err := net.DialTCP("tcp", net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr+":0")), net.TCPAddrFromAddrPort(tr.Addr(0)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	refused := func(addr string) {
		t.Helper()
		c, err := net.DialTCP("tcp", net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr+":0")), net.TCPAddrFromAddrPort(tr.Addr(0)))
		if errors.Is(err, unix.ECONNRESET) {
			return // before Dial had looked at its connection
		}
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetReadDeadline(time.Now().Add(patience))
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("not closed: %v", err)
		}
	}
	refused("127.0.0.9")
	first := from("127.0.0.2")
	write(t, first, options(1))
	from("127.0.0.2")
	refused("127.0.0.2")
	from("127.0.0.3")
	refused("127.0.0.4")
	next(t, "message", h.received)
	if s := tr.Stats().Listeners[0]; s.Refused != 1 || s.OverLimit != 2 || s.Open != 3 {
		t.Errorf("counted %+v", s)
	}
	// One that ends makes room for another.
	first.Close()
	next(t, "end", h.lost)
	write(t, from("127.0.0.2"), options(2))
	next(t, "message", h.received)

	target, other := acceptor(t, "127.0.0.1:0"), acceptor(t, "127.0.0.1:0")
	tr.Send(Flow{Network: TCP, Remote: target.addr}, []byte("x"), 1)
	tr.Send(Flow{Network: TCP, Remote: other.addr}, []byte("x"), 2)
	if failed := next(t, "failure", h.failed); failed.token != 2 {
		t.Errorf("failed %+v", failed)
	}
	read(t, next(t, "connection", target.conns), "x")
}
