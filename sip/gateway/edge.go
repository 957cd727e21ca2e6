package gateway

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/shard"
	"mask700/sip/token"
	"mask700/sip/transport"
	"mask700/sip/trunk"
)

// The methods of this file are the transport's Handler. They run on its reader
// goroutines, so that parsing is spread over the cores while a shard's loop
// sees messages of one source in the order of their arrival.

// Allow says whether a source is on a trunk. What is not is dropped without a
// look at it, unless the listener has trunks that a certificate tells.
func (g *Gateway) Allow(listener int, src netip.Addr) transport.Standing {
	switch {
	case !g.ready.Load():
		return transport.Stranger
	case g.table.Load().Match(g.names[listener], src) != nil:
		return transport.Member
	case g.table.Load().Asks(g.names[listener]):
		return transport.Unproven
	}
	return transport.Stranger
}

// Admit says whether the certificate of a source that is on no trunk by its
// address makes it one of a trunk's.
func (g *Gateway) Admit(listener int, names []string) bool {
	return g.ready.Load() && g.table.Load().MatchPeer(g.names[listener], names) != nil
}

// trunkOf finds the trunk of what came on a flow: by what the other end has
// proved to be, then by its address on the listener.
func (g *Gateway) trunkOf(f flow.Flow, p *transport.Peer) *trunk.Trunk {
	listener, table := g.names[f.Listener], g.table.Load()
	switch {
	case p == nil:
	case p.Server != "":
		if t := table.MatchServer(listener, p.Server); t != nil {
			return t
		}
	default:
		if t := table.MatchPeer(listener, p.Names); t != nil {
			return t
		}
	}
	return table.Match(listener, f.Remote.Addr())
}

// Receive takes one framed message.
func (g *Gateway) Receive(f flow.Flow, p *transport.Peer, frame []byte) {
	t := g.trunkOf(f, p)
	if t == nil {
		return
	}
	m, fault := message.Parse(frame)
	if fault != nil {
		m = fault.Message
	} else {
		fault = message.Check(m)
	}
	if fault != nil && (m == nil || fault.Status == 0) {
		g.faulty.Add(1)
		return
	}
	g.loops[g.shardOf(m.CallID)].inbox.offer(item{in: shard.Inbound{Flow: f, Trunk: t, Message: m, Fault: fault}})
}

func (g *Gateway) shardOf(callID string) int {
	if len(g.loops) == 1 {
		return 0
	}
	r := g.routers.Get().(*token.Router)
	defer g.routers.Put(r)
	return r.Shard(callID)
}

// Lost says that a stream connection ended: what left on it last may have to be
// sent again.
func (g *Gateway) Lost(f flow.Flow, dialled bool) {
	for _, l := range g.loops {
		l.inbox.put(item{do: func(s *shard.Shard) { s.Lost(time.Now(), f, dialled) }})
	}
}

// Failed says that a message could not be delivered.
func (g *Gateway) Failed(_ flow.Flow, token uint64) {
	if token == 0 {
		return
	}
	// Tokens are by shard, and a shard that does not know one ignores it; which
	// shard it was is in its highest bits.
	g.loops[int(token>>48)%len(g.loops)].inbox.put(item{failed: token})
}

// hostOnly writes an address as the host of a URI.
func hostOnly(a netip.Addr) string {
	if a.Is6() && !a.Is4In6() {
		return "[" + a.String() + "]"
	}
	return a.Unmap().String()
}

// hostOf is the host of host:port, which may lack the port.
func hostOf(hostport string) string {
	if ap, err := netip.ParseAddrPort(hostport); err == nil {
		return hostOnly(ap.Addr())
	}
	for i := len(hostport) - 1; i > 0; i-- {
		if hostport[i] == ':' {
			return hostport[:i]
		}
	}
	return hostport
}

// hostPort writes a target as the host of a Request-URI.
func hostPort(t trunk.Target) string {
	host := t.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if t.Port == 0 {
		return host
	}
	return host + ":" + strconv.Itoa(t.Port)
}
