package media

import "time"

// Sender reports tell which sound and which picture are of one instant, and a phone
// plays them together. Ours say when what was sent came in, which for a picture is
// later: it takes an encoder longer, and a network that sends it in pieces. By how
// much, the sender's own reports tell, and those of the video are corrected by it.

// maxSkew is more than any encoder takes. What says more has clocks that are not
// one.
const maxSkew = 2 * time.Second

// skew is what our reports on the video that comes from a side have to be corrected
// by, in ticks: 0 where its sender does not report both streams.
func (s *session) skew(side Side, now int64) uint32 {
	sound, picture := s.sibling.legs[side], s.legs[side]
	heard, ok := sound.instant(now)
	if !ok || picture.in.Clock() == 0 || picture.reporter.source != picture.in.Source() || picture.reporter.lsr == 0 {
		return 0
	}
	// The picture of what is heard now, by the sender's clocks.
	theirs := picture.reporter.theirs
	ticks := scale(int64(heard-theirs.ntp), int64(picture.in.Clock()))
	shown, ok := picture.in.Moment(now)
	late := int32(theirs.rtp + uint32(ticks) - shown)
	if limit := int32(maxSkew.Seconds()) * int32(picture.in.Clock()); !ok || late > limit || late < -limit {
		return 0
	}
	return uint32(late)
}

// instant is the sender's own time of what comes from a leg now.
func (l *leg) instant(now int64) (ntp uint64, ok bool) {
	ts, ok := l.in.Moment(now)
	if !ok || l.reporter.lsr == 0 || l.reporter.source != l.in.Source() || l.in.Clock() == 0 {
		return 0, false
	}
	passed := int64(int32(ts - l.reporter.theirs.rtp))
	return l.reporter.theirs.ntp + uint64(passed<<32/int64(l.in.Clock())), true
}

// scale converts seconds in 32.32 bits to ticks of a clock. What is longer than a
// day has nothing to do with the call.
func scale(seconds, clock int64) int64 {
	const day = 86400 << 32
	if seconds > day || seconds < -day {
		return 0
	}
	return seconds >> 16 * clock >> 16
}
