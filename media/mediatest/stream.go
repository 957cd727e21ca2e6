package mediatest

import (
	"encoding/binary"
	"fmt"
)

// Identity is what a stream sends under (RFC 3550 section 5.1).
type Identity struct {
	PayloadType uint8
	SSRC        uint32
	Seq         uint16 // of its first packet
	Timestamp   uint32 // of its first packet
}

// Stream is one direction of a call: it writes the packets that its sender sends,
// and judges those that its receiver gets. It is plain data: times are handed in.
type Stream struct {
	id       uint32
	identity Identity
	sent     uint64

	seen    uint64 // one more than the highest number received
	window  uint64 // the last 64 numbers below seen: bit 0 is seen-1
	got     uint64 // received, each once
	begun   bool
	out     Identity // of the first packet received
	outFrom uint64   // its number
	tally   *Tally
}

// Tally is what became of the packets of any number of streams.
type Tally struct {
	// Packets are counted that were sent at or after From and before Until, ns
	// since 1970. Others are checked, and counted only where they are wrong.
	From, Until int64

	Sent     uint64
	Received uint64 // each once
	Delay    Histogram

	SameSSRC, SameSeq, SameTimestamp uint64 // received with what the sender sent it with

	Duplicate   uint64 // received again
	Disordered  uint64 // overtaken
	Misdirected uint64 // at the port of another stream
	Damaged     uint64 // not the payload that was sent
	Renumbered  uint64 // sequence number, timestamp, SSRC or payload type does not go on as it began
	Stray       uint64 // at no port of a stream, or from elsewhere than the relay's port
	Control     uint64 // RTCP
}

func (t *Tally) covers(sent int64) bool { return sent >= t.From && sent < t.Until }

// Lost is how many packets never arrived.
func (t *Tally) Lost() uint64 { return t.Sent - min(t.Sent, t.Received) }

// Wrong is how many packets arrived that should not have, or not so.
func (t *Tally) Wrong() uint64 {
	return t.Duplicate + t.Disordered + t.Misdirected + t.Damaged + t.Renumbered + t.Stray
}

// String says what was not as it should be.
func (t *Tally) String() string {
	return fmt.Sprintf("%d sent, %d received, %d duplicate, %d disordered, %d misdirected, %d damaged, %d renumbered, %d stray, %d RTCP",
		t.Sent, t.Received, t.Duplicate, t.Disordered, t.Misdirected, t.Damaged, t.Renumbered, t.Stray, t.Control)
}

// NewStream is a stream with a number of its own among those of a measurement.
func NewStream(id uint32, identity Identity, tally *Tally) *Stream {
	return &Stream{id: id, identity: identity, tally: tally}
}

// Sent is how many packets were written.
func (s *Stream) Sent() uint64 { return s.sent }

// Missing is how many packets have not been received although a later one has.
func (s *Stream) Missing() uint64 { return s.seen - s.got }

// Lost is how many packets have not been received: when nothing is on its way any
// more, those that are lost.
func (s *Stream) Lost() uint64 { return s.sent - s.got }

// Write writes the next packet into at least PacketSize bytes. now is the time of
// sending, ns since 1970.
func (s *Stream) Write(b []byte, now int64) int {
	b = b[:PacketSize]
	b[0] = 2 << 6
	b[1] = s.identity.PayloadType
	binary.BigEndian.PutUint16(b[2:], s.identity.Seq+uint16(s.sent))
	binary.BigEndian.PutUint32(b[4:], s.identity.Timestamp+uint32(s.sent)*Payload)
	binary.BigEndian.PutUint32(b[8:], s.identity.SSRC)
	mark{stream: s.id, number: s.sent, sent: now}.write(b[rtpHeader:])
	s.sent++
	if s.tally.covers(now) {
		s.tally.Sent++
	}
	return PacketSize
}

// Unsent takes back the last packet written: it did not leave.
func (s *Stream) Unsent(now int64) {
	s.sent--
	if s.tally.covers(now) {
		s.tally.Sent--
	}
}

// Read judges a packet that came to the port of this stream's receiver at a time,
// ns since 1970.
func (s *Stream) Read(b []byte, now int64) {
	if len(b) != PacketSize || b[0] != 2<<6 {
		s.tally.Damaged++
		return
	}
	m, intact := readMark(b[rtpHeader:])
	switch {
	case !intact:
		s.tally.Damaged++
		return
	case m.stream != s.id:
		s.tally.Misdirected++
		return
	}
	if !s.first(m.number) {
		return
	}
	s.got++
	got := Identity{
		PayloadType: b[1],
		Seq:         binary.BigEndian.Uint16(b[2:]),
		Timestamp:   binary.BigEndian.Uint32(b[4:]),
		SSRC:        binary.BigEndian.Uint32(b[8:]),
	}
	s.follow(m.number, got)
	if !s.tally.covers(m.sent) {
		return
	}
	s.tally.Received++
	if got.SSRC == s.identity.SSRC {
		s.tally.SameSSRC++
	}
	if got.Seq == s.identity.Seq+uint16(m.number) {
		s.tally.SameSeq++
	}
	if got.Timestamp == s.identity.Timestamp+uint32(m.number)*Payload {
		s.tally.SameTimestamp++
	}
	s.tally.Delay.Add(now - m.sent)
}

// first says whether a number has not been received yet, and notes that it has.
// What is more than 64 numbers late counts as received before.
func (s *Stream) first(number uint64) bool {
	if number >= s.seen {
		s.window = s.window<<(number-s.seen+1) | 1 // a shift by 64 or more leaves nothing
		s.seen = number + 1
		return true
	}
	back := s.seen - 1 - number
	if back >= 64 || s.window>>back&1 == 1 {
		s.tally.Duplicate++
		return false
	}
	s.window |= 1 << back
	s.tally.Disordered++
	return true
}

// follow checks that the identifiers go on as they began: one SSRC and payload
// type, and sequence number and timestamp at a fixed distance from what was sent.
func (s *Stream) follow(number uint64, got Identity) {
	if !s.begun {
		s.begun, s.out, s.outFrom = true, got, number
		s.out.PayloadType &= 0x7f // the first may have a marker
		return
	}
	step := number - s.outFrom
	if got.SSRC != s.out.SSRC || got.PayloadType != s.out.PayloadType ||
		got.Seq != s.out.Seq+uint16(step) || got.Timestamp != s.out.Timestamp+uint32(step)*Payload {
		s.tally.Renumbered++
	}
}
