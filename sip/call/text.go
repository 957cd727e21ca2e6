package call

import (
	"bytes"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/rule"
	"mask700/sip/message"
	"mask700/sip/text"
)

// Texts says how texts are carried. Its zero value carries none.
type Texts struct {
	On      bool
	Longest int         // of a body, in bytes; 0: as long as any may be
	Numbers text.Policy // what becomes of telephone numbers in them
}

// TooLong says whether a body is longer than may be.
func (t *Texts) TooLong(size int) bool { return t.Longest > 0 && size > t.Longest }

// Text is what a text (MESSAGE, RFC 3428) has that a call has not. It is begun,
// looked up, refused, recorded and ended as a call is, by the same code; there is
// neither a dialog nor media, and nothing rings:
//
//	MESSAGE of the sender
//	       v
//	 [ Deciding ]      the edge, and the rules
//	       |           numbers in the body are masked, or it is refused
//	       v
//	 [ Opening ]       the opening row
//	       v
//	 [ Calling ]       our MESSAGE, composed from nothing but the body
//	       |  ^
//	       |  |------- 503, nobody there, no answer in time: to the next target
//	       |  `------- no target more, or another failure: to who is next in turn
//	       v
//	 [ Ending ]        the closing row
//	       v
//	 [ Over ]          202, once the far side has said 2xx; else a failure
//
// That the text was taken is on disk before the sender hears of it, and that it is
// sent before it is: none is without its record.
type Text struct {
	On    bool      // it is one
	Body  []byte    // what crosses
	Until time.Time // the sender is answered by then, whatever has come
	Heard bool      // the target has said that it is at work
}

// textType is what every text leaves as: ASCII is UTF-8 too.
const textType = message.TextType + ";charset=utf-8"

// sender is the time that the sender needs to hear of an answer, as a multiple of T1.
// It waits for 64*T1 (timer F), and an answer that comes later is of no use to it (RFC
// 4320 section 4.2).
const sender = 4

// beginText begins a text, of which the caller's leg is there.
func (c *Call) beginText(env *Env, a Arrival, passed Passed, passing bool, dialled error, query binding.Query) {
	m := a.Message
	c.Text.Until = env.Now.Add(env.Config.Timers.Timeout() - sender*env.Config.Timers.T1)
	c.Text.Body = bytes.Clone(m.Body) // it shares memory with what came
	c.Record.Kind = cdr.KindText
	c.Record.Text = cdr.Text{Bytes: uint64(len(m.Body)), Segments: uint64(text.Segments(m.Body))}
	switch {
	case a.Refuse != nil:
		end := a.End
		if end == "" {
			end = cdr.EndRefused
		}
		if a.Refuse.Status == 413 {
			c.Record.Rule = cdr.RuleBytes
		}
		c.refuseAs(env, end, a.Refusal, *a.Refuse)
	case env.Config.Texts.TooLong(len(m.Body)):
		c.Record.Rule = cdr.RuleBytes
		c.refuse(env, "", Final{Status: 413})
	case dialled != nil && !passing:
		c.refuse(env, binding.RefusalNoBinding, Final{Status: undialled(dialled)})
	case passing && passed.unmet(m):
		c.refuse(env, "", Final{Status: 500})
	case passing:
		c.pass(env, a.Trunk, passed)
	default:
		c.Waiting |= forDecision
		env.do(Decide{Record: c.Record.ID, Kind: rule.Text, Query: query})
	}
}

// screened looks for telephone numbers in a text that has an edge, and says whether it
// may go on. What is to become of them is what the tenant wants, or what is configured.
func (c *Call) screened(env *Env, d *binding.Decision, wanted string) bool {
	policy, ok := text.ParsePolicy(wanted)
	if !ok {
		policy = env.Config.Texts.Numbers
	}
	var own []binding.Number
	if d.Binding != nil {
		own = d.Binding.Parties()
	}
	own = append(own, d.Edge.Callee, c.leg(Caller).Number)
	s := text.Screen(&env.Config.Plan, policy, c.Text.Body, own...)
	c.Record.Text.Numbers, c.Record.Text.Masked = uint64(s.Numbers), uint64(s.Masked)
	if s.Refused {
		c.refuseNumbers(env, d)
		return false
	}
	c.Text.Body = s.Body
	return true
}

// refuseNumbers refuses a text for the numbers in it.
func (c *Call) refuseNumbers(env *Env, d *binding.Decision) {
	d.Refuse(binding.RefusalBlocked)
	c.Record.Rule = cdr.RuleNumbers
	c.refuse(env, d.Refusal, Final{Status: refusalStatus(d)})
}

// sendText sends the text to the hop that the receiver's leg was prepared for.
func (c *Call) sendText(env *Env) {
	c.State = Calling
	l := c.leg(Callee)
	r := l.nextRequest(env, &l.Dialog, "MESSAGE")
	r.MaxForwards = c.MaxForwards
	r.Identity, r.RemoteParty, r.Private = l.Identity.Asserted, l.Identity.RemoteParty, l.Identity.Private
	r.ContentType, r.Body = textType, c.Text.Body
	c.Text.Heard = false
	c.textAs(env, r, Asked{})
	c.textFor(env, len(c.Hops)+c.turnsLeft())
}

