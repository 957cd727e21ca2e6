package g722

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"mask700/media/tone"
)

func file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../prompt/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// anything is octets that no encoder sent.
func anything(n int) []byte {
	r := rand.New(rand.NewPCG(7, 22))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// The sums are those of ffmpeg 5.1's output for the same octets, 16 bit little-endian.
func TestEverySampleIsRight(t *testing.T) {
	for name, c := range map[string]struct {
		octets []byte
		want   uint32
	}{
		"English":   {file(t, "en/call-limit.g722"), 0x0510d3a7},
		"short":     {file(t, "en/recording-notice.g722"), 0x99202067},
		"Chinese":   {file(t, "zh/not-in-service.g722"), 0xa79b8fa6},
		"450 Hz":    {file(t, "tone/china/ringback.g722"), 0x57cbd06e},
		"950 to":    {file(t, "tone/itu/unobtainable.g722"), 0x93f99785},
		"anything":  {anything(50000), 0xba7da4a3},
		"no octets": {nil, 0},
	} {
		var b []byte
		for _, s := range NewDecoder().Append(nil, c.octets) {
			b = binary.LittleEndian.AppendUint16(b, uint16(s))
		}
		if got := crc32.ChecksumIEEE(b); got != c.want || len(b) != 4*len(c.octets) {
			t.Errorf("%s: %d bytes of sum %08x, want %08x", name, len(b), got, c.want)
		}
	}
}

// Package tone measures at 8000 samples a second: at 16000 a frequency seems half of what it is.
func TestToneAndItsLevel(t *testing.T) {
	const level = -13.14 // as the file was made
	s := NewDecoder().Append(nil, file(t, "tone/china/ringback.g722"))
	for at := 320; at+1600 <= Rate; at += 1600 { // the first second has it
		got, ok := tone.Detect(s[at:at+1600], 450./2, 425./2, 900./2)
		if !ok || got.Hz != 450./2 || math.Abs(got.Level-level) > 0.3 {
			t.Errorf("from sample %d: %+v, %t", at, got, ok)
		}
	}
	if l := tone.Total(s[Rate+1600:]); l > -70 {
		t.Errorf("the pause has %.1f dB", l)
	}
}

// The same speech is there in A-law.
func TestSpeechIsAsLoudAsInG711(t *testing.T) {
	for _, name := range []string{"en/call-limit", "zh/not-in-service"} {
		want := tone.Total(tone.ALaw.AppendSamples(nil, file(t, name+".al")))
		if got := tone.Total(NewDecoder().Append(nil, file(t, name+".g722"))); math.Abs(got-want) > 0.3 {
			t.Errorf("%s: %.2f dB, and %.2f dB in A-law", name, got, want)
		}
	}
}

func TestPiecesAndReset(t *testing.T) {
	octets := file(t, "en/recording-notice.g722")
	d := NewDecoder()
	want := d.Append(nil, octets)
	d.Reset()
	var got []int16
	for piece := range slices.Chunk(octets, 77) {
		got = d.Append(got, piece)
	}
	if !slices.Equal(got, want) {
		t.Error("a stream in pieces, after another, is not as it is in one")
	}
}

// After whatever was lost or is wrong the decoder comes back to what the encoder meant, to the last bit.
func TestWhatWasWrongFades(t *testing.T) {
	octets := file(t, "en/call-limit.g722")
	want := NewDecoder().Append(nil, octets)
	for name, wrong := range map[string][]byte{
		"anything": anything(4000), "up": slices.Repeat([]byte{0x20}, 4000), "down": slices.Repeat([]byte{0x04}, 4000),
		"high": slices.Repeat([]byte{0x60}, 4000), "low": slices.Repeat([]byte{0xe0}, 4000),
	} {
		d := NewDecoder()
		d.Append(nil, wrong)
		if got := d.Append(nil, octets); slices.Equal(got[:Rate/2], want[:Rate/2]) || !slices.Equal(got[Rate/2:], want[Rate/2:]) {
			t.Errorf("%s: it is not gone after half a second, or never was there", name)
		}
	}
}

// Sums saturate term by term, the oldest first.
func TestZerosSaturateInTheirOrder(t *testing.T) {
	var b band
	b.b = [7]int16{1: 32000, 2: 32000, 5: 32000, 6: 32000}
	b.d = [7]int16{1: -12000, 2: -12000, 5: 12000, 6: 12000}
	each := mul(32000, 24000)
	if got, want := b.filtez(), 32767+2*mul(32000, -24000); got != want || each < 1<<14 {
		t.Errorf("%d, want %d of terms of %d", got, want, each)
	}
}

// inBounds says what is not as the Recommendation bounds it, which is what keeps 16 bits enough.
func (b *band) inBounds(most int16) string {
	a1, a2 := b.a[1], b.a[2]
	switch {
	case b.nb < 0 || b.nb > most || b.det <= 0 || b.det > 16384:
		return "scale factor"
	case a2 < -12288 || a2 > 12288 || a1 > 15360-a2 || a1 < a2-15360:
		return "poles"
	}
	for _, d := range b.d { // a coefficient of -1 times a difference of -1 would be 1, which 16 bits do not hold
		if d <= -1<<14 || d >= 1<<14 {
			return "differences"
		}
	}
	return ""
}

// FuzzDecode: any octets are decoded, within the bounds of either band.
func FuzzDecode(f *testing.F) {
	for _, b := range []byte{0x00, 0x04, 0x20, 0x3f, 0x44, 0x60, 0x84, 0xa0, 0xc4, 0xe0, 0xff} {
		f.Add(slices.Repeat([]byte{b}, 3000))
		f.Add(slices.Repeat([]byte{b, ^b}, 1500))
		f.Add(slices.Repeat([]byte{b, b, b ^ 0x24, b ^ 0x24}, 800))
	}
	f.Add(anything(3000))
	f.Fuzz(func(t *testing.T, octets []byte) {
		d := NewDecoder()
		for i, o := range octets {
			rl, rh := d.lower(o&0x3f), d.higher(o>>6)
			if rl < -16384 || rl > 16383 || rh < -16384 || rh > 16383 {
				t.Fatalf("octet %d: bands of %d and %d", i, rl, rh)
			}
			if low, high := d.low.inBounds(18432), d.high.inBounds(22528); low != "" || high != "" {
				t.Fatalf("octet %d: out of bounds: lower %q, higher %q", i, low, high)
			}
		}
		if n := len(d.Append(nil, octets)); n != SamplesPerOctet*len(octets) {
			t.Errorf("%d samples of %d octets", n, len(octets))
		}
	})
}

func TestNothingIsAllocated(t *testing.T) {
	d, octets, dst := NewDecoder(), anything(160), make([]int16, 0, 320)
	if n := testing.AllocsPerRun(100, func() { d.Append(dst, octets) }); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

func BenchmarkDecode(b *testing.B) {
	d, octets, dst := NewDecoder(), file(b, "en/call-limit.g722")[:8000], make([]int16, 0, Rate)
	for b.Loop() {
		d.Append(dst, octets)
	}
}
