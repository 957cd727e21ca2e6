package call

import (
	"time"

	"mask700/binding/cdr"
	"mask700/sip/message"
)

// Who released a call, as records say it.
const (
	byCaller   = "caller"
	byCallee   = "callee"
	byPlatform = "platform"
)

// How calls end, beside what package cdr names: short names for this package.
const (
	endBusy        = cdr.EndBusy
	endNoAnswer    = cdr.EndNoAnswer
	endUnavailable = cdr.EndUnavailable
	endRejected    = cdr.EndRejected
	endFailed      = cdr.EndFailed
)

// role is what the record calls the party of a side.
func (c *Call) role(s Side) string {
	if c.Turned {
		s = s.Other()
	}
	return s.String()
}

// flowed is what flowed in a session between the caller and the callee of its record,
// whose sides a transfer may have turned.
func flowed(ev MediaEnded, turned bool) cdr.Media {
	if turned {
		return ev.Media.Turned()
	}
	return ev.Media
}

// ending is how and by whom a call comes to its end.
type ending struct {
	end    string
	by     string
	status int // what the caller's INVITE is answered if it is not answered yet
	q850   int // 0: by the status
}

// end begins the end of a call. Only the first cause of an end counts.
func (c *Call) end(env *Env, e ending) {
	if c.State >= Ending {
		c.farewellOver(env)
		return
	}
	c.State = Ending
	if e.q850 == 0 {
		e.q850 = causeOf(e.status)
	}
	if c.announcing() {
		e.end = cdr.EndRefused // by whatever it was cut short
	}
	if c.Record.AnsweredAt.IsZero() {
		c.Final.Status, c.Final.Q850 = e.status, e.q850
		c.Record.SIPStatus = e.status
	}
	c.Record.End, c.Record.ReleasedBy, c.Record.Q850 = e.end, e.by, e.q850
	c.Record.ReleasedAt = env.Now

	env.do(StopTimer{Timer{RingTimer, Callee}})
	env.do(StopTimer{Timer{LimitTimer, Caller}})
	env.do(StopTimer{Timer{MinuteTimer, Caller}})
	env.do(StopTimer{Timer{SlideTimer, Caller}})
	env.do(StopTimer{Timer{PromptTimer, Caller}})
	if c.Extension.Asked {
		env.do(StopTimer{Timer{DigitTimer, Caller}})
	}
	env.do(StopTimer{Timer{ProgressTimer, Caller}})
	for s := range c.Legs {
		c.stopSession(env, Side(s))
		env.do(StopTimer{Timer{AgainTimer, Side(s)}})
	}
	if l := c.leg(Callee); l.Client.Pending && c.Text.On {
		c.dropText(env)
	} else if l.Client.Pending && !l.Client.Again {
		// Also of one who has left its early dialog with a BYE, which it must not
		// (section 15): its INVITE waits for a final response all the same.
		c.cancelInvite(env, Callee)
	}
	if l := c.leg(Caller); l.Client.Pending && !l.Client.Again {
		c.cancelInvite(env, Caller)
	}
	c.shed(env, cdr.EndCancelled)
	c.placed(env)
	c.farewell(env, e)
	c.wind(env)
}

// wind goes as far towards the end as the answers that have come allow: first
// the media, for what flowed belongs into the record, then the record, then the
// messages that end the legs.
func (c *Call) wind(env *Env) {
	switch {
	case c.State != Ending || c.Waiting != 0:
	case c.MediaOpen:
		c.MediaOpen = false
		c.Waiting |= forMediaEnd
		env.do(CloseMedia{c.Session})
	case !c.Signaled:
		c.Waiting |= forClosed
		env.do(CloseRecord{Record: c.Record})
		carried(env, &c.Record, c.Sliding)
	}
}

func (c *Call) mediaEnded(env *Env, ev MediaEnded) {
	if ev.Session != c.Session {
		c.thirdSilenced(env, ev)
		return
	}
	c.Waiting &^= forMediaEnd
	c.Record.Media = flowed(ev, c.Turned)
	c.wind(env)
}

