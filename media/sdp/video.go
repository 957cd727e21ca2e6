package sdp

import (
	"slices"
	"strconv"
	"strings"
)

// This file is what a video line may say beside its codecs. As everywhere in the
// package, only numbers within bounds and words out of lists pass.

// Feedback is the set of RTCP feedback messages of a payload type (RFC 4585
// section 4.2, RFC 5104 section 7.1) that a relay knows how to rebuild.
type Feedback uint8

// What may be asked for.
const (
	FeedbackNACK Feedback = 1 << iota // a packet again
	FeedbackPLI                       // a whole picture, since one is lost
	FeedbackFIR                       // a whole picture, since one is wanted
)

var feedbacks = [...]struct {
	bit  Feedback
	text string
}{{FeedbackNACK, "nack"}, {FeedbackPLI, "nack pli"}, {FeedbackFIR, "ccm fir"}}

// feedback reads the value of one attribute. What is not in the list is none.
func feedback(text string) Feedback {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	for _, f := range feedbacks {
		if text == f.text {
			return f.bit
		}
	}
	return 0
}

// everyType stands for the asterisk in place of a payload type.
const everyType = 255

// perType cuts the payload type, or the asterisk, off the value of an attribute.
func perType(arg string) (pt uint8, rest string, ok bool) {
	text, rest, _ := strings.Cut(arg, " ")
	if text == "*" {
		return everyType, rest, true
	}
	n, ok := number(text, 127)
	return uint8(n), rest, ok
}

// Picture is what a video line says of the whole stream; zero: absent.
type Picture struct {
	Rate uint16 // a=framerate, in hundredths of a frame a second
	AS   uint32 // b=AS, in kbit/s
}

// maxBandwidth bounds b=AS, in kbit/s.
const maxBandwidth = 100_000

// bandwidth reads the value of a b= line: AS, or TIAS (RFC 3890), which is in bit/s
// and without headers, where there is no other.
func (p *Picture) bandwidth(value string) {
	kind, text, _ := strings.Cut(value, ":")
	switch n, ok := number(strings.TrimSpace(text), 1000*maxBandwidth); {
	case !ok:
	case kind == "AS":
		p.AS = uint32(min(n, maxBandwidth))
	case kind == "TIAS" && p.AS == 0:
		p.AS = uint32((n + 999) / 1000)
	}
}

// frameRate reads frames a second, up to 120 (RFC 8866 section 6.13); 0: none.
func frameRate(arg string) uint16 {
	whole, part, _ := strings.Cut(arg, ".")
	n, ok := number(whole, 120)
	if !ok {
		return 0
	}
	hundredths, ok := number((part + "00")[:2], 99)
	if !ok {
		return 0
	}
	return uint16(n*100 + hundredths)
}

func (p *Picture) appendBandwidth(b []byte) []byte {
	if p.AS > 0 {
		b = append(b, "b=AS:"...)
		b = append(strconv.AppendUint(b, uint64(p.AS), 10), "\r\n"...)
	}
	return b
}

func (p *Picture) appendRate(b []byte) []byte {
	if p.Rate == 0 {
		return b
	}
	b = append(b, "a=framerate:"...)
	b = strconv.AppendUint(b, uint64(p.Rate/100), 10)
	if part := p.Rate % 100; part != 0 {
		b = append(b, '.', '0'+byte(part/10))
		if part%10 != 0 {
			b = append(b, '0'+byte(part%10))
		}
	}
	return append(b, "\r\n"...)
}

// Bounds of the image sizes of one payload type.
const (
	maxSizes  = 8     // of a direction
	maxPixels = 16384 // of a side
)

// imageSizes reads "send [x=640,y=480] recv *" (RFC 6236 section 3.2) and composes
// it anew: of each size the two sides alone. One that cannot be read is left out,
// and so is a direction without any.
func imageSizes(text string) string {
	var directions []string
	sizes := map[string]int{} // of each direction
	current := ""
	for _, word := range strings.Fields(text) {
		switch size, ok := imageSize(word); {
		case word == "send" || word == "recv":
			if _, repeated := sizes[word]; repeated {
				return ""
			}
			current, sizes[word] = word, 0
		case current == "" || sizes[current] == maxSizes:
		case word == "*" || ok:
			if word == "*" {
				size = "*"
			}
			if sizes[current] == 0 {
				directions = append(directions, current)
			}
			sizes[current]++
			directions = append(directions, size)
		}
	}
	return strings.Join(directions, " ")
}

