package call

import (
	"mask700/binding"
	"mask700/binding/cdr"
)

// Where a media pool has no address of its own, ours is chosen toward each party when the
// ports are opened: toward the first hop. A party that is called by the next hop, or who is
// called next, may be in another network or of the other family of addresses, where that
// address is no use. So nobody is called by another address than the one that the ports
// were opened toward before the media has been asked:
//
//	  another hop, another in turn
//	             v
//	   its leg is prepared --- the same address as before ---> INVITE
//	             | another
//	             v
//	   [ MoveMedia asked ] --- ports kept, or new ones ------> INVITE, which names those
//	      |            `------ none to be had ---------------> the next hop, or the end
//	      `- its time is over, the caller hangs up: as while it rings
//
// The other party's ports, what it was told and what it hears stay as they are: it may have
// had early media of the first one.

// movesMedia asks for ports toward the hop that a leg was prepared for. It says false where
// those that there are serve.
func (c *Call) movesMedia(env *Env, s Side) bool {
	to := c.leg(s).Flow
	if s == Third {
		t := &c.Transfers[0]
		if to.Remote.Addr() == t.Peer {
			return false
		}
		t.Waiting |= forPorts
		env.do(MoveMedia{Session: t.Session, Side: t.By, Peer: to})
		return true
	}
	if to.Remote.Addr() == c.MediaPeers[s] {
		return false
	}
	c.Waiting |= forPorts
	env.do(MoveMedia{Session: c.Session, Side: s, Peer: to})
	return true
}

// mediaMoved takes the ports toward another hop.
func (c *Call) mediaMoved(env *Env, ev MediaMoved) {
	if ev.Session != c.Session {
		c.thirdMoved(env, ev)
		return
	}
	if c.Waiting&forPorts == 0 {
		return
	}
	c.Waiting &^= forPorts
	if ev.Err == nil {
		c.MediaPeers[ev.Side] = c.leg(ev.Side).Flow.Remote.Addr()
		if ev.Moved {
			c.MediaLocal[ev.Side] = ev.Local
		}
	}
	switch {
	case c.State >= Ending:
		c.wind(env)
	case ev.Side == Caller:
		c.orderedMoved(env, ev)
	default:
		c.calleeMoved(env, ev)
	}
}

// unopened ends a call whose party cannot be called for lack of ports.
func (c *Call) unopened(env *Env, ev MediaMoved) {
	e := ending{end: endFailed, by: byPlatform, status: 500}
	if ev.Full {
		c.Record.Refusal = binding.RefusalOverload
		c.Final.RetryAfter = retryLater
		e.end, e.status = cdr.EndRefused, 503
	}
	c.end(env, e)
}

// calleeMoved calls the callee, for whom the ports are there.
func (c *Call) calleeMoved(env *Env, ev MediaMoved) {
	late := ending{end: endNoAnswer, by: byPlatform, status: 480, q850: causeNoAnswer}
	switch {
	case c.MakingWay: // its time was over meanwhile
		if !c.turn(env, late) {
			c.end(env, late)
		}
	case ev.Err == nil:
		if c.dial(env) != nil {
			c.end(env, ending{end: endFailed, by: byPlatform, status: 488})
		}
	case ev.Full:
		c.unopened(env, ev)
	case len(c.Hops) > 1 && c.callNextHop(env):
	case c.turn(env, ending{end: endFailed, by: byPlatform, status: 500}):
	default:
		c.unopened(env, ev)
	}
}

// callNextHop calls the callee by the next hop.
func (c *Call) callNextHop(env *Env) bool {
	c.Hops = c.Hops[1:]
	c.prepareCallee(env, env.trunk(c.leg(Callee)))
	return c.movesMedia(env, Callee) || c.dial(env) == nil
}

// orderedMoved calls the caller of an order, for whom the ports are there.
func (c *Call) orderedMoved(env *Env, ev MediaMoved) {
	switch {
	case ev.Err == nil:
		c.callOrdered(env)
	case ev.Full || len(c.Order.Hops) < 2:
		c.unopened(env, ev)
	default:
		c.callNextOrdered(env)
	}
}

// callNextOrdered calls the caller of an order by the next hop.
func (c *Call) callNextOrdered(env *Env) {
	c.Order.Hops = c.Order.Hops[1:]
	c.prepareOrdered(env)
	if !c.movesMedia(env, Caller) {
		c.callOrdered(env)
	}
}

// thirdMoved calls the party that is to come by a transfer, for whom the ports are there.
func (c *Call) thirdMoved(env *Env, ev MediaMoved) {
	if len(c.Transfers) == 0 || c.Transfers[0].Session != ev.Session || c.Transfers[0].Waiting&forPorts == 0 {
		return
	}
	t := &c.Transfers[0]
	t.Waiting &^= forPorts
	if ev.Err == nil {
		t.Peer = t.Leg.Flow.Remote.Addr()
		if ev.Moved {
			t.Local[t.By] = ev.Local
		}
	}
	status := 500
	if ev.Full {
		status = 503
	}
	switch {
	case t.Phase != Dialling:
		c.thirdWind(env)
		return
	case t.MakingWay:
		if c.thirdTurn(env, Outcome{endNoAnswer, byPlatform, 480, causeNoAnswer}) {
			return
		}
		status = 480
	case ev.Err == nil && c.thirdInvite(env):
		return
	case ev.Err == nil:
		status = 488
	case !ev.Full && len(t.Hops) > 1 && c.thirdNextHop(env):
		return
	case !ev.Full && c.thirdTurn(env, Outcome{endFailed, byPlatform, 500, 0}):
		return
	}
	c.thirdFailed(env, status)
	c.leaveIfOver(env)
}

// thirdNextHop calls the party that is to come by the next hop.
func (c *Call) thirdNextHop(env *Env) bool {
	t := &c.Transfers[0]
	t.Hops = t.Hops[1:]
	c.compose(env, env.trunk(&t.Leg))
	return c.movesMedia(env, Third) || c.thirdInvite(env)
}

// thirdInvite calls the party that is to come by the hop that its leg was prepared for,
// with what the party that stays can do. It says false where that cannot be masked.
func (c *Call) thirdInvite(env *Env) bool {
	t := &c.Transfers[0]
	stays := talking(c.leg(t.By.Other()).SDP.Peer)
	t.Leg.SDP.Ours = t.Local[t.By].Addr
	body, err := t.Leg.SDP.Offer(&stays, t.Local[t.By])
	if err != nil {
		return false
	}
	c.openLeg(env, Third, body)
	return true
}
