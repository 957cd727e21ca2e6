package call

import (
	"slices"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/media/sdp"
	"mask700/sip/message"
)

// requested takes a request inside a dialog.
func (c *Call) requested(env *Env, ev Requested) {
	if ev.Side == Third && len(c.Transfers) == 0 {
		return
	}
	m, l := ev.Message, c.leg(ev.Side)
	if m.Method == "ACK" {
		c.ackReceived(env, ev)
		return
	}
	back := Reply{Tx: ev.Tx, Echo: ev.Echo, RecordRoute: m.RecordRoute, Wish: wishOf(m)}
	d := l.dialogFor(m.From.Tag, ev.Side)
	switch {
	case d == nil:
		c.reply(env, back, message.Response{Status: 481})
		return
	case d.Numbered && m.CSeq <= d.RemoteSeq:
		// Older than what we have seen: out of order (section 12.2.2).
		c.reply(env, back, message.Response{Status: 500})
		return
	}
	d.RemoteSeq, d.Numbered = m.CSeq, true
	d.follow(ev.Flow)
	switch {
	case d != &l.Dialog, m.Method == "BYE" && c.othersRing(ev.Side):
		c.forkAsks(env, ev, back, d)
		return
	case ev.Side == Third:
		c.thirdAsks(env, ev, back)
		return
	}
	if c.askedMeanwhile(env, back, m) {
		return
	}
	switch m.Method {
	case "BYE":
		c.byeReceived(env, ev)
	case "INVITE":
		c.reinvited(env, ev.Side, back, m)
	case "UPDATE":
		c.updated(env, ev.Side, back, m)
	case "PRACK":
		c.prack(env, ev, back)
	case "INFO":
		c.informed(env, ev.Side, back, m)
	case "OPTIONS":
		c.reply(env, back, message.Response{Status: 200, Allow: true, AcceptSDP: true, Supported: supported(env.trunk(l))})
	case "REFER":
		c.referred(env, ev.Side, back, m)
	case "SUBSCRIBE", "NOTIFY":
		// Whatever it would tell about the other party is not told.
		c.reply(env, back, message.Response{Status: 489})
	case "MESSAGE", "REGISTER", "PUBLISH":
		c.reply(env, back, message.Response{Status: 405, Allow: true})
	default:
		c.reply(env, back, message.Response{Status: 501, Allow: true})
	}
}

// dialogFor finds the dialog of a request. The caller's tag may be missing, of a
// phone of RFC 2543; that of who was called is known since its first response.
func (l *Leg) dialogFor(tag string, s Side) *Dialog {
	if s == Caller && !l.Ours {
		if l.RemoteTag != "" && tag != l.RemoteTag {
			return nil
		}
		return &l.Dialog
	}
	if tag == "" {
		return nil
	}
	return l.dialogOf(tag)
}

// othersRing reports whether a leg of ours has early dialogs beside the one attended
// to. A phone that rings must not send a BYE; one that does ends its own dialog and no
// other (section 15).
func (c *Call) othersRing(s Side) bool {
	l := c.leg(s)
	switch {
	case l.State != Early, c.State >= Ending:
		return false
	case s == Third && c.Transfers[0].Phase != Dialling:
		return false
	}
	return slices.ContainsFunc(l.Forks, func(d Dialog) bool { return d.State == Early })
}

