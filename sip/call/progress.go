package call

import (
	"slices"

	"mask700/media/sdp"
	"mask700/sip/message"
	"mask700/sip/trunk"
)

// maxForks bounds the early dialogs below a call. Phones beyond it may ring and
// answer, but are not heard before.
const maxForks = 8

// calleeSays takes a response to the callee's INVITE.
func (c *Call) calleeSays(env *Env, m *message.Message) {
	l := c.leg(Callee)
	switch {
	case m.Status < 200:
		l.Client.Heard = true
		if l.Client.Cancel {
			c.cancelInvite(env, Callee)
			return
		}
		if m.Status > 100 && l.Client.Pending {
			c.progress(env, m)
		}
	case m.Status < 300:
		c.calleeAnswers(env, m)
	case l.Client.Pending:
		l.Client.Pending = false
		env.do(StopTimer{Timer{CancelTimer, Callee}})
		o := outcomeOf(m.Status)
		e := ending{end: o.end, by: byCallee, status: o.status, q850: o.q850}
		if c.State < Answered && !c.tryAgain(env, m) && !c.turn(env, e) {
			c.end(env, e)
		}
		c.leaveIfOver(env)
	}
	c.exchangeForsaken(env)
}

// progress takes a provisional response above 100 to the caller (section
// 16.7 does not apply: this is a new response on another dialog).
func (c *Call) progress(env *Env, m *message.Message) {
	if c.State != Calling && c.State != Ringing {
		return
	}
	l := c.leg(Callee)
	reliable := m.RSeq != 0 && requires(m, "100rel")
	if m.To.Tag == "" {
		if !reliable { // nobody could acknowledge it
			c.ringing(env, m.Status, nil)
		}
		return
	}
	d := l.early(m)
	if d == nil {
		return
	}
	if reliable && !d.takeReliable(m) {
		return
	}
	if m.Status == 199 {
		// That phone is out of it (RFC 6228); the caller sees no forks.
		if reliable {
			c.sendPRACK(env, Callee, d, m.RSeq, nil)
		}
		l.drop(m.To.Tag)
		return
	}
	body, owed := c.earlyMedia(env, d, m, reliable)
	if reliable && !owed {
		c.sendPRACK(env, Callee, l.dialogOf(m.To.Tag), m.RSeq, nil)
	}
	c.ringing(env, m.Status, body)
}

// early finds the early dialog of a provisional response, or begins it; nil when
// there are too many, or when it has ended (RFC 6228).
func (l *Leg) early(m *message.Message) *Dialog {
	d := l.dialogOf(m.To.Tag)
	if d == nil && len(l.Forks) >= maxForks-1 {
		// Of those that have ended the first is the least likely to be heard again.
		if i := slices.IndexFunc(l.Forks, func(d Dialog) bool { return d.State == Gone }); i >= 0 {
			l.Forks = slices.Delete(l.Forks, i, i+1)
		}
	}
	switch {
	case d != nil && d.State == Gone:
		return nil
	case d != nil:
	case l.State == Idle:
		d = &l.Dialog
	case len(l.Forks) < maxForks-1:
		l.Forks = append(l.Forks, l.Base)
		d = &l.Forks[len(l.Forks)-1]
	default:
		return nil
	}
	if d.State == Idle {
		d.State = Early
		d.establish(m)
	}
	d.learn(m)
	return d
}

// dialogOf finds a dialog of the leg by the other end's tag.
func (l *Leg) dialogOf(tag string) *Dialog {
	if l.State != Idle && l.RemoteTag == tag {
		return &l.Dialog
	}
	for i := range l.Forks {
		if l.Forks[i].RemoteTag == tag {
			return &l.Forks[i]
		}
	}
	return nil
}

// attend makes the dialog with a tag the one that counts.
func (l *Leg) attend(tag string) {
	for i := range l.Forks {
		if l.Forks[i].RemoteTag == tag {
			l.Dialog, l.Forks[i] = l.Forks[i], l.Dialog
			return
		}
	}
}

// drop ends an early dialog. The one that counts only leaves for another. What it
// was is remembered: more of it may come late, and its numbers are spent.
func (l *Leg) drop(tag string) {
	if l.RemoteTag == tag {
		for i := range l.Forks {
			if l.Forks[i].State != Gone {
				l.attend(l.Forks[i].RemoteTag)
				break
			}
		}
	}
	for i := range l.Forks {
		if l.Forks[i].RemoteTag == tag {
			l.Forks[i].State, l.Forks[i].OfferOut, l.Forks[i].OfferDue = Gone, false, false
		}
	}
}

// earlyMedia takes the description of a provisional response and gives what the
// caller is to be sent of it. What cannot be used is left out: the answer proper
// comes with the 2xx. Owed says that the PRACK has to wait, for the answer of the
// caller.
func (c *Call) earlyMedia(env *Env, d *Dialog, m *message.Message, reliable bool) (body []byte, owed bool) {
	desc, err := description(m)
	if desc == nil || err != nil || d.Answered {
		return nil, false
	}
	l := c.leg(Callee)
	if c.LateOffer {
		return c.earlyOffer(env, m, desc, reliable)
	}
	d.SDP.Receive(desc)
	d.Heard = hashOf(m.Body)
	d.Answered = reliable
	if env.trunk(l).EarlyMedia == trunk.EarlyRinging {
		return nil, false // audio opens at the 200
	}
	l.attend(m.To.Tag)
	body, err = c.alignedAnswer(env)
	if err == nil && m.Status == 183 {
		c.plays(env, "") // else the caller hears of us that it rings
	}
	if err != nil || c.described() {
		return nil, false
	}
	return body, false
}

