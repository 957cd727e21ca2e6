package tone

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestToneIsHeardThroughEitherLaw(t *testing.T) {
	for _, law := range []Law{MuLaw, ALaw} {
		for _, hz := range []float64{400, 440, 620, 1004, 3000} {
			g := NewGenerator(hz, -10)
			var samples []int16
			for frame := range 5 {
				samples = law.AppendSamples(samples[:0], g.AppendFrame(nil, law))
				got, ok := Detect(samples, 400, 440, 620, 1004, 3000)
				if !ok || math.Abs(got.Level+10) > 0.5 || got.Hz != hz && math.Abs(got.Hz-hz) > 50 {
					t.Errorf("law %d, frame %d of %v Hz: %+v, %t", law, frame, hz, got, ok)
				}
			}
		}
	}
}

func TestWhatIsNotTheToneIsNotHeard(t *testing.T) {
	noise := make([]int16, FrameSamples)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = int16(r.IntN(20000) - 10000)
	}
	other := make([]int16, FrameSamples)
	NewGenerator(1000, -10).Samples(other)
	faint := make([]int16, FrameSamples)
	NewGenerator(440, -60).Samples(faint)
	for name, s := range map[string][]int16{"nothing": nil, "silence": make([]int16, FrameSamples), "noise": noise, "another tone": other, "a faint tone": faint} {
		if got, ok := Detect(s, 440); ok {
			t.Errorf("%s: heard %+v", name, got)
		}
	}
}

func TestPhaseGoesOnBetweenFrames(t *testing.T) {
	g := NewGenerator(437, -10) // not a whole number of periods in a frame
	whole := make([]int16, 10*FrameSamples)
	NewGenerator(437, -10).Samples(whole)
	part := make([]int16, FrameSamples)
	for i := range 10 {
		g.Samples(part)
		for j, s := range part {
			if d := int(s) - int(whole[i*FrameSamples+j]); d < -1 || d > 1 {
				t.Fatalf("sample %d is %d, want %d", i*FrameSamples+j, s, whole[i*FrameSamples+j])
			}
		}
	}
}

func TestTotalIsTheLevelOfASingleTone(t *testing.T) {
	s := make([]int16, Rate)
	NewGenerator(440, -20).Samples(s)
	if got := Total(s); math.Abs(got+20) > 0.1 {
		t.Errorf("total %v", got)
	}
	if got := Level(s, 440); math.Abs(got+20) > 0.1 {
		t.Errorf("level %v", got)
	}
}
