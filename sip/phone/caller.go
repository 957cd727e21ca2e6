package phone

import (
	"time"

	"mask700/sip/message"
	"mask700/sip/transaction"
)

// maxTries bounds how often a request is sent anew because of what its response
// said.
const maxTries = 4

// Dial calls a number at the server.
func (p *Phone) Dial(now time.Time, number string) {
	p.now = now
	b := &p.config.Behaviour
	uri := "sip:" + number + "@" + p.config.Server
	c := &call{
		phone: p, outgoing: true, state: Dialling,
		callID: p.config.Mint.Token() + "@" + p.config.Host, local: p.config.Mint.Token(),
	}
	c.unborn = &dialog{call: c, target: uri, to: "<" + uri + ">"}
	c.unborn.from = p.named("<sip:"+p.config.User+"@"+p.config.Host+">") + ";tag=" + c.local
	c.dialog = c.unborn
	p.call = c
	p.calls = append(p.calls, c)
	var offer []byte
	if !b.LateOffer {
		offer = c.dialog.session.propose(p.config.SDP(nil))
	}
	c.invite(offer, 1)
	if b.CancelAfter > 0 {
		c.quit = c.after(b.CancelAfter, func() { p.giveUp(c) })
	}
}

// invite sends the first INVITE of a call, or sends it anew.
func (c *call) invite(offer []byte, tries int) {
	d := c.unborn
	r := d.next("INVITE")
	d.introduce(&r)
	c.askTimer(d, &r)
	describe(&r, offer)
	c.asked = &asked{pending: true, late: len(offer) == 0, tries: tries}
	c.asked.tx = d.ask(r, nil)
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
	a := c.asked
	if !c.asking() || c.state >= Talking {
		return
	}
	a.cancel = true
	if !a.heard || a.cancelled {
		return
	}
	a.cancelled = true
	p.cancel(c, a.tx)
	// The INVITE may stay without an answer for 64*T1, and is over then.
	a.lapse = p.after(p.config.Timers.Timeout(), func() {
		a.tx.step(transaction.Abandon, nil)
		c.refused(a.tx, 487, nil)
	})
}

func (p *Phone) cancel(c *call, t *tx) {
	first := t.request
	r := message.Request{
		Method: "CANCEL", Target: first.Target, Via: first.Via, Branch: first.Branch, Route: first.Route,
		From: first.From, To: first.To, CallID: first.CallID, CSeq: first.CSeq, MaxForwards: 70,
	}
	p.open(c, r, nil).begin()
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

// answered takes what a client transaction of an INVITE delivers.
func (c *call) answered(t *tx, m *message.Message) {
	switch {
	case m.Status < 200:
		c.progress(t, m)
	case m.Status < 300:
		c.accepted(t, m)
	default:
		c.refused(t, m.Status, m)
	}
}

// progress takes a provisional response to an INVITE of ours.
func (c *call) progress(t *tx, m *message.Message) {
	a := c.asked
	if a == nil || t != a.tx {
		return
	}
	a.heard = true
	if m.Status > 100 && m.To.Tag != "" {
		d := a.dialog
		if d == nil {
			d = c.fork(m)
		}
		c.hears(d, m)
	}
	if a.pending && a.cancel {
		c.phone.giveUp(c)
	}
}

// hears takes a provisional response that belongs to a dialog.
func (c *call) hears(d *dialog, m *message.Message) {
	if m.Contact == nil && m.Status != 199 {
		c.phone.blame("%d has no Contact (RFC 3261 section 12.1.1)", m.Status)
	}
	if isReliable(m) && !c.acknowledges(d, m) {
		return
	}
	if !c.asked.pending {
		return
	}
	if m.Status == 199 {
		d.left = true
		return
	}
	d.retarget(m)
	if c.state == Dialling {
		c.state = Ringing
	}
	if !isReliable(m) && len(m.Body) > 0 {
		c.preview(d, m)
	}
	c.rings()
}

// accepted takes a 2xx to an INVITE of ours, the first and its repetitions.
func (c *call) accepted(t *tx, m *message.Message) {
	p, a, d := c.phone, c.asked, c.dialog
	if ack := t.acks[m.To.Tag]; ack != nil {
		p.send(ack)
		return
	}
	if a == nil || t != a.tx {
		return // its ACK is late, or never to be
	}
	first := a.dialog == nil
	if first {
		d = c.fork(m)
	}
	switch {
	case !a.pending && first && d != c.dialog:
		c.spare(d, m, t)
		return
	case !a.pending:
		return
	}
	a.pending = false
	a.lapse.stop()
	if first {
		d.adopt(m)
		d.left, c.dialog = false, d
	} else {
		d.retarget(m)
	}
	answer := c.settle(d, m)
	c.took(d, m)
	if d.heard.owed() {
		p.blame("a 2xx before the PRACK of a reliable response with a description (RFC 3262 section 3)")
	}
	c.confirm(d, t, answer)
	switch {
	case first && a.cancel:
		// It crossed our CANCEL: the call is made, and ended at once.
		c.final = 200
		c.sendBye()
	case first:
		c.talk()
	}
}

// confirm sends the ACK of a 2xx, as well and as early as the phone does.
func (c *call) confirm(d *dialog, t *tx, answer []byte) {
	p, b := c.phone, &c.phone.config.Behaviour
	if b.CancelLate {
		p.cancel(c, t)
	}
	switch {
	case b.NoACK:
	case b.LateACK > 0:
		p.after(b.LateACK, func() { d.acknowledge(t, answer) })
	case b.EagerReinvite && c.state < Talking && !c.asked.cancel && d.session.turn == nobodys && len(answer) == 0:
		c.propose(Hold, maxTries)
		d.acknowledge(t, answer)
	default:
		d.acknowledge(t, answer)
	}
}

// spare takes the answer of a second phone: it is acknowledged and released
// (section 13.2.2.4).
func (c *call) spare(d *dialog, m *message.Message, t *tx) {
	d.adopt(m)
	d.acknowledge(t, c.settle(d, m))
	c.release(d)
}

// acknowledge sends the ACK of a 2xx (RFC 3261 section 13.2.2.4) and keeps it for
// the repetitions of that.
func (d *dialog) acknowledge(t *tx, answer []byte) {
	p := d.call.phone
	r := d.compose("ACK", t.request.CSeq)
	if p.config.Behaviour.ACKBranch {
		r.Branch = t.branch
	}
	describe(&r, answer)
	if t.acks == nil {
		t.acks = map[string][]byte{}
	}
	t.acks[d.remote] = p.write(r.Append(nil))
	p.send(t.acks[d.remote])
}

// refused takes a failure, or the lack of any answer as 408.
func (c *call) refused(t *tx, status int, m *message.Message) {
	a := c.asked
	if a == nil || t != a.tx || !a.pending {
		return
	}
	a.pending = false
	a.lapse.stop()
	if a.dialog != nil {
		c.reinviteFailed(a, status, m)
		return
	}
	if m != nil && status == 422 && c.raise(m) && a.tries < maxTries && !a.cancel {
		c.invite(t.request.Body, a.tries+1)
		return
	}
	c.final = status
	c.end()
}

// unanswered takes the timeout of an INVITE of ours.
func (c *call) unanswered(t *tx) { c.refused(t, 408, nil) }
