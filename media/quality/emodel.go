// Package quality rates what a party heard: the E-model of ITU-T G.107 over the
// loss, jitter and delay of a leg, and a short series of it, second by second. It
// is pure: times and counts are handed in.
package quality

import (
	"math"
	"time"
)

// Path is what the E-model must know of one direction: what was lost on its way
// to the ear, and how late it came.
type Path struct {
	Codec  string        // as package sdp names it
	Loss   float64       // share of the packets lost, 0 to 1
	Jitter time.Duration // interarrival, RFC 3550 appendix A.8
	Delay  time.Duration // one way through the network; half of a round trip where that is all that is known
}

// Figures of ITU-T G.107 with all its defaults: R0 − Is of a digital connection,
// and the impairment at which loss alone would leave nothing.
const (
	basic   = 93.2
	ceiling = 95
)

// What a terminal adds to the delay of the network: a packet must be filled and
// coded before it leaves, and a jitter buffer holds about twice the jitter.
const (
	framing       = 25 * time.Millisecond
	bufferJitters = 2
)

// codec is the equipment impairment (Ie) and the packet-loss robustness (Bpl)
// that ITU-T G.113 appendix I gives for a codec with its loss concealment.
type codec struct{ ie, bpl float64 }

var codecs = map[string]codec{
	"PCMU":    {0, 25.1},
	"PCMA":    {0, 25.1},
	"G729":    {11, 19},
	"G723":    {15, 16.1},
	"GSM":     {20, 10},
	"GSM-EFR": {5, 10},
	"AMR":     {5, 10},
	"iLBC":    {11, 32},
	"G726-16": {50, 10},
	"G726-24": {25, 10},
	"G726-32": {7, 10},
	"G726-40": {2, 10},
	"G728":    {7, 17},
	"EVRC":    {6, 10},
	"QCELP":   {21, 10},
}

// unlisted stands for a codec without published figures. Wideband ones are rated
// like G.711: the scale of G.107 is that of the telephone band and knows nothing
// better.
var unlisted = codec{0, 10}

// R is the transmission rating factor of ITU-T G.107, 0 to 93.2.
func R(p Path) float64 {
	c, ok := codecs[p.Codec]
	if !ok {
		c = unlisted
	}
	loss := 100 * min(max(p.Loss, 0), 1)
	equipment := c.ie + (ceiling-c.ie)*loss/(loss+c.bpl)
	late := max(p.Delay, 0) + framing + bufferJitters*max(p.Jitter, 0)
	return min(max(basic-impairment(late)-equipment, 0), basic)
}

// impairment is Idd of G.107 section 7.4: none up to 100 ms.
func impairment(late time.Duration) float64 {
	ms := float64(late) / float64(time.Millisecond)
	if ms <= 100 {
		return 0
	}
	x := math.Log2(ms / 100)
	return 25 * (math.Pow(1+math.Pow(x, 6), 1./6) - 3*math.Pow(1+math.Pow(x/3, 6), 1./6) + 2)
}

// MOS is the mean opinion score that listeners would give, 1 to 4.5 (G.107 annex
// B).
func MOS(p Path) float64 {
	r := R(p)
	return max(1+.035*r+r*(r-60)*(100-r)*7e-6, 1)
}
