package record

import (
	"encoding/binary"
	"time"
)

// Side is who sent a packet.
type Side uint8

// The sides, which are the channels of a sound file: left and right.
const (
	Caller Side = iota
	Callee
)

// Packet is one packet of voice as it was received.
type Packet struct {
	Side      Side
	Codec     string // as sdp.PayloadType has it in Format: "PCMA", "AMR/8000 octet-align=1"
	Sequence  uint16
	Timestamp uint32
	At        time.Duration // since the first packet of the recording, to a tenth of a millisecond
	Payload   []byte
}

// Kinds of item in a segment; whatever is below 0x80 is voice.
const (
	itemCodec = 0xC0
	itemGap   = 0xC1

	sideBit  = 0x40
	codecMax = sideBit - 1
)

// Sizes of items without what follows them.
const (
	voiceSize = 1 + 2 + 2 + 4 + 4
	codecSize = 3
	gapSize   = 1 + 4
)

const (
	tick     = 100 * time.Microsecond
	maxCodec = 255 // bytes of a name
)

// MaxLength is the arrival of the last packet that a recording can hold: 119 hours.
const MaxLength = time.Duration(1<<32-1) * tick

// Buffer collects the items of one segment in memory that was set aside for it. Nothing of it allocates.
type Buffer struct {
	b      []byte
	codecs [4]string // those that this segment has named, by number
	used   int
	Voice  uint32        // packets in it
	From   time.Duration // arrival of the first
}

// NewBuffer sets aside so many bytes, of which 4 KiB is the least that holds any packet.
func NewBuffer(size int) *Buffer { return &Buffer{b: make([]byte, 0, max(size, 4<<10))} }

// Reset empties the buffer.
func (s *Buffer) Reset() { *s = Buffer{b: s.b[:0]} }

// Empty reports whether nothing is in it.
func (s *Buffer) Empty() bool { return len(s.b) == 0 }

// Len is how many bytes of items are in it.
func (s *Buffer) Len() int { return len(s.b) }

// Gap notes packets that were not written.
func (s *Buffer) Gap(packets uint32) bool {
	if cap(s.b)-len(s.b) < gapSize {
		return false
	}
	s.b = binary.BigEndian.AppendUint32(append(s.b, itemGap), packets)
	return true
}

// Add puts a packet in, and says false when it does not fit: into what is left of the buffer, or into the format.
func (s *Buffer) Add(p *Packet) bool {
	room := cap(s.b) - len(s.b) - voiceSize - len(p.Payload)
	codec, known := s.codec(p.Codec)
	if !known {
		room -= codecSize + len(p.Codec)
	}
	if room < 0 || codec < 0 || len(p.Payload) > 1<<16-1 || p.At < 0 || p.At > MaxLength {
		return false
	}
	if !known {
		s.codecs[codec] = p.Codec
		s.used++
		s.b = append(append(s.b, itemCodec, byte(codec), byte(len(p.Codec))), p.Codec...)
	}
	if s.Voice == 0 {
		s.From = p.At
	}
	s.Voice++
	kind := byte(codec)
	if p.Side == Callee {
		kind |= sideBit
	}
	var head [voiceSize]byte
	head[0] = kind
	binary.BigEndian.PutUint16(head[1:], uint16(len(p.Payload)))
	binary.BigEndian.PutUint16(head[3:], p.Sequence)
	binary.BigEndian.PutUint32(head[5:], p.Timestamp)
	binary.BigEndian.PutUint32(head[9:], uint32(p.At/tick))
	s.b = append(append(s.b, head[:]...), p.Payload...)
	return true
}

// codec finds the number of a codec, or the one that it would get; negative: none is left.
func (s *Buffer) codec(name string) (number int, known bool) {
	for i, c := range s.codecs[:s.used] {
		if c == name {
			return i, true
		}
	}
	if s.used == len(s.codecs) || len(name) > maxCodec {
		return -1, false
	}
	return s.used, false
}

// Contents is what a segment of voice holds.
type Contents struct {
	Packets []Packet // payloads are valid until the next segment is read
	Gap     uint64   // packets that were not written before or among these
}

// parse reads the items of a segment.
func (c *Contents) parse(b []byte) bool {
	c.Packets, c.Gap = c.Packets[:0], 0
	var codecs [codecMax + 1]string
	for len(b) > 0 {
		switch kind := b[0]; {
		case kind == itemCodec:
			if len(b) < codecSize || b[1] > codecMax || len(b) < codecSize+int(b[2]) {
				return false
			}
			end := codecSize + int(b[2])
			codecs[b[1]] = string(b[codecSize:end])
			b = b[end:]
		case kind == itemGap:
			if len(b) < gapSize {
				return false
			}
			c.Gap += uint64(binary.BigEndian.Uint32(b[1:]))
			b = b[gapSize:]
		case kind < 0x80:
			if len(b) < voiceSize {
				return false
			}
			p := Packet{
				Codec:     codecs[kind&codecMax],
				Sequence:  binary.BigEndian.Uint16(b[3:]),
				Timestamp: binary.BigEndian.Uint32(b[5:]),
				At:        time.Duration(binary.BigEndian.Uint32(b[9:])) * tick,
			}
			if kind&sideBit != 0 {
				p.Side = Callee
			}
			end := voiceSize + int(binary.BigEndian.Uint16(b[1:]))
			if len(b) < end || p.Codec == "" {
				return false
			}
			p.Payload = b[voiceSize:end]
			c.Packets = append(c.Packets, p)
			b = b[end:]
		default:
			return false
		}
	}
	return true
}

// End is what the last segment says of the whole.
type End struct {
	Packets [2]uint64     // written, of the caller and of the callee
	Lost    uint64        // not written, because the disk was too slow
	Length  time.Duration // arrival of the last
}

const endSize = 4 * 8

func (e *End) append(b []byte) []byte {
	for _, v := range []uint64{e.Packets[Caller], e.Packets[Callee], e.Lost, uint64(e.Length)} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return b
}

func (e *End) parse(b []byte) bool {
	if len(b) != endSize {
		return false
	}
	v := func(i int) uint64 { return binary.BigEndian.Uint64(b[8*i:]) }
	*e = End{Packets: [2]uint64{v(0), v(1)}, Lost: v(2), Length: time.Duration(v(3))}
	return e.Length >= 0
}
