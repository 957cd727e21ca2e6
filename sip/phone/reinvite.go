package phone

import (
	"net/netip"
	"time"

	"mask700/sip/message"
)

// moment is how long a phone waits with what it cannot do yet.
const moment = time.Second

// reinvite sends an INVITE within the dialog (RFC 3261 section 14.1), or waits
// for a moment while it must not.
func (c *call) reinvite(change Change, tries int) {
	d := c.dialog
	if c.state != Talking || tries > maxTries {
		return
	}
	busy := c.asking() || c.unacked() || c.stalled() || d.updating != nil || d.late != nil || d.session.turn != nobodys
	if busy {
		c.after(moment, func() { c.reinvite(change, tries+1) })
		return
	}
	c.propose(change, tries)
}

// propose sends an INVITE within the dialog now.
func (c *call) propose(change Change, tries int) {
	d := c.dialog
	r := d.next("INVITE")
	d.introduce(&r)
	c.askTimer(d, &r)
	if change != NoOffer {
		describe(&r, d.session.propose(c.describe(change)))
	}
	d.session.shown, d.heard = nil, provisionals{}
	c.asked = &asked{dialog: d, pending: true, late: change == NoOffer, change: change, tries: tries}
	a := c.asked
	a.tx = d.ask(r, nil)
}

// reinviteFailed leaves the session as it was (section 14.1), and tries once more
// where that may help.
func (c *call) reinviteFailed(a *asked, status int, m *message.Message) {
	if !a.late {
		a.dialog.session.withdraw(status)
	}
	c.noted("INVITE")(m)
	c.afterwards(status, m, func() { c.reinvite(a.change, a.tries+1) })
}

// afterwards does what is to be done when a change of the session was refused:
// once more after a while, nothing, or the end of the call.
func (c *call) afterwards(status int, m *message.Message, again func()) {
	switch {
	case c.state != Talking && c.state != Ringing:
	case status == 408 || status == 481:
		c.lost()
	case status == 491:
		c.after(c.backOff(), again)
	case status == 500 && m != nil && m.RetryAfter > 0:
		c.after(time.Duration(m.RetryAfter)*time.Second, again)
	case status == 422 && c.raise(m):
		again()
	}
}

// backOff is how long to wait after a 491: 2.1 to 4 s for who made the Call-ID,
// up to 2 s for the other, in steps of 10 ms (section 14.1).
func (c *call) backOff() time.Duration {
	n := c.phone.config.Mint.Uint64()
	if c.outgoing {
		return 2100*time.Millisecond + time.Duration(n%191)*10*time.Millisecond
	}
	return time.Duration(n%201) * 10 * time.Millisecond
}

// reinvited takes an INVITE that changes the session (section 14.2).
func (c *call) reinvited(d *dialog, t *tx, m *message.Message) {
	b, s := &c.phone.config.Behaviour, &d.session
	if m.Allow == nil {
		c.phone.blame("INVITE lists no methods in Allow (RFC 3261 section 13.2.1)")
	}
	switch {
	case c.state < Talking || c.stalled():
		c.phone.blame("INVITE while another waits for its answer (RFC 3261 section 14.1)")
		t.later(m, 500)
		return
	case c.asking() || c.unacked() || s.turn == ours:
		t.reply(m, 491, "")
		return
	case s.turn == theirs:
		c.phone.blame("INVITE makes an offer while another waits for its answer (RFC 3264 section 4)")
		t.later(m, 500)
		return
	case c.phone.tooShort(m):
		t.respond(message.Response{Echo: m.Echo(netip.AddrPort{}), Status: 422, MinSE: c.phone.minSE()})
		return
	case b.Refuse >= 300:
		t.reply(m, b.Refuse, "")
		return
	}
	c.serve(t, m)
	if !b.Stall {
		d.retarget(m)
	}
	if len(m.Body) > 0 {
		c.offered(d, m)
	}
	switch {
	case b.Stall:
		t.reply(m, 100, "")
		c.stall(d, t, m)
	case b.SlowReinvite > 0:
		c.respond(message.Response{Status: 180})
		c.stall(d, t, m)
		served := c.served
		c.after(b.SlowReinvite, func() {
			if served.stalled != nil {
				served.stalled = nil
				c.takeReinvite(d, t, m)
			}
		})
	default:
		c.takeReinvite(d, t, m)
	}
}

// takeReinvite answers a re-INVITE.
func (c *call) takeReinvite(d *dialog, t *tx, m *message.Message) {
	if !c.accept() {
		d.session.turn = nobodys
		t.reply(m, 488, "")
	}
}

// stall leaves a re-INVITE without an answer until it is cancelled, or the call
// ends.
func (c *call) stall(d *dialog, t *tx, m *message.Message) {
	c.served.stalled = func() {
		if len(m.Body) > 0 {
			d.session.turn = nobodys
		}
		t.reply(m, 487, "")
	}
}

// later answers a request with a failure that is over soon: in up to 10 s
// (RFC 3261 section 14.2, RFC 3311 section 5.2).
func (t *tx) later(m *message.Message, status int) {
	t.respond(message.Response{Echo: m.Echo(netip.AddrPort{}), Status: status,
		RetryAfter: int(1 + t.phone.config.Mint.Uint64()%10)})
}
