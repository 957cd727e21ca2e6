package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"

	"mask700/crash"
)

const (
	// unackedTimeout is for data that the peer's kernel does not acknowledge.
	unackedTimeout = 30 * time.Second
	// writeChunk is how much has to leave within WriteTimeout, so that a peer
	// that reads slowly is told from one that does not read.
	writeChunk = 64 << 10
	// lingerTime is how long a stream on which nothing more can come stays open
	// for the answer to its last message, and lingerBytes how much of it is
	// thrown away meanwhile: closing with bytes unread would reset it.
	lingerTime  = time.Second
	lingerBytes = 1 << 20
	// flushTime is what Close gives to messages that wait in queues.
	flushTime = 500 * time.Millisecond
)

// conn is one stream connection: a reader goroutine that owns it from its first
// to its last moment, and a writer goroutine while it is established.
type conn struct {
	id       uint64
	edge     *streamEdge
	remote   netip.AddrPort
	dialled  bool
	unproven bool // its peer has to show who it is; guarded by edge.conns

	queue queue
	wake  chan struct{} // there is something in queue
	ended chan struct{} // closed by end

	raw     *quietConn // these are set by establish
	net     net.Conn   // the same, or TLS over it
	local   netip.AddrPort
	peer    Peer
	in      cutter
	said    bool // by the peer, anything; the reader's
	once    sync.Once
	written atomic.Int64 // when bytes of a message last left, Unix nanoseconds
	half    atomic.Bool  // the peer says nothing more
	shut    atomic.Bool  // nor do we

	doubtful doubtful
	rejected bool // all that is in doubt has failed; the reader's
}

