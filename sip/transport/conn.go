package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// unackedTimeout is for data that the peer's kernel does not acknowledge.
	unackedTimeout = 30 * time.Second
	// writeChunk is how much has to leave within WriteTimeout, so that a peer
	// that reads slowly is told from one that does not read.
	writeChunk = 64 << 10
	// lingerTime is how long a stream that can not be framed any more stays open
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
	id      uint64
	edge    *streamEdge
	remote  netip.AddrPort
	dialled bool

	queue queue
	wake  chan struct{} // there is something in queue
	ended chan struct{} // closed by end

	raw     *quietConn // these are set by establish
	net     net.Conn   // the same, or TLS over it
	local   netip.AddrPort
	once    sync.Once
	written atomic.Int64 // when bytes last left, Unix nanoseconds
}

func newConn(e *streamEdge, id uint64, remote netip.AddrPort, dialled bool) *conn {
	c := &conn{id: id, edge: e, remote: remote, dialled: dialled, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	c.queue.maxBytes, c.queue.maxMessages = e.t.options.QueueBytes, e.t.options.QueueMessages
	return c
}

// push queues a message for the writer.
func (c *conn) push(b []byte, m queued) added {
	added := c.queue.push(b, m)
	switch added {
	case pushed:
		select {
		case c.wake <- struct{}{}:
		default:
		}
	case written:
		c.written.Store(time.Now().UnixNano())
		m.size = len(b)
		c.count(m)
	}
	return added
}

// end makes reader and writer stop. It may be called from anywhere.
func (c *conn) end() {
	c.once.Do(func() { close(c.ended) })
}

// establish notes the socket, and makes the TLS handshake on it.
func (c *conn) establish(tcp *net.TCPConn, secure *tls.Config) error {
	nc, err := newQuietConn(tcp)
	if err != nil {
		return err
	}
	c.net, c.raw = nc, nc
	// The port of the listener also where the socket has another one: it is
	// where the peer can reach us.
	c.local = netip.AddrPortFrom(addrPortOf(nc.LocalAddr()).Addr(), c.edge.bound.Port())
	if secure == nil {
		c.queue.direct(nc.WriteNow)
		return nil
	}
	handshake := tls.Server
	if c.dialled {
		handshake = tls.Client
	}
	s := handshake(nc, secure)
	c.net = s
	if err := nc.SetDeadline(time.Now().Add(c.edge.t.options.HandshakeTimeout)); err != nil {
		return err
	}
	if err := s.Handshake(); err != nil {
		return err
	}
	return nc.SetDeadline(time.Time{})
}

// run reads and writes until the connection ends, and returns when both have
// stopped.
func (c *conn) run() {
	c.written.Store(time.Now().UnixNano())
	// What Close gives to the last messages is over.
	stop := context.AfterFunc(c.edge.t.hurry, func() { c.raw.Close() })
	defer stop()
	stopped := make(chan struct{})
	go func() {
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
		now := time.Now()
		c.written.Store(now.UnixNano())
		if c.net.SetWriteDeadline(now.Add(c.edge.t.options.WriteTimeout)) != nil {
			break
		}
		n, err := c.net.Write(data[done:min(done+writeChunk, len(data))])
		done += n
		if err != nil {
			c.edge.t.options.Logger.Info("connection does not take what is sent", "listener", c.edge.name(), "peer", c.remote, "error", cause(err))
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
		c.edge.counters.sent.Add(1)
		c.edge.counters.sentBytes.Add(uint64(m.size))
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

// readLoop hands messages on until the stream ends or can not be framed.
func (c *conn) readLoop() {
	var deadline deadline
	f := newFramer(maxFrame)
	for {
		if !deadline.set(c, f.partial()) {
			return
		}
		n, err := c.net.Read(f.space())
		f.fill(n)
		for what, frame := f.next(); what != more; what, frame = f.next() {
			if c.edge.t.closing.Load() {
				return
			}
			deadline.progress()
			switch what {
			case ping:
				c.edge.counters.keepAlives.Add(1)
				c.pong()
			case message:
				if f.bad {
					c.edge.counters.malformed.Add(1)
				}
				c.receive(frame)
			case broken:
				c.edge.counters.malformed.Add(1)
				c.edge.t.options.Logger.Info("stream can not be framed", "listener", c.edge.name(), "peer", c.remote)
				if frame != nil {
					c.receive(frame)
					c.linger()
				}
				return
			}
		}
		if err != nil && !(errors.Is(err, os.ErrDeadlineExceeded) && c.active(f)) {
			return
		}
	}
}

func (c *conn) receive(frame []byte) {
	c.edge.counters.received.Add(1)
	c.edge.counters.receivedBytes.Add(uint64(len(frame)))
	kept := make([]byte, len(frame))
	copy(kept, frame)
	c.edge.t.handler.Receive(Flow{Listener: c.edge.index, Network: c.edge.network, Local: c.local, Remote: c.remote, Conn: c.id}, kept)
}

// pong answers a ping (RFC 5626 section 4.4.1), once for all that wait together.
func (c *conn) pong() {
	if !c.queue.endsQuiet() {
		c.push([]byte("\r\n"), queued{quiet: true})
	}
}

// active tells, when nothing was read for as long as it may last, whether the
// connection is in use all the same.
func (c *conn) active(f *framer) bool {
	if f.partial() {
		c.edge.counters.malformed.Add(1)
		c.edge.t.options.Logger.Info("message does not end", "listener", c.edge.name(), "peer", c.remote)
		return false
	}
	return time.Since(time.Unix(0, c.written.Load())) < c.edge.t.options.IdleTimeout
}

// linger leaves the connection open for an answer to what was received last.
func (c *conn) linger() {
	if c.net.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	waste := make([]byte, firstRead)
	for total := 0; total < lingerBytes; {
		n, err := c.net.Read(waste)
		if err != nil {
			return
		}
		total += n
	}
}

// deadline is when the reader gives up: long after the last message, sooner in
// the middle of one. It is only set anew when it has moved noticeably.
type deadline struct {
	at      time.Time // zero: to be set
	partial bool
}

// progress says that a message came.
func (d *deadline) progress() {
	if d.partial {
		d.at = time.Time{}
	}
}

func (d *deadline) set(c *conn, partial bool) bool {
	wait := c.edge.t.options.IdleTimeout
	if partial {
		wait = c.edge.t.options.FrameTimeout
	}
	now := time.Now()
	switch {
	case d.at.IsZero(), d.partial != partial:
	case partial, d.at.Sub(now) > wait-wait/8:
		return true
	}
	d.at, d.partial = now.Add(wait), partial
	return c.net.SetReadDeadline(d.at) == nil
}
