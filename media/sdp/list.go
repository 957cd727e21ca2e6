package sdp

import (
	"slices"
	"strings"
)

// known is one codec that may be named in a description.
type known struct {
	name     string   // the canonical spelling, written whatever the case it was read in
	clocks   []uint32 // nil: any
	channels []uint8  // the first where nothing is said; nil: one
	signal   bool     // carries events, tones or silence, no voice
	video    bool
	params   []param
}

var (
	narrow  = []uint32{8000}
	wide    = []uint32{16000}
	sampled = []uint32{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000} // where RFC 3551 says "var."
	picture = []uint32{90000}
	stereo  = []uint8{1, 2}
)

// codecs is the closed list: the audio encodings of RFC 3551 section 4.5 and those that trunks have
// come to use. A codec that is not in it is dropped: its name would be text of the peer's choosing.
// RED is none of them, because its payload names payload types of the sender's in turn.
var codecs = []known{
	{name: "PCMU", clocks: sampled},
	{name: "PCMA", clocks: sampled},
	{name: "PCMU-WB", clocks: wide, params: g7111Params},
	{name: "PCMA-WB", clocks: wide, params: g7111Params},
	{name: "G711-0", clocks: narrow, params: g7110Params},
	{name: "G722", clocks: narrow}, // 8000 by RFC 3551 section 4.5.2, though it samples at 16000
	{name: "G7221", clocks: []uint32{16000, 32000}, params: g7221Params},
	{name: "G719", clocks: []uint32{48000}, channels: stereo, params: g719Params},
	{name: "G723", clocks: narrow, params: g723Params},
	{name: "G726-16", clocks: narrow},
	{name: "G726-24", clocks: narrow},
	{name: "G726-32", clocks: narrow},
	{name: "G726-40", clocks: narrow},
	{name: "AAL2-G726-16", clocks: narrow},
	{name: "AAL2-G726-24", clocks: narrow},
	{name: "AAL2-G726-32", clocks: narrow},
	{name: "AAL2-G726-40", clocks: narrow},
	{name: "G728", clocks: narrow},
	{name: "G729", clocks: narrow, params: g729Params},
	{name: "G729D", clocks: narrow},
	{name: "G729E", clocks: narrow},
	{name: "G7291", clocks: wide, params: g7291Params},
	{name: "GSM", clocks: narrow},
	{name: "GSM-EFR", clocks: narrow},
	{name: "GSM-HR-08", clocks: narrow, params: gsmHRParams},
	{name: "AMR", clocks: narrow, params: amrParams},
	{name: "AMR-WB", clocks: wide, params: amrWBParams},
	{name: "EVS", clocks: wide, params: evsParams},
	{name: "EVRC", clocks: narrow, params: evrcParams},
	{name: "EVRC0", clocks: narrow, params: evrcParams},
	{name: "EVRC1", clocks: narrow, params: evrcParams},
	{name: "EVRCB", clocks: narrow, params: evrcParams},
	{name: "EVRCB0", clocks: narrow, params: evrcParams},
	{name: "EVRCB1", clocks: narrow, params: evrcParams},
	{name: "EVRCWB", clocks: wide, params: evrcParams},
	{name: "EVRCWB0", clocks: wide, params: evrcParams},
	{name: "EVRCWB1", clocks: wide, params: evrcParams},
	{name: "EVRCNW", clocks: wide, params: evrcParams},
	{name: "EVRCNW0", clocks: wide, params: evrcParams},
	{name: "EVRCNW1", clocks: wide, params: evrcParams},
	{name: "SMV", clocks: narrow},
	{name: "SMV0", clocks: narrow},
	{name: "QCELP", clocks: narrow},
	{name: "iLBC", clocks: narrow, params: ilbcParams},
	{name: "iSAC", clocks: []uint32{16000, 32000}, params: isacParams},
	{name: "speex", clocks: []uint32{8000, 16000, 32000}, params: speexParams},
	{name: "SILK", clocks: []uint32{8000, 12000, 16000, 24000}, params: silkParams},
	{name: "opus", clocks: []uint32{48000}, channels: []uint8{2}, params: opusParams},
	{name: "BV16", clocks: narrow},
	{name: "BV32", clocks: wide},
	{name: "L8", clocks: sampled, channels: stereo},
	{name: "L16", clocks: sampled, channels: stereo},
	{name: "L20", clocks: sampled, channels: stereo},
	{name: "L24", clocks: sampled, channels: stereo},
	{name: "DVI4", clocks: sampled},
	{name: "VDVI", clocks: sampled},
	{name: "LPC", clocks: narrow},
	{name: "MPA", clocks: []uint32{90000}, params: mpaParams},
	{name: "CLEARMODE", clocks: narrow},

	{name: eventName, signal: true},
	{name: "tone", signal: true},
	{name: "CN", clocks: sampled, signal: true},

	{name: "H261", clocks: picture, video: true, params: h261Params},
	{name: "H263", clocks: picture, video: true, params: h263Params},
	{name: "H263-1998", clocks: picture, video: true, params: h263Params},
	{name: "H263-2000", clocks: picture, video: true, params: h263Params},
	{name: "H264", clocks: picture, video: true, params: h264Params},
	{name: "H265", clocks: picture, video: true, params: h265Params},
	{name: "VP8", clocks: picture, video: true, params: vp8Params},
	{name: "VP9", clocks: picture, video: true, params: vp9Params},
	{name: "AV1", clocks: picture, video: true, params: av1Params},
}

