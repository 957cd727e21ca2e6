package media

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"mask700/media/kernel"
	"mask700/media/rebase"
	"mask700/media/socket"
)

// A direction is given to the kernel once both sides have settled, and taken back
// before anything about it changes. It goes on with the same offsets, and one
// stream's figures are counted over both paths.
//
//	user space ──── five packets of a source ────▶ put ──── socket empty, a gap ────▶ kernel
//	     ▲                                          │                                   │
//	     └── an offer or answer, hold, pause, clip, tap, another source, another route, the end
const (
	// settledAfter is how many packets of one source go first.
	settledAfter = 5
	// maxWaits is how many packets an entry may wait for its gap. More than these
	// come over an interface that the program is not on.
	maxWaits = 50
	// retryAfter is when the kernel is asked again that would not take a direction.
	retryAfter = int64(10 * time.Second)
	// maxPending is how many packets a direction waits for the answer which way it goes
	// before it takes a lane meanwhile, and pendingRetry when it is asked for again.
	maxPending   = 10
	pendingRetry = int64(time.Second)
)

// offload is how far a direction, named for the leg that it comes from, has come
// on its way into the kernel.
type offload struct {
	flow   *kernel.Flow   // nil: user space
	lane   *lane          // in user space, nil: the usual way
	kept   *lane          // memory of the last one
	lent   rebase.Offsets // what flow or lane writes by
	seen   kernel.Counters
	routes uint64 // when the way was last looked at
	waits  int    // packets while flow was not active yet
	asks   int    // in a row for its way out, which is not known yet
	source uint32 // SSRC of the last packet in user space
	run    int    // packets of it in a row
	retry  int64  // not before
	calm   calm
}

// away says whether the direction has left the usual way.
func (o *offload) away() bool { return o.flow != nil || o.lane != nil }

// relayed counts a packet that user space sent on.
func (o *offload) relayed(source uint32) {
	if source != o.source {
		o.source, o.run = source, 0
	}
	o.run++
}

// advance brings a direction on its way after packets of it were read from its
// socket, which is drained of what came before it was connected.
func (s *session) advance(side Side, now int64) {
	l := s.legs[side]
	o := &l.offload
	switch {
	case o.lane != nil:
		s.rejoin(side)
		return
	case o.flow != nil && o.flow.Active():
		if !l.in.InStep(o.lent, o.seen.Carry) {
			s.reclaim(side)
		}
		return
	case o.flow == nil:
		if o.run < settledAfter {
			return
		}
		if !s.kernelTakes(now, o) {
			s.board(side, now)
			return
		}
		if !s.put(side, now) {
			return
		}
	}
	if o.waits++; o.waits > maxWaits {
		s.reclaim(side)
		o.retry = now + retryAfter
		return
	}
	n := o.flow.Passed()
	for range drainLimit {
		size, e := l.sockets[useRTP].Receive(s.shard.in[:])
		if e == unix.EAGAIN {
			s.confirm(side, n)
			return
		}
		if e != 0 {
			l.unread(e)
			continue
		}
		s.voice(side, s.shard.in[:size], l.connected, now)
		if o.flow == nil || !l.drained {
			return
		}
	}
}

// kernelTakes says whether the kernel is to be asked for a direction now.
func (s *session) kernelTakes(now int64, o *offload) bool {
	return s.shard.relay.options.Kernel != nil && now >= o.retry && now >= o.calm.until
}

// confirm tells the kernel that n packets which it sent up are on their way, and
// where their reception stands.
func (s *session) confirm(side Side, n uint64) {
	l := s.legs[side]
	o := &l.offload
	if o.flow.Active() {
		return
	}
	lent, carry, ok := l.in.Lend()
	if !ok || lent != o.lent {
		s.reclaim(side)
		return
	}
	o.flow.Confirm(n, carry)
}

// mayOffload says whether nothing but relaying is to be done with a direction.
func (s *session) mayOffload(side Side) bool {
	from, to := s.legs[side], s.legs[side.Other()]
	for _, l := range s.legs {
		if !l.known || !l.answered || !l.latch.locked || !l.connected.IsValid() || l.held() || l.remote.Fax {
			return false
		}
	}
	return !s.picture && !s.paused && !s.closed && !from.curbed && s.tap == nil && to.playing == nil && to.keys == nil &&
		from.cipher.in == nil && to.cipher.out == nil &&
		from.drained && to.target() == to.connected && from.payloads.name(from.in.PayloadType()) != ""
}

