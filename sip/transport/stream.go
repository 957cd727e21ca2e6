package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// keepAlive finds out that a peer is gone while nothing is sent to it.
func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4}
}

// streamEdge is a TCP or TLS listener, with the connections accepted by it and
// those dialled in its name.
type streamEdge struct {
	t        *Transport
	index    uint16
	network  Network
	bound    netip.AddrPort
	tls      *tls.Config // nil for TCP
	socket   *net.TCPListener
	counters counters

	conns struct {
		sync.Mutex // protects the fields of conns
		closed     bool
		byID       map[uint64]*conn
		// dialled are the only ones that a message may leave on that does not
		// name its connection: whoever connected to us from an address is not
		// thereby who listens on it.
		dialled   map[netip.AddrPort]*conn
		accepted  int
		perSource map[netip.Addr]int
	}
}

func listenStreams(t *Transport, index int, l Listener, network Network) (*streamEdge, error) {
	e := &streamEdge{t: t, index: uint16(index), network: network}
	e.conns.byID = make(map[uint64]*conn)
	e.conns.dialled = make(map[netip.AddrPort]*conn)
	e.conns.perSource = make(map[netip.Addr]int)
	if network == TLS {
		if l.TLS == nil {
			return nil, errors.New("no certificate is configured")
		}
		e.tls = modern(l.TLS)
	}
	config := net.ListenConfig{KeepAliveConfig: keepAlive(), Control: onSocket(streamOptions)}
	socket, err := config.Listen(context.Background(), family("tcp", l.Bind.Addr()), l.Bind.String())
	if err != nil {
		return nil, err
	}
	e.socket = socket.(*net.TCPListener)
	e.bound = netip.AddrPortFrom(l.Bind.Addr(), addrPortOf(e.socket.Addr()).Port())
	return e, nil
}

// modern is a configuration without the versions before TLS 1.2 (RFC 8996).
func modern(c *tls.Config) *tls.Config {
	c = c.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	return c
}

func (e *streamEdge) name() string { return e.t.listeners[e.index].Name }

func (e *streamEdge) addr() netip.AddrPort { return e.bound }

func (e *streamEdge) start() { e.t.running.Go(e.acceptLoop) }

func (e *streamEdge) stats() ListenerStats {
	s := e.counters.read(e.t.listeners[e.index])
	e.conns.Lock()
	s.Open = uint64(len(e.conns.byID))
	e.conns.Unlock()
	return s
}

func (e *streamEdge) close() {
	e.socket.Close()
	e.conns.Lock()
	e.conns.closed = true
	for _, c := range e.conns.byID {
		c.end()
	}
	e.conns.Unlock()
}

// acceptLoop takes connections in until the listener is closed.
func (e *streamEdge) acceptLoop() {
	const longest = time.Second
	wait := 5 * time.Millisecond
	for {
		nc, err := e.socket.AcceptTCP()
		if err == nil {
			wait = 5 * time.Millisecond
			e.accept(nc)
			continue
		}
		if e.t.closing.Load() {
			return
		}
		// Mostly too many open files, which passes. The listener stays.
		e.t.options.Logger.Error("accepting connections", "listener", e.name(), "error", cause(err))
		if !e.t.pause(wait) {
			return
		}
		wait = min(2*wait, longest)
	}
}

func (e *streamEdge) accept(nc *net.TCPConn) {
	remote := addrPortOf(nc.RemoteAddr())
	if !e.t.handler.Allow(int(e.index), remote.Addr().WithZone("")) {
		e.counters.refused.Add(1)
		drop(nc)
		return
	}
	c := e.admit(remote)
	if c == nil {
		e.counters.overLimit.Add(1)
		e.t.options.Logger.Warn("too many connections", "listener", e.name(), "peer", remote)
		drop(nc)
		return
	}
	e.t.running.Go(func() { e.serve(c, nc, e.tls) })
}

// drop closes without waiting for the peer's part in it.
func drop(nc *net.TCPConn) {
	_ = nc.SetLinger(0)
	nc.Close()
}

// admit makes an accepted connection, or none if there are too many.
func (e *streamEdge) admit(remote netip.AddrPort) *conn {
	e.conns.Lock()
	defer e.conns.Unlock()
	if e.conns.closed || e.conns.accepted >= e.t.options.MaxConns || e.conns.perSource[remote.Addr()] >= e.t.options.MaxConnsPerSource {
		return nil
	}
	c := newConn(e, e.t.ids.Add(1), remote, false)
	e.conns.accepted++
	e.conns.perSource[remote.Addr()]++
	e.conns.byID[c.id] = c
	return c
}

// forget takes a connection out of the tables, so that the next message to its
// peer makes a new one.
func (e *streamEdge) forget(c *conn) {
	e.conns.Lock()
	defer e.conns.Unlock()
	if e.conns.byID[c.id] != c {
		return
	}
	delete(e.conns.byID, c.id)
	if c.dialled {
		delete(e.conns.dialled, c.remote)
		return
	}
	e.conns.accepted--
	if e.conns.perSource[c.remote.Addr()]--; e.conns.perSource[c.remote.Addr()] == 0 {
		delete(e.conns.perSource, c.remote.Addr())
	}
}
