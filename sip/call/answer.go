package call

import (
	"slices"
	"time"

	"mask700/binding/cdr"
	"mask700/media/sdp"
	"mask700/sip/flow"
	"mask700/sip/message"
)

// calleeAnswers takes a 2xx to the callee's INVITE: the first makes the call,
// one after the end is released again, one of another fork too (section
// 13.2.2.4).
func (c *Call) calleeAnswers(env *Env, m *message.Message) {
	l := c.leg(Callee)
	l.Client.Pending = false
	attended := l.RemoteTag
	l.confirm(m)
	env.do(StopTimer{Timer{RingTimer, Callee}})
	env.do(StopTimer{Timer{CancelTimer, Callee}})
	env.do(StopTimer{Timer{ProgressTimer, Caller}})
	if c.State >= Answered {
		c.acknowledge(env, Callee, c.unwanted(Callee, m))
		if c.Signaled {
			c.bye(env, Callee, c.Record.Q850)
		}
		c.farewellOver(env) // it waits for its BYE until then
		return
	}
	c.granted(env, Callee, m)
	d, err := description(m)
	if err == nil && d != nil {
		l.Heard = hashOf(m.Body)
	}
	if !l.Client.Offered && !l.Answered {
		c.offerInAnswer(env, d, err)
		return
	}
	c.acknowledge(env, Callee, nil)
	var body []byte
	switch {
	case l.Answered && !l.Client.Offered:
		// The offer came early and was answered in a PRACK. The caller may have
		// answered that of another phone.
		if attended != l.RemoteTag {
			c.Realign = true
			err = c.setRemotes(env)
		}
	case err == nil:
		body, err = c.answerOf(env, d)
	}
	if err != nil {
		c.end(env, ending{end: endFailed, by: byPlatform, status: 500, q850: causeNoBearer})
		return
	}
	env.do(SettleMedia{c.Session})
	c.answered(env, body, false)
}

// confirm makes the dialog of a 2xx the one of the leg, and forgets the early
// ones.
func (l *Leg) confirm(m *message.Message) {
	l.Spent = l.Seq
	for i := range l.Forks {
		l.Spent = max(l.Spent, l.Forks[i].Seq)
		if l.Forks[i].Answered {
			l.Agreed = append(l.Agreed, l.Forks[i].RemoteTag)
		}
	}
	if l.dialogOf(m.To.Tag) == nil {
		// A phone that said nothing before. What the last one said is not its
		// answer.
		l.Dialog = l.Base
	}
	l.attend(m.To.Tag)
	l.State = Confirmed
	l.establish(m)
	l.Forks, l.Base = nil, Dialog{}
}

// answerOf gives the answer for the caller's 2xx: that of the callee's 2xx, or
// the one that a provisional response brought. It is nil when the caller has had
// it for good.
func (c *Call) answerOf(env *Env, d *sdp.Description) ([]byte, error) {
	l := c.leg(Callee)
	switch {
	case d != nil && !l.Answered:
		l.SDP.Receive(d)
	case len(l.SDP.Peer.Lines) == 0:
		return nil, errNoAnswer
	}
	l.Answered = true
	body, err := c.alignedAnswer(env)
	if err != nil || c.Told == ToldFirm {
		return nil, err
	}
	return body, nil
}

// offerInAnswer takes a 2xx that makes the offer: the caller's ACK will answer
// it, and only then can ours (section 13.2.1).
func (c *Call) offerInAnswer(env *Env, d *sdp.Description, err error) {
	l := c.leg(Callee)
	l.Client.AckOwed = true
	if err == nil && d == nil {
		err = errNoAnswer
	}
	var body []byte
	switch {
	case err != nil:
	case c.Told == ToldFirm || c.leg(Caller).Server.Reliable.Offering:
		// The caller has been made the offer of another phone: what it says to that one
		// is the answer to this one too.
		l.SDP.Receive(d)
		l.OfferDue, c.Realign = true, true
		c.answerDue(env)
		if c.State < Ending {
			c.answered(env, nil, false)
		}
		return
	default:
		body, err = c.crossOffer(Callee, d)
	}
	if err != nil {
		c.end(env, ending{end: endFailed, by: byPlatform, status: 500, q850: causeNoBearer})
		return
	}
	c.answered(env, body, true)
}

// answered tells the caller that the callee has picked up. While a reliable
// provisional response with a description waits for its PRACK, so does this (RFC
// 3262 section 3).
func (c *Call) answered(env *Env, body []byte, offering bool) {
	c.State = Answered
	l := c.leg(Caller)
	if l.State == Confirmed {
		c.connected(env)
		return
	}
	l.Server.Offering = offering
	r := attached(200, body)
	if rel := &l.Server.Reliable; rel.unsure() {
		rel.Held = []message.Response{r}
		return
	}
	c.pickedUp(env, r)
}

