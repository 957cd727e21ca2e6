package record

import (
	"mask700/media/g722"
	"mask700/media/tone"
)

// octet is what a side sent for one tick.
type octet struct {
	codec codec // noCodec: nothing
	code  byte
}

// channel turns what one side sent into samples.
type channel struct {
	held    []octet // from the first tick that is not written
	decoder *g722.Decoder
	idle    int             // ticks since the decoder had an octet
	past    [halfTaps]int16 // the last samples of G.711 that are written
	line    []int16         // past, those to be written, and those that follow
	samples []int16
}

// forgotten is after how many ticks without G.722 the next is decoded as a beginning. What was lost for a shorter time
// has its sender's quantizer not far from where it was; after a longer one, one that is wide open would make a crack of
// what begins softly.
const forgotten = tone.Rate / 2

func newChannel() channel { return channel{decoder: g722.NewDecoder()} }

// narrow takes ticks off and gives a sample for each.
func (c *channel) narrow(ticks int) []int16 {
	c.samples = c.samples[:0]
	for i := range ticks {
		c.samples = append(c.samples, c.law(i))
	}
	c.drop(ticks)
	return c.samples
}

// wide takes ticks off and gives two samples for each: those of G.722, or that of G.711 and one between it and the next.
func (c *channel) wide(ticks int) []int16 {
	c.line = append(c.line[:0], c.past[:]...)
	for i := range ticks + halfTaps {
		c.line = append(c.line, c.law(i))
	}
	c.samples = c.samples[:0]
	for i := range ticks {
		if i < len(c.held) && c.held[i].codec == wideband {
			s := c.decode(c.held[i].code)
			c.samples = append(c.samples, s[0], s[1])
			continue
		}
		c.idle++
		c.samples = append(c.samples, c.line[halfTaps+i], between(c.line[i+1:]))
	}
	copy(c.past[:], c.line[ticks:])
	c.drop(ticks)
	return c.samples
}

func (c *channel) decode(code byte) [g722.SamplesPerOctet]int16 {
	if c.idle >= forgotten {
		c.decoder.Reset()
	}
	c.idle = 0
	return c.decoder.Decode(code)
}

// law is the sample of G.711 of a tick, zero when there is none.
func (c *channel) law(i int) int16 {
	if i >= len(c.held) {
		return 0
	}
	switch o := c.held[i]; o.codec {
	case aLaw:
		return tone.ALaw.Decode(o.code)
	case muLaw:
		return tone.MuLaw.Decode(o.code)
	}
	return 0
}

func (c *channel) drop(ticks int) {
	c.held = c.held[:copy(c.held, c.held[min(ticks, len(c.held)):])]
}

// halfTaps is how many samples on either side make one between two.
const halfTaps = 10

// halfBand holds the weights of those samples by their distance, as fractions of 15 bits: an ideal half-band filter
// under a Kaiser window. Up to 3400 Hz it is flat to 0.04 dB; the image, from 4600 Hz up, is 48 dB down.
var halfBand = [halfTaps]int64{20793, -6660, 3686, -2326, 1525, -998, 634, -382, 210, -98}

// between is the sample in the middle of the first twenty.
func between(x []int16) int16 {
	var sum int64
	for k, weight := range halfBand {
		sum += (int64(x[halfTaps-1-k]) + int64(x[halfTaps+k])) * weight
	}
	return int16(min(max((sum+1<<14)>>15, -1<<15), 1<<15-1))
}
