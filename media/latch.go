package media

import (
	"net/netip"
	"time"
)

// Latching says how far a side's source may be from what signalling said.
type Latching uint8

// The policies, from the usual one to the widest and the narrowest.
const (
	// LatchStrict takes the signalled IP address, or, where that cannot be the one
	// we see because the peer is behind a NAT, the address that signalling itself
	// came from. The port is learnt.
	LatchStrict Latching = iota
	// LatchSubnet takes the /24 or /64 around that address, too.
	LatchSubnet
	// LatchOff takes the signalled address and port alone; nothing is learnt.
	LatchOff
)

// latch decides which source one side's RTP is taken from, and where packets to
// that side go. What signalling said bounds it, as the policy says.
//
//	          set                settle
//	closed ────────▶ early ──────────────▶ open ──────────▶ latched
//	         ▲   the first valid     the first valid source, │  ▲   that source, or
//	         │   source that speaks  the nearer preferred    │  │   the signalled one
//	         │                            ▲                  │  │
//	         │                            └── set, learnt ───┤  │
//	         └──────────────────── set with another address ─┘
//
// One source is learnt for each offer and answer, and none once learnFor is over: a
// party that says nothing cannot be taken over later. The very address that was
// signalled wins at any time, and for good; within the window of the one that was
// learnt, a nearer one wins too: on one host there may be many parties, and in one
// network many hosts. A source that was only learnt is looked for anew with each
// offer and answer, as a NAT may have moved it: the one we had keeps it unless it is
// silent for the window. So does the one that speaks before the answer, when there is
// early media. The source that was heard until signalling named another address is not
// learnt by what it sends yet: it goes on if nobody else speaks, is fixed once it alone has
// spoken for the window, and gives way to the next after a pause. It is plain data; times
// are in ns of any monotonic clock.
type latch struct {
	policy Latching
	window int64

	signalled netip.AddrPort
	signal    netip.Addr
	settled   bool
	offered   bool  // there was an offer or answer since settle
	until     int64 // when nothing is learnt any more; 0: not before settle
	learnt    bool  // source is the one that was, since the last offer or answer
	taken     bool  // source was accepted after settle
	locked    bool
	source    netip.AddrPort
	left      netip.AddrPort // the source before signalling named another address; invalid: none, or it is fixed again
	takenAt   int64
	heardAt   int64    // source was accepted last, unless it is locked
	again     bool     // opened anew: times begin with the next packet
	best      nearness // the last that spoke within the window, unless a nearer one did
	bestAt    int64
}

// learnFor is how long after an offer and answer a source may be learnt: a phone behind
// a NAT that begins later is heard after its next offer or answer.
const learnFor = int64(30 * time.Second)

// pause is how long the source that signalling has left says nothing before another is
// heard: many packets of any codec, and too short to be missed when a call moves.
const pause = int64(200 * time.Millisecond)

// nearness is how near a source is to what signalling said.
type nearness uint8

const (
	stranger nearness = iota
	neighbour
	address
	exact
)

// told says whether signalling has said this before.
func (l *latch) told(rtp netip.AddrPort, signal netip.Addr) bool {
	return l.signalled == netip.AddrPortFrom(rtp.Addr().Unmap(), rtp.Port()) && l.signal == signal.Unmap()
}

// set applies signalling and says whether the window opened anew: the peer told
// another address, is no longer where its source was allowed, or was only learnt.
// An invalid address is a hold: it leaves the latch as it was.
func (l *latch) set(rtp netip.AddrPort, signal netip.Addr, now int64) bool {
	l.signal = signal.Unmap()
	rtp = netip.AddrPortFrom(rtp.Addr().Unmap(), rtp.Port())
	if !rtp.IsValid() {
		return false
	}
	if rtp == l.signalled && (!l.source.IsValid() || l.near(l.source) != stranger) {
		if l.learnt, l.offered = false, true; l.settled {
			l.until = now + learnFor
		}
		if !l.locked || l.source == l.signalled {
			return false
		}
		l.locked, l.taken, l.again = false, true, true
		return true
	}
	left := l.source
	if !left.IsValid() {
		left = l.left
	}
	*l = latch{policy: l.policy, window: l.window, signalled: rtp, signal: l.signal, left: left}
	return true
}

