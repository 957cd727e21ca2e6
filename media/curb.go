package media

import "time"

// Ceilings of what one side may send in a second, far above any codec. What is above is a flood: a ring of calls through
// another machine that has symmetric RTP too, in which each packet goes round as fast as the wires let it, or a phone gone wrong.
const (
	maxVoice = 500
	maxVideo = 10_000

	// In bytes with the RTP headers: the widest voice that is passed, L16 of two channels at 48 kHz, is 200 kB a second.
	maxVoiceBytes = 400_000
	maxVideoBytes = 12_500_000 // 100 Mbit/s
)

// curb is how a side stands to its ceiling: plain data, looked at once a second.
//
//	free ── two seconds running above it ──▶ curbed ── a second below it ──▶ free
type curb struct {
	came  uint64 // packets, at the last look
	bytes uint64 // of them
	at    int64  // ns, of that
	above int    // seconds running
}

// look says whether a side is to be curbed of which so many packets and bytes have come by now, for ceilings of both.
func (c *curb) look(came, bytes uint64, now int64, packets, octets uint64) bool {
	since := now - c.at
	if since < int64(time.Second)/2 {
		return c.above > 1 // too soon after the last look to tell
	}
	above := (came-c.came)*uint64(time.Second) > packets*uint64(since) || bytes-c.bytes > octets*uint64(since/int64(time.Millisecond))/1000
	c.came, c.bytes, c.at = came, bytes, now
	if c.above = min(c.above+1, 2); !above {
		c.above = 0
	}
	return c.above > 1
}

// stem lets a side be heard no more while it is above its ceiling.
func (s *session) stem(side Side, now int64) {
	l, packets, octets := s.legs[side], uint64(maxVoice), uint64(maxVoiceBytes)
	if s.picture {
		packets, octets = maxVideo, maxVideoBytes
	}
	f := &l.flow
	curbed := l.curb.look(f.Packets+f.Muted+f.Failed+f.Flooded, l.came, now, packets, octets)
	if curbed && !l.curbed {
		s.reclaim(side)
	}
	l.curbed = curbed
}
