package transport

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"mask700/crash"
)

// datagramEdge is a UDP listener: its sockets on one port, a reader for each.
type datagramEdge struct {
	t        *Transport
	index    uint16
	bound    netip.AddrPort
	wildcard bool // bound to every address, so that each datagram has to say which
	v6       bool
	sockets  []*socket
	counters counters
	unused   sync.Pool // of *outgoing
}

type socket struct {
	conn  *net.UDPConn
	raw   syscall.RawConn
	drops atomic.Uint64 // of the kernel, as it was when the socket was closed
}

func listenDatagrams(t *Transport, index int, l Listener) (*datagramEdge, error) {
	e := &datagramEdge{t: t, index: uint16(index), bound: l.Bind, v6: l.Bind.Addr().Is6(), wildcard: l.Bind.Addr().IsUnspecified()}
	e.unused.New = func() any { return newOutgoing() }
	config := net.ListenConfig{Control: onSocket(datagramOptions(&t.options, e.v6, e.wildcard))}
	for range t.options.Readers {
		pc, err := config.ListenPacket(context.Background(), family("udp", e.bound.Addr()), e.bound.String())
		if err != nil {
			e.close()
			return nil, err
		}
		s := &socket{conn: pc.(*net.UDPConn)}
		e.sockets = append(e.sockets, s)
		if s.raw, err = s.conn.SyscallConn(); err != nil {
			e.close()
			return nil, err
		}
		// The next one takes the port that the first one got.
		e.bound = netip.AddrPortFrom(l.Bind.Addr(), addrPortOf(s.conn.LocalAddr()).Port())
	}
	if got := readBuffer(e.sockets[0].raw); got < t.options.ReadBuffer {
		t.options.Logger.Warn("receive buffer is smaller than wanted: raise net.core.rmem_max",
			"listener", l.Name, "bytes", got, "wanted", t.options.ReadBuffer)
	}
	return e, nil
}

func (e *datagramEdge) start() {
	for _, s := range e.sockets {
		e.t.running.Go(crash.Guard(func() { e.readLoop(s) }))
	}
}

func (e *datagramEdge) addr() netip.AddrPort { return e.bound }

func (e *datagramEdge) stats() ListenerStats {
	s := e.counters.read(e.t.listeners[e.index])
	for _, socket := range e.sockets {
		s.KernelDrops += max(socket.drops.Load(), kernelDrops(socket.raw))
	}
	return s
}

func (e *datagramEdge) close() {
	for _, s := range e.sockets {
		if s.raw != nil {
			s.drops.Store(kernelDrops(s.raw))
		}
		s.conn.Close()
	}
}

// readLoop hands on what comes in until the socket is closed.
//
// It stays within one Read, whose function says by false that it wants to be
// called when there is more: a batch that is not full has emptied the socket, so
// that there is no call just to be told so.
func (e *datagramEdge) readLoop(s *socket) {
	b := newBatch(e.wildcard)
	err := s.raw.Read(func(fd uintptr) bool {
		for !e.t.closing.Load() {
			n, errno := b.receive(fd)
			switch errno {
			case 0:
			case unix.EINTR:
				continue
			case unix.EAGAIN:
				return false
			default:
				// No error of one datagram may end the listener; the next that
				// comes in wakes it again.
				e.t.options.Logger.Error("reading datagrams", "listener", e.t.listeners[e.index].Name, "error", errno)
				return false
			}
			for i := range n {
				e.receive(b, i)
			}
			if n < batchSize {
				return false
			}
		}
		return true
	})
	if err != nil && !e.t.closing.Load() {
		e.t.options.Logger.Error("listener ended", "listener", e.t.listeners[e.index].Name, "error", err)
	}
}

func (e *datagramEdge) receive(b *batch, i int) {
	src := b.source(i)
	if e.t.handler.Allow(int(e.index), src.Addr().WithZone("")) != Member {
		e.counters.refused.Add(1)
		return
	}
	// Line ends before a message are for streams (RFC 3261 section 7.5), but
	// phones send them in datagrams too, to keep a NAT's binding alive.
	frame := bytes.TrimLeft(b.payload(i), "\r\n")
	if len(frame) == 0 {
		e.counters.keepAlives.Add(1)
		return
	}
	f := Flow{Listener: e.index, Network: UDP, Local: e.bound, Remote: src}
	if e.wildcard {
		f.Local = netip.AddrPortFrom(b.destination(i).WithZone(""), e.bound.Port())
	}
	if isSTUN(frame) {
		e.counters.stun.Add(1)
		return
	}
	// Nobody could answer to port 0, nor from a group's address.
	if !isText(frame[0]) || src.Port() == 0 || !f.Local.IsValid() || f.Local.Addr().IsMulticast() || f.Local.Addr().IsUnspecified() {
		e.counters.malformed.Add(1)
		return
	}
	e.counters.received.Add(1)
	e.counters.receivedBytes.Add(uint64(len(frame)))
	kept := make([]byte, len(frame))
	copy(kept, frame)
	e.t.handler.Receive(f, nil, kept)
}

// isSTUN tells a STUN message by its cookie (RFC 8489 section 5). A phone may
// send binding requests to its proxy to keep a NAT open (RFC 5626 section
// 4.4.2), but only to one that says in its responses that it will answer them,
// which we do not: they are dropped, and CRLF does the same.
func isSTUN(b []byte) bool {
	return len(b) >= 20 && b[0]&0xc0 == 0 && b[4] == 0x21 && b[5] == 0x12 && b[6] == 0xa4 && b[7] == 0x42
}

func (e *datagramEdge) send(f Flow, b []byte, token uint64) {
	var from netip.Addr
	if e.wildcard && f.Local.IsValid() && !f.Local.Addr().IsUnspecified() {
		from = inZoneOf(f.Local.Addr(), f.Remote.Addr())
	}
	o := e.unused.Get().(*outgoing)
	defer e.unused.Put(o)
	errno := syscall.Errno(unix.EAFNOSUPPORT)
	if o.set(b, from, f.Remote, e.v6) {
		errno = unix.EBADF
		if e.sockets[0].raw.Control(o.call) == nil {
			errno = o.errno
		}
		o.vector.Base = nil
	}
	switch errno {
	case 0:
		e.counters.sent.Add(1)
		e.counters.sentBytes.Add(uint64(len(b)))
	case unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM:
		// As good as lost on the way, which is what retransmissions are for.
		e.counters.sendErrors.Add(1)
	default:
		e.counters.sendErrors.Add(1)
		e.t.notices.failed(f, token)
	}
}
