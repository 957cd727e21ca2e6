package phone

import (
	"net/netip"
	"slices"

	"mask700/sip/message"
	"mask700/sip/transaction"
)

// request takes a request, ACK excepted.
func (p *Phone) request(m *message.Message) {
	if t := p.find(false, m.Via[0].Branch, m.Method); t != nil {
		t.step(transaction.Repeat, nil)
		return
	}
	silent := p.config.Behaviour.Silent && m.To.Tag == ""
	if silent && (m.Method == "INVITE" || m.Method == "CANCEL") {
		return
	}
	t := p.serve(m)
	switch {
	case m.Method == "CANCEL":
		p.cancelled(t, m)
	case m.To.Tag != "":
		p.inDialog(t, m)
	case m.Method == "INVITE":
		p.invited(t, m)
	case m.Method == "OPTIONS":
		t.reply(m, 200, "")
	default:
		t.reply(m, 405, p.config.Mint.Token())
	}
}

// reply answers a request with a status alone.
func (t *tx) reply(m *message.Message, status int, tag string) {
	t.respond(message.Response{Echo: m.Echo(netip.AddrPort{}), Status: status, ToTag: tag, Allow: status == 405})
}

// invited takes a call.
func (p *Phone) invited(t *tx, m *message.Message) {
	b := &p.config.Behaviour
	if s := p.State(); s != Idle && s != Ended {
		t.reply(m, 486, p.config.Mint.Token())
		return
	}
	c := &call{
		phone: p, state: Ringing, shown: m.From.URI.User, served: t, echo: m.Echo(netip.AddrPort{}),
		callID: m.CallID, local: p.config.Mint.Token(), remote: m.From.Tag, to: m.From.Text,
		route: slices.Clone(m.RecordRoute), routes: m.RecordRoute, remoteSeq: m.CSeq,
		offer: m.Body, remoteSDP: m.Body,
	}
	c.from = m.To.Text + ";tag=" + c.local
	c.retarget(m)
	t.call = c
	p.call = c
	p.calls = append(p.calls, c)
	if !b.Abrupt {
		c.respond(100, nil)
	}
	switch {
	case b.Early && len(m.Body) > 0:
		c.early = p.config.SDP(m.Body)
		c.respond(183, c.early)
	case !b.Abrupt:
		c.respond(180, nil)
	}
	if !b.NeverAnswer && !b.AnswerCancelled {
		c.answer = p.after(p.config.Ring, c.pickUp)
	}
}

// pickUp answers the call, or refuses it.
func (c *call) pickUp() {
	switch status := c.phone.config.Behaviour.Reject; {
	case c.state != Ringing:
	case status >= 300:
		c.refuse(status)
	case c.accept():
		c.talk()
	default:
		c.refuse(488)
	}
}

// accept sends the 2xx of their INVITE, false when its offer cannot be
// answered.
func (c *call) accept() bool {
	p := c.phone
	body := c.early
	c.early = nil
	c.offering = len(c.offer) == 0
	switch {
	case c.offering:
		body = p.config.SDP(nil)
	case body == nil:
		body = p.config.SDP(c.offer)
	}
	if body == nil {
		return false
	}
	c.unacked, c.seqOf = true, c.remoteSeq
	c.interval = p.config.Timers.T1
	c.respond(200, body)
	c.repeat = p.after(c.interval, c.repeat2xx)
	c.never = p.after(p.config.Timers.Timeout(), func() {
		c.acked()
		if c.state != Ended {
			c.sendBye()
		}
	})
	return true
}

// repeat2xx sends the 2xx again until its ACK comes (section 13.3.1.4).
func (c *call) repeat2xx() {
	p := c.phone
	p.send(c.served.last)
	c.interval = min(2*c.interval, p.config.Timers.T2)
	c.repeat = p.after(c.interval, c.repeat2xx)
}