// put gives a direction to the kernel, where it waits to begin.
func (s *session) put(side Side, now int64) bool {
	from, to := s.legs[side], s.legs[side.Other()]
	o := &from.offload
	lent, _, ok := from.in.Lend()
	if !ok || !s.mayOffload(side) {
		return false
	}
	table := s.shard.relay.options.Kernel
	o.routes = table.Routes()
	flow, err := table.Put(kernel.Entry{
		Local: from.bound, Source: from.connected, From: to.bound, To: to.connected, Heir: from.latch.heir(),
		Offsets: lent, Types: from.payloads.offloaded(lent.Clock),
		TTL: socket.Hops, TOS: to.pool.DSCP << 2, Queue: to.sockets[useRTP].Priority(), ID: uint16(s.shard.random.Uint32()), // and no flow label, as by the socket
		Epoch: kernel.Monotonic() - s.now(),
	})
	if errors.Is(err, kernel.ErrPending) {
		o.pending(now)
		return false
	}
	o.asks = 0
	if err != nil {
		s.shard.stats.NotOffloaded++
		o.retry = now + retryAfter
		if errors.Is(err, kernel.ErrPath) {
			o.retry = never64 // until something changes
		}
		return false
	}
	o.flow, o.lent, o.seen, o.waits = flow, lent, flow.Read(), 0
	s.shard.stats.Offloaded++
	s.shard.settled(o, now)
	return true
}

// pending lets a direction ask again with the next packet, and when it has often enough only later. Where a processor is
// so busy that nobody gets to answer, asking is what keeps it busy.
func (o *offload) pending(now int64) {
	if o.asks++; o.asks >= maxPending {
		o.asks, o.retry = 0, now+pendingRetry
	}
}

// settled notes that a direction has left the usual way.
func (sh *shard) settled(o *offload, now int64) {
	if o.calm.entered(now) {
		sh.stats.Restless++
	}
}

// never64 is a time that does not come.
const never64 = int64(^uint64(0) >> 1)

// meet prepares for a packet that came up though the kernel has its direction:
// what the kernel did before is counted first, and another source or one that begins
// anew ends the entry: what the kernel still does is by the old offsets.
func (s *session) meet(side Side, b []byte, src netip.AddrPort) {
	l := s.legs[side]
	s.take(side)
	if src == l.connected && len(b) >= rtpHeader && b[0]>>6 == 2 && !l.mixed(b) && (binary.BigEndian.Uint32(b[8:]) != l.offload.lent.SSRCIn ||
		l.in.Anew(l.offload.lent.SSRCIn, binary.BigEndian.Uint16(b[2:]))) {
		s.reclaim(side)
	}
}

// take adds what the kernel did since the last look.
func (s *session) take(side Side) {
	switch o := &s.legs[side].offload; {
	case o.flow != nil:
		s.legs[side].flow.Kernel += s.add(side, o.flow.Read())
	case o.lane != nil:
		s.add(side, o.lane.count)
	}
}

// add adds what was done since the last look, and says how many packets it was.
func (s *session) add(side Side, now kernel.Counters) uint64 {
	l := s.legs[side]
	before := &l.offload.seen
	l.in.TakeBack(before.Carry, now.Carry)
	n := now.Packets - before.Packets
	f := &l.flow
	f.Packets += n
	f.Bytes += now.Octets - before.Octets
	l.came += now.Octets - before.Octets + n*rtpHeader
	if n > 0 {
		f.Codec = l.payloads.name(now.Type)
	}
	f.Refused += now.Foreign - before.Foreign
	f.Failed += now.Failed - before.Failed
	if n > 0 && (!s.heard || now.Seen > s.seen) {
		s.seen, s.heard = now.Seen, true
	}
	*before = now
	return n
}

// reclaim takes a direction back to the usual way.
func (s *session) reclaim(side Side) {
	l := s.legs[side]
	o := &l.offload
	switch {
	case o.lane != nil:
		s.alight(side)
	case o.flow != nil:
		l.flow.Kernel += s.add(side, o.flow.Remove())
		o.flow, o.run = nil, 0
		s.shard.stats.Offloaded--
	}
}

// reclaimBoth is called before anything about a session changes, under the lock.
func (s *session) reclaimBoth() {
	for side, l := range s.legs {
		s.reclaim(Side(side))
		l.offload.run, l.offload.retry = 0, 0
	}
}

// review is the second's look at what the kernel has: its counts, and whether the
// packets would still leave the same way.
func (s *session) review() {
	s.take(A)
	s.take(B)
	table := s.shard.relay.options.Kernel
	if table == nil {
		return
	}
	routes, now := table.Routes(), s.now()
	for side, l := range s.legs {
		o, to := &l.offload, s.legs[Side(side).Other()]
		if o.lane != nil && s.kernelTakes(now, o) && table.Ready(l.connected, l.bound, to.bound, to.connected, to.pool.DSCP<<2) {
			s.reclaim(Side(side))
		}
		if o.routes == routes {
			continue
		}
		if o.flow != nil {
			moved, known := o.flow.Moved()
			if !known {
				continue // at the next look
			}
			if moved {
				s.reclaim(Side(side))
			}
		}
		o.routes = routes
		if o.retry == never64 {
			o.retry = 0 // a lane is left at the next look
		}
	}
}

// offloaded is what the kernel may make of each payload type: voice of one clock.
// The rest is for user space.
func (p *payloads) offloaded(clock uint32) (types [128]uint8) {
	for i := range types {
		types[i] = kernel.ToSocket
		if t := &p.table[i]; t.Known && t.Clock == clock && p.voice[i] != 0 {
			types[i] = t.PT
		}
	}
	return types
}
