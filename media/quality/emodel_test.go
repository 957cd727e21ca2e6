package quality

import (
	"math"
	"testing"
	"time"
)

const ms = time.Millisecond

// The figures are those of ITU-T G.107 and G.113 worked out by hand: R = 93.2 −
// Idd − Ie,eff.
func TestTheRatingIsThatOfTheRecommendation(t *testing.T) {
	tests := []struct {
		name   string
		path   Path
		r, mos float64
	}{
		{"nothing wrong", Path{Codec: "PCMA"}, 93.2, 4.41},
		{"delay below 100 ms costs nothing", Path{Codec: "PCMU", Delay: 75 * ms}, 93.2, 4.41},
		{"G.729", Path{Codec: "G729"}, 82.2, 4.11},
		// Ie,eff = 95·1/(1+25.1) = 3.64
		{"one in a hundred lost", Path{Codec: "PCMA", Loss: .01}, 89.56, 4.33},
		// Ie,eff = 95·10/(10+25.1) = 27.07
		{"one in ten lost", Path{Codec: "PCMA", Loss: .1}, 66.13, 3.41},
		// 400 ms: X = 2, Idd = 25(65^(1/6) − 3(1+(2/3)^6)^(1/6) + 2) = 24.09
		{"400 ms", Path{Codec: "PCMA", Delay: 375 * ms}, 69.11, 3.56},
		{"jitter counts as delay", Path{Codec: "PCMA", Delay: 275 * ms, Jitter: 50 * ms}, 69.11, 3.56},
		{"everything lost", Path{Codec: "PCMA", Loss: 1}, 17.25, 1.18},
		{"nonsense is bounded", Path{Codec: "no such codec", Loss: 7, Delay: -time.Hour, Jitter: -1}, 6.84, 1},
	}
	for _, tt := range tests {
		if r := R(tt.path); math.Abs(r-tt.r) > .05 {
			t.Errorf("%s: R %.2f, want %.2f", tt.name, r, tt.r)
		}
		if m := MOS(tt.path); math.Abs(m-tt.mos) > .01 {
			t.Errorf("%s: MOS %.3f, want %.2f", tt.name, m, tt.mos)
		}
	}
}

func TestWorseIsNeverRatedBetter(t *testing.T) {
	last := 5.
	for loss := 0.; loss <= 1; loss += .01 {
		m := MOS(Path{Codec: "PCMA", Loss: loss})
		if m > last || m < 1 || m > 4.5 {
			t.Fatalf("loss %.2f: %.3f after %.3f", loss, m, last)
		}
		last = m
	}
	last = 5
	for delay := time.Duration(0); delay < 3*time.Second; delay += 10 * ms {
		m := MOS(Path{Codec: "G729", Delay: delay})
		if m > last {
			t.Fatalf("%v: %.3f after %.3f", delay, m, last)
		}
		last = m
	}
}
