// Package rebase gives the packets of one RTP direction new identifiers, so that
// what one leg hears says nothing about the other leg's endpoint: our SSRC, and
// sequence numbers and timestamps shifted by constants of our own.
//
//	out = in + offset (mod 2^16, mod 2^32)
//
// The offsets change only when the incoming SSRC does or its numbers begin anew, so
// any other engine that knows them writes the same packets. The package is pure: initial values and
// the time are handed in.
package rebase

import (
	"cmp"
	"time"

	"github.com/pion/rtp"
)

// Type says what one incoming payload type becomes.
type Type struct {
	PT    uint8  // written in its place
	Clock uint32 // Hz
	Out   uint32 // Hz, of what is written; 0: the same. It is for Events to scale
	Known bool   // false: not negotiated, dropped
}

// Table maps the payload types of one direction. It is not changed once it is in
// use; a new negotiation makes a new one.
type Table [128]Type

// Verdict says what became of a packet.
type Verdict uint8

// The verdicts of Read.
const (
	OK      Verdict = iota
	Invalid         // not RTP, or its lengths contradict each other
	Unknown         // RTP, but its payload type is not in the table
)

// Initial is where a stream of ours begins. RFC 3550 section 5.1 wants all three
// random.
type Initial struct {
	SSRC      uint32
	Seq       uint16 // of the first packet written
	Timestamp uint32 // of the first packet written
}

// fixed is the size of an RTP header without CSRC list and extension, the only
// one that is written.
const fixed = 12

// Stream rewrites one direction. Call Read for every packet that comes in and,
// where it is to go on, Write. A Stream is for one goroutine at a time, and holds
// no pointer into the packets after Write.
type Stream struct {
	Received Reception // what came in

	Packets uint64 // written
	Octets  uint64 // payload bytes written, RFC 3550 section 6.4.1

	ssrc uint32
	seq  uint16 // added to what comes in
	ts   uint32 // added to what comes in

	source  uint32 // the SSRC that the offsets are for
	fitted  bool   // the offsets are for source
	started bool   // something was written
	ours    bool   // the last written was an inserted one
	far     bool   // the last read is too far off to go on from
	last    sent

	header     rtp.Header // of the packet last read, reused
	csrc       [15]uint32 // backs header.CSRC
	clock      uint32     // of what is written
	out        uint8      // its payload type
	at         int64
	start, end int // its payload
}

// sent is the newest packet written: the one that the next source goes on from.
type sent struct {
	seq   uint16
	ts    uint32
	clock uint32
	at    int64 // ns
}

// New makes a stream that begins with the given values.
func New(first Initial) *Stream {
	s := &Stream{ssrc: first.SSRC}
	s.last = sent{seq: first.Seq - 1, ts: first.Timestamp}
	return s
}

// SSRC is our own.
func (s *Stream) SSRC() uint32 { return s.ssrc }

// Source is the SSRC of the packet last read.
func (s *Stream) Source() uint32 { return s.header.SSRC }

// PayloadType is that of the packet last read, as it came in.
func (s *Stream) PayloadType() uint8 { return s.header.PayloadType }

// Incoming is what the packet last read, which must have been OK, said of itself,
// and its payload, a part of b.
func (s *Stream) Incoming(b []byte) (seq uint16, timestamp uint32, payload []byte) {
	return s.header.SequenceNumber, s.header.Timestamp, b[s.start:s.end]
}

// Read takes a packet that came in at a time in ns of any monotonic clock. It
// counts the packet as received even when it will not be written, as RFC 3550
// section 6.4 wants.
//
// The extension bit of b is cleared and its header is rewritten by Write: b is
// the stream's until Write returns.
func (s *Stream) Read(b []byte, at int64, t *Table) Verdict {
	if len(b) < fixed || b[0]>>6 != 2 || len(b) < fixed+4*int(b[0]&0xf) {
		return Invalid // here, since an error of the parser's costs an allocation
	}
	// The extension is thrown away, so it is measured and not parsed: a fault
	// inside it is no reason to lose audio, nor to spend memory on it.
	extended := b[0]&0x10 != 0
	b[0] &^= 0x10
	s.header.CSRC = s.csrc[:0]
	start, err := s.header.Unmarshal(b)
	if err != nil {
		return Invalid
	}
	if extended {
		if len(b) < start+4 {
			return Invalid
		}
		start += 4 + 4*(int(b[start+2])<<8|int(b[start+3]))
	}
	end := len(b)
	if s.header.Padding {
		if b[end-1] == 0 {
			return Invalid
		}
		end -= int(b[end-1])
	}
	if start > end {
		return Invalid
	}
	typ := &t[s.header.PayloadType&0x7f]
	if !typ.Known {
		return Unknown
	}
	s.start, s.end, s.at, s.clock, s.out = start, end, at, cmp.Or(typ.Out, typ.Clock), typ.PT
	switch s.Received.update(s.header.SSRC, s.header.SequenceNumber, s.header.Timestamp, at, typ.Clock) {
	case far:
		s.far = true
	case anew:
		s.far, s.fitted = false, false // its old offsets would write numbers again that were written
	default:
		s.far = false
	}
	return OK
}

