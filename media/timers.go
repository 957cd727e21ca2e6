package media

import (
	"time"

	"github.com/pion/rtcp"
)

const (
	// tick and slots spread the sessions: each tick visits one slot, so that every
	// session is looked at once a second and no tick looks at all.
	tick  = 50 * time.Millisecond
	slots = 20

	// beat and phases spread the clips that play: each beat sends a frame of a
	// quarter of them.
	beat   = 5 * time.Millisecond
	phases = int(frameTime / beat)

	// patient is how late a beat may be made up for. After a longer stall the clips
	// go on from where they are.
	patient = 200 * time.Millisecond

	never = time.Duration(-1)
)

// beats is when a shard is next to do something, in ns since the relay's start.
type beats struct {
	tick  int64 // next visit
	slot  int   // what is visited then
	beat  int64 // next frame of a clip
	phase int   // which clips' frame
}

// player is a clip that plays in a shard.
type player struct {
	*playback
	session *session
	to      Side
}

// elapse does what is due and tells how long nothing will be.
func (sh *shard) elapse(now int64) time.Duration {
	limit := never
	if sh.stats.Sessions > 0 {
		if late := now - sh.clock.tick; late >= int64(tick)*slots {
			sh.clock.tick = now // there were none, or time was moved
		}
		for ; sh.clock.tick <= now; sh.clock.tick += int64(tick) {
			sh.visit(sh.clock.slot, now)
			sh.clock.slot = (sh.clock.slot + 1) % slots
		}
		limit = time.Duration(sh.clock.tick - now)
	}
	if sh.players() > 0 {
		if now-sh.clock.beat > int64(patient) {
			sh.clock.beat = now
		}
		for ; sh.clock.beat <= now; sh.clock.beat += int64(beat) {
			sh.strike(sh.clock.phase, now)
			sh.press(now)
			sh.clock.phase = (sh.clock.phase + 1) % phases
		}
		if next := time.Duration(sh.clock.beat - now); limit == never || next < limit {
			limit = next
		}
	}
	return limit
}

// players counts what wants a beat.
func (sh *shard) players() int {
	n := len(sh.keys)
	for i := range sh.playing {
		n += len(sh.playing[i])
	}
	return n
}

// visit does what is due once a second for the sessions of a slot.
func (sh *shard) visit(slot int, now int64) {
	for _, s := range sh.slots[slot].sessions {
		s.second(now)
	}
}

// second is a session's turn, once a second: reports, and its end when it went
// silent.
func (s *session) second(now int64) {
	s.review()
	for side, l := range s.legs {
		l.ended()
		l.overrun()
		s.stem(Side(side), now)
		l.wishes = 0
		s.reportWhenDue(Side(side), now)
		s.tellSource(Side(side))
		s.hearLapse(Side(side), now)
	}
	if !s.silent(now) {
		return
	}
	s.timedOut = true
	s.shard.relay.timedOut.Add(1)
	if tell := s.shard.relay.options.OnTimeout; tell != nil {
		s.shard.after = append(s.shard.after, func() { tell(s) })
	}
}

// tellSource tells of the address that a side's voice has been found to come from.
func (s *session) tellSource(side Side) {
	tell, l := s.shard.relay.options.OnSource, s.legs[side]
	a := l.latch.source.Addr()
	if tell == nil || a == l.told || a == l.latch.signalled.Addr() || a == l.latch.signal {
		return
	}
	l.told = a
	s.shard.after = append(s.shard.after, func() { tell(s, side, a) })
}

// silent says whether the session has just run out of time: both sides answered,
// nobody is held or paused, and nothing valid came from either for the timeout, nor
// of the video.
func (s *session) silent(now int64) bool {
	limit := s.shard.relay.options.Timeout
	if s.timedOut || limit < 0 || s.paused || s.picture {
		return false
	}
	for _, l := range s.legs {
		if !l.answered || l.held() {
			return false
		}
	}
	last := max(s.alive, s.seen)
	if s.video != nil {
		last = max(last, s.video.alive, s.video.seen)
	}
	return now-last >= int64(limit)
}

// reportWhenDue sends a leg its report when the time has come.
func (s *session) reportWhenDue(side Side, now int64) {
	l := s.legs[side]
	begun := l.answered || s.legs[side.Other()].in.Packets > 0
	switch {
	case !begun || s.paused:
	case l.reporter.next == 0:
		l.reporter.next = now + interval(true, s.shard.random.Float64())
	case now >= l.reporter.next:
		l.reporter.next = now + interval(false, s.shard.random.Float64())
		s.report(side, now)
	}
}

// report sends a leg what it is told by RTCP, and more. A report that cannot be sent is
// lost, as any may be on the way.
func (s *session) report(side Side, now int64, more ...rtcp.Packet) {
	l := s.legs[side]
	to := l.reportTarget()
	if !to.IsValid() {
		return
	}
	if s.picture {
		l.reporter.skew = s.skew(side.Other(), now)
	}
	wall := s.shard.relay.options.Clock.Now()
	b, err := l.reporter.compose(s.legs[side.Other()].in, &l.in.Received, now, wall, more...)
	if err != nil {
		return
	}
	b, sealed := l.sealReport(b)
	switch {
	case !sealed:
	case l.remote.Mux:
		_ = l.send(b, to)
	default:
		if icmp(l.sockets[useRTCP].SendTo(b, to)) {
			l.flow.Unreachable++
		}
	}
}

// strike sends the next frame of the clips of one phase.
func (sh *shard) strike(phase int, now int64) {
	for i := 0; i < len(sh.playing[phase]); {
		p := sh.playing[phase][i]
		frame, more := p.frame()
		if !more {
			p.session.stopPlaying(p.to, !p.gap) // moves another to this place
			continue
		}
		p.session.playFrame(p, frame, now)
		i++
	}
}

// playFrame sends a frame of a clip to one side as the next packet of the stream
// that it gets. While that side wants to hear nothing, none is sent.
func (s *session) playFrame(p *player, frame []byte, now int64) {
	l, other := s.legs[p.to], s.legs[p.to.Other()]
	to := l.target()
	if s.paused || !to.IsValid() {
		other.in.Refit()
		p.muted()
		return
	}
	packet := other.in.Insert(s.shard.out[:], p.pt, clipClock, frameClock, now, frame)
	packet, sealed := l.seal(packet)
	if !sealed || l.send(packet, to) != 0 {
		other.flow.Failed++
		p.failed()
	}
}
