package prompt_test

import (
	"bytes"
	"math"
	"os"
	"testing"
	"time"

	"mask700/media"
	"mask700/media/prompt"
	"mask700/media/tone"
)

var all = []prompt.ID{
	prompt.NotInService, prompt.OrderFinished, prompt.CallLimit, prompt.LastMinute, prompt.RecordingNotice, prompt.EnterExtension,
	prompt.Ringback, prompt.Busy, prompt.Congestion, prompt.Unobtainable, prompt.Notice,
}

func load(t *testing.T, o prompt.Options) *prompt.Catalogue {
	t.Helper()
	c, err := prompt.Load(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// payload is a clip without its frames.
func payload(c *media.Clip) []byte { return bytes.Join(c.Frames, nil) }

func file(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEveryClipIsThere(t *testing.T) {
	for _, language := range []string{"", "zh", "en", "zh+en", "en+zh", "tone"} {
		for _, plan := range []string{"china", "itu"} {
			c := load(t, prompt.Options{Language: language, Tones: plan})
			for _, id := range all {
				for _, codec := range prompt.Codecs {
					clip := c.Clip(id, codec)
					if clip == nil || clip.Codec != codec {
						t.Fatalf("%s, %s: no %s in %s", language, plan, id, codec)
					}
					if l := prompt.Length(clip); l < 500*time.Millisecond || l > 15*time.Second {
						t.Errorf("%s, %s: %s in %s plays for %v", language, plan, id, codec, l)
					}
					for _, f := range clip.Frames {
						if len(f) != 160 || cap(f) != 160 {
							t.Fatalf("%s, %s: %s in %s has a frame of %d bytes", language, plan, id, codec, len(f))
						}
					}
				}
			}
		}
	}
}

func TestWhatIsNotThere(t *testing.T) {
	c := load(t, prompt.Options{})
	if c.Clip("no-such-prompt", "PCMA") != nil || c.Clip(prompt.Busy, "opus") != nil {
		t.Error("a clip that there is not")
	}
	var none *prompt.Catalogue
	if none.Clip(prompt.Busy, "PCMA") != nil {
		t.Error("a clip of no catalogue")
	}
	for _, o := range []prompt.Options{{Language: "fr"}, {Tones: "mars"}} {
		if _, err := prompt.Load(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

func TestTheLanguageSaysWhatIsPlayed(t *testing.T) {
	zh, en := file(t, "zh/not-in-service.al"), file(t, "en/not-in-service.al")
	if bytes.Equal(zh, en) {
		t.Fatal("both languages are the same file")
	}
	for language, want := range map[string][]byte{
		"zh": zh, "en": en, "zh+en": append(bytes.Clone(zh), en...), "en+zh": append(bytes.Clone(en), zh...),
		"tone": bytes.Repeat(file(t, "tone/china/unobtainable.al"), 3),
	} {
		if got := payload(load(t, prompt.Options{Language: language}).Clip(prompt.NotInService, "PCMA")); !bytes.Equal(got, want) {
			t.Errorf("%s: other bytes than the files'", language)
		}
	}
}

func TestG722IsPassedThrough(t *testing.T) {
	got := payload(load(t, prompt.Options{Language: "en"}).Clip(prompt.CallLimit, "G722"))
	if !bytes.Equal(got, file(t, "en/call-limit.g722")) {
		t.Error("other bytes than the file's")
	}
}

func TestOnlySomeAreRepeated(t *testing.T) {
	c := load(t, prompt.Options{})
	for _, id := range all {
		want := false
		switch id {
		case prompt.Ringback, prompt.Busy, prompt.Congestion, prompt.Unobtainable:
			want = true
		}
		if c.Clip(id, "PCMU").Loop != want {
			t.Errorf("%s: repeated %t", id, !want)
		}
	}
}

// Both laws say the same: mu-law is made of A-law.
func TestBothLawsAreTheSameAudio(t *testing.T) {
	c := load(t, prompt.Options{Language: "zh"})
	a := tone.ALaw.AppendSamples(nil, payload(c.Clip(prompt.LastMinute, "PCMA")))
	mu := tone.MuLaw.AppendSamples(nil, payload(c.Clip(prompt.LastMinute, "PCMU")))
	for i := range a {
		if diff, m := math.Abs(float64(a[i])-float64(mu[i])), math.Abs(float64(a[i])); diff > m/32+12 {
			t.Fatalf("sample %d is %d in A-law and %d in mu-law", i, a[i], mu[i])
		}
	}
}

// Speech is neither faint nor cut off: the RMS level is near 16 dB below overload.
func TestLevelOfSpeech(t *testing.T) {
	for _, language := range []string{"zh", "en"} {
		c := load(t, prompt.Options{Language: language})
		for _, id := range all[:5] {
			s := tone.ALaw.AppendSamples(nil, payload(c.Clip(id, "PCMA")))
			var sum float64
			for _, v := range s {
				sum += float64(v) * float64(v)
			}
			if rms := 10 * math.Log10(sum/float64(len(s))/(32768*32768)); rms < -19 || rms > -14 {
				t.Errorf("%s/%s has a level of %.1f dBov", language, id, rms)
			}
		}
	}
}

// cadence is one period of a tone: which frequency is on for how long, 0 Hz is off.
type cadence []struct {
	hz float64
	ms int
}

func TestTonesHaveTheirFrequencyAndCadence(t *testing.T) {
	for name, want := range map[string]cadence{
		"china/ringback":     {{450, 1000}, {0, 4000}},
		"china/busy":         {{450, 350}, {0, 350}},
		"china/congestion":   {{450, 700}, {0, 700}},
		"china/unobtainable": {{450, 100}, {0, 100}, {450, 100}, {0, 100}, {450, 100}, {0, 100}, {450, 400}, {0, 400}},
		"china/notice":       {{450, 400}, {0, 200}},
		"itu/ringback":       {{425, 1000}, {0, 4000}},
		"itu/busy":           {{425, 500}, {0, 500}},
		"itu/congestion":     {{425, 250}, {0, 250}},
		"itu/unobtainable":   {{950, 330}, {1400, 330}, {1800, 330}, {0, 1010}},
		"itu/notice":         {{425, 400}, {0, 200}},
	} {
		plan, id, _ := bytes.Cut([]byte(name), []byte("/"))
		c := load(t, prompt.Options{Tones: string(plan)})
		for law, codec := range map[tone.Law]string{tone.ALaw: "PCMA", tone.MuLaw: "PCMU"} {
			s := law.AppendSamples(nil, payload(c.Clip(prompt.ID(id), codec)))
			for _, part := range want {
				n := part.ms * tone.Rate / 1000
				if len(s) < n {
					t.Fatalf("%s: shorter than its cadence", name)
				}
				inner := s[n/10 : n-n/10]
				switch {
				case part.hz == 0:
					if m := maximum(inner); m > 16 {
						t.Errorf("%s: a sample of %d in its pause", name, m)
					}
				default:
					if l := tone.Level(inner, part.hz); l < -14.5 || l > -12 {
						t.Errorf("%s: %.0f Hz at %.1f dB for %d ms", name, part.hz, l, part.ms)
					}
				}
				s = s[n:]
			}
			if len(s) != 0 {
				t.Errorf("%s: %d samples more than its cadence", name, len(s))
			}
		}
	}
}

func maximum(s []int16) (m int16) {
	for _, v := range s {
		m = max(m, v, -v)
	}
	return m
}
