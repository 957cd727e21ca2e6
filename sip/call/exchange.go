package call

import (
	"errors"

	"mask700/media/sdp"
	"mask700/sip/message"
)

// errNoAnswer is a 2xx or an ACK that owes a description and has none.
var errNoAnswer = errors.New("call: the answer has no session description")

// Exchange is an offer inside the dialogs on its way across (RFC 3264): made by
// one party in a re-INVITE (RFC 3261 section 14), an UPDATE (RFC 3311) or a PRACK
// (RFC 3262), carried to the other and back. One at a time. An offer of our own
// goes one way only.
type Exchange struct {
	From, To  Side
	Tag       string     // of who made the offer
	Method    string     // of the request that the offer came in; "": it is ours
	Back      Reply      // to an UPDATE or a PRACK; an INVITE is its leg's Server
	Asked     Tx         // our request on the other leg; empty: no exchange
	Late      bool       // a re-INVITE without an offer
	Told      bool       // the answer came in a reliable provisional response
	Refused   bool       // who made the offer has got 504 by now
	Cancelled bool       // who made the offer has taken it back
	Applied   bool       // the media was set meanwhile, by what the offer says
	Again     bool       // it is made once more, in an INVITE: its UPDATE was refused
	Echo      bool       // it tells what the other party has left out of its answer to one of ours
	Forsaken  bool       // the phone that made it is not talked to any more: the offer counts as ours
	Before    [2]sdp.Leg // to go back to when it is refused
	Heard     [2]uint64  // likewise
}

func (x *Exchange) active() bool { return x.Asked != "" }

// own reports whether the offer is ours.
func (x *Exchange) own() bool { return x.Method == "" }

// reinvited takes an INVITE inside a dialog. What changes is only the session:
// it is carried to the other party as an offer of ours.
func (c *Call) reinvited(env *Env, s Side, back Reply, m *message.Message) {
	l := c.leg(s)
	switch {
	case c.State >= Ending:
		c.reply(env, back, message.Response{Status: 481})
		return
	case l.asked(), c.State < Answered && l.State != Confirmed:
		// A second INVITE before the first has its answer (section 14.2).
		c.reply(env, back, message.Response{Status: 500, RetryAfter: soon(env)})
		return
	}
	status := c.occupied(s)
	if c.State < Answered {
		status = 491 // it talks to us alone so far
	}
	if status != 0 {
		c.reply(env, back, message.Response{Status: status})
		return
	}
	if min := c.tooBrief(env, s, back.Wish); min > 0 {
		c.reply(env, back, message.Response{Status: 422, MinSE: min})
		return
	}
	d, err := description(m)
	if err != nil {
		c.reply(env, back, message.Response{Status: 488, Q850: causeNoBearer})
		return
	}
	served := l.Server
	l.Server = Served{Reply: back, Seq: m.CSeq}
	if d != nil && hashOf(m.Body) == l.Heard {
		// Nothing new: the session is refreshed, and the other party need not
		// hear of it.
		if body, ok := c.sameAgain(env, s, d); ok {
			l.retarget(m)
			c.respond(env, s, attached(200, body))
			return
		}
	}
	if c.moving() {
		l.Server = served
		c.reply(env, back, message.Response{Status: 491})
		return
	}
	if !c.carry(env, Exchange{From: s, To: s.Other(), Method: "INVITE", Late: d == nil}, m, d) {
		l.Server = served
		c.reply(env, back, message.Response{Status: 488, Q850: causeNoBearer})
	}
}

// updated takes an UPDATE (RFC 3311).
func (c *Call) updated(env *Env, s Side, back Reply, m *message.Message) {
	l := c.leg(s)
	d, err := description(m)
	switch min := c.tooBrief(env, s, back.Wish); {
	case c.State >= Ending || l.State == Idle && s == Callee:
		c.reply(env, back, message.Response{Status: 481})
	case min > 0:
		c.reply(env, back, message.Response{Status: 422, MinSE: min})
	case err != nil:
		c.reply(env, back, message.Response{Status: 488, Q850: causeNoBearer})
	case d == nil:
		l.retarget(m)
		l.learn(m)
		c.accept(env, s, back, message.Response{Status: 200})
	default:
		c.offered(env, s, "UPDATE", back, m, d)
	}
}

