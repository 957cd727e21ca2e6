package mediatest

import "encoding/binary"

// Sizes of the packets that are generated: 20 ms of G.711 (RFC 3551 section 4.5.14).
const (
	rtpHeader  = 12
	Payload    = 160
	PacketSize = rtpHeader + Payload
)

// magic begins every payload of ours.
const magic = 0x6d373030

// mark is what a payload says of itself.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                             magic                             |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                            stream                             |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                 number in the stream, 64 bits                 |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|              time of sending, ns since 1970, 64 bits          |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|      136 bytes that follow from the stream and the number     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
type mark struct {
	stream uint32
	number uint64
	sent   int64
}

const markSize = 24

// write fills a payload.
func (m mark) write(b []byte) {
	b = b[:Payload]
	binary.BigEndian.PutUint32(b, magic)
	binary.BigEndian.PutUint32(b[4:], m.stream)
	binary.BigEndian.PutUint64(b[8:], m.number)
	binary.BigEndian.PutUint64(b[16:], uint64(m.sent))
	w := m.seed()
	for i := markSize; i < Payload; i += 8 {
		w = next(w)
		binary.NativeEndian.PutUint64(b[i:], w)
	}
}

// readMark reads a payload, and says whether every byte of it is as it was written.
func readMark(b []byte) (m mark, intact bool) {
	if len(b) != Payload || binary.BigEndian.Uint32(b) != magic {
		return mark{}, false
	}
	m = mark{
		stream: binary.BigEndian.Uint32(b[4:]),
		number: binary.BigEndian.Uint64(b[8:]),
		sent:   int64(binary.BigEndian.Uint64(b[16:])),
	}
	w := m.seed()
	for i := markSize; i < Payload; i += 8 {
		w = next(w)
		if binary.NativeEndian.Uint64(b[i:]) != w {
			return m, false
		}
	}
	return m, true
}

// seed differs for every packet, and covers the time too: a bit that turns
// anywhere in a payload is seen.
func (m mark) seed() uint64 {
	return (uint64(m.stream)<<40 ^ m.number ^ uint64(m.sent)*0x9e3779b97f4a7c15) | 1<<63
}

// next is a step of a linear congruential generator (Knuth's MMIX).
func next(w uint64) uint64 { return w*6364136223846793005 + 1442695040888963407 }
