package sdp

import (
	"slices"
	"strconv"
	"strings"
)

// param is one format parameter that may be written again. The check reads a
// value and gives it back composed from a number or out of a list, so that no
// text of the peer's passes through it; every number has a bound too small to
// hold a telephone number.
type param struct {
	name  string
	check func(string) (string, bool)
}

var (
	bit = whole(0, 1)

	g723Params  = []param{{"bitrate", oneOf("5.3", "6.3")}, {"annexa", oneOf("yes", "no")}}
	g729Params  = []param{{"annexb", oneOf("yes", "no")}}
	g7221Params = []param{{"bitrate", oneOf("16000", "24000", "32000", "48000")}}
	ilbcParams  = []param{{"mode", oneOf("20", "30")}} // RFC 3952 section 5
	speexParams = []param{{"vbr", oneOf("on", "off", "vad")}, {"cng", oneOf("on", "off")}}
	isacParams  = []param{{"ibitrate", whole(10000, 56000)}, {"maxbitrate", whole(10000, 160000)}}
	gsmHRParams = []param{{"max-red", whole(0, 65535)}}                                  // RFC 5993 section 6
	g7110Params = []param{{"complaw", oneOf("al", "mu")}}                                // RFC 7655 section 5.1
	g7111Params = []param{{"mode-set", numbers(4, false)}}                               // RFC 5391 section 5.1
	g719Params  = []param{{"interleaving", whole(1, 255)}, {"max-red", whole(0, 65535)}} // RFC 5404 section 7.1; int-delay names an SSRC

	g7291Rates  = oneOf("8000", "12000", "14000", "16000", "18000", "20000", "22000", "24000", "26000", "28000", "30000", "32000")
	g7291Params = []param{{"maxbitrate", g7291Rates}, {"mbs", g7291Rates}, {"dtx", bit}} // RFC 4749 section 6

	silkParams = []param{
		{"maxaveragebitrate", whole(5000, 100000)},
		{"useinbandfec", bit},
		{"usedtx", bit},
	}
	evrcParams = []param{ // RFC 4788 section 6.1, RFC 5188 section 10, RFC 6884 section 9
		{"maxinterleave", whole(0, 7)},
		{"silencesupp", bit},
		{"dtxmax", whole(0, 255)},
		{"dtxmin", whole(0, 255)},
		{"hangover", whole(0, 255)},
		{"fixedrate", oneOf("0.5", "1")},
		{"recvmode", whole(0, 7)},
		{"sendmode", whole(0, 7)},
		{"mode-set-recv", numbers(7, false)},
	}
	mpaParams = []param{ // RFC 4856 section 2.1.15
		{"layer", whole(1, 3)},
		{"samplerate", whole(8000, 48000)},
		{"mode", oneOf("stereo", "joint_stereo", "dual_channel", "single_channel")},
		{"bitrate", whole(8000, 448000)},
	}

	opusParams = []param{ // RFC 7587 section 6.1
		{"maxplaybackrate", whole(8000, 48000)},
		{"sprop-maxcapturerate", whole(8000, 48000)},
		{"maxptime", whole(3, 120)},
		{"ptime", whole(3, 120)},
		{"minptime", whole(3, 120)},
		{"maxaveragebitrate", whole(6000, 510000)},
		{"stereo", bit},
		{"sprop-stereo", bit},
		{"cbr", bit},
		{"useinbandfec", bit},
		{"usedtx", bit},
	}

	amrParams   = amr(7)
	amrWBParams = amr(8)

	evsRates = []string{"5.9", "7.2", "8", "9.6", "13.2", "16.4", "24.4", "32", "48", "64", "96", "128"}
	evsBands = []string{"nb", "wb", "swb", "fb"}

	evsParams = []param{ // 3GPP TS 26.445 annex A.3
		{"evs-mode-switch", bit},
		{"hf-only", bit},
		{"dtx", bit},
		{"dtx-recv", bit},
		{"br", rangeOf(evsRates)},
		{"br-send", rangeOf(evsRates)},
		{"br-recv", rangeOf(evsRates)},
		{"bw", rangeOf(evsBands)},
		{"bw-send", rangeOf(evsBands)},
		{"bw-recv", rangeOf(evsBands)},
		{"cmr", oneOf("-1", "0", "1")},
		{"ch-aw-recv", oneOf("-1", "0", "2", "3", "5", "7")},
		{"max-red", whole(0, 65535)},
		{"mode-set", numbers(8, false)},
		{"mode-change-period", whole(1, 2)},
		{"mode-change-capability", whole(1, 2)},
		{"mode-change-neighbor", bit},
	}
)

