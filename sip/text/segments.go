package text

import (
	"strings"
	"unicode/utf8"
)

// Sizes of the parts that a text is sent in as short messages (3GPP TS 23.040):
// alone, and as one of several, each of which has a header then.
const (
	septetsAlone, septetsEach = 160, 153 // of the default alphabet
	unitsAlone, unitsEach     = 70, 67   // of UCS-2, two bytes each
)

// Segments is how many short messages a text in UTF-8 is, as networks count and
// bill them: of the default alphabet of 3GPP TS 23.038 where that has all of its
// characters, else of UCS-2. 0: it is empty.
func Segments(body []byte) int {
	septets, units, plain := 0, 0, true
	for at := 0; at < len(body); {
		r, size := utf8.DecodeRune(body[at:])
		at += size
		units++
		if r > 0xffff {
			units++
		}
		switch {
		case !plain:
		case r < 0x80 && r != '`' && (r >= ' ' && !strings.ContainsRune(`[\]^{|}~`, r) || r == '\n' || r == '\r') && r != 0x7f,
			strings.ContainsRune(basic, r):
			septets++
		case strings.ContainsRune(extended, r):
			septets += 2
		default:
			plain = false
		}
	}
	if plain {
		return parts(septets, septetsAlone, septetsEach)
	}
	return parts(units, unitsAlone, unitsEach)
}

// The characters of the default alphabet that are not in ASCII, and those that take
// an escape in front.
const (
	basic    = "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà"
	extended = "\f[\\]^{|}~€"
)

func parts(n, alone, each int) int {
	if n <= alone {
		return min(n, 1)
	}
	return (n + each - 1) / each
}
