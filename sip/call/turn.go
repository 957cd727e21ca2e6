package call

import (
	"strings"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/rule"
	"mask700/media/sdp"
)

// maxTurns bounds who rings one after the other in one call: no caller waits longer, and
// of so many is remembered what none of the others may learn.
const maxTurns = rule.MaxCalled

var _ = [1]struct{}{}[maxTurns-maxDeparted-1] // so many are remembered

// maxAsked bounds of how many the rules are asked whether they may ring.
const maxAsked = rule.MaxAsked

// A binding may have several ring in turn. While one rings that others would follow,
// its time is TurnTimeout; then its INVITE is cancelled, and the next is called once
// that has come to its end. Who answers meanwhile has the call. What says more than
// that this one does not answer ends the turn of this one at once. All of them are
// one call, with one record, whose callee is the last that rang.
//
// Each is judged by the rules after the match before it rings, the first with the
// decision. Who is refused to this caller is passed over, and the record says why.

// Turn is how far a call is with those who ring in turn.
type Turn struct {
	Place   int     // of the callee among all of them; of the first 1
	Over    int     // how many were called and do not ring any more
	Outcome Outcome // of the last of them: how the call ends when nobody else may be called
}

// Outcome is an ending that waits.
type Outcome struct {
	End, By      string
	Status, Q850 int
}

func (o *Outcome) ending() ending {
	return ending{end: o.End, by: o.By, status: o.Status, q850: o.Q850}
}

// makeWay ends the turn of the callee that rings, if there is another. It says false
// when there is none.
func (c *Call) makeWay(env *Env) bool {
	if !c.othersWait() {
		return false
	}
	c.MakingWay = true
	if c.Waiting&forPorts == 0 { // else it is not called yet
		c.cancelInvite(env, Callee)
	}
	return true
}

// othersWait reports whether another may be called in the callee's place. When an offer
// of this one has reached the caller, or one of the caller's waits for its answer, it is
// too late: what the caller says next is for this one.
func (c *Call) othersWait() bool {
	return c.turnsLeft() > 0 && (c.State == Calling || c.State == Ringing) && !c.leg(Callee).offered() &&
		!c.leg(Caller).Server.Reliable.Offering && !c.Exchange.active()
}

// turnsLeft is how many more may be called.
func (c *Call) turnsLeft() int { return min(len(c.Next), max(maxTurns-1-c.Turn.Over, 0)) }

// turn lets the next one be judged, once its predecessor's INVITE has come to its end.
// It says false when there is none; e is how the call ends when none may be called.
func (c *Call) turn(env *Env, e ending) bool {
	if !c.othersWait() {
		return false
	}
	l := c.leg(Callee)
	if len(l.SDP.Peer.Lines) > 0 {
		// Nobody hears any more what it has to say.
		env.do(SetRemote{Session: c.Session, Side: Callee, Remote: sdp.RemoteMedia{}, Signal: l.Peer})
	}
	if c.Greeted.On {
		c.Greeted.Alone = true
		c.plays(env, Ringback)
	}
	c.MakingWay = false
	c.SessionIDs[Callee] = c.session(env) // nothing of ours tells the two that they were called for one
	env.do(StopTimer{Timer{RingTimer, Callee}})
	env.do(StopTimer{Timer{CancelTimer, Callee}})
	env.do(Exit{Callee})
	c.dropInfosOf(env, Callee)
	c.leave(env, e)
	c.follow(env)
	return true
}

// leave takes the callee out of the call: it has been called, and is no more.
func (c *Call) leave(env *Env, e ending) {
	c.Turn.Over++
	c.Turn.Outcome = Outcome{e.end, e.by, e.status, e.q850}
	c.depart(env, c.leg(Callee))
}

// follow puts the next one in the callee's place and asks whether it may be called. Where
// there is no way to it any more, the call ends.
func (c *Call) follow(env *Env) {
	l := c.leg(Callee)
	out := env.trunk(l)
	if c.Hops = order(env.Config.Hops[out.Index], env.Mint.Uint64); len(c.Hops) == 0 {
		c.end(env, c.Turn.Outcome.ending())
		return
	}
	c.Edge.Callee, c.Next = c.Next[0], c.Next[1:]
	c.Turn.Place++
	l.Party = Party{Trunk: l.Trunk} // what is known of one who has departed is no secret to that one
	c.prepareCallee(env, out)
	c.Waiting |= forTurn
	j := Judge{Record: c.Record.ID, Binding: c.Record.Binding, Edge: c.Edge, Query: query(env, c.Record.CalleeIn.X, c.Edge.Extension, c.Record.CallerIn.Number)}
	if c.Text.On {
		j.Kind = rule.Text
	}
	if c.Order.On {
		j.Query.Over = c.Order.Binding
	}
	env.do(j)
}

// judged takes the word of the rules about the one in the callee's place.
func (c *Call) judged(env *Env, ev Judged) {
	if c.thirdJudged(env, ev) || c.Waiting&forTurn == 0 {
		return
	}
	c.Waiting &^= forTurn
	if c.State >= Ending {
		c.wind(env)
		return
	}
	r := &c.Record
	r.Shadow = strings.Join(rule.Together(splitList(r.Shadow), ev.Verdict.Shadow), ",")
	switch {
	case ev.Err != nil:
		r.Evidence = rule.Join(r.Evidence, rule.NotKnown(c.Turn.Place))
	case ev.Verdict.Refusal != binding.RefusalNone:
		r.Evidence = rule.Join(r.Evidence, ev.Verdict.PassedOver(c.Turn.Place))
	default:
		r.Evidence = rule.Join(r.Evidence, ev.Verdict.Evidence)
		if c.callTurn(env) {
			return
		}
		c.Next = nil
	}
	if ev.Err == nil && !ev.Verdict.Anyone && c.turnsLeft() > 0 {
		c.follow(env)
		return
	}
	c.end(env, c.Turn.Outcome.ending())
}

// callTurn calls the one in the callee's place. It says false where that cannot be.
func (c *Call) callTurn(env *Env) bool {
	c.Record.CalleeOut = cdr.Party{Number: c.Edge.Callee}
	switch {
	case c.Text.On && !env.Now.Before(c.Text.Until):
		return false
	case c.Text.On:
		c.sendText(env)
		return true
	case !c.movesMedia(env, Callee) && c.dial(env) != nil:
		return false
	}
	c.ringFor(env)
	return true
}

func splitList(names string) []string {
	if names == "" {
		return nil
	}
	return strings.Split(names, ",")
}

// ringFor starts the time that the callee may ring: that of a turn, where others follow,
// and no longer than the caller waits.
func (c *Call) ringFor(env *Env) {
	wait := env.Config.RingTimeout
	if c.turnsLeft() > 0 {
		wait = min(wait, env.Config.TurnTimeout)
	}
	if !c.ExpiresAt.IsZero() {
		wait = min(wait, max(c.ExpiresAt.Sub(env.Now), 0))
	}
	env.do(StartTimer{Timer{RingTimer, Callee}, wait})
}
