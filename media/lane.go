package media

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"mask700/media/kernel"
	"mask700/media/rebase"
	"mask700/media/socket"
)

// lane is a settled direction that user space keeps: what the kernel would have of it, side by side. On the usual way
// a packet touches a dozen places of a session, each of them cold when there are a thousand sessions, which costs as
// much as a system call; here it is these three cache lines. Whatever is not plain voice of the one known source goes
// the usual way, as a packet does that the kernel sends up.
type lane struct {
	in, out socket.UDP
	types   *[128]uint8 // what each payload type becomes, kernel.ToSocket: nothing here
	lent    rebase.Offsets
	count   kernel.Counters
}

// plain is the first byte of an RTP header with neither padding, extension nor CSRC list.
const plain = 2 << 6

// rewrite gives a packet our identifiers where it lies and counts it as received. It is false, and the packet as it
// was, when it must go the usual way.
func (l *lane) rewrite(b []byte, now int64) bool {
	if len(b) < rtpHeader || len(b) == bufferSize || b[0] != plain {
		return false
	}
	pt := l.types[b[1]&0x7f]
	seq, ts := binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:])
	if pt == kernel.ToSocket || binary.BigEndian.Uint32(b[8:]) != l.lent.SSRCIn || !l.count.Goes(seq) {
		return false
	}
	l.count.Receive(seq, ts, now)
	l.count.Type = b[1] & 0x7f
	b[1] = b[1]&0x80 | pt
	binary.BigEndian.PutUint16(b[2:], seq+l.lent.Seq)
	binary.BigEndian.PutUint32(b[4:], ts+l.lent.Timestamp)
	binary.BigEndian.PutUint32(b[8:], l.lent.SSRCOut)
	return true
}

// ride reads one packet of a direction that has a lane.
func (sh *shard) ride(e *end, now int64) {
	l := e.lane
	n, err := l.in.Receive(sh.in[:])
	switch {
	case err != 0:
		e.session.legs[e.side].unread(err)
	case !l.rewrite(sh.in[:n], now):
		e.session.packet(e.side, sh.in[:n], now)
	default:
		sh.stats.Packets++
		l.count.Packets++
		l.count.Octets += uint64(n - rtpHeader)
		if err := l.out.Send(sh.in[:n]); err != 0 {
			e.session.unsent(e.side, sh.in[:n], err)
		}
	}
}

// unsent tries once more to send a packet of a side, and counts one that will not go.
func (s *session) unsent(side Side, b []byte, err unix.Errno) {
	to := s.legs[side.Other()]
	if to.sendAfter(err, b, to.connected) == 0 {
		return
	}
	s.take(side)
	f := &s.legs[side].flow
	f.Packets--
	f.Bytes -= uint64(len(b) - rtpHeader)
	f.Failed++
}

// board gives a direction its lane, unless it has gone in and out too often. Its memory is kept for the next time, so
// that a source which is another every few packets costs none.
func (s *session) board(side Side, now int64) {
	from, to := s.legs[side], s.legs[side.Other()]
	o := &from.offload
	lent, carry, ok := from.in.Lend()
	if now < o.calm.until || !ok || !s.mayOffload(side) {
		return
	}
	if o.kept == nil {
		o.kept = new(lane)
	}
	*o.kept = lane{in: from.sockets[useRTP], out: to.sockets[useRTP], types: s.shard.typesOf(from.payloads, lent.Clock), lent: lent}
	o.lane = o.kept
	o.lane.resume(carry)
	o.lent, o.seen = lent, o.lane.count
	s.shard.ends[from.ends[useRTP]].lane = o.lane
	s.shard.settled(o, now)
}

// rejoin lets a lane go on after a packet that went the usual way, or takes it away.
func (s *session) rejoin(side Side) {
	l := s.legs[side]
	o := &l.offload
	lent, carry, ok := l.in.Lend()
	if !ok || lent != o.lent {
		s.alight(side)
		return
	}
	o.lane.resume(carry)
	o.seen = o.lane.count
}

// resume goes on from where reception stands.
func (l *lane) resume(c rebase.Carry) {
	c.Packets, c.Octets = l.count.Packets, l.count.Octets
	l.count.Carry = c
}

// alight takes a lane away.
func (s *session) alight(side Side) {
	l := s.legs[side]
	s.take(side)
	s.shard.ends[l.ends[useRTP]].lane = nil
	l.offload.lane, l.offload.run = nil, 0
}

// maxTables bounds the tables that directions share.
const maxTables = 256

// typesOf is a table of payload types for the lanes of a shard. Most calls speak the same codecs, and one table stays
// in the cache where a thousand would not.
func (sh *shard) typesOf(p *payloads, clock uint32) *[128]uint8 {
	types := p.offloaded(clock)
	if shared := sh.types[types]; shared != nil {
		return shared
	}
	if len(sh.types) >= maxTables {
		clear(sh.types)
	}
	kept := new([128]uint8)
	*kept = types
	sh.types[types] = kept
	return kept
}
