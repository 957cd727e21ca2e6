package media

import (
	"net/netip"
	"sync/atomic"
	"time"

	"mask700/media/quality"
)

// session is the Session of a Relay: what signalling may do with it. A packet's
// way is in packet.go, what happens at some time in timers.go, another place for a
// side in move.go. Both sides belong to one shard, and its lock protects everything
// but the local addresses, and the pointers and numbers that never change.
type session struct {
	shard   *shard
	legs    [2]*leg                  // the pointers change with Move alone
	local   [2]atomic.Pointer[Local] // of each leg, for who has not the lock
	video   *session                 // of the call, nil: none
	sibling *session                 // the other session of the call, nil: there is one
	picture bool                     // this is the video's

	number      int // of the shard
	slot, index int // where the shard keeps it

	paused   bool
	closed   bool
	timedOut bool
	alive    int64 // ns, when timeout began to count
	seen     int64 // ns of the last valid packet
	heard    bool  // there was one
	tap      Tap   // nil: none
	last     Stats // once closed
}

var _ Session = (*session)(nil)

// Local is the address for descriptions.
func (s *session) Local(side Side) Local {
	if l := s.local[side&1].Load(); l != nil {
		return *l
	}
	return Local{}
}

// seat makes a leg that of a side.
func (s *session) seat(side Side, l *leg) {
	s.legs[side] = l
	s.local[side].Store(&l.local)
}

// SetRemote applies an offer or answer.
func (s *session) SetRemote(side Side, r Remote) {
	hairpins, now := s.shard.relay.hairpins, s.shard.relay.options.Clock.Now()
	if hairpins.serves(r.RTCP, r.Signal, now) {
		r.RTCP = netip.AddrPort{} // reports go to where they would go without it
	}
	served := !r.RTP.Addr().Unmap().IsLoopback() && hairpins.serves(r.RTP, r.Signal, now) // loopback: see latch.destination
	s.shard.mu.Lock()
	defer s.shard.unlock()
	if s.closed {
		return
	}
	l := s.legs[side&1]
	looped := served || s.isOurs(r.RTP) || s.isOurs(r.RTCP) || !hairpins.aim(l.hop, r.RTP, r.RTCP)
	if looped {
		r.RTP, r.RTCP = netip.AddrPort{}, netip.AddrPort{}
	}
	if r.Silent && l.known && looped == l.looped && l.remote.same(&r) {
		s.alive = s.now()
		return
	}
	s.reclaimBoth()
	s.rekey(side&1, r.Out)
	l.remote, l.known, l.looped = r, true, looped
	l.fit()
	if !(r.Silent && l.latch.told(r.RTP, r.Signal)) && l.latch.set(r.RTP, r.Signal, s.now()) || l.hairpins.has(l.reports) {
		l.reports = netip.AddrPort{}
	}
	s.follow(side & 1)
	l.payloads = newPayloads(r.Types, r.Mux)
	l.cipher.set(r.In, r.Out)
	s.alive = s.now()
	s.retune()
	s.dues()
}

// dues notes which side has to send, and is to be heard: what does not come of another
// is not lost. It is called once any of that has changed.
func (s *session) dues() {
	for side, from := range s.legs {
		to := s.legs[Side(side).Other()]
		from.in.Received.Due(from.remote.Send && to.remote.Recv && !s.paused && to.playing == nil && to.keys == nil &&
			!from.remote.Fax && !to.remote.Fax)
	}
}

// isOurs says whether a peer asks for its packets at a port of this very call: two
// that do would send one packet round for ever.
func (s *session) isOurs(at netip.AddrPort) bool {
	return s.has(at) || s.sibling != nil && s.sibling.has(at)
}

func (s *session) has(at netip.AddrPort) bool {
	for _, l := range s.legs {
		if l.pool == nil {
			continue
		}
		for _, addr := range [2]netip.Addr{l.bound.Addr(), l.local.Addr} {
			if at.Addr().Unmap() == addr && (at.Port() == l.bound.Port() || at.Port() == l.bound.Port()+1) {
				return true
			}
		}
	}
	return false
}

// Settle latches the next valid source of a side.
func (s *session) Settle(side Side) {
	s.shard.mu.Lock()
	defer s.shard.unlock()
	if s.closed {
		return
	}
	s.reclaimBoth()
	l := s.legs[side&1]
	l.latch.settle(s.now())
	if l.former.until == 0 && l.latch.signalled.IsValid() { // else nobody is called yet, the other is greeted
		l.former.until = s.now() + l.latch.window
	}
	s.follow(side & 1)
	l.answered = l.known // else nobody is here yet
	s.alive = s.now()
}

// Pause stops packets both ways, of the video too.
func (s *session) Pause(on bool) {
	s.shard.mu.Lock()
	defer s.shard.unlock()
	for _, p := range [2]*session{s, s.video} {
		if p != nil {
			p.reclaimBoth()
			p.paused = on
			p.alive = p.now()
			p.dues()
		}
	}
}

// Record gives voice to a tap.
func (s *session) Record(t Tap) {
	s.shard.mu.Lock()
	defer s.shard.unlock()
	if !s.closed {
		s.reclaimBoth()
		s.tap = t
	}
}

