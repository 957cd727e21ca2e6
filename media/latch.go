package media

import "net/netip"

// latch decides which source one side's RTP is taken from, and where packets to
// that side go. What signalling said bounds it: a source must have the signalled
// IP address, or, where that address cannot be the one we see because the peer is
// behind a NAT, the address that signalling itself came from.
//
//	          set                settle
//	closed ────────▶ early ──────────────▶ open ──────────▶ latched
//	         ▲   the newest valid    the first valid source,    │
//	         │   source counts       its own port preferred     │ that source only
//	         └──────────────────── set with another address ────┘
//
// The exact signalled port always wins over another port of the same address
// while the window lasts: on one host there may be many parties. It is plain
// data; times are in ns of any monotonic clock.
type latch struct {
	window int64

	signalled netip.AddrPort
	signal    netip.Addr
	settled   bool
	taken     bool // source was accepted after settle
	locked    bool
	source    netip.AddrPort
	takenAt   int64
	exact     bool // the signalled port has spoken
	exactAt   int64
}

// set applies signalling and says whether the window opened anew. An invalid
// address is a hold: it leaves the latch as it was.
func (l *latch) set(rtp netip.AddrPort, signal netip.Addr) bool {
	l.signal = signal.Unmap()
	rtp = netip.AddrPortFrom(rtp.Addr().Unmap(), rtp.Port())
	if !rtp.IsValid() || rtp == l.signalled {
		return false
	}
	*l = latch{window: l.window, signalled: rtp, signal: l.signal}
	return true
}

func (l *latch) settle() { l.settled = true }

// accept says whether a packet from src is taken, and moves or fixes the source.
func (l *latch) accept(src netip.AddrPort, now int64) bool {
	if l.locked {
		return src == l.source
	}
	if !l.allows(src.Addr()) {
		return false
	}
	switch {
	case src == l.signalled:
		l.exact, l.exactAt = true, now
		l.locked = l.settled
	case l.exact && now-l.exactAt < l.window:
		return false
	case l.taken && src != l.source:
		return false
	case l.taken:
		l.locked = now-l.takenAt >= l.window
	case l.settled:
		l.taken, l.takenAt = true, now
	}
	l.source = src
	return true
}

// allows says whether signalling lets packets come from an address.
func (l *latch) allows(a netip.Addr) bool {
	if !l.signalled.IsValid() {
		return false
	}
	return a == l.signalled.Addr() || a == l.signal && l.behindNAT()
}

// behindNAT says whether the signalled address cannot be reached from where the
// signalling peer is seen: it is private, and the peer is not in the same private
// range.
func (l *latch) behindNAT() bool {
	i := private(l.signalled.Addr())
	return i >= 0 && l.signal.IsValid() && i != private(l.signal)
}

// destination is where packets to this side go: to where its own come from, and
// before they come to where it asked for. It is invalid when there is nowhere.
func (l *latch) destination() netip.AddrPort {
	if l.source.IsValid() {
		return l.source
	}
	if l.signalled.Addr().IsLoopback() && l.signal.IsValid() && !l.signal.IsLoopback() {
		return netip.AddrPort{} // a stranger must not make us talk to ourselves
	}
	return l.signalled
}

// fromPeer says whether an RTCP packet may come from an address: once RTP is
// latched, from RTP's own.
func (l *latch) fromPeer(a netip.Addr) bool {
	if l.locked {
		return a == l.source.Addr()
	}
	return l.allows(a)
}

// privateRanges are the addresses that mean another host in another network:
// RFC 1918, 6598, 3927, 4193, 4291 and the loopback ones.
var privateRanges = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("fc00::/7"),
	netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("::1/128"),
}

// private gives the index of the private range of an address, -1 for a public one.
func private(a netip.Addr) int {
	for i, p := range privateRanges {
		if p.Contains(a) {
			return i
		}
	}
	return -1
}