// textFor starts the time that is left for an answer, of which so many have to have their
// share while the sender waits.
func (c *Call) textFor(env *Env, shares int) {
	wait := c.Text.Until.Sub(env.Now) / time.Duration(max(shares, 1))
	env.do(StartTimer{Timer{RingTimer, Callee}, max(wait, 0)})
}

// textAs sends a MESSAGE and keeps it until its final response.
func (c *Call) textAs(env *Env, r message.Request, a Asked) {
	l := c.leg(Callee)
	l.sign(env, &a.Tries, &r)
	leakRequest(c, Callee, &r)
	a.Tx, a.Request, a.Pending = ClientTx(r.Branch, r.Method), r, true
	l.Client = a
	env.do(Ask{Side: Callee, Tx: a.Tx, Flow: l.Flow, Other: l.Other, Request: r})
}

// textAnswered takes a response to the MESSAGE of ours.
func (c *Call) textAnswered(env *Env, ev Responded) {
	l, m := c.leg(Callee), ev.Message
	if ev.Tx != l.Client.Tx || !l.Client.Pending {
		return
	}
	if m.Status < 200 {
		// It lives: another target would only have the text twice.
		if !c.Text.Heard {
			c.Text.Heard = true
			c.textFor(env, 1+c.turnsLeft())
		}
		return
	}
	l.Client.Pending = false
	c.Record.Text.FarStatus = uint64(m.Status)
	switch {
	case m.Status == 200:
		c.end(env, ending{end: cdr.EndDelivered, by: byCallee, status: 202, q850: causeNormal})
	case m.Status < 300:
		c.end(env, ending{end: cdr.EndAccepted, by: byCallee, status: 202, q850: causeNormal})
	case l.Auth.Challenged(&l.Client.Tries, m, env.trunk(l).Auth):
		r := l.Client.Request
		l.Seq++
		r.CSeq, r.Branch = l.Seq, env.Mint.Branch()
		c.textAs(env, r, Asked{Tries: l.Client.Tries})
	case m.Status == 503 && c.nextText(env, m.RetryAfter):
	default:
		o := outcomeOf(m.Status)
		c.textTurn(env, ending{end: o.end, by: byCallee, status: o.status, q850: o.q850})
	}
}

// textUnanswered takes the end of a MESSAGE of ours that got no final response.
func (c *Call) textUnanswered(env *Env, ev Unanswered) {
	l := c.leg(Callee)
	if ev.Tx != l.Client.Tx || !l.Client.Pending {
		return
	}
	l.Client.Pending = false
	switch {
	case ev.Full:
		c.refuse(env, binding.RefusalOverload, Final{Status: 503, RetryAfter: retryLater})
	case !c.nextText(env, 0):
		c.textTurn(env, textLost)
	}
}

// textLate goes on to the next target when one has said nothing for too long.
func (c *Call) textLate(env *Env) {
	if c.State >= Ending || !c.leg(Callee).Client.Pending {
		return
	}
	c.dropText(env)
	if c.Text.Heard {
		c.textTurn(env, ending{end: endNoAnswer, by: byCallee, status: 480, q850: causeNoAnswer})
		return
	}
	if !c.nextText(env, 0) {
		c.textTurn(env, textLost)
	}
}

// textLost is the end of a text that no target has answered.
var textLost = ending{end: endUnavailable, by: byPlatform, status: 500}

// nextText sends the text to the next target, while the sender still waits. To who gets
// it from both they are two texts.
func (c *Call) nextText(env *Env, retryAfter int) bool {
	if c.State != Calling {
		return false
	}
	l := c.leg(Callee)
	env.do(HopFailed{Trunk: l.Trunk, Hop: c.Hops[0], RetryAfter: retryAfter})
	if len(c.Hops) < 2 || !env.Now.Before(c.Text.Until) {
		return false
	}
	c.Hops = c.Hops[1:]
	c.prepareCallee(env, env.Config.Trunks[l.Trunk])
	c.sendText(env)
	return true
}

// textTurn lets the next of those be judged who are reached one after the other, while the sender
// still waits. Where there is none, the text ends.
func (c *Call) textTurn(env *Env, e ending) {
	if c.State != Calling || c.turnsLeft() == 0 || !env.Now.Before(c.Text.Until) {
		c.end(env, e)
		return
	}
	env.do(StopTimer{Timer{RingTimer, Callee}})
	c.leave(env, e)
	c.follow(env)
}

// dropText gives up a MESSAGE of ours that waits for its answer.
func (c *Call) dropText(env *Env) {
	l := c.leg(Callee)
	l.Client.Pending = false
	env.do(Abandon{Tx: l.Client.Tx})
}

// answerText answers the sender. There is no Contact: nothing follows (RFC 3428 section
// 7).
func (c *Call) answerText(env *Env, r message.Response) {
	l := c.leg(Caller)
	if l.Server.Final {
		return
	}
	l.Server.Final = true
	r.Echo, r.ToTag = l.Server.Echo, l.LocalTag
	r.AcceptSDP, r.AcceptText = false, r.Status == 415
	if r.Status < 300 {
		r.Q850 = 0
	}
	leakResponse(c, Caller, &r)
	env.do(Respond{Tx: l.Server.Tx, Response: r})
}
