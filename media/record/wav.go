package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"mask700/media/tone"
)

// Open begins to read a recording from its start. A sound file takes two readings: its length stands in front.
type Open func() (*Reader, error)

// Result is what became of a recording that was made a sound file.
type Result struct {
	Length  time.Duration
	Packets [2]uint64
	Lost    uint64 // packets that were not written because the disk was too slow
	Whole   bool   // to the end; else it was cut off
	Damaged bool   // and what follows is not as it was written
}

const (
	wavHeader  = 44
	bytesPer   = 4 // a sample of either channel
	maxSamples = (1<<32 - 1 - wavHeader) / bytesPer
)

// WriteWAV writes a recording as a sound file of two channels of 16 bit PCM at 8000 samples a second: the caller
// left, the callee right. Packets stand where their timestamps say, and by their arrival where those begin anew;
// what did not come, or came too late, is silence. What is cut off or damaged is written up to there, which is no
// error. Errors: ErrCodec, ErrTooLong, and those of open and of the writer.
func WriteWAV(w io.Writer, open Open) (Result, error) {
	return MeasureWAV(open, func(Result, int64) (io.Writer, error) { return w, nil })
}

// MeasureWAV is WriteWAV to a writer that is only asked for, with the result and the size in bytes, when it is
// certain that the recording can be written.
func MeasureWAV(open Open, begin func(Result, int64) (io.Writer, error)) (Result, error) {
	res, samples, err := measure(open)
	if err != nil {
		return res, err
	}
	w, err := begin(res, wavHeader+samples*bytesPer)
	if err != nil {
		return res, err
	}
	if _, err := w.Write(appendWAVHeader(nil, uint32(samples*bytesPer))); err != nil {
		return res, err
	}
	r, err := open()
	if err != nil {
		return res, err
	}
	return res, render(w, r, samples)
}

// each calls f for the packets that are audio, and says how the recording ended.
func each(r *Reader, f func(*Packet) error) (gap uint64, end error, err error) {
	var c Contents
	for {
		if end = r.Next(&c); end != nil {
			break
		}
		gap += c.Gap
		for i := range c.Packets {
			if err := f(&c.Packets[i]); err != nil {
				return gap, nil, err
			}
		}
	}
	switch {
	case errors.Is(end, io.EOF), errors.Is(end, ErrCut), errors.Is(end, ErrDamaged):
		return gap, end, nil
	}
	return gap, nil, end
}

// measure says how long the sound file will be.
func measure(open Open) (res Result, samples int64, err error) {
	r, err := open()
	if err != nil {
		return res, 0, err
	}
	var clocks [2]clock
	gap, end, err := each(r, func(p *Packet) error {
		if !silent(p.Codec) && !decodable(p.Codec) {
			return fmt.Errorf("%w: %q", ErrCodec, p.Codec)
		}
		res.Packets[p.Side]++
		if at := clocks[p.Side].place(p); decodable(p.Codec) {
			samples = max(samples, at+int64(len(p.Payload)))
		}
		return nil
	})
	switch {
	case err != nil:
		return res, 0, err
	case samples > maxSamples:
		return res, 0, ErrTooLong
	}
	res.Lost, res.Whole, res.Damaged = gap, errors.Is(end, io.EOF), errors.Is(end, ErrDamaged)
	if e := r.End(); e != nil {
		res.Lost = e.Lost
	}
	res.Length = time.Duration(samples) * time.Second / tone.Rate
	return res, samples, nil
}

// silent reports whether packets of a codec are no speech: comfort noise is silence here.
func silent(codec string) bool { return codec == "CN" || codec == "telephone-event" }

func decodable(codec string) bool { return codec == "PCMA" || codec == "PCMU" }

// astray is how far a timestamp may lead from the arrival, in samples, before it is taken to have begun anew. Jitter
// and the drift of a clock over an hour stay below it.
const astray = tone.Rate / 2

// clock says where the packets of one side stand, in samples since the recording began.
type clock struct {
	begun     bool
	timestamp uint32
	at        int64
}

func (c *clock) place(p *Packet) int64 {
	arrived := int64(p.At) * tone.Rate / int64(time.Second)
	at := c.at + int64(int32(p.Timestamp-c.timestamp))
	if off := at - arrived; !c.begun || off > astray || off < -astray {
		at = arrived
	}
	c.begun, c.timestamp, c.at = true, p.Timestamp, at
	return max(at, 0)
}

// window is how many samples are held back for packets that come late.
const window = 2 * tone.Rate

// render writes the samples. Two seconds of them are in memory.
func render(w io.Writer, r *Reader, samples int64) error {
	m := mixer{w: w, limit: samples, frames: make([]int16, 0, 4*window*2)}
	var clocks [2]clock
	_, _, err := each(r, func(p *Packet) error {
		at := clocks[p.Side].place(p)
		law := tone.ALaw
		switch p.Codec {
		case "PCMA":
		case "PCMU":
			law = tone.MuLaw
		default:
			return nil
		}
		return m.put(p.Side, at, law, p.Payload)
	})
	if err != nil {
		return err
	}
	return m.flush(samples)
}

// mixer holds the samples of both channels that are not written yet.
type mixer struct {
	w      io.Writer
	from   int64 // the first sample that is held
	limit  int64
	frames []int16 // left and right in turn
	out    []byte
}

func (m *mixer) put(s Side, at int64, law tone.Law, payload []byte) error {
	if ahead := min(at+int64(len(payload))-window, m.limit); ahead > m.from+window {
		if err := m.flush(ahead); err != nil {
			return err
		}
	}
	for i, b := range payload {
		n := at + int64(i) - m.from
		if n < 0 || n >= m.limit-m.from {
			continue // too late
		}
		for int64(len(m.frames)) <= 2*n+1 {
			m.frames = append(m.frames, 0)
		}
		m.frames[2*n+int64(s)] = law.Decode(b)
	}
	return nil
}

// flush writes the samples before one, silence where there are none.
func (m *mixer) flush(upTo int64) error {
	for m.from < upTo {
		n := min(upTo-m.from, window)
		m.out = m.out[:0]
		for i := range 2 * n {
			var v int16
			if i < int64(len(m.frames)) {
				v = m.frames[i]
			}
			m.out = binary.LittleEndian.AppendUint16(m.out, uint16(v))
		}
		if _, err := m.w.Write(m.out); err != nil {
			return err
		}
		m.frames = m.frames[:copy(m.frames, m.frames[min(2*n, int64(len(m.frames))):])]
		m.from += n
	}
	return nil
}

// appendWAVHeader writes a RIFF header for so many bytes of samples: 16 bit PCM, two channels. Little-endian.
func appendWAVHeader(b []byte, size uint32) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(append(b, "RIFF"...), wavHeader-8+size)
	b = le.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = le.AppendUint16(le.AppendUint16(b, 1), 2)
	b = le.AppendUint32(le.AppendUint32(b, tone.Rate), bytesPer*tone.Rate)
	b = le.AppendUint16(le.AppendUint16(b, bytesPer), 16)
	return le.AppendUint32(append(b, "data"...), size)
}
