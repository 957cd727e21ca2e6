// Package transport is the edge between SIP and the sockets: UDP, TCP and TLS
// (RFC 3261 section 18). It receives datagrams and frames streams, sends bytes
// that others composed, and knows nothing of what a message means.
//
// It needs Linux: the address a datagram came to, the kernel's count of drops
// and reading many datagrams in one call are had there in this form only.
package transport

import (
	"crypto/tls"
	"net/netip"

	"mask700/sip/flow"
)

// Flow is the path of one message. On a received message, and on one to send,
// Local is an address of this host with the port that its listener is bound to,
// also where a dialled connection has a port of its own: it is where the peer
// can reach us. A link-local Remote carries its zone.
type Flow = flow.Flow

// Network is UDP, TCP or TLS.
type Network = flow.Network

// The networks, untyped so that they fit a Network and a plain uint8.
const (
	UDP = 0
	TCP = 1
	TLS = 2
)

// A constant that differs from its namesake in package flow does not compile.
var _ = [1]struct{}{}[(UDP-flow.UDP)|(TCP-flow.TCP)|(TLS-flow.TLS)]

// Listener says where to listen.
type Listener struct {
	Name      string         // for counters and log lines
	Network   string         // "udp", "tcp" or "tls"
	Bind      netip.AddrPort // an unspecified address listens on every address of its family, port 0 takes a free port
	Advertise string         // not used here: what the caller writes in Via and Contact instead of the address
	TLS       *tls.Config    // certificates for "tls"; used for connections in both directions, at least TLS 1.2
}

// Handler is who sits above the sockets. Its methods are called from several
// goroutines at once; while one of them blocks, the socket it was called for is
// not read. None of them is called from within Send, nor after Close returned,
// and none may call Close.
type Handler interface {
	// Allow is asked before anything of a datagram or of a new connection is
	// looked at. What is refused is dropped, counted and never answered. The
	// address comes without a zone.
	Allow(listener int, src netip.Addr) bool
	// Receive takes one framed message; the slice is the handler's to keep. A
	// frame may be bad inside: the handler is the one that answers 400.
	Receive(f Flow, frame []byte)
	// Lost reports once that a stream connection ended, after its last message
	// and after Failed for all that was still queued on it.
	Lost(conn uint64)
	// Failed reports a Send that could not be delivered: no such connection,
	// dial refused, queue full, connection lost, no route. It comes with the flow
	// and token of that Send.
	Failed(f Flow, token uint64)
}
