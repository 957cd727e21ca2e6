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
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"mask700/crash"
	"mask700/media/kernel"
	"mask700/media/rebase"
	"mask700/media/socket"
)

// Options configures a Relay.
type Options struct {
	Pools     []Pool
	Shards    int           // threads that relay; 0: one a processor
	Rest      time.Duration // how long a port rests before it is used again; 0: 5 s
	Timeout   time.Duration // silence of both sides that ends a session; 0: 60 s, negative: never
	Window    time.Duration // how long a signalled port is preferred to another of its address; 0: 2 s
	OnTimeout func(Session) // called once for a silent session, on a shard's thread: it must not wait

	// OnSource is called likewise, within a second, when a side's voice comes from an
	// address that signalling did not name.
	OnSource func(Session, Side, netip.Addr)

	// OnKey is called likewise, at once, when a side has pressed a key and its telephone
	// events end here (sdp.EndsHere), at most 16 times a second. A key whose end was lost
	// is told of with the next one, or within two seconds.
	OnKey func(s Session, from Side, key byte, length time.Duration)

	Random io.Reader     // seeds identifiers and the order of ports; nil: crypto/rand
	Clock  Clock         // zero: the system's
	Ledger string        // directory where the ports in use are noted for after a crash; "": nowhere
	Kernel *kernel.Table // relays settled directions, and is closed with the relay; nil: user space does all
}

// Clock lets tests drive time.
type Clock struct {
	Now func() time.Time
}

// bindTries bounds how many ports are tried that someone else has.
const bindTries = 64

// maxShards is more than any machine needs.
const maxShards = 1024

// Relay is the Engine over plain UDP sockets: a thread for each processor, each
// with an epoll over the sockets of its sessions.
type Relay struct {
	options  Options
	start    time.Time
	edge     edge
	shards   []*shard
	hairpins *hairpins
	loops    sync.WaitGroup
	timedOut atomic.Uint64

	state struct {
		sync.Mutex // protects the pools and the counts
		pools      map[string]*pool
		load       []int // sessions by shard, those that are being opened too
		closed     bool
		opened     uint64
		noPorts    uint64
		failed     uint64
	}

	random struct {
		sync.Mutex // protects the generator
		*rand.Rand
	}
}

type pool struct {
	Pool
	ports      *ports
	ledger     *ledger
	former     map[uint16]straggler // by port, of the last call that it had
	bindErrors uint64
}

var _ Engine = (*Relay)(nil)

// NewRelay checks the options and starts the shards. Nothing is bound before a
// session is opened.
func NewRelay(o Options) (*Relay, error) {
	e := linux()
	if o.Clock.Now != nil {
		e.slack.stale = 0 // that clock jumps as it likes
	}
	return newRelayOver(o, e)
}

func newRelayOver(o Options, e edge) (*Relay, error) {
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
	if o.Shards == 0 {
		o.Shards = runtime.GOMAXPROCS(0)
	}
	if o.Shards < 0 || o.Shards > maxShards {
		return nil, fmt.Errorf("media: %d shards: take 0, for one a processor, to %d", o.Shards, maxShards)
	}
	r := &Relay{options: o, edge: e, start: o.Clock.Now(), hairpins: newHairpins(o.Pools)}
	r.state.pools = make(map[string]*pool, len(o.Pools))
	for _, p := range o.Pools {
		if err := r.addPool(p); err != nil {
			return nil, errors.Join(err, r.closeLedgers())
		}
	}
	if err := r.launch(); err != nil {
		return nil, err
	}
	return r, nil
}