// recordClosed lets the call end on the wire. That the store failed to write
// the row is its own alarm; the parties are released all the same.
func (c *Call) recordClosed(env *Env, ev RecordClosed) {
	if ev.ID != c.Record.ID {
		c.thirdClosed(env, ev)
		return
	}
	c.Waiting &^= forClosed
	c.Record.Seq = ev.Seq
	c.Signaled = true

	if f := c.Final; f.Status != 0 {
		c.respond(env, Caller, message.Response{
			Status: f.Status, Q850: f.Q850, RetryAfter: f.RetryAfter, Unsupported: f.Unsupported, MinSE: f.MinSE,
			AcceptSDP: f.Status == 415, // section 8.2.3
		})
	}
	for _, b := range c.Byes {
		c.reply(env, b, message.Response{Status: 200})
	}
	c.Byes = nil
	c.dropExchange(env)
	c.dropInfos(env)
	for _, s := range []Side{Caller, Callee} {
		if l := c.leg(s); l.Client.AckOwed {
			c.acknowledge(env, s, l.declinedLast(c.MediaLocal[s]))
		}
		c.bye(env, s, c.Record.Q850)
	}
	c.leaveIfOver(env)
}

// leaveIfOver ends the call when neither leg has anything left to say.
func (c *Call) leaveIfOver(env *Env) {
	c.thirdOver(env)
	if !c.Signaled || c.State == Over || len(c.Transfers) > 0 {
		return
	}
	for s := range c.Legs {
		l := &c.Legs[s]
		if l.Client.Pending || l.Server.Unacked || l.waitsFor("BYE") {
			return
		}
	}
	c.State = Over
	env.do(Leave{})
}

// byeReceived takes a BYE of one of the parties.
func (c *Call) byeReceived(env *Env, ev Requested) {
	l := c.leg(ev.Side)
	l.State = Gone
	if l.Server.Unacked {
		// Whoever hangs up has got the 2xx, whether or not its ACK arrives.
		c.acked(env, ev.Side)
	}
	if c.Signaled {
		c.reply(env, Reply{Tx: ev.Tx, Echo: ev.Echo}, message.Response{Status: 200})
		c.leaveIfOver(env)
		return
	}
	c.Byes = append(c.Byes, Reply{Tx: ev.Tx, Echo: ev.Echo})
	e := ending{end: cdr.EndCompleted, by: c.role(ev.Side), status: 487, q850: releaseCause(ev.Message)}
	switch {
	case !c.Record.AnsweredAt.IsZero():
	case ev.Side == Callee:
		e.end, e.status = endRejected, 480
	default:
		e.end = cdr.EndCancelled
	}
	c.end(env, e)
}

// cancelled takes a CANCEL. That of a re-INVITE goes on: the offer is taken back
// from the other party, whose last word is then carried over (section 9.2).
func (c *Call) cancelled(env *Env, ev Cancelled) {
	for s := range c.Legs {
		x := &c.Exchange
		if c.Legs[s].Server.Tx == ev.Tx && x.active() && x.Method == "INVITE" && x.From == Side(s) && c.State < Ending {
			x.Cancelled = true
			c.cancelInvite(env, x.To)
			return
		}
	}
	if l := c.leg(Caller); ev.Tx != l.Server.Tx || l.Server.Final || l.State == Confirmed {
		return
	}
	c.end(env, ending{end: cdr.EndCancelled, by: byCaller, status: 487, q850: causeNormal})
}

// cancelInvite ends a pending INVITE of ours: at once when a provisional
// response has come, else as soon as one does (section 9.1).
func (c *Call) cancelInvite(env *Env, s Side) {
	l := c.leg(s)
	l.Client.Cancel = true
	if !l.Client.Heard && !l.Client.Again {
		env.do(Withdraw{l.Client.Tx})
	}
	if !l.Client.Heard || l.Client.Cancelled {
		return
	}
	l.Client.Cancelled = true
	cause := c.Record.Q850
	if s == Third {
		cause = c.Transfers[0].Record.Q850
	}
	env.do(Cancel{Tx: l.Client.Tx, Q850: cause})
	env.do(StartTimer{Timer{CancelTimer, s}, env.Config.Timers.Timeout()})
}

