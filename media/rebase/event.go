package rebase

import "encoding/binary"

// Segment is the longest that one timestamp of a telephone event tells, in units of its clock: what lasts longer goes on
// under another (RFC 4733 section 2.5.1.3).
const Segment = 0xffff

// Events scales the telephone events of one direction from the clock that they come in to another: durations are counted
// anew, an event longer than 16 bits of the one clock hold is cut where 16 bits of the other are full, and one that came in
// segments is put together again. An event begins where it began: its timestamp is a moment of the audio, whose clock is not
// the event's to scale (section 2.1: one base for both), and is left to the offsets. Its later segments follow it by Segment
// each, which is how a receiver knows them.
//
// One packet makes one packet. It is plain data, for one goroutine at a time.
type Events struct {
	begun    bool
	over     bool // its last packet has come
	source   uint32
	from, to uint32 // Hz
	event    uint8
	start    uint32 // timestamp of its first segment as it came in
	segment  uint32 // and of its newest
	seq      uint16 // of its newest packet
	written  int64  // number of the segment that is being told
	full     bool   // that was told to its end
}

// Scale rewrites the payload of the packet last read, which must have been OK, from one clock in Hz to another and sets its
// timestamp for Write. It is false for what is no event, and has changed nothing then.
func (e *Events) Scale(s *Stream, b []byte, from, to uint32) bool {
	h, payload := &s.header, b[s.start:s.end]
	if len(payload) < 4 || len(payload)%4 != 0 || from == 0 || to == 0 {
		return false
	}
	if len(payload) > 4 {
		e.begun = false
		scaleAll(payload, from, to)
		return true
	}
	end, ticks := payload[1]&0x80 != 0, int64(binary.BigEndian.Uint16(payload[2:]))
	late := e.follow(h.SSRC, h.Timestamp, h.SequenceNumber, h.Marker, payload[0], from, to)
	start := e.start
	if late {
		start = h.Timestamp
	}
	n, rest := cut(scaled(int64(h.Timestamp-start)+ticks, from, to))
	switch {
	case late && n > 0:
		n, rest = 0, Segment // of an event that is gone: where it ended is told already
	case late:
	case n > e.written && !e.full && !end:
		// The end of a segment is told before the next begins (section 2.5.1.3): by this packet, for which it is a little
		// early. The last packet of all does not wait for that.
		n, rest = e.written, Segment
		e.full = true
	case n >= e.written:
		e.full = rest == Segment
		e.written = n
	}
	e.over = e.over || end && !late
	binary.BigEndian.PutUint16(payload[2:], uint16(rest))
	h.Timestamp = start + uint32(n)*Segment
	return true
}

// follow finds out which event a packet is of, and says whether it is of one that is gone.
func (e *Events) follow(source, ts uint32, seq uint16, marker bool, event uint8, from, to uint32) (late bool) {
	known := e.begun && e.source == source && e.from == from && e.to == to
	older := known && int16(seq-e.seq) <= 0
	same := known && e.event == event
	switch {
	case same && ts == e.segment:
	case same && older && int32(ts-e.start) >= 0 && int32(e.segment-ts) > 0 && (ts-e.start)%Segment == 0:
		return false // of an earlier segment of this one
	case older:
		return true
	case same && ts-e.segment == Segment && !e.over && !marker:
		e.segment = ts
	default:
		*e = Events{begun: true, source: source, from: from, to: to, event: event, start: ts, segment: ts}
	}
	if !older {
		e.seq = seq
	}
	return false
}

// scaled is how many ticks of another clock some ticks are. What lasts at all does not become nothing, which stands for
// a state (section 2.3.5).
func scaled(ticks int64, from, to uint32) int64 {
	if ticks == 0 {
		return 0
	}
	return max(ticks*int64(to)/int64(from), 1)
}

// cut gives the number of the segment in which a duration ends, and how much of that it takes.
func cut(ticks int64) (n, rest int64) {
	if ticks == 0 {
		return 0, 0
	}
	n = (ticks - 1) / Segment
	return n, ticks - n*Segment
}

// scaleAll scales several events of one packet, of which each begins where the one before it ends (section 2.5.1.5). None
// can be cut: one that is too long is told as far as it can be.
func scaleAll(payload []byte, from, to uint32) {
	var start int64
	for ; len(payload) >= 4; payload = payload[4:] {
		ticks := int64(binary.BigEndian.Uint16(payload[2:]))
		end := start + ticks
		if ticks > 0 {
			ticks = min(max(scaled(end, from, to)-scaled(start, from, to), 1), Segment)
		}
		start = end
		binary.BigEndian.PutUint16(payload[2:], uint16(ticks))
	}
}