// addPool checks a pool and finds what an earlier process left of it.
func (r *Relay) addPool(p Pool) error {
	if _, twice := r.state.pools[p.Name]; twice {
		return fmt.Errorf("media: two pools are named %q", p.Name)
	}
	if p.Advertise.IsUnspecified() || p.Advertise.IsMulticast() || p.Address.IsMulticast() {
		return fmt.Errorf("media: pool %q: an address that no peer can send to", p.Name)
	}
	if p.DSCP > 63 {
		return fmt.Errorf("media: pool %q: DSCP %d is not 0 to 63", p.Name, p.DSCP)
	}
	if err := r.edge.check(p); err != nil {
		return err
	}
	pl := &pool{Pool: p, ports: newPorts(p.Min, p.Max, r.options.Rest), former: map[uint16]straggler{}}
	if free, _, _ := pl.ports.counts(); free == 0 {
		return fmt.Errorf("media: pool %q: no even port with the next one within %d-%d", p.Name, p.Min, p.Max)
	}
	var until []int64
	var err error
	if pl.ledger, until, err = openLedger(r.options.Ledger, p.Name); err != nil {
		return err
	}
	pl.ports.recall(until, r.start)
	r.state.pools[p.Name] = pl
	return nil
}

// launch seeds the randomness and starts the shards.
func (r *Relay) launch() error {
	var seed [32]byte
	for i := range r.options.Shards + 1 {
		if _, err := io.ReadFull(r.options.Random, seed[:]); err != nil {
			return errors.Join(fmt.Errorf("media: no random seed: %w", err), r.Close())
		}
		if i == 0 {
			r.random.Rand = rand.New(rand.NewChaCha8(seed))
			continue
		}
		sh, err := newShard(r, seed)
		if err != nil {
			return errors.Join(fmt.Errorf("media: no poll: %w", err), r.Close())
		}
		r.shards = append(r.shards, sh)
		r.loops.Go(crash.Guard(sh.loop))
	}
	r.state.load = make([]int, len(r.shards))
	return nil
}

// Open binds a session's sockets, two a side, and starts it. It fails with
// ErrNoPorts when a pool is used up, ErrNoPool for a name that is not configured,
// ErrClosed, and with what the kernel says. The text names no peer.
func (r *Relay) Open(spec OpenSpec) (Session, error) {
	s, err := r.open(spec)
	if err != nil {
		r.unopened(err)
		return nil, err
	}
	return s, nil
}

// unopened counts what could not be opened, for another reason than that there is no room.
func (r *Relay) unopened(err error) {
	if errors.Is(err, ErrNoPorts) || errors.Is(err, ErrClosed) {
		return
	}
	r.state.Lock()
	defer r.state.Unlock()
	r.state.failed++
}

func (r *Relay) open(spec OpenSpec) (*session, error) {
	s, err := r.prepare(spec, false)
	if err != nil {
		return nil, err
	}
	if spec.Video {
		if s.video, err = r.prepare(spec, true); err != nil {
			r.abandon(s)
			return nil, err
		}
		s.sibling, s.video.sibling = s.video, s
		for side, l := range s.video.legs {
			l.reporter.cname = s.legs[side].reporter.cname // so that they are played together (RFC 3550 section 6.5.1)
		}
	}
	s.number = r.board()
	s.shard = r.shards[s.number]
	if v := s.video; v != nil {
		v.number, v.shard = s.number, s.shard
		if err := v.shard.enter(v); err != nil {
			r.abandon(v)
			r.abandon(s)
			r.disembark(s)
			return nil, err
		}
	}
	if err := s.shard.enter(s); err != nil {
		if s.video != nil {
			s.video.Close()
		}
		r.abandon(s)
		r.disembark(s)
		return nil, err
	}
	r.state.Lock()
	defer r.state.Unlock()
	r.state.opened++
	return s, nil
}

// abandon gives back what a session has that no shard knows.
func (r *Relay) abandon(s *session) {
	for _, l := range s.legs {
		l.close()
		r.release(l)
	}
}

// prepare binds the sockets of a session, of a call's video or of the rest.
func (r *Relay) prepare(spec OpenSpec, picture bool) (*session, error) {
	s := &session{picture: picture}
	for side, from := range [2]struct {
		pool  string
		peer  netip.Addr
		latch Latching
	}{{spec.PoolA, spec.PeerA, spec.LatchA}, {spec.PoolB, spec.PeerB, spec.LatchB}} {
		if spec.Alone && side == int(B) {
			s.seat(B, r.noLeg())
			break
		}
		l, err := r.openSide(from.pool, from.peer, from.latch, picture)
		if err != nil {
			if side == int(B) {
				s.legs[A].close()
				r.release(s.legs[A])
			}
			return nil, err
		}
		s.seat(Side(side), l)
	}
	r.hairpins.join(s.legs[A], s.legs[B])
	return s, nil
}

