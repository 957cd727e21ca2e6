package tonecheck

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"time"

	"mask700/media/tone"
)

// ErrNotWAV: the file is no RIFF file with 16 bit PCM audio of one channel at tone.Rate.
var ErrNotWAV = errors.New("no WAV file of one channel of 16 bit PCM at 8000 samples a second")

// A WAV file is
//
//	"RIFF" size u32 "WAVE"  then chunks: name, size u32, and the bytes, padded to an even number
//	"fmt " 16: format u16 (1: PCM), channels u16, rate u32, bytes a second u32, bytes a sample u16, bits u16
//	"data" the samples
//
// little-endian throughout.
const (
	riffSize   = 12
	chunkSize  = 8
	formatSize = 16
	pcm        = 1

	usualHeader = riffSize + chunkSize + formatSize + chunkSize
)

// WriteWAV writes a file that says a steady tone of a frequency in Hz.
func WriteWAV(file string, hz float64, long time.Duration) error {
	samples := make([]int16, int(long.Seconds()*tone.Rate))
	tone.NewGenerator(hz, -10).Samples(samples)
	le := binary.LittleEndian
	size := uint32(2 * len(samples))
	b := le.AppendUint32([]byte("RIFF"), riffSize-8+chunkSize+formatSize+chunkSize+size)
	b = le.AppendUint32(append(b, "WAVEfmt "...), formatSize)
	b = le.AppendUint16(le.AppendUint16(b, pcm), 1)
	b = le.AppendUint32(le.AppendUint32(b, tone.Rate), 2*tone.Rate)
	b = le.AppendUint16(le.AppendUint16(b, 2), 16)
	b = le.AppendUint32(append(b, "data"...), size)
	for _, s := range samples {
		b = le.AppendUint16(b, uint16(s))
	}
	return os.WriteFile(file, b, 0o600)
}

// ReadWAV reads the samples of a file to its end, whatever its header says of their number: that is written last, in
// some programs with the whole header, and is not right again while a record that was interrupted goes on.
func ReadWAV(file string) ([]int16, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parse(b)
}

func parse(b []byte) ([]int16, error) {
	le := binary.LittleEndian
	if rest, blank := bytes.CutPrefix(b, make([]byte, min(usualHeader, len(b)))); blank {
		return samples(rest), nil
	}
	if len(b) < riffSize || string(b[:4]) != "RIFF" || string(b[8:riffSize]) != "WAVE" {
		return nil, ErrNotWAV
	}
	right := false
	for b = b[riffSize:]; len(b) >= chunkSize; {
		name, size := string(b[:4]), int(le.Uint32(b[4:]))
		b = b[chunkSize:]
		switch {
		case name == "data" && right:
			return samples(b), nil
		case name == "fmt " && len(b) >= formatSize:
			right = le.Uint16(b) == pcm && le.Uint16(b[2:]) == 1 && le.Uint32(b[4:]) == tone.Rate && le.Uint16(b[14:]) == 16
		}
		b = b[min(size+size&1, len(b)):]
	}
	return nil, ErrNotWAV
}

// samples are those in bytes; half a one is left out.
func samples(b []byte) []int16 {
	s := make([]int16, len(b)/2)
	for i := range s {
		s[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return s
}
