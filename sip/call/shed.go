package call

import (
	"mask700/binding/cdr"
	"mask700/sip/message"
)

// shed lets the third leg of a transfer go: its media, its record, then its dialog,
// in the order in which a call ends.
func (c *Call) shed(env *Env, end string) {
	if len(c.Transfers) == 0 {
		return
	}
	t := &c.Transfers[0]
	if t.Phase == Shedding {
		return
	}
	t.Phase = Shedding
	r := &t.Record
	if r.End == "" {
		r.End, r.ReleasedBy = end, byPlatform
	}
	if r.ReleasedAt.IsZero() {
		if r.SIPStatus == 0 {
			r.SIPStatus = 487
		}
		r.ReleasedAt, r.Q850 = env.Now, causeOf(r.SIPStatus)
	}
	env.do(StopTimer{Timer{RingTimer, Third}})
	if t.Leg.Client.Pending {
		c.cancelInvite(env, Third)
	}
	c.thirdWind(env)
}

// thirdWind goes as far as the answers that have come allow.
func (c *Call) thirdWind(env *Env) {
	t := &c.Transfers[0]
	switch {
	case t.Phase != Shedding || t.Waiting != 0:
	case t.Open:
		t.Open = false
		t.Waiting |= forMediaEnd
		env.do(CloseMedia{t.Session})
	case !t.Signaled:
		t.Waiting |= forClosed
		env.do(CloseRecord{Record: t.Record})
		carried(env, &t.Record, t.Sliding)
	}
}

// thirdSilenced takes what flowed in the media session that is no more.
func (c *Call) thirdSilenced(env *Env, ev MediaEnded) {
	if len(c.Transfers) == 0 {
		return
	}
	t := &c.Transfers[0]
	t.Waiting &^= forMediaEnd
	t.Record.Media = flowed(ev, t.Turned)
	c.thirdWind(env)
}

// thirdClosed says that the record is on disk: the leg may hear of its end.
func (c *Call) thirdClosed(env *Env, ev RecordClosed) {
	if len(c.Transfers) == 0 {
		return
	}
	t := &c.Transfers[0]
	t.Waiting &^= forClosed
	t.Signaled = true
	for _, b := range t.Byes {
		c.reply(env, b, message.Response{Status: 200})
	}
	t.Byes = nil
	c.dropInfosOf(env, Third)
	c.bye(env, Third, t.Record.Q850)
	c.leaveIfOver(env)
}

// thirdOver forgets a transfer whose third leg has nothing left to say.
func (c *Call) thirdOver(env *Env) {
	if len(c.Transfers) == 0 {
		return
	}
	t := &c.Transfers[0]
	l := &t.Leg
	if t.Phase != Shedding || !t.Signaled || l.Client.Pending || l.Server.Unacked || l.waitsFor("BYE") {
		return
	}
	if l.CallID != "" { // else nobody was called
		env.do(Exit{Third})
		c.depart(env, l)
	}
	c.Transfers = nil
}

// thirdAsks answers the party that goes, which has nothing more to ask for, or the
// one that comes, which has to wait until it is there.
func (c *Call) thirdAsks(env *Env, ev Requested, back Reply) {
	t := &c.Transfers[0]
	switch {
	case ev.Message.Method != "BYE" && t.Phase == Dialling && t.Leg.State == Confirmed:
		c.reply(env, back, message.Response{Status: 500, RetryAfter: soon(env)})
	case ev.Message.Method != "BYE":
		c.reply(env, back, message.Response{Status: 481})
	case t.Signaled:
		t.Leg.State = Gone
		c.reply(env, back, message.Response{Status: 200})
	default:
		t.Leg.State = Gone
		t.Byes = append(t.Byes, back)
		switch t.Phase {
		case Dialling: // the party that was to come leaves again
			c.shed(env, cdr.EndRejected)
		case Joining: // nobody has to wait for the party that stays
			c.shed(env, cdr.EndTransferred)
		}
	}
}
