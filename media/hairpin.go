package media

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A party may ask for its packets at a port of another call of ours: a call that goes
// over two numbers comes back to us. When the last of such calls asks for its packets at
// a port of the first, one packet would go round for ever. So an offer or answer that
// closes a ring is a hold, and no source is learnt that is ourselves: the targets that
// signalling names are then all that there is.

// maxHairpins bounds the legs that are looked at for an offer or answer. A call that
// goes through us more often is taken for a ring.
const maxHairpins = 32

// hairpins knows the legs of all calls by the ports that they have.
type hairpins struct {
	ranges [][2]uint16                             // of the pools, inclusive
	addrs  atomic.Pointer[map[netip.Addr]struct{}] // ours; replaced, never changed
	host   host

	mu sync.Mutex // protects what follows, and every hop
	at map[netip.AddrPort]*hop
}

// hop is what a leg is in a chain of calls: what comes in here leaves from the other
// leg to where that one's peer is.
type hop struct {
	to    [2]netip.AddrPort // of RTP and RTCP to the peer of this leg
	other *hop              // of the session; nil: there is none
}

func newHairpins(pools []Pool) *hairpins {
	p := &hairpins{at: map[netip.AddrPort]*hop{}, host: host{list: net.InterfaceAddrs}}
	for _, pool := range pools {
		p.ranges = append(p.ranges, [2]uint16{pool.Min, pool.Max})
	}
	p.addrs.Store(&map[netip.Addr]struct{}{})
	return p
}

// pair is the address of a leg that a packet to one of its two ports comes to.
func pair(at netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()&^1)
}

// enter makes a leg known that has its ports.
func (p *hairpins) enter(l *leg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.hop, l.hairpins = &hop{}, p
	known := *p.addrs.Load()
	for _, a := range [2]netip.Addr{l.bound.Addr(), l.local.Addr.Unmap()} {
		p.at[pair(netip.AddrPortFrom(a, l.bound.Port()))] = l.hop
		if _, ok := known[a]; !ok {
			more := map[netip.Addr]struct{}{a: {}}
			for b := range known {
				more[b] = struct{}{}
			}
			p.addrs.Store(&more)
			known = more
		}
	}
}

// join says that two legs are one session's.
func (p *hairpins) join(a, b *leg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a.hop != nil && b.hop != nil {
		a.hop.other, b.hop.other = b.hop, a.hop
	}
}

// leave forgets a leg before its ports may be another's.
func (p *hairpins) leave(l *leg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range [2]netip.Addr{l.bound.Addr(), l.local.Addr.Unmap()} {
		if at := pair(netip.AddrPortFrom(a, l.bound.Port())); l.hop != nil && p.at[at] == l.hop {
			delete(p.at, at)
		}
	}
}

// aim notes where the peer of a leg wants its packets, unless they would come in at
// this session again. Without an address for RTP the one before stays, as it does in
// the latch.
func (p *hairpins) aim(h *hop, rtp, rtcp netip.AddrPort) bool {
	if h == nil {
		return true // of a test
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	to := [2]netip.AddrPort{rtp, rtcp}
	if !rtp.IsValid() {
		to[useRTP] = h.to[useRTP]
	}
	if h.other != nil && p.returns(h.other, to) {
		h.to[useRTCP] = netip.AddrPort{}
		return false
	}
	h.to = to
	return true
}

// returns says whether what is sent to some places may come in at a leg.
func (p *hairpins) returns(home *hop, to [2]netip.AddrPort) bool {
	var seen [maxHairpins]*hop
	n := 0
	for i := 0; ; i++ {
		for _, at := range to {
			h := p.at[pair(at)]
			switch {
			case h == nil || slices.Contains(seen[:n], h):
			case h == home || n == len(seen):
				return true
			default:
				seen[n] = h
				n++
			}
		}
		if i == n {
			return false
		}
		if to = [2]netip.AddrPort{}; seen[i].other != nil {
			to = seen[i].other.to
		}
	}
}

// has says whether a source is ourselves, or on our address where we might be. It takes
// no lock.
func (p *hairpins) has(src netip.AddrPort) bool {
	if p == nil {
		return false
	}
	if _, ours := (*p.addrs.Load())[src.Addr()]; !ours {
		return false
	}
	return p.pooled(src.Port())
}

// pooled says whether a port is of a pool.
func (p *hairpins) pooled(port uint16) bool {
	for _, r := range p.ranges {
		if port >= r[0] && port <= r[1] {
			return true
		}
	}
	return false
}

// serves says whether a place that a peer wants its packets at is a service of this
// host's, such as its SIP port, which would get them from ourselves, past any firewall.
// A peer whose signalling comes from this host may be at any port here; and at the ports
// of calls it may be anybody's, as in a call over two numbers.
func (p *hairpins) serves(at netip.AddrPort, signal netip.Addr, now time.Time) bool {
	if !at.IsValid() || !signal.IsValid() || p.host.has(signal, now) || !p.host.has(at.Addr(), now) {
		return false
	}
	return at.Addr().Unmap().IsLoopback() || !p.pooled(at.Port())
}

// host knows the addresses of this host.
type host struct {
	list func() ([]net.Addr, error) // net.InterfaceAddrs

	mu    sync.Mutex // protects the rest
	addrs map[netip.Addr]struct{}
	until time.Time // when they are asked for again
}

// relist is how long the addresses of the host are believed.
const relist = 10 * time.Second

// has says whether an address is the host's.
func (h *host) has(a netip.Addr, now time.Time) bool {
	a = a.Unmap()
	if a.IsLoopback() {
		return true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.After(h.until) {
		h.until = now.Add(relist)
		if all, err := h.list(); err == nil { // else those of before
			h.addrs = make(map[netip.Addr]struct{}, len(all))
			for _, one := range all {
				if n, ok := one.(*net.IPNet); ok {
					if a, ok := netip.AddrFromSlice(n.IP); ok {
						h.addrs[a.Unmap()] = struct{}{}
					}
				}
			}
		}
	}
	_, ok := h.addrs[a]
	return ok
}
