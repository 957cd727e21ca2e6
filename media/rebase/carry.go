package rebase

// Offsets is all that another engine needs to write the packets of one source as
// Stream would.
type Offsets struct {
	SSRCIn    uint32 // of the source; another one has no offsets yet
	SSRCOut   uint32
	Seq       uint16 // added
	Timestamp uint32 // added
	Clock     uint32 // Hz, of the last packet
}

// Carry is where the reception of one source stands, as another engine takes it
// over and gives it back. Packets and Octets are only that engine's.
type Carry struct {
	Packets uint64
	Octets  uint64 // of payload

	Highest uint32 // extended sequence number, RFC 3550 appendix A.1
	Clock   uint32 // Hz, what the jitter and the timestamps count in
	Jitter  uint32 // appendix A.8, in 1/16 of a clock tick
	Transit int32
	Last    uint32 // timestamp of the last packet
	Seen    int64  // ns

	NewestTimestamp uint32 // as it came in, of the packet with the highest number
	NewestAt        int64  // ns
}

// Lend gives what another engine goes on from. It is false before a packet was
// written, and when the last one read was of a source without offsets.
func (s *Stream) Lend() (Offsets, Carry, bool) {
	r := &s.Received
	if !s.started || !s.fitted || r.ssrc != s.source || r.clock == 0 {
		return Offsets{}, Carry{}, false
	}
	return Offsets{SSRCIn: s.source, SSRCOut: s.ssrc, Seq: s.seq, Timestamp: s.ts, Clock: r.clock}, Carry{
		Highest: r.highest(), Clock: r.clock, Jitter: r.jitter, Transit: int32(r.transit), Last: r.last, Seen: r.seen,
		NewestTimestamp: s.last.ts - s.ts, NewestAt: s.last.at,
	}, true
}

// TakeBack adds what another engine did between two looks at it, of which the
// first was before Lend or an earlier TakeBack. Packets that both engines had
// meanwhile, each its own, are all counted.
func (s *Stream) TakeBack(before, now Carry) {
	n := now.Packets - before.Packets
	if n == 0 {
		return
	}
	s.Packets += n
	s.Octets += now.Octets - before.Octets
	r := &s.Received
	r.packets += n
	r.received += uint32(n)
	r.seen = max(r.seen, now.Seen)
	// With the clock: the last packet here may have been an event of another.
	r.clock, r.jitter, r.transit, r.last = now.Clock, now.Jitter, int64(now.Transit), now.Last
	if int32(now.Highest-r.highest()) > 0 {
		r.cycles, r.max = now.Highest&^(seqMod-1), uint16(now.Highest)
	}
	if seq := uint16(now.Highest) + s.seq; int16(seq-s.last.seq) > 0 {
		s.last = sent{seq: seq, ts: now.NewestTimestamp + s.ts, clock: now.Clock, at: now.NewestAt}
	}
}

// InStep says whether another engine may go on: the source is the one that was
// lent, and the packets that did not come from that engine have not moved the
// count away from its.
func (s *Stream) InStep(lent Offsets, now Carry) bool {
	ahead := int32(s.Received.highest() - now.Highest)
	return s.fitted && s.seq == lent.Seq && s.ts == lent.Timestamp && s.source == lent.SSRCIn && s.Received.ssrc == lent.SSRCIn && ahead >= 0 && ahead <= maxMisorder/2
}

// Goes says whether an engine may take a packet of this sequence number itself: one that is too far off may be of a
// source that began anew, which is for Stream to judge.
func (c *Carry) Goes(seq uint16) bool {
	return goes(seq - uint16(c.Highest))
}

// goes says whether a number so far ahead of the highest, or behind it, is what loss and
// disorder make.
func goes(ahead uint16) bool { return ahead < maxDropout || uint32(ahead) > seqMod-maxMisorder }

// Receive counts a packet that Goes, at a time in ns, as Stream.Read would.
func (c *Carry) Receive(seq uint16, ts uint32, at int64) {
	if ahead := seq - uint16(c.Highest); ahead != 0 && ahead < maxDropout {
		c.Highest += uint32(ahead)
		c.NewestTimestamp, c.NewestAt = ts, at
	}
	c.Seen = at
	if c.Last == ts {
		return
	}
	transit := int32(ticks(at, c.Clock) - ts)
	d := int64(transit - c.Transit)
	d = max(d, -d)
	if d < maxTransit*int64(c.Clock) {
		c.Jitter += uint32(d) - (c.Jitter+8)>>4
	}
	c.Transit, c.Last = transit, ts
}
