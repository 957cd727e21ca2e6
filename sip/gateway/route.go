package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"mask700/crash"
	"mask700/sip/call"
	"mask700/sip/flow"
	"mask700/sip/route"
	"mask700/sip/shard"
	"mask700/sip/trunk"
)

// Bounds of the work for names.
const (
	resolveTime = 20 * time.Second // for one target, all its questions together
	resolving   = 8                // targets at once
)

// failureLimit is how many failures that calls saw may wait for the router. What
// comes after says nothing new.
const failureLimit = 1024

// router knows where the targets of the trunks are and which of them answer, and
// tells the shards. It is one loop that owns all of this:
//
//	names -> lookups of their own -.
//	OPTIONS -> a shard ------------+-> inbox -> run -> hops of the shards,
//	calls that fail ---------------'               sources of the trunk table
type router struct {
	gateway *Gateway
	records route.Records
	times   route.Times
	watcher *route.Watcher
	trunks  []routed
	sources learned
	inbox   *mailbox[news]
	slots   chan struct{} // of lookups under way
	context context.Context
	cancel  context.CancelFunc
	view    atomic.Pointer[RouteStats]
}

// routed is a trunk on its way.
type routed struct {
	trunk   *trunk.Trunk
	reach   route.Reach
	targets []target
	hops    []call.Hop // of all targets, the best first, without what the watcher knows
	own     []netip.AddrPort
}

// target is one of its targets.
type target struct {
	trunk.Target
	lease route.Lease
	hops  []call.Hop
}

// news is one thing that the router hears of: exactly one of its fields is set.
type news struct {
	resolved *resolved
	reply    *reply
	failed   *failure
}

// resolved is what became of a lookup.
type resolved struct {
	trunk, target int
	answer        route.Answer
	err           error
}

// reply is what became of an OPTIONS.
type reply struct {
	key    route.Key
	number uint64
	status int // 0: none
}

// failure is what a call saw of a hop.
type failure struct {
	key        route.Key
	retryAfter time.Duration
}

// newRouter returns a router whose trunks have no hops yet. A target that no
// listener can ever reach is an error.
func newRouter(g *Gateway) (*router, error) {
	o := g.options
	r := &router{
		gateway: g, records: o.Records, times: o.Routes, inbox: newMailbox[news](failureLimit), slots: make(chan struct{}, resolving),
		watcher: route.NewWatcher(o.Routes, rand.Float64),
	}
	r.context, r.cancel = context.WithCancel(context.Background())
	for i := range o.Trunks {
		k := routed{trunk: &o.Trunks[i], reach: g.reach(&o.Trunks[i])}
		for _, t := range k.trunk.Targets {
			if !reaches(&k.reach, t) {
				return nil, fmt.Errorf("trunk %s: no %s listener for its target; add one under sip.listen", k.trunk.Name, t.Network)
			}
			k.targets = append(k.targets, target{Target: t})
		}
		r.trunks = append(r.trunks, k)
	}
	r.nameHosts()
	r.publish()
	return r, nil
}

// settle resolves every target once, so that a server that says it is ready has
// its ways. It does not wait long for those that cannot be had now.
func (r *router) settle() {
	defer r.publish()
	limit := time.NewTimer(r.times.Start)
	defer limit.Stop()
	open := 0
	for r.lookup(time.Now(), &open); open > 0; {
		select {
		case <-r.inbox.wake:
			for _, n := range r.inbox.take() {
				r.resolved(time.Now(), n.resolved) // nothing else comes before the loops run
				open--
			}
		case <-limit.C:
			return
		}
	}
}

// run is the router's loop.
func (r *router) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-r.gateway.stop:
			return
		case <-r.inbox.wake:
		case <-timer.C:
		}
		now := time.Now()
		for _, n := range r.inbox.take() {
			switch {
			case n.resolved != nil:
				r.resolved(now, n.resolved)
			case n.reply != nil:
				r.watcher.Heard(now, n.reply.key, n.reply.number, n.reply.status)
			default:
				r.watcher.CallFailed(now, n.failed.key, n.failed.retryAfter)
			}
		}
		r.lookup(now, nil)
		r.forget(now)
		r.watcher.Advance(now)
		r.perform()
		r.publish()
		timer.Reset(time.Until(r.next(now)))
	}
}

