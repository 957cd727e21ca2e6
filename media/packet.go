package media

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"mask700/media/rebase"
)

// A voice packet's way, all of it under the shard's lock and on its thread:
//
//	source ─▶ header ─▶ payload type ─▶ key ─▶ latch ─▶ statistics ─▶ direction ─▶ tap ─▶ ear ─▶ hold, clip ─▶ rewrite ─▶ key ─▶ send
//
// No step allocates.

// readVoice reads the RTP port of a side.
func (s *session) readVoice(side Side, now int64) {
	sh, l := s.shard, s.legs[side]
	if l.drained && s.picture {
		s.readPicture(side, now)
		return
	}
	if l.drained {
		n, e := l.sockets[useRTP].Receive(sh.in[:])
		if e != 0 {
			l.unread(e)
			return
		}
		s.packet(side, sh.in[:n], now)
		return
	}
	held := l.weigh()
	for read := range drainLimit {
		n, src, e := l.sockets[useRTP].ReceiveFrom(sh.in[:])
		switch {
		case e == unix.EAGAIN:
			// What is in a connected socket from now on is its peer's.
			l.drained = l.connected.IsValid()
			l.weighed(held, read)
			return
		case e != 0:
			l.unread(e)
			return
		}
		s.voice(side, sh.in[:n], src, now)
		if !l.connected.IsValid() {
			return
		}
	}
}

// packet takes one that came from where the socket of a side is connected.
func (s *session) packet(side Side, b []byte, now int64) {
	l := s.legs[side]
	s.voice(side, b, l.connected, now)
	if l.drained {
		s.advance(side, now)
	}
}

// pictureBurst bounds the packets of a video read at one wake. A picture comes in
// many at once, for which a socket's buffer alone is too small.
const pictureBurst = 16

// readPicture reads what is there of a picture from a connected socket.
func (s *session) readPicture(side Side, now int64) {
	l := s.legs[side]
	for range pictureBurst {
		n, e := l.sockets[useRTP].Receive(s.shard.in[:])
		if e != 0 {
			l.unread(e)
			return
		}
		s.voice(side, s.shard.in[:n], l.connected, now)
		if !l.drained {
			return
		}
	}
}

// readStranger reads what came to the RTP port of a side from elsewhere than where
// it is connected, one packet at a time.
func (s *session) readStranger(side Side, now int64) {
	n, src, e := s.legs[side].sockets[useGuard].ReceiveFrom(s.shard.in[:])
	if e == 0 {
		s.voice(side, s.shard.in[:n], src, now)
	}
}

// unread counts an error that came in place of a packet. Only ICMP's are about
// anything; EAGAIN and the rest come again or are over.
func (l *leg) unread(e unix.Errno) {
	if icmp(e) {
		l.flow.Unreachable++
	}
}

// voice takes a packet of a side's RTP port from beginning to end.
func (s *session) voice(side Side, b []byte, src netip.AddrPort, now int64) {
	s.shard.stats.Packets++
	f, other := &s.legs[side].flow, s.legs[side.Other()]
	if s.legs[side].remote.Fax {
		if packet, to := s.fax(side, b, src, now); packet != nil {
			f.sent(len(packet), other.send(packet, to) == 0)
		}
		return
	}
	from := s.legs[side]
	if from.offload.away() {
		s.meet(side, b, src)
	}
	packet, to := s.pass(side, b, src, now)
	if packet == nil {
		return
	}
	from.offload.relayed(from.in.Source())
	size := len(packet) - rtpHeader
	packet, sealed := other.seal(packet)
	f.sent(size, sealed && other.send(packet, to) == 0)
}

// sent counts a packet of so many bytes that was to go on.
func (f *Flow) sent(size int, ok bool) {
	if !ok {
		f.Failed++
		return
	}
	f.Packets++
	f.Bytes += uint64(size)
}