// Whole says whether a packet is RTP whose lengths agree with each other, which Read would
// find out too late for one that is to be judged by it.
func Whole(b []byte) bool {
	if len(b) < fixed || b[0]>>6 != 2 {
		return false
	}
	start, end := fixed+4*int(b[0]&0xf), len(b)
	if b[0]&0x10 != 0 {
		if len(b) < start+4 {
			return false
		}
		start += 4 + 4*(int(b[start+2])<<8|int(b[start+3]))
	}
	if b[0]&0x20 != 0 {
		if b[end-1] == 0 {
			return false
		}
		end -= int(b[end-1])
	}
	return start <= end
}

// Far says of the packet last read, which must have been OK, that its number is off by
// more than loss and disorder do. It may be the first of a source that began anew, which
// the next one tells. Written, it may have any number, also one that was written before.
func (s *Stream) Far() bool { return s.far }

// Anew says whether a packet of this source and sequence number, read next, would begin
// a source anew.
func (s *Stream) Anew(ssrc uint32, seq uint16) bool {
	r := &s.Received
	return !r.started || ssrc != r.ssrc || uint32(seq) == r.bad && !goes(seq-r.max)
}

// Write rewrites the packet last read, which must have been OK, and gives the
// part of b to send: a plain header right before the payload where it lies.
// CSRC list, extension and padding are gone.
func (s *Stream) Write(b []byte) []byte {
	h := &s.header
	if !s.fitted || h.SSRC != s.source {
		s.fit(h)
	}
	out := rtp.Header{
		Version:        2,
		Marker:         h.Marker,
		PayloadType:    s.out,
		SequenceNumber: h.SequenceNumber + s.seq,
		Timestamp:      h.Timestamp + s.ts,
		SSRC:           s.ssrc,
	}
	packet := b[s.start-fixed : s.end]
	if _, err := out.MarshalTo(packet); err != nil {
		return nil // cannot be: a plain header is as long as the room for it
	}
	if !s.started || int16(out.SequenceNumber-s.last.seq) > 0 {
		s.last = sent{seq: out.SequenceNumber, ts: out.Timestamp, clock: s.clock, at: s.at}
	}
	s.started, s.ours = true, false
	s.Packets++
	s.Octets += uint64(s.end - s.start)
	return packet
}

// Insert writes a packet of our own into b, which has room for a header and the
// payload, as the next of the stream, and gives the part of b to send. step is
// the time since the inserted packet before it in units of the clock; the first of
// a run has the marker (RFC 3551 section 4.1) and a timestamp advanced by the time
// that passed. What comes in afterwards goes on from here.
func (s *Stream) Insert(b []byte, pt uint8, clock, step uint32, at int64, payload []byte) []byte {
	out := rtp.Header{Version: 2, Marker: !s.ours, PayloadType: pt, SequenceNumber: s.last.seq + 1, Timestamp: s.last.ts, SSRC: s.ssrc}
	switch {
	case s.ours:
		out.Timestamp += step
	case s.started:
		out.Timestamp += max(ticks(at-s.last.at, s.last.clock), 1)
	}
	packet := b[:fixed+len(payload)]
	if _, err := out.MarshalTo(packet); err != nil {
		return nil // cannot be: a plain header is as long as the room for it
	}
	copy(packet[fixed:], payload)
	s.last = sent{seq: out.SequenceNumber, ts: out.Timestamp, clock: clock, at: at}
	s.started, s.ours, s.fitted = true, true, false
	s.Packets++
	s.Octets += uint64(len(payload))
	return packet
}

