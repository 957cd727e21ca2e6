package call

import (
	"net/netip"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/media/sdp"
	"mask700/sip/message"
)

// Order is a call that the platform asks for: the caller is called first, and the callee
// once it has answered. In all else it is a call from the one to the other over the
// number that it could have dialled.
//
//	Order
//	  v
//	[ Deciding ]   the edge, and the rules: as if the caller had dialled
//	  v
//	[ Opening ]    media ports, the opening row
//	  v
//	[ Calling ]    INVITE to the caller, with an offer of our own
//	  |   |        18x: PRACK where it is reliable, else nothing
//	  |   `-- busy, no answer, hung up -------------------> [ Ending ]
//	  | 2xx: ACK at once, it hears ringback
//	  v
//	[ Calling ]    INVITE to the callee, as for any greeted caller (greeted.go)
//
// Its zero value is a call of which an INVITE has come.
type Order struct {
	On      bool
	Binding string         // that the call has to be over
	Caller  binding.Number // who is called first
	Query   binding.Query  // whom that could have dialled
	Trunk   int            // index of the trunk that the caller is on
	Ring    time.Duration  // how long the caller's phone may ring; 0: as any phone

	Hops []Hop // targets that are left to call the caller by
	Told bool  // Placed was done
}

// Placed says what has become of an order: the caller is being called, or the call is
// over before that.
type Placed struct {
	ID      string // of the record
	End     string // as the record says; "": the caller is being called
	Status  int    // then: what a caller would have been answered
	Refusal binding.Refusal
}

func (Placed) action() {}

// house is what we offer to a party that we call for ourselves: what every telephone
// knows.
var house = sdp.Description{Video: -1, Lines: []sdp.Line{{
	Media: "audio", Proto: "RTP/AVP", Port: nowhere, Addr: netip.AddrFrom4([4]byte{192, 0, 0, 8}), Send: true, Recv: true,
	Codecs: []sdp.Codec{
		{PT: 8, Name: "PCMA", Clock: 8000, Channels: 1},
		{PT: 0, Name: "PCMU", Clock: 8000, Channels: 1},
		{PT: 101, Name: "telephone-event", Clock: 8000, Channels: 1},
	},
}}}

// Place begins a call that was asked for.
func Place(env *Env, o Order) *Call {
	in := env.Config.Trunks[o.Trunk]
	o.On, o.Told = true, false
	o.Hops = order(env.Config.Hops[in.Index], env.Mint.Uint64)
	c := &Call{
		ID: env.Mint.Token(), MaxForwards: maxForwards, Order: o, Greeted: Greeted{On: true, Alone: true},
	}
	for s := range c.Legs {
		c.SessionIDs[s] = c.session(env)
		c.Legs[s].SDP = sdp.NewLeg(c.SessionIDs[s], mediaPolicy(in))
	}
	c.leg(Caller).Trunk = in.Index
	c.Record = cdr.Record{
		ID: c.ID, Origin: cdr.OriginDial, TrunkIn: in.Name, ReceivedAt: env.Now,
		CallerIn: cdr.Party{Number: o.Caller}, CalleeIn: cdr.Party{X: o.Query.Dialled},
	}
	switch {
	case len(o.Hops) == 0:
		c.refuse(env, binding.RefusalNoRoute, Final{Status: 500})
	case env.full(in):
		c.refuseAs(env, cdr.EndTrunkLimit, binding.RefusalOverload, Final{Status: 503, RetryAfter: retryLater})
	default:
		c.prepareOrdered(env)
		c.Waiting |= forDecision
		q := query(env, o.Query.Dialled, o.Query.Extension, o.Caller)
		q.Over = o.Binding
		env.do(Decide{Record: c.Record.ID, Query: q})
	}
	return c
}

// other reports whether a decision, be it a refusal, is about another binding than the one
// ordered over. The number may be another tenant's by now: nothing of it is written down.
func (o *Order) other(d *binding.Decision) bool {
	switch {
	case !o.On:
		return false
	case d.Binding == nil:
		return d.Refusal == ""
	}
	return d.Binding.ID != o.Binding
}

// prepareOrdered composes the caller's leg toward the first hop that is left. It is shown
// the number that it could have dialled.
func (c *Call) prepareOrdered(env *Env) {
	l := c.leg(Caller)
	in, hop, before := env.trunk(l), c.Order.Hops[0], l.Party
	*l = newLeg(env, in, hop, c.SessionIDs[Caller])
	l.Party = before.again(l.Party)
	l.identify(env, in, hop, binding.Edge{Callee: c.Order.Caller, Shown: c.Order.Query.Dialled})
}

