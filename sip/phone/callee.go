package phone

import (
	"net/netip"
	"slices"
	"strings"

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
	case p.challenged(t, m):
	case m.Method == "CANCEL":
		p.cancelled(t, m)
	case len(p.unknown(m)) > 0:
		t.respond(message.Response{Echo: m.Echo(netip.AddrPort{}), Status: 420, ToTag: p.config.Mint.Token(),
			Unsupported: p.unknown(m)})
	case m.To.Tag != "":
		p.inDialog(t, m)
	case m.Method == "INVITE":
		p.invited(t, m)
	case m.Method == "OPTIONS":
		t.reply(m, 200, p.config.Mint.Token())
	default:
		t.reply(m, 405, p.config.Mint.Token())
	}
}

// reply answers a request with a status alone.
func (t *tx) reply(m *message.Message, status int, tag string) {
	t.respond(message.Response{Echo: m.Echo(netip.AddrPort{}), Status: status, ToTag: tag, Allow: status == 405 || status == 200})
}

// invited takes a call.
func (p *Phone) invited(t *tx, m *message.Message) {
	b := &p.config.Behaviour
	if s := p.State(); s != Idle && s != Ended {
		t.reply(m, 486, p.config.Mint.Token())
		return
	}
	if r := p.unwilling(m); r.Status != 0 {
		t.respond(r)
		return
	}
	if m.Allow == nil {
		p.blame("INVITE lists no methods in Allow (RFC 3261 section 13.2.1)")
	}
	c := &call{phone: p, state: Ringing, shown: m.From.URI.User, callID: m.CallID, local: p.config.Mint.Token()}
	d := &dialog{
		call: c, remote: m.From.Tag, from: m.To.Text + ";tag=" + c.local, to: m.From.Text,
		route: slices.Clone(m.RecordRoute), theirs: m.CSeq,
	}
	d.retarget(m)
	c.dialog = d
	p.call = c
	p.calls = append(p.calls, c)
	c.serve(t, m)
	if len(m.Body) > 0 {
		c.see(d, m)
		c.offered(d, m)
	}
	if !b.Abrupt {
		c.respond(message.Response{Status: 100})
	}
	c.notify()
	if !b.NeverAnswer && !b.AnswerCancelled {
		c.after(p.config.Ring, c.pickUp)
	}
}

// unwilling is the refusal of an INVITE that asks too little or too much of the
// phone's extensions; its Status is 0 when there is none.
func (p *Phone) unwilling(m *message.Message) message.Response {
	r := message.Response{Echo: m.Echo(netip.AddrPort{}), ToTag: p.config.Mint.Token()}
	_, required := p.options()
	for _, tag := range required {
		if !m.Supports(tag) {
			r.Status, r.Require = 421, append(r.Require, tag)
		}
	}
	if r.Status == 0 && p.tooShort(m) {
		r.Status, r.MinSE = 422, p.minSE()
	}
	return r
}

// serve begins to answer an INVITE.
func (c *call) serve(t *tx, m *message.Message) {
	t.call = c
	c.served = &served{tx: t, request: m, echo: m.Echo(netip.AddrPort{})}
}

// pickUp answers the call, or refuses it.
func (c *call) pickUp() {
	switch status := c.phone.config.Behaviour.Reject; {
	case c.state != Ringing:
	case c.notices.holds():
		c.notices.after = c.pickUp // no 2xx before its PRACK (RFC 3262 section 3)
	case c.dialog.late != nil:
		c.after(moment, c.pickUp) // their UPDATE is answered first
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
	p, s, d := c.phone, c.served, c.dialog
	body, ok := c.answer()
	if !ok {
		return false
	}
	s.unacked, s.interval = true, p.config.Timers.T1
	r := message.Response{Status: 200}
	r.ContentType, r.Body = message.MediaType, body
	c.grantTimer(d, s.request, &r)
	c.respond(r)
	c.notices.stop()
	s.repeat = p.after(s.interval, c.repeat2xx)
	s.never = p.after(p.config.Timers.Timeout(), func() {
		c.acked()
		if c.state != Ended {
			c.sendBye()
		}
	})
	c.careless()
	return true
}

// careless does what a phone should not after its 2xx.
func (c *call) careless() {
	b := &c.phone.config.Behaviour
	if b.LateProvisional {
		r := message.Response{Echo: c.served.echo, Status: 180, ToTag: c.local, Contact: c.phone.contact()}
		c.phone.send(c.phone.write(r.Append(nil)))
	}
	if b.EagerReinvite && c.state < Talking && !c.asking() && c.dialog.session.turn == nobodys {
		c.propose(Hold, maxTries)
	}
}

// repeat2xx sends the 2xx again until its ACK comes (section 13.3.1.4).
func (c *call) repeat2xx() {
	p, s := c.phone, c.served
	b := s.tx.last
	if p.config.Behaviour.OtherTag {
		b = []byte(strings.Replace(string(b), ";tag="+c.local, ";tag="+c.local+"x", 1))
	}
	p.send(b)
	s.interval = min(2*s.interval, p.config.Timers.T2)
	s.repeat = p.after(s.interval, c.repeat2xx)
}

func (c *call) acked() {
	if c.served == nil {
		return
	}
	c.served.unacked = false
	c.served.repeat.stop()
	c.served.never.stop()
}

// resume answers a re-INVITE that was stalled.
func (c *call) resume() {
	if c.stalled() {
		c.served.stalled()
		c.served.stalled = nil
	}
}

// refuse answers their INVITE with a failure and ends the call.
func (c *call) refuse(status int) {
	if c.state == Ended {
		return
	}
	c.final = status
	c.end()
	c.respond(message.Response{Status: status})
}

// respond answers their INVITE.
func (c *call) respond(r message.Response) {
	s := c.served
	r.Echo = s.echo
	if r.Status > 100 {
		r.ToTag, r.Allow = c.local, true
		r.RecordRoute = s.request.RecordRoute
	}
	if r.Status > 100 && r.Status < 400 {
		r.Contact = c.phone.contact()
	}
	if r.Status > 100 && r.Status < 300 {
		supported, required := c.phone.options()
		r.Supported = append(supported, required...)
	}
	s.tx.respond(r)
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
	case c.stalled():
		c.resume()
	case c.state != Ringing || c.served.tx != invite:
	case p.config.Behaviour.AnswerCancelled:
		c.pickUp()
	default:
		c.refuse(487)
	}
}

// ack takes an ACK: of a failure in its transaction, of a 2xx in its dialog.
func (p *Phone) ack(m *message.Message) {
	t := p.find(false, m.Via[0].Branch, "INVITE")
	if t != nil && t.machine.State != transaction.Accepted {
		t.step(transaction.Ack, nil)
		return
	}
	if t != nil {
		p.blame("the ACK of a 2xx wears the branch of its INVITE (RFC 3261 section 13.2.2.4)")
	}
	d := p.dialog(m)
	if d == nil || !d.call.unacked() || m.CSeq != d.call.served.request.CSeq || p.config.Behaviour.DeafACK {
		return
	}
	c := d.call
	c.acked()
	switch {
	case c.served.offering:
		c.concluded(d, m, "RFC 3261 section 13.2.1")
	case len(m.Body) > 0:
		p.blame("an ACK with a description that answers nothing (RFC 3264 section 4)")
	}
	if c.byeOwed {
		c.sendBye()
	}
}
