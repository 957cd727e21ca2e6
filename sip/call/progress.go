package call

import (
	"slices"

	"mask700/binding/cdr"
	"mask700/sip/message"
	"mask700/sip/trunk"
)

// responded takes a response to a request of ours and finds what it answers.
func (c *Call) responded(env *Env, ev Responded) {
	l := c.leg(ev.Side)
	switch {
	case ev.Tx == l.ByeTx && ev.Message.Status >= 200:
		l.ByeTx = ""
		c.leaveIfOver(env)
	case ev.Tx != l.Client.Tx:
	case l.Client.Again && c.Exchange.active() && c.State < Ending:
		c.exchanged(env, ev.Message)
	case l.Client.Again:
		c.overtaken(env, ev.Side, ev.Message)
	case ev.Side == Callee:
		c.calleeSays(env, ev.Message)
	}
}

// calleeSays takes a response to the callee's INVITE.
func (c *Call) calleeSays(env *Env, m *message.Message) {
	l := c.leg(Callee)
	switch {
	case m.Status < 200:
		l.Client.Heard = true
		if l.Client.Cancel {
			c.cancelInvite(env, Callee)
			return
		}
		if m.Status > 100 && l.Client.Pending {
			c.progress(env, m)
		}
	case m.Status < 300:
		c.calleeAnswers(env, m)
	case l.Client.Pending:
		l.Client.Pending = false
		env.do(StopTimer{Timer{CancelTimer, Callee}})
		if c.State < Answered {
			o := outcomeOf(m.Status)
			if o.end == endFailed && m.Status == 503 {
				o.end = endUnavailable
			}
			c.end(env, ending{end: o.end, by: byCallee, status: o.status, q850: o.q850})
		}
		c.leaveIfOver(env)
	}
}

// progress takes a provisional response above 100 to the caller (section
// 16.7 does not apply: this is a new response on another dialog).
func (c *Call) progress(env *Env, m *message.Message) {
	if c.State != Calling && c.State != Ringing {
		return
	}
	l := c.leg(Callee)
	if l.State == Idle {
		l.State = Early
	}
	var body []byte
	if !c.LateOffer && env.Config.Trunks[l.Trunk].EarlyMedia != trunk.EarlyRinging {
		body = c.earlyMedia(env, m)
	}
	status := earlyStatus(m.Status, len(body) > 0)
	if status == 0 {
		return
	}
	if status == 183 && env.Config.Trunks[l.Trunk].EarlyMedia == trunk.EarlyRinging {
		status = 180
	}
	c.State = Ringing
	if c.Record.RingingAt.IsZero() {
		c.Record.RingingAt = env.Now
	}
	c.respond(env, Caller, attached(status, body))
}

// earlyMedia takes the description of a provisional response across. What
// cannot be used is left out: the answer proper comes with the 2xx.
func (c *Call) earlyMedia(env *Env, m *message.Message) []byte {
	d, err := description(m)
	if d == nil || err != nil {
		return nil
	}
	before := c.leg(Caller).SDP
	body, err := c.crossAnswer(env, Callee, d)
	if err != nil {
		c.leg(Caller).SDP = before
		return nil
	}
	c.EarlyAnswer = true
	return body
}

// calleeAnswers takes a 2xx to the callee's INVITE: the first makes the call,
// one after the end is released again, one of another fork too (section
// 13.2.2.4).
func (c *Call) calleeAnswers(env *Env, m *message.Message) {
	l := c.leg(Callee)
	if !l.Client.Pending {
		if m.To.Tag != l.RemoteTag {
			c.releaseFork(env, m)
		}
		return
	}
	l.Client.Pending = false
	l.State = Confirmed
	l.dialogFrom(m)
	env.do(StopTimer{Timer{RingTimer, Callee}})
	env.do(StopTimer{Timer{CancelTimer, Callee}})
	if c.State >= Answered {
		c.acknowledge(env, Callee, nil)
		if c.Signaled {
			c.bye(env, Callee, c.Record.Q850)
		}
		return
	}
	if !l.Client.Offered {
		c.offerInAnswer(env, m)
		return
	}
	c.acknowledge(env, Callee, nil)
	d, err := description(m)
	body := c.leg(Caller).SDP.Sent
	switch {
	case err != nil:
	case d != nil:
		body, err = c.crossAnswer(env, Callee, d)
	case !c.EarlyAnswer:
		err = errNoAnswer
	}
	if err != nil {
		c.end(env, ending{end: endFailed, by: byPlatform, status: 500, q850: causeNoBearer})
		return
	}
	env.do(SettleMedia{})
	c.answered(env, body, false)
}

