package gateway

import (
	"net/netip"
	"time"

	"mask700/sip/flow"
	"mask700/sip/route"
)

// RouteStats are where targets are, and what OPTIONS say of them.
type RouteStats struct {
	Trunks   [][]TargetView // by Trunk.Index, its targets in their order
	Sent     uint64         // OPTIONS
	Lost     uint64         // of them
	HopsDown int
}

// TargetView is a target as an operator sees it.
type TargetView struct {
	State string // "up" when one of its hops is, "down" when all are, "unresolved" without any, else "unknown"
	Hops  []HopView
}

// HopView is one address of a target.
type HopView struct {
	Network flow.Network
	Addr    netip.AddrPort
	State   string // up, down, unknown
	Since   time.Time
	Losses  int // in a row
}

// publish makes a view of all that the loop owns, for others to read.
func (r *router) publish() {
	v := &RouteStats{
		Trunks: make([][]TargetView, len(r.trunks)), Sent: r.watcher.Sent, Lost: r.watcher.Lost,
		HopsDown: r.watcher.Down(),
	}
	for i := range r.trunks {
		for _, t := range r.trunks[i].targets {
			v.Trunks[i] = append(v.Trunks[i], r.viewOf(i, &t))
		}
	}
	r.view.Store(v)
}

func (r *router) viewOf(i int, t *target) TargetView {
	var v TargetView
	up, down := 0, 0
	for _, h := range t.hops {
		health := r.watcher.Health(keyOf(i, h))
		switch health.State {
		case route.Up:
			up++
		case route.Down:
			down++
		}
		v.Hops = append(v.Hops, HopView{h.Flow.Network, h.Flow.Remote, health.State.String(), health.Since, health.Losses})
	}
	switch {
	case len(v.Hops) == 0:
		v.State = "unresolved"
	case up > 0:
		v.State = route.Up.String()
	case down == len(v.Hops):
		v.State = route.Down.String()
	default:
		v.State = route.Unknown.String()
	}
	return v
}
