// Package flow names the path of a SIP message between two sockets, as plain
// data that the pure part of the program can hold without holding a socket.
package flow

import "net/netip"

// Network is a SIP transport protocol.
type Network uint8

// The transports of RFC 3261 section 18 and of RFC 7118.
const (
	UDP Network = iota
	TCP
	TLS
	WS
	WSS
)

// names are what the networks are called in a Via header, in configuration, and
// in a URI's transport parameter.
var names = [...]struct{ via, name, param string }{
	UDP: {"UDP", "udp", "udp"},
	TCP: {"TCP", "tcp", "tcp"},
	TLS: {"TLS", "tls", "tls"},
	WS:  {"WS", "ws", "ws"},
	// A URI says ws for both, and sips for the secure one (RFC 7118 section
	// 5.2.2).
	WSS: {"WSS", "wss", "ws"},
}

// Parse finds a network by the name that String gives.
func Parse(name string) (Network, bool) {
	for n := range names {
		if names[n].name == name {
			return Network(n), true
		}
	}
	return 0, false
}

// known is a network that has a name: one that was never set to anything else
// is UDP.
func (n Network) known() Network {
	if int(n) >= len(names) {
		return UDP
	}
	return n
}

// Reliable reports whether the network itself repeats what is lost, so that
// transactions need not (RFC 3261 section 17).
func (n Network) Reliable() bool { return n != UDP }

// Secure reports whether the network is TLS or runs over it.
func (n Network) Secure() bool { return n == TLS || n == WSS }

// Web reports whether messages are carried by a WebSocket (RFC 7118).
func (n Network) Web() bool { return n == WS || n == WSS }

// Dials reports whether we can begin a path to a peer. A WebSocket is opened by
// the phone: it is reached on the connection that it made, or not at all (RFC
// 7118 section 5.1).
func (n Network) Dials() bool { return n <= TLS }

// Via is the protocol's name in a Via header (RFC 3261 section 20.42, RFC 7118
// section 5.2.1).
func (n Network) Via() string { return names[n.known()].via }

// String is the protocol's name in configuration.
func (n Network) String() string { return names[n.known()].name }

// Param is the protocol's name in a URI's transport parameter (RFC 3261 section
// 19.1.1, RFC 7118 section 5.2.2).
func (n Network) Param() string { return names[n.known()].param }

// DefaultPort is the port that a URI without one means (RFC 3261 section
// 19.1.2). A WebSocket has HTTP's (RFC 6455 section 3).
func (n Network) DefaultPort() uint16 {
	switch n {
	case TLS:
		return 5061
	case WS:
		return 80
	case WSS:
		return 443
	default:
		return 5060
	}
}

// Flow is a path: where a message came from and to, or is to leave from and
// go to. It is comparable and encodable.
type Flow struct {
	Listener uint16         // index of our listener
	Network  Network        // its protocol
	Local    netip.AddrPort // our address on the path, never unspecified, never with a zone
	Remote   netip.AddrPort // the peer's; a link-local one has its zone
	Conn     uint64         // the stream connection; 0: any to Remote, or a new one
}
