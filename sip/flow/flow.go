// Package flow names the path of a SIP message between two sockets, as plain
// data that the pure part of the program can hold without holding a socket.
package flow

import "net/netip"

// Network is a SIP transport protocol.
type Network uint8

// The transports of RFC 3261 section 18.
const (
	UDP Network = iota
	TCP
	TLS
)

// Reliable reports whether the network itself repeats what is lost, so that
// transactions need not (RFC 3261 section 17).
func (n Network) Reliable() bool { return n != UDP }

// Via is the protocol's name in a Via header (RFC 3261 section 20.42).
func (n Network) Via() string {
	switch n {
	case TCP:
		return "TCP"
	case TLS:
		return "TLS"
	default:
		return "UDP"
	}
}

// String is the protocol's name in a URI's transport parameter and in
// configuration.
func (n Network) String() string {
	switch n {
	case TCP:
		return "tcp"
	case TLS:
		return "tls"
	default:
		return "udp"
	}
}

// DefaultPort is the port that a URI without one means (RFC 3261 section 19.1.2).
func (n Network) DefaultPort() uint16 {
	if n == TLS {
		return 5061
	}
	return 5060
}

// Flow is a path: where a message came from and to, or is to leave from and
// go to. It is comparable and encodable.
type Flow struct {
	Listener uint16         // index of our listener
	Network  Network        // its protocol
	Local    netip.AddrPort // our address on the path, never unspecified
	Remote   netip.AddrPort // the peer's
	Conn     uint64         // the stream connection; 0: any to Remote, or a new one
}
