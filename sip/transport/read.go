package transport

import (
	"errors"
	"io"
	"os"
	"time"
)

// readLoop hands messages on until the stream ends or can not be framed.
func (c *conn) readLoop() {
	var deadline deadline
	f := c.in
	for {
		if !c.found(f, &deadline) || !deadline.set(c, f.partial()) {
			return
		}
		n, err := c.net.Read(f.space())
		f.fill(n)
		if n > 0 {
			deadline.heard()
			c.hear()
		}
		switch {
		case err == nil:
			continue
		case !c.found(f, &deadline):
			return
		case errors.Is(err, os.ErrDeadlineExceeded) && c.goesOn(f, &deadline):
			continue
		case errors.Is(err, io.EOF):
			c.hearOut(f, deadline.asked)
		default:
			c.refused(err)
		}
		return
	}
}

// hear notes that the peer has said something.
func (c *conn) hear() {
	if !c.said {
		c.said = true
		c.doubtful.settle()
	}
}

// found does what there is to do about everything that was read, and reports
// whether there may be more.
func (c *conn) found(f cutter, d *deadline) bool {
	for what, frame := f.next(); what != more; what, frame = f.next() {
		if c.edge.t.closing.Load() {
			return false
		}
		d.progress(what)
		switch what {
		case ping:
			c.edge.counters.keepAlives.Add(1)
			c.pong()
		case blank:
			c.edge.counters.keepAlives.Add(1)
		case reply:
			c.edge.counters.keepAlives.Add(1)
			c.put(frame, queued{quiet: true})
		case waste:
			c.edge.counters.malformed.Add(1)
		case message:
			if f.faulty() {
				c.edge.counters.malformed.Add(1)
			}
			if !isResponse(frame) {
				d.asked = d.message
			}
			c.receive(frame)
		case broken:
			c.garbled()
			if frame != nil {
				c.receive(frame)
				c.linger()
			}
			return false
		case ended:
			if f.faulty() {
				c.garbled()
			}
			c.shut.Store(true) // nothing leaves behind it (RFC 6455 section 5.5.1)
			c.put(frame, queued{quiet: true})
			c.linger()
			return false
		}
	}
	return true
}

func (c *conn) garbled() {
	c.edge.counters.malformed.Add(1)
	c.edge.t.options.Logger.Info("stream can not be framed", "listener", c.edge.name(), "peer", nearby(c.remote))
}

func (c *conn) receive(frame []byte) {
	c.edge.counters.received.Add(1)
	c.edge.counters.receivedBytes.Add(uint64(len(frame)))
	kept := make([]byte, len(frame))
	copy(kept, frame)
	c.edge.t.handler.Receive(c.flow(), &c.peer, kept)
}

// pong answers a ping (RFC 5626 section 4.4.1), once for all that wait together.
func (c *conn) pong() {
	if !c.queue.endsQuiet() {
		c.push([]byte("\r\n"), queued{quiet: true})
	}
}

// goesOn decides, when nothing was read for as long as that may last, whether
// the connection does, and asks the peer whether it is there.
//
// Whoever does not answer that is taken to be gone, as section 4.4.1 of RFC 5626
// has it. One that lives and does not know of pings loses nothing but an idle
// connection: the next message makes another.
func (c *conn) goesOn(f cutter, d *deadline) bool {
	o := &c.edge.t.options
	switch idle := time.Since(c.used(d.message)); {
	case f.partial():
		c.edge.counters.malformed.Add(1)
		o.Logger.Info("message does not end", "listener", c.edge.name(), "peer", nearby(c.remote))
		return false
	case d.pinged:
		c.edge.counters.unanswered.Add(1)
		o.Logger.Info("peer does not answer a ping", "listener", c.edge.name(), "peer", nearby(c.remote))
		return false
	case idle >= o.IdleTimeout:
		return false
	case c.pings():
		c.put([]byte("\r\n\r\n"), queued{quiet: true})
		f.pinged()
		d.pinged, d.at = true, time.Time{}
	}
	return true
}

// pings reports whether it is on us to keep the connection alive.
func (c *conn) pings() bool { return c.dialled && c.edge.t.options.PingInterval > 0 }

// used is when a message was last received or sent.
func (c *conn) used(received time.Time) time.Time {
	if sent := time.Unix(0, c.written.Load()); sent.After(received) {
		return sent
	}
	return received
}

// hearOut keeps a connection on which the peer will say nothing more, because it
// has shut down its half of it, for a moment in which its last request may be
// answered. Requests of ours do not leave on it any more: the peer may have
// closed both halves, which looks the same from here, and is asked on a new
// connection. So is it told what is answered later (RFC 3261 section 18.2.2).
func (c *conn) hearOut(f cutter, asked time.Time) {
	wait := c.edge.t.options.AnswerTimeout - time.Since(asked)
	if wait <= 0 || f.partial() {
		return
	}
	c.edge.retire(c)
	c.half.Store(true)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.ended:
	}
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
// the middle of one, soon after a ping. It is only set anew when it has moved
// noticeably.
type deadline struct {
	at      time.Time // zero: to be set
	partial bool
	pinged  bool      // a ping waits for whatever comes
	message time.Time // when the last one came
	asked   time.Time // when the last request came
}

// progress says that something whole came.
func (d *deadline) progress(what event) {
	if d.partial {
		d.at = time.Time{}
	}
	if what == message {
		d.message = time.Now()
	}
}

// heard says that bytes came.
func (d *deadline) heard() {
	if d.pinged {
		d.pinged, d.at = false, time.Time{}
	}
}

func (d *deadline) set(c *conn, partial bool) bool {
	o := &c.edge.t.options
	wait := o.IdleTimeout
	switch {
	case partial:
		wait = o.FrameTimeout
	case d.pinged:
		wait = o.PongTimeout
	case c.pings():
		wait = min(wait, o.PingInterval)
	}
	now := time.Now()
	switch {
	case d.at.IsZero(), d.partial != partial:
	case partial, d.pinged, d.at.Sub(now) > wait-wait/8:
		return true
	}
	d.at, d.partial = now.Add(wait), partial
	return c.net.SetReadDeadline(d.at) == nil
}
