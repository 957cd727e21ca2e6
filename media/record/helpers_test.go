package record

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"mask700/media/tone"
)

var start = time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)

// made is a recording with its key.
type made struct {
	bytes  []byte
	ends   []int // where each segment ends; the first is the header
	key    []byte
	header Header
}

// make makes a recording of segments, whole or not.
func makeRecording(t testing.TB, c Cipher, segments [][]Packet, end *End) made {
	t.Helper()
	m := made{key: make([]byte, KeySize)}
	rand.Read(m.key)
	m.header = Header{Cipher: c, Key: 20516, Start: start, ID: "abcDEF-12_x.2", Wrapped: []byte("wrapped")}
	s, raw, err := NewSealer(m.header, m.key)
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) != HeaderSize(m.header.ID, len(m.header.Wrapped)) {
		t.Errorf("a header of %d bytes", len(raw))
	}
	m.bytes = raw
	m.ends = append(m.ends, len(raw))
	b := NewBuffer(0)
	for _, packets := range segments {
		b.Reset()
		for i := range packets {
			if !b.Add(&packets[i]) {
				t.Fatal("a packet does not fit")
			}
		}
		m.bytes = s.Voice(m.bytes, b)
		m.ends = append(m.ends, len(m.bytes))
	}
	if end != nil {
		m.bytes = s.End(m.bytes, *end)
		m.ends = append(m.ends, len(m.bytes))
	}
	return m
}

func (m *made) unwrap(h Header) ([]byte, error) {
	if !bytes.Equal(h.Wrapped, m.header.Wrapped) {
		return nil, errors.New("not the wrapped key")
	}
	return m.key, nil
}

// read reads all that can be read, and how it ended.
func (m *made) read(b []byte) ([]Packet, *End, error) {
	r, err := NewReader(bytes.NewReader(b), m.unwrap)
	if err != nil {
		return nil, nil, err
	}
	var all []Packet
	var c Contents
	for {
		if err := r.Next(&c); err != nil {
			return all, r.End(), err
		}
		for _, p := range c.Packets {
			p.Payload = bytes.Clone(p.Payload)
			all = append(all, p)
		}
	}
}

// talk is a conversation: so many packets of 20 ms of a tone of either side.
func talk(n int) []Packet {
	left, right := tone.NewGenerator(440, -10), tone.NewGenerator(1000, -10)
	var out []Packet
	samples := make([]int16, tone.FrameSamples)
	for i := range n {
		at := time.Duration(i) * 20 * time.Millisecond
		left.Samples(samples)
		out = append(out, Packet{Side: Caller, Codec: "PCMA", Sequence: uint16(65530 + i), Timestamp: uint32(1<<32 - 320 + 160*i), At: at,
			Payload: tone.ALaw.Append(nil, samples)})
		right.Samples(samples)
		out = append(out, Packet{Side: Callee, Codec: "PCMU", Sequence: uint16(7 + i), Timestamp: uint32(5000 + 160*i), At: at + 3*time.Millisecond,
			Payload: tone.MuLaw.Append(nil, samples)})
	}
	return out
}

// small is a recording whose every byte can be tried.
func small(t testing.TB, c Cipher) (made, []Packet) {
	t.Helper()
	packets := talk(2)
	for i := range packets {
		packets[i].Payload = packets[i].Payload[:8]
	}
	return makeRecording(t, c, [][]Packet{packets[:2], packets[2:]}, &End{Packets: [2]uint64{2, 2}, Length: 23 * time.Millisecond}), packets
}

func equal(a, b []Packet) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := a[i], b[i]
		if x.Side != y.Side || x.Codec != y.Codec || x.Sequence != y.Sequence || x.Timestamp != y.Timestamp || x.At != y.At || !bytes.Equal(x.Payload, y.Payload) {
			return false
		}
	}
	return true
}

var ciphers = []Cipher{AES256GCM, SM4GCM}
