package media

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"sync"

	"mask700/media/socket"
)

// bufferSize holds any packet of audio, 20 ms of stereo in 24 bits at 48 kHz or 500 ms of
// G.711 for one; a packet that fills it may have been cut and is refused.
const bufferSize = 8192

const (
	// batch bounds the sockets served at one wake, and with it how long signalling
	// may have to wait for the lock.
	batch = 128
	// drainLimit bounds the reads of one socket at one wake. Usually it is one, so
	// that a flood at one port takes no more turns than a call does.
	drainLimit = 32
)

// shard relays the sessions of one thread: every socket of a session is in the
// same epoll, and what is due at some time is done by the same loop. Its lock is
// taken by the loop once a wake, and by signalling for each of its calls.
type shard struct {
	relay *Relay
	poll  *socket.Poll

	mu      sync.Mutex // protects everything below and the sessions
	ends    []end      // the sockets, by the number in their tags
	unused  []uint32   // numbers of ends
	slots   [slots]slot
	clock   beats
	playing [phases][]*player
	keys    []*keypad
	random  *rand.Rand
	types   map[[128]uint8]*[128]uint8 // that lanes share
	stats   ShardStats
	woke    int64    // ns, when the loop went on last
	stall   uint16   // counts the times that it did so too late, and
	stalled int64    // ns, when that was last
	after   []func() // to call once the lock is let go
	closed  bool

	in  [bufferSize]byte // the packet that is worked on
	out [bufferSize]byte // a packet of our own
}

// end is one socket of a session.
type end struct {
	session    *session
	lane       *lane // nil: none
	side       Side
	use        use
	stall      uint16 // of the shard, when it was read last
	generation uint32
}

// slot holds the sessions that are visited together.
type slot struct {
	sessions []*session
	past     [2]Flow // of those that were closed
}

func newShard(r *Relay, seed [32]byte) (*shard, error) {
	p, err := socket.NewPoll(batch)
	if err != nil {
		return nil, err
	}
	return &shard{relay: r, poll: p, random: rand.New(rand.NewChaCha8(seed)), types: make(map[[128]uint8]*[128]uint8)}, nil
}

// loop serves the sockets and does what is due, until the shard is closed. The
// thread is the loop's alone: nothing else's turn delays a packet for long.
func (sh *shard) loop() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var tags [batch]uint64
	for limit := never; ; {
		n := sh.poll.Wait(tags[:], limit)
		sh.mu.Lock()
		if sh.closed {
			sh.mu.Unlock()
			return
		}
		now := sh.relay.now()
		sh.wake(now, limit)
		for _, tag := range tags[:n] {
			sh.serve(tag, now)
		}
		sh.stats.Wakes++
		sh.stats.Deepest = max(sh.stats.Deepest, n)
		limit = sh.elapse(now)
		sh.unlock()
	}
}

// unlock lets go of the lock and then makes the calls that must not be made under
// it.
func (sh *shard) unlock() {
	calls := sh.after
	sh.after = nil
	sh.mu.Unlock()
	for _, call := range calls {
		call()
	}
}

// serve reads a socket that has something. A tag of a socket that was closed after
// the kernel told of it has an older generation.
func (sh *shard) serve(tag uint64, now int64) {
	e := &sh.ends[uint32(tag)]
	switch {
	case e.session == nil || e.generation != uint32(tag>>32):
	case e.stall != sh.stall && sh.discard(e, now):
	case e.lane != nil:
		sh.ride(e, now)
	case e.use == useRTP:
		e.session.readVoice(e.side, now)
	case e.use == useRTCP:
		e.session.readControl(e.side, now)
	case e.use == useGuard:
		e.session.readStranger(e.side, now)
	}
}

// enter makes a session known to the shard: from now on its packets are read. The
// sockets may hear from then on, so all is ready before.
func (sh *shard) enter(s *session) error {
	sh.mu.Lock()
	defer sh.unlock()
	if sh.closed {
		return ErrClosed
	}
	for side, l := range s.legs {
		if l.pool == nil {
			continue
		}
		if err := sh.attend(s, Side(side), l); err != nil {
			if side == int(B) {
				sh.forget(s.legs[A])
			}
			return err
		}
	}
	at := 0
	for i := range sh.slots {
		if len(sh.slots[i].sessions) < len(sh.slots[at].sessions) {
			at = i
		}
	}
	s.slot, s.index = at, len(sh.slots[at].sessions)
	sh.slots[at].sessions = append(sh.slots[at].sessions, s)
	if s.picture {
		return nil // its call comes next
	}
	sh.stats.Sessions++
	if sh.stats.Sessions == 1 {
		sh.poll.Ring() // it may be waiting for ever
	}
	return nil
}