// offered takes the offer of an UPDATE or a PRACK across, or answers it itself:
// where nothing is new, and where a PRACK may not be refused (RFC 6337 section
// 3.2) though its offer cannot go on.
func (c *Call) offered(env *Env, s Side, method string, back Reply, m *message.Message, d *sdp.Description) {
	l := c.leg(s)
	if hashOf(m.Body) == l.Heard && c.settled(s) && !c.Exchange.active() {
		if body, ok := c.sameAgain(env, s, d); ok {
			l.retarget(m)
			c.accept(env, s, back, attached(200, body))
			return
		}
	}
	status := c.busy(s)
	if status == 0 && c.carry(env, Exchange{From: s, To: s.Other(), Method: method, Back: back}, m, d) {
		return
	}
	if status == 0 {
		status = 488
	}
	if method == "PRACK" {
		if body, ok := c.repeated(env, s, d); ok {
			c.accept(env, s, back, attached(200, body))
			return
		}
		status = 488
	}
	r := message.Response{Status: status}
	if status == 500 {
		r.RetryAfter = soon(env)
	}
	c.reply(env, back, r)
}

// repeated is sameAgain for a PRACK whose offer cannot go on. While another offer is
// on its way what the parties have said is not what they have agreed on.
func (c *Call) repeated(env *Env, s Side, d *sdp.Description) ([]byte, bool) {
	if c.Exchange.active() {
		return nil, false
	}
	return c.sameAgain(env, s, d)
}

// soon is the Retry-After of an offer that comes too early: up to ten seconds
// (sections 14.2 and RFC 3311 section 5.2).
func soon(env *Env) int { return 1 + int(env.Mint.Uint64()%10) }

// busy says why an offer of a party cannot go across now, as the status that it
// gets; 0: it can.
func (c *Call) busy(s Side) int {
	if c.moving() {
		return 491
	}
	return c.occupied(s)
}

// occupied is busy for an offer of our own.
func (c *Call) occupied(s Side) int {
	l, other := c.leg(s), c.leg(s.Other())
	switch {
	case c.Exchange.active() && c.Exchange.From == s && !c.Exchange.own():
		return 500 // its own last one has no answer yet
	case c.Exchange.active(), l.Server.Unacked, other.Server.Unacked, other.Client.AckOwed, l.Client.AckOwed:
		return 491
	case !c.settled(s):
		return 491
	case s == Callee && c.State < Answered && c.leg(Caller).Server.Reliable.unsure():
		return 491 // the caller has its answer, but has not said so (RFC 3311 section 5.1)
	case c.State < Answered && other.waitsFor("PRACK"):
		return 491 // a request that overtakes it would make it too old (RFC 3261 section 12.2.2)
	case c.State >= Answered:
		if l.asked() || other.asked() {
			return 491
		}
		return 0
	case (!c.settled(s.Other()) || !other.Updates) && l.State == Confirmed:
		return 491 // it has been answered by us, or has answered us: the other one will come
	case !c.settled(s.Other()) || !other.Updates:
		return 504 // nobody can be asked before the call is answered
	}
	return 0
}

// asked reports whether an INVITE of the party waits for its final response.
func (l *Leg) asked() bool { return l.Server.Tx != "" && !l.Server.Final }

// settled reports whether the first offer of a leg has its answer for good, so
// that there may be another.
func (c *Call) settled(s Side) bool {
	switch {
	case c.leg(s).Server.Reliable.Offering:
		return false
	case c.State >= Answered:
		return true
	case s == Caller:
		return c.Told == ToldFirm
	default:
		return c.leg(Callee).Answered
	}
}

// sameAgain answers an offer from what the other party said last. It says false,
// and leaves everything as it was, when that gives no answer.
func (c *Call) sameAgain(env *Env, s Side, d *sdp.Description) ([]byte, bool) {
	before := c.leg(s).SDP
	c.leg(s).SDP.Receive(d)
	body, err := c.answerFor(env, s)
	if err != nil {
		c.leg(s).SDP = before
		return nil, false
	}
	return body, true
}

// carry begins an exchange, and says false when its offer cannot be masked.
func (c *Call) carry(env *Env, x Exchange, m *message.Message, d *sdp.Description) bool {
	l := c.leg(x.From)
	x.Tag = l.RemoteTag
	x.Before = [2]sdp.Leg{c.Legs[0].SDP, c.Legs[1].SDP}
	x.Heard = [2]uint64{c.Legs[0].Heard, c.Legs[1].Heard}
	var body []byte
	if d != nil {
		var err error
		if body, err = c.crossOffer(x.From, d); err != nil {
			c.Legs[0].SDP, c.Legs[1].SDP = x.Before[0], x.Before[1]
			return false
		}
		l.Heard = hashOf(m.Body)
	}
	l.retarget(m)
	l.learn(m)
	if x.Method == "INVITE" {
		c.respond(env, x.From, message.Response{Status: 100})
	}
	c.askFor(env, x, body)
	return true
}

