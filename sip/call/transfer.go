package call

import (
	"net/netip"
	"slices"
	"strconv"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/media/sdp"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/trunk"
)

// referAllowed is the setting of a trunk whose parties may transfer calls.
const referAllowed = trunk.ReferAllow

// Phase is how far a transfer has come.
type Phase uint8

// The phases of a transfer (RFC 3515, 5589): one party asks with REFER that the
// other be connected to a 700 number, and it is carried out here, by a leg of our
// own. Before Joining the third leg is that of the party that comes; from then on
// of the one that goes.
//
// The number may be one over which several are called one after the other: transferturn.go.
// A transfer that is refused leaves a record, as a call that is.
//
//	REFER: 202, NOTIFY 100
//	     v
//	[ Asking ] -> [ Preparing ] -> [ Dialling ] --2xx--> [ Joining ] --> [ Shedding ]
//	     |            |                |      NOTIFY 200   the other       the leg that goes:
//	     `------------`----------------`------> NOTIFY 4xx party gets the  media, record, BYE
//	                                            new media
const (
	Asking Phase = iota
	Preparing
	Dialling
	Joining
	Shedding
)

// Transfer is a call being transferred.
type Transfer struct {
	Phase     Phase
	By        Side // who asked
	Turned    bool // as of the call, of Record and Session
	Leg       Leg
	Record    cdr.Record
	Edge      binding.Edge
	Hops      []Hop            // targets that are left to try
	Next      []binding.Number // who is called next when the party does not answer
	MakingWay bool             // its INVITE is cancelled for the next one
	Turn      Turn
	Limit     time.Duration // longest duration by the new binding; 0: none
	Taped     bool          // the new binding wants what is said recorded
	Sliding   time.Duration // as of the call
	Session   int
	Local     [2]sdp.Local
	Peer      netip.Addr // toward which the ports of the party that is to come were opened
	Waiting   waiting
	Open      bool // media ports of Session are
	Recorded  bool // its opening row was asked for, or the only one of one that was refused
	Signaled  bool // the record is on disk: what ends the leg has been sent
	Byes      []Reply
}

// referred takes a REFER. What it refers to has to be a 700 number: nothing else can
// be masked. Headers in its URI would be put into the new INVITE, a Replaces that
// takes over a dialog of somebody's among them.
func (c *Call) referred(env *Env, s Side, back Reply, m *message.Message) {
	l := c.leg(s)
	refused := message.Response{Status: 603}
	switch {
	case c.State >= Ending:
		c.reply(env, back, message.Response{Status: 481})
		return
	case env.trunk(l).Refer != referAllowed, c.State != Talking, l.State != Confirmed, c.Passed.Callee != "":
		c.reply(env, back, refused)
		return
	case m.ReferTo == nil:
		c.reply(env, back, message.Response{Status: 400})
		return
	case len(c.Transfers) > 0 || c.busy(s) != 0:
		c.reply(env, back, message.Response{Status: 491})
		return
	}
	to := m.ReferTo.URI
	method := to.Param("method")
	dialled, extension, err := trunk.ReadDialled(env.Config.Plan, to)
	if err != nil || to.Headers != "" || method != "" && method != "INVITE" {
		c.reply(env, back, refused)
		return
	}
	by := l.Number
	c.Transfers = []Transfer{{By: s, Turned: s == Caller, Session: c.Session + 1}}
	t := &c.Transfers[0]
	t.Record = cdr.Record{
		ID: env.Mint.Token(), TrunkIn: env.trunk(l).Name, ReceivedAt: env.Now,
		CallerIn: cdr.Party{Number: by}, CalleeIn: cdr.Party{X: dialled},
	}
	c.reply(env, back, message.Response{Status: 202, Contact: l.Contact})
	c.notify(env, 100)
	q := query(env, dialled, extension, by)
	q.Joins = c.leg(s.Other()).Number
	env.do(Decide{Record: t.Record.ID, Query: q})
}

