package gateway

import (
	"testing"
	"time"

	"mask700/binding/cdr"
	"mask700/media"
)

// What a call record says of its media is all there, each figure in its own place.
func TestMediaRecord(t *testing.T) {
	ms := time.Millisecond
	seen := time.Unix(1_700_000_000, 0)
	full := media.Stats{
		AtoB:  media.Flow{Packets: 1000, Kernel: 900, Bytes: 160000, Lost: 10, Refused: 2, Forged: 3, Overrun: 4, Failed: 5, Muted: 6, Flooded: 7, Jitter: 5 * ms, MaxJitter: 70 * ms, Codec: "PCMA"},
		BtoA:  media.Flow{Packets: 500, Bytes: 80000, Lost: 0, Refused: 1, Jitter: 1500 * time.Microsecond, Codec: "PCMA"},
		A:     media.Heard{Known: true, Lost: 4, Jitter: 6 * ms, RoundTrip: 20 * ms},
		B:     media.Heard{RoundTrip: 40 * ms},
		Codec: "PCMA", LastSeen: seen,
		Video: media.VideoStats{Codec: "H264", AtoB: media.Flow{Packets: 7, Bytes: 8, Lost: 9, Refused: 10, Forged: 1}, BtoA: media.Flow{Packets: 11}},
	}
	m := mediaRecord(full)
	if m.Codec != "PCMA" || m.Path != cdr.PathKernel || m.End != cdr.MediaReleased {
		t.Errorf("%+v", m)
	}
	if m.AtoB.Packets != 1000 || m.AtoB.Bytes != 160000 || m.AtoB.Lost != 10 || m.AtoB.Refused != 5 || m.AtoB.Dropped != 9 || m.BtoA.Dropped != 0 || m.AtoB.JitterMS != 5 || m.AtoB.MaxJitterMS != 70 || m.AtoB.Kernel != 900 || m.BtoA.JitterMS != 1.5 || m.BtoA.Refused != 1 {
		t.Errorf("flows %+v, %+v", m.AtoB, m.BtoA)
	}
	// One per cent lost is heard.
	if m.AtoB.MOS < 3.5 || m.AtoB.MOS >= m.BtoA.MOS || m.BtoA.MOS > 4.5 {
		t.Errorf("MOS %v and %v", m.AtoB.MOS, m.BtoA.MOS)
	}
	if m.Caller.RoundTripMS != 20 || m.Caller.Lost != 4 || m.Caller.JitterMS != 6 || m.Caller.MOS < 3.5 || m.Callee.RoundTripMS != 40 || m.Callee.MOS != 0 {
		t.Errorf("heard %+v, %+v", m.Caller, m.Callee)
	}
	if m.Video != (cdr.Video{Codec: "H264", AtoB: cdr.VideoFlow{Packets: 7, Bytes: 8, Lost: 9, Refused: 11}, BtoA: cdr.VideoFlow{Packets: 11}}) {
		t.Errorf("video %+v", m.Video)
	}
	// Each direction is rated by its own codec, and so is what the phone that heard it says.
	mixed := full
	mixed.BtoA.Codec = "G729"
	if got := mediaRecord(mixed); got.AtoB.MOS != m.AtoB.MOS || got.BtoA.MOS >= m.BtoA.MOS || got.Caller.MOS >= m.Caller.MOS {
		t.Errorf("with another codec from B %v and %v, heard by A %v", got.AtoB.MOS, got.BtoA.MOS, got.Caller.MOS)
	}
	const user, kernel = cdr.PathUser, cdr.PathKernel
	for name, c := range map[string]struct {
		change    func(*media.Stats)
		path, end string
		each      [2]string // path of either direction
	}{
		"the kernel one way":       {func(s *media.Stats) {}, kernel, cdr.MediaReleased, [2]string{kernel, user}},
		"the kernel the other way": {func(s *media.Stats) { s.AtoB.Kernel, s.BtoA.Kernel = 0, 500 }, user, cdr.MediaReleased, [2]string{user, kernel}},
		"the kernel both ways":     {func(s *media.Stats) { s.BtoA.Kernel = 251 }, kernel, cdr.MediaReleased, [2]string{kernel, kernel}},
		"one packet by the kernel": {func(s *media.Stats) { s.AtoB.Kernel, s.BtoA.Kernel = 1, 1 }, user, cdr.MediaReleased, [2]string{user, user}},
		"half by the kernel":       {func(s *media.Stats) { s.AtoB.Kernel, s.BtoA.Kernel = 500, 250 }, user, cdr.MediaReleased, [2]string{user, user}},
		"in user space":            {func(s *media.Stats) { s.AtoB.Kernel = 0 }, user, cdr.MediaReleased, [2]string{user, user}},
		"one way alone":            {func(s *media.Stats) { s.BtoA.Packets = 0 }, kernel, cdr.MediaReleased, [2]string{kernel, ""}},
		"the other alone":          {func(s *media.Stats) { s.AtoB.Packets, s.AtoB.Kernel = 0, 0 }, user, cdr.MediaReleased, [2]string{"", user}},
		"timed out":                {func(s *media.Stats) { s.TimedOut = true }, kernel, cdr.MediaTimeout, [2]string{kernel, user}},
		"nothing came":             {func(s *media.Stats) { *s = media.Stats{} }, "", cdr.MediaNone, [2]string{}},
	} {
		s := full
		c.change(&s)
		if m := mediaRecord(s); m.Path != c.path || m.AtoB.Path != c.each[0] || m.BtoA.Path != c.each[1] || m.End != c.end {
			t.Errorf("%s: %+v", name, m)
		}
	}
	if m := mediaRecord(media.Stats{}); m.AtoB.MOS != 0 || m.Caller.MOS != 0 {
		t.Errorf("of nothing: %+v", m)
	}
}
