// Package transport is the edge between SIP and the sockets: UDP, TCP and TLS
// (RFC 3261 section 18), and WebSockets that phones open (RFC 7118). It receives
// datagrams and frames streams, sends bytes that others composed, and knows
// nothing of what a message means.
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
// can reach us. It goes into messages, and so it never has a zone, which means
// nothing to anybody else (RFC 4007 section 11). A link-local Remote carries
// its zone.
type Flow = flow.Flow

// Network is UDP, TCP, TLS, WS or WSS.
type Network = flow.Network

// The networks, untyped so that they fit a Network and a plain uint8.
const (
	UDP = 0
	TCP = 1
	TLS = 2
	WS  = 3
	WSS = 4
)

// A constant that differs from its namesake in package flow does not compile.
var _ = [1]struct{}{}[(UDP-flow.UDP)|(TCP-flow.TCP)|(TLS-flow.TLS)|(WS-flow.WS)|(WSS-flow.WSS)]

// Listener says where to listen.
type Listener struct {
	Name      string         // for counters and log lines
	Network   string         // "udp", "tcp", "tls", "ws" or "wss"
	Bind      netip.AddrPort // an unspecified address listens on every address of its family, port 0 takes a free port
	Advertise string         // not used here: what the caller writes in Via and Contact instead of the address

	// TLS has the certificates of a "tls" or "wss" listener, at least TLS 1.2. A
	// ClientAuth of VerifyClientCertIfGiven or RequireAndVerifyClientCert asks
	// peers for theirs, which ClientCAs must have signed. See Peer.
	TLS *tls.Config
}

// Standing is what is known of a source by its address alone.
type Standing uint8

// What Handler.Allow says.
const (
	Stranger Standing = iota // dropped without a look at it
	// Unproven is a source that may connect to a listener with TLS and show a
	// certificate; if that says nothing to Handler.Admit the connection is
	// closed. Elsewhere it is a Stranger.
	Unproven
	Member
)

// Peer is what is known, beyond its address, of who is at the other end of a
// connection.
type Peer struct {
	// Names are the domains that the certificate of a peer that connected to us
	// vouches for (RFC 5922 section 7.1), in lower case; none unless it was
	// verified.
	Names []string
	// Server is the host that a peer that we connected to by TLS has shown to be:
	// the ServerName of its configuration.
	Server string
}

// Handler is who sits above the sockets. Its methods are called from several
// goroutines at once; while one of them blocks, the socket it was called for is
// not read. None of them is called from within Send, nor after Close returned,
// and none may call Close.
type Handler interface {
	// Allow is asked before anything of a datagram or of a new connection is
	// looked at. What is refused is dropped, counted and never answered. The
	// address comes without a zone. It is asked for every datagram of anybody,
	// and has to cost next to nothing.
	Allow(listener int, src netip.Addr) Standing
	// Admit is asked, before anything that an Unproven source says is looked
	// at, whether the names in its certificate make it a Member after all.
	Admit(listener int, names []string) bool
	// Receive takes one framed message; the slice is the handler's to keep. A
	// frame may be bad inside: the handler is the one that answers 400. The peer
	// is nil for a datagram, and the same for every message of a connection.
	Receive(f Flow, p *Peer, frame []byte)
	// Lost reports once that a stream connection ended, after its last message
	// and after Failed for all that was still queued on it. The flow is that of
	// its messages. What left on it last may not have arrived, and no Failed says
	// so: the kernel had taken it. If we dialled it, that goes for messages with
	// no Conn to its Remote too.
	Lost(f Flow, dialled bool)
	// Failed reports a Send that could not be delivered: no such connection,
	// dial refused, queue full, connection lost, no route. It comes with the flow
	// and token of that Send.
	Failed(f Flow, token uint64)
}