// aliases are names that gateways write for codecs of the list.
var aliases = [][2]string{
	{"G729A", "G729"}, {"G729B", "G729"}, {"G729AB", "G729"}, {"G.729", "G729"}, {"G.729A", "G729"},
	{"G723.1", "G723"}, {"G7231", "G723"}, {"G.723.1", "G723"},
	{"G721", "G726-32"}, {"G722.1", "G7221"}, {"AMR-NB", "AMR"},
}

// spelled finds codecs by their canonical names, which is what most peers write.
var spelled = func() map[string]*known {
	m := make(map[string]*known, len(codecs))
	for i := range codecs {
		m[codecs[i].name] = &codecs[i]
	}
	return m
}()

// lookup finds a codec by a name of whatever case, nil for none.
func lookup(name string) *known {
	if k := spelled[name]; k != nil {
		return k
	}
	for _, a := range aliases {
		if strings.EqualFold(a[0], name) {
			name = a[1]
		}
	}
	for i := range codecs {
		if strings.EqualFold(codecs[i].name, name) {
			return &codecs[i]
		}
	}
	return nil
}

// Clocks of what may have any, in Hz.
const (
	minClock = 1000
	maxClock = 192000
)

// takes says whether the codec may have a clock.
func (k *known) takes(clock uint32) bool {
	if k.clocks == nil {
		return clock >= minClock && clock <= maxClock
	}
	return slices.Contains(k.clocks, clock)
}

// usual says how many channels the codec has where nothing is said.
func (k *known) usual() uint8 {
	if k.channels == nil {
		return 1
	}
	return k.channels[0]
}

// codec is the codec under a payload type, with its usual channels.
func (k *known) codec(pt uint8, clock uint32) Codec {
	return Codec{PT: pt, Name: k.name, Clock: clock, Channels: k.usual()}
}

// static gives the codec that RFC 3551 section 6 ties to a payload type, nil for none.
func static(pt uint8) *Codec {
	i := slices.IndexFunc(statics, func(c Codec) bool { return c.PT == pt })
	if i < 0 {
		return nil
	}
	return &statics[i]
}

var statics = []Codec{
	{PT: 0, Name: "PCMU", Clock: 8000, Channels: 1},
	{PT: 3, Name: "GSM", Clock: 8000, Channels: 1},
	{PT: 4, Name: "G723", Clock: 8000, Channels: 1},
	{PT: 5, Name: "DVI4", Clock: 8000, Channels: 1},
	{PT: 6, Name: "DVI4", Clock: 16000, Channels: 1},
	{PT: 7, Name: "LPC", Clock: 8000, Channels: 1},
	{PT: 8, Name: "PCMA", Clock: 8000, Channels: 1},
	{PT: 9, Name: "G722", Clock: 8000, Channels: 1},
	{PT: 10, Name: "L16", Clock: 44100, Channels: 2},
	{PT: 11, Name: "L16", Clock: 44100, Channels: 1},
	{PT: 12, Name: "QCELP", Clock: 8000, Channels: 1},
	{PT: 13, Name: "CN", Clock: 8000, Channels: 1},
	{PT: 14, Name: "MPA", Clock: 90000, Channels: 1},
	{PT: 15, Name: "G728", Clock: 8000, Channels: 1},
	{PT: 16, Name: "DVI4", Clock: 11025, Channels: 1},
	{PT: 17, Name: "DVI4", Clock: 22050, Channels: 1},
	{PT: 18, Name: "G729", Clock: 8000, Channels: 1},
	{PT: 31, Name: "H261", Clock: 90000, Channels: 1},
	{PT: 34, Name: "H263", Clock: 90000, Channels: 1},
}