// askFor sends the offer of an exchange: in an INVITE, or in an UPDATE where it
// came in none and that is understood, and before the call is answered.
func (c *Call) askFor(env *Env, x Exchange, body []byte) {
	l := c.leg(x.To)
	method := "INVITE"
	if c.State < Answered || x.Method != "INVITE" && !x.Again && l.Updates && len(body) > 0 {
		method = "UPDATE"
	}
	r := l.nextRequest(env, &l.Dialog, method)
	r.Contact = l.Contact
	c.offerFeatures(env, x.To, &r)
	attach(&r, body)
	x.Asked = ClientTx(r.Branch, method)
	c.Exchange = x
	if method == "UPDATE" {
		if !c.send(env, x.To, &l.Dialog, Sent{Request: r}) {
			c.exchangeRefused(env, 500, 0)
		}
		return
	}
	c.invite(env, x.To, r, true)
	// A transaction that has heard a provisional response waits for ever. Nobody needs
	// to be asked whether a session may go on.
	wait := env.Config.RingTimeout
	if x.Method != "INVITE" && !(x.own() && c.owes(x.To)) {
		wait = min(wait, env.Config.Timers.Timeout()/2)
	}
	env.do(StartTimer{Timer{RingTimer, x.To}, wait})
}

// tooLate answers an UPDATE or a PRACK whose offer has gone on as a re-INVITE that
// is not answered: its sender waits for 64*T1 only (RFC 3311 section 5.2).
func (c *Call) tooLate(env *Env) {
	x := &c.Exchange
	if x.active() && !x.Refused && (x.Method == "UPDATE" || x.Method == "PRACK") {
		x.Refused = true
		c.reply(env, x.Back, message.Response{Status: 504})
	}
}

// exchanged takes the other party's response to a re-INVITE.
func (c *Call) exchanged(env *Env, m *message.Message) {
	x := &c.Exchange
	l := c.leg(x.To)
	switch {
	case m.Status < 200:
		c.exchangeProgress(env, m)
		return
	case m.Status >= 300:
		l.Client.Pending = false
		c.exchangeRefused(env, m.Status, m.RetryAfter)
		return
	}
	c.exchangeOver(env)
	l.retarget(m)
	l.learn(m)
	c.granted(env, x.To, m)
	if x.Late && !x.own() {
		c.offerInReanswer(env, m)
		return
	}
	c.acknowledge(env, x.To, nil)
	d, err := description(m)
	c.concluded(env, m, d, err)
}

// exchangeProgress takes a provisional response to a re-INVITE. A reliable one is
// acknowledged, and its answer is the answer.
func (c *Call) exchangeProgress(env *Env, m *message.Message) {
	x := &c.Exchange
	l := c.leg(x.To)
	l.Client.Heard = true
	if l.Client.Cancel {
		c.cancelInvite(env, x.To)
		return
	}
	if m.RSeq == 0 || !requires(m, "100rel") || !l.takeReliable(m) {
		return
	}
	r := l.nextRequest(env, &l.Dialog, "PRACK")
	r.RAck = message.RAck{RSeq: m.RSeq, CSeq: l.Client.Request.CSeq, Method: "INVITE"}
	c.send(env, x.To, &l.Dialog, Sent{Request: r})
	if d, err := description(m); err == nil && d != nil && !x.Late && !x.Told {
		x.Told = true
		l.SDP.Receive(d)
		l.Heard = hashOf(m.Body)
	}
}

// offerInReanswer takes a 2xx to a re-INVITE that had no offer across: it makes
// the offer, and the ACK that answers it will be the first party's.
func (c *Call) offerInReanswer(env *Env, m *message.Message) {
	x := c.Exchange
	c.Exchange = Exchange{}
	l := c.leg(x.To)
	d, err := description(m)
	if err == nil && d == nil {
		err = errNoAnswer
	}
	var body []byte
	if err == nil {
		body, err = c.crossOffer(x.To, d)
	}
	if err != nil {
		c.acknowledge(env, x.To, l.declinedLast(c.MediaLocal[x.To]))
		c.end(env, ending{end: endFailed, by: byPlatform, status: 480, q850: causeNoBearer})
		return
	}
	l.Heard = hashOf(m.Body)
	l.Client.AckOwed = true
	c.leg(x.From).Server.Offering = true
	c.respond(env, x.From, attached(200, body))
}