// notify tells who asked for the transfer how it goes: a status line of ours and
// nothing else (RFC 3515 section 2.4.5, RFC 3420).
func (c *Call) notify(env *Env, status int) {
	t := &c.Transfers[0]
	s := t.By
	if t.Phase >= Joining {
		s = Third
	}
	l := c.leg(s)
	if l.State != Confirmed {
		return
	}
	r := l.nextRequest(env, &l.Dialog, "NOTIFY")
	r.Contact = l.Contact
	r.Event, r.SubscriptionState = "refer", "active;expires=180"
	if status >= 200 {
		r.SubscriptionState = "terminated;reason=noresource"
	}
	r.ContentType = "message/sipfrag;version=2.0"
	r.Body = append(strconv.AppendInt([]byte("SIP/2.0 "), int64(status), 10), " "+message.Phrase(status)+"\r\n"...)
	c.send(env, s, &l.Dialog, Sent{Request: r})
}

// thirdDecided takes the store's answer: where the one who asked may call.
func (c *Call) thirdDecided(env *Env, ev Decided) {
	t := &c.Transfers[0]
	if t.Phase != Asking {
		return
	}
	in := env.trunk(c.leg(t.By))
	out := route(env.Config.Trunks, in)
	d := ev.Decision
	judged(&t.Record, &ev.Verdict)
	if b := d.Binding; b != nil && ev.Err == nil {
		t.Record.Binding, t.Record.Order, t.Record.Tenant = b.ID, b.Order, b.Tenant
		t.Record.IndustrialID, t.Record.Data = b.IndustrialID, b.Data
		t.Limit, t.Taped, t.Sliding = b.MaxDuration, b.Record, b.Sliding
	}
	switch {
	case ev.Err != nil:
		c.thirdRefused(env, endFailed, "", 500)
		return
	case d.Refusal != "":
		c.thirdRefused(env, cdr.EndRefused, d.Refusal, refusalStatus(&d))
		return
	case out == nil || len(env.Config.Hops[out.Index]) == 0:
		c.thirdRefused(env, cdr.EndRefused, binding.RefusalNoRoute, 500)
		return
	case env.full(out):
		c.thirdRefused(env, cdr.EndTrunkLimit, binding.RefusalOverload, 503)
		return
	}
	t.take(&d)
	t.Record.TrunkOut = out.Name
	t.Record.CallerOut, t.Record.CalleeOut = cdr.Party{X: d.Edge.Shown}, cdr.Party{Number: d.Edge.Callee}
	t.Hops = order(env.Config.Hops[out.Index], env.Mint.Uint64)
	c.compose(env, out)
	t.Phase, t.Recorded = Preparing, true
	t.Waiting = forMedia | forOpened
	stays := c.leg(t.By.Other())
	open := OpenMedia{Session: t.Session, Video: withVideo(env.trunk(stays), out)}
	open.Pools[t.By], open.Latch[t.By], open.Peers[t.By] = out.Media, out.Latch, t.Leg.Flow
	t.Peer = t.Leg.Flow.Remote.Addr()
	open.Latch[t.By.Other()] = env.trunk(stays).Latch
	open.Pools[t.By.Other()], open.Peers[t.By.Other()] = env.trunk(stays).Media, flow.Flow{
		Listener: stays.Flow.Listener, Network: stays.Flow.Network, Local: stays.Flow.Local, Remote: stays.Flow.Remote,
	}
	env.do(open)
	env.do(OpenRecord{Record: t.Record})
}

// thirdOpened takes the ports of the new media session.
func (c *Call) thirdOpened(env *Env, ev MediaOpened) {
	if len(c.Transfers) == 0 {
		return
	}
	t := &c.Transfers[0]
	t.Waiting &^= forMedia
	t.Open, t.Local = ev.Err == nil, ev.Local
	if ev.Err != nil && t.Phase == Preparing {
		status := 500
		if ev.Full {
			status = 503
		}
		c.thirdFailed(env, status)
		return
	}
	c.thirdDial(env)
}

// thirdRecorded says that the new call is on disk.
func (c *Call) thirdRecorded(env *Env, ev RecordOpened) {
	if len(c.Transfers) == 0 {
		return
	}
	t := &c.Transfers[0]
	t.Waiting &^= forOpened
	if ev.Err != nil && t.Phase == Preparing {
		c.thirdFailed(env, 500)
		return
	}
	c.thirdDial(env)
}