// pass decides about one packet and gives it back rewritten with where to send
// it, or nil.
func (s *session) pass(side Side, b []byte, src netip.AddrPort, now int64) ([]byte, netip.AddrPort) {
	from, to := s.legs[side], s.legs[side.Other()]
	if from.mixed(b) {
		// Some peers multiplex though it was not agreed on.
		s.control(side, b, src, now)
		return nil, netip.AddrPort{}
	}
	b = from.admit(b, src, now)
	if b == nil {
		return nil, netip.AddrPort{}
	}
	if from.latch.fixed() != from.wanted {
		if from.wanted.IsValid() {
			from.reports = netip.AddrPort{} // were another's, too
		}
		s.follow(side)
	}
	s.seen, s.heard = now, true
	from.came += uint64(len(b))
	if from.curbed {
		from.flow.Flooded++
		from.in.Refit()
		return nil, netip.AddrPort{}
	}
	if !from.remote.Send {
		from.mute(to) // it believes to be on hold, and is not to be heard by anybody
		return nil, netip.AddrPort{}
	}
	codec := from.payloads.name(from.in.PayloadType())
	if s.tap != nil && codec != "" && !s.paused {
		seq, ts, payload := from.in.Incoming(b)
		s.tap.Voice(side, from.payloads.format(from.in.PayloadType()), seq, ts, time.Duration(now), payload)
	}
	if codec == "" && from.payloads.ends(from.in.PayloadType()) {
		if !s.paused {
			s.listen(side, b, now)
		}
		if to.playing == nil && to.keys == nil {
			from.in.Refit() // nobody misses it
		}
		return nil, netip.AddrPort{}
	}
	dst := to.target()
	if s.paused || !to.known || !dst.IsValid() || to.playing != nil || to.keys != nil || to.remote.Fax {
		from.mute(to)
		return nil, netip.AddrPort{}
	}
	if to.cipher.out != nil && from.in.Far() {
		from.flow.Failed++ // any number may be its, and it would take the stream there
		return nil, netip.AddrPort{}
	}
	switch {
	case codec != "":
		from.flow.Codec = codec
	case from.payloads.turns(from.in.PayloadType()) && !from.scale(b):
		from.flow.Invalid++
		from.flow.Junk.Malformed++
		return nil, netip.AddrPort{}
	}
	return from.in.Write(b), dst
}

// mute counts a packet of this side that the other is not to hear.
func (l *leg) mute(to *leg) {
	l.flow.Muted++
	if to.playing == nil && to.keys == nil { // a clip makes no gap, nor do keys
		l.in.Refit()
	}
}

// scale writes the event of the packet last read in the clock that the other side has for
// events.
func (l *leg) scale(b []byte) bool {
	t := &l.payloads.table[l.in.PayloadType()&0x7f]
	return l.events.Scale(l.in, b, t.Clock, t.Out)
}

// admit gives a packet in the clear when it is RTP of this side's peer, else counts
// it and gives nil. The address is checked before anything is parsed; the port only
// after a look at the header and, where there are keys, once the packet is
// authentic, so that nothing but negotiated RTP can move the latch.
func (l *leg) admit(b []byte, src netip.AddrPort, now int64) []byte {
	f := &l.flow
	switch {
	case !l.latch.fromPeer(src.Addr()):
		f.Refused++
	case len(b) == bufferSize || len(b) < rtpHeader || b[0]>>6 != 2:
		f.Invalid++
		f.Junk.count(b)
	case !l.payloads.table[b[1]&0x7f].Known:
		f.Unknown++
	case !l.latch.mayTake(src), !l.latch.locked && src != l.latch.signalled && (l.former.is(b, src, now) || l.hairpins.has(src)):
		f.Refused++
	default:
		b, ok := l.open(b)
		switch {
		case !ok: // counted
		case src != l.latch.fixed() && !rebase.Whole(b):
			f.Invalid++
			f.Junk.Malformed++
		case !l.latch.accept(src, now):
			f.Refused++
		case l.in.Read(b, now, &l.payloads.table) != rebase.OK:
			f.Invalid++
			f.Junk.Malformed++
		default:
			return b
		}
	}
	return nil
}

// rtpHeader is the size of the header that we write.
const rtpHeader = 12

// readControl reads the RTCP port of a side. Reports go back to where the peer's
// come from, which is fixed together with where its RTP comes from.
func (s *session) readControl(side Side, now int64) {
	sh, l := s.shard, s.legs[side]
	n, src, e := l.sockets[useRTCP].ReceiveFrom(sh.in[:])
	if e != 0 {
		l.unread(e)
		return
	}
	sh.stats.Packets++
	if s.control(side, sh.in[:n], src, now) {
		l.reportsFrom(src, now)
	}
}

// control reads an RTCP packet and says whether it was the peer's. None is ever
// sent on; what it asks of the sender of a video is asked anew.
func (s *session) control(side Side, b []byte, src netip.AddrPort, now int64) bool {
	from := s.legs[side]
	f := &from.flow
	if !from.mayReport(src, now) || from.lateReport(b, src, now) {
		f.Refused++
		return false
	}
	b, ok := from.openReport(b)
	switch {
	case !ok: // counted
	case len(b) == bufferSize || !from.reporter.read(b, now):
		f.Invalid++
		f.Junk.count(b)
	default:
		f.RTCP++
		s.seen, s.heard = now, true
		if s.picture {
			s.feedback(side, b, now)
		}
		return true
	}
	return false
}
