package media

import (
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"mask700/media/quality"
	"mask700/media/rebase"
	"mask700/media/socket"
)

// leg is one side of a session: two sockets, what signalling said of the peer,
// and the stream that comes from it. Everything but the local address is protected
// by the shard's lock.
type leg struct {
	local Local          // as written into descriptions
	bound netip.AddrPort // of the RTP socket; RTCP has the next port
	pool  *pool          // nil: nobody is here, and there are no sockets

	sockets [3]socket.UDP // by use
	ends    [3]uint32     // where the shard keeps them

	connected netip.AddrPort // where the RTP socket is connected; invalid: nowhere
	wanted    netip.AddrPort // where it should be
	drained   bool           // nothing is left in it from before it was connected
	charge    int            // what a packet takes of its room; 0: it is not bounded
	room      int            // that it has
	overran   uint64         // packets that it had no room for, and are counted

	remote   Remote
	known    bool // SetRemote was called
	answered bool // Settle was called when it was
	latch    latch
	told     netip.Addr     // OnSource was called with
	looped   bool           // its packets would come back to us: nothing is sent
	hop      *hop           // nil: there are no sockets
	hairpins *hairpins      // that know it, nil: none do
	former   straggler      // of the call that had the port before
	reports  netip.AddrPort // where RTCP comes from, and
	reported int64          // ns, when it last did
	reporter reporter
	cipher   cipher
	wishes   int // feedback of this second
	curb     curb
	came     uint64 // bytes of what it is measured by
	curbed   bool   // what comes from here is a flood, and goes nowhere
	fir      fir

	in       *rebase.Stream // what comes from here, written to the other side
	payloads *payloads      // of what comes from here
	flow     Flow           // of what comes from here
	series   quality.Series // of what comes from here
	faxes    faxCount       // of what comes from here, where it is a fax

	playing *playback     // to here
	keys    *keypad       // to here, nil: none
	ear     ear           // for the keys pressed here, where these are not relayed
	events  rebase.Events // of here, where the other side has them in another clock
	offload offload       // of what comes from here
}

// use is what a socket of a leg is for.
type use uint8

// The sockets of a leg. The guard is there while the RTP socket is connected, and
// hears what does not come from its peer.
const (
	useRTP use = iota
	useRTCP
	useGuard
)

// bind opens the sockets for RTP and RTCP, or none.
func (l *leg) bind(open func(netip.AddrPort, uint8) (socket.UDP, error)) error {
	l.sockets = [3]socket.UDP{socket.None, socket.None, socket.None}
	var err error
	if l.sockets[useRTP], err = open(l.bound, l.pool.DSCP); err != nil {
		return err
	}
	if l.sockets[useRTCP], err = open(netip.AddrPortFrom(l.bound.Addr(), l.bound.Port()+1), l.pool.DSCP); err != nil {
		l.sockets[useRTP].Close()
		return err
	}
	return nil
}

// close closes the sockets, which takes them out of the shard's poll.
func (l *leg) close() {
	for _, u := range l.sockets {
		u.Close()
	}
}

// follow connects the RTP socket of a side to a source that is fixed and lets go
// of one that is no longer. When the kernel will not, the source is checked here
// alone, as it is before.
func (s *session) follow(side Side) {
	l := s.legs[side]
	want := l.latch.fixed()
	if want == l.wanted {
		return
	}
	s.reclaimBoth()
	l.wanted, l.drained = want, false
	if l.connected.IsValid() {
		// The guard goes first: once the socket is no longer connected, the kernel
		// would give the guard what comes from the peer.
		s.dismiss(l)
		// A bound socket can always be disconnected; if not, it only hears less.
		_ = s.shard.relay.edge.disconnect(l.sockets[useRTP])
		l.connected = netip.AddrPort{}
	}
	if !want.IsValid() {
		return
	}
	if l.sockets[useRTP].Connect(want) != nil {
		return
	}
	l.connected = want
	// The guard comes second: packets of the peer that went to it in between would
	// be read after later ones. A stranger's may fall between the two.
	if guard, err := l.sockets[useRTP].Guard(l.bound); err == nil {
		l.sockets[useGuard] = guard
		if s.shard.watch(s, side, l, useGuard) != nil {
			guard.Close()
			l.sockets[useGuard] = socket.None
		}
	}
}

// dismiss closes the guard. What it had no room for was a stranger's.
func (s *session) dismiss(l *leg) {
	guard := l.sockets[useGuard]
	if guard == socket.None {
		return
	}
	l.flow.Refused += guard.Overrun()
	guard.Close()
	l.sockets[useGuard] = socket.None
	s.shard.vacate(l.ends[useGuard])
}