// thirdDial calls the party that is to come, with what the party that stays can
// do.
func (c *Call) thirdDial(env *Env) {
	t := &c.Transfers[0]
	if t.Phase != Preparing || t.Waiting != 0 {
		c.thirdWind(env)
		return
	}
	if !c.thirdInvite(env) {
		c.thirdFailed(env, 488)
		return
	}
	t.Phase = Dialling
	c.thirdRings(env)
}

// compose prepares the leg of the party that is to come, toward the first hop that
// is left.
func (c *Call) compose(env *Env, out *trunk.Trunk) {
	t := &c.Transfers[0]
	before := t.Leg.Party
	t.Leg = newLeg(env, out, t.Hops[0], c.session(env))
	t.Leg.Party = before.again(t.Leg.Party)
	t.Leg.identify(env, out, t.Hops[0], t.Edge)
}

// openLeg sends the INVITE that begins a leg of ours with an offer.
func (c *Call) openLeg(env *Env, s Side, body []byte) {
	l := c.leg(s)
	r := l.nextRequest(env, &l.Dialog, "INVITE")
	r.MaxForwards = c.MaxForwards
	r.Contact = l.Contact
	r.Identity, r.RemoteParty = l.Identity.Asserted, l.Identity.RemoteParty
	c.offerFeatures(env, s, &r)
	offerReliable(env.trunk(l), &r)
	attach(&r, body)
	l.Base = l.Dialog
	env.do(Enter{s, l.CallID, l.LocalTag, l.Trunk})
	c.invite(env, s, r, false)
}

// thirdNext calls the party that is to come by the next hop when the last one
// failed. It says false when there is none.
func (c *Call) thirdNext(env *Env, retryAfter int) bool {
	t := &c.Transfers[0]
	if t.Phase != Dialling || t.MakingWay {
		return false
	}
	env.do(HopFailed{Trunk: t.Leg.Trunk, Hop: t.Hops[0], RetryAfter: retryAfter})
	if len(t.Hops) < 2 || t.Leg.Answered {
		return false
	}
	env.do(Exit{Third})
	return c.thirdNextHop(env)
}

// talking is a description whose audio goes both ways: whoever was put on hold for
// the transfer is held no more.
func talking(d sdp.Description) sdp.Description {
	d.Lines = slices.Clone(d.Lines)
	for i := range d.Lines {
		d.Lines[i].Send, d.Lines[i].Recv = true, true
	}
	return d
}

// thirdSays takes a response of the party that is to come.
func (c *Call) thirdSays(env *Env, m *message.Message) {
	t := &c.Transfers[0]
	l := &t.Leg
	switch {
	case m.Status < 200:
		l.Client.Heard = true
		switch {
		case l.Client.Cancel:
			c.cancelInvite(env, Third)
		case !c.acknowledgeEarly(env, Third, m):
		case m.Status > 100 && t.Phase == Dialling && t.Record.RingingAt.IsZero():
			t.Record.RingingAt = env.Now
			c.notify(env, 180)
		}
	case m.Status >= 300:
		if !l.Client.Pending {
			return
		}
		l.Client.Pending = false
		env.do(StopTimer{Timer{CancelTimer, Third}})
		if m.Status == 503 && c.thirdNext(env, m.RetryAfter) {
			return
		}
		o := outcomeOf(m.Status)
		if c.thirdTurn(env, Outcome{o.end, byCallee, o.status, o.q850}) {
			return
		}
		if t.Record.End == "" {
			t.Record.End, t.Record.ReleasedBy = o.end, byCallee
		}
		c.thirdFailed(env, o.status)
		c.leaveIfOver(env)
	case l.Client.Pending:
		l.Client.Pending = false
		l.confirm(m)
		env.do(StopTimer{Timer{RingTimer, Third}})
		env.do(StopTimer{Timer{CancelTimer, Third}})
		c.acknowledge(env, Third, nil)
		if t.Phase != Dialling {
			if t.Signaled {
				c.bye(env, Third, t.Record.Q850)
			}
			return
		}
		c.arrived(env, m)
	}
}

