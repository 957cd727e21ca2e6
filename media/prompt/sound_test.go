package prompt_test

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"mask700/media/g722"
	"mask700/media/tone"
)

// spoken finds the lines of make.sh that say something: language, name of the file, text.
var spoken = regexp.MustCompile(`(?m)^say (zh|en) \S+ (\S+) '([^']+)'`)

// Limits of a committed announcement. Levels are RMS in dB below overload.
const (
	quiet       = -45.0 // a frame below is silence
	faintest    = -19.0 // of what is not silence
	loudest     = -13.0
	loudFrame   = -6.0
	longSilence = 0.5 // s, before, after and within
	flat        = 4   // samples at the peak in a row: clipped
)

// pace is how long a syllable of Chinese, which a sign is, or a word of English may take, in s.
var pace = map[string][2]float64{"zh": {0.18, 0.4}, "en": {0.2, 0.5}}

// Nobody listens to the announcements before a release, so they are measured: every text of the script that makes them has
// its file in both codecs, neither faint nor clipped, without silence that a caller would take for a fault, and as long as
// its text takes to say.
func TestAnnouncementsAreFitToBeHeard(t *testing.T) {
	t.Parallel()
	said := map[string]bool{}
	for _, m := range spoken.FindAllStringSubmatch(string(file(t, "make.sh")), -1) {
		name, text := m[1]+"/"+m[2], m[3]
		said[name] = true
		units := len(strings.Fields(text))
		if m[1] == "zh" {
			units = strings.Count(strings.Map(func(r rune) rune {
				if unicode.Is(unicode.Han, r) {
					return '.'
				}
				return -1
			}, text), ".")
		}
		narrow := tone.ALaw.AppendSamples(nil, file(t, name+".al"))
		wide := g722.NewDecoder().Append(nil, file(t, name+".g722"))
		for _, sound := range []struct {
			codec   string
			rate    int
			samples []int16
		}{{"al", tone.Rate, narrow}, {"g722", g722.Rate, wide}} {
			what := name + "." + sound.codec
			h := hearing(sound.samples, sound.rate)
			if h.level < faintest || h.level > loudest || h.loudest > loudFrame {
				t.Errorf("%s: speech of %.1f dB, at most %.1f", what, h.level, h.loudest)
			}
			if h.before > longSilence || h.after > longSilence || h.within > longSilence {
				t.Errorf("%s: %.2f s of silence before, %.2f after, %.2f within", what, h.before, h.after, h.within)
			}
			if h.clipped >= flat {
				t.Errorf("%s: clipped for %d samples", what, h.clipped)
			}
			length := float64(len(sound.samples))/float64(sound.rate) - h.before - h.after
			if each := length / float64(units); each < pace[m[1]][0] || each > pace[m[1]][1] {
				t.Errorf("%s: %.2f s for %d words or syllables", what, length, units)
			}
		}
	}
	for _, language := range []string{"zh", "en"} {
		for _, id := range all[:6] {
			if name := language + "/" + string(id); !said[name] {
				t.Errorf("nothing says how %s is made", name)
			}
		}
		files, err := os.ReadDir(language)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if name := language + "/" + strings.TrimSuffix(f.Name(), filepath.Ext(f.Name())); !said[name] {
				t.Errorf("%s is of no text", name)
			}
		}
	}
}

// heard is what is measured of a sound.
type heard struct {
	level, loudest        float64 // dB below overload, of what is not silence and of a frame
	before, after, within float64 // s of silence, the longest
	clipped               int     // samples at the peak in a row
}

// hearing measures frames of 20 ms.
func hearing(samples []int16, rate int) (h heard) {
	frame := rate / 50
	seconds := func(frames int) float64 { return float64(frames) / 50 }
	var power float64
	var sounding, silent int
	h.loudest = math.Inf(-1)
	for ; len(samples) >= frame; samples = samples[frame:] {
		var sum float64
		for _, v := range samples[:frame] {
			sum += float64(v) * float64(v)
		}
		sum /= float64(frame) * (1 << 30)
		level := 10 * math.Log10(sum)
		h.clipped = max(h.clipped, peak(samples[:frame]))
		if level < quiet {
			silent++
			continue
		}
		if sounding == 0 {
			h.before = seconds(silent)
		} else {
			h.within = max(h.within, seconds(silent))
		}
		power, sounding, silent = power+sum, sounding+1, 0
		h.loudest = max(h.loudest, level)
	}
	h.after = seconds(silent)
	h.level = 10 * math.Log10(power/float64(sounding))
	return h
}

// peak is how many samples in a row are as far out as any, where that is near overload.
func peak(samples []int16) (longest int) {
	top, run := maximum(samples), 0
	for _, v := range samples {
		if top < 24000 || max(v, -v) < top {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// The measure finds what it is to find.
func TestTheMeasureOfAnnouncements(t *testing.T) {
	t.Parallel()
	sine := func(seconds, level float64) []int16 {
		s := make([]int16, int(seconds*tone.Rate))
		tone.NewGenerator(300, level).Samples(s)
		return s
	}
	join := func(parts ...[]int16) (all []int16) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	still := func(seconds float64) []int16 { return make([]int16, int(seconds*tone.Rate)) }
	near := func(a, b float64) bool { return math.Abs(a-b) < 0.05 }
	h := hearing(join(still(0.7), sine(1, -13), still(0.6), sine(1, -13), still(0.8)), tone.Rate)
	if !near(h.before, 0.7) || !near(h.within, 0.6) || !near(h.after, 0.8) || !near(h.level, -16) || h.clipped >= flat {
		t.Errorf("%+v", h)
	}
	over := sine(1, 0)
	for i, v := range over {
		over[i] = min(max(v, -28000), 28000)
	}
	if h := hearing(over, tone.Rate); h.clipped < flat || h.level < loudest {
		t.Errorf("clipped: %+v", h)
	}
}
