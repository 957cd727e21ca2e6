package sdp

import (
	"strconv"
	"strings"
)

// Words is what descriptions of our own name codecs and their parameters by, as in "VP8/90000 max-fr=", one behind another: all of it
// is in the lists of this package, and is no word of a peer's. Of a codec of any clock the usual ones are there.
func Words() string {
	var b strings.Builder
	for _, k := range codecs {
		clocks := k.clocks
		if clocks == nil {
			clocks = sampled
		}
		for _, clock := range clocks {
			rate := k.name + "/" + strconv.FormatUint(uint64(clock), 10)
			b.WriteString(rate + " ")
			for _, channels := range k.channels {
				if channels > 1 {
					b.WriteString(rate + "/" + strconv.Itoa(int(channels)) + " ")
				}
			}
		}
		for _, p := range k.params {
			b.WriteString(p.name + "= ")
		}
	}
	for _, f := range feedbacks {
		b.WriteString(f.text + " ")
	}
	return b.String()
}
