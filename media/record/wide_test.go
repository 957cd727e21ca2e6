package record

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"mask700/media/g722"
	"mask700/media/tone"
)

const frame = 20 * time.Millisecond

// wideFrames are frames of 20 ms of a file of G.722.
func wideFrames(t *testing.T, name string, n int) [][]byte {
	t.Helper()
	b, err := os.ReadFile("../prompt/" + name + ".g722")
	if err != nil || len(b) < 160*n {
		t.Fatalf("%s: %d bytes, %v", name, len(b), err)
	}
	return slices.Collect(slices.Chunk(b[:160*n], 160))
}

// say puts frames into packets of one side, the first at a tick of the recording.
func say(side Side, codec string, at int, frames [][]byte) (out []Packet) {
	for i, f := range frames {
		out = append(out, Packet{Side: side, Codec: codec, Sequence: uint16(i), Timestamp: uint32(9000 + at + 160*i),
			At: time.Duration(at)*time.Second/tone.Rate + time.Duration(i)*frame, Payload: f})
	}
	return out
}

// lawFrames are frames of a steady tone in A-law.
func lawFrames(hz float64, n int) (out [][]byte) {
	g := tone.NewGenerator(hz, -10)
	for range n {
		out = append(out, g.AppendFrame(nil, tone.ALaw))
	}
	return out
}

func exportWide(t *testing.T, packets []Packet) [2][]int16 {
	t.Helper()
	slices.SortStableFunc(packets, func(a, b Packet) int { return int(a.At - b.At) })
	m := makeRecording(t, AES256GCM, split(packets, 20), &End{})
	got, _ := m.wavAt(t, m.bytes, g722.Rate)
	return got
}

// What package tone measures at 16000 samples a second has twice the frequency it is asked for.
func TestWAVOfG722(t *testing.T) {
	frames := wideFrames(t, "tone/china/ringback", 50)
	m := makeRecording(t, AES256GCM, split(append(say(Caller, "G722", 0, frames), say(Callee, "G722", 0, wideFrames(t, "en/call-limit", 40))...), 20), &End{})
	got, res := m.wavAt(t, m.bytes, g722.Rate)
	if res.Length != time.Second || !res.Whole || len(got[0]) != g722.Rate {
		t.Fatalf("%+v, %d samples", res, len(got[0]))
	}
	if want := g722.NewDecoder().Append(nil, bytes.Join(frames, nil)); !slices.Equal(got[0], want) {
		t.Error("the caller is not as he is decoded alone")
	}
	if want := g722.NewDecoder().Append(nil, bytes.Join(wideFrames(t, "en/call-limit", 40), nil)); !slices.Equal(got[1][:len(want)], want) || slices.Max(got[1][len(want):]) != 0 {
		t.Error("the callee is not as he is decoded alone, and silent then")
	}
}

func TestWAVOfG722AndG711(t *testing.T) {
	got := exportWide(t, append(say(Caller, "G722", 0, wideFrames(t, "tone/china/ringback", 50)), say(Callee, "PCMA", 0, lawFrames(1000, 250))...))
	if len(got[0]) != 5*g722.Rate {
		t.Fatalf("%d samples", len(got[0]))
	}
	for at := 160; at+1600 <= g722.Rate; at += 1600 {
		if h, ok := tone.Detect(got[0][at:at+1600], 450./2, 1000./2); !ok || h.Hz != 450./2 || math.Abs(h.Level+13.14) > 0.3 {
			t.Errorf("left, sample %d: %+v", at, h)
		}
	}
	for at := 160; at+1600 <= len(got[1]); at += 1600 { // it is written two seconds at a time
		right := got[1][at : at+1600]
		if h, ok := tone.Detect(right, 450./2, 1000./2); !ok || h.Hz != 1000./2 || math.Abs(h.Level+10) > 0.3 {
			t.Errorf("right, sample %d: %+v", at, h)
		}
		if image := tone.Level(right, 7000./2); image > -58 {
			t.Errorf("right, sample %d: the image at 7000 Hz has %.1f dB", at, image)
		}
	}
	// Every second sample of G.711 is as it was sent, where it was sent; the others are between all of them, over the
	// places too where the writing was cut into pieces.
	pad := make([]int16, halfTaps)
	line := slices.Concat(pad, tone.ALaw.AppendSamples(nil, bytes.Join(lawFrames(1000, 250), nil)), pad)
	for i := range len(line) - 2*halfTaps {
		if got[1][2*i] != line[halfTaps+i] || got[1][2*i+1] != between(line[i+1:]) {
			t.Fatalf("tick %d is %d and %d, want %d and %d", i, got[1][2*i], got[1][2*i+1], line[halfTaps+i], between(line[i+1:]))
		}
	}
}

