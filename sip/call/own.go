package call

import (
	"time"

	"mask700/media/sdp"
)

// realign offers the caller the session that there is, once it may be offered
// one: it was told the answer of one phone while another picked up.
func (c *Call) realign(env *Env) {
	if !c.Realign || c.State != Talking {
		return
	}
	c.offerOwn(env, Caller)
}

// offerOwn makes an offer of our own to one party: what the other party last
// said, in the words of this leg. When something else is under way it is tried
// again.
func (c *Call) offerOwn(env *Env, s Side) {
	l, other := c.leg(s), c.leg(s.Other())
	if c.occupied(s) != 0 || c.occupied(s.Other()) != 0 || len(c.Transfers) > 0 && !c.joining(s) {
		env.do(StartTimer{Timer{AgainTimer, s}, c.backoff(env, s)})
		return
	}
	x := Exchange{
		From: s.Other(), To: s, Before: [2]sdp.Leg{c.Legs[0].SDP, c.Legs[1].SDP}, Heard: [2]uint64{c.Legs[0].Heard, c.Legs[1].Heard},
	}
	body, err := l.SDP.Offer(&other.SDP.Peer, c.MediaLocal[s])
	if err != nil {
		l.SDP = x.Before[s]
		c.Realign = false
		return
	}
	c.askFor(env, x, body)
}

// ownConcluded notes that an offer of our own was accepted.
func (c *Call) ownConcluded(env *Env, s Side) {
	if s == Caller {
		c.Realign = false
	}
	if c.joining(s) {
		c.joined(env)
	}
}

// ownRefused takes the refusal of an offer of our own. When offers have crossed
// each waits for another time (section 14.1); any other refusal leaves the
// session as it was.
func (c *Call) ownRefused(env *Env, s Side, status int) {
	if status == 491 || status == 500 {
		env.do(StartTimer{Timer{AgainTimer, s}, c.backoff(env, s)})
		return
	}
	if s == Caller {
		c.Realign = false
	}
	if c.joining(s) {
		c.end(env, ending{end: endFailed, by: byPlatform, status: 480, q850: causeNoBearer})
	}
}

// again tries an offer of our own once more.
func (c *Call) again(env *Env, s Side) {
	switch {
	case c.State == Answered:
		env.do(StartTimer{Timer{AgainTimer, s}, c.backoff(env, s)})
	case c.State != Talking:
	case c.joining(s):
		c.offerOwn(env, s)
	case s == Caller && c.Realign:
		c.offerOwn(env, s)
	case c.leg(s).Session.Due:
		c.refresh(env, s)
	}
}

// backoff is the wait after offers have crossed: 2.1 to 4 s for who owns the
// Call-ID, up to 2 s for the other, in steps of 10 ms (section 14.1).
func (c *Call) backoff(env *Env, s Side) time.Duration {
	const step = 10 * time.Millisecond
	if c.leg(s).Ours {
		return 2100*time.Millisecond + step*time.Duration(env.Mint.Uint64()%191)
	}
	return step * time.Duration(1+env.Mint.Uint64()%200)
}
