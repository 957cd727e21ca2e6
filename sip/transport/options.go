package transport

import (
	"crypto/tls"
	"log/slog"
	"net/netip"
	"time"
)

// Options are the limits of the sockets. A zero value means the default named
// with each field.
type Options struct {
	Readers     int // sockets and reader goroutines per UDP listener, sharing its port by SO_REUSEPORT: 1
	ReadBuffer  int // receive buffer asked of the kernel per UDP socket, bytes: 4 MiB
	WriteBuffer int // send buffer asked of the kernel per UDP socket, bytes: 1 MiB

	MaxConns          int // accepted connections per listener: 4096
	MaxConnsPerSource int // accepted connections of one address per listener: 256
	MaxUnproven       int // accepted connections per listener whose peer has yet to show its certificate, an eighth from one address: 256
	MaxDialled        int // dialled connections per listener: 1024

	QueueBytes    int // bytes waiting to be written per connection: 1 MiB
	QueueMessages int // messages waiting to be written per connection: 1024

	DialTimeout      time.Duration // to connect: 5 s
	HandshakeTimeout time.Duration // TLS and WebSocket together, after the connection is made: 10 s
	WriteTimeout     time.Duration // for a peer that does not read: 5 s
	FrameTimeout     time.Duration // from the first byte of a message to its last: 30 s
	AnswerTimeout    time.Duration // from the last request of a peer that has shut down its half of the connection to its answer: 1 s
	IdleTimeout      time.Duration // without a byte in either direction, or a message on a connection that is pinged: 30 min

	// PingInterval is how long nothing may come in on a dialled connection before
	// the peer is pinged (RFC 5626 section 4.4.1), and PongTimeout how long it may
	// take to say anything then, before it is taken to be gone.
	PingInterval time.Duration // 0: no pings
	PongTimeout  time.Duration // 10 s

	// DialTLS gives the client configuration for a connection to remote, as
	// ClientTLS makes it for the host that the address was found for. Nil as its
	// answer: no connection is made. Nil itself: the listener's own configuration,
	// with the remote address as the host if it sets none.
	DialTLS func(listener int, remote netip.AddrPort) *tls.Config

	// Logger gets counters, errors and peers' addresses, never a byte of a
	// message. Nil: nothing is logged.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	atLeast := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	wait := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	atLeast(&o.Readers, 1)
	atLeast(&o.ReadBuffer, 4<<20)
	atLeast(&o.WriteBuffer, 1<<20)
	atLeast(&o.MaxConns, 4096)
	atLeast(&o.MaxConnsPerSource, 256)
	atLeast(&o.MaxUnproven, 256)
	atLeast(&o.MaxDialled, 1024)
	atLeast(&o.QueueBytes, 1<<20)
	atLeast(&o.QueueMessages, 1024)
	wait(&o.DialTimeout, 5*time.Second)
	wait(&o.HandshakeTimeout, 10*time.Second)
	wait(&o.WriteTimeout, 5*time.Second)
	wait(&o.FrameTimeout, 30*time.Second)
	wait(&o.AnswerTimeout, time.Second)
	wait(&o.IdleTimeout, 30*time.Minute)
	wait(&o.PongTimeout, 10*time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
