package phone

import (
	"slices"
	"time"

	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/transaction"
)

// call is one call of a phone, and its one dialog.
type call struct {
	phone    *Phone
	outgoing bool
	state    State
	final    int
	shown    string

	// The dialog (RFC 3261 section 12).
	callID         string
	local, remote  string // tags
	from, to       string // of our requests
	target         string
	route          []string
	seq, remoteSeq uint32

	remoteSDP []byte

	// Our INVITE.
	invite    *tx // the last one, pending or not
	pending   bool
	heard     bool // a provisional response came
	cancel    bool // it shall be cancelled
	cancelled bool // CANCEL is sent
	ack       []byte
	ackOf     uint32 // the CSeq that ack is of

	// Their INVITE.
	served   *tx
	echo     message.Echo
	routes   []string // Record-Route of it
	offer    []byte
	early    []byte // our answer, when 183 has carried it already
	unacked  bool
	seqOf    uint32
	offering bool // our 2xx made the offer
	interval time.Duration
	byeOwed  bool
	stalled  func() // ends a re-INVITE that has got 100 only

	answer, bye, reinvite, quit *alarm // what the phone does of its own accord
	lapse                       *alarm // of an INVITE that was cancelled
	repeat, never               *alarm // of a 2xx without an ACK
}

// via is the Via of our requests without its branch.
func (p *Phone) via() string { return "SIP/2.0/" + p.config.Network.Via() + " " + p.config.Host }

// contact is our Contact: it names the user, as phones' Contacts do.
func (p *Phone) contact() string {
	uri := "<sip:" + p.config.User + "@" + p.config.Host
	if p.config.Network != flow.UDP {
		uri += ";transport=" + p.config.Network.String()
	}
	return p.named(uri + ">")
}

func (p *Phone) named(address string) string {
	if p.config.Name == "" {
		return address
	}
	return `"` + p.config.Name + `" ` + address
}

// request begins a request of the dialog.
func (c *call) request(method string) message.Request {
	c.seq++
	return c.compose(method, c.seq)
}

func (c *call) compose(method string, seq uint32) message.Request {
	p := c.phone
	return message.Request{
		Method: method, Target: c.target, Via: p.via(), Branch: p.config.Mint.Branch(),
		Route: c.route, From: c.from, To: c.to, CallID: c.callID, CSeq: seq, MaxForwards: 70,
	}
}

// describe puts a session description into a request.
func describe(r *message.Request, body []byte) {
	if len(body) == 0 {
		return
	}
	r.ContentType, r.Body = message.MediaType, body
}

// retarget takes the other's Contact (section 12.2.1.1).
func (c *call) retarget(m *message.Message) {
	if uri := m.ContactURI(); uri != "" {
		c.target = uri
	}
}

// dialogFrom takes the dialog's other half from a response (section 12.1.2).
func (c *call) dialogFrom(m *message.Message) {
	c.remote, c.to = m.To.Tag, m.To.Text
	c.route = slices.Clone(m.RecordRoute)
	slices.Reverse(c.route)
	c.retarget(m)
}

// talk begins what a phone does once its call is answered.
func (c *call) talk() {
	p, b := c.phone, &c.phone.config.Behaviour
	c.state, c.final = Talking, 200
	if b.ByeAfter > 0 {
		c.bye = p.after(b.ByeAfter, func() { p.hangUp(c) })
	}
	if b.ReinviteAfter > 0 {
		c.reinvite = p.after(b.ReinviteAfter, c.hold)
	}
	if b.DeadAfter > 0 {
		c.quit = p.after(b.DeadAfter, p.die)
	}
}

// end ends the call here. What the network still repeats is the business of the
// transactions, and of the 2xx that waits for its ACK.
func (c *call) end() {
	c.state = Ended
	for _, a := range []*alarm{c.answer, c.bye, c.reinvite, c.quit} {
		a.stop()
	}
	if c.pending {
		// A re-INVITE whose answer may be lost is not waited for longer than any
		// other request.
		invite := c.invite
		c.phone.after(c.phone.config.Timers.Timeout(), func() { invite.step(transaction.Abandon, nil) })
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
	case c.unacked && !c.outgoing:
		c.byeOwed = true // not before the ACK (section 15)
	default:
		c.sendBye()
	}
}

func (c *call) sendBye() {
	c.byeOwed = false
	c.end()
	c.resume()
	r := c.request("BYE")
	r.Q850 = 16
	c.phone.ask(c, r)
}

// hold offers the other that it be silent, in a new INVITE (section 14.1).
func (c *call) hold() {
	if c.state != Talking || c.pending || c.unacked {
		return
	}
	p := c.phone
	r := c.request("INVITE")
	r.Contact, r.Allow = p.contact(), true
	if !p.config.Behaviour.LateReinvite {
		describe(&r, Held(p.config.SDP(nil)))
	}
	c.pending, c.heard, c.cancel, c.cancelled = true, false, false, false
	c.invite = p.ask(c, r)
}

// Hold puts the other party on hold.
func (p *Phone) Hold(now time.Time) {
	p.now = now
	if p.call != nil {
		p.call.hold()
	}
}
