package media

import (
	crand "crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"mask700/media/rebase"
)

// Options configures a Relay.
type Options struct {
	Pools     []Pool
	Rest      time.Duration // how long a port rests before it is used again; 0: 5 s
	Timeout   time.Duration // silence of both sides that ends a session; 0: 60 s, negative: never
	Window    time.Duration // how long a signalled port is preferred to another of its address; 0: 2 s
	OnTimeout func(Session) // called once for a silent session, on the relay's timer goroutine: it must not wait
	Random    io.Reader     // seeds identifiers and the order of ports; nil: crypto/rand
	Clock     Clock         // zero: the system's
}

// Clock lets tests drive time.
type Clock struct {
	Now   func() time.Time
	Ticks <-chan time.Time // wakes the timer goroutine; nil: every 50 ms
}

const (
	tick = 50 * time.Millisecond
	// slots spreads the sessions: each tick visits one slot, so that a session is
	// looked at every fourth tick and no tick looks at all.
	slots = 4
	// bindTries bounds how many ports are tried that someone else has.
	bindTries = 64
)

// Relay is the Engine over plain UDP sockets: one goroutine a socket, none of
// which allocates for a packet, and one timer goroutine for all sessions.
type Relay struct {
	options Options
	start   time.Time
	done    chan struct{}
	loops   sync.WaitGroup

	state struct {
		sync.Mutex // protects the pools, the sessions and the counts
		pools      map[string]*pool
		slots      [slots]map[*session]struct{}
		next       int // slot of the next session
		closed     bool
		opened     uint64
		timedOut   uint64
		noPorts    uint64
		past       [2]Flow // of closed sessions
	}

	random struct {
		sync.Mutex // protects the generator
		*rand.Rand
	}
}

type pool struct {
	Pool
	ports      *ports
	bindErrors uint64
}

var _ Engine = (*Relay)(nil)

// NewRelay checks the options and starts the timer goroutine. Nothing is bound
// before a session is opened.
func NewRelay(o Options) (*Relay, error) {
	if o.Rest == 0 {
		o.Rest = 5 * time.Second
	}
	if o.Timeout == 0 {
		o.Timeout = 60 * time.Second
	}
	if o.Window == 0 {
		o.Window = 2 * time.Second
	}
	if o.Clock.Now == nil {
		o.Clock.Now = time.Now
	}
	if o.Random == nil {
		o.Random = crand.Reader
	}
	r := &Relay{options: o, start: o.Clock.Now(), done: make(chan struct{})}
	r.state.pools = make(map[string]*pool, len(o.Pools))
	for _, p := range o.Pools {
		if _, twice := r.state.pools[p.Name]; twice {
			return nil, fmt.Errorf("media: two pools are named %q", p.Name)
		}
		if p.Advertise.IsUnspecified() || p.Advertise.IsMulticast() || p.Address.IsMulticast() {
			return nil, fmt.Errorf("media: pool %q: an address that no peer can send to", p.Name)
		}
		pl := &pool{Pool: p, ports: newPorts(p.Min, p.Max, o.Rest)}
		if free, _, _ := pl.ports.counts(); free == 0 {
			return nil, fmt.Errorf("media: pool %q: no even port with the next one within %d-%d", p.Name, p.Min, p.Max)
		}
		r.state.pools[p.Name] = pl
	}
	for i := range r.state.slots {
		r.state.slots[i] = map[*session]struct{}{}
	}
	var seed [32]byte
	if _, err := io.ReadFull(o.Random, seed[:]); err != nil {
		return nil, fmt.Errorf("media: no random seed: %w", err)
	}
	r.random.Rand = rand.New(rand.NewChaCha8(seed))
	r.loops.Add(1)
	go r.timerLoop()
	return r, nil
}