// attend makes the loop read the sockets of a leg that is, or is about to be, one side
// of a session; or none of them.
func (sh *shard) attend(s *session, side Side, l *leg) error {
	for _, u := range [2]use{useRTP, useRTCP} {
		if err := sh.watch(s, side, l, u); err != nil {
			if u == useRTCP {
				sh.vacate(l.ends[useRTP])
			}
			return fmt.Errorf("media: a socket could not be watched: %w", err)
		}
	}
	return nil
}

// watch makes the loop read a socket of a side's leg.
func (sh *shard) watch(s *session, side Side, l *leg, u use) error {
	at := sh.occupy(end{session: s, side: side, use: u})
	l.ends[u] = at
	err := sh.relay.edge.watch(sh.poll, l.sockets[u], uint64(at)|uint64(sh.ends[at].generation)<<32)
	if err != nil {
		sh.vacate(at)
	}
	return err
}

func (sh *shard) forget(l *leg) {
	if l.pool == nil {
		return
	}
	sh.vacate(l.ends[useRTP])
	sh.vacate(l.ends[useRTCP])
}

// leave forgets a session; its sockets are closed already.
func (sh *shard) leave(s *session, last Stats) {
	for _, l := range s.legs {
		sh.forget(l)
	}
	slot := &sh.slots[s.slot]
	moved := slot.sessions[len(slot.sessions)-1]
	slot.sessions[s.index], moved.index = moved, s.index
	slot.sessions[len(slot.sessions)-1] = nil
	slot.sessions = slot.sessions[:len(slot.sessions)-1]
	slot.past[A].add(last.AtoB)
	slot.past[B].add(last.BtoA)
	if !s.picture {
		sh.stats.Sessions--
	}
}

func (sh *shard) occupy(e end) uint32 {
	sh.stats.Sockets++
	e.stall = sh.stall
	if n := len(sh.unused); n > 0 {
		at := sh.unused[n-1]
		sh.unused = sh.unused[:n-1]
		e.generation = sh.ends[at].generation
		sh.ends[at] = e
		return at
	}
	sh.ends = append(sh.ends, e)
	return uint32(len(sh.ends) - 1)
}

func (sh *shard) vacate(at uint32) {
	sh.stats.Sockets--
	sh.ends[at] = end{generation: sh.ends[at].generation + 1}
	sh.unused = append(sh.unused, at)
}

// sum adds the figures of all sessions since the start. The lock is let go between
// slots, so that packets do not wait for long; a session stays in its slot, so it
// is summed once, live or past.
func (sh *shard) sum(st *EngineStats) {
	for i := range sh.slots {
		sh.mu.Lock()
		slot := &sh.slots[i]
		st.AtoB.add(slot.past[A])
		st.BtoA.add(slot.past[B])
		for _, s := range slot.sessions {
			st.AtoB.add(s.legs[A].figures())
			st.BtoA.add(s.legs[B].figures())
		}
		sh.mu.Unlock()
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	figures := sh.stats
	for _, p := range sh.playing {
		figures.Playing += len(p)
	}
	st.Sessions += figures.Sessions
	st.Shards = append(st.Shards, figures)
}

// members lists the live sessions.
func (sh *shard) members() []*session {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	var all []*session
	for i := range sh.slots {
		all = append(all, sh.slots[i].sessions...)
	}
	return slices.Clip(all)
}

// stop ends the loop.
func (sh *shard) stop() {
	sh.mu.Lock()
	sh.closed = true
	sh.mu.Unlock()
	sh.poll.Ring()
}

// edge is what a relay asks of the kernel beside a packet's way, so that a test of
// bookkeeping need not, and another can come in between.
type edge struct {
	listen     func(at netip.AddrPort, dscp uint8) (socket.UDP, error)
	watch      func(p *socket.Poll, u socket.UDP, tag uint64) error
	disconnect func(u socket.UDP) error
	slack      slack
}

func linux() edge {
	return edge{
		listen: socket.Listen, watch: (*socket.Poll).Add, disconnect: socket.UDP.Disconnect,
		slack: slack{charge: charge, stale: stale},
	}
}
