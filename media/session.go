package media

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"mask700/media/rebase"
)

// bufferSize holds any packet of audio on an Ethernet; a packet that fills it may
// have been cut and is refused.
const bufferSize = 2048

// maxReadErrors ends a loop whose socket fails again and again without having
// been closed.
const maxReadErrors = 1000

// session is the Session of a Relay. A packet's way is: source, parse, count,
// hold, rewrite, all under the lock, and then the send without it.
type session struct {
	relay *Relay
	slot  int
	legs  [2]*leg // the pointers never change

	mu       sync.Mutex // protects everything below and in the legs
	paused   bool
	closed   bool
	timedOut bool
	alive    int64 // ns, when timeout began to count
	seen     int64 // ns of the last valid packet
	heard    bool  // there was one
	last     Stats // once closed
}

var _ Session = (*session)(nil)

// Local is the address for descriptions.
func (s *session) Local(side Side) Local { return s.legs[side&1].local }

// SetRemote applies an offer or answer.
func (s *session) SetRemote(side Side, r Remote) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.legs[side&1]
	l.remote, l.known = r, true
	if l.latch.set(r.RTP, r.Signal) {
		l.reports = netip.AddrPort{}
	}
	l.payloads = newPayloads(r.Types)
	s.alive = s.now()
}

// Settle latches the next valid source of a side.
func (s *session) Settle(side Side) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.legs[side&1]
	l.latch.settle()
	l.answered = true
	s.alive = s.now()
}

// Pause stops packets both ways.
func (s *session) Pause(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = on
	s.alive = s.now()
}

// Stats is a snapshot.
func (s *session) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return s.last
	}
	return s.stats()
}

func (s *session) stats() Stats {
	st := Stats{AtoB: s.legs[A].figures(), BtoA: s.legs[B].figures(), Codec: s.legs[A].codec, TimedOut: s.timedOut}
	if st.Codec == "" {
		st.Codec = s.legs[B].codec
	}
	if s.heard {
		st.LastSeen = s.relay.start.Add(time.Duration(s.seen))
	}
	return st
}

// figures completes the counts of what came from this leg.
func (l *leg) figures() Flow {
	f := l.flow
	f.Lost, f.Jitter = l.in.Received.Lost(), l.in.Received.Jitter()
	return f
}

func (s *session) now() int64 { return s.relay.since(s.relay.options.Clock.Now()) }

// Close says goodbye, closes the sockets and lets the ports rest.
func (s *session) Close() Stats {
	s.mu.Lock()
	if s.closed {
		defer s.mu.Unlock()
		return s.last
	}
	now := s.relay.options.Clock.Now()
	for side := range s.legs {
		// Who never sent anything does not say goodbye (RFC 3550 section 6.3.7).
		if s.legs[side].reporter.spoke || s.legs[Side(side).Other()].in.Packets > 0 {
			s.report(Side(side), now, true)
		}
	}
	s.closed, s.last = true, s.stats()
	last := s.last
	for _, l := range s.legs {
		l.close()
	}
	s.mu.Unlock()
	s.relay.leave(s, last)
	return last
}

// rtpLoop relays what comes in on one side until the socket is closed.
func (s *session) rtpLoop(side Side) {
	defer s.relay.loops.Done()
	var buf [bufferSize]byte
	from, to := s.legs[side], s.legs[side.Other()]
	for failures := 0; failures < maxReadErrors; {
		n, src, err := from.rtp.ReadFromUDPAddrPort(buf[:])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			failures++
			continue
		}
		failures = 0
		packet, dst := s.pass(side, buf[:n], netip.AddrPortFrom(src.Addr().Unmap(), src.Port()))
		if packet == nil {
			continue
		}
		if _, err := to.rtp.WriteToUDPAddrPort(packet, dst); err != nil {
			s.fail(side, len(packet))
		}
	}
}

// pass decides about one packet and gives it back rewritten with where to send
// it, or nil.
func (s *session) pass(side Side, b []byte, src netip.AddrPort) ([]byte, netip.AddrPort) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	from, to := s.legs[side], s.legs[side.Other()]
	if isRTCP(b) {
		// Multiplexing was not agreed on, but some peers do it all the same.
		s.control(from, b, src, now)
		return nil, netip.AddrPort{}
	}
	if !s.admit(from, b, src, now) {
		return nil, netip.AddrPort{}
	}
	s.seen, s.heard = now, true
	dst := to.target()
	if s.paused || s.closed || !to.known || !dst.IsValid() {
		from.flow.Muted++
		from.in.Refit()
		return nil, netip.AddrPort{}
	}
	if name := from.payloads.names[from.in.PayloadType()]; name != "" {
		from.codec = name
	}
	packet := from.in.Write(b)
	from.flow.Packets++
	from.flow.Bytes += uint64(len(packet) - rtpHeader)
	return packet, dst
}

