package phone

import (
	"slices"
	"time"

	"mask700/sip/message"
	"mask700/sip/transaction"
)

// call is one call of a phone: an INVITE, and what came of it.
type call struct {
	phone    *Phone
	outgoing bool
	state    State
	final    int
	shown    string
	expired  bool

	callID, local string
	dialog        *dialog // the one that counts
	unborn        *dialog // of a call of ours: what its dialogs are made from
	forks         []*dialog

	remoteSDP []byte
	asked     *asked   // our last INVITE, nil: none
	served    *served  // theirs, nil: none
	notices   reliable // provisional responses of ours to it
	minSE     int      // what the other wants at least, by its 422
	rang      bool     // what is done early has begun
	byeOwed   bool
	quit      *alarm // gives up
}

// asked is an INVITE of ours.
type asked struct {
	tx        *tx
	dialog    *dialog // of a re-INVITE
	late      bool    // it has made no offer
	pending   bool    // no final response has come
	heard     bool    // a provisional one has
	cancel    bool    // it shall be cancelled
	cancelled bool    // CANCEL is sent
	lapse     *alarm  // once it is: when there will be no response any more
	change    Change
	tries     int
}

// served is an INVITE of theirs.
type served struct {
	tx       *tx
	request  *message.Message
	echo     message.Echo
	answer   []byte // to its offer, as an earlier response has shown it already
	unacked  bool
	offering bool // our 2xx made the offer
	interval time.Duration
	repeat   *alarm // of a 2xx without an ACK
	never    *alarm
	stalled  func() // ends a re-INVITE that has got 100 only
}

// asking reports whether an INVITE of ours waits for its answer.
func (c *call) asking() bool { return c.asked != nil && c.asked.pending }

// unacked reports whether a 2xx of ours waits for its ACK.
func (c *call) unacked() bool { return c.served != nil && c.served.unacked }

// stalled reports whether an INVITE of theirs waits for our answer.
func (c *call) stalled() bool { return c.served != nil && c.served.stalled != nil }

// talk begins what a phone does once its call is answered.
func (c *call) talk() {
	p, b := c.phone, &c.phone.config.Behaviour
	c.state, c.final = Talking, 200
	c.quit.stop()
	if b.ByeAfter > 0 {
		c.after(b.ByeAfter, func() { p.hangUp(c) })
	}
	if b.ReinviteAfter > 0 {
		change := Hold
		if b.LateReinvite {
			change = NoOffer
		}
		c.after(b.ReinviteAfter, func() { c.reinvite(change, 0) })
	}
	if b.DeadAfter > 0 {
		c.after(b.DeadAfter, func() { p.Restart(p.now) })
	}
	for _, a := range b.Acts {
		if !a.Early {
			c.after(a.After, func() { c.act(a) })
		}
	}
}

// rings begins what a phone does before the answer.
func (c *call) rings() {
	if c.rang {
		return
	}
	c.rang = true
	for _, a := range c.phone.config.Behaviour.Acts {
		if a.Early {
			c.after(a.After, func() {
				if c.state < Talking {
					c.act(a)
				}
			})
		}
	}
}

// end ends the call here. What the network still repeats is the business of the
// transactions, and of the 2xx that waits for its ACK.
func (c *call) end() {
	c.state = Ended
	p := c.phone
	p.alarms = slices.DeleteFunc(p.alarms, func(a *alarm) bool { return a.call == c })
	c.notices.stop()
	for _, d := range append(c.forks, c.dialog) {
		if d.late != nil {
			d.late() // an UPDATE that waits for its answer
		}
	}
	if c.asking() {
		// A re-INVITE whose answer may be lost is not waited for longer than any
		// other request.
		t := c.asked.tx
		p.after(p.config.Timers.Timeout(), func() { t.step(transaction.Abandon, nil) })
	}
}

// HangUp ends the call by whatever fits: BYE, CANCEL, or a refusal.
func (p *Phone) HangUp(now time.Time) {
	p.now = now
	if p.call != nil {
		p.hangUp(p.call)
	}
}

func (p *Phone) hangUp(c *call) {
	switch {
	case c.state == Ended:
	case c.state != Talking && c.outgoing:
		p.giveUp(c)
	case c.state != Talking:
		c.refuse(603)
	case c.unacked() && !c.outgoing && !p.config.Behaviour.EagerBye:
		c.byeOwed = true // not before the ACK (section 15)
	default:
		c.sendBye()
	}
}

func (c *call) sendBye() {
	c.byeOwed = false
	c.end()
	c.resume()
	c.release(c.dialog)
}

// release sends the BYE of a dialog.
func (c *call) release(d *dialog) {
	r := d.next("BYE")
	r.Q850 = 16
	d.ask(r, c.noted("BYE"))
}

// noted notes the answer to a request of a dialog.
func (c *call) noted(method string) func(*message.Message) {
	p := c.phone
	return func(m *message.Message) {
		status := 0
		if m != nil {
			status = m.Status
		}
		p.answers[method] = append(p.answers[method], status)
		if status == 405 && m.Allow == nil {
			p.blame("405 to %s lists no method in Allow (RFC 3261 section 8.2.1)", method)
		}
	}
}

// lost ends a call whose other end is no longer there (RFC 3261 section
// 12.2.1.2, RFC 5057 section 5.1).
func (c *call) lost() {
	if c.state == Talking {
		c.sendBye()
	}
}

// Hold puts the other party on hold.
func (p *Phone) Hold(now time.Time) { p.Do(now, Act{Method: "INVITE", Change: Hold}) }

// Do sends a request within the call, at once.
func (p *Phone) Do(now time.Time, a Act) {
	p.now = now
	if p.call != nil && p.call.state != Ended {
		p.call.act(a)
	}
}
