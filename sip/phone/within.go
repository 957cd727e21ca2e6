package phone

import (
	"bytes"
	"net/netip"

	"mask700/sip/message"
)

// inDialog takes a request of a dialog.
func (p *Phone) inDialog(t *tx, m *message.Message) {
	d := p.dialog(m)
	if d == nil || d.call.state == Ended && m.Method != "BYE" {
		t.reply(m, 481, "")
		return
	}
	if d.used == nil {
		d.used = map[uint32]string{}
	}
	switch branch := d.used[m.CSeq]; {
	case branch != "" && branch != m.Via[0].Branch:
		p.blame("%s has the CSeq of another request (RFC 3261 section 12.2.1.1)", m.Method)
	case m.MaxForwards < 0:
		p.blame("%s has no Max-Forwards (RFC 3261 section 8.1.1)", m.Method)
	}
	d.used[m.CSeq] = m.Via[0].Branch
	if m.ContentType == message.MediaType {
		d.call.see(d, m)
	}
	if m.CSeq <= d.theirs {
		t.reply(m, 500, "")
		return
	}
	d.theirs = m.CSeq
	c := d.call
	switch m.Method {
	case "BYE":
		c.byed(d, t, m)
	case "INVITE":
		c.reinvited(d, t, m)
	case "PRACK":
		c.pracked(d, t, m)
	case "UPDATE":
		c.updated(d, t, m)
	case "INFO":
		c.informed(t, m)
	case "OPTIONS":
		t.reply(m, 200, "")
	case "NOTIFY":
		c.notified(d, t, m)
	default:
		t.reply(m, 405, "")
	}
}

// byed takes a BYE: of the call, or of one early dialog of it (section 15.1.2).
func (c *call) byed(d *dialog, t *tx, m *message.Message) {
	switch {
	case c.state < Talking && c.outgoing:
		// No callee may say this (section 15).
		c.phone.blame("BYE by the callee before its answer (RFC 3261 section 15)")
		t.reply(m, 481, "")
		return
	case c.state < Talking:
		t.reply(m, 200, "")
		c.refuse(487)
		return
	case d != c.dialog:
		t.reply(m, 481, "")
		return
	}
	c.acked()
	c.end()
	t.reply(m, 200, "")
	c.resume()
}

// informed takes an INFO: a key that was pressed, or nothing that a phone knows
// (RFC 6086).
func (c *call) informed(t *tx, m *message.Message) {
	switch {
	case m.InfoPackage != "":
		t.respond(message.Response{Echo: m.Echo(netip.AddrPort{}), Status: 469, NoInfoPackages: true})
	case len(m.Body) > 0 && m.ContentType != message.DTMFType:
		t.respond(message.Response{Echo: m.Echo(netip.AddrPort{}), Status: 415, AcceptDTMF: true})
	default:
		if key, ok := readKey(m.Body); ok {
			c.phone.digits = append(c.phone.digits, key)
		} else if len(m.Body) > 0 {
			c.phone.blame("an INFO whose key cannot be read")
		}
		t.reply(m, 200, "")
	}
}

// notified takes the news of a transfer that the phone has asked for (RFC 3515
// section 2.4.4).
func (c *call) notified(d *dialog, t *tx, m *message.Message) {
	switch {
	case d.last["REFER"] == nil:
		c.phone.blame("NOTIFY to one who has not asked for it (RFC 3515 section 2.4.4)")
		t.reply(m, 481, "")
		return
	case m.Event != "refer" || m.Contact == nil || m.ContentType != "message/sipfrag":
		c.phone.blame("NOTIFY without its Event, Contact or Content-Type (RFC 3515 section 2.4.4)")
	}
	line, _, _ := bytes.Cut(m.Body, []byte("\r\n"))
	c.phone.news = append(c.phone.news, string(line))
	t.reply(m, 200, "")
}