// Event writes a packet of a telephone event of ours (RFC 4733 section 2.5.1.2) into
// b as the next of the stream, and gives the part of b to send. All packets of an
// event have the timestamp of its first, which alone has the marker; nothing else is
// written before its last. What comes in afterwards goes on from here, and in time
// from the first.
func (s *Stream) Event(b []byte, pt uint8, clock uint32, first bool, at int64, payload []byte) []byte {
	out := rtp.Header{Version: 2, Marker: first, PayloadType: pt, SequenceNumber: s.last.seq + 1, Timestamp: s.last.ts, SSRC: s.ssrc}
	if first {
		if s.started {
			out.Timestamp += max(ticks(at-s.last.at, s.last.clock), 1)
		}
		s.last.clock, s.last.at = clock, at
	}
	packet := b[:fixed+len(payload)]
	if _, err := out.MarshalTo(packet); err != nil {
		return nil // cannot be: a plain header is as long as the room for it
	}
	copy(packet[fixed:], payload)
	s.last.seq, s.last.ts = out.SequenceNumber, out.Timestamp
	s.started, s.ours, s.fitted = true, false, false
	s.Packets++
	s.Octets += uint64(len(payload))
	return packet
}

// fit chooses the offsets for a source, so that what we write goes on where it
// was: the next sequence number, the timestamp advanced by the time that passed.
func (s *Stream) fit(h *rtp.Header) {
	ts := s.last.ts
	if s.started {
		ts += max(ticks(s.at-s.last.at, s.last.clock), 1)
	}
	s.seq = s.last.seq + 1 - h.SequenceNumber
	s.ts = ts - h.Timestamp
	s.source, s.fitted = h.SSRC, true
}

// Renew makes what is written from the next packet on another stream, to another
// listener: it begins with values of its own and is counted from 0. What comes in is
// received as before.
func (s *Stream) Renew(first Initial) {
	s.ssrc, s.last = first.SSRC, sent{seq: first.Seq - 1, ts: first.Timestamp}
	s.Packets, s.Octets = 0, 0
	s.fitted, s.started, s.ours = false, false, false
}

// Low says whether the next packet goes without a number of the upper half. A receiver of SRTP
// who begins with a key there and misses what leads up to the wrap is wrong about the rollover
// counter for good.
func (s *Stream) Low() bool { return s.last.seq+1 < 1<<15 }

// Refit makes the next packet go on from the last one written, as after a change
// of source. It is for a gap of our own making, such as a hold, which the other
// leg should not count as loss.
func (s *Stream) Refit() { s.fitted, s.ours = false, false }

// Moment is Timestamp by the incoming stream's own count. It is false while it is not
// known how the source goes on.
func (s *Stream) Moment(at int64) (uint32, bool) {
	ts, ok := s.Timestamp(at)
	return ts - s.ts, ok && s.fitted
}

// recent is how far back a packet may be asked for again.
const recent = 1 << 12

// Original is the sequence number under which a packet came in that was, or should
// have been, written with seq. It is false for one that is not among the last ones,
// and while it is not known how the next source goes on.
func (s *Stream) Original(seq uint16) (uint16, bool) {
	return seq - s.seq, s.started && s.fitted && s.last.seq-seq < recent
}

// Timestamp is what the RTP timestamp of our stream would be at a time, for a
// sender report (RFC 3550 section 6.4.1). It is false before the first packet.
func (s *Stream) Timestamp(at int64) (uint32, bool) {
	return s.last.ts + ticks(at-s.last.at, s.last.clock), s.started
}

// Duration is how long some ticks of our stream's clock are. Before the first
// packet there is no clock, and it is 0.
func (s *Stream) Duration(ticks uint32) time.Duration {
	if s.last.clock == 0 {
		return 0
	}
	return time.Duration(uint64(ticks) * uint64(time.Second) / uint64(s.last.clock))
}

// Clock is that of the packet written last, in Hz; 0: there was none.
func (s *Stream) Clock() uint32 { return s.last.clock }

// ticks converts ns to units of a clock. Times that ran backwards are none.
func ticks(ns int64, clock uint32) uint32 {
	if ns < 0 {
		return 0
	}
	const second = 1_000_000_000
	c := int64(clock)
	return uint32(ns/second*c + ns%second*c/second)
}
