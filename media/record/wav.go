package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"mask700/media/g722"
	"mask700/media/tone"
)

// Open begins to read a recording from its start. A sound file takes two readings: its length stands in front.
type Open func() (*Reader, error)

// Format is what a recording may be exported as.
type Format uint8

// The formats.
const (
	WAV  Format = iota // a sound file: G.711 and G.722
	PCAP               // a packet capture, whatever the codecs
)

// String is "wav" or "pcap".
func (f Format) String() string {
	if f == PCAP {
		return "pcap"
	}
	return "wav"
}

// ParseFormat reads "wav" or "pcap"; nothing is the first.
func ParseFormat(s string) (Format, error) {
	switch s {
	case "", "wav":
		return WAV, nil
	case "pcap":
		return PCAP, nil
	}
	return WAV, ErrExport
}

// Measure makes a recording a file of a format: MeasureWAV or MeasurePCAP.
func (f Format) Measure(open Open, begin func(Result, int64) (io.Writer, error)) (Result, error) {
	if f == PCAP {
		return MeasurePCAP(open, begin)
	}
	return MeasureWAV(open, begin)
}

// Result is what became of a recording that was exported.
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

// WriteWAV writes a recording as a sound file of two channels of 16 bit PCM: the caller left, the callee right. It has
// 8000 samples a second, or 16000 when there is G.722 in either, and G.711 is doubled to that. Packets stand where their timestamps say, and by their arrival where those begin anew;
// what did not come, or came too late, is silence. What is cut off or damaged is written up to there, which is no
// error. Errors: ErrCodec, ErrTooLong, and those of open and of the writer.
func WriteWAV(w io.Writer, open Open) (Result, error) {
	return MeasureWAV(open, func(Result, int64) (io.Writer, error) { return w, nil })
}

// MeasureWAV is WriteWAV to a writer that is only asked for, with the result and the size in bytes, when it is
// certain that the recording can be written.
func MeasureWAV(open Open, begin func(Result, int64) (io.Writer, error)) (Result, error) {
	res, l, err := measure(open)
	if err != nil {
		return res, err
	}
	size := l.samples() * bytesPer
	w, err := begin(res, wavHeader+size)
	if err != nil {
		return res, err
	}
	if _, err := w.Write(appendWAVHeader(nil, uint32(tone.Rate*l.perTick()), uint32(size))); err != nil {
		return res, err
	}
	r, err := open()
	if err != nil {
		return res, err
	}
	return res, render(w, r, l)
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

// layout is how large the sound file will be. All codecs here have an octet for each tick of a clock of 8000 a second.
type layout struct {
	ticks int64
	wide  bool // two samples a tick
}

func (l layout) perTick() int64 {
	if l.wide {
		return g722.SamplesPerOctet
	}
	return 1
}

func (l layout) samples() int64 { return l.ticks * l.perTick() }

func measure(open Open) (res Result, l layout, err error) {
	r, err := open()
	if err != nil {
		return res, l, err
	}
	var clocks [2]clock
	gap, end, err := each(r, func(p *Packet) error {
		c := codecOf(p.Codec)
		if c == noCodec && !silent(p.Codec) {
			name, _, _ := strings.Cut(p.Codec, "/")
			return fmt.Errorf("%w: %q; export it as a packet capture, -o FILE.pcap", ErrCodec, name)
		}
		res.Packets[p.Side]++
		if at := clocks[p.Side].place(p); c != noCodec {
			l.ticks = max(l.ticks, at+int64(len(p.Payload)))
			l.wide = l.wide || c == wideband
		}
		return nil
	})
	switch {
	case err != nil:
		return res, l, err
	case l.samples() > maxSamples:
		return res, l, ErrTooLong
	}
	res.ended(r, gap, end)
	res.Length = time.Duration(l.ticks) * time.Second / tone.Rate
	return res, l, nil
}

// ended notes how the reading of a recording ended.
func (res *Result) ended(r *Reader, gap uint64, end error) {
	res.Lost, res.Whole, res.Damaged = gap, errors.Is(end, io.EOF), errors.Is(end, ErrDamaged)
	if e := r.End(); e != nil {
		res.Lost = e.Lost
	}
}

// silent reports whether packets of a codec are no speech: comfort noise is silence here.
func silent(codec string) bool { return codec == "CN" || codec == "telephone-event" }

// codec is one that can be decoded here.
type codec uint8

const (
	noCodec codec = iota
	aLaw
	muLaw
	wideband // G.722
)

func codecOf(name string) codec {
	switch name {
	case "PCMA":
		return aLaw
	case "PCMU":
		return muLaw
	case "G722":
		return wideband
	}
	return noCodec
}

// astray is how far a timestamp may lead from the arrival, in ticks, before it is taken to have begun anew. Jitter
// and the drift of a clock over an hour stay below it.
const astray = tone.Rate / 2

// clock says where the packets of one side stand, in ticks since the recording began.
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

// render writes the samples. Two seconds of what was sent are in memory.
func render(w io.Writer, r *Reader, l layout) error {
	m := newMixer(w, l)
	var clocks [2]clock
	_, _, err := each(r, func(p *Packet) error {
		at := clocks[p.Side].place(p)
		if c := codecOf(p.Codec); c != noCodec {
			return m.put(p.Side, at, c, p.Payload)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return m.flush(l.ticks)
}

// appendWAVHeader writes a RIFF header for so many samples a second and bytes of them: 16 bit PCM, two channels.
// Little-endian.
func appendWAVHeader(b []byte, rate, size uint32) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(append(b, "RIFF"...), wavHeader-8+size)
	b = le.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = le.AppendUint16(le.AppendUint16(b, 1), 2)
	b = le.AppendUint32(le.AppendUint32(b, rate), bytesPer*rate)
	b = le.AppendUint16(le.AppendUint16(b, bytesPer), 16)
	return le.AppendUint32(append(b, "data"...), size)
}
