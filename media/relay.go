package media

import (
	"io"
	"time"
)

// Options configures a Relay.
type Options struct {
	Pools     []Pool
	Rest      time.Duration // how long a port rests before it is used again; 0: 5 s
	Timeout   time.Duration // silence both ways that ends a session; 0: 60 s, negative: never
	OnTimeout func(Session) // called once for a silent session, on the relay's timer goroutine
	Random    io.Reader     // nil: crypto/rand
	Clock     Clock         // zero: the system's
}

// Clock lets tests drive time.
type Clock struct {
	Now   func() time.Time
	Ticks <-chan time.Time // wakes the timer goroutine; nil: a ticker of the system
}

// Relay is the Engine over plain UDP sockets.
type Relay struct{}

var _ Engine = (*Relay)(nil)

// NewRelay checks the options and starts the relay's timer goroutine.
func NewRelay(o Options) (*Relay, error) { return &Relay{}, nil }

// Open binds four sockets and starts a session.
func (r *Relay) Open(OpenSpec) (Session, error) { return nil, ErrNoPorts }

// Stats is a snapshot.
func (r *Relay) Stats() EngineStats { return EngineStats{} }

// Close closes every session.
func (r *Relay) Close() error { return nil }
