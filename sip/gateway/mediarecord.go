package gateway

import (
	"math"
	"time"

	"mask700/binding/cdr"
	"mask700/media"
	"mask700/media/quality"
)

// mediaRecord is what a call record says of its media.
func mediaRecord(s media.Stats) cdr.Media {
	m := cdr.Media{Codec: s.Codec, AtoB: flowRecord(s.AtoB), BtoA: flowRecord(s.BtoA)}
	m.Video = cdr.Video{Codec: s.Video.Codec, AtoB: videoRecord(s.Video.AtoB), BtoA: videoRecord(s.Video.BtoA)}
	m.Path = path(s.AtoB.Packets+s.BtoA.Packets, s.AtoB.Kernel+s.BtoA.Kernel)
	// From mouth to ear a packet crosses both legs, one way each.
	through := (s.A.RoundTrip + s.B.RoundTrip) / 2
	m.AtoB.MOS = mos(s.AtoB.Codec, s.AtoB.Packets, s.AtoB.Lost, s.AtoB.Jitter, through)
	m.BtoA.MOS = mos(s.BtoA.Codec, s.BtoA.Packets, s.BtoA.Lost, s.BtoA.Jitter, through)
	m.Caller = legRecord(s.BtoA.Codec, s.A, s.BtoA.Packets, through)
	m.Callee = legRecord(s.AtoB.Codec, s.B, s.AtoB.Packets, through)
	switch {
	case s.TimedOut:
		m.End = cdr.MediaTimeout
	case s.LastSeen.IsZero():
		m.End = cdr.MediaNone
	default:
		m.End = cdr.MediaReleased
	}
	return m
}

func flowRecord(f media.Flow) cdr.Flow {
	return cdr.Flow{Packets: f.Packets, Kernel: f.Kernel, Bytes: f.Bytes, Lost: f.Lost, Refused: f.Refused + f.Forged, Dropped: f.Overrun + f.Failed,
		JitterMS: milliseconds(f.Jitter), MaxJitterMS: milliseconds(f.MaxJitter), Path: path(f.Packets, f.Kernel)}
}

// path is who relayed most of so many packets, of which the kernel had some.
func path(packets, kernel uint64) string {
	switch {
	case packets == 0:
		return ""
	case kernel > packets/2:
		return cdr.PathKernel
	}
	return cdr.PathUser
}

func videoRecord(f media.Flow) cdr.VideoFlow {
	return cdr.VideoFlow{Packets: f.Packets, Bytes: f.Bytes, Lost: f.Lost, Refused: f.Refused + f.Forged}
}

// legRecord is what a phone reports of so many packets that were sent to it.
func legRecord(codec string, h media.Heard, sent uint64, through time.Duration) cdr.Leg {
	l := cdr.Leg{RoundTripMS: milliseconds(h.RoundTrip), Lost: h.Lost, JitterMS: milliseconds(h.Jitter)}
	if h.Known {
		l.MOS = mos(codec, sent-min(h.Lost, sent), h.Lost, h.Jitter, through)
	}
	return l
}

// mos is the score of a direction to two places; 0 where nothing came.
func mos(codec string, came, lost uint64, jitter, delay time.Duration) float64 {
	if came == 0 {
		return 0
	}
	score := quality.MOS(quality.Path{Codec: codec, Loss: quality.Loss(came, lost), Jitter: jitter, Delay: delay})
	return math.Round(score*100) / 100
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
