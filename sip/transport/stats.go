package transport

import "sync/atomic"

// Stats is what was counted since Listen, by listener in their order.
type Stats struct{ Listeners []ListenerStats }

// ListenerStats are one listener's counters. All but Open only grow.
type ListenerStats struct {
	Name    string
	Network string

	Received      uint64 // messages handed to the handler
	ReceivedBytes uint64 // of those messages
	KeepAlives    uint64 // datagrams of nothing but line ends, and pings on streams (RFC 5626 section 4.4.1)
	STUN          uint64 // datagrams dropped as STUN, which is not spoken here
	Refused       uint64 // datagrams and connections of sources that Allow refused, connections that Admit refused
	Malformed     uint64 // datagrams dropped as no message, messages with a bad byte in the header, streams ended because they could not be framed
	KernelDrops   uint64 // datagrams that the kernel dropped because the receive buffer was full

	Sent       uint64 // messages that the kernel took
	SentBytes  uint64 // of those messages
	SendErrors uint64 // messages that it did not take, that never came to a socket, or that a server refused with our certificate

	Open       uint64 // stream connections now, those being dialled too
	Opened     uint64 // stream connections so far, both directions
	OverLimit  uint64 // connections not accepted or not dialled because there were too many
	Handshakes uint64 // TLS and WebSocket handshakes that failed, both directions
	DialErrors uint64 // connections that could not be made
	Unanswered uint64 // connections ended because nobody answered a ping
}

// counters are written by readers in the first half and by senders in the
// second, which mostly are different cores.
type counters struct {
	received, receivedBytes, keepAlives atomic.Uint64
	refused, malformed, stun            atomic.Uint64

	_ [64]byte

	sent, sentBytes, sendErrors atomic.Uint64
	opened, overLimit           atomic.Uint64
	handshakes, dialErrors      atomic.Uint64
	unanswered                  atomic.Uint64
}

func (c *counters) read(l Listener) ListenerStats {
	return ListenerStats{
		Name: l.Name, Network: l.Network,
		Received: c.received.Load(), ReceivedBytes: c.receivedBytes.Load(), KeepAlives: c.keepAlives.Load(),
		STUN: c.stun.Load(), Refused: c.refused.Load(), Malformed: c.malformed.Load(),
		Sent: c.sent.Load(), SentBytes: c.sentBytes.Load(), SendErrors: c.sendErrors.Load(),
		Opened: c.opened.Load(), OverLimit: c.overLimit.Load(),
		Handshakes: c.handshakes.Load(), DialErrors: c.dialErrors.Load(), Unanswered: c.unanswered.Load(),
	}
}
