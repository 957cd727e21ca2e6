package phone

import (
	"net/netip"

	"mask700/sip/message"
)

// update sends an UPDATE (RFC 3311 section 5.1), or waits for a moment while it
// must not. One who does not know it gets none.
func (c *call) update(change Change, tries int) {
	d := c.dialog
	if c.state == Ended || tries > maxTries || d.remote == "" || !d.updates || d.left {
		return
	}
	offering := change != NoOffer
	// Before the ACK the other need not know of the dialog yet.
	busy := d.updating != nil || c.state == Talking && c.unacked() || offering &&
		(!d.session.settled || d.session.turn != nobodys || c.notices.holds() || d.late != nil || c.stalled() ||
			c.asking() && c.asked.dialog != nil)
	if busy {
		c.after(moment, func() { c.update(change, tries+1) })
		return
	}
	r := d.next("UPDATE")
	d.introduce(&r)
	c.askTimer(d, &r)
	if offering {
		describe(&r, d.session.propose(c.describe(change)))
	}
	note := c.noted("UPDATE")
	d.updating = d.ask(r, func(m *message.Message) {
		d.updating = nil
		note(m)
		c.updateAnswered(d, m, change, tries)
	})
}

// updateAnswered takes the answer to our UPDATE, nil when there was none.
func (c *call) updateAnswered(d *dialog, m *message.Message, change Change, tries int) {
	offering, status := change != NoOffer, 408
	if m != nil {
		status = m.Status
	}
	switch {
	case status < 300:
		d.retarget(m)
		if m.Contact == nil {
			c.phone.blame("%s has no Contact (RFC 3311 section 5.2)", title(m))
		}
		if offering {
			c.concluded(d, m, "RFC 3311 section 5.2")
		} else if len(m.Body) > 0 {
			c.phone.blame("%s answers an offer that there is not (RFC 3264 section 4)", title(m))
		}
		c.took(d, m)
		return
	case offering:
		d.session.withdraw(status)
	}
	c.afterwards(status, m, func() { c.update(change, tries+1) })
}

// updated takes an UPDATE (RFC 3311 section 5.2).
func (c *call) updated(d *dialog, t *tx, m *message.Message) {
	b, s := &c.phone.config.Behaviour, &d.session
	offering := len(m.Body) > 0
	if m.Contact == nil {
		c.phone.blame("UPDATE has no Contact (RFC 3311 section 5.1)")
	}
	switch {
	case b.NoUpdate:
		c.phone.blame("UPDATE to one who does not list it in Allow (RFC 3311 section 5.1)")
		t.reply(m, 405, "")
	case d.late != nil:
		c.phone.blame("UPDATE while another waits for its answer (RFC 3311 section 5.1)")
		t.later(m, 500)
	case c.phone.tooShort(m):
		t.respond(message.Response{Echo: m.Echo(netip.AddrPort{}), Status: 422, MinSE: c.phone.minSE()})
	case offering && s.turn == ours && !s.settled && !c.unacked():
		c.phone.blame("UPDATE makes an offer before the INVITE's is answered (RFC 3311 section 5.1)")
		t.reply(m, 491, "")
	case offering && (s.turn == ours || c.asking() && c.asked.dialog != nil):
		t.reply(m, 491, "")
	case offering && s.turn == theirs:
		c.phone.blame("UPDATE makes an offer while another waits for its answer (RFC 3264 section 4)")
		t.later(m, 500)
	case offering && b.RefuseUpdate >= 300:
		t.reply(m, b.RefuseUpdate, "")
	default:
		c.takeUpdate(d, t, m)
	}
}

// takeUpdate accepts an UPDATE, in its time.
func (c *call) takeUpdate(d *dialog, t *tx, m *message.Message) {
	d.retarget(m)
	offering := len(m.Body) > 0
	if offering {
		c.offered(d, m)
	}
	accept := func() {
		supported, required := c.phone.options()
		r := message.Response{
			Echo: m.Echo(netip.AddrPort{}), Status: 200, Contact: c.phone.contact(), Allow: true,
			Supported: append(supported, required...),
		}
		if offering {
			r.ContentType, r.Body = message.MediaType, c.answerTo(d, m.Body)
		}
		if offering && r.Body == nil {
			t.reply(m, 488, "")
			return
		}
		c.grantTimer(d, m, &r)
		t.respond(r)
	}
	slow := c.phone.config.Behaviour.SlowUpdate
	if slow == 0 {
		accept()
		return
	}
	wait := c.after(slow, func() {
		d.late = nil
		accept()
	})
	d.late = func() { // the call ends before (RFC 3261 section 15.1.2)
		d.late = nil
		wait.stop()
		if offering {
			d.session.turn = nobodys
		}
		t.reply(m, 487, "")
	}
}
