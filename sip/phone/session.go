package phone

import (
	"bytes"
	"maps"
	"strconv"

	"mask700/sip/message"
)

// turn says whose offer waits for its answer.
type turn uint8

const (
	nobodys turn = iota
	ours
	theirs
)

// session is what a dialog knows of its offers and answers (RFC 3264; RFC 6337
// says which message may carry which).
type session struct {
	turn    turn
	settled bool   // an exchange has come to its end
	offer   []byte // ours, that is out
	agreed  []byte // ours, of the last exchange that came to its end
	wrote   []byte // the last of ours
	version uint64 // of that
	shown   []byte // what the responses to our INVITE have brought as its answer
	peer    chronicle
}

func (s *session) clone() session {
	c := *s
	c.peer.bodies, c.peer.types = maps.Clone(s.peer.bodies), maps.Clone(s.peer.types)
	return c
}

// propose makes a description of ours an offer, and returns it as it leaves.
func (s *session) propose(body []byte) []byte {
	if len(body) == 0 {
		return nil
	}
	s.offer = s.stamp(body)
	s.turn = ours
	return s.offer
}

// reply makes a description of ours, stamped already, the answer.
func (s *session) reply(body []byte) {
	s.turn, s.settled, s.agreed = nobodys, true, body
	s.peer.agree(body, s.peer.offer)
}

// conclude ends the exchange that our offer began.
func (s *session) conclude(answer []byte) {
	s.turn, s.settled, s.agreed, s.offer = nobodys, true, s.offer, nil
	s.peer.agree(s.agreed, answer)
}

// withdraw leaves the session as it was before the offer that is out (RFC 3261
// section 14.1). A failure that is no refusal may stand for an answer that was
// lost.
func (s *session) withdraw(status int) {
	s.turn, s.offer = nobodys, nil
	s.peer.unsure = s.peer.unsure || status == 408 || status == 500
}

// stamp gives a description of ours its version: one more than the last when it
// says anything else (RFC 3264 section 8).
func (s *session) stamp(body []byte) []byte {
	if s.wrote == nil {
		s.wrote, s.version = body, versionOf(body)
		return body
	}
	again := withVersion(body, s.version)
	if !bytes.Equal(again, s.wrote) {
		s.version++
		again = withVersion(body, s.version)
	}
	s.wrote = again
	return again
}

// versionLine finds the version in o=: the bytes from begin to end.
func versionLine(body []byte) (begin, end int) {
	at := bytes.Index(body, []byte("\no="))
	if at < 0 {
		return 0, 0
	}
	at++
	for range 2 {
		blank := bytes.IndexByte(body[at:], ' ')
		if blank < 0 {
			return 0, 0
		}
		at += blank + 1
	}
	blank := bytes.IndexByte(body[at:], ' ')
	if blank < 0 {
		return 0, 0
	}
	return at, at + blank
}

func versionOf(body []byte) uint64 {
	begin, end := versionLine(body)
	v, err := strconv.ParseUint(string(body[begin:end]), 10, 64)
	if err != nil {
		return 0
	}
	return v
}

func withVersion(body []byte, v uint64) []byte {
	begin, end := versionLine(body)
	b := append(make([]byte, 0, len(body)+4), body[:begin]...)
	if end > begin {
		b = strconv.AppendUint(b, v, 10)
	}
	return append(b, body[end:]...)
}

// offered takes an offer of theirs.
func (c *call) offered(d *dialog, m *message.Message) {
	s := &d.session
	if s.turn == theirs {
		c.phone.blame("%s makes an offer while another waits for its answer (RFC 3264 section 4)", title(m))
	}
	if !m.IsRequest() {
		c.see(d, m)
	}
	c.judgeOffer(d, m)
	s.turn, s.peer.offer = theirs, m.Body
	c.remoteSDP = m.Body
}

// answerTo makes our answer to their offer that waits; nil when there can be
// none, and then the offer is gone.
func (c *call) answerTo(d *dialog, offer []byte) []byte {
	s := &d.session
	body := c.phone.config.SDP(offer)
	if body == nil {
		s.turn = nobodys
		return nil
	}
	if c.phone.config.Behaviour.Narrow && c.state == Talking {
		body = oneCodec(body)
	}
	body = s.stamp(body)
	s.reply(body)
	return body
}

// concluded takes the answer to our offer out of a message that has to have it,
// and reports whether it does.
func (c *call) concluded(d *dialog, m *message.Message, why string) bool {
	s := &d.session
	if len(m.Body) == 0 {
		c.phone.blame("%s without the answer (%s)", title(m), why)
		s.withdraw(m.Status)
		return false
	}
	if m.IsRequest() || m.Method != "INVITE" {
		c.judgeAnswer(d, m)
	} else {
		c.shows(d, m)
	}
	s.conclude(m.Body)
	c.remoteSDP = m.Body
	return true
}

// shows takes the answer out of a response to our INVITE: all of them bring the
// same (RFC 3261 section 13.2.1).
func (c *call) shows(d *dialog, m *message.Message) {
	s := &d.session
	if s.shown == nil {
		c.judgeAnswer(d, m)
		s.shown = m.Body
	} else if !bytes.Equal(s.shown, m.Body) {
		c.phone.blame("%s brings another answer (RFC 3261 section 13.2.1)", title(m))
	}
}

// answer is the description of our 2xx to their INVITE, nil when everything has
// been said before; false when there can be none.
func (c *call) answer() ([]byte, bool) {
	s, d := c.served, c.dialog
	switch {
	case d.session.turn == theirs && s.answer != nil:
		d.session.reply(s.answer)
		return s.answer, true
	case d.session.turn == theirs:
		body := c.answerTo(d, s.request.Body)
		return body, body != nil
	case len(s.request.Body) == 0 && (!d.session.settled || c.state >= Talking):
		s.offering = true
		body := d.session.propose(c.describe(Resume))
		return body, body != nil
	}
	return nil, true
}

// preview takes the description of an unreliable provisional response. It shows
// the answer that the 2xx will bring.
func (c *call) preview(d *dialog, m *message.Message) {
	if c.asked.late {
		c.phone.blame("%s makes an offer without being reliable (RFC 3261 section 13.2.1)", title(m))
		return
	}
	c.shows(d, m)
	c.remoteSDP = m.Body
}

// settle takes the description of a 2xx to our INVITE and returns what its ACK
// has to answer.
func (c *call) settle(d *dialog, m *message.Message) []byte {
	switch {
	case c.asked.late && !d.heard.offered:
		if len(m.Body) == 0 {
			c.phone.blame("%s makes no offer, and the INVITE made none (RFC 3261 section 13.2.1)", title(m))
			return nil
		}
		c.offered(d, m)
		return c.answerTo(d, m.Body)
	case !c.asked.late && !d.heard.answered:
		c.concluded(d, m, "RFC 3261 section 13.2.1")
	case len(m.Body) > 0:
		c.shows(d, m)
	}
	return nil
}