// send writes a packet to this side. An ICMP error about an earlier packet is told
// in place of sending this one and is over then, so it is tried again.
func (l *leg) send(packet []byte, to netip.AddrPort) unix.Errno {
	return l.sendAfter(l.try(packet, to), packet, to)
}

// sendAfter is send once the first try had come to e.
func (l *leg) sendAfter(e unix.Errno, packet []byte, to netip.AddrPort) unix.Errno {
	if icmp(e) {
		l.flow.Unreachable++
		e = l.try(packet, to)
	}
	return e
}

func (l *leg) try(packet []byte, to netip.AddrPort) unix.Errno {
	if to == l.connected {
		return l.sockets[useRTP].Send(packet)
	}
	return l.sockets[useRTP].SendTo(packet, to)
}

// icmp says whether an error of a socket may be what an ICMP message told.
func icmp(e unix.Errno) bool {
	switch e {
	case unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.EPROTO, unix.ENOPROTOOPT:
		return true
	}
	return false
}

// held says whether this side's description stops audio one way or both.
func (l *leg) held() bool { return !l.remote.Send || !l.remote.Recv }

// target is where RTP to this side goes, invalid when none may.
func (l *leg) target() netip.AddrPort {
	if !l.remote.Recv || l.looped {
		return netip.AddrPort{}
	}
	return l.latch.destination()
}

// reportTarget is where RTCP to this side goes: with RTP where that was agreed on,
// else to where its own comes from, to where signalling asked for it, and behind a
// NAT to the port after its RTP. A hold by a missing address stops reports too
// (RFC 3264 section 8.4).
func (l *leg) reportTarget() netip.AddrPort {
	to := l.latch.destination()
	switch {
	case !l.remote.RTP.IsValid() || !to.IsValid() || l.remote.Fax:
		return netip.AddrPort{}
	case l.remote.Mux:
		return to
	case l.reports.IsValid():
		return l.reports
	case to.Addr() == l.latch.signalled.Addr() && l.remote.RTCP.IsValid():
		return l.remote.RTCP
	case to.Port() < 65535:
		return netip.AddrPortFrom(to.Addr(), to.Port()+1)
	}
	return netip.AddrPort{}
}

// lapse is how long the source of RTCP is silent, of which reports are seconds apart,
// before another may be it.
const lapse = 3 * int64(reportInterval)

// mayReport says whether RTCP may come from a source: from where signalling said, and
// from any port of the peer's. Until it is fixed who reports keeps it, as the latch does
// with RTP.
func (l *leg) mayReport(src netip.AddrPort, now int64) bool {
	switch {
	case src == l.remote.RTCP:
		return true
	case src != l.latch.signalled && l.hairpins.has(src):
		return false // ourselves are not learnt
	case l.latch.policy == LatchOff:
		return src == l.latch.signalled // multiplexed
	case l.reportsFixed(now), l.reports.IsValid() && now-l.reported < lapse:
		return src == l.reports || src == l.latch.source
	}
	return l.latch.fromPeer(src.Addr())
}

// reportsFrom notes where reports of the peer came from. The very place that was signalled
// takes them back at any time, and then for good.
func (l *leg) reportsFrom(src netip.AddrPort, now int64) {
	if src == l.remote.RTCP || !l.reportsFixed(now) {
		l.reports, l.reported = src, now
	}
}

// reportsFixed says whether where reports come from is learnt for good.
func (l *leg) reportsFixed(now int64) bool {
	return l.reports.IsValid() && (l.latch.locked || l.latch.late(now))
}

// figures completes the counts of what came from this leg.
func (l *leg) figures() Flow {
	f, r := l.flow, &l.in.Received
	r.Note()
	f.Lost, f.Jitter, f.MaxJitter = r.Lost(), r.MeanJitter(), r.MaxJitter()
	return f
}

// heard is what this leg's peer reports of the stream written to it.
func (l *leg) heard(stream *rebase.Stream) Heard {
	t := &l.reporter.told
	h := Heard{Known: t.known, Lost: t.before + uint64(t.lost), Jitter: stream.Duration(uint32(mean(t.jitters, t.reports)))}
	h.RoundTrip = time.Duration(mean(t.roundTrips, t.rounds))
	return h
}

// mean is that of n values; 0 of none.
func mean(sum, n uint64) uint64 {
	if n == 0 {
		return 0
	}
	return sum / n
}

// ended notes that a second is over.
func (l *leg) ended() {
	r := &l.in.Received
	r.Note()
	l.series.Add(quality.Count{
		Packets: r.Packets(), Lost: r.Lost(), Jitter: r.Jitter(), RoundTrip: time.Duration(l.reporter.told.roundTrip),
	})
}

func inUse(err error) bool { return errors.Is(err, unix.EADDRINUSE) }
