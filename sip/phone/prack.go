package phone

import (
	"slices"

	"mask700/sip/message"
)

// provisionals are the reliable responses that a dialog has had to one INVITE of
// ours.
type provisionals struct {
	invite   uint32 // its CSeq
	last     uint32 // RSeq
	prack    *tx    // of that
	sdp      bool   // that had a description
	offered  bool   // one of them made the offer
	answered bool   // one of them gave the answer to ours
}

// owed reports whether the last one had a description and its PRACK has not left.
func (h *provisionals) owed() bool { return h.sdp && !h.acked() }

func (h *provisionals) acked() bool { return h.prack != nil && h.prack.sent > 0 }

// isReliable reports whether a provisional response wants a PRACK.
func isReliable(m *message.Message) bool {
	return m.RSeq > 0 && slices.Contains(m.Require, optReliable)
}

// acknowledges takes a reliable provisional response (RFC 3262 section 4). It
// reports whether that is a new one, and the next in order.
func (c *call) acknowledges(d *dialog, m *message.Message) bool {
	p, h := c.phone, &d.heard
	if h.invite != m.CSeq {
		*h = provisionals{invite: m.CSeq}
	}
	switch {
	case p.config.Behaviour.Reliable == Off:
		p.blame("%s is reliable toward one who does not know that (RFC 3262 section 3)", title(m))
		return true
	case h.last != 0 && m.RSeq <= h.last:
		return false // it comes again
	case h.last != 0 && m.RSeq != h.last+1:
		p.blame("%s has an RSeq that does not follow the last (RFC 3262 section 3)", title(m))
		return false
	case h.last != 0 && !h.acked():
		p.blame("%s comes before the PRACK of the one before it (RFC 3262 section 3)", title(m))
	case !c.asked.pending && d == c.dialog && len(m.Body) > 0 && c.state == Talking:
		p.blame("a 2xx before the PRACK of a reliable response with a description (RFC 3262 section 3)")
		return false
	case !c.asked.pending:
		return false
	}
	h.last, h.prack, h.sdp = m.RSeq, nil, len(m.Body) > 0
	c.prack(d, m, c.saysReliably(d, m))
	return true
}

// saysReliably takes the description of a reliable response and returns that of
// its PRACK.
func (c *call) saysReliably(d *dialog, m *message.Message) []byte {
	s := &d.session
	switch {
	case len(m.Body) == 0:
	case c.asked.late && !d.heard.offered:
		d.heard.offered = true
		c.offered(d, m)
		return c.answerTo(d, m.Body)
	case !c.asked.late && !d.heard.answered:
		d.heard.answered = true
		c.concluded(d, m, "")
		if c.phone.config.Behaviour.OfferInPRACK {
			return s.propose(c.describe(Move))
		}
	default:
		c.phone.blame("%s has a description out of turn (RFC 3262 section 5)", title(m))
	}
	return nil
}

// prack sends the PRACK of a response, as well as the phone does.
func (c *call) prack(d *dialog, m *message.Message, body []byte) {
	b := &c.phone.config.Behaviour
	if b.WrongRAck {
		wrong := d.next("PRACK")
		wrong.RAck = message.RAck{RSeq: m.RSeq + 7, CSeq: m.CSeq, Method: "INVITE"}
		d.ask(wrong, c.noted("PRACK"))
	}
	if b.NoPRACK {
		return
	}
	r := d.next("PRACK")
	r.RAck = message.RAck{RSeq: m.RSeq, CSeq: m.CSeq, Method: "INVITE"}
	describe(&r, body)
	note, offering := c.noted("PRACK"), len(body) > 0 && d.session.turn == ours
	t := d.prepare(r, func(m *message.Message) {
		note(m)
		switch {
		case !offering:
		case m != nil && m.Status < 300:
			c.concluded(d, m, "RFC 3262 section 5")
		case m == nil:
			d.session.withdraw(408)
		default:
			d.session.withdraw(m.Status)
		}
	})
	t.mute = b.LosePRACK
	d.heard.prack = t
	t.begin()
}
