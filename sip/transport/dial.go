package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"

	"mask700/crash"
)

// send queues a message on the connection that the flow names, or on the one
// dialled to its remote address, which is begun if there is none.
func (e *streamEdge) send(f Flow, b []byte, token uint64) {
	m := queued{flow: f, token: token}
	for {
		c, begun := e.find(f)
		if c == nil {
			break
		}
		added := gone
		if c.takes(b) {
			added = c.push(b, m)
		}
		if added == pushed || added == written {
			return
		}
		if added == full || f.Conn != 0 || begun {
			break
		}
		// It ended since it was found, and is in the table no more.
	}
	e.counters.sendErrors.Add(1)
	e.t.notices.failed(f, token)
}

// find gives the connection for a message: none if the one it names is gone, or
// no more may be dialled. Begun says that it is dialled for this message.
//
// A message that names none leaves on a connection that we dialled, which is
// used for as long as it lasts. One that the peer dialled carries no requests of
// ours but those of the dialogs that came in on it: the alias parameter of RFC
// 5923, by which a peer asks for that, is not honoured, since over TCP anybody
// behind the peer's address could ask.
func (e *streamEdge) find(f Flow) (c *conn, begun bool) {
	remote := netip.AddrPortFrom(f.Remote.Addr().Unmap(), f.Remote.Port())
	e.conns.Lock()
	defer e.conns.Unlock()
	if f.Conn != 0 {
		// The address has to fit, so that a flow that was kept longer than its
		// connection can not come out at a stranger's. The port need not: the
		// peer's Contact tells another one than its connection has.
		if c := e.conns.byID[f.Conn]; c != nil && c.remote.Addr() == remote.Addr() {
			return c, false
		}
		return nil, false
	}
	if c := e.conns.dialled[remote]; c != nil {
		return c, false
	}
	if e.conns.closed || !e.network.Dials() || !sameFamily(e.bound.Addr(), remote.Addr()) {
		return nil, false
	}
	if len(e.conns.dialled) >= e.t.options.MaxDialled {
		e.counters.overLimit.Add(1)
		return nil, false
	}
	c = newConn(e, e.t.ids.Add(1), remote, true)
	e.conns.dialled[remote] = c
	e.conns.byID[c.id] = c
	e.t.running.Go(crash.Guard(func() { e.dial(c, e.from(f.Local.Addr(), remote.Addr())) }))
	return c, true
}

// from is the address that a connection is dialled from: the flow's, else the
// listener's, else whatever the kernel finds.
func (e *streamEdge) from(local, remote netip.Addr) netip.Addr {
	if local.IsValid() && !local.IsUnspecified() {
		return inZoneOf(local, remote)
	}
	if a := e.bound.Addr(); !a.IsUnspecified() {
		return a
	}
	return netip.Addr{}
}

// dial is the life of a dialled connection.
func (e *streamEdge) dial(c *conn, from netip.Addr) {
	secure, err := e.clientTLS(c.remote)
	if err != nil {
		e.counters.dialErrors.Add(1)
		e.t.options.Logger.Error("connection can not be made", "listener", e.name(), "peer", nearby(c.remote), "error", err)
		e.finish(c, false)
		return
	}
	d := net.Dialer{Timeout: e.t.options.DialTimeout, KeepAliveConfig: keepAlive(), Control: onSocket(streamOptions)}
	if from.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
	}
	nc, err := d.DialContext(e.t.context, family("tcp", c.remote.Addr()), c.remote.String())
	if err != nil {
		e.counters.dialErrors.Add(1)
		e.t.options.Logger.Info("connection can not be made", "listener", e.name(), "peer", nearby(c.remote), "error", cause(err))
		e.finish(c, false)
		return
	}
	e.serve(c, nc.(*net.TCPConn), secure)
}

// clientTLS is nil for TCP.
func (e *streamEdge) clientTLS(remote netip.AddrPort) (*tls.Config, error) {
	if e.tls == nil {
		return nil, nil
	}
	if e.t.options.DialTLS == nil {
		host := e.tls.ServerName
		if host == "" {
			host = remote.Addr().WithZone("").String()
		}
		return ClientTLS(host, e.tls.RootCAs, e.tls.Certificates), nil
	}
	config := e.t.options.DialTLS(int(e.index), remote)
	if config == nil {
		return nil, errNoConfig
	}
	return modern(config), nil
}

// serve is the life of a connection from when its socket is there.
func (e *streamEdge) serve(c *conn, nc *net.TCPConn, secure *tls.Config) {
	ok := e.establish(c, nc, secure)
	if ok {
		e.counters.opened.Add(1)
		c.run()
	}
	e.finish(c, ok)
}

// establish makes the handshakes, which end also when the transport does.
func (e *streamEdge) establish(c *conn, nc *net.TCPConn, secure *tls.Config) bool {
	stop := context.AfterFunc(e.t.context, crash.Guard(func() { nc.Close() }))
	err := c.establish(nc, secure)
	if !stop() {
		return false
	}
	switch {
	case err == nil:
		return true
	case errors.Is(err, errUnknownName):
		e.counters.refused.Add(1)
	default:
		e.counters.handshakes.Add(1)
	}
	e.t.options.Logger.Info("handshake failed", "listener", e.name(), "peer", nearby(c.remote), "reason", handshakeFault(err))
	if errors.Is(err, errUpgrade) {
		c.net.Close() // not before the peer has its answer
	} else {
		drop(nc)
	}
	return false
}

// finish lets nobody find the connection any more, then tells of what was still
// queued, then of the connection itself if anybody knows it.
func (e *streamEdge) finish(c *conn, established bool) {
	e.forget(c)
	c.fail(c.queue.close())
	if established {
		e.t.notices.lost(c.flow(), c.dialled)
	}
}