// earlyOffer takes the offer that a reliable provisional response makes when the
// INVITE made none. The caller gets it in one too, and answers in its PRACK.
func (c *Call) earlyOffer(env *Env, m *message.Message, desc *sdp.Description, reliable bool) (body []byte, owed bool) {
	l := c.leg(Callee)
	rel := &c.leg(Caller).Server.Reliable
	if !reliable || !rel.Can && !rel.Must {
		return nil, false
	}
	if c.callerAsked() {
		d := l.dialogOf(m.To.Tag)
		d.SDP.Receive(desc)
		d.Heard, d.OfferDue = hashOf(m.Body), true
		c.answerDue(env)
		return nil, true
	}
	l.attend(m.To.Tag)
	body, err := c.crossOffer(Callee, desc)
	if err != nil {
		c.end(env, ending{end: endFailed, by: byPlatform, status: 500, q850: causeNoBearer})
		return nil, true
	}
	l.OfferOut = true
	return body, true
}

// callerAsked reports whether the caller, who made no offer, has been sent the offer
// of one of the callee's phones, or will be by what waits for a PRACK. It is made no
// other in the same INVITE (RFC 6337 section 2.2).
func (c *Call) callerAsked() bool {
	return c.leg(Callee).offered() || c.leg(Caller).Server.Reliable.Offering || c.described()
}

// answerDue answers the offers of further phones, once the caller has answered that
// of one: its description is the answer to theirs as well. Every offer in a reliable
// response wants one in its PRACK (RFC 3262 section 5), every one in a 2xx in its ACK.
func (c *Call) answerDue(env *Env) {
	if c.Told != ToldFirm {
		return
	}
	l := c.leg(Callee)
	due := []*Dialog{&l.Dialog}
	for i := range l.Forks {
		due = append(due, &l.Forks[i])
	}
	for _, d := range due {
		if !d.OfferDue {
			continue
		}
		d.OfferDue, d.Answered = false, true
		body, err := d.SDP.Answer(&c.leg(Caller).SDP.Peer, c.MediaLocal[Callee])
		if err != nil {
			body = d.declinedLast(c.MediaLocal[Callee])
		}
		if d.State != Confirmed {
			c.sendPRACK(env, Callee, d, d.RSeq, body)
			continue
		}
		c.acknowledge(env, Callee, body)
		if err == nil {
			err = c.setRemotes(env)
		}
		if err != nil {
			c.end(env, ending{end: endFailed, by: byPlatform, status: 500, q850: causeNoBearer})
			return
		}
		env.do(SettleMedia{c.Session})
	}
}

// offered reports whether one of the callee's phones has made its offer already.
func (l *Leg) offered() bool {
	return l.OfferOut || slices.ContainsFunc(l.Forks, func(d Dialog) bool { return d.OfferOut })
}

// alignedAnswer opens the media between the callee's present dialog and the
// caller and gives the caller's answer. Once the caller has been told an answer it
// stays with that (section 13.2.1), and another one is only noted, to be put
// right when the call is made.
func (c *Call) alignedAnswer(env *Env) ([]byte, error) {
	if c.Greeted.On {
		return c.followed(env)
	}
	caller := c.leg(Caller)
	before := caller.SDP
	body, err := caller.SDP.Answer(&c.leg(Callee).SDP.Peer, c.MediaLocal[Caller])
	if err == nil {
		err = c.setRemotes(env)
	}
	if err != nil {
		caller.SDP = before
		return nil, err
	}
	if !c.described() {
		return body, nil
	}
	c.Realign = caller.SDP.Version != before.Version
	types := [2][]sdp.PayloadType{caller.SDP.Audio.Types, caller.SDP.Video.Types}
	caller.SDP = before
	caller.SDP.Audio.Types, caller.SDP.Video.Types = types[0], types[1]
	return before.Sent, nil
}

// ringing tells the caller of progress.
func (c *Call) ringing(env *Env, status int, body []byte) {
	if c.State >= Answered {
		return
	}
	status = earlyStatus(status, len(body) > 0)
	if status == 0 {
		return
	}
	if status == 183 && env.trunk(c.leg(Callee)).EarlyMedia == trunk.EarlyRinging {
		status = 180
	}
	c.State = Ringing
	if c.Record.RingingAt.IsZero() {
		c.Record.RingingAt = env.Now
	}
	env.do(StartTimer{Timer{ProgressTimer, Caller}, progressEvery})
	c.inform(env, attached(status, body))
}

// ringOn repeats the news while nothing else happens, so that no proxy of the
// caller's takes the INVITE for dead (section 13.3.1.1).
func (c *Call) ringOn(env *Env) {
	switch {
	case c.State != Ringing:
	case c.described():
		c.ringing(env, 183, nil)
	default:
		c.ringing(env, 180, nil)
	}
}