// openSide opens a leg as a session's, of a call's video or of the rest.
func (r *Relay) openSide(pool string, peer netip.Addr, policy Latching, picture bool) (*leg, error) {
	l, err := r.openLeg(pool, peer)
	if err != nil {
		return nil, err
	}
	l.latch.policy = policy
	if !picture {
		l.charge = r.edge.slack.charge
		l.fit()
	}
	return l, nil
}

// board chooses the shard with the fewest sessions for one more.
func (r *Relay) board() int {
	r.state.Lock()
	defer r.state.Unlock()
	at := 0
	for i, n := range r.state.load {
		if n < r.state.load[at] {
			at = i
		}
	}
	r.state.load[at]++
	return at
}

// leave lets the ports of a session rest, whose sockets are closed.
func (r *Relay) leave(s *session) {
	for _, l := range s.legs {
		r.release(l)
	}
	if !s.picture {
		r.disembark(s)
	}
}

// disembark takes back what board did.
func (r *Relay) disembark(s *session) {
	r.state.Lock()
	defer r.state.Unlock()
	r.state.load[s.number]--
}

// openLeg takes ports of a pool and binds them. A port that someone else has is
// put to rest and the next one tried.
func (r *Relay) openLeg(name string, peer netip.Addr) (*leg, error) {
	for range bindTries {
		p, port, former, err := r.take(name)
		if err != nil {
			return nil, err
		}
		addr := p.Address.Unmap()
		if p.chooses() {
			if addr, err = sourceToward(peer); err != nil {
				r.giveBack(p, port, former, false)
				return nil, err
			}
		}
		p.ledger.note(port, inUse64)
		l := &leg{pool: p, local: Local{Addr: addr, Port: port}, bound: netip.AddrPortFrom(addr, port), latch: latch{window: int64(r.options.Window)}, former: former}
		if p.Advertise.IsValid() {
			l.local.Addr = p.Advertise
		}
		if err = l.bind(r.edge.listen); err == nil {
			r.identify(l)
			r.hairpins.enter(l)
			return l, nil
		}
		r.giveBack(p, port, former, true)
		if !inUse(err) {
			return nil, fmt.Errorf("media: pool %q: %w", name, err)
		}
	}
	return nil, r.refuse()
}

// noLeg stands for a side where nobody is. What the other side hears is its
// stream all the same.
func (r *Relay) noLeg() *leg {
	l := &leg{sockets: [3]socket.UDP{socket.None, socket.None, socket.None}}
	r.identify(l)
	return l
}

// take draws a port of a pool, and tells what the call before was sent there.
func (r *Relay) take(name string) (*pool, uint16, straggler, error) {
	r.state.Lock()
	defer r.state.Unlock()
	p, ok := r.state.pools[name]
	switch {
	case r.state.closed:
		return nil, 0, straggler{}, ErrClosed
	case !ok:
		return nil, 0, straggler{}, fmt.Errorf("%w: %q", ErrNoPool, name)
	}
	port, ok := p.ports.take(r.options.Clock.Now(), r.draw)
	if !ok {
		r.state.noPorts++
		return nil, 0, straggler{}, ErrNoPorts
	}
	return p, port, p.former[port], nil
}

// refuse counts an open that found ports, all of them someone else's.
func (r *Relay) refuse() error {
	r.state.Lock()
	defer r.state.Unlock()
	r.state.noPorts++
	return ErrNoPorts
}

// giveBack lets a port rest that may still be sent something.
func (r *Relay) giveBack(p *pool, port uint16, late straggler, failed bool) {
	now := r.options.Clock.Now()
	p.ledger.note(port, now.Add(r.options.Rest).UnixNano())
	r.state.Lock()
	defer r.state.Unlock()
	p.ports.give(port, now)
	if late.source.IsValid() {
		p.former[port] = late
	}
	if failed {
		p.bindErrors++
	}
}