func (l *latch) settle(now int64) {
	if !l.settled || l.offered {
		l.until = now + learnFor
	}
	l.settled, l.offered = true, false
	// Nothing is learnt, so nothing is waited for.
	l.locked = l.locked || l.policy == LatchOff && l.source.IsValid()
}

// accept says whether a packet from src is taken, and moves or fixes the source.
func (l *latch) accept(src netip.AddrPort, now int64) bool {
	if l.locked && src == l.source {
		return true
	}
	near := l.near(src)
	if l.again {
		l.again, l.takenAt, l.heardAt, l.bestAt = false, now, now, now
	}
	switch {
	case near == stranger, l.locked && near != exact:
		return false
	case near < l.best && now-l.bestAt < l.window:
		return false
	case near == exact:
		l.locked = l.settled
	case src == l.source && l.taken:
		if src == l.left && now-l.heardAt >= l.window {
			l.takenAt = now // one that comes late does not fix it
		}
		l.locked = now-l.takenAt >= l.window
	case l.late(now) && src != l.source:
		return false
	case l.learnt && (near <= l.near(l.source) || now-l.takenAt >= l.window):
		return false
	case src != l.source && near <= l.near(l.source) && now-l.heardAt < l.patience():
		if l.source == l.left {
			l.takenAt = now // not fixed while another speaks
		}
		return false
	case near == neighbour && l.near(l.source) == neighbour && src != l.source && l.source != l.left && !l.settled:
		return false // among neighbours the first counts before the answer
	case l.settled:
		l.taken, l.learnt, l.takenAt = true, src != l.left, now
	}
	if l.locked {
		l.left = netip.AddrPort{}
	}
	l.source, l.best, l.bestAt, l.heardAt = src, near, now, now
	return true
}

// patience is how long the source is silent before another that is no nearer takes its place.
func (l *latch) patience() int64 {
	if l.source == l.left {
		return pause
	}
	return l.window
}

// late says whether it is too late to learn a source.
func (l *latch) late(now int64) bool { return l.until != 0 && now >= l.until }

// near says how near a source is to what signalling said.
func (l *latch) near(src netip.AddrPort) nearness {
	if l.signalled.IsValid() && src == l.signalled {
		return exact
	}
	if l.policy == LatchOff {
		return stranger
	}
	return l.nearAddr(src.Addr())
}

// nearAddr is near for any port of an address.
func (l *latch) nearAddr(a netip.Addr) nearness {
	nat := l.behindNAT()
	switch {
	case !l.signalled.IsValid():
	case a == l.signalled.Addr(), nat && a == l.signal:
		return address
	case l.policy == LatchSubnet && nat && network(l.signal).Contains(a),
		l.policy == LatchSubnet && !nat && network(l.signalled.Addr()).Contains(a):
		return neighbour
	}
	return stranger
}

// network is the /24 or /64 around an address.
func network(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // an invalid address has no neighbours
	}
	return p
}

// allows says whether signalling lets packets come from an address.
func (l *latch) allows(a netip.Addr) bool { return l.nearAddr(a) != stranger }

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

// fromPeer says whether a packet may come from an address: once RTP is latched,
// from RTP's own or the signalled one.
func (l *latch) fromPeer(a netip.Addr) bool {
	if l.locked {
		return a == l.source.Addr() || a == l.signalled.Addr() && !l.final()
	}
	return l.allows(a)
}

// mayTake says whether a packet from a source could be accepted, without a look at
// it.
func (l *latch) mayTake(src netip.AddrPort) bool {
	return !l.locked || src == l.source || src == l.signalled
}

// fixed is the source while it is latched, invalid before.
func (l *latch) fixed() netip.AddrPort {
	if l.locked {
		return l.source
	}
	return netip.AddrPort{}
}

// final says whether nothing but signalling can move the latch any more: the
// signalled source has spoken, or it is behind a NAT and cannot.
func (l *latch) final() bool { return l.locked && (l.source == l.signalled || l.behindNAT()) }

// heir is the source that may take the call from the one it is fixed to; invalid: nobody may.
func (l *latch) heir() netip.AddrPort {
	if l.final() {
		return netip.AddrPort{}
	}
	return l.signalled
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