// callOrdered calls the caller.
func (c *Call) callOrdered(env *Env) {
	l := c.leg(Caller)
	l.SDP.Ours = c.MediaLocal[Caller].Addr
	body, err := l.SDP.Offer(&house, c.MediaLocal[Caller])
	if err != nil {
		c.end(env, ending{end: endFailed, by: byPlatform, status: 500})
		return
	}
	c.State = Calling
	c.openLeg(env, Caller, body)
	wait := env.Config.RingTimeout
	if c.Order.Ring > 0 {
		wait = min(wait, c.Order.Ring)
	}
	env.do(StartTimer{Timer{RingTimer, Caller}, wait})
	c.placed(env)
}

// placed tells once what has become of the order.
func (c *Call) placed(env *Env) {
	if !c.Order.On || c.Order.Told {
		return
	}
	c.Order.Told = true
	env.do(Placed{ID: c.Record.ID, End: c.Record.End, Status: c.Record.SIPStatus, Refusal: c.Record.Refusal})
}

// orderedSays takes a response of the caller to the INVITE that calls it.
func (c *Call) orderedSays(env *Env, m *message.Message) {
	l := c.leg(Caller)
	switch {
	case m.Status < 200:
		l.Client.Heard = true
		if l.Client.Cancel {
			c.cancelInvite(env, Caller)
			return
		}
		if m.Status > 100 && m.To.Tag != "" && l.Client.Pending {
			l.early(m) // it may ask for something, or leave again
			c.acknowledgeEarly(env, Caller, m)
		}
	case !l.Client.Pending:
	case m.Status >= 300:
		c.orderedGone(env)
		if c.State < Ending && (m.Status != 503 || !c.nextOrdered(env, m.RetryAfter)) {
			o := outcomeOf(m.Status)
			c.end(env, ending{end: o.end, by: byCaller, status: o.status, q850: o.q850})
		}
		c.leaveIfOver(env)
	default:
		c.orderedGone(env)
		l.confirm(m)
		c.acknowledge(env, Caller, nil)
		if c.State >= Ending {
			if c.Signaled {
				c.bye(env, Caller, c.Record.Q850)
			}
			return
		}
		c.orderedAnswers(env, m)
	}
}

// orderedGone notes that the INVITE to the caller has come to its end.
func (c *Call) orderedGone(env *Env) {
	c.leg(Caller).Client.Pending = false
	env.do(StopTimer{Timer{RingTimer, Caller}})
	env.do(StopTimer{Timer{CancelTimer, Caller}})
}

// orderedAnswers takes the answer of the caller: it hears ringback, and the callee is
// called.
func (c *Call) orderedAnswers(env *Env, m *message.Message) {
	l := c.leg(Caller)
	d, err := description(m)
	switch {
	case l.Answered:
		err = nil // in a reliable provisional response
	case err == nil && d == nil:
		err = errNoAnswer
	case err == nil:
		l.SDP.Receive(d)
		l.Heard, l.Answered = hashOf(m.Body), true
	}
	c.granted(env, Caller, m)
	c.Told = ToldFirm
	if err == nil {
		err = c.setRemotes(env)
	}
	if err == nil {
		offer := c.leg(Callee).SDP // what it has agreed to can be offered
		_, err = offer.Offer(c.wanted(), c.MediaLocal[Callee])
	}
	if err != nil {
		c.Greeted.On = false // nor can it hear why
		c.end(env, ending{end: endFailed, by: byPlatform, status: 488, q850: causeNoBearer})
		return
	}
	env.do(SettleMedia{c.Session})
	c.plays(env, Ringback)
	c.ring(env)
}

// orderedUnanswered takes an INVITE to the caller that got no final response.
func (c *Call) orderedUnanswered(env *Env, ev Unanswered) {
	c.orderedGone(env)
	if c.State < Ending && (ev.Full || !c.nextOrdered(env, 0)) {
		e := ending{end: endUnavailable, by: byCaller, status: 500}
		if ev.Full {
			c.Record.Refusal = binding.RefusalOverload
			e = ending{end: cdr.EndRefused, by: byPlatform, status: 503}
		}
		c.end(env, e)
	}
	c.leaveIfOver(env)
}

// nextOrdered calls the caller by the next hop when the last one failed. It says false
// when there is none.
func (c *Call) nextOrdered(env *Env, retryAfter int) bool {
	l, o := c.leg(Caller), &c.Order
	env.do(HopFailed{Trunk: l.Trunk, Hop: o.Hops[0], RetryAfter: retryAfter})
	if len(o.Hops) < 2 || l.Answered {
		return false
	}
	env.do(Exit{Caller})
	c.callNextOrdered(env)
	return true
}
