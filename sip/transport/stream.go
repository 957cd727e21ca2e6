package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"mask700/crash"
)

// keepAlive finds out that a peer is gone while nothing is sent to it.
func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4}
}

// streamEdge is a listener for streams, with the connections accepted by it and
// those dialled in its name.
type streamEdge struct {
	t        *Transport
	index    uint16
	network  Network
	bound    netip.AddrPort
	tls      *tls.Config // nil where there is none
	asks     bool        // peers for their certificates
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
		unproven  map[netip.Addr]int // accepted ones whose peers have yet to show who they are
		showing   int                // all of those
	}
}

func listenStreams(t *Transport, index int, l Listener, network Network) (*streamEdge, error) {
	e := &streamEdge{t: t, index: uint16(index), network: network}
	e.conns.byID = make(map[uint64]*conn)
	e.conns.dialled = make(map[netip.AddrPort]*conn)
	e.conns.perSource = make(map[netip.Addr]int)
	e.conns.unproven = make(map[netip.Addr]int)
	if network.Secure() {
		switch {
		case l.TLS == nil:
			return nil, errors.New("no certificate is configured")
		case asksForCertificate(l.TLS) && l.TLS.ClientCAs == nil:
			return nil, errors.New("no authority for the certificates of peers is configured")
		}
		e.tls, e.asks = serverTLS(l.TLS), asksForCertificate(l.TLS)
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

func (e *streamEdge) name() string { return e.t.listeners[e.index].Name }

func (e *streamEdge) addr() netip.AddrPort { return e.bound }

func (e *streamEdge) start() { e.t.running.Go(crash.Guard(e.acceptLoop)) }

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
	standing := e.t.handler.Allow(int(e.index), remote.Addr().WithZone(""))
	if standing != Member && (standing != Unproven || !e.asks) {
		e.counters.refused.Add(1)
		drop(nc)
		return
	}
	c := e.admit(remote, standing == Unproven)
	if c == nil {
		e.counters.overLimit.Add(1)
		e.t.options.Logger.Warn("too many connections", "listener", e.name(), "peer", nearby(remote))
		drop(nc)
		return
	}
	e.t.running.Go(crash.Guard(func() { e.serve(c, nc, e.tls) }))
}

// drop closes without waiting for the peer's part in it.
func drop(nc *net.TCPConn) {
	_ = nc.SetLinger(0)
	nc.Close()
}

// admit makes an accepted connection, or none if there are too many. Those who
// have yet to show who they are have a bound of their own, and each a part of
// it, so that they do not keep others out.
func (e *streamEdge) admit(remote netip.AddrPort, unproven bool) *conn {
	e.conns.Lock()
	defer e.conns.Unlock()
	o := &e.t.options
	switch {
	case e.conns.closed, e.conns.accepted >= o.MaxConns, e.conns.perSource[remote.Addr()] >= o.MaxConnsPerSource:
		return nil
	case unproven && (e.conns.showing >= o.MaxUnproven || e.conns.unproven[remote.Addr()] >= max(1, o.MaxUnproven/8)):
		return nil
	}
	c := newConn(e, e.t.ids.Add(1), remote, false)
	if c.unproven = unproven; unproven {
		e.conns.showing++
		e.conns.unproven[remote.Addr()]++
	}
	e.conns.accepted++
	e.conns.perSource[remote.Addr()]++
	e.conns.byID[c.id] = c
	return c
}

// prove asks whether the names of a peer that had to show some make it known.
func (e *streamEdge) prove(c *conn) bool {
	e.conns.Lock()
	unproven := c.unproven
	e.conns.Unlock()
	if !unproven {
		return true
	}
	if !e.t.handler.Admit(int(e.index), c.peer.Names) {
		return false
	}
	e.conns.Lock()
	defer e.conns.Unlock()
	e.proven(c)
	return true
}

// proven is called with the lock of conns.
func (e *streamEdge) proven(c *conn) {
	if !c.unproven {
		return
	}
	c.unproven = false
	e.conns.showing--
	drain(e.conns.unproven, c.remote.Addr())
}

// drain counts one down, and forgets who has none left.
func drain(m map[netip.Addr]int, a netip.Addr) {
	if m[a]--; m[a] == 0 {
		delete(m, a)
	}
}

// retire lets no new message leave on a dialled connection that does not name
// it.
func (e *streamEdge) retire(c *conn) {
	e.conns.Lock()
	defer e.conns.Unlock()
	if e.conns.dialled[c.remote] == c {
		delete(e.conns.dialled, c.remote)
	}
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
		if e.conns.dialled[c.remote] == c {
			delete(e.conns.dialled, c.remote)
		}
		return
	}
	e.proven(c)
	e.conns.accepted--
	drain(e.conns.perSource, c.remote.Addr())
}