func (r *Relay) release(l *leg) {
	if l.pool != nil {
		r.hairpins.leave(l)
		r.giveBack(l.pool, l.bound.Port(), l.leaves(), false)
	}
}

func (r *Relay) draw(n int) int {
	r.random.Lock()
	defer r.random.Unlock()
	return r.random.IntN(n)
}

// identify draws the identifiers of a leg: where the stream made of its packets
// begins (RFC 3550 section 5.1), and the name that its peer sees, 96 random bits
// (RFC 7022 section 4.2).
func (r *Relay) identify(l *leg) {
	l.in = rebase.New(r.begin())
	r.random.Lock()
	defer r.random.Unlock()
	var name [12]byte
	for i := range name {
		name[i] = byte(r.random.Uint32())
	}
	l.reporter.cname = base64.StdEncoding.EncodeToString(name[:])
	l.payloads = none
}

// begin draws where a stream begins.
func (r *Relay) begin() rebase.Initial {
	r.random.Lock()
	defer r.random.Unlock()
	// Half of the sequence numbers, so that a receiver of SRTP who misses the first
	// packets cannot be wrong about the rollover counter.
	seq := uint16(r.random.Uint32N(1 << 15))
	return rebase.Initial{SSRC: r.random.Uint32(), Seq: seq, Timestamp: r.random.Uint32()}
}

// now is the time on the relay's own clock, in ns since its start.
func (r *Relay) now() int64 { return int64(r.options.Clock.Now().Sub(r.start)) }

// Stats is a snapshot. The flows are sums over all sessions since the start, so
// they never go down.
func (r *Relay) Stats() EngineStats {
	var st EngineStats
	for _, sh := range r.shards {
		sh.sum(&st)
	}
	r.state.Lock()
	defer r.state.Unlock()
	if k := r.options.Kernel; k != nil {
		st.Kernel = KernelStats{On: k.String(), Aside: k.Aside(), Entries: k.Len(), Room: k.Cap(), Pinned: k.Pinned()}
	}
	st.Opened, st.TimedOut, st.NoPorts, st.Failed = r.state.opened, r.timedOut.Load(), r.state.noPorts, r.state.failed
	for _, p := range r.options.Pools {
		pl := r.state.pools[p.Name]
		pl.ports.wake(r.options.Clock.Now())
		free, used, resting := pl.ports.counts()
		st.Pools = append(st.Pools, PoolStats{Name: p.Name, Free: free, InUse: used, Resting: resting, BindErrors: pl.bindErrors})
	}
	return st
}

// Close closes every session and waits for the relay's threads. It must not be
// called from OnTimeout, nor from a clip's done.
func (r *Relay) Close() error {
	r.state.Lock()
	first := !r.state.closed
	r.state.closed = true
	r.state.Unlock()
	if !first {
		r.loops.Wait()
		return nil
	}
	for _, sh := range r.shards {
		sh.stop()
		for _, s := range sh.members() {
			s.Close()
		}
	}
	r.loops.Wait()
	err := r.closeLedgers()
	for _, sh := range r.shards {
		err = errors.Join(err, sh.poll.Close())
	}
	if r.options.Kernel != nil {
		err = errors.Join(err, r.options.Kernel.Close())
	}
	return err
}

func (r *Relay) closeLedgers() error {
	var errs []error
	for _, p := range r.state.pools {
		errs = append(errs, p.ledger.close())
	}
	return errors.Join(errs...)
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

// stripAddr takes the addresses out of an error of package net.
func stripAddr(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// check refuses a pool from which no call could ever be relayed: better no start
// than a server that refuses every call.
func (e edge) check(p Pool) error {
	bound := p.Address.Unmap()
	if p.chooses() {
		return nil
	}
	if p.Advertise.IsValid() && p.Advertise.Unmap().Is4() != bound.Is4() {
		return fmt.Errorf("media: pool %q: address and advertise are not of one family, IPv4 or IPv6", p.Name)
	}
	u, err := e.listen(netip.AddrPortFrom(bound, 0), p.DSCP)
	if err != nil {
		return fmt.Errorf("media: pool %q: its address cannot be bound on this machine: %w", p.Name, err)
	}
	u.Close()
	return nil
}
