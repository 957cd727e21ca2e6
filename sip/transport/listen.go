package transport

import (
	"errors"
	"net/netip"
)

// Transport is a set of listening sockets and the connections made from them.
type Transport struct{}

// Listen opens every listener, or none.
func Listen(listeners []Listener, h Handler, o Options) (*Transport, error) {
	return nil, errors.ErrUnsupported
}

// Send gives bytes to the network. It never blocks and never waits for a
// connection, and b may be used again when it returns.
func (t *Transport) Send(f Flow, b []byte, token uint64) {}

// LocalFor is the address that a message to remote leaves from.
func (t *Transport) LocalFor(listener int, remote netip.AddrPort) (netip.AddrPort, error) {
	return netip.AddrPort{}, errors.ErrUnsupported
}

// Addr is the address that a listener is bound to, with its true port.
func (t *Transport) Addr(i int) netip.AddrPort { return netip.AddrPort{} }

// Stats reads the counters.
func (t *Transport) Stats() Stats { return Stats{} }

// Close ends every goroutine and connection.
func (t *Transport) Close() {}