// Open binds four sockets and starts a session. It fails with ErrNoPorts when a
// pool is used up, ErrNoPool for a name that is not configured, and ErrClosed.
func (r *Relay) Open(spec OpenSpec) (Session, error) {
	s := &session{relay: r}
	for side, from := range [2]struct {
		pool string
		peer netip.Addr
	}{{spec.PoolA, spec.PeerA}, {spec.PoolB, spec.PeerB}} {
		l, err := r.openLeg(from.pool, from.peer)
		if err != nil {
			if side == int(B) {
				s.legs[A].close()
				r.release(s.legs[A])
			}
			return nil, err
		}
		s.legs[side] = l
	}
	if err := r.enter(s); err != nil {
		for _, l := range s.legs {
			l.close()
			r.release(l)
		}
		return nil, err
	}
	return s, nil
}

// enter makes a session known and starts its loops.
func (r *Relay) enter(s *session) error {
	r.state.Lock()
	defer r.state.Unlock()
	if r.state.closed {
		return ErrClosed
	}
	s.slot = r.state.next
	r.state.next = (s.slot + 1) % slots
	r.state.slots[s.slot][s] = struct{}{}
	r.state.opened++
	r.loops.Add(4)
	for side := range s.legs {
		go s.rtpLoop(Side(side))
		go s.rtcpLoop(Side(side))
	}
	return nil
}

// openLeg takes ports of a pool and binds them. A port that someone else has is
// put to rest and the next one tried.
func (r *Relay) openLeg(name string, peer netip.Addr) (*leg, error) {
	for range bindTries {
		p, port, err := r.take(name)
		if err != nil {
			return nil, err
		}
		addr := p.Address.Unmap()
		if !addr.IsValid() || addr.IsUnspecified() {
			if addr, err = sourceToward(peer); err != nil {
				r.giveBack(p, port, false)
				return nil, err
			}
		}
		l := &leg{pool: p, local: Local{Addr: addr, Port: port}, port: port, latch: latch{window: int64(r.options.Window)}}
		if p.Advertise.IsValid() {
			l.local.Addr = p.Advertise
		}
		if err = l.bind(addr); err == nil {
			r.identify(l)
			return l, nil
		}
		r.giveBack(p, port, true)
		if !inUse(err) {
			return nil, fmt.Errorf("media: pool %q: %w", name, err)
		}
	}
	return nil, r.refuse()
}

// take draws a port of a pool.
func (r *Relay) take(name string) (*pool, uint16, error) {
	r.state.Lock()
	defer r.state.Unlock()
	p, ok := r.state.pools[name]
	switch {
	case r.state.closed:
		return nil, 0, ErrClosed
	case !ok:
		return nil, 0, fmt.Errorf("%w: %q", ErrNoPool, name)
	}
	port, ok := p.ports.take(r.options.Clock.Now(), r.draw)
	if !ok {
		r.state.noPorts++
		return nil, 0, ErrNoPorts
	}
	return p, port, nil
}

// refuse counts an open that found ports, all of them someone else's.
func (r *Relay) refuse() error {
	r.state.Lock()
	defer r.state.Unlock()
	r.state.noPorts++
	return ErrNoPorts
}

func (r *Relay) giveBack(p *pool, port uint16, failed bool) {
	r.state.Lock()
	defer r.state.Unlock()
	p.ports.give(port, r.options.Clock.Now())
	if failed {
		p.bindErrors++
	}
}

func (r *Relay) release(l *leg) { r.giveBack(l.pool, l.port, false) }

func (r *Relay) draw(n int) int {
	r.random.Lock()
	defer r.random.Unlock()
	return r.random.IntN(n)
}

func (r *Relay) share() float64 {
	r.random.Lock()
	defer r.random.Unlock()
	return r.random.Float64()
}

// identify draws the identifiers of a leg: where the stream made of its packets
// begins (RFC 3550 section 5.1), and the name that its peer sees, 96 random bits
// (RFC 7022 section 4.2).
func (r *Relay) identify(l *leg) {
	r.random.Lock()
	defer r.random.Unlock()
	l.in = rebase.New(rebase.Initial{SSRC: r.random.Uint32(), Seq: uint16(r.random.Uint32()), Timestamp: r.random.Uint32()})
	var name [12]byte
	for i := range name {
		name[i] = byte(r.random.Uint32())
	}
	l.reporter.cname = base64.StdEncoding.EncodeToString(name[:])
	l.payloads = &payloads{}
}