// imageSize reads one "[x=…,y=…,…]".
func imageSize(word string) (string, bool) {
	inner, ok := strings.CutPrefix(word, "[")
	inner, ok2 := strings.CutSuffix(inner, "]")
	if !ok || !ok2 {
		return "", false
	}
	var x, y string
	depth, start := 0, 0
	for i := 0; i <= len(inner); i++ {
		switch {
		case i < len(inner) && inner[i] == '[':
			depth++
		case i < len(inner) && inner[i] == ']':
			depth--
		case i == len(inner) || inner[i] == ',' && depth == 0:
			name, value, _ := strings.Cut(inner[start:i], "=")
			switch name {
			case "x":
				x, _ = pixels(value)
			case "y":
				y, _ = pixels(value)
			}
			start = i + 1
		}
	}
	if x == "" || y == "" {
		return "", false
	}
	return "[x=" + x + ",y=" + y + "]", true
}

// pixels reads a side: a number, or a range with or without its step.
func pixels(text string) (string, bool) {
	inner, ranged := strings.CutPrefix(text, "[")
	if ranged {
		if inner, ranged = strings.CutSuffix(inner, "]"); !ranged {
			return "", false
		}
	}
	parts := strings.Split(inner, ":")
	if ranged != (len(parts) == 2 || len(parts) == 3) || !ranged && len(parts) != 1 {
		return "", false
	}
	for i, part := range parts {
		n, ok := number(part, maxPixels)
		if !ok || n == 0 {
			return "", false
		}
		parts[i] = strconv.FormatUint(n, 10)
	}
	if ranged {
		return "[" + strings.Join(parts, ":") + "]", true
	}
	return parts[0], true
}

// The parameters of video codecs. Those that carry text of the encoder's own, such
// as the parameter sets of H.264, are not among them: encoders send them in the
// stream, too. No number has seven digits.
var (
	interval = whole(1, 32)

	h261Params = []param{{"QCIF", whole(1, 4)}, {"CIF", whole(1, 4)}} // RFC 4587 section 6.1.1
	h263Params = []param{                                             // RFC 4629 section 8.1
		{"SQCIF", interval},
		{"QCIF", interval},
		{"CIF", interval},
		{"CIF4", interval},
		{"CIF16", interval},
		{"PROFILE", whole(0, 10)},
		{"LEVEL", whole(0, 100)},
	}
	h264Params = []param{ // RFC 6184 section 8.1
		{"profile-level-id", profileLevel},
		{"packetization-mode", whole(0, 2)},
		{"level-asymmetry-allowed", bit},
		{"max-mbps", whole(1, 999_999)},
		{"max-smbps", whole(1, 999_999)},
		{"max-fs", whole(1, 139_264)},
		{"max-cpb", whole(1, 960_000)},
		{"max-dpb", whole(1, 696_320)},
		{"max-br", whole(1, 960_000)},
		{"max-fps", whole(1, 12_000)},
	}
	h265Params = []param{ // RFC 7798 section 7.1
		{"profile-space", whole(0, 3)},
		{"profile-id", whole(0, 31)},
		{"tier-flag", bit},
		{"level-id", whole(1, 255)},
	}
	vp8Params = []param{{"max-fr", whole(1, 120)}, {"max-fs", whole(1, 139_264)}}                              // RFC 7741 section 6.1
	vp9Params = []param{{"profile-id", whole(0, 3)}, {"max-fr", whole(1, 120)}, {"max-fs", whole(1, 139_264)}} // RFC 9628 section 7.1
	av1Params = []param{{"profile", whole(0, 2)}, {"level-idx", whole(0, 31)}, {"tier", bit}}
)

// profileLevel takes the three bytes of RFC 6184 section 8.1: a profile that there
// is, the constraint flags, and a level that there is.
func profileLevel(s string) (string, bool) {
	if len(s) != 6 {
		return "", false
	}
	n, err := strconv.ParseUint(s, 16, 24)
	if err != nil {
		return "", false
	}
	profile, flags, level := uint8(n>>16), uint8(n>>8), uint8(n)
	if !slices.Contains(h264Profiles, profile) || flags&3 != 0 || !slices.Contains(h264Levels, level) {
		return "", false
	}
	return s, true
}

var (
	h264Profiles = []uint8{44, 66, 77, 83, 86, 88, 100, 110, 122, 244}
	h264Levels   = []uint8{9, 10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52, 60, 61, 62}
)

// alike says whether two payload types of one codec are the same configuration,
// which for H.264 is the packetization mode and, where both tell it, the profile.
func alike(a, b Codec) bool {
	if a.Name != "H264" {
		return true
	}
	modeA, profileA := h264(a)
	modeB, profileB := h264(b)
	return modeA == modeB && (profileA == "" || profileB == "" || profileA == profileB)
}

func h264(c Codec) (mode, profile string) {
	mode = "0"
	for p := range strings.SplitSeq(c.Fmtp, ";") {
		switch name, value, _ := strings.Cut(p, "="); name {
		case "packetization-mode":
			mode = value
		case "profile-level-id":
			profile = value[:2]
		}
	}
	return mode, profile
}
