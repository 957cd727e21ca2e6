package tone

import "math"

// Generator makes a steady tone. The phase goes on from one frame to the next.
type Generator struct {
	step, phase float64 // radians
	amplitude   float64
}

// NewGenerator makes a tone of a frequency in Hz, at most Rate/2, and a level in
// dB below the loudest sine wave that 16 bits hold: 0 is full scale, -10 usual.
func NewGenerator(hz, level float64) *Generator {
	return &Generator{step: 2 * math.Pi * hz / Rate, amplitude: math.MaxInt16 * math.Pow(10, level/20)}
}

// Samples fills dst with the next samples.
func (g *Generator) Samples(dst []int16) {
	for i := range dst {
		dst[i] = int16(math.Round(g.amplitude * math.Sin(g.phase)))
		g.phase = math.Mod(g.phase+g.step, 2*math.Pi)
	}
}

// AppendFrame appends the next 20 ms in G.711 to dst.
func (g *Generator) AppendFrame(dst []byte, law Law) []byte {
	var s [FrameSamples]int16
	g.Samples(s[:])
	return law.Append(dst, s[:])
}

// Level measures one frequency in dB below full scale by Goertzel's algorithm,
// which is one bin of a Fourier transform. Silence is negative infinity. Over n
// samples, tones closer than Rate/n Hz are not told apart.
func Level(samples []int16, hz float64) float64 {
	if len(samples) == 0 {
		return math.Inf(-1)
	}
	k := 2 * math.Cos(2*math.Pi*hz/Rate)
	var s1, s2 float64
	for _, x := range samples {
		s1, s2 = float64(x)+k*s1-s2, s1
	}
	power := s1*s1 + s2*s2 - k*s1*s2 // (amplitude × n / 2)²
	amplitude := 2 * math.Sqrt(max(power, 0)) / float64(len(samples))
	return 20 * math.Log10(amplitude/math.MaxInt16)
}

// Total measures everything that is there, as the level of the sine wave that
// has the same power.
func Total(samples []int16) float64 {
	if len(samples) == 0 {
		return math.Inf(-1)
	}
	var sum float64
	for _, x := range samples {
		sum += float64(x) * float64(x)
	}
	rms := math.Sqrt(sum / float64(len(samples)))
	return 20 * math.Log10(rms*math.Sqrt2/math.MaxInt16)
}

// Tone is what Detect found.
type Tone struct {
	Hz    float64
	Level float64 // dB below full scale
}

// Purity is how far in dB a tone may be below everything that is heard, and still
// be what is heard.
const Purity = 3

// Floor is the level under which nothing counts as heard.
const Floor = -45

// Detect finds which of the given frequencies is heard: the strongest, when it
// is above Floor and most of what there is. It needs about 20 ms to tell tones
// 50 Hz apart.
func Detect(samples []int16, frequencies ...float64) (Tone, bool) {
	best := Tone{Level: math.Inf(-1)}
	for _, hz := range frequencies {
		if l := Level(samples, hz); l > best.Level {
			best = Tone{Hz: hz, Level: l}
		}
	}
	return best, best.Level > Floor && best.Level > Total(samples)-Purity
}
