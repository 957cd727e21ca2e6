package media

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// datagram is one of a fax: a packet, and earlier ones once more.
func datagram(seq uint16, packet []byte, earlier [][]byte) []byte {
	open := func(b, content []byte) []byte {
		if n := len(content); n < 0x80 {
			b = append(b, byte(n))
		} else {
			b = binary.BigEndian.AppendUint16(b, 0x8000|uint16(n))
		}
		return append(b, content...)
	}
	b := open(binary.BigEndian.AppendUint16(nil, seq), packet)
	b = append(b, 0, byte(len(earlier)))
	for _, e := range earlier {
		b = open(b, e)
	}
	return b
}

// isUDPTL is whether it is one.
func isUDPTL(b []byte) bool {
	_, ok := readUDPTL(b)
	return ok
}

// What is repeated are the packets right before, but for what is empty; parity is of several each.
func TestHowFarAFaxGoesBack(t *testing.T) {
	one := []byte("one")
	for name, c := range map[string]struct {
		b    []byte
		want int
	}{
		"none":                     {datagram(7, one, nil), 0},
		"three":                    {datagram(7, one, [][]byte{one, one, one}), 3},
		"an empty one between":     {datagram(7, one, [][]byte{one, nil, one}), 3},
		"filled up with empty":     {datagram(7, one, [][]byte{one, nil, nil}), 1},
		"empty alone":              {datagram(7, one, [][]byte{nil, nil, nil}), 0},
		"parity of three":          {[]byte("\x00\x05\x02ab\x80\x01\x03\x02\x01x\x02yz"), 6},
		"parity, the second empty": {[]byte("\x00\x05\x02ab\x80\x01\x03\x02\x01x\x00"), 3},
	} {
		if got, ok := readUDPTL(c.b); got != c.want || !ok {
			t.Errorf("%s: %d, %t; want %d", name, got, ok, c.want)
		}
	}
}

func TestIsUDPTL(t *testing.T) {
	long := bytes.Repeat([]byte{7}, 300)
	for name, b := range map[string][]byte{
		"a packet":              datagram(1, []byte("T.30"), nil),
		"none in it":            datagram(1, nil, nil),
		"earlier ones":          datagram(0xffff, []byte("T.30"), [][]byte{[]byte("one"), nil, long}),
		"a long one":            datagram(1, long, [][]byte{long, long}),
		"a length of two bytes": {0, 1, 0x80, 2, 'a', 'b', 0, 0},
		"parity":                {0, 1, 1, 'a', 0x80, 1, 3, 2, 1, 'x', 2, 'y', 'z'},
		"parity of nothing":     {0, 1, 1, 'a', 0x80, 1, 0, 0},
	} {
		if !isUDPTL(b) {
			t.Errorf("%s is refused: %x", name, b)
		}
		for n := range b {
			if isUDPTL(b[:n]) {
				t.Errorf("%s is taken though it is cut off after %d bytes", name, n)
			}
		}
		if isUDPTL(append(bytes.Clone(b), 0)) {
			t.Errorf("%s is taken with a byte behind it", name)
		}
	}
	for name, b := range map[string][]byte{
		"nothing":           nil,
		"STUN":              append([]byte{0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 20)...),
		"STUN of 128 bytes": append([]byte{0, 1, 0, 128, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 140)...),
		"STUN of nothing":   append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...),
		"DTLS":              append([]byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 1}, make([]byte, 64)...),
		"ZRTP":              append([]byte("\x10\x00\x00\x01ZRTP"), make([]byte, 64)...),
		"RTP":               append([]byte{0x80, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4}, make([]byte, 160)...),
		"RTCP":              {0x81, 201, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8},
		"text":              []byte("INVITE sip:a@b SIP/2.0"),
		"another kind":      {0, 1, 0, 0x40, 0},
		"parity of a kind":  {0, 1, 0, 0x80, 2, 0, 3, 0},
		"fragments":         append([]byte{0, 1, 0xc1}, make([]byte, 20000)...),
	} {
		if isUDPTL(b) {
			t.Errorf("%s is taken for a fax", name)
		}
	}
}
