package transport

// Stats is what was counted since Listen, by listener in their order.
type Stats struct{ Listeners []ListenerStats }

// ListenerStats are one listener's counters. All but Open only grow.
type ListenerStats struct {
	Name    string
	Network string

	Received      uint64 // messages handed to the handler
	ReceivedBytes uint64 // of those messages
	KeepAlives    uint64 // CRLFs that are no message (RFC 5626 section 4.4.1)
	Refused       uint64 // datagrams and connections of sources that Allow refused
	Malformed     uint64 // datagrams dropped, messages with a bad byte in the header, streams closed because they could not be framed
	KernelDrops   uint64 // datagrams that the kernel dropped because the receive buffer was full

	Sent       uint64 // messages that the kernel took
	SentBytes  uint64 // of those messages
	SendErrors uint64 // messages that it did not take, or that never reached a socket

	Open     uint64 // stream connections now
	Opened   uint64 // stream connections so far, both directions
	OverMax  uint64 // connections closed at once because of a limit
	DialsBad uint64 // connections that could not be made
}
