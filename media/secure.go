package media

import (
	"encoding/binary"
	"net/netip"

	"mask700/media/srtp"
)

// cipher is what protects the packets of one leg (RFC 3711): nothing, or a
// direction each way.
type cipher struct {
	in, out *srtp.Direction // nil: plain RTP

	// All that there were. An offer that is refused goes back to the keys before, a stream
	// that was switched off goes on with them, and a peer may offer any that it had once.
	ins, outs srtp.Ring
}

// set takes the keys of an offer and its answer. A key that stays or comes back keeps
// its rollover counter; another begins anew.
func (c *cipher) set(in, out srtp.Key) {
	c.in = exchange(&c.ins, c.in, in)
	c.out = exchange(&c.outs, c.out, out)
}

// rekey prepares for the key that an offer and its answer give what a side hears. A stream
// that is new to a key has rollover counter 0 there, as its receiver takes for granted: so it
// begins with a number of the lower half, where who misses the first packets is not wrong
// about that. One that is past those goes on as another, under an SSRC of which no receiver
// knows any number.
func (s *session) rekey(side Side, out srtp.Key) {
	l, stream := s.legs[side], s.legs[side.Other()].in
	if out.IsZero() || l.cipher.outs.Sealed(out, stream.SSRC()) || stream.Low() {
		return
	}
	s.goodbye(side, s.now()) // under the former key
	stream.Renew(s.shard.relay.begin())
	l.reporter.renew()
}

func exchange(all *srtp.Ring, now *srtp.Direction, k srtp.Key) *srtp.Direction {
	if k.IsZero() {
		return nil
	}
	// Keys were checked when they were read, so this cannot fail.
	d, err := all.Take(k)
	if err != nil {
		return now
	}
	return d
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
// other; nothing is learnt from it. What has its form goes on as it is, but for
// its number.
func (s *session) fax(side Side, b []byte, src netip.AddrPort, now int64) ([]byte, netip.AddrPort) {
	from, to := s.legs[side], s.legs[side.Other()]
	if src != from.latch.signalled && !(from.latch.locked && src == from.latch.source) {
		from.flow.Refused++
		return nil, netip.AddrPort{}
	}
	earlier, ok := readUDPTL(b)
	if len(b) == bufferSize || !ok {
		from.flow.Invalid++
		from.flow.Junk.count(b)
		return nil, netip.AddrPort{}
	}
	s.seen, s.heard = now, true
	from.came += uint64(len(b))
	if from.curbed {
		from.flow.Flooded++
		return nil, netip.AddrPort{}
	}
	dst := to.target()
	if s.paused || !from.remote.Send || !to.remote.Fax || !dst.IsValid() {
		from.flow.Muted++
		return nil, netip.AddrPort{}
	}
	seq, ok := from.faxes.next(binary.BigEndian.Uint16(b), earlier)
	if !ok {
		from.flow.Failed++
		return nil, netip.AddrPort{}
	}
	binary.BigEndian.PutUint16(b, seq)
	return b, dst
}
