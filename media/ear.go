package media

import (
	"encoding/binary"
	"time"

	"mask700/media/rebase"
	"mask700/media/sdp"
)

const (
	// lostEnd is after how long without a packet a key is taken for released, whose last
	// packets were all lost. Phones send one every 20 to 100 ms while it is held.
	lostEnd = int64(500 * time.Millisecond)
	// maxHeard bounds the keys of one side that are told of in a second. Nobody presses
	// more.
	maxHeard = 16
	// segment is how much of an event one timestamp can tell.
	segment = rebase.Segment
)

// ear makes keys of the telephone events that one side sends, where these end here:
// plain data. A key is told of once, when it is released:
//
//	packets of one timestamp … ──end──▶ told; the end is repeated (section 2.5.1.4)
//	             └──▶ a later timestamp, or none for lostEnd ──▶ told, its end was lost
type ear struct {
	source  uint32 // SSRC
	ts      uint32 // of the event, or of its segment
	seq     uint16 // of the newest packet
	event   uint8
	begun   bool // there has been one
	told    bool // and it is over
	clock   uint32
	earlier int64 // ticks of former segments
	ticks   int64 // of this one
	at      int64 // ns, of the newest packet

	count int // told of in this second
}

// hear takes one packet of an event and gives the keys that have come to their end: that
// of the packet, and one before it whose end was lost. What cannot be read, is older than
// what is known, or contradicts it, is passed over.
func (e *ear) hear(source uint32, seq uint16, ts, clock uint32, marker bool, payload []byte, now int64) (keys [2]stroke, n int) {
	if len(payload) < 4 || int(payload[0]) >= len(eventNames) || clock == 0 {
		return keys, 0
	}
	event, end, ticks := payload[0], payload[1]&(1<<7) != 0, int64(binary.BigEndian.Uint16(payload[2:]))
	known := e.begun && source == e.source
	switch {
	case known && ts == e.ts:
		if e.told || event != e.event {
			return keys, 0
		}
		e.ticks = max(e.ticks, ticks)
	case known && int16(seq-e.seq) <= 0:
		return keys, 0
	case known && !e.told && event == e.event && !marker && ts-e.ts == segment:
		e.earlier += segment
		e.ts, e.ticks = ts, ticks
	default:
		if e.begun && !e.told {
			keys[0], n = e.key(), 1
		}
		*e = ear{source: source, ts: ts, event: event, begun: true, clock: clock, ticks: ticks, count: e.count}
	}
	e.seq, e.at = seq, now
	if end {
		e.told = true
		keys[n] = e.key()
		n++
	}
	return keys, n
}

// lapse gives a key that has been silent for so long that it was released.
func (e *ear) lapse(now int64) (stroke, bool) {
	if !e.begun || e.told || now-e.at < lostEnd {
		return stroke{}, false
	}
	e.told = true
	return e.key(), true
}

func (e *ear) key() stroke {
	ticks, clock := e.earlier+e.ticks, int64(e.clock)
	return stroke{event: e.event, length: ticks/clock*int64(time.Second) + ticks%clock*int64(time.Second)/clock}
}

// listen takes the packet of a side last read, which is of an event that ends here.
func (s *session) listen(side Side, b []byte, now int64) {
	l := s.legs[side]
	seq, ts, payload := l.in.Incoming(b)
	clock := l.payloads.table[l.in.PayloadType()&0x7f].Clock
	keys, n := l.ear.hear(l.in.Source(), seq, ts, clock, b[1]&0x80 != 0, payload, now)
	for _, k := range keys[:n] {
		s.tellKey(side, k)
	}
}

// tellKey tells of a key, unless there were too many.
func (s *session) tellKey(side Side, k stroke) {
	tell, l := s.shard.relay.options.OnKey, s.legs[side]
	switch {
	case tell == nil:
	case l.ear.count >= maxHeard:
		l.flow.Unheard++
	default:
		l.ear.count++
		key, length := eventNames[k.event], time.Duration(k.length)
		s.shard.after = append(s.shard.after, func() { tell(s, side, key, length) })
	}
}

// hearLapse is the second's look at what a side keeps pressed.
func (s *session) hearLapse(side Side, now int64) {
	l := s.legs[side]
	l.ear.count = 0
	if k, ok := l.ear.lapse(now); ok {
		s.tellKey(side, k)
	}
}

// ends says whether a payload type is of events that end here.
func (p *payloads) ends(pt uint8) bool {
	t := &p.table[pt&0x7f]
	return t.Known && t.PT >= sdp.EndsHere
}