// offerInAnswer takes a 2xx that makes the offer: the caller's ACK will answer
// it, and only then can ours (section 13.2.1).
func (c *Call) offerInAnswer(env *Env, m *message.Message) {
	l := c.leg(Callee)
	l.Client.AckOwed = true
	d, err := description(m)
	if err == nil && d == nil {
		err = errNoAnswer
	}
	var body []byte
	if err == nil {
		body, err = c.crossOffer(Callee, d)
	}
	if err != nil {
		c.end(env, ending{end: endFailed, by: byPlatform, status: 500, q850: causeNoBearer})
		return
	}
	c.answered(env, body, true)
}

// answered tells the caller that the callee has picked up.
func (c *Call) answered(env *Env, body []byte, offering bool) {
	c.State = Answered
	c.Record.AnsweredAt = env.Now
	c.Record.SIPStatus = 200
	l := c.leg(Caller)
	l.State = Confirmed
	l.Server.Offering = offering
	c.respond(env, Caller, attached(200, body))
	if c.MaxDuration > 0 {
		env.do(StartTimer{Timer{LimitTimer, Caller}, c.MaxDuration})
	}
}

// releaseFork takes a 2xx of a second phone that picked up: it is acknowledged
// and released, in a dialog of its own. When its 2xx comes again only the ACK
// was lost.
func (c *Call) releaseFork(env *Env, m *message.Message) {
	main := c.Legs[Callee]
	fork := &c.Legs[Callee]
	fork.dialogFrom(m)
	c.acknowledge(env, Callee, nil)
	if !slices.Contains(c.Forks, m.To.Tag) {
		c.Forks = append(c.Forks, m.To.Tag)
		r := fork.nextRequest(env, "BYE")
		r.Q850 = causeNormal
		c.ask(env, Callee, r, true)
		main.Seq = fork.Seq
	}
	c.Legs[Callee] = main
}

// unanswered takes the end of a request of ours that got no final response.
func (c *Call) unanswered(env *Env, ev Unanswered) {
	l := c.leg(ev.Side)
	switch {
	case ev.Tx == l.ByeTx:
		l.ByeTx = ""
		c.leaveIfOver(env)
	case ev.Tx != l.Client.Tx:
	case l.Client.Again && c.Exchange.active() && c.State < Ending:
		c.exchangeLost(env)
	case l.Client.Pending:
		l.Client.Pending = false
		c.end(env, ending{end: endUnavailable, by: byPlatform, status: 500})
		c.leaveIfOver(env)
	}
}

// requested takes a request inside a dialog.
func (c *Call) requested(env *Env, ev Requested) {
	m, l := ev.Message, c.leg(ev.Side)
	if m.Method == "ACK" {
		c.ackReceived(env, ev)
		return
	}
	back := Reply{Tx: ev.Tx, Echo: ev.Echo, RecordRoute: m.RecordRoute}
	switch {
	case l.RemoteTag != "" && m.From.Tag != l.RemoteTag, l.RemoteTag == "" && ev.Side == Callee:
		c.reply(env, back, message.Response{Status: 481})
		return
	case l.Numbered && m.CSeq <= l.RemoteSeq:
		// Older than what we have seen: out of order (section 12.2.2).
		c.reply(env, back, message.Response{Status: 500})
		return
	}
	l.RemoteSeq, l.Numbered = m.CSeq, true
	switch m.Method {
	case "BYE":
		c.byeReceived(env, ev)
	case "INVITE":
		c.reinvited(env, ev.Side, back, m)
	case "OPTIONS":
		c.reply(env, back, message.Response{Status: 200, Allow: true, AcceptSDP: true})
	default:
		c.reply(env, back, message.Response{Status: 405, Allow: true})
	}
}

// ackReceived takes the ACK of a 2xx of ours, with the answer when our 2xx made
// the offer.
func (c *Call) ackReceived(env *Env, ev Requested) {
	l := c.leg(ev.Side)
	if !l.Server.Unacked || ev.Message.CSeq != l.Server.Seq {
		return
	}
	offering := l.Server.Offering
	l.Server.Offering = false
	if c.State == Answered {
		c.State = Talking
	}
	if offering && c.State < Ending {
		c.answerInAck(env, ev)
	}
	c.acked(env, ev.Side)
	c.leaveIfOver(env)
}

// answerInAck takes the answer of an ACK across and sends the ACK that has
// waited for it.
func (c *Call) answerInAck(env *Env, ev Requested) {
	to := ev.Side.Other()
	d, err := description(ev.Message)
	if err == nil && d == nil {
		err = errNoAnswer
	}
	var body []byte
	if err == nil {
		body, err = c.crossAnswer(env, ev.Side, d)
	}
	if err == nil {
		env.do(SettleMedia{})
		c.acknowledge(env, to, body)
		return
	}
	c.end(env, ending{end: cdr.EndFailed, by: byPlatform, status: 500, q850: causeNoBearer})
}
