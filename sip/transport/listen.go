package transport

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"mask700/crash"
	"mask700/sip/flow"
)

// Transport is a set of listening sockets and the connections made from them.
type Transport struct {
	listeners []Listener
	handler   Handler
	options   Options
	edges     []edge
	notices   *notices
	sources   sources

	// ids are the connections', from a random start: a flow that was written
	// down in another run of the program names no connection of this one.
	ids atomic.Uint64

	running sync.WaitGroup // every goroutine
	closing atomic.Bool
	context context.Context // ends with Close
	cancel  context.CancelFunc
	hurry   context.Context // ends when Close has waited long enough
	force   context.CancelFunc
	closed  sync.Once
}

// edge is an open listener.
type edge interface {
	start()
	send(f Flow, b []byte, token uint64)
	addr() netip.AddrPort
	stats() ListenerStats
	close()
}

// Listen opens every listener, or none. The handler is called from here on,
// which may be before Listen returns.
func Listen(listeners []Listener, h Handler, o Options) (*Transport, error) {
	t := &Transport{listeners: listeners, handler: h, options: o.withDefaults(), notices: newNotices()}
	t.context, t.cancel = context.WithCancel(context.Background())
	t.hurry, t.force = context.WithCancel(context.Background())
	t.ids.Store(rand.Uint64() >> 1)
	for i, l := range listeners {
		e, err := t.open(i, l)
		if err != nil {
			t.Close()
			return nil, fmt.Errorf("listener %q: cannot listen on %s %s: %w", l.Name, l.Network, l.Bind, reason(err))
		}
		t.edges = append(t.edges, e)
	}
	t.running.Go(crash.Guard(func() { t.notices.loop(h, t.context.Done()) }))
	for _, e := range t.edges {
		e.start()
	}
	return t, nil
}

func (t *Transport) open(i int, l Listener) (edge, error) {
	if !l.Bind.IsValid() {
		return nil, errors.New("no address to bind to")
	}
	l.Bind = netip.AddrPortFrom(l.Bind.Addr().Unmap(), l.Bind.Port())
	switch network, ok := flow.Parse(l.Network); {
	case !ok:
		return nil, errors.New("network is not udp, tcp, tls, ws or wss")
	case network == UDP:
		return listenDatagrams(t, i, l)
	default:
		return listenStreams(t, i, l, network)
	}
}

// Send gives a message to the network. It never blocks nor waits for a
// connection, may be called from several goroutines, and b may be used again
// when it returns.
//
// A datagram leaves at once, from f.Local's address if the listener is bound to
// all of them. On a stream the message leaves on the connection f.Conn while
// that lives, and fails if it does not; with no f.Conn it leaves on the
// connection that was dialled to f.Remote, which is dialled if there is none,
// never on one that was accepted from there. A WebSocket is never dialled.
//
// What is known not to have been delivered comes back through Handler.Failed
// with the token. A datagram that the kernel had no room for is only counted.
func (t *Transport) Send(f Flow, b []byte, token uint64) {
	if t.closing.Load() {
		return
	}
	if int(f.Listener) >= len(t.edges) {
		t.notices.failed(f, token)
		return
	}
	t.edges[f.Listener].send(f, b, token)
}

// LocalFor is the address that a message to remote leaves from, with the
// listener's port: what the listener is bound to, or what the kernel chooses. It
// fails if there is no route, or if the listener is of the other IP version.
func (t *Transport) LocalFor(listener int, remote netip.AddrPort) (netip.AddrPort, error) {
	if listener < 0 || listener >= len(t.edges) {
		return netip.AddrPort{}, fmt.Errorf("there is no listener %d", listener)
	}
	bound, to := t.edges[listener].addr(), remote.Addr().Unmap()
	if !sameFamily(bound.Addr(), to) {
		return netip.AddrPort{}, fmt.Errorf("listener %q: %s can not be reached from %s", t.listeners[listener].Name, to, bound)
	}
	if !bound.Addr().IsUnspecified() {
		return bound, nil
	}
	from, err := t.sources.toward(to, time.Now())
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("listener %q: %w", t.listeners[listener].Name, err)
	}
	return netip.AddrPortFrom(from.WithZone(""), bound.Port()), nil
}

// Companion is the TCP listener that goes with a UDP one: of the same name and
// IP version, on the same address if there are several. A request too large for
// a datagram leaves by it (RFC 3261 section 18.1.1). It is false if there is
// none, and for a listener that is not UDP.
func (t *Transport) Companion(listener int) (int, bool) {
	if listener < 0 || listener >= len(t.edges) || t.listeners[listener].Network != flow.UDP.String() {
		return 0, false
	}
	bound := t.edges[listener].addr().Addr()
	found := -1
	for i, l := range t.listeners {
		a := t.edges[i].addr().Addr()
		if l.Network != flow.TCP.String() || l.Name != t.listeners[listener].Name || a.Is4() != bound.Is4() {
			continue
		}
		if a == bound {
			return i, true
		}
		if found < 0 {
			found = i
		}
	}
	return max(found, 0), found >= 0
}

// Addr is the address that a listener is bound to, with its true port. It is
// not valid if there is no such listener.
func (t *Transport) Addr(i int) netip.AddrPort {
	if i < 0 || i >= len(t.edges) {
		return netip.AddrPort{}
	}
	return t.edges[i].addr()
}

// Stats reads the counters.
func (t *Transport) Stats() Stats {
	s := Stats{Listeners: make([]ListenerStats, len(t.edges))}
	for i, e := range t.edges {
		s.Listeners[i] = e.stats()
	}
	return s
}

// Close ends every socket and goroutine, after a short time for what waits to be
// written. It returns when the handler will not be called again. It waits for
// calls of the handler that are under way.
func (t *Transport) Close() {
	t.closed.Do(func() {
		t.closing.Store(true)
		t.cancel()
		for _, e := range t.edges {
			e.close()
		}
		timer := time.AfterFunc(flushTime, crash.Guard(t.force))
		t.running.Wait()
		timer.Stop()
		t.force()
	})
}

// pause waits, and reports false if the transport was closed meanwhile.
func (t *Transport) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-t.context.Done():
		return false
	case <-timer.C:
		return true
	}
}

// family is the network's name for addresses of one IP version: a socket for
// both would show IPv4 peers by IPv6 addresses.
func family(network string, a netip.Addr) string {
	if a.Is4() {
		return network + "4"
	}
	return network + "6"
}

func sameFamily(a, b netip.Addr) bool { return b.IsValid() && a.Is4() == b.Is4() }

// cause is an error without the addresses that net puts into it.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// reason is what the kernel said, without the name of its call.
func reason(err error) error {
	err = cause(err)
	var call *os.SyscallError
	if errors.As(err, &call) {
		return call.Err
	}
	return err
}
