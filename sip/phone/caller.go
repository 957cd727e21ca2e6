package phone

import (
	"time"

	"mask700/sip/message"
	"mask700/sip/transaction"
)

// Dial calls a number at the server.
func (p *Phone) Dial(now time.Time, number string) {
	p.now = now
	b := &p.config.Behaviour
	uri := "sip:" + number + "@" + p.config.Server
	c := &call{
		phone: p, outgoing: true, state: Dialling, pending: true,
		callID: p.config.Mint.Token() + "@" + p.config.Host, local: p.config.Mint.Token(),
		target: uri, to: "<" + uri + ">",
	}
	c.from = p.named("<sip:"+p.config.User+"@"+p.config.Host+">") + ";tag=" + c.local
	p.call = c
	p.calls = append(p.calls, c)
	r := c.request("INVITE")
	r.Contact, r.Allow = p.contact(), true
	if !b.LateOffer {
		describe(&r, p.config.SDP(nil))
	}
	c.invite = p.ask(c, r)
	if b.CancelAfter > 0 {
		c.bye = p.after(b.CancelAfter, func() { p.giveUp(c) })
	}
}

// Cancel gives up a call that is not answered yet.
func (p *Phone) Cancel(now time.Time) {
	p.now = now
	if p.call != nil && p.call.outgoing {
		p.giveUp(p.call)
	}
}

// giveUp cancels our INVITE: once a provisional response has come, not before
// (RFC 3261 section 9.1).
func (p *Phone) giveUp(c *call) {
	if !c.pending || c.state >= Talking {
		return
	}
	c.cancel = true
	if !c.heard || c.cancelled {
		return
	}
	c.cancelled = true
	first := c.invite.request
	r := message.Request{
		Method: "CANCEL", Target: first.Target, Via: first.Via, Branch: first.Branch, Route: first.Route,
		From: first.From, To: first.To, CallID: first.CallID, CSeq: first.CSeq, MaxForwards: 70,
	}
	p.ask(c, r)
	// The INVITE may stay without an answer for 64*T1, and is over then.
	c.lapse = p.after(p.config.Timers.Timeout(), func() {
		c.invite.step(transaction.Abandon, nil)
		c.refused(c.invite, 487)
	})
}

// response takes a response to one of our requests.
func (p *Phone) response(m *message.Message) {
	t := p.find(true, m.Via[0].Branch, m.CSeqMethod)
	if t == nil {
		return
	}
	switch {
	case m.Status < 200:
		t.step(transaction.Provisional, m)
	case m.Status < 300:
		t.step(transaction.Success, m)
	default:
		t.step(transaction.Failure, m)
	}
}

// answered takes what a client transaction delivers.
func (c *call) answered(t *tx, m *message.Message) {
	switch {
	case t.method != "INVITE":
	case m.Status < 200:
		c.progress(t, m)
	case m.Status < 300:
		c.accepted(t, m)
	default:
		c.refused(t, m.Status)
	}
}

func (c *call) progress(t *tx, m *message.Message) {
	if t != c.invite || !c.pending {
		return
	}
	c.heard = true
	if m.Status > 100 && c.state == Dialling {
		c.state = Ringing
	}
	if len(m.Body) > 0 {
		c.remoteSDP = m.Body
	}
	if c.cancel {
		c.phone.giveUp(c)
	}
}

// accepted takes a 2xx, the first and its repetitions.
func (c *call) accepted(t *tx, m *message.Message) {
	p, b := c.phone, &c.phone.config.Behaviour
	if c.ackOf == t.request.CSeq {
		p.send(c.ack)
		return
	}
	if t != c.invite || !c.pending {
		return // its ACK is late, or never to be
	}
	c.pending = false
	c.lapse.stop()
	first := c.state < Talking
	if first {
		c.dialogFrom(m)
	} else {
		c.retarget(m)
	}
	if len(m.Body) > 0 {
		c.remoteSDP = m.Body
	}
	var answer []byte
	if len(t.request.Body) == 0 {
		answer = p.config.SDP(m.Body)
	}
	seq := t.request.CSeq
	switch {
	case b.NoACK:
	case b.LateACK > 0:
		p.after(b.LateACK, func() { c.acknowledge(seq, answer) })
	default:
		c.acknowledge(seq, answer)
	}
	switch {
	case first && c.cancel:
		// It crossed our CANCEL: the call is made, and ended at once.
		c.final = 200
		c.sendBye()
	case first:
		c.bye.stop()
		c.talk()
	}
}

// acknowledge sends the ACK of a 2xx (RFC 3261 section 13.2.2.4).
func (c *call) acknowledge(seq uint32, answer []byte) {
	r := c.compose("ACK", seq)
	describe(&r, answer)
	c.ack, c.ackOf = c.phone.write(r.Append(nil)), seq
	c.phone.send(c.ack)
}

// refused takes a failure, or the lack of any answer as 408.
func (c *call) refused(t *tx, status int) {
	if t != c.invite || !c.pending {
		return
	}
	c.pending = false
	c.lapse.stop()
	switch {
	case c.state < Talking:
		c.final = status
		c.end()
	case c.state == Talking && (status == 481 || status == 408):
		c.sendBye() // the dialog is gone (section 12.2.1.2)
	}
}

// unanswered takes the timeout of one of our transactions.
func (c *call) unanswered(t *tx) {
	if t.method == "INVITE" {
		c.refused(t, 408)
	}
}