func (c *call) acked() {
	c.unacked = false
	c.repeat.stop()
	c.never.stop()
}

// resume answers a re-INVITE that was stalled.
func (c *call) resume() {
	if c.stalled != nil {
		c.stalled()
		c.stalled = nil
	}
}

// refuse answers their INVITE with a failure and ends the call.
func (c *call) refuse(status int) {
	if c.state == Ended {
		return
	}
	c.final = status
	c.end()
	c.respond(status, nil)
}

func (c *call) respond(status int, body []byte) {
	r := message.Response{Echo: c.echo, Status: status}
	if status > 100 {
		r.ToTag, r.Allow = c.local, true
		r.RecordRoute = c.routes
	}
	if status > 100 && status < 400 {
		r.Contact = c.phone.contact()
	}
	if len(body) > 0 {
		r.ContentType, r.Body = message.MediaType, body
	}
	c.served.respond(r)
}

// cancelled takes a CANCEL (section 9.2).
func (p *Phone) cancelled(t *tx, m *message.Message) {
	invite := p.find(false, m.Via[0].Branch, "INVITE")
	if invite == nil || invite.call == nil {
		t.reply(m, 481, p.config.Mint.Token())
		return
	}
	c := invite.call
	t.reply(m, 200, c.local)
	switch {
	case c.stalled != nil:
		c.resume()
	case c.state != Ringing || c.served != invite:
	case p.config.Behaviour.AnswerCancelled:
		c.pickUp()
	default:
		c.refuse(487)
	}
}

// ack takes an ACK: of a failure in its transaction, of a 2xx in its dialog.
func (p *Phone) ack(m *message.Message) {
	if t := p.find(false, m.Via[0].Branch, "INVITE"); t != nil {
		t.step(transaction.Ack, nil)
		return
	}
	c := p.dialog(m)
	if c == nil || !c.unacked || m.CSeq != c.seqOf || p.config.Behaviour.DeafACK {
		return
	}
	c.acked()
	if c.offering {
		c.remoteSDP = m.Body
	}
	if c.byeOwed {
		c.sendBye()
	}
}

// dialog finds the call that a request belongs to.
func (p *Phone) dialog(m *message.Message) *call {
	for _, c := range p.calls {
		if c.callID == m.CallID && c.local == m.To.Tag && c.remote == m.From.Tag {
			return c
		}
	}
	return nil
}

// inDialog takes a request of a dialog.
func (p *Phone) inDialog(t *tx, m *message.Message) {
	c := p.dialog(m)
	switch {
	case c == nil || c.state == Ended && m.Method != "BYE":
		t.reply(m, 481, "")
		return
	case m.CSeq <= c.remoteSeq:
		t.reply(m, 500, "")
		return
	}
	c.remoteSeq = m.CSeq
	switch m.Method {
	case "BYE":
		c.acked()
		c.end()
		t.reply(m, 200, "")
		c.resume()
	case "INVITE":
		c.reinvited(t, m)
	case "OPTIONS":
		t.reply(m, 200, "")
	default:
		t.reply(m, 405, "")
	}
}

// reinvited takes an INVITE that changes the session (section 14.2).
func (c *call) reinvited(t *tx, m *message.Message) {
	b := &c.phone.config.Behaviour
	switch {
	case c.pending || c.unacked || c.stalled != nil:
		t.reply(m, 491, "")
		return
	case b.Refuse >= 300:
		t.reply(m, b.Refuse, "")
		return
	}
	t.call = c
	if b.Stall {
		c.stalled = func() { t.reply(m, 487, "") }
		t.reply(m, 100, "")
		return
	}
	c.served, c.echo, c.offer, c.routes = t, m.Echo(netip.AddrPort{}), m.Body, m.RecordRoute
	c.retarget(m)
	if len(m.Body) > 0 {
		c.remoteSDP = m.Body
	}
	if !c.accept() {
		t.reply(m, 488, "")
	}
}
