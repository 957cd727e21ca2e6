package sdp

import (
	"slices"
	"strconv"
	"strings"
)

// known is one codec that may be named in a description.
type known struct {
	name     string // the canonical spelling, written whatever the case it was read in
	clocks   []uint32
	channels uint8 // 0: one
	signal   bool  // carries events or silence, no voice
	video    bool
	params   []param
}

var (
	narrow  = []uint32{8000}
	wide    = []uint32{16000}
	picture = []uint32{90000}
)

// codecs is the closed list. A codec that is not in it is dropped: its name would
// be text of the peer's choosing.
var codecs = []known{
	{name: "PCMU", clocks: narrow},
	{name: "PCMA", clocks: narrow},
	{name: "G722", clocks: narrow}, // 8000 by RFC 3551 section 4.5.2, though it samples at 16000
	{name: "G723", clocks: narrow, params: g723Params},
	{name: "G728", clocks: narrow},
	{name: "G729", clocks: narrow, params: g729Params},
	{name: "G726-16", clocks: narrow},
	{name: "G726-24", clocks: narrow},
	{name: "G726-32", clocks: narrow},
	{name: "G726-40", clocks: narrow},
	{name: "G7221", clocks: []uint32{16000, 32000}, params: g7221Params},
	{name: "GSM", clocks: narrow},
	{name: "GSM-EFR", clocks: narrow},
	{name: "iLBC", clocks: narrow, params: ilbcParams},
	{name: "speex", clocks: []uint32{8000, 16000, 32000}, params: speexParams},
	{name: "AMR", clocks: narrow, params: amrParams},
	{name: "AMR-WB", clocks: wide, params: amrWBParams},
	{name: "EVS", clocks: wide, params: evsParams},
	{name: "opus", clocks: []uint32{48000}, channels: 2, params: opusParams},
	{name: "telephone-event", clocks: []uint32{8000, 16000, 24000, 32000, 48000}, signal: true},
	{name: "CN", clocks: []uint32{8000, 16000, 32000}, signal: true},
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

// static gives the codec that RFC 3551 section 6 ties to a payload type.
func static(pt uint8) string {
	switch pt {
	case 0:
		return "PCMU"
	case 3:
		return "GSM"
	case 4:
		return "G723"
	case 8:
		return "PCMA"
	case 9:
		return "G722"
	case 13:
		return "CN"
	case 15:
		return "G728"
	case 18:
		return "G729"
	case 31:
		return "H261"
	case 34:
		return "H263"
	}
	return ""
}

func lookup(name string) *known {
	for i := range codecs {
		if strings.EqualFold(codecs[i].name, name) {
			return &codecs[i]
		}
	}
	return nil
}

func (k *known) codec(pt uint8, clock uint32) Codec {
	return Codec{PT: pt, Name: k.name, Clock: clock, Channels: max(k.channels, 1)}
}

// usable says whether a payload type number may be relayed: 64 to 95 would be
// taken for RTCP when marked (RFC 5761 section 4).
func usable(pt uint8) bool { return pt < 64 || pt >= 96 && pt < 128 }

// codecOf makes a codec of a payload type number and the text of its rtpmap, ""
// when there was none. It fails for what is not in the closed list of its medium.
func codecOf(media string, pt uint8, rtpmap string) (Codec, bool) {
	c, ok := anyCodec(pt, rtpmap)
	if !ok || lookup(c.Name).video != (media == "video") {
		return Codec{}, false
	}
	return c, true
}

func anyCodec(pt uint8, rtpmap string) (Codec, bool) {
	if !usable(pt) {
		return Codec{}, false
	}
	fixed := static(pt)
	if rtpmap == "" {
		k := lookup(fixed)
		if k == nil {
			return Codec{}, false
		}
		return k.codec(pt, k.clocks[0]), true
	}
	name, rest, _ := strings.Cut(rtpmap, "/")
	rate, channels, _ := strings.Cut(rest, "/")
	k := lookup(name)
	if k == nil {
		return Codec{}, false
	}
	if fixed != "" {
		// A static number means what RFC 3551 says; G722/16000 under 9 is a
		// common slip and means G722 all the same.
		return k.codec(pt, k.clocks[0]), k.name == fixed
	}
	clock, ok := number(rate, 192000)
	if !ok || !slices.Contains(k.clocks, uint32(clock)) {
		return Codec{}, false
	}
	c := k.codec(pt, uint32(clock))
	if channels != "" || c.Channels != 1 {
		n, ok := number(channels, 255)
		if !ok || uint8(n) != c.Channels {
			return Codec{}, false
		}
	}
	return c, true
}

// maxFormat bounds a format in bytes. Nothing that a decoder needs is longer: only EVS has parameters enough, which limit
// its sender.
const maxFormat = 255

// Format is all that a decoder has to know: what an rtpmap says, "AMR/8000" or "opus/48000/2", and behind a space the
// parameters. A codec without any whose clock is 8000 Hz is its name alone.
func (c *Codec) Format() string {
	if c.Clock == 8000 && c.Channels <= 1 && c.Fmtp == "" {
		return c.Name
	}
	text := c.Name + "/" + strconv.FormatUint(uint64(c.Clock), 10)
	if c.Channels > 1 {
		text += "/" + strconv.Itoa(int(c.Channels))
	}
	if c.Fmtp == "" || len(text)+1+len(c.Fmtp) > maxFormat {
		return text
	}
	return text + " " + c.Fmtp
}

// typed is the codec as a payload type that a peer may send, and what it becomes.
func (c *Codec) typed(pt, becomes uint8) PayloadType {
	return PayloadType{PT: pt, Clock: c.Clock, Name: c.Name, Format: c.Format(), Map: becomes}
}

// turned is typed for a codec of the other leg, which for telephone events may be one of another clock.
func (c *Codec) turned(pt uint8, becomes Codec) PayloadType {
	t := c.typed(pt, becomes.PT)
	if becomes.Clock != c.Clock {
		t.Turns = becomes.Clock
	}
	return t
}

// same says whether two payload types carry the same thing, whatever their
// numbers. Octet-aligned and bandwidth-efficient AMR are different formats
// (RFC 4867 section 8.1), and so are the packetization modes and profiles of H.264
// (RFC 6184 section 8.2.2), unlike other parameters, which only limit the sender.
func same(a, b Codec) bool {
	return a.Name == b.Name && a.Clock == b.Clock && a.Channels == b.Channels && aligned(a) == aligned(b) && alike(a, b)
}

func aligned(c Codec) bool {
	if c.Name != "AMR" && c.Name != "AMR-WB" {
		return false
	}
	// Robust sorting, interleaving and CRC imply octet alignment.
	for p := range strings.SplitSeq(c.Fmtp, ";") {
		switch name, _, _ := strings.Cut(p, "="); {
		case p == "octet-align=1", p == "crc=1", p == "robust-sorting=1", name == "interleaving":
			return true
		}
	}
	return false
}

// hasMedia says whether there is anything but events and comfort noise.
func hasMedia(cs []Codec) bool {
	return slices.ContainsFunc(cs, func(c Codec) bool {
		k := lookup(c.Name)
		return k != nil && !k.signal
	})
}

// Voice says whether a canonical codec name stands for voice, not for events,
// comfort noise or video.
func Voice(name string) bool {
	k := lookup(name)
	return k != nil && !k.signal && !k.video
}

// Video says whether a canonical codec name stands for video.
func Video(name string) bool {
	k := lookup(name)
	return k != nil && k.video
}

// number reads a decimal number of at most limit. Signs, spaces and empty text
// are not numbers.
func number(s string, limit uint64) (uint64, bool) {
	if s == "" || len(s) > 20 {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil && n <= limit
}