// admit says whether a packet is RTP of this side's peer, and counts it where it
// is not. The address is checked before anything is parsed; the port only after a
// look at the header, so that nothing but negotiated RTP can move the latch.
func (s *session) admit(from *leg, b []byte, src netip.AddrPort, now int64) bool {
	f := &from.flow
	switch {
	case !from.latch.fromPeer(src.Addr()):
		f.Refused++
	case len(b) == bufferSize || len(b) < rtpHeader || b[0]>>6 != 2: // cut, STUN, DTLS, T.38, …
		f.Invalid++
	case !from.payloads.table[b[1]&0x7f].Known:
		f.Unknown++
	case !from.latch.accept(src, now):
		f.Refused++
	case from.in.Read(b, now, &from.payloads.table) != rebase.OK:
		f.Invalid++
	default:
		return true
	}
	return false
}

// rtpHeader is the size of the header that we write.
const rtpHeader = 12

// fail counts a packet of some size that the kernel did not send as not relayed.
func (s *session) fail(side Side, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &s.legs[side].flow
	f.Failed++
	f.Packets--
	f.Bytes -= uint64(size - rtpHeader)
}

// rtcpLoop reads what comes in on one side's RTCP port until it is closed.
func (s *session) rtcpLoop(side Side) {
	defer s.relay.loops.Done()
	var buf [bufferSize]byte
	from := s.legs[side]
	for failures := 0; failures < maxReadErrors; {
		n, src, err := from.rtcp.ReadFromUDPAddrPort(buf[:])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			failures++
			continue
		}
		failures = 0
		s.hear(from, buf[:n], netip.AddrPortFrom(src.Addr().Unmap(), src.Port()))
	}
}

// hear takes a packet of the RTCP port. Reports go back to where the peer's come
// from, which is fixed together with where its RTP comes from.
func (s *session) hear(from *leg, b []byte, src netip.AddrPort) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.control(from, b, src, now) && !(from.latch.locked && from.reports.IsValid()) {
		from.reports = src
	}
}

// control reads an RTCP packet and says whether it was the peer's. None is ever
// sent on.
func (s *session) control(from *leg, b []byte, src netip.AddrPort, now int64) bool {
	switch {
	case !from.latch.fromPeer(src.Addr()) && src != from.remote.RTCP:
		from.flow.Refused++
	case len(b) == bufferSize || !from.reporter.read(b, now):
		from.flow.Invalid++
	default:
		from.flow.RTCP++
		s.seen, s.heard = now, true
		return true
	}
	return false
}

// visit does what is due: reports, and the end of a session that went silent.
func (s *session) visit(now time.Time) {
	at := s.relay.since(now)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	for side := range s.legs {
		s.reportWhenDue(Side(side), now, at)
	}
	dead := s.silent(at)
	if dead {
		s.timedOut = true
	}
	s.mu.Unlock()
	if !dead {
		return
	}
	s.relay.state.Lock()
	s.relay.state.timedOut++
	s.relay.state.Unlock()
	if s.relay.options.OnTimeout != nil {
		s.relay.options.OnTimeout(s)
	}
}

// silent says whether the session has just run out of time: both sides answered,
// nobody is held or paused, and nothing valid came from either for the timeout.
func (s *session) silent(at int64) bool {
	limit := s.relay.options.Timeout
	if s.timedOut || limit < 0 || s.paused {
		return false
	}
	for _, l := range s.legs {
		if !l.answered || l.held() {
			return false
		}
	}
	return at-max(s.alive, s.seen) >= int64(limit)
}

// reportWhenDue sends a leg its report when the time has come.
func (s *session) reportWhenDue(side Side, now time.Time, at int64) {
	l := s.legs[side]
	begun := l.answered || s.legs[side.Other()].in.Packets > 0
	switch {
	case !begun || s.paused:
	case l.reporter.next == 0:
		l.reporter.next = at + interval(true, s.relay.share())
	case at >= l.reporter.next:
		l.reporter.next = at + interval(false, s.relay.share())
		s.report(side, now, false)
	}
}

// report sends a leg what it is told of RTCP. A report that cannot be sent is
// lost, as any may be on the way.
func (s *session) report(side Side, now time.Time, bye bool) {
	l := s.legs[side]
	to := l.reportTarget()
	if !to.IsValid() {
		return
	}
	b, err := l.reporter.compose(s.legs[side.Other()].in, &l.in.Received, s.relay.since(now), now, bye)
	if err != nil {
		return
	}
	_, _ = l.rtcp.WriteToUDPAddrPort(b, to)
}