func newConn(e *streamEdge, id uint64, remote netip.AddrPort, dialled bool) *conn {
	c := &conn{id: id, edge: e, remote: remote, dialled: dialled, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	c.queue.maxBytes, c.queue.maxMessages = e.t.options.QueueBytes, e.t.options.QueueMessages
	return c
}

// flow is the path of the connection's messages.
func (c *conn) flow() Flow {
	return Flow{Listener: c.edge.index, Network: c.edge.network, Local: c.local, Remote: c.remote, Conn: c.id}
}

// push queues a message for the writer.
func (c *conn) push(b []byte, m queued) added {
	m.size = len(b)
	if c.edge.network.Web() {
		b = webMessage(b)
	}
	return c.put(b, m)
}

// put queues bytes as they are to leave.
func (c *conn) put(b []byte, m queued) added {
	added := c.queue.push(b, m)
	switch added {
	case pushed:
		select {
		case c.wake <- struct{}{}:
		default:
		}
	case written:
		c.count(m)
	}
	return added
}

// end makes reader and writer stop. It may be called from anywhere.
func (c *conn) end() {
	c.once.Do(func() { close(c.ended) })
}

// establish notes the socket, makes the handshakes on it, and finds out who is at
// the other end.
func (c *conn) establish(tcp *net.TCPConn, secure *tls.Config) error {
	nc, err := newQuietConn(tcp)
	if err != nil {
		return err
	}
	c.net, c.raw = nc, nc
	// The port of the listener also where the socket has another one: it is
	// where the peer can reach us.
	c.local = netip.AddrPortFrom(addrPortOf(nc.LocalAddr()).Addr().WithZone(""), c.edge.bound.Port())
	c.in = newFramer(maxFrame)
	if secure == nil {
		defer c.queue.direct(nc.WriteNow)
	}
	if secure == nil && !c.edge.network.Web() {
		return nil
	}
	if err := nc.SetDeadline(time.Now().Add(c.edge.t.options.HandshakeTimeout)); err != nil {
		return err
	}
	if secure != nil {
		if err := c.secure(secure); err != nil {
			return err
		}
	}
	if c.edge.network.Web() {
		rest, err := upgrade(c.net)
		if err != nil {
			return err
		}
		c.in = newWebFramer(maxFrame, rest)
	}
	return nc.SetDeadline(time.Time{})
}

// secure makes the TLS handshake.
func (c *conn) secure(config *tls.Config) error {
	handshake := tls.Server
	if c.dialled {
		handshake = tls.Client
	}
	s := handshake(c.net, config)
	c.net = s
	if err := s.Handshake(); err != nil {
		return err
	}
	switch {
	case c.dialled:
		c.peer.Server = config.ServerName
		return nil
	case !c.edge.asks:
		return nil
	}
	if shown := s.ConnectionState().PeerCertificates; len(shown) > 0 {
		c.peer.Names = domains(shown[0])
	}
	if !c.edge.prove(c) {
		return errUnknownName
	}
	return nil
}

// run reads and writes until the connection ends, and returns when both have
// stopped.
func (c *conn) run() {
	c.written.Store(time.Now().UnixNano())
	// What Close gives to the last messages is over.
	stop := context.AfterFunc(c.edge.t.hurry, crash.Guard(func() { c.raw.Close() }))
	defer stop()
	stopped := make(chan struct{})
	go func() {
		defer crash.Door()
		defer close(stopped)
		c.writeLoop()
		c.net.Close() // makes the reader's Read return
	}()
	c.readLoop()
	c.end()
	if !c.edge.t.closing.Load() {
		c.raw.Close() // makes the writer's Write return
	}
	<-stopped
	if doubtful := c.doubtful.settle(); c.rejected {
		c.fail(doubtful)
	}
}

// writeLoop writes what is queued, until the connection ends or its peer does
// not read.
func (c *conn) writeLoop() {
	var data []byte
	var messages []queued
	for {
		select {
		case <-c.ended:
			if c.edge.t.closing.Load() {
				data, messages = c.queue.take(data, messages)
				if c.edge.network.Web() {
					data = append(data, closeFrame(ws.StatusGoingAway)...)
				}
				c.write(data, messages)
			}
			return
		case <-c.wake:
		}
		data, messages = c.queue.take(data, messages)
		if sent := c.write(data, messages); sent < len(messages) {
			c.raw.Close() // at once, without TLS's farewell that would wait too
			c.end()
			c.edge.forget(c)
			c.fail(messages[sent:])
			return
		}
		c.queue.done()
	}
}

// write returns how many messages left whole.
func (c *conn) write(data []byte, messages []queued) (sent int) {
	done := 0
	for done < len(data) {
		if c.net.SetWriteDeadline(time.Now().Add(c.edge.t.options.WriteTimeout)) != nil {
			break
		}
		n, err := c.net.Write(data[done:min(done+writeChunk, len(data))])
		done += n
		if err != nil {
			c.edge.t.options.Logger.Info("connection does not take what is sent", "listener", c.edge.name(), "peer", nearby(c.remote), "error", cause(err))
			break
		}
	}
	for _, m := range messages {
		if m.end > done {
			break
		}
		c.count(m)
		sent++
	}
	return sent
}

// count notes a message that the kernel took.
func (c *conn) count(m queued) {
	if !m.quiet {
		c.written.Store(time.Now().UnixNano())
		c.edge.counters.sent.Add(1)
		c.edge.counters.sentBytes.Add(uint64(m.size))
		if c.dialled && c.edge.tls != nil {
			c.doubtful.add(m, c.edge.t.options.QueueMessages)
		}
	}
}

// fail reports messages that can not be delivered.
func (c *conn) fail(messages []queued) {
	for _, m := range messages {
		if !m.quiet {
			c.edge.counters.sendErrors.Add(1)
			c.edge.t.notices.failed(m.flow, m.token)
		}
	}
}

// takes reports whether a message may still leave on the connection.
func (c *conn) takes(b []byte) bool {
	return !c.shut.Load() && (!c.half.Load() || isResponse(b))
}

// isResponse tells what a message is by its first line (RFC 3261 section 7.2).
func isResponse(b []byte) bool { return bytes.HasPrefix(b, []byte("SIP/2.0 ")) }