// forkAsks answers a phone below that is not the one attended to, or leaves while
// others ring: it may leave, refresh and ask what we are, but not talk.
func (c *Call) forkAsks(env *Env, ev Requested, back Reply, d *Dialog) {
	m, l := ev.Message, c.leg(ev.Side)
	switch {
	case m.Method == "BYE":
		l.drop(d.RemoteTag)
		c.reply(env, back, message.Response{Status: 200})
		if ev.Side == Callee {
			c.exchangeForsaken(env)
		}
	case m.Method == "UPDATE" && len(m.Body) == 0:
		d.retarget(m)
		c.reply(env, back, message.Response{Status: 200, Contact: l.Contact, Allow: true})
	case m.Method == "UPDATE":
		// Its offer would have to be the caller's, who hears another phone.
		c.reply(env, back, message.Response{Status: 504})
	case m.Method == "OPTIONS":
		c.reply(env, back, message.Response{Status: 200, Allow: true, AcceptSDP: true})
	case m.Method == "REFER":
		c.reply(env, back, message.Response{Status: 603})
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
	talks := c.State == Answered
	if talks {
		c.State = Talking
	}
	if offering && c.State < Ending {
		d, err := description(ev.Message)
		if err == nil && d != nil {
			l.Heard = hashOf(ev.Message.Body)
		}
		if c.greetedLate() {
			c.greetedAnswers(env, d, err)
		} else {
			c.answerInAck(env, ev.Side, d, err)
		}
	}
	if talks && c.State == Talking {
		c.recordMedia(env)
	}
	c.acked(env, ev.Side)
	c.heard(env)
	c.realign(env)
	c.leaveIfOver(env)
}

// recordMedia begins to record what is said when the binding wants that. It waits
// until offer and answer are complete on both legs: only then can both be told.
func (c *Call) recordMedia(env *Env) {
	if c.Recorded {
		env.do(RecordMedia{Session: c.Session, ID: c.Record.ID, Tenant: c.Record.Tenant, Turned: c.Turned})
	}
}

// answerInAck takes the answer of an ACK across and sends the ACK that has
// waited for it.
func (c *Call) answerInAck(env *Env, s Side, d *sdp.Description, err error) {
	to := s.Other()
	if err == nil && d == nil {
		err = errNoAnswer
	}
	var body []byte
	if err == nil {
		body, err = c.crossAnswer(env, s, d)
	}
	if err == nil {
		env.do(SettleMedia{c.Session})
		c.acknowledge(env, to, body)
		return
	}
	c.end(env, ending{end: cdr.EndFailed, by: byPlatform, status: 500, q850: causeNoBearer})
}

// whose finds the leg of a request of ours. It may be another than when the request
// was sent: a transfer changes them.
func (c *Call) whose(tx Tx, s Side) Side {
	for _, side := range []Side{s, Caller, Callee, Third} {
		if side == Third && len(c.Transfers) == 0 {
			continue
		}
		if l := c.leg(side); l.Client.Tx == tx || l.First.Tx == tx || l.awaits(tx) {
			return side
		}
	}
	return Caller
}

// responded takes a response to a request of ours and finds what it answers.
func (c *Call) responded(env *Env, ev Responded) {
	if c.Text.On {
		c.textAnswered(env, ev)
		return
	}
	ev.Side = c.whose(ev.Tx, ev.Side)
	l := c.leg(ev.Side)
	if ev.Tx != l.Client.Tx {
		c.respondedLate(env, ev)
		return
	}
	if l.Client.Pending && ev.Message.Status >= 300 && c.inviteAgain(env, ev.Side, ev.Message) {
		return
	}
	again := !l.Client.Pending && ev.Message.Status/100 == 2
	switch {
	case again && !l.Client.Again:
		if ev.Message.To.Tag != l.RemoteTag {
			c.releaseFork(env, ev.Side, ev.Message)
		}
	case l.Client.Again && c.Exchange.Asked == ev.Tx && c.State < Ending:
		c.exchanged(env, ev.Message)
	case l.Client.Again:
		c.overtaken(env, ev.Side, ev.Message)
	case ev.Side == Third:
		c.thirdSays(env, ev.Message)
	case ev.Side == Callee:
		c.calleeSays(env, ev.Message)
	default:
		c.orderedSays(env, ev.Message)
	}
}

// respondedLate takes a response to anything but the last INVITE of a leg.
func (c *Call) respondedLate(env *Env, ev Responded) {
	l := c.leg(ev.Side)
	m := ev.Message
	sent, waits := Sent{}, false
	if m.Status >= 200 {
		sent, waits = l.take(ev.Tx)
	}
	switch {
	case waits:
		c.finished(env, ev.Side, sent, m.Status, m)
	case m.Status/100 != 2 || m.Method != "INVITE":
	case ev.Tx != l.First.Tx:
		env.do(Release{ev.Tx, m}) // of a leg that is no more
	case m.To.Tag != l.RemoteTag:
		c.releaseFork(env, ev.Side, m)
	}
}

// unanswered takes the end of a request of ours that got no final response.
func (c *Call) unanswered(env *Env, ev Unanswered) {
	if c.Text.On {
		c.textUnanswered(env, ev)
		return
	}
	ev.Side = c.whose(ev.Tx, ev.Side)
	l := c.leg(ev.Side)
	if ev.Tx != l.Client.Tx {
		if sent, ok := l.take(ev.Tx); ok {
			c.finished(env, ev.Side, sent, ev.status(), nil)
		}
		return
	}
	switch {
	case l.Client.Again && c.Exchange.Asked == ev.Tx && c.State < Ending:
		c.exchangeRefused(env, ev.status(), 0)
	case ev.Side == Third:
		l.Client.Pending = false
		env.do(StopTimer{Timer{CancelTimer, Third}})
		if !ev.Full && (c.thirdNext(env, 0) || c.thirdTurn(env, Outcome{endUnavailable, byPlatform, 480, 0})) {
			return
		}
		if r := &c.Transfers[0].Record; r.End == "" {
			r.End, r.ReleasedBy = endUnavailable, byPlatform
		}
		c.thirdFailed(env, 480)
		c.leaveIfOver(env)
	case ev.Side == Caller && l.Client.Pending && !l.Client.Again:
		c.orderedUnanswered(env, ev)
	case l.Client.Pending:
		l.Client.Pending = false
		lost := ending{end: endUnavailable, by: byPlatform, status: 500}
		switch {
		case ev.Full && c.State < Ending:
			c.refuse(env, binding.RefusalOverload, Final{Status: 503, RetryAfter: retryLater})
		case ev.Full, c.State >= Answered, !c.nextTarget(env, 0) && !c.turn(env, lost):
			c.end(env, lost)
		default:
			return
		}
		c.leaveIfOver(env)
	}
}

// finished takes the final response to a request of ours that is no INVITE. m is
// nil when there was none, and the status what stands for it.
func (c *Call) finished(env *Env, s Side, sent Sent, status int, m *message.Message) {
	if m != nil && m.Status >= 300 && c.sendAgain(env, s, sent, m) {
		return
	}
	switch {
	case sent.Request.Method == "BYE":
		c.leaveIfOver(env)
	case sent.Request.Method == "INFO":
		c.infoAnswered(env, s, sent, status) // also when the call is ending: it has arrived
	case c.State >= Ending, s == Third:
	case sent.Tx == c.Exchange.Asked && c.Exchange.active() && c.Exchange.From == Caller && sent.Request.To != c.leg(s).To:
		c.exchangeOrphaned(env)
	case sent.Tx == c.Exchange.Asked && c.Exchange.active():
		c.updateAnswered(env, sent, status, m)
	case sent.Refresh:
		c.refreshed(env, s, status, m)
	}
}

// gone says that a status inside a dialog means that there is none any more, that
// nobody answers in it, or that its target cannot be reached (RFC 5057 section
// 5.1). All others are about the one request.
func gone(status int) bool {
	switch status {
	case 404, 408, 410, 416, 481, 482, 483, 484, 485, 502, 604:
		return true
	}
	return false
}

// legLost ends a call one of whose parties is no longer there. That party gets a
// BYE too (section 12.2.1.2): it may be wrong, or its proxy may have spoken.
func (c *Call) legLost(env *Env, s Side) {
	c.end(env, ending{end: cdr.EndLegLost, by: c.role(s), status: 480, q850: causeRecovery})
}