// amr lists the parameters of RFC 4867 section 8 for modes up to top.
func amr(top int) []param {
	return []param{
		{"octet-align", bit},
		{"mode-set", numbers(top, false)},
		{"mode-change-period", whole(1, 2)},
		{"mode-change-capability", whole(1, 2)},
		{"mode-change-neighbor", bit},
		{"crc", bit},
		{"robust-sorting", bit},
		{"interleaving", whole(1, 255)},
		{"max-red", whole(0, 65535)},
	}
}

// fmtp composes the format parameters of a codec from what was read. Parameters
// that the codec does not have, values outside their grammar and repeats are
// left out; the order is this package's.
func fmtp(codec, text string) string {
	if codec == eventName {
		events, _ := numbers(255, true)(strings.ReplaceAll(text, " ", ""))
		return events // RFC 4733 section 2.4.1
	}
	k := lookup(codec)
	if k == nil || len(k.params) == 0 {
		return ""
	}
	found := make([]string, len(k.params))
	for p := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		name, value = strings.TrimSpace(name), strings.ToLower(strings.TrimSpace(value))
		for i, known := range k.params {
			if found[i] != "" || !strings.EqualFold(known.name, name) {
				continue
			}
			if v, ok := known.check(value); ok {
				found[i] = known.name + "=" + v
			}
		}
	}
	return strings.Join(slices.DeleteFunc(found, func(s string) bool { return s == "" }), ";")
}

// whole takes a number from lo to hi.
func whole(lo, hi uint64) func(string) (string, bool) {
	return func(s string) (string, bool) {
		n, ok := number(s, hi)
		if !ok || n < lo {
			return "", false
		}
		return strconv.FormatUint(n, 10), true
	}
}

// oneOf takes one of the given words, which are in lower case.
func oneOf(words ...string) func(string) (string, bool) {
	return func(s string) (string, bool) {
		i := slices.Index(words, s)
		if i < 0 {
			return "", false
		}
		return words[i], true
	}
}

// rangeOf takes a word of an ordered list, or two joined by a hyphen.
func rangeOf(words []string) func(string) (string, bool) {
	return func(s string) (string, bool) {
		from, to, both := strings.Cut(s, "-")
		i, j := slices.Index(words, from), slices.Index(words, to)
		switch {
		case i < 0:
			return "", false
		case !both:
			return words[i], true
		case j <= i:
			return "", false
		}
		return words[i] + "-" + words[j], true
	}
}

// numbers takes a list of numbers up to top and, where ranges is set, of ranges.
// It is written sorted and without repeats, so that the list is a set and
// nothing else: the order in which numbers came could spell a message.
func numbers(top int, ranges bool) func(string) (string, bool) {
	return func(s string) (string, bool) {
		set := make([]bool, top+2) // one more than can be set: ends the last run
		for item := range strings.SplitSeq(s, ",") {
			from, to, both := strings.Cut(item, "-")
			if !both {
				to = from
			}
			lo, ok := number(from, uint64(top))
			hi, ok2 := number(to, uint64(top))
			if !ok || !ok2 || hi < lo || both && !ranges {
				return "", false
			}
			for n := lo; n <= hi; n++ {
				set[n] = true
			}
		}
		var out []string
		for n := 0; n <= top; n++ {
			if !set[n] {
				continue
			}
			end := n
			for ranges && set[end+1] {
				end++
			}
			text := strconv.Itoa(n)
			if end > n {
				text += "-" + strconv.Itoa(end)
			}
			out = append(out, text)
			n = end
		}
		return strings.Join(out, ","), true
	}
}
