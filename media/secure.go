package media

import (
	"net/netip"

	"mask700/media/srtp"
)

// cipher is what protects the packets of one leg (RFC 3711): nothing, or a
// direction each way.
type cipher struct {
	in, out *srtp.Direction // nil: plain RTP

	// Those of the keys before. An offer that is refused goes back to them, and a
	// stream that was switched off goes on with them: the rollover counters are in
	// them.
	lastIn, lastOut *srtp.Direction
}

// set takes the keys of an offer and its answer. A key that stays keeps its
// rollover counter; another begins anew.
func (c *cipher) set(in, out srtp.Key) {
	c.in, c.lastIn = exchange(c.in, c.lastIn, in)
	c.out, c.lastOut = exchange(c.out, c.lastOut, out)
}

func exchange(now, last *srtp.Direction, k srtp.Key) (*srtp.Direction, *srtp.Direction) {
	switch {
	case now != nil && now.Key().Equal(k) || now == nil && k.IsZero():
		return now, last
	case k.IsZero():
		return nil, now
	case last != nil && last.Key().Equal(k):
		if now == nil {
			return last, nil
		}
		return last, now
	}
	// Keys were checked when they were read, so this cannot fail.
	d, err := srtp.NewDirection(k)
	if err != nil {
		return now, last
	}
	if now != nil {
		last = now
	}
	return d, last
}

// open gives the RTP packet in one that came from this leg. False: it is not
// authentic, and is counted.
func (l *leg) open(b []byte) ([]byte, bool) {
	if l.cipher.in == nil {
		return b, true
	}
	b, err := l.cipher.in.Open(b)
	if err != nil {
		l.flow.Forged++
	}
	return b, err == nil
}

// seal protects a packet to this leg in place. False: its key is used up, or its
// number is.
func (l *leg) seal(packet []byte) ([]byte, bool) {
	if l.cipher.out == nil {
		return packet, true
	}
	packet, err := l.cipher.out.Seal(packet)
	return packet, err == nil
}

// openReport is open for RTCP.
func (l *leg) openReport(b []byte) ([]byte, bool) {
	if l.cipher.in == nil {
		return b, true
	}
	b, err := l.cipher.in.OpenReport(b)
	if err != nil {
		l.flow.Forged++
	}
	return b, err == nil
}

// sealReport is seal for RTCP.
func (l *leg) sealReport(b []byte) ([]byte, bool) {
	if l.cipher.out == nil {
		return b, true
	}
	b, err := l.cipher.out.SealReport(b)
	return b, err == nil
}

// fax decides about one datagram of a stream that is UDPTL (T.38), which has no
// identifier that could be checked. So it is taken from the very address that was
// signalled, or from where this leg's voice was latched before, and from no
// other; nothing is learnt from it. What has its form goes on as it is.
func (s *session) fax(side Side, b []byte, src netip.AddrPort, now int64) ([]byte, netip.AddrPort) {
	from, to := s.legs[side], s.legs[side.Other()]
	if src != from.latch.signalled && !(from.latch.locked && src == from.latch.source) {
		from.flow.Refused++
		return nil, netip.AddrPort{}
	}
	if len(b) == bufferSize || !isUDPTL(b) {
		from.flow.Invalid++
		from.flow.Junk.count(b)
		return nil, netip.AddrPort{}
	}
	s.seen, s.heard = now, true
	dst := to.target()
	if s.paused || !to.remote.Fax || !dst.IsValid() {
		from.flow.Muted++
		return nil, netip.AddrPort{}
	}
	return b, dst
}