// pickedUp sends the caller its 2xx.
func (c *Call) pickedUp(env *Env, r message.Response) {
	c.respond(env, Caller, r)
	c.madeCall(env)
}

// madeCall notes that the two talk from now on.
func (c *Call) madeCall(env *Env) {
	c.Record.AnsweredAt = env.Now
	c.Record.SIPStatus = 200
	c.plays(env, "")
	c.carries(env)
	c.limitTalk(env)
}

// limitTalk starts the time after which the call ends by its binding.
func (c *Call) limitTalk(env *Env) {
	if c.MaxDuration > 0 {
		env.do(StartTimer{Timer{LimitTimer, Caller}, c.MaxDuration})
		c.warnLater(env)
	}
}

// slideParts is how often in its period a binding whose expiry slides is told of a call
// that goes on: it does not expire under the call, also where one word is lost.
const slideParts = 4

// carries tells of a call that is answered on a binding whose expiry slides, now and again
// while it goes on.
func (c *Call) carries(env *Env) {
	carried(env, &c.Record, c.Sliding)
	if c.Sliding > 0 {
		env.do(StartTimer{Timer{SlideTimer, Caller}, c.Sliding / slideParts})
	}
}

// carried tells of a call on a binding whose expiry slides, where it was answered, and of
// a text when the far side has it.
func carried(env *Env, r *cdr.Record, sliding time.Duration) {
	if sliding > 0 && (!r.AnsweredAt.IsZero() || r.End == cdr.EndDelivered || r.End == cdr.EndAccepted) {
		env.do(Carried{Binding: r.Binding})
	}
}

// MaxReleased bounds the further phones of a call that are released. Those beyond it
// hear nothing, and give up when their 2xx has no ACK (section 13.3.1.4).
const MaxReleased = 32

// releaseFork takes a 2xx of a second phone that picked up: it is acknowledged
// and released, in a dialog of its own. When its 2xx comes again only the ACK
// was lost, and is sent again where it was kept.
func (c *Call) releaseFork(env *Env, s Side, m *message.Message) {
	if len(c.Released) >= MaxReleased || slices.Contains(c.Released, m.To.Tag) {
		return
	}
	c.Released = append(c.Released, m.To.Tag)
	l := c.leg(s)
	first := l.opened()
	// The early dialogs are forgotten; whichever it was, no request in it had a higher
	// number.
	fork := Dialog{Flow: l.Flow, Target: l.Target, Seq: max(l.Spent, first.Seq), SDP: sdp.NewLeg(l.SDP.SessionID, l.SDP.Policy)}
	fork.establish(m)
	ack := l.header(env, &fork, "ACK", first.Seq)
	if !first.Offered && !slices.Contains(l.Agreed, m.To.Tag) {
		attach(&ack, fork.declined(c.MediaLocal[s], m))
	}
	ack.Authorization, ack.ProxyAuthorization = first.Authorization, first.ProxyAuthorization
	env.do(Acknowledge{Tx: first.Tx, Tag: m.To.Tag, Flow: fork.Flow, Other: fork.Other, Request: ack})
	r := l.nextRequest(env, &fork, "BYE")
	r.Q850 = causeNormal
	c.send(env, s, &fork, Sent{Request: r})
}

// lateSeq is how far beyond the CSeq of its INVITE a dialog may have been counted
// that is not remembered any more.
const lateSeq = 1000

// nowhere stands for the port of a session that is declined; it is not written.
const nowhere = 9

// ReleaseOf makes the ACK and the BYE for a 2xx that comes when the call is over:
// another phone has picked up after all (section 13.2.2.4). Via is that of the
// INVITE, offered whether that had an offer, and the flow where it left; both
// requests leave where the second one says.
func ReleaseOf(env *Env, via string, offered bool, f flow.Flow, m *message.Message) (ack, bye message.Request, to flow.Flow) {
	d := Dialog{Flow: f, SDP: sdp.NewLeg(env.Mint.Session(), anyMedia)}
	d.establish(m)
	compose := func(method string, seq uint32) message.Request {
		target, route := d.path()
		return message.Request{
			Method: method, Target: target, Via: via, Branch: env.Mint.Branch(), Route: route, From: m.From.Text, To: m.To.Text,
			CallID: m.CallID, CSeq: seq, MaxForwards: maxForwards,
		}
	}
	ack, bye = compose("ACK", m.CSeq), compose("BYE", m.CSeq+lateSeq)
	if !offered {
		attach(&ack, d.declined(sdp.Local{Addr: f.Local.Addr(), Port: nowhere}, m))
	}
	bye.Q850 = causeNormal
	leakLate(&ack)
	leakLate(&bye)
	return ack, bye, d.Flow
}
