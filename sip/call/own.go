package call

import (
	"time"

	"mask700/binding/cdr"
	"mask700/media/sdp"
)

// Owed is an offer of our own that a party has to be made, as soon as it may be.
type Owed uint8

// Reasons for one.
const (
	OwedNothing Owed = iota
	OwedSession      // it was in the session of a phone that is not talked to any more
	OwedAnswer       // the other party has left something out of its answer to an offer of ours
	OwedMedia        // of a party that stays when the other was transferred: without it it hears nobody
)

// maxRefusals is how often in a row a party may put off an offer of ours (491, 500).
const maxRefusals = 5

// joining reports whether a party waits to be offered the media of one that has come.
func (c *Call) joining(s Side) bool { return c.leg(s).Owed == OwedMedia }

// moving reports whether a party is about to be another, or to be told of it: what
// the two say to each other meanwhile would reach the wrong one.
func (c *Call) moving() bool {
	return len(c.Transfers) > 0 && c.Transfers[0].Phase < Shedding || c.joining(Caller) || c.joining(Callee)
}

// owe notes that a party has to be made an offer. What it waits for already says all
// that there is to say.
func (c *Call) owe(s Side, why Owed) {
	if l := c.leg(s); l.Owed == OwedNothing {
		l.Owed, l.PutOff = why, 0
	}
}

// realign offers a party the session that there is, once it may be offered one: the
// caller was told the answer of one phone while another picked up.
func (c *Call) realign(env *Env) {
	if c.State != Talking {
		return
	}
	for _, s := range []Side{Caller, Callee} {
		if c.owes(s) && !c.joining(s) {
			c.offerOwn(env, s)
		}
	}
}

// mayOffer reports whether an offer of our own may go to a party now. While the
// party that is to come rings, a session may be kept alive as it is: it would run
// out before.
func (c *Call) mayOffer(s Side) bool {
	if c.occupied(s) != 0 || c.occupied(s.Other()) != 0 {
		return false
	}
	alive := c.leg(s).Session.Due && !c.Realign && !c.joining(s.Other()) && len(c.Transfers) > 0 &&
		c.Transfers[0].Phase < Joining
	return !c.moving() || c.joining(s) || alive
}

// offerOwn makes an offer of our own to one party: what the other party last
// said, in the words of this leg. When something else is under way it is tried
// again.
func (c *Call) offerOwn(env *Env, s Side) {
	l, other := c.leg(s), c.leg(s.Other())
	if !c.mayOffer(s) {
		env.do(StartTimer{Timer{AgainTimer, s}, c.backoff(env, s)})
		return
	}
	x := Exchange{
		From: s.Other(), To: s, Echo: l.Owed == OwedAnswer, Before: [2]sdp.Leg{c.Legs[0].SDP, c.Legs[1].SDP}, Heard: [2]uint64{c.Legs[0].Heard, c.Legs[1].Heard},
	}
	body, err := l.SDP.Offer(&other.SDP.Peer, c.MediaLocal[s])
	if err != nil {
		l.SDP = x.Before[s]
		c.ownRefused(env, s, 488)
		return
	}
	c.askFor(env, x, body)
}

// ownConcluded notes that an offer of our own was accepted. What the party has left
// out of its answer the other must not send any more: it is told, once.
func (c *Call) ownConcluded(env *Env, x *Exchange) {
	s, other := x.To, x.From
	joining := c.joining(s)
	c.settle(s)
	if !x.Echo && !c.leg(other).SDP.Agrees(&c.leg(s).SDP.Peer) {
		c.owe(other, OwedAnswer)
	}
	if joining {
		c.recordMedia(env)
		c.shed(env, cdr.EndTransferred) // both parties of the new call hear each other
	}
}

// settle notes that a party is owed no offer any more.
func (c *Call) settle(s Side) {
	l := c.leg(s)
	l.Owed, l.PutOff = OwedNothing, 0
	if s == Caller {
		c.Realign = false
	}
}

// ownRefused takes the refusal of an offer of our own. When offers have crossed
// each waits for another time (section 14.1); any other refusal leaves the
// session as it was, and so does a party that only ever puts it off. A session that
// is to be refreshed runs out by itself.
func (c *Call) ownRefused(env *Env, s Side, status int) {
	l := c.leg(s)
	later := status == 491 || status == 500
	if later && c.owes(s) {
		l.PutOff++
	}
	if later && l.PutOff < maxRefusals {
		env.do(StartTimer{Timer{AgainTimer, s}, c.backoff(env, s)})
		return
	}
	joining := c.joining(s)
	c.settle(s)
	switch {
	case joining:
		c.end(env, ending{end: endFailed, by: byPlatform, status: 480, q850: causeNoBearer})
	case later && l.Session.Due:
		env.do(StartTimer{Timer{AgainTimer, s}, c.backoff(env, s)})
	}
}

// owes reports whether a party has to be made an offer of our own.
func (c *Call) owes(s Side) bool { return c.leg(s).Owed != OwedNothing || s == Caller && c.Realign }

// again tries an offer of our own once more.
func (c *Call) again(env *Env, s Side) {
	switch {
	case c.State == Answered:
		env.do(StartTimer{Timer{AgainTimer, s}, c.backoff(env, s)})
	case c.State != Talking:
	case c.owes(s):
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
