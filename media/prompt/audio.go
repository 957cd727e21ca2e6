package prompt

import (
	"embed"
	"slices"

	"mask700/media"
	"mask700/media/tone"
)

// Folders beside the languages'.
const toneFolder = "tone"

//go:embed zh/*.al en/*.al tone/*/*.al zh/*.g722 en/*.g722 tone/*/*.g722
var files embed.FS

// audio is one announcement or tone in every codec, by the index in Codecs; nil
// where it is not to be had.
type audio [len(Codecs)][]byte

const (
	pcma = iota
	pcmu
	g722
)

// Silence in either law is the code of zero.
var silence = [2]byte{tone.ALaw.Encode(0), tone.MuLaw.Encode(0)}

// toMu and toA turn one law's code into the other's, by way of linear samples.
var toMu, toA = func() (mu, a [256]byte) {
	for i := range 256 {
		mu[i] = tone.MuLaw.Encode(tone.ALaw.Decode(byte(i)))
		a[i] = tone.ALaw.Encode(tone.MuLaw.Decode(byte(i)))
	}
	return mu, a
}()

func recode(from []byte, table *[256]byte) []byte {
	out := make([]byte, len(from))
	for i, b := range from {
		out[i] = table[b]
	}
	return out
}

// embedded reads one of our own files.
func embedded(name string) (audio, error) {
	var a audio
	var err error
	if a[pcma], err = files.ReadFile(name + ".al"); err != nil {
		return audio{}, err
	}
	if a[g722], err = files.ReadFile(name + ".g722"); err != nil {
		return audio{}, err
	}
	a[pcmu] = recode(a[pcma], &toMu)
	return a, nil
}

// whole makes whole frames: G.711 is filled up with silence, of G.722, whose
// silence depends on what came before, less than a frame is left out.
func (a audio) whole() audio {
	for i := range a {
		over := len(a[i]) % frameSize
		switch {
		case over == 0:
		case i == g722:
			a[i] = a[i][:len(a[i])-over]
		default:
			a[i] = append(slices.Clip(a[i]), slices.Repeat([]byte{silence[i]}, frameSize-over)...)
		}
	}
	return a
}

// then plays another after it, in the codecs that both have.
func (a audio) then(b audio) audio {
	for i := range a {
		if a[i] == nil || b[i] == nil {
			a[i] = nil
			continue
		}
		a[i] = slices.Concat(a[i], b[i])
	}
	return a
}

// clips cuts it into frames.
func (a audio) clips(loop bool) (out [len(Codecs)]*media.Clip) {
	for i, b := range a {
		if b == nil {
			continue
		}
		c := &media.Clip{Codec: Codecs[i], Loop: loop, Frames: make([][]byte, 0, len(b)/frameSize)}
		for ; len(b) > 0; b = b[frameSize:] {
			c.Frames = append(c.Frames, b[:frameSize:frameSize])
		}
		out[i] = c
	}
	return out
}