// updateAnswered takes the final response to an UPDATE of an exchange.
func (c *Call) updateAnswered(env *Env, sent Sent, status int, m *message.Message) {
	if status >= 300 {
		if c.reinvites(env, sent, status, m) {
			return
		}
		retry := 0
		if m != nil {
			retry = m.RetryAfter
		}
		c.exchangeRefused(env, status, retry)
		return
	}
	l := c.leg(c.Exchange.To)
	l.retarget(m)
	l.learn(m)
	c.granted(env, c.Exchange.To, m)
	d, err := description(m)
	c.concluded(env, m, d, err)
}

// reinvites makes the offer of a refused UPDATE once more, in an INVITE: where the
// party does not know UPDATE after all (405, 501), wants another session interval (422),
// or has to ask its user first (504, RFC 3311 section 5.2).
func (c *Call) reinvites(env *Env, sent Sent, status int, m *message.Message) bool {
	x := c.Exchange
	l := c.leg(x.To)
	if c.State != Talking || x.Forsaken || !x.own() && x.Method != "UPDATE" || l.Server.Unacked || l.Client.Pending {
		return false
	}
	switch {
	case status == 405 || status == 501:
		l.Updates = false
	case status == 422 && l.raise(m), status == 504:
	default:
		return false
	}
	x.Again = true
	c.askFor(env, x, sent.Request.Body)
	return true
}

// concluded takes the answer of an exchange to whoever made the offer.
func (c *Call) concluded(env *Env, m *message.Message, d *sdp.Description, err error) {
	x := c.Exchange
	c.Exchange = Exchange{}
	l := c.leg(x.To)
	switch {
	case x.Told || err != nil:
	case d == nil:
		err = errNoAnswer
	default:
		l.SDP.Receive(d)
		l.Heard = hashOf(m.Body)
	}
	var body []byte
	switch {
	case err != nil:
	case x.Refused:
		err = errNoAnswer // its maker believes it refused
	case x.Forsaken && c.State < Answered && len(c.leg(Callee).SDP.Peer.Lines) == 0:
		return // whoever rings now has said nothing yet
	case x.own():
		err = c.setRemotes(env)
	default:
		body, err = c.answerFor(env, x.From)
	}
	if err != nil {
		// That party is in the new session by its 2xx, the other in the old one:
		// there is no way back for both.
		c.dropOffer(env, x)
		c.end(env, ending{end: endFailed, by: byPlatform, status: 480, q850: causeNoBearer})
		return
	}
	c.settleMedia(env)
	switch x.Method {
	case "":
		if !x.Forsaken {
			c.ownConcluded(env, &x)
		}
	case "INVITE":
		c.respond(env, x.From, attached(200, body))
	default:
		c.accept(env, x.From, x.Back, attached(200, body))
	}
	c.realign(env)
}

// exchangeOrphaned gives up an offer of the caller's to a phone that is not the one
// it talks to any more: whatever that phone says is not about this session, and the
// caller may offer anew.
func (c *Call) exchangeOrphaned(env *Env) {
	x := c.Exchange
	c.exchangeOver(env)
	c.Exchange = Exchange{}
	l := c.leg(x.From)
	version := l.SDP.Version
	l.SDP, l.Heard = x.Before[x.From], x.Heard[x.From]
	l.SDP.Version = version
	if c.State >= Answered && c.setRemotes(env) == nil {
		env.do(SettleMedia{c.Session})
	}
	c.reply(env, x.Back, message.Response{Status: 500, RetryAfter: soon(env)})
}

// exchangeForsaken takes over an offer of a phone below that is not the one talked to
// any more, another has answered or is heard. It gets what others get that make an
// offer; to the caller the offer stands as ours, and what there is now comes after it.
func (c *Call) exchangeForsaken(env *Env) {
	x := &c.Exchange
	l := c.leg(Callee)
	if !x.active() || x.own() || x.From != Callee || x.Tag == l.RemoteTag || c.State >= Ending {
		return
	}
	if d := l.dialogOf(x.Tag); d != nil {
		version := d.SDP.Version
		d.SDP, d.Heard = x.Before[Callee], x.Heard[Callee]
		d.SDP.Version = version
	}
	c.reply(env, x.Back, message.Response{Status: 504})
	x.Method, x.Back, x.Forsaken = "", Reply{}, true
	x.Before[Callee], x.Heard[Callee] = l.SDP, l.Heard
	c.owe(Caller, OwedSession)
}

