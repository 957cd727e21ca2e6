package tone

import "testing"

// Points of ITU-T G.711 tables 1a and 2a: the ends of the segments.
func TestKnownCodes(t *testing.T) {
	tests := []struct {
		law    Law
		sample int16
		code   byte
	}{
		{MuLaw, 0, 0xff}, {MuLaw, -1, 0x7f}, {MuLaw, 32767, 0x80}, {MuLaw, -32768, 0x00},
		{MuLaw, 8031, 0xa0}, {MuLaw, -8031, 0x20},
		{ALaw, 0, 0xd5}, {ALaw, -1, 0x55}, {ALaw, 32767, 0xaa}, {ALaw, -32768, 0x2a},
		{ALaw, 16383, 0xba}, {ALaw, -16384, 0x3a}, {ALaw, 511, 0xca}, {ALaw, 512, 0xf5},
	}
	for _, tt := range tests {
		if got := tt.law.Encode(tt.sample); got != tt.code {
			t.Errorf("law %d: %d is %#x, want %#x", tt.law, tt.sample, got, tt.code)
		}
	}
}

func TestEveryCodeDecodesToItself(t *testing.T) {
	for _, law := range []Law{MuLaw, ALaw} {
		for c := range 256 {
			s := law.Decode(byte(c))
			if got := law.Encode(s); got != byte(c) && s != 0 {
				t.Errorf("law %d: %#x decodes to %d, which is %#x", law, c, s, got)
			}
		}
	}
}

// The error of either law is within half a step: a 32nd of the magnitude, and
// the smallest step near zero.
func TestErrorIsWithinHalfAStep(t *testing.T) {
	for _, law := range []Law{MuLaw, ALaw} {
		for s := -32768; s <= 32767; s++ {
			back := int(law.Decode(law.Encode(int16(s))))
			diff, magnitude := max(back-s, s-back), max(s, -s)
			if limit := magnitude/32 + 12; diff > limit && magnitude < 32000 {
				t.Fatalf("law %d: %d came back as %d", law, s, back)
			}
		}
	}
}