// Packets of G.722 are decoded in the order of their timestamps, each once, and stand at the same tick as those of G.711.
func TestWAVPlacesG722(t *testing.T) {
	frames := wideFrames(t, "en/call-limit", 100)
	straight := say(Caller, "G722", 0, frames)
	want := exportWide(t, slices.Clone(straight))[0]
	shaken := slices.Clone(straight)
	for i := 3; i+2 < len(shaken); i += 7 { // 2 ms after the one that follows it
		shaken[i].At = shaken[i+1].At + 2*time.Millisecond
		shaken = append(shaken, shaken[i+1]) // and that one twice
	}
	if got := exportWide(t, shaken)[0]; !slices.Equal(got, want) {
		t.Error("packets out of order, and twice, are not heard as they were sent")
	}

	kept := g722.NewDecoder()
	kept.Append(nil, bytes.Join(frames[:50], nil))
	lost := exportWide(t, slices.Delete(slices.Clone(straight), 50, 51))[0]
	switch {
	case !slices.Equal(lost[:50*320], want[:50*320]):
		t.Error("what is before a lost packet is another")
	case slices.Max(lost[50*320:51*320]) != 0 || slices.Min(lost[50*320:51*320]) != 0:
		t.Error("a lost packet is not silence")
	case !slices.Equal(lost[51*320:], kept.Append(nil, bytes.Join(frames[51:], nil))):
		t.Error("after a lost packet it is not decoded from where it was")
	case !slices.Equal(lost[80*320:], want[80*320:]):
		t.Error("a lost packet is heard 600 ms after it")
	}

	late := exportWide(t, append(say(Caller, "G722", 4000, frames), say(Callee, "PCMA", 0, lawFrames(440, 1))...))[0]
	if slices.Max(late[:8000]) != 0 || !slices.Equal(late[8000:], want) {
		t.Error("what begins half a second later does not stand there")
	}
}

// After a pause a sender's encoder may be another: the decoder begins again. After a codec in between, too.
func TestWAVForgetsG722(t *testing.T) {
	loud, soft := wideFrames(t, "zh/call-limit", 50), wideFrames(t, "en/recording-notice", 50)
	want := g722.NewDecoder().Append(nil, bytes.Join(soft, nil))
	got := exportWide(t, append(say(Caller, "G722", 0, loud), say(Caller, "G722", 20000, soft)...))[0]
	if !slices.Equal(got[40000:], want) {
		t.Error("after 1.5 s of nothing")
	}
	got = exportWide(t, slices.Concat(say(Caller, "G722", 0, loud), say(Caller, "PCMA", 8000, lawFrames(440, 50)), say(Caller, "G722", 16000, soft)))[0]
	if !slices.Equal(got[32000:], want) {
		t.Error("after a second of G.711")
	}
	if h, ok := tone.Detect(got[16160:31840], 440./2); !ok || math.Abs(h.Level+10) > 0.3 {
		t.Errorf("the G.711 in between: %+v", h)
	}
}

// TestHalfBand measures the filter that doubles G.711: flat to 0.04 dB up to 3400 Hz, its image 48 dB down.
func TestHalfBand(t *testing.T) {
	var sum int64
	for _, w := range halfBand {
		sum += 2 * w
	}
	if sum != 1<<15 {
		t.Errorf("a steady level is multiplied by %d/32768", sum)
	}
	gain := func(hz float64) float64 {
		g := 0.5
		for k, w := range halfBand {
			g += float64(w) / (1 << 15) * math.Cos(math.Pi*hz/tone.Rate*float64(2*k+1))
		}
		return 20 * math.Log10(math.Abs(g))
	}
	for hz := 0.; hz <= tone.Rate; hz += 10 {
		if g := gain(hz); hz <= 3400 && math.Abs(g) > 0.04 || hz >= 4600 && g > -47.9 {
			t.Errorf("%v Hz: %.2f dB", hz, g)
		}
	}
	full := make([]int16, 2*halfTaps)
	for i := range full { // the signs of the weights: the largest sum there is
		full[i] = math.MinInt16
		if d := max(i-halfTaps, halfTaps-1-i); d%2 == 0 {
			full[i] = math.MaxInt16
		}
	}
	if got := between(full); got != math.MaxInt16 {
		t.Errorf("what is louder than 16 bits is %d", got)
	}
}

// TestWAVOfAnything: whatever packets say, the sound file is as long as was said before it was written.
func TestWAVOfAnything(t *testing.T) {
	for seed := range uint64(18) {
		r := rand.New(rand.NewPCG(seed, 1))
		var packets []Packet
		ts := [2]uint32{r.Uint32(), r.Uint32()}
		wide := false
		for i := range 200 {
			p := Packet{Side: Side(r.IntN(2)), Codec: []string{"PCMA", "PCMU", "G722", "CN"}[r.IntN(2+int(seed%3))],
				At: time.Duration(i) * frame, Payload: make([]byte, r.IntN(400))}
			for j := range p.Payload {
				p.Payload[j] = byte(r.Uint32())
			}
			switch r.IntN(12) {
			case 0:
				ts[p.Side] = r.Uint32()
			case 1:
				ts[p.Side] -= r.Uint32N(40000)
			case 2:
				p.At = time.Duration(r.IntN(1000)) * frame
			default:
				ts[p.Side] += 160
			}
			p.Timestamp = ts[p.Side]
			wide = wide || p.Codec == "G722"
			packets = append(packets, p)
		}
		m := makeRecording(t, AES256GCM, split(packets, 8), &End{})
		rate := uint32(tone.Rate)
		if wide {
			rate = g722.Rate
		}
		if got, res := m.wavAt(t, m.bytes, rate); int64(len(got[0])) != int64(res.Length)*int64(rate)/int64(time.Second) {
			t.Errorf("seed %d: %d samples of %v", seed, len(got[0]), res.Length)
		}
	}
}
