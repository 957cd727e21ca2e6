package call

import (
	"mask700/binding/cdr"
	"mask700/media/sdp"
)

// maxTurns bounds who rings one after the other in one call: no caller waits longer, and
// of so many is remembered what none of the others may learn.
const maxTurns = maxDeparted + 1

// A binding may have several ring in turn. While one rings that others would follow,
// its time is TurnTimeout; then its INVITE is cancelled, and the next is called once
// that has come to its end. Who answers meanwhile has the call. What says more than
// that this one does not answer ends the turn of this one at once. All of them are
// one call, with one record, whose callee is the last that rang.

// makeWay ends the turn of the callee that rings, if there is another. It says false
// when there is none.
func (c *Call) makeWay(env *Env) bool {
	if !c.othersWait() {
		return false
	}
	c.MakingWay = true
	c.cancelInvite(env, Callee)
	return true
}

// othersWait reports whether another may be called in the callee's place. When an offer
// of this one has reached the caller, or one of the caller's waits for its answer, it is
// too late: what the caller says next is for this one.
func (c *Call) othersWait() bool {
	return len(c.Next) > 0 && (c.State == Calling || c.State == Ringing) && !c.leg(Callee).offered() &&
		!c.leg(Caller).Server.Reliable.Offering && !c.Exchange.active()
}

// turn calls the next one, whose predecessor's INVITE has come to its end. It says false
// when there is none.
func (c *Call) turn(env *Env) bool {
	if !c.othersWait() {
		return false
	}
	l := c.leg(Callee)
	out := env.trunk(l)
	hops := order(env.Config.Hops[out.Index], env.Mint.Uint64)
	if len(hops) == 0 {
		return false
	}
	if len(l.SDP.Peer.Lines) > 0 {
		// Nobody hears any more what it has to say.
		env.do(SetRemote{Session: c.Session, Side: Callee, Remote: sdp.RemoteMedia{}, Signal: l.Peer})
	}
	if c.Greeted.On {
		c.Greeted.Alone = true
		c.plays(env, Ringback)
	}
	c.MakingWay = false
	c.SessionIDs[Callee] = env.Mint.Session() // nothing of ours tells the two that they were called for one
	c.follow(env, hops)
	env.do(StopTimer{Timer{CancelTimer, Callee}})
	env.do(Exit{Callee})
	c.dropInfosOf(env, Callee)
	c.prepareCallee(env, out)
	if c.dial(env) != nil {
		return false
	}
	c.ringFor(env)
	return true
}

// follow puts the next one in the callee's place.
func (c *Call) follow(env *Env, hops []Hop) {
	l := c.leg(Callee)
	c.Hops = hops
	c.Edge.Callee, c.Next = c.Next[0], c.Next[1:]
	c.Record.CalleeOut = cdr.Party{Number: c.Edge.Callee}
	c.depart(env, l)
	l.Party = Party{Trunk: l.Trunk} // what is known of one who has departed is no secret to that one
}

// ringFor starts the time that the callee may ring: that of a turn, where others follow,
// and no longer than the caller waits.
func (c *Call) ringFor(env *Env) {
	wait := env.Config.RingTimeout
	if len(c.Next) > 0 {
		wait = min(wait, env.Config.TurnTimeout)
	}
	if !c.ExpiresAt.IsZero() {
		wait = min(wait, max(c.ExpiresAt.Sub(env.Now), 0))
	}
	env.do(StartTimer{Timer{RingTimer, Callee}, wait})
}
