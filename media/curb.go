package media

import "time"

// Ceilings of what one side may send in a second, far above any codec. What is above is a flood: a ring of calls through
// another machine that has symmetric RTP too, in which each packet goes round as fast as the wires let it, or a phone gone wrong.
const (
	maxVoice = 500
	maxVideo = 10_000
)

// curb is how a side stands to its ceiling: plain data, looked at once a second.
//
//	free ── two seconds running above it ──▶ curbed ── a second below it ──▶ free
type curb struct {
	came  uint64 // packets, at the last look
	at    int64  // ns, of that
	above int    // seconds running
}

// look says whether a side is to be curbed of which so many packets have come by now.
func (c *curb) look(came uint64, now int64, ceiling uint64) bool {
	since := now - c.at
	if since < int64(time.Second)/2 {
		return c.above > 1 // too soon after the last look to tell
	}
	above := (came-c.came)*uint64(time.Second) > ceiling*uint64(since)
	c.came, c.at = came, now
	if c.above = min(c.above+1, 2); !above {
		c.above = 0
	}
	return c.above > 1
}

// stem lets a side be heard no more while it is above its ceiling.
func (s *session) stem(side Side, now int64) {
	l, ceiling := s.legs[side], uint64(maxVoice)
	if s.picture {
		ceiling = maxVideo
	}
	f := &l.flow
	curbed := l.curb.look(f.Packets+f.Muted+f.Failed+f.Flooded, now, ceiling)
	if curbed && !l.curbed {
		s.reclaim(side)
	}
	l.curbed = curbed
}
