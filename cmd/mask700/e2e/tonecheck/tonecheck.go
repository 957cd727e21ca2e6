// Package tonecheck makes the sound files that real phones play, and judges the ones that they record: whether a
// phone heard the other's tone, and not its own.
package tonecheck

import (
	"fmt"

	"mask700/media/tone"
)

// Span is how many samples are judged at a time: a tenth of a second, in which tones 10 Hz apart are told apart.
const Span = tone.Rate / 10

// Faint is how far below the other's tone, in dB, one's own must be. G.711 leaves about 38 dB between a tone and
// everything that it adds (ITU-T G.711, quantizing distortion).
const Faint = 25

// Loud is how far below everything else one's own tone is when nothing can be said of it any more: noise has a
// little of every tone.
const Loud = 10

// Hearing is what was found in a record, counted in spans.
type Hearing struct {
	Theirs int // the other's tone, and not one's own
	Own    int // one's own, by itself or under the other's
	Quiet  int // nothing above tone.Floor
	Noise  int // something else
}

// String is for a test that failed.
func (h Hearing) String() string {
	return fmt.Sprintf("%d tenths of a second of the other's tone, %d with its own, %d quiet, %d of something else", h.Theirs, h.Own, h.Quiet, h.Noise)
}

// Listen judges samples at tone.Rate span by span; what is left over at the end is not judged. Frequencies are in Hz.
func Listen(samples []int16, theirs, own float64) Hearing {
	var h Hearing
	for ; len(samples) >= Span; samples = samples[Span:] {
		s := samples[:Span]
		mine, all := tone.Level(s, own), tone.Total(s)
		heard, clear := tone.Detect(s, theirs)
		switch {
		case all < tone.Floor:
			h.Quiet++
		case clear && mine > max(tone.Floor, heard.Level-Faint), !clear && mine > all-Loud:
			h.Own++
		case clear:
			h.Theirs++
		default:
			h.Noise++
		}
	}
	return h
}