// Play sends a clip to one side.
func (s *session) Play(to Side, c *Clip, done func(finished bool)) bool {
	s.shard.mu.Lock()
	defer s.shard.unlock()
	to &= 1
	l, other := s.legs[to], s.legs[to.Other()]
	if c == nil {
		s.stopPlaying(to, false)
		return true
	}
	pt, ok := toward(l.payloads, other.payloads, c.Codec)
	if s.closed || !ok || !playable(c) || !c.Whole && !l.target().IsValid() {
		return false
	}
	if p := l.playing; p != nil && p.clip.Whole && !c.Whole {
		return false // what has to be heard goes on
	}
	s.reclaimBoth()
	s.stopPlaying(to, false)
	s.cutKey(to)
	l.playing = &playback{clip: c, pt: pt, done: done}
	s.dues()
	s.shard.start(&player{playback: l.playing, session: s, to: to})
	return true
}

// playable says whether every frame of a clip fits into a packet.
func playable(c *Clip) bool {
	for _, f := range c.Frames {
		if len(f) == 0 || len(f) > maxFrame {
			return false
		}
	}
	return len(c.Frames) > 0
}

// start lets a clip begin in the phase that has the fewest.
func (sh *shard) start(p *player) {
	sh.conduct()
	for i := range sh.playing {
		if len(sh.playing[i]) < len(sh.playing[p.phase]) {
			p.phase = i
		}
	}
	sh.playing[p.phase] = append(sh.playing[p.phase], p)
}

// conduct lets the beat begin, which nothing has wanted so far.
func (sh *shard) conduct() {
	if sh.players() == 0 {
		sh.clock.beat = sh.relay.now()
		sh.poll.Ring() // it waits for longer than until the next beat
	}
}

// stopPlaying ends what plays to a side, if anything does.
func (s *session) stopPlaying(to Side, finished bool) {
	p := s.legs[to].playing
	if p == nil {
		return
	}
	s.legs[to].playing = nil
	s.dues()
	list := s.shard.playing[p.phase]
	for i := range list {
		if list[i].playback == p {
			list[i] = list[len(list)-1]
			list[len(list)-1] = nil
			s.shard.playing[p.phase] = list[:len(list)-1]
			break
		}
	}
	if p.done != nil {
		s.shard.after = append(s.shard.after, func() { p.done(finished) })
	}
}

// retune finds the payload types of what plays anew, and stops what the new
// descriptions have no place for.
func (s *session) retune() {
	for side, l := range s.legs {
		if l.playing == nil {
			continue
		}
		pt, ok := toward(l.payloads, s.legs[Side(side).Other()].payloads, l.playing.clip.Codec)
		if !ok {
			s.stopPlaying(Side(side), false)
			continue
		}
		l.playing.pt = pt
	}
}

// Video is the session of the call's video.
func (s *session) Video() Session {
	if s.video == nil {
		return nil
	}
	return s.video
}

// Stats is a snapshot.
func (s *session) Stats() Stats {
	s.shard.mu.Lock()
	defer s.shard.mu.Unlock()
	if s.closed {
		return s.last
	}
	return s.stats()
}

func (s *session) stats() Stats {
	s.take(A)
	s.take(B)
	st := Stats{AtoB: s.legs[A].figures(), BtoA: s.legs[B].figures(), TimedOut: s.timedOut}
	st.A, st.B = s.legs[A].heard(s.legs[B].in), s.legs[B].heard(s.legs[A].in)
	if st.Codec = st.AtoB.Codec; st.Codec == "" {
		st.Codec = st.BtoA.Codec
	}
	if s.heard {
		st.LastSeen = s.shard.relay.start.Add(time.Duration(s.seen))
	}
	if s.video != nil {
		v := s.video.last
		if !s.video.closed {
			v = s.video.stats()
		}
		st.Video = VideoStats{AtoB: v.AtoB, BtoA: v.BtoA, Codec: v.Codec}
		if v.LastSeen.After(st.LastSeen) {
			st.LastSeen = v.LastSeen
		}
	}
	return st
}

// Seconds is the last minute of what came from a side.
func (s *session) Seconds(side Side) []quality.Second {
	s.shard.mu.Lock()
	defer s.shard.unlock()
	return s.legs[side&1].series.Seconds(nil)
}

func (s *session) now() int64 { return s.shard.relay.now() }

// Close says goodbye, closes the sockets and lets the ports rest.
func (s *session) Close() Stats {
	if s.video != nil {
		s.video.Close()
	}
	s.shard.mu.Lock()
	if s.closed {
		defer s.shard.mu.Unlock()
		return s.last
	}
	now := s.now()
	s.reclaimBoth()
	for side, l := range s.legs {
		s.goodbye(Side(side), now)
		s.stopPlaying(Side(side), false)
		s.stopKeys(Side(side))
		l.overrun()
		s.dismiss(l)
		l.close()
	}
	s.closed, s.last, s.tap = true, s.stats(), nil
	s.shard.leave(s, s.last)
	s.shard.unlock()
	s.shard.relay.leave(s)
	return s.last
}