// exchangeRefused leaves the session as it was (section 14.1). A response that
// says the dialog is gone ends the call (RFC 5057 section 5.1).
func (c *Call) exchangeRefused(env *Env, status, retryAfter int) {
	x := c.Exchange
	c.exchangeOver(env)
	c.Exchange = Exchange{}
	for i := range c.Legs {
		// The version of a refused offer is spent: another body must not have it
		// too (RFC 3264 section 8).
		version := c.Legs[i].SDP.Version
		c.Legs[i].SDP = x.Before[i]
		c.Legs[i].SDP.Version = version
		c.Legs[i].Heard = x.Heard[i]
	}
	if gone(status) {
		c.dropOffer(env, x)
		c.legLost(env, x.To)
		return
	}
	if x.Applied {
		switch err := c.setRemotes(env); {
		case c.State < Answered:
		case err != nil:
			// The call was answered while its early offer was on its way.
			c.end(env, ending{end: endFailed, by: byPlatform, status: 480, q850: causeNoBearer})
		default:
			env.do(SettleMedia{c.Session})
		}
	}
	switch {
	case x.Forsaken:
		c.realign(env)
		return
	case x.own():
		c.ownRefused(env, x.To, status)
		return
	}
	if x.Refused {
		return
	}
	o := outcomeOf(status)
	answer := message.Response{Status: o.status, Q850: o.q850}
	switch {
	case x.Cancelled && status == 487:
		answer = message.Response{Status: 487}
	case status == 491, status == 504 && c.State < Answered:
		answer = message.Response{Status: status}
	case status == 500 && retryAfter > 0:
		answer = message.Response{Status: 500, RetryAfter: min(retryAfter, 10)}
	}
	if x.Method == "INVITE" {
		c.respond(env, x.From, answer)
		return
	}
	c.reply(env, x.Back, answer)
}

// exchangeLost ends the call: a party that does not answer inside its dialog is
// no longer there (RFC 5057 section 5.1).
func (c *Call) exchangeLost(env *Env) { c.exchangeRefused(env, 408, 0) }

// exchangeOver stops waiting for the answer to our re-INVITE.
func (c *Call) exchangeOver(env *Env) {
	l := c.leg(c.Exchange.To)
	if l.Client.Tx != c.Exchange.Asked {
		return
	}
	l.Client.Pending = false
	env.do(StopTimer{Timer{RingTimer, c.Exchange.To}})
	env.do(StopTimer{Timer{CancelTimer, c.Exchange.To}})
}

// overtaken takes the response to a re-INVITE of ours that the end of the call
// has overtaken. A 2xx still wants its ACK (section 13.2.2.4), and until the
// final response the call stays to give it.
func (c *Call) overtaken(env *Env, s Side, m *message.Message) {
	l := c.leg(s)
	if !l.Client.Pending || m.Status < 200 {
		return
	}
	l.Client.Pending = false
	env.do(StopTimer{Timer{CancelTimer, s}})
	if m.Status < 300 {
		c.acknowledge(env, s, c.unwanted(s, m))
	}
	c.leaveIfOver(env)
}

// dropOffer answers an UPDATE or a PRACK whose offer the end of the call has
// overtaken. An INVITE gets its answer when the record is on disk.
func (c *Call) dropOffer(env *Env, x Exchange) {
	if (x.Method == "UPDATE" || x.Method == "PRACK") && !x.Refused {
		c.reply(env, x.Back, message.Response{Status: 487})
	}
}

// dropExchange answers an offer that the end of the call has overtaken (section
// 15.1.2).
func (c *Call) dropExchange(env *Env) {
	x := c.Exchange
	if l := c.leg(x.To); x.active() && l.Client.Tx == x.Asked && l.Client.Pending {
		env.do(StopTimer{Timer{RingTimer, x.To}})
		env.do(StartTimer{Timer{CancelTimer, x.To}, env.Config.Timers.Timeout()})
	}
	if x.active() {
		c.dropOffer(env, x)
	}
	for _, s := range []Side{Caller, Callee} {
		c.respond(env, s, message.Response{Status: 487})
	}
	c.Exchange = Exchange{}
}
