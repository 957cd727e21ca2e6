package media

import (
	"net/netip"

	"github.com/pion/rtcp"

	"mask700/media/rebase"
)

// A call may go on to another target before anybody has answered: to the next hop of a
// trunk, or to who is called next. A pool without an address of its own has chosen one
// toward the first of them, and the next may be in another network, or of the other
// family, where nobody can send to that. Its side is opened anew then:
//
//	A ═══ caller's leg ═══╤═══ leg toward the first target      closed, its ports rest
//	      stays as it is  └─── leg toward the next one          other ports, other identifiers
//
// The caller may have heard the first one's early media, and has been told where we are:
// its ports and the stream that it hears go on. Between the two targets nothing is the
// same: neither port, nor SSRC, nor name.

// Move opens a side anew where our address toward a peer is another.
func (s *session) Move(side Side, peer netip.Addr) (bool, error) {
	side &= 1
	r := s.shard.relay
	pool, policy, from := s.opened(side)
	if pool == nil || !pool.chooses() {
		return false, nil
	}
	to, err := sourceToward(peer)
	if err == nil && to == from {
		return false, nil
	}
	var fresh [2]*leg // of the session and its video
	for i, part := range [2]*session{s, s.video} {
		if err == nil && part != nil {
			fresh[i], err = r.openSide(pool.Name, peer, policy, part.picture)
		}
	}
	if err == nil {
		fresh, err = s.exchange(side, fresh)
	}
	for _, l := range fresh {
		if l != nil {
			l.close()
			r.release(l)
		}
	}
	if err != nil {
		r.unopened(err)
	}
	return err == nil, err
}

// opened is what a side was opened with, and the address that it has; no pool: it has no
// ports.
func (s *session) opened(side Side) (*pool, Latching, netip.Addr) {
	s.shard.mu.Lock()
	defer s.shard.mu.Unlock()
	l := s.legs[side]
	return l.pool, l.latch.policy, l.bound.Addr()
}

// exchange puts the legs of a call and its video in the place of those on a side, all or
// none, and gives those that are to be closed.
func (s *session) exchange(side Side, fresh [2]*leg) ([2]*leg, error) {
	sh := s.shard
	sh.mu.Lock()
	defer sh.unlock()
	if s.closed || sh.closed {
		return fresh, ErrClosed
	}
	parts := [2]*session{s, s.video}
	for i, part := range parts {
		if part == nil {
			continue
		}
		if err := sh.attend(part, side, fresh[i]); err != nil {
			if i > 0 {
				sh.forget(fresh[0])
			}
			return fresh, err
		}
	}
	now := s.now()
	if s.video != nil {
		fresh[1].reporter.cname = fresh[0].reporter.cname // as in open
	}
	for i, part := range parts {
		if part != nil {
			fresh[i] = part.succeed(side, fresh[i], now)
		}
	}
	return fresh, nil
}

// succeed puts a leg whose sockets are watched in the place of the one on a side, and gives
// that one.
func (s *session) succeed(side Side, fresh *leg, now int64) *leg {
	r, former, other := s.shard.relay, s.legs[side], s.legs[side.Other()]
	s.reclaimBoth()
	s.stopPlaying(side, false)
	s.stopKeys(side)
	s.goodbye(side, now)
	former.overrun()
	s.dismiss(former)
	s.shard.forget(former)

	fresh.in, fresh.flow, fresh.series, fresh.reporter.told = former.in, former.flow, former.series, former.reporter.told
	// What may still be sent to the former port is told from now: the stream is the call's.
	former.former, former.in = former.leaves(), rebase.New(rebase.Initial{})
	other.in.Renew(r.begin())
	s.seat(side, fresh)
	r.hairpins.join(s.legs[A], s.legs[B])
	s.alive = now
	s.retune()
	s.dues()
	return former
}

// goodbye tells a side by RTCP that we leave. Who never sent anything does not say it (RFC
// 3550 section 6.3.7).
func (s *session) goodbye(side Side, now int64) {
	if stream := s.legs[side.Other()].in; s.legs[side].reporter.spoke || stream.Packets > 0 {
		s.report(side, now, &rtcp.Goodbye{Sources: []uint32{stream.SSRC()}})
	}
}