// next is when there is something to do by itself.
func (r *router) next(now time.Time) time.Time {
	next := now.Add(time.Hour)
	earlier := func(t time.Time, ok bool) {
		if ok && t.Before(next) {
			next = t
		}
	}
	earlier(r.watcher.Next())
	earlier(r.sources.next())
	for i := range r.trunks {
		for j := range r.trunks[i].targets {
			earlier(r.trunks[i].targets[j].lease.Next())
		}
	}
	return next
}

// lookup begins to resolve the targets whose time has come, and counts them.
func (r *router) lookup(now time.Time, begun *int) {
	for i := range r.trunks {
		for j := range r.trunks[i].targets {
			t := &r.trunks[i].targets[j]
			if !t.lease.Ask(now) {
				continue
			}
			if begun != nil {
				*begun++
			}
			what, reach := t.Target, r.trunks[i].reach
			r.gateway.running.Go(func() {
				defer crash.Door()
				answer, err := r.resolve(what, reach)
				r.inbox.put(news{resolved: &resolved{i, j, answer, err}})
			})
		}
	}
}

// resolve is one lookup. An address needs none and waits for none.
func (r *router) resolve(t trunk.Target, reach route.Reach) (route.Answer, error) {
	if !t.Addr.IsValid() {
		select {
		case r.slots <- struct{}{}:
		case <-r.context.Done():
			return route.Answer{}, r.context.Err()
		}
		defer func() { <-r.slots }()
	}
	ctx, cancel := context.WithTimeout(r.context, resolveTime)
	defer cancel()
	return route.Resolve(ctx, r.records, t, reach)
}

// resolved takes what became of a lookup.
func (r *router) resolved(now time.Time, n *resolved) {
	k := &r.trunks[n.trunk]
	t := &k.targets[n.target]
	if t.lease.Learn(now, n.answer, n.err, r.times) {
		if n.err != nil {
			r.gateway.log.Warn("the name of a target cannot be resolved now; what was known stays in use",
				"trunk", k.trunk.Name, "target", t.String(), "addresses", len(t.lease.Places), "error", n.err)
		} else {
			r.gateway.log.Warn("a target has no address that a listener reaches", "trunk", k.trunk.Name, "target", t.String())
		}
	}
	r.arrange(now, n.trunk)
}

// perform does what the watcher asks for.
func (r *router) perform() {
	var turned []int
	for _, a := range r.watcher.Take() {
		switch a := a.(type) {
		case route.Ask:
			r.ask(a)
		case route.Turned:
			level := slog.LevelInfo
			if a.State == route.Down {
				level = slog.LevelWarn
			}
			r.gateway.log.Log(r.context, level, "hop is "+a.State.String(),
				"trunk", r.trunks[a.Key.Trunk].trunk.Name, "network", a.Key.Network.String(), "address", a.Key.Addr)
			if !slices.Contains(turned, a.Key.Trunk) {
				turned = append(turned, a.Key.Trunk)
			}
		}
	}
	for _, i := range turned {
		r.reroute(i)
	}
}

// reroute gives the shards the hops of a trunk.
func (r *router) reroute(i int) {
	for _, l := range r.gateway.loops {
		hops := r.known(i) // a list for each: a shard may order its own
		l.inbox.put(item{do: func(s *shard.Shard) { s.Reroute(i, hops) }})
	}
}

// known are the hops of a trunk with what the watcher knows of them.
func (r *router) known(i int) []call.Hop {
	hops := slices.Clone(r.trunks[i].hops)
	for j := range hops {
		hops[j].Down = r.watcher.Health(keyOf(i, hops[j])).State == route.Down
	}
	return hops
}

func keyOf(trunk int, h call.Hop) route.Key {
	return route.Key{Trunk: trunk, Network: h.Flow.Network, Addr: h.Flow.Remote}
}

// failed takes what a call saw of a hop: no answer, no connection, or 503 with
// so many seconds of Retry-After, 0 for none. It may be called from anywhere and
// never waits.
func (r *router) failed(trunk int, remote netip.AddrPort, network flow.Network, retryAfter int) {
	r.inbox.offer(news{failed: &failure{
		route.Key{Trunk: trunk, Network: network, Addr: remote},
		time.Duration(min(max(retryAfter, 0), 86400)) * time.Second,
	}})
}
