package tonecheck

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mask700/media/tone"
)

func sound(hz, level float64, spans int) []int16 {
	s := make([]int16, spans*Span)
	tone.NewGenerator(hz, level).Samples(s)
	return s
}

func mixed(a, b []int16) []int16 {
	s := make([]int16, len(a))
	for i := range s {
		s[i] = a[i] + b[i]
	}
	return s
}

func TestListen(t *testing.T) {
	const theirs, own = 600, 1000
	noise := make([]int16, 3*Span)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = int16(random.IntN(20000) - 10000)
	}
	for name, c := range map[string]struct {
		samples []int16
		want    Hearing
	}{
		"nothing":              {nil, Hearing{}},
		"less than a span":     {sound(theirs, -10, 1)[:Span-1], Hearing{}},
		"the other's":          {sound(theirs, -10, 3), Hearing{Theirs: 3}},
		"a third tone":         {sound(1400, -10, 3), Hearing{Noise: 3}},
		"its own":              {sound(own, -10, 3), Hearing{Own: 3}},
		"an echo of its own":   {mixed(sound(theirs, -10, 3), sound(own, -25, 3)), Hearing{Own: 3}},
		"both":                 {mixed(sound(theirs, -10, 3), sound(own, -10, 3)), Hearing{Own: 3}},
		"silence":              {make([]int16, 3*Span), Hearing{Quiet: 3}},
		"noise":                {noise, Hearing{Noise: 3}},
		"one after the other":  {append(sound(theirs, -10, 2), sound(own, -10, 1)...), Hearing{Theirs: 2, Own: 1}},
		"the other's, quietly": {sound(theirs, -30, 3), Hearing{Theirs: 3}},
	} {
		if got := Listen(c.samples, theirs, own); got != c.want {
			t.Errorf("%s: %s; want %s", name, got, c.want)
		}
	}
}

// TestThroughTheCodec: what G.711 does to a tone is not taken for another.
func TestThroughTheCodec(t *testing.T) {
	for _, law := range []tone.Law{tone.MuLaw, tone.ALaw} {
		heard := law.AppendSamples(nil, law.Append(nil, sound(1000, -10, 5)))
		if got := Listen(heard, 1000, 600); got.Theirs != 5 {
			t.Errorf("law %d: %s", law, got)
		}
	}
}

func TestWAVComesBack(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tone.wav")
	if err := WriteWAV(file, 600, 500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	samples, err := ReadWAV(file)
	if err != nil || len(samples) != tone.Rate/2 {
		t.Fatalf("%d samples, %v", len(samples), err)
	}
	if got := Listen(samples, 600, 1000); got.Theirs != 5 {
		t.Error(got)
	}
}

func TestWAVThatIsBeingWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tone.wav")
	if err := WriteWAV(file, 600, 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const header = usualHeader
	unsized := append([]byte{}, b...)
	copy(unsized[header-4:], []byte{0, 0, 0, 0})
	blank := append(make([]byte, header), b[header:]...)
	listed := append(append(append([]byte{}, b[:riffSize]...), "LIST\x03\x00\x00\x00abc\x00"...), b[riffSize:]...)
	for name, c := range map[string]struct {
		file []byte
		want int
	}{
		"empty":                   {nil, 0},
		"header to come":          {blank, Span},
		"half a header to come":   {blank[:header/2], 0},
		"header alone":            {b[:header], 0},
		"half a sample":           {b[:header+5], 2},
		"size not written yet":    {unsized, Span},
		"a chunk before":          {listed, Span},
		"longer than it says":     {append(append([]byte{}, b...), 1, 2), Span + 1},
		"shorter than it says":    {b[:len(b)-2], Span - 1},
		"size beyond what can be": {b[:header+2], 1},
	} {
		if got, err := parse(c.file); err != nil || len(got) != c.want {
			t.Errorf("%s: %d samples, %v; want %d", name, len(got), err, c.want)
		}
	}
	for name, change := range map[string]func([]byte){
		"another form":   func(b []byte) { copy(b[8:], "AVI ") },
		"not PCM":        func(b []byte) { b[riffSize+chunkSize] = 6 },
		"two channels":   func(b []byte) { b[riffSize+chunkSize+2] = 2 },
		"another rate":   func(b []byte) { b[riffSize+chunkSize+4]++ },
		"8 bits":         func(b []byte) { b[riffSize+chunkSize+14] = 8 },
		"no data":        func(b []byte) { copy(b[header-chunkSize:], "dada") },
		"not even a WAV": func(b []byte) { copy(b, "OggS") },
	} {
		wrong := append([]byte{}, b...)
		change(wrong)
		if _, err := parse(wrong); !errors.Is(err, ErrNotWAV) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