// fired takes a timer of the call.
func (c *Call) fired(env *Env, ev Fired) {
	s := ev.Timer.Side
	if s == Third && len(c.Transfers) == 0 {
		return
	}
	l := c.leg(s)
	switch ev.Timer.Kind {
	case RingTimer:
		switch {
		case c.Text.On:
			c.textLate(env)
			return
		case c.Order.On && s == Caller && !l.Client.Again:
			c.end(env, ending{end: endNoAnswer, by: byCaller, status: 480, q850: causeNoAnswer})
			return
		case s == Third && c.thirdMakesWay(env):
			return
		case s == Third:
			c.Transfers[0].Record.End, c.Transfers[0].Record.ReleasedBy = endNoAnswer, byPlatform
			c.thirdFailed(env, 480)
			return
		case l.Client.Again:
			c.tooLate(env)
			c.cancelInvite(env, s)
			return
		case !c.ExpiresAt.IsZero() && !env.Now.Before(c.ExpiresAt):
			// The caller has said so (section 13.3.1).
			c.end(env, ending{end: endNoAnswer, by: byCaller, status: 487, q850: causeNoAnswer})
			return
		case c.makeWay(env):
			return
		}
		c.end(env, ending{end: endNoAnswer, by: byPlatform, status: 480, q850: causeNoAnswer})
	case LimitTimer:
		c.end(env, ending{end: cdr.EndMaxDuration, by: byPlatform, status: 480, q850: causeNormal})
	case PromptTimer:
		if !c.farewellOver(env) {
			c.said(env)
		}
	case DigitTimer:
		c.digitLate(env)
	case MinuteTimer:
		c.playBoth(env, LastMinute)
	case SlideTimer:
		c.carries(env)
	case CancelTimer:
		if l.Client.Pending {
			l.Client.Pending = false
			env.do(Abandon{Tx: l.Client.Tx})
			if l.Client.Again && c.Exchange.Asked == l.Client.Tx && c.State < Ending {
				c.exchangeLost(env)
			}
			late := ending{end: endNoAnswer, by: byPlatform, status: 480, q850: causeNoAnswer}
			if s == Callee && c.MakingWay && !c.turn(env, late) {
				c.end(env, late)
			}
			if s == Third {
				c.thirdTurn(env, Outcome{endNoAnswer, byPlatform, 480, causeNoAnswer})
			}
			c.leaveIfOver(env)
		}
	case PrackTimer:
		c.prackLate(env)
	case NoPrackTimer:
		c.prackMissing(env)
	case ProgressTimer:
		c.ringOn(env)
	case RefreshTimer:
		c.refresh(env, s)
	case ExpiryTimer:
		c.expired(env, s)
	case AgainTimer:
		c.again(env, s)
	case RepeatTimer:
		if l.Server.Unacked {
			env.do(Repeat{Tx: l.Server.Tx})
			l.Server.Interval = min(2*l.Server.Interval, env.Config.Timers.T2)
			env.do(StartTimer{Timer{RepeatTimer, s}, l.Server.Interval})
		}
	case AckTimer:
		if !l.Server.Unacked {
			return
		}
		c.acked(env, s)
		c.end(env, ending{end: cdr.EndNoACK, by: c.role(s), status: 480, q850: causeRecovery})
		c.leaveIfOver(env)
	}
}

// acked stops the repetition of a 2xx and lets a BYE go that waited for it.
func (c *Call) acked(env *Env, s Side) {
	l := c.leg(s)
	l.Server.Unacked = false
	env.do(StopTimer{Timer{RepeatTimer, s}})
	env.do(StopTimer{Timer{AckTimer, s}})
	if l.Server.ByeOwed {
		l.Server.ByeOwed = false
		c.bye(env, s, c.Record.Q850)
	}
}

// Duration is how long the parties have talked, zero before an answer.
func (c *Call) Duration(now time.Time) time.Duration {
	if c.Record.AnsweredAt.IsZero() {
		return 0
	}
	if !c.Record.ReleasedAt.IsZero() {
		now = c.Record.ReleasedAt
	}
	return now.Sub(c.Record.AnsweredAt)
}
