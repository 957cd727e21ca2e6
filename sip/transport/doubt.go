package transport

import (
	"errors"
	"net"
	"sync"
)

// doubtful are the messages that left on a TLS connection that we made, while
// nothing has come back on it. In TLS 1.3 our part of the handshake is over
// before the server has judged our certificate (RFC 8446 section 4.4.2.4): if it
// refuses us then, what left meanwhile was never looked at.
type doubtful struct {
	sync.Mutex // protects what follows
	list       []queued
	settled    bool
}

func (d *doubtful) add(m queued, limit int) {
	d.Lock()
	defer d.Unlock()
	if !d.settled && len(d.list) < limit {
		d.list = append(d.list, m)
	}
}

// settle ends the doubt, and gives what was in it.
func (d *doubtful) settle() []queued {
	d.Lock()
	defer d.Unlock()
	list := d.list
	d.list, d.settled = nil, true
	return list
}

// refused notes that the peer has ended a connection by an alert in the place of
// its first word.
func (c *conn) refused(err error) {
	var remote *net.OpError
	if c.said || !errors.As(err, &remote) || remote.Op != "remote error" {
		return
	}
	c.edge.counters.handshakes.Add(1)
	c.edge.t.options.Logger.Info("handshake failed", "listener", c.edge.name(), "peer", nearby(c.remote), "reason", handshakeFault(err))
	c.rejected = true
}
