package phone

import (
	"net/netip"
	"time"

	"mask700/sip/message"
)

// reliable sends the provisional responses to an INVITE of theirs, one after the
// other where each waits for its PRACK (RFC 3262 section 3).
type reliable struct {
	queue    []Notice
	rseq     uint32 // of the last
	waits    bool   // for its PRACK
	sdp      bool   // it has a description
	offering bool   // and that is our offer
	interval time.Duration
	again    *alarm
	never    *alarm
	after    func() // once nothing is held back any more
}

// holds reports whether the 2xx has to wait for a PRACK.
func (n *reliable) holds() bool {
	if n.waits && n.sdp {
		return true
	}
	for _, q := range n.queue {
		if q.SDP {
			return true
		}
	}
	return false
}

// stop ends all repetition: the final response has been sent.
func (n *reliable) stop() {
	n.again.stop()
	n.never.stop()
	n.queue, n.after = nil, nil
}

// notify sends the provisional responses that the phone's behaviour names.
func (c *call) notify() {
	b := &c.phone.config.Behaviour
	switch {
	case len(b.Progress) > 0:
		for _, n := range b.Progress {
			if n.After == 0 {
				c.notice(n)
				continue
			}
			c.after(n.After, func() { c.notice(n) })
		}
	case b.Early:
		c.notice(Notice{Status: 183, SDP: true})
	case !b.Abrupt:
		c.notice(Notice{Status: 180})
	}
}

// notice sends one provisional response, reliably if both sides know how.
func (c *call) notice(n Notice) {
	if c.state != Ringing {
		return
	}
	c.rings()
	if n.Status != 199 && c.phone.config.Behaviour.Reliable != Off && c.served.request.Supports(optReliable) {
		c.notices.queue = append(c.notices.queue, n)
		c.flush()
		return
	}
	r := message.Response{Status: n.Status}
	if n.SDP && c.dialog.session.turn == theirs {
		// It only shows what the 2xx will say.
		if c.served.answer == nil {
			if body := c.phone.config.SDP(c.served.request.Body); body != nil {
				c.served.answer = c.dialog.session.stamp(body)
			}
		}
		r.ContentType, r.Body = message.MediaType, c.served.answer
	}
	c.respond(r)
}

// flush sends the next response that waits, unless one waits for its PRACK.
func (c *call) flush() {
	n := &c.notices
	if n.waits || len(n.queue) == 0 {
		return
	}
	next := n.queue[0]
	n.queue = n.queue[1:]
	if n.rseq == 0 {
		n.rseq = uint32(c.phone.config.Mint.Uint64() % (1 << 20))
	}
	n.rseq++
	n.waits, n.offering = true, false
	r := message.Response{Status: next.Status, RSeq: n.rseq, Require: []string{optReliable}}
	if next.SDP {
		r.ContentType, r.Body = message.MediaType, c.firstWord()
	}
	n.sdp = len(r.Body) > 0
	c.respond(r)
	p, sent, t1 := c.phone, c.served.tx.last, c.phone.config.Timers.T1
	n.interval = t1
	var repeat func()
	repeat = func() {
		p.send(sent)
		n.interval *= 2
		n.again = c.after(n.interval, repeat)
	}
	n.again = c.after(t1, repeat)
	n.never = c.after(p.config.Timers.Timeout(), func() { c.refuse(504) })
}

// firstWord is the description of a reliable provisional response: the answer,
// or the offer when the INVITE had none; nil when that has been said.
func (c *call) firstWord() []byte {
	s := &c.dialog.session
	switch {
	case s.turn == theirs && c.served.answer != nil:
		s.reply(c.served.answer)
		return c.served.answer
	case s.turn == theirs:
		body := c.answerTo(c.dialog, c.served.request.Body)
		if body == nil {
			s.turn = theirs // which is for the final response to say
		}
		return body
	case len(c.served.request.Body) == 0 && !s.settled && s.turn == nobodys:
		c.notices.offering = true
		return s.propose(c.phone.config.SDP(nil))
	}
	return nil
}

// pracked takes a PRACK.
func (c *call) pracked(d *dialog, t *tx, m *message.Message) {
	n := &c.notices
	want := message.RAck{RSeq: n.rseq, Method: "INVITE"}
	if c.served != nil {
		want.CSeq = c.served.request.CSeq
	}
	if !n.waits || m.RAck != want {
		t.reply(m, 481, "")
		return
	}
	n.waits = false
	n.again.stop()
	n.never.stop()
	r := message.Response{Echo: m.Echo(netip.AddrPort{}), Status: 200}
	switch {
	case n.offering:
		c.concluded(d, m, "RFC 3262 section 5")
	case len(m.Body) > 0 && d.session.turn != nobodys:
		c.phone.blame("PRACK makes an offer while another waits for its answer (RFC 3262 section 5)")
		r.Status = 500
	case len(m.Body) > 0:
		c.offered(d, m)
		r.ContentType, r.Body = message.MediaType, c.answerTo(d, m.Body)
		if r.Body == nil {
			r.Status = 488
		}
	}
	t.respond(r)
	c.flush()
	if after := n.after; after != nil && !n.holds() {
		n.after = nil
		after()
	}
}
