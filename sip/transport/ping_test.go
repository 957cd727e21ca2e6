package transport

import (
	"crypto/tls"
	"net"
	"net/netip"
	"testing"
	"time"
)

// A connection that we dialled is kept alive by pings, each answered by the
// peer.
func TestPingsAreSent(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{PingInterval: 20 * time.Millisecond, PongTimeout: patience}, "tcp 127.0.0.1:0")
	target := acceptor(t, "127.0.0.1:0")
	tr.Send(Flow{Network: TCP, Remote: target.addr}, []byte(options(1)), 1)
	c := next(t, "connection", target.conns)
	read(t, c, options(1))
	for range 3 {
		read(t, c, "\r\n\r\n")
		write(t, c, "\r\n")
	}
	// Whatever the peer says is an answer.
	read(t, c, "\r\n\r\n")
	write(t, c, options(2))
	f := next(t, "message", h.received).flow
	read(t, c, "\r\n\r\n")
	tr.Send(f, []byte(options(3)), 3)
	read(t, c, options(3))
	none(t, "end", h.lost)
	if s := tr.Stats().Listeners[0]; s.Sent != 2 || s.SentBytes != uint64(len(options(1))+len(options(3))) || s.Unanswered != 0 || s.KeepAlives != 0 {
		t.Errorf("counted %+v", s)
	}

	// Two of ours understand each other.
	server := listen(t, newRecorder(), Options{}, "tls 127.0.0.1:0")
	secure := listen(t, h, Options{
		PingInterval: 5 * time.Millisecond, PongTimeout: patience, DialTLS: dialsTo(server),
	}, "tls 127.0.0.1:0")
	secure.Send(Flow{Network: TLS, Remote: server.Addr(0)}, []byte(options(4)), 4)
	eventually(t, "pings are answered", func() bool { return server.Stats().Listeners[0].KeepAlives >= 3 })
	if s := secure.Stats().Listeners[0]; s.Open != 1 || s.Unanswered != 0 {
		t.Errorf("counted %+v", s)
	}
}

func TestUnansweredPing(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{PingInterval: 20 * time.Millisecond, PongTimeout: 20 * time.Millisecond}, "tcp 127.0.0.1:0")
	target := acceptor(t, "127.0.0.1:0")
	f := Flow{Network: TCP, Remote: target.addr}
	tr.Send(f, []byte(options(1)), 1)
	c := next(t, "connection", target.conns)
	read(t, c, options(1)+"\r\n\r\n")
	next(t, "end", h.lost)
	expectEOF(t, c)
	if s := tr.Stats().Listeners[0]; s.Unanswered != 1 || s.Open != 0 || s.SendErrors != 0 {
		t.Errorf("counted %+v", s)
	}
	// The peer that did not know of pings has lost nothing.
	tr.Send(f, []byte(options(2)), 2)
	read(t, next(t, "another connection", target.conns), options(2))
	none(t, "failure", h.failed)
}

// A peer that begins a message and does not end it has not answered for ever.
func TestPingAndHalfAMessage(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{PingInterval: 20 * time.Millisecond, PongTimeout: patience, FrameTimeout: 30 * time.Millisecond}, "tcp 127.0.0.1:0")
	target := acceptor(t, "127.0.0.1:0")
	tr.Send(Flow{Network: TCP, Remote: target.addr}, []byte(options(1)), 1)
	c := next(t, "connection", target.conns)
	read(t, c, options(1)+"\r\n\r\n")
	write(t, c, "OPTIONS")
	next(t, "end", h.lost)
	if s := tr.Stats().Listeners[0]; s.Malformed != 1 || s.Unanswered != 0 {
		t.Errorf("counted %+v", s)
	}
}

// Pings do not keep a connection that nobody uses, and are not for those that
// a peer opened.
func TestPingsDoNotLastForever(t *testing.T) {
	h := newRecorder()
	tr := listen(t, h, Options{PingInterval: 10 * time.Millisecond, PongTimeout: patience, IdleTimeout: 100 * time.Millisecond}, "tcp 127.0.0.1:0")
	server := listen(t, newRecorder(), Options{}, "tcp 127.0.0.1:0")
	tr.Send(Flow{Network: TCP, Remote: server.Addr(0)}, []byte(options(1)), 1)
	eventually(t, "it was pinged", func() bool { return server.Stats().Listeners[0].KeepAlives > 0 })
	next(t, "end", h.lost)
	if s := tr.Stats().Listeners[0]; s.Unanswered != 0 {
		t.Errorf("counted %+v", s)
	}

	accepted := dialTCP(t, tr.Addr(0))
	write(t, accepted, options(2))
	f := next(t, "message", h.received).flow
	next(t, "end", h.lost)
	tr.Send(f, []byte("x"), 1)
	expectNothing(t, accepted)
}

// expectNothing reads the end of a connection on which nothing came before.
func expectNothing(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 10)); n > 0 || err == nil {
		t.Errorf("%d bytes came", n)
	}
}

// dialsTo trusts the certificate of another transport's first listener.
func dialsTo(server *Transport) func(int, netip.AddrPort) *tls.Config {
	return func(int, netip.AddrPort) *tls.Config {
		return ClientTLS("127.0.0.1", server.listeners[0].TLS.RootCAs, nil)
	}
}
