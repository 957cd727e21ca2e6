package record

import (
	"encoding/binary"
	"io"

	"mask700/media/tone"
)

// window is how many ticks are held back for packets that come late.
const window = 2 * tone.Rate

// mixer holds what both sides sent and is not written yet. It is decoded when it is written, for G.722 has to be decoded
// in the order in which it was sent, and not in that in which it came.
type mixer struct {
	w      io.Writer
	layout layout
	from   int64 // the first tick that is held
	sides  [2]channel
	out    []byte
}

func newMixer(w io.Writer, l layout) *mixer {
	return &mixer{w: w, layout: l, sides: [2]channel{newChannel(), newChannel()}}
}

func (m *mixer) put(s Side, at int64, c codec, payload []byte) error {
	if ahead := min(at+int64(len(payload))-window, m.layout.ticks); ahead > m.from+window {
		if err := m.flush(ahead); err != nil {
			return err
		}
	}
	held := &m.sides[s].held
	for i, code := range payload {
		n := at + int64(i) - m.from
		if n < 0 || n >= m.layout.ticks-m.from {
			continue // too late
		}
		for int64(len(*held)) <= n {
			*held = append(*held, octet{})
		}
		(*held)[n] = octet{c, code}
	}
	return nil
}

// flush writes the ticks before one, silence where there is nothing.
func (m *mixer) flush(upTo int64) error {
	for m.from < upTo {
		n := int(min(upTo-m.from, window))
		var samples [2][]int16
		for s := range m.sides {
			if m.layout.wide {
				samples[s] = m.sides[s].wide(n)
			} else {
				samples[s] = m.sides[s].narrow(n)
			}
		}
		m.out = m.out[:0]
		for i, left := range samples[Caller] {
			m.out = binary.LittleEndian.AppendUint16(m.out, uint16(left))
			m.out = binary.LittleEndian.AppendUint16(m.out, uint16(samples[Callee][i]))
		}
		if _, err := m.w.Write(m.out); err != nil {
			return err
		}
		m.from += int64(n)
	}
	return nil
}
