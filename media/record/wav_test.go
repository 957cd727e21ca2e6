package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"mask700/media/tone"
)

// channels reads a sound file of so many samples a second back.
func channels(t *testing.T, b []byte, rate uint32) [2][]int16 {
	t.Helper()
	le := binary.LittleEndian
	if len(b) < wavHeader || string(b[:4]) != "RIFF" || string(b[8:16]) != "WAVEfmt " || le.Uint16(b[22:]) != 2 ||
		le.Uint32(b[24:]) != rate || le.Uint32(b[28:]) != 4*rate ||
		string(b[36:40]) != "data" || int(le.Uint32(b[40:])) != len(b)-wavHeader || int(le.Uint32(b[4:])) != len(b)-8 {
		t.Fatalf("not the header of a sound file: % x", b[:min(len(b), wavHeader)])
	}
	var out [2][]int16
	for b = b[wavHeader:]; len(b) >= 4; b = b[4:] {
		out[0] = append(out[0], int16(le.Uint16(b)))
		out[1] = append(out[1], int16(le.Uint16(b[2:])))
	}
	return out
}

func (m *made) wav(t *testing.T, b []byte) ([2][]int16, Result) {
	t.Helper()
	return m.wavAt(t, b, tone.Rate)
}

func (m *made) wavAt(t *testing.T, b []byte, rate uint32) ([2][]int16, Result) {
	t.Helper()
	var out bytes.Buffer
	res, err := WriteWAV(&out, func() (*Reader, error) { return NewReader(bytes.NewReader(b), m.unwrap) })
	if err != nil {
		t.Fatal(err)
	}
	return channels(t, out.Bytes(), rate), res
}

func split(packets []Packet, n int) (out [][]Packet) {
	for ; len(packets) > n; packets = packets[n:] {
		out = append(out, packets[:n])
	}
	return append(out, packets)
}

func heard(t *testing.T, what string, samples []int16, hz float64) {
	t.Helper()
	for ; len(samples) >= tone.Rate/10; samples = samples[tone.Rate/10:] {
		if h, ok := tone.Detect(samples[:tone.Rate/10], hz); !ok || h.Level < -12 || h.Level > -8 {
			t.Fatalf("%s: %g Hz is not heard: %+v", what, hz, h)
		}
	}
}

func TestWAVHasEachSideInItsChannel(t *testing.T) {
	m := makeRecording(t, AES256GCM, split(talk(300), 21), &End{Packets: [2]uint64{300, 300}, Lost: 2})
	got, res := m.wav(t, m.bytes)
	if !res.Whole || res.Damaged || res.Packets != [2]uint64{300, 300} || res.Lost != 2 || len(got[0]) != 300*160+24 || res.Length != 6003*time.Millisecond {
		t.Fatalf("%+v, %d samples", res, len(got[0]))
	}
	heard(t, "left", got[0][:48000], 440)
	heard(t, "right", got[1][24:], 1000)
}

func TestWAVOfWhatIsCutOrDamaged(t *testing.T) {
	m := makeRecording(t, AES256GCM, split(talk(100), 20), &End{})
	got, res := m.wav(t, m.bytes[:m.ends[3]+5])
	if res.Whole || res.Damaged || len(got[0]) != 30*160+24 {
		t.Errorf("cut: %+v, %d samples", res, len(got[0]))
	}
	b := bytes.Clone(m.bytes)
	b[m.ends[2]+40] ^= 1
	got, res = m.wav(t, b)
	if res.Whole || !res.Damaged || len(got[0]) != 20*160+24 {
		t.Errorf("damaged: %+v, %d samples", res, len(got[0]))
	}
	got, res = m.wav(t, m.bytes[:m.ends[0]])
	if res.Whole || len(got[0]) != 0 {
		t.Errorf("nothing but a header: %+v", res)
	}
}

