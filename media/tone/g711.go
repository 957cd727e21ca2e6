// Package tone makes and finds tones in G.711 audio at 8000 samples a second: a
// caller that sends 440 Hz and hears 620 Hz knows that both directions work and
// that they were not swapped. It is for demonstrations and tests.
package tone

import "math/bits"

// Rate is the sampling rate in Hz.
const Rate = 8000

// FrameSamples is the number of samples, and of G.711 bytes, in 20 ms.
const FrameSamples = Rate / 50

// Law is one of the two companding laws of ITU-T G.711.
type Law uint8

// The laws. Their values are the static RTP payload types of RFC 3551.
const (
	MuLaw Law = 0
	ALaw  Law = 8
)

// Encode compresses one sample of linear 16 bit audio.
func (l Law) Encode(sample int16) byte {
	if l == ALaw {
		return encodeA(sample)
	}
	return encodeMu(sample)
}

// Decode expands one byte to linear 16 bit audio.
func (l Law) Decode(b byte) int16 {
	if l == ALaw {
		return decodeA(b)
	}
	return decodeMu(b)
}

// Append encodes samples and appends the bytes to dst.
func (l Law) Append(dst []byte, samples []int16) []byte {
	for _, s := range samples {
		dst = append(dst, l.Encode(s))
	}
	return dst
}

// AppendSamples decodes payload and appends the samples to dst.
func (l Law) AppendSamples(dst []int16, payload []byte) []int16 {
	for _, b := range payload {
		dst = append(dst, l.Decode(b))
	}
	return dst
}

// A byte of either law is
//
//	 7 6 5 4 3 2 1 0
//	+-+-+-+-+-+-+-+-+
//	|S| segm. | step|   segment: 3 bits, step: 4 bits
//	+-+-+-+-+-+-+-+-+
//
// stored inverted as a whole (mu) or in its even bits (A).
const (
	muBias = 0x84   // added before taking the segment, in 16 bit samples
	muClip = 0x7f7b // the largest magnitude that does not overflow with the bias
)

func encodeMu(sample int16) byte {
	var sign byte
	m := int(sample)
	if m < 0 {
		sign, m = 0x80, -m
	}
	m = min(m, muClip) + muBias
	segment := bits.Len(uint(m)) - 8
	return ^(sign | byte(segment<<4) | byte(m>>(segment+3)&0xf))
}

func decodeMu(b byte) int16 {
	b = ^b
	m := (int(b&0xf)<<3+muBias)<<(b>>4&7) - muBias
	if b&0x80 != 0 {
		m = -m
	}
	return int16(m)
}

func encodeA(sample int16) byte {
	sign := byte(0x80) // set for positive samples
	m := int(sample)
	if m < 0 {
		sign, m = 0, ^m
	}
	m >>= 4 // the law has 11 bits of magnitude
	segment := max(bits.Len(uint(m))-4, 0)
	m >>= max(segment-1, 0) // the two lowest segments have the same step
	return (sign | byte(segment<<4) | byte(m&0xf)) ^ 0x55
}

func decodeA(b byte) int16 {
	b ^= 0x55
	m := int(b&0xf)<<4 + 8
	if segment := int(b >> 4 & 7); segment > 0 {
		m = (m + 0x100) << (segment - 1)
	}
	if b&0x80 == 0 {
		m = -m
	}
	return int16(m)
}