// since is a time on the relay's own clock, in ns.
func (r *Relay) since(t time.Time) int64 { return int64(t.Sub(r.start)) }

// leave forgets a closed session, lets its ports rest and adds its figures.
func (r *Relay) leave(s *session, last Stats) {
	for _, l := range s.legs {
		r.release(l)
	}
	r.state.Lock()
	defer r.state.Unlock()
	delete(r.state.slots[s.slot], s)
	r.state.past[A].add(last.AtoB)
	r.state.past[B].add(last.BtoA)
}

// timerLoop visits the sessions, one slot a tick, until the relay is closed.
func (r *Relay) timerLoop() {
	defer r.loops.Done()
	ticks := r.options.Clock.Ticks
	if ticks == nil {
		t := time.NewTicker(tick)
		defer t.Stop()
		ticks = t.C
	}
	var visit []*session
	for slot := 0; ; slot = (slot + 1) % slots {
		select {
		case <-r.done:
			return
		case <-ticks:
		}
		visit = r.members(visit[:0], slot)
		now := r.options.Clock.Now()
		for _, s := range visit {
			s.visit(now)
		}
		clear(visit) // a closed session must not be kept alive by this list
	}
}

func (r *Relay) members(to []*session, slot int) []*session {
	r.state.Lock()
	defer r.state.Unlock()
	for s := range r.state.slots[slot] {
		to = append(to, s)
	}
	return to
}

// Stats is a snapshot. The flows are sums over all sessions since the start, so
// they never go down.
func (r *Relay) Stats() EngineStats {
	r.state.Lock()
	defer r.state.Unlock()
	st := EngineStats{Opened: r.state.opened, TimedOut: r.state.timedOut, NoPorts: r.state.noPorts,
		AtoB: r.state.past[A], BtoA: r.state.past[B]}
	for _, slot := range r.state.slots {
		st.Sessions += len(slot)
		for s := range slot {
			// The session's lock inside this one: leave takes this one after it
			// has let go of its own, so a session is summed here or in past.
			figures := s.Stats()
			st.AtoB.add(figures.AtoB)
			st.BtoA.add(figures.BtoA)
		}
	}
	for _, p := range r.options.Pools {
		pl := r.state.pools[p.Name]
		pl.ports.wake(r.options.Clock.Now())
		free, used, resting := pl.ports.counts()
		st.Pools = append(st.Pools, PoolStats{Name: p.Name, Free: free, InUse: used, Resting: resting, BindErrors: pl.bindErrors})
	}
	return st
}

// Close closes every session and waits for the relay's goroutines. It must not be
// called from OnTimeout.
func (r *Relay) Close() error {
	r.state.Lock()
	if r.state.closed {
		r.state.Unlock()
		r.loops.Wait()
		return nil
	}
	r.state.closed = true
	close(r.done)
	r.state.Unlock()
	var live []*session
	for slot := range slots {
		live = r.members(live, slot)
	}
	for _, s := range live {
		s.Close()
	}
	r.loops.Wait()
	return nil
}

// sourceToward asks the kernel which of our addresses it would use toward a peer.
// Connecting a UDP socket sends nothing.
func sourceToward(peer netip.Addr) (netip.Addr, error) {
	if !peer.IsValid() {
		return netip.Addr{}, errors.New("media: the pool has no address and the peer is not known: set the pool's address")
	}
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer.Unmap(), 9)))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("media: no route to the peer: %w", stripAddr(err))
	}
	defer c.Close()
	local, ok := c.LocalAddr().(*net.UDPAddr)
	if !ok {
		return netip.Addr{}, errors.New("media: no local address toward the peer")
	}
	return local.AddrPort().Addr().Unmap(), nil
}