// TestWAVPlacesPackets: silence where there is nothing, order by timestamp, a new beginning of timestamps by arrival.
func TestWAVPlacesPackets(t *testing.T) {
	loud := func(n int) []byte { return bytes.Repeat([]byte{tone.ALaw.Encode(20000)}, n) }
	at := func(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }
	p := func(ts uint32, ms, n int) Packet {
		return Packet{Codec: "PCMA", Timestamp: ts, At: at(ms), Payload: loud(n)}
	}
	for name, c := range map[string]struct {
		packets []Packet
		spans   [][2]int // samples of the caller that are loud
	}{
		"one after the other":       {[]Packet{p(100, 0, 160), p(260, 20, 160)}, [][2]int{{0, 320}}},
		"jitter is evened out":      {[]Packet{p(100, 0, 160), p(260, 90, 160)}, [][2]int{{0, 320}}},
		"a lost one is silence":     {[]Packet{p(100, 0, 160), p(420, 40, 160)}, [][2]int{{0, 160}, {320, 480}}},
		"out of order":              {[]Packet{p(100, 0, 160), p(420, 40, 160), p(260, 45, 160)}, [][2]int{{0, 480}}},
		"twice":                     {[]Packet{p(100, 0, 160), p(100, 1, 160), p(260, 20, 160)}, [][2]int{{0, 320}}},
		"a pause":                   {[]Packet{p(100, 0, 160), p(100+8000, 1000, 160)}, [][2]int{{0, 160}, {8000, 8160}}},
		"a timestamp begins anew":   {[]Packet{p(100, 0, 160), p(4_000_000_000, 100, 160)}, [][2]int{{0, 160}, {800, 960}}},
		"wraps":                     {[]Packet{p(1<<32-80, 0, 160), p(80, 20, 160)}, [][2]int{{0, 320}}},
		"begins late":               {[]Packet{{Codec: "CN", Payload: []byte{1}}, p(7, 600, 160)}, [][2]int{{4800, 4960}}},
		"a long silence":            {[]Packet{p(0, 0, 160), p(800000, 100000, 160)}, [][2]int{{0, 160}, {800000, 800160}}},
		"comfort noise, an event":   {[]Packet{p(0, 0, 160), {Codec: "telephone-event", At: at(20), Payload: loud(4)}, p(320, 40, 160)}, [][2]int{{0, 160}, {320, 480}}},
		"another packet time":       {[]Packet{p(0, 0, 80), p(80, 10, 240)}, [][2]int{{0, 320}}},
		"too late for what is out":  {[]Packet{p(0, 0, 160), p(80000, 10000, 160), p(80160, 10020, 160), p(320, 10030, 160)}, [][2]int{{0, 160}, {80000, 80400}}},
		"nothing but comfort noise": {[]Packet{{Codec: "CN", Payload: []byte{1}}}, nil},
	} {
		m := makeRecording(t, AES256GCM, [][]Packet{c.packets}, &End{})
		got, _ := m.wav(t, m.bytes)
		last := 0
		for _, span := range c.spans {
			last = span[1]
		}
		if len(got[0]) != last {
			t.Errorf("%s: %d samples, want %d", name, len(got[0]), last)
			continue
		}
		for i, v := range got[0] {
			want := false
			for _, span := range c.spans {
				want = want || i >= span[0] && i < span[1]
			}
			if want != (v > 10000) || got[1][i] != 0 {
				t.Errorf("%s: sample %d is %d and %d", name, i, v, got[1][i])
				break
			}
		}
	}
}

func TestWAVRefused(t *testing.T) {
	opus := makeRecording(t, AES256GCM, [][]Packet{{{Codec: "opus", Payload: []byte{1}}}}, &End{})
	wide := makeRecording(t, AES256GCM, [][]Packet{{{Codec: "G722", Payload: []byte{1}}, {Codec: "opus", Side: Callee, Payload: []byte{1}}}}, &End{})
	longWide := makeRecording(t, AES256GCM, [][]Packet{{{Codec: "G722"}, {Codec: "G722", At: 19 * time.Hour, Payload: []byte{1}}}}, &End{})
	long := makeRecording(t, AES256GCM, [][]Packet{{{Codec: "PCMA"}, {Codec: "PCMA", At: 110 * time.Hour, Payload: []byte{1}}}}, &End{})
	for _, c := range []struct {
		m    made
		want error
	}{{opus, ErrCodec}, {wide, ErrCodec}, {long, ErrTooLong}, {longWide, ErrTooLong}} {
		var out bytes.Buffer
		_, err := WriteWAV(&out, func() (*Reader, error) { return NewReader(bytes.NewReader(c.m.bytes), c.m.unwrap) })
		if !errors.Is(err, c.want) || out.Len() > 0 {
			t.Errorf("%v, %d bytes written; want %v", err, out.Len(), c.want)
		}
		if c.want == ErrCodec && !strings.Contains(err.Error(), `"opus"`) {
			t.Errorf("%v does not name the codec", err)
		}
	}
	m := makeRecording(t, AES256GCM, split(talk(100), 20), &End{})
	full := errors.New("full")
	_, err := MeasureWAV(func() (*Reader, error) { return NewReader(bytes.NewReader(m.bytes), m.unwrap) }, func(Result, int64) (io.Writer, error) {
		return nil, full
	})
	if !errors.Is(err, full) {
		t.Error(err)
	}
	if _, err := WriteWAV(failing{full}, func() (*Reader, error) { return NewReader(bytes.NewReader(m.bytes), m.unwrap) }); !errors.Is(err, full) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