// acknowledgeEarly acknowledges a reliable provisional response of a party that nobody
// hears yet, and keeps its answer. It says false for one that is passed over.
func (c *Call) acknowledgeEarly(env *Env, s Side, m *message.Message) bool {
	l := c.leg(s)
	if m.RSeq == 0 || !requires(m, "100rel") {
		return true
	}
	if m.To.Tag == "" {
		return false
	}
	d := l.early(m)
	if d == nil || !d.takeReliable(m) {
		return false
	}
	if desc, err := description(m); err == nil && desc != nil && !d.Answered {
		d.SDP.Receive(desc)
		d.Heard, d.Answered = hashOf(m.Body), true
	}
	c.sendPRACK(env, s, d, m.RSeq, nil)
	return true
}

// arrived takes the answer of the party that is to come.
func (c *Call) arrived(env *Env, m *message.Message) {
	t := &c.Transfers[0]
	d, err := description(m)
	switch {
	case t.Leg.Answered:
		err = nil // in a reliable provisional response
	case err == nil && d == nil:
		err = errNoAnswer
	case err == nil:
		t.Leg.SDP.Receive(d)
		t.Leg.Heard, t.Leg.Answered = hashOf(m.Body), true
	}
	if err != nil {
		c.thirdFailed(env, 488)
		return
	}
	c.granted(env, Third, m)
	c.join(env)
}

// join puts the party that has come into the place of the one that goes, and offers
// the party that stays the new media. While a session is being refreshed it waits:
// the answer, or the ACK, is for the legs as they are.
func (c *Call) join(env *Env) {
	if len(c.Transfers) == 0 || c.State != Talking {
		return
	}
	t := &c.Transfers[0]
	by := t.By
	if t.Phase != Dialling || t.Leg.State != Confirmed ||
		c.Exchange.active() || c.leg(Caller).Server.Unacked || c.leg(Callee).Server.Unacked {
		return
	}

	turned := c.role(by)
	c.stopSession(env, by)
	env.do(StopTimer{Timer{AgainTimer, by}})
	c.Legs[by], t.Leg = t.Leg, c.Legs[by]
	c.Record, t.Record = t.Record, c.Record
	c.Sliding, t.Sliding = t.Sliding, c.Sliding
	c.Session, t.Session = t.Session, c.Session
	c.MediaLocal = t.Local
	c.Recorded = t.Taped
	c.Turned, t.Turned = t.Turned, c.Turned
	c.Edge, c.Realign = t.Edge, false
	for _, s := range []Side{by, Third} {
		l := c.leg(s)
		env.do(Enter{s, l.CallID, l.LocalTag, l.Trunk})
	}
	if came := c.leg(by).Session; came.Interval > 0 {
		c.runSession(env, by, seconds(came.Interval), came.Ours)
	}
	c.Record.AnsweredAt, c.Record.SIPStatus = env.Now, 200
	env.do(StopTimer{Timer{SlideTimer, Caller}})
	c.carries(env)
	t.Record.End, t.Record.ReleasedBy, t.Record.Q850, t.Record.ReleasedAt = cdr.EndTransferred, turned, causeNormal, env.Now
	env.do(StopTimer{Timer{LimitTimer, Caller}})
	env.do(StopTimer{Timer{MinuteTimer, Caller}})
	c.MaxDuration = t.Limit
	c.limitTalk(env)
	t.Phase = Joining
	stays := c.leg(by.Other())
	stays.Owed, stays.PutOff = OwedMedia, 0
	c.notify(env, 200)
	if c.setRemotes(env) != nil {
		c.end(env, ending{end: endFailed, by: byPlatform, status: 480, q850: causeNoBearer})
		return
	}
	c.offerOwn(env, by.Other())
}

// thirdRefused ends a transfer before anybody was called for it. The call goes on as it
// was, and the transfer has a record of its own.
func (c *Call) thirdRefused(env *Env, end string, why binding.Refusal, status int) {
	t := &c.Transfers[0]
	t.Phase, t.Recorded = Preparing, true
	t.Record.End, t.Record.ReleasedBy, t.Record.Refusal = end, byPlatform, why
	c.thirdFailed(env, status)
}

// thirdFailed ends a transfer whose new party does not come. The call goes on as it
// was.
func (c *Call) thirdFailed(env *Env, status int) {
	t := &c.Transfers[0]
	if t.Phase < Joining {
		c.notify(env, status)
		t.Record.SIPStatus = status
	}
	c.shed(env, endFailed)
}
