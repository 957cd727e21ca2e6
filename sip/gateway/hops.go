package gateway

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"time"

	"mask700/sip/call"
	"mask700/sip/flow"
	"mask700/sip/route"
	"mask700/sip/trunk"
)

// priorities is the room that each target of a trunk has for the priorities of
// its own places: the order of targets stands above all that a domain says.
const priorities = 1 << 16

// serves reports whether a listener is one toward a trunk.
func (g *Gateway) serves(listener int, t *trunk.Trunk, n flow.Network) bool {
	l := g.options.Listeners[listener]
	return l.Network == n.String() && (t.Listen == "" || l.Name == t.Listen)
}

// reach says what the listeners toward a trunk can reach.
func (g *Gateway) reach(t *trunk.Trunk) (r route.Reach) {
	for i := range g.options.Listeners {
		for n := range flow.Network(len(r)) {
			if g.serves(i, t, n) {
				r.Add(n, g.transport.Addr(i).Addr())
			}
		}
	}
	return r
}

// reaches reports whether a target can have a place at all.
func reaches(r *route.Reach, t trunk.Target) bool {
	if !t.Any || t.Network == flow.TLS || t.Port != 0 || t.Addr.IsValid() {
		return r.Has(t.Network)
	}
	return r.Has(flow.UDP) || r.Has(flow.TCP) || r.Has(flow.TLS)
}

// arrange finds the hops of a trunk after one of its targets was resolved, and
// tells everybody when they are others than before.
func (r *router) arrange(now time.Time, i int) {
	k := &r.trunks[i]
	before := k.hops
	var own []netip.AddrPort
	for j := range k.targets {
		t := &k.targets[j]
		t.hops = nil
		for _, p := range t.lease.Places {
			if r.gateway.isOwn(p.Network, p.Addr) {
				own = append(own, p.Addr)
			} else if h, ok := r.gateway.hop(k.trunk, t.Target, p); ok {
				h.Priority += j * priorities
				t.hops = append(t.hops, h)
			}
		}
	}
	k.hops = merge(k.targets)
	if !slices.Equal(own, k.own) && len(own) > 0 {
		r.gateway.log.Warn("a target leads back to ourselves and is not used", "trunk", k.trunk.Name, "addresses", own)
	}
	k.own = own
	if slices.Equal(before, k.hops) {
		return
	}
	if len(k.hops) == 0 {
		r.gateway.log.Warn("no way to any target of a trunk", "trunk", k.trunk.Name)
	} else {
		r.gateway.log.Info("ways to the targets of a trunk", "trunk", k.trunk.Name, "hops", len(k.hops))
	}
	var keys []route.Key
	for _, h := range k.hops {
		keys = append(keys, keyOf(i, h))
	}
	r.watcher.Follow(now, i, k.trunk.Watch, keys)
	r.nameHosts()
	r.learn(now, i)
	r.reroute(i)
}

// nameHosts notes whose addresses are dialled.
func (r *router) nameHosts() {
	found := servers{}
	for i := range r.trunks {
		for _, t := range r.trunks[i].targets {
			for _, h := range t.hops {
				if h.Flow.Network.Secure() {
					found.add(int(h.Flow.Listener), h.Flow.Remote, r.trunks[i].trunk, t.Target)
				}
			}
		}
	}
	r.gateway.servers.Store(&found)
}

// merge puts the hops of all targets into one list, each place once.
func merge(targets []target) (hops []call.Hop) {
	for _, t := range targets {
		for _, h := range t.hops {
			same := func(o call.Hop) bool { return o.Flow.Network == h.Flow.Network && o.Flow.Remote == h.Flow.Remote }
			if !slices.ContainsFunc(hops, same) {
				hops = append(hops, h)
			}
		}
	}
	slices.SortStableFunc(hops, func(a, b call.Hop) int { return cmp.Compare(a.Priority, b.Priority) })
	return hops[:min(len(hops), route.MaxPlaces)]
}

// hop is the way to a place: from which of our sockets, and what we call
// ourselves toward it. False: there is none now.
func (g *Gateway) hop(t *trunk.Trunk, to trunk.Target, p route.Place) (call.Hop, bool) {
	for i, l := range g.options.Listeners {
		if !g.serves(i, t, p.Network) {
			continue
		}
		local, err := g.transport.LocalFor(i, p.Addr)
		if err != nil {
			continue
		}
		h := call.Hop{
			Flow:     flow.Flow{Listener: uint16(i), Network: p.Network, Local: local, Remote: p.Addr},
			Priority: p.Priority, Weight: p.Weight,
			Host: local.String(), Domain: hostOnly(local.Addr()), Target: hostPort(to),
		}
		if l.Advertise != "" {
			h.Host, h.Domain = l.Advertise, hostOf(l.Advertise)
		}
		return h, true
	}
	return call.Hop{}, false
}

// isOwn reports whether what is sent to an address arrives at a listener of
// ours: a call would come back until its Max-Forwards is used up.
func (g *Gateway) isOwn(n flow.Network, a netip.AddrPort) bool {
	for i, l := range g.options.Listeners {
		if l.Network != n.String() {
			continue
		}
		if ours, err := netip.ParseAddrPort(l.Advertise); err == nil && ours == a {
			return true
		}
		bound := g.transport.Addr(i)
		if bound.Port() != a.Port() || bound.Addr().Is4() != a.Addr().Is4() {
			continue
		}
		if bound.Addr() == a.Addr() || bound.Addr().IsUnspecified() && isLocal(a.Addr()) {
			return true
		}
	}
	return false
}

// isLocal reports whether an address is one of this machine's.
func isLocal(a netip.Addr) bool {
	if a.IsLoopback() {
		return true
	}
	list, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(list, func(own net.Addr) bool {
		p, err := netip.ParsePrefix(own.String())
		return err == nil && p.Addr().Unmap() == a
	})
}
