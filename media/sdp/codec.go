package sdp

import (
	"slices"
	"strconv"
	"strings"
)

// usable says whether a payload type number may be relayed. Where RTCP has the port of RTP, 64 to 95 would be taken for RTCP
// when marked (RFC 5761 section 4).
func usable(pt uint8, mux bool) bool { return pt < 128 && !(mux && pt >= 64 && pt < 96) }

// codecOf makes a codec of a payload type number and the text of its rtpmap, "" when there was none. It fails for what is not
// in the closed list of its medium, and for a number that cannot be used with RTCP on the same port, where mux says so.
func codecOf(media string, pt uint8, rtpmap string, mux bool) (Codec, bool) {
	c, ok := anyCodec(pt, rtpmap)
	if !ok || !usable(pt, mux) || lookup(c.Name).video != (media == "video") {
		return Codec{}, false
	}
	return c, true
}

// anyCodec is codecOf for any medium and port. An rtpmap may give a static number another codec (RFC 3551 section 3).
func anyCodec(pt uint8, rtpmap string) (Codec, bool) {
	fixed := static(pt)
	if rtpmap == "" {
		if fixed == nil {
			return Codec{}, false
		}
		return *fixed, true
	}
	name, rest, _ := strings.Cut(rtpmap, "/")
	rate, channels, _ := strings.Cut(rest, "/")
	k := lookup(name)
	if k == nil {
		return Codec{}, false
	}
	clock, ok := number(rate, maxClock)
	if fixed != nil && k.name == fixed.Name && (!ok || uint32(clock) == fixed.Clock || k.name == "G722") && k.channels == nil {
		// A static number of its own codec means what RFC 3551 says; G722/16000 under 9 is a
		// common slip and means G722 all the same.
		return *fixed, true
	}
	if !ok || !k.takes(uint32(clock)) {
		return Codec{}, false
	}
	c := k.codec(pt, uint32(clock))
	if channels == "" {
		return c, c.Channels == 1
	}
	n, ok := number(channels, 255)
	if c.Channels = uint8(n); !ok || !slices.Contains(k.channels, c.Channels) && !(k.channels == nil && c.Channels == 1) {
		return Codec{}, false
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
// (RFC 4867 section 8.1), and so are the rates of G.722.1 (RFC 5577 section 5.2), the two laws of
// G.711.0 (RFC 7655 section 5.1) and the packetization modes and profiles of H.264
// (RFC 6184 section 8.2.2), unlike other parameters, which only limit the sender.
func same(a, b Codec) bool {
	return a.Name == b.Name && a.Clock == b.Clock && a.Channels == b.Channels && aligned(a) == aligned(b) &&
		(a.Name != "G7221" && a.Name != "G711-0" || a.Fmtp == b.Fmtp) && alike(a, b)
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
