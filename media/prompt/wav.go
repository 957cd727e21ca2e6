package prompt

import (
	"encoding/binary"
	"errors"

	"mask700/media/tone"
)

// Formats of a WAV file.
const (
	wavPCM        = 1
	wavALaw       = 6
	wavMuLaw      = 7
	wavExtensible = 0xfffe // the format proper is in an extension
)

var (
	errWAV     = errors.New("not a WAV file")
	errFormat  = errors.New("write 16 bit PCM, A-law or mu-law")
	errChannel = errors.New("write one channel")
	errRate    = errors.New("write 8000 samples a second")
	errNoData  = errors.New("a WAV file without a data chunk")
)

// parseWAV reads a WAV file: chunks of a name, a size and that many bytes.
//
//	"RIFF" size "WAVE"
//	"fmt " size  format:16 channels:16 rate:32 bytes/s:32 block:16 bits:16 [extension]
//	"data" size  samples
func parseWAV(b []byte) (audio, error) {
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return audio{}, errWAV
	}
	format := 0
	for b = b[12:]; len(b) >= 8; {
		name, size := string(b[:4]), int64(binary.LittleEndian.Uint32(b[4:]))
		b = b[8:]
		// What was written into a pipe has a size that nobody went back to put right.
		chunk := b[:min(size, int64(len(b)))]
		switch name {
		case "fmt ":
			var err error
			if format, err = parseFormat(chunk); err != nil {
				return audio{}, err
			}
		case "data":
			if format == 0 {
				return audio{}, errWAV
			}
			return decode(format, chunk), nil
		}
		b = b[min(size+size&1, int64(len(b))):] // chunks are padded to an even size
	}
	return audio{}, errNoData
}

func parseFormat(b []byte) (int, error) {
	if len(b) < 16 {
		return 0, errWAV
	}
	format := int(binary.LittleEndian.Uint16(b))
	if format == wavExtensible && len(b) >= 26 {
		format = int(binary.LittleEndian.Uint16(b[24:]))
	}
	bits := binary.LittleEndian.Uint16(b[14:])
	switch {
	case format == wavPCM && bits == 16, format == wavALaw && bits == 8, format == wavMuLaw && bits == 8:
	default:
		return 0, errFormat
	}
	switch {
	case binary.LittleEndian.Uint16(b[2:]) != 1:
		return 0, errChannel
	case binary.LittleEndian.Uint32(b[4:]) != tone.Rate:
		return 0, errRate
	}
	return format, nil
}

// decode makes both laws of the samples.
func decode(format int, b []byte) audio {
	var a audio
	switch format {
	case wavALaw:
		a[pcma], a[pcmu] = b, recode(b, &toMu)
	case wavMuLaw:
		a[pcma], a[pcmu] = recode(b, &toA), b
	default:
		a[pcma], a[pcmu] = make([]byte, len(b)/2), make([]byte, len(b)/2)
		for i := range a[pcma] {
			s := int16(binary.LittleEndian.Uint16(b[2*i:]))
			a[pcma][i], a[pcmu][i] = tone.ALaw.Encode(s), tone.MuLaw.Encode(s)
		}
	}
	return a
}
