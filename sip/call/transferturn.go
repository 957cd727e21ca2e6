package call

import (
	"strings"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/rule"
)

// A transfer to a number over which several are called one after the other goes as a call
// to it does (turn.go): while others follow, the one that rings has TurnTimeout, and each
// is judged by the rules before it rings. It is one transfer, with one record, and whoever
// asked for it hears of no change.

// take takes the edge: who is called, and who after that.
func (t *Transfer) take(d *binding.Decision) {
	t.Edge = d.Edge
	t.Next = d.Next[:min(len(d.Next), max(maxAsked-1-d.Skipped, 0))]
	t.Turn.Place = d.Skipped + 1
}

// turnsLeft is how many more may be called.
func (t *Transfer) turnsLeft() int { return min(len(t.Next), max(maxTurns-1-t.Turn.Over, 0)) }

// thirdRings starts the time that the party that is to come may ring.
func (c *Call) thirdRings(env *Env) {
	wait := env.Config.RingTimeout
	if c.Transfers[0].turnsLeft() > 0 {
		wait = min(wait, env.Config.TurnTimeout)
	}
	env.do(StartTimer{Timer{RingTimer, Third}, wait})
}

// thirdMakesWay ends the turn of the party that rings, if there is another. It says false
// when there is none.
func (c *Call) thirdMakesWay(env *Env) bool {
	t := &c.Transfers[0]
	unasked := t.Waiting&forPorts != 0 // it is not called yet
	if t.Phase != Dialling || t.turnsLeft() == 0 || !t.Leg.Client.Pending && !unasked {
		return false
	}
	t.MakingWay = true
	if !unasked {
		c.cancelInvite(env, Third)
	}
	return true
}

// thirdTurn lets the next one be judged, once its predecessor's INVITE has come to its
// end. It says false when there is none; o is how the transfer ends when none may be
// called.
func (c *Call) thirdTurn(env *Env, o Outcome) bool {
	t := &c.Transfers[0]
	if t.Phase != Dialling || t.turnsLeft() == 0 {
		return false
	}
	if t.MakingWay {
		o = Outcome{endNoAnswer, byPlatform, 480, causeNoAnswer} // whatever its INVITE ends with
	}
	t.MakingWay = false
	env.do(StopTimer{Timer{RingTimer, Third}})
	env.do(StopTimer{Timer{CancelTimer, Third}})
	env.do(Exit{Third})
	c.dropInfosOf(env, Third)
	t.Turn.Over++
	t.Turn.Outcome = o
	c.depart(env, &t.Leg)
	c.thirdFollow(env)
	return true
}

// thirdFollow puts the next one in the place of the party that is to come, and asks
// whether it may be called.
func (c *Call) thirdFollow(env *Env) {
	t := &c.Transfers[0]
	out := env.trunk(&t.Leg)
	if t.Hops = order(env.Config.Hops[out.Index], env.Mint.Uint64); len(t.Hops) == 0 {
		c.thirdEnds(env)
		return
	}
	t.Edge.Callee, t.Next = t.Next[0], t.Next[1:]
	t.Turn.Place++
	t.Leg.Party = Party{Trunk: t.Leg.Trunk} // what is known of one who has departed is no secret to that one
	c.compose(env, out)
	t.Waiting |= forTurn
	q := query(env, t.Record.CalleeIn.X, t.Edge.Extension, t.Record.CallerIn.Number)
	q.Joins = c.leg(t.By.Other()).Number
	env.do(Judge{Record: t.Record.ID, Binding: t.Record.Binding, Edge: t.Edge, Query: q})
}

// thirdJudged takes the word of the rules about the one in the place of the party that is
// to come. It says false where that is not asked.
func (c *Call) thirdJudged(env *Env, ev Judged) bool {
	if len(c.Transfers) == 0 || c.Transfers[0].Waiting&forTurn == 0 {
		return false
	}
	t := &c.Transfers[0]
	t.Waiting &^= forTurn
	if t.Phase != Dialling {
		c.thirdWind(env)
		return true
	}
	r := &t.Record
	r.Shadow = strings.Join(rule.Together(splitList(r.Shadow), ev.Verdict.Shadow), ",")
	switch {
	case ev.Err != nil:
		r.Evidence = rule.Join(r.Evidence, rule.NotKnown(t.Turn.Place))
	case ev.Verdict.Refusal != binding.RefusalNone:
		r.Evidence = rule.Join(r.Evidence, ev.Verdict.PassedOver(t.Turn.Place))
		if !ev.Verdict.Anyone && t.turnsLeft() > 0 {
			c.thirdFollow(env)
			return true
		}
	default:
		r.Evidence = rule.Join(r.Evidence, ev.Verdict.Evidence)
		if c.thirdCalls(env) {
			return true
		}
	}
	c.thirdEnds(env)
	return true
}

// thirdCalls calls the party that its leg was prepared for. It says false where that
// cannot be.
func (c *Call) thirdCalls(env *Env) bool {
	t := &c.Transfers[0]
	t.Record.CalleeOut = cdr.Party{Number: t.Edge.Callee}
	if !c.movesMedia(env, Third) && !c.thirdInvite(env) {
		return false
	}
	c.thirdRings(env)
	return true
}

// thirdEnds ends a transfer of whose parties none has come, and none may be called any
// more.
func (c *Call) thirdEnds(env *Env) {
	t := &c.Transfers[0]
	o := t.Turn.Outcome
	t.Next = nil
	t.Record.End, t.Record.ReleasedBy = o.End, o.By
	c.thirdFailed(env, o.Status)
	c.leaveIfOver(env)
}
