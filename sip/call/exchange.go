package call

import (
	"errors"

	"mask700/media/sdp"
	"mask700/sip/message"
)

// errNoAnswer is a 2xx or an ACK that owes a description and has none.
var errNoAnswer = errors.New("call: the answer has no session description")

// Exchange is a re-INVITE on its way across: offered by one party inside the
// dialog (section 14), carried to the other and back. One at a time.
type Exchange struct {
	From, To Side
	Asked    Tx // our INVITE on the other leg; empty: no exchange
	Late     bool
	Before   [2]sdp.Leg // to go back to when it is refused
}

func (x *Exchange) active() bool { return x.Asked != "" }

// reinvited takes an INVITE inside a dialog. What changes is only the session:
// it is carried to the other party as an offer of ours.
func (c *Call) reinvited(env *Env, s Side, back Reply, m *message.Message) {
	l, other := c.leg(s), c.leg(s.Other())
	switch {
	case c.State >= Ending:
		c.reply(env, back, message.Response{Status: 481})
		return
	case !l.Server.Final && l.Server.Tx != "", c.State < Answered:
		// A second INVITE before the first has its answer (section 14.2).
		c.reply(env, back, message.Response{Status: 500, RetryAfter: 1})
		return
	case c.Exchange.active(), l.Server.Unacked, other.Server.Unacked, other.Client.AckOwed, l.Client.AckOwed:
		c.reply(env, back, message.Response{Status: 491})
		return
	}
	var body []byte
	x := Exchange{From: s, To: s.Other(), Before: [2]sdp.Leg{c.Legs[0].SDP, c.Legs[1].SDP}}
	d, err := description(m)
	if err == nil && d != nil {
		body, err = c.crossOffer(s, d)
	}
	if err != nil {
		c.Legs[0].SDP, c.Legs[1].SDP = x.Before[0], x.Before[1]
		c.reply(env, back, message.Response{Status: 488, Q850: causeNoBearer})
		return
	}
	l.retarget(m)
	l.Server = Served{Reply: back, Seq: m.CSeq}
	c.respond(env, s, message.Response{Status: 100})
	r := other.nextRequest(env, "INVITE")
	r.Contact, r.Allow = other.Contact, true
	attach(&r, body)
	other.Client = Asked{
		Tx: ClientTx(r.Branch, "INVITE"), Branch: r.Branch, Seq: r.CSeq, Pending: true, Again: true, Offered: len(body) > 0,
	}
	x.Late = len(body) == 0
	x.Asked = c.ask(env, x.To, r, false)
	c.Exchange = x
	// A transaction that has heard a provisional response waits for ever.
	env.do(StartTimer{Timer{RingTimer, x.To}, env.Config.RingTimeout})
}

// exchanged takes the other party's response to a re-INVITE.
func (c *Call) exchanged(env *Env, m *message.Message) {
	x := c.Exchange
	l := c.leg(x.To)
	switch {
	case m.Status < 200:
		l.Client.Heard = true
		if l.Client.Cancel {
			c.cancelInvite(env, x.To)
		}
		return
	case m.Status >= 300:
		c.exchangeRefused(env, m.Status)
		return
	}
	c.exchangeOver(env)
	l.retarget(m)
	d, err := description(m)
	if err == nil && d == nil {
		err = errNoAnswer
	}
	var body []byte
	if err == nil {
		if x.Late {
			body, err = c.crossOffer(x.To, d)
		} else {
			body, err = c.crossAnswer(env, x.To, d)
		}
	}
	if !x.Late || err != nil {
		c.acknowledge(env, x.To, nil)
	}
	if err != nil {
		// That party is in the new session by its 2xx, the other in the old one:
		// there is no way back for both.
		c.Exchange = Exchange{}
		c.end(env, ending{end: endFailed, by: byPlatform, status: 480, q850: causeNoBearer})
		return
	}
	c.Exchange = Exchange{}
	if x.Late {
		l.Client.AckOwed = true
		c.leg(x.From).Server.Offering = true
	} else {
		env.do(SettleMedia{})
	}
	c.respond(env, x.From, attached(200, body))
}

// exchangeRefused leaves the session as it was (section 14.1). A response that
// says the dialog is gone ends the call (RFC 5057 section 5.1), with a BYE to that
// party too (section 12.2.1.2): it may be wrong, or its proxy may have spoken.
func (c *Call) exchangeRefused(env *Env, status int) {
	x := c.Exchange
	c.exchangeOver(env)
	c.Exchange = Exchange{}
	for i := range c.Legs {
		// The version of a refused offer is spent: another body must not have it
		// too (RFC 3264 section 8).
		version := c.Legs[i].SDP.Version
		c.Legs[i].SDP = x.Before[i]
		c.Legs[i].SDP.Version = version
	}
	if status == 408 || status == 481 {
		c.end(env, ending{end: endFailed, by: x.To.String(), status: 480, q850: causeRecovery})
		return
	}
	answer := message.Response{Status: outcomeOf(status).status, Q850: outcomeOf(status).q850}
	if status == 491 {
		answer = message.Response{Status: 491}
	}
	c.respond(env, x.From, answer)
}

// exchangeLost ends the call: a party that does not answer inside its dialog is
// no longer there (RFC 5057 section 5.1).
func (c *Call) exchangeLost(env *Env) { c.exchangeRefused(env, 408) }

// exchangeOver stops waiting for the answer to our re-INVITE.
func (c *Call) exchangeOver(env *Env) {
	c.leg(c.Exchange.To).Client.Pending = false
	env.do(StopTimer{Timer{RingTimer, c.Exchange.To}})
	env.do(StopTimer{Timer{CancelTimer, c.Exchange.To}})
}

// overtaken takes the response to a re-INVITE of ours that the end of the call
// has overtaken. A 2xx still wants its ACK (section 13.2.2.4), and until the
// final response the call stays to give it.
func (c *Call) overtaken(env *Env, s Side, m *message.Message) {
	l := c.leg(s)
	if !l.Client.Pending || m.Status < 200 {
		return
	}
	l.Client.Pending = false
	env.do(StopTimer{Timer{CancelTimer, s}})
	if m.Status < 300 {
		c.acknowledge(env, s, nil)
	}
	c.leaveIfOver(env)
}

// dropExchange answers a re-INVITE that the end of the call has overtaken
// (section 15.1.2).
func (c *Call) dropExchange(env *Env) {
	if x := c.Exchange; x.active() && c.leg(x.To).Client.Pending {
		env.do(StopTimer{Timer{RingTimer, x.To}})
		env.do(StartTimer{Timer{CancelTimer, x.To}, env.Config.Timers.Timeout()})
	}
	for _, s := range []Side{Caller, Callee} {
		c.respond(env, s, message.Response{Status: 487})
	}
	c.Exchange = Exchange{}
}
