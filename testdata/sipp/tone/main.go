// Command tone prints what the SIPp phones say: 0.4 s of a 400 Hz tone in G.711
// A-law at 8000 samples per second, 20 packets of 20 ms, whole periods so that
// it loops without a click.
//
//	go run ./testdata/sipp/tone > testdata/sipp/tone.al
package main

import (
	"fmt"
	"math"
	"os"
)

const (
	rate      = 8000
	frequency = 400
	samples   = rate * 2 / 5
	amplitude = 8000
)

func main() {
	b := make([]byte, samples)
	for i := range b {
		s := amplitude * math.Sin(2*math.Pi*frequency*float64(i)/rate)
		b[i] = alaw(int(math.Round(s)))
	}
	if _, err := os.Stdout.Write(b); err != nil {
		fmt.Fprintln(os.Stderr, "tone:", err)
		os.Exit(1)
	}
}

// alaw is the A-law octet of a 16-bit linear sample (ITU-T G.711 table 1a, even
// bits inverted as they are on the line).
func alaw(linear int) byte {
	sign := byte(0x80)
	if linear < 0 {
		sign, linear = 0, -linear-1
	}
	v := min(linear>>3, 0xfff)
	segment := 0
	for top := v >> 5; top != 0; top >>= 1 {
		segment++
	}
	step := v >> 1
	if segment > 1 {
		step = v >> segment
	}
	return (sign | byte(segment<<4) | byte(step&0x0f)) ^ 0x55
}
