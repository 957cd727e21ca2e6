package phone

import (
	"bytes"
	"fmt"

	"mask700/sip/message"
	"mask700/sip/transaction"
)

// act does what it is told within a call.
func (c *call) act(a Act) {
	d := c.dialog
	switch {
	case d.remote == "" || c.state == Ended || d.left || a.Method == "REFER" && c.phone.referred:
	case a.Repeat:
		c.phone.send(d.last[a.Method])
	case a.Stale && d.seq > 1:
		c.aside(a, d.compose(a.Method, d.seq-1))
	case a.Method == "INVITE":
		c.reinvite(a.Change, 0)
	case a.Method == "UPDATE":
		c.update(a.Change, 0)
	case a.Method == "BYE" && c.state < Talking && c.outgoing:
		c.earlyBye()
	case a.Method == "BYE":
		c.phone.hangUp(c)
	default:
		c.aside(a, d.next(a.Method))
	}
}

// aside sends a request that has nothing to do with the session.
func (c *call) aside(a Act, r message.Request) {
	p, d := c.phone, c.dialog
	var lines []string
	switch a.Method {
	case "INVITE", "UPDATE":
		d.introduce(&r)
	case "INFO":
		r.ContentType, r.Body = message.DTMFType, fmt.Appendf(nil, "Signal=%c\r\nDuration=160\r\n", a.Digit)
	case "REFER":
		r.Contact, p.referred = p.contact(), true
		to := p.config.User + "@" + p.config.Host
		if a.To != "" {
			to = a.To + "@" + p.config.Server
		}
		lines = []string{"Refer-To: <sip:" + to + ">"}
	}
	d.ask(r, c.noted(a.Method), lines...)
}

// earlyBye ends the early dialog of a call of ours by BYE in the place of CANCEL
// (RFC 3261 section 15): the INVITE is then to end too.
func (c *call) earlyBye() {
	a := c.asked
	if !c.asking() || a.cancelled {
		return
	}
	a.cancel, a.cancelled = true, true
	c.release(c.dialog)
	a.lapse = c.phone.after(c.phone.config.Timers.Timeout(), func() {
		a.tx.step(transaction.Abandon, nil)
		c.refused(a.tx, 487, nil)
	})
}

// readKey reads the key of an INFO (application/dtmf-relay).
func readKey(body []byte) (key byte, ok bool) {
	for line := range bytes.Lines(body) {
		name, value, _ := bytes.Cut(line, []byte("="))
		value = bytes.TrimSpace(value)
		if bytes.EqualFold(bytes.TrimSpace(name), []byte("Signal")) && len(value) == 1 {
			return value[0], bytes.ContainsRune([]byte("0123456789*#ABCD"), rune(value[0]))
		}
	}
	return 0, false
}
