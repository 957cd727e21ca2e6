package call

import (
	"slices"
	"strings"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/rule"
	"mask700/media/sdp"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/trunk"
)

// Arrival is an INVITE or a MESSAGE outside of any dialog, as the shard hands it over.
type Arrival struct {
	Tx      Tx
	Message *message.Message
	Echo    message.Echo
	Flow    flow.Flow // the way back to the caller
	Host    string    // our host:port on that way
	Trunk   *trunk.Trunk
	Refuse  *Final // it is refused before anything is asked
	Refusal binding.Refusal
	End     string // of the record then; "": refused
}

// retryLater is the Retry-After of a trunk that is full, in seconds.
const retryLater = 5

// New begins a call with the caller's INVITE, or a text with the sender's MESSAGE.
// Every such request leaves a record, those that are refused at once too.
func New(env *Env, a Arrival) *Call {
	m := a.Message
	c := &Call{
		ID:          env.Mint.Token(),
		MaxForwards: hopsLeft(m),
	}
	if m.Method == "MESSAGE" {
		c.Text.On = true
	} else {
		for s := range c.Legs {
			c.SessionIDs[s] = c.session(env)
			c.Legs[s].SDP = sdp.NewLeg(c.SessionIDs[s], mediaPolicy(a.Trunk))
		}
	}
	caller := c.leg(Caller)
	caller.Trunk = a.Trunk.Index
	caller.Flow, caller.Host = a.Flow, a.Host
	caller.CallID = m.CallID
	caller.LocalTag, caller.RemoteTag = env.Mint.Token(), m.From.Tag
	caller.From = m.To.Text + ";tag=" + caller.LocalTag
	caller.To = m.From.Text
	caller.Peer = a.Flow.Remote.Addr()
	caller.RemoteSeq, caller.Numbered = m.CSeq, true
	caller.Route = slices.Clone(m.RecordRoute)
	caller.Contact = contact(env.Mint.Token(), a.Flow, a.Host)
	caller.retarget(m)
	caller.learn(m)
	caller.Server = Served{
		Reply:    Reply{Tx: a.Tx, Echo: a.Echo, RecordRoute: m.RecordRoute, Wish: wishOf(m)},
		Seq:      m.CSeq,
		Reliable: reliability(a.Trunk, m),
	}

	if m.Expires > 0 {
		c.ExpiresAt = env.Now.Add(time.Duration(m.Expires) * time.Second)
	}
	c.Record = cdr.Record{ID: c.ID, TrunkIn: a.Trunk.Name, ReceivedAt: env.Now}
	dialled, extension, dialledErr := trunk.ReadDialled(env.Config.Plan, m.Target)
	number, known := a.Trunk.ReadCaller(env.Config.Plan, m)
	if known {
		caller.Number = number
		env.searched(caller.Secrets.AddParty(number, countryCode(env)))
		c.Record.CallerIn = cdr.Party{Number: number}
	}
	if dialledErr == nil {
		c.Record.CalleeIn = cdr.Party{X: dialled}
	} else if n, err := env.Config.Plan.ParseNumber(m.Target.User); err == nil {
		c.Record.CalleeIn = cdr.Party{Number: n}
	}

	caller.hear(env, m)
	passed, passing := passes(a.Trunk, m, dialledErr, number)
	if c.Text.On {
		c.beginText(env, a, passed, passing, dialledErr, query(env, dialled, extension, number))
		return c
	}
	c.FirstSDP, c.LateOffer = m.Body, len(m.Body) == 0 || m.Optional && m.ContentType != sdpType
	c.respond(env, Caller, message.Response{Status: 100})
	env.do(Enter{Caller, caller.CallID, caller.LocalTag, caller.Trunk})
	switch {
	case a.Refuse != nil:
		end := a.End
		if end == "" {
			end = cdr.EndRefused
		}
		c.refuseAs(env, end, a.Refusal, *a.Refuse)
	case env.full(a.Trunk):
		c.refuseAs(env, cdr.EndTrunkLimit, binding.RefusalOverload, Final{Status: 503, RetryAfter: retryLater})
	case caller.Server.Reliable.Must && a.Trunk.Reliable == trunk.ReliableOff:
		c.refuse(env, "", Final{Status: 420, Unsupported: needsPRACK})
	case dialledErr != nil && !passing:
		c.refuse(env, binding.RefusalNoBinding, Final{Status: undialled(dialledErr)})
	case c.tooBrief(env, Caller, caller.Server.Wish) > 0:
		c.refuse(env, "", Final{Status: 422, MinSE: c.tooBrief(env, Caller, caller.Server.Wish)})
	case passing && passed.unmet(m):
		c.refuse(env, "", Final{Status: 500})
	case passing:
		c.pass(env, a.Trunk, passed)
	default:
		c.Waiting |= forDecision
		env.do(Decide{Record: c.Record.ID, Query: query(env, dialled, extension, number)})
	}
	return c
}

// query asks who is reached.
func query(env *Env, dialled binding.X, extension string, caller binding.Number) binding.Query {
	return binding.Query{Dialled: dialled, Extension: extension, Caller: caller, At: env.Now, Strangers: env.Config.Plan.Strangers}
}

// refuse ends a call that was never put through.
func (c *Call) refuse(env *Env, why binding.Refusal, f Final) {
	c.refuseAs(env, cdr.EndRefused, why, f)
}

// refuseAs is refuse where the record has a word of its own for it.
func (c *Call) refuseAs(env *Env, end string, why binding.Refusal, f Final) {
	c.Record.Refusal = why
	c.Final = f
	if c.announce(env, end, f) {
		return
	}
	c.end(env, ending{end: end, by: byPlatform, status: f.Status, q850: f.Q850})
}

// decided takes the store's answer: the edge, or why there is none.
func (c *Call) decided(env *Env, ev Decided) {
	if len(c.Transfers) > 0 {
		c.thirdDecided(env, ev)
		return
	}
	c.Waiting &^= forDecision
	if c.Extension.Asking {
		c.extensionDecided(env, &ev)
		return
	}
	if c.State != Deciding {
		c.wind(env)
		return
	}
	d := ev.Decision
	if ev.Err == nil && c.Order.other(&d) {
		c.refuse(env, binding.RefusalNoBinding, Final{Status: 404})
		return
	}
	c.matched(&d, &ev.Verdict)
	in := env.Config.Trunks[c.leg(Caller).Trunk]
	switch {
	case ev.Err != nil:
		// The store failed, nobody refused.
		c.end(env, ending{end: endFailed, by: byPlatform, status: 500})
		return
	case d.Refusal != "" && c.askExtension(env, &d):
		return
	case d.Refusal != "":
		c.recall(env, d)
		c.refuse(env, d.Refusal, Final{Status: refusalStatus(&d)})
		return
	}
	c.take(&d)
	if c.Text.On && !c.screened(env, &d, ev.Verdict.Numbers) {
		return
	}
	c.open(env, in, route(env.Config.Trunks, in))
}

// matched writes down what the store and the rules have said: which binding it is.
func (c *Call) matched(d *binding.Decision, v *rule.Verdict) {
	if b := d.Binding; b != nil {
		c.Record.Binding, c.Record.Order, c.Record.Tenant = b.ID, b.Order, b.Tenant
		c.Record.IndustrialID, c.Record.Data = b.IndustrialID, b.Data
		c.MaxDuration = b.MaxDuration
		c.Recorded = b.Record && d.Refusal == ""
		if d.Refusal == "" {
			c.Sliding = b.Sliding
		}
	}
	judged(&c.Record, v)
}

// take takes the edge: who is called, and who after that.
func (c *Call) take(d *binding.Decision) {
	c.Edge = d.Edge
	c.Next = d.Next[:min(len(d.Next), max(maxAsked-1-d.Skipped, 0))]
	c.Turn.Place = d.Skipped + 1
}

// judged writes into a record what the rules after the match said.
func judged(r *cdr.Record, v *rule.Verdict) {
	r.Rule, r.Shadow, r.Evidence = v.Rule, strings.Join(v.Shadow, ","), v.Evidence
}

// open asks for what a call needs before the callee can be called: media ports,
// and its record on disk.
func (c *Call) open(env *Env, in, out *trunk.Trunk) {
	if out == nil {
		c.refuse(env, binding.RefusalNoRoute, Final{Status: 500})
		return
	}
	c.Hops = order(env.Config.Hops[out.Index], env.Mint.Uint64)
	switch {
	case len(c.Hops) == 0:
		c.refuse(env, binding.RefusalNoRoute, Final{Status: 500})
		return
	case env.full(out) && !c.Text.On:
		c.refuseAs(env, cdr.EndTrunkLimit, binding.RefusalOverload, Final{Status: 503, RetryAfter: retryLater})
		return
	}
	c.address(env, out)

	c.State = Opening
	if c.Text.On {
		c.Waiting |= forOpened
		env.do(OpenRecord{Record: c.Record})
		return
	}
	c.Waiting |= forMedia | forOpened
	c.openMedia(env, OpenMedia{
		Pools: [2]string{in.Media, out.Media},
		Latch: [2]string{in.Latch, out.Latch},
		Peers: [2]flow.Flow{c.leg(Caller).Flow, c.leg(Callee).Flow},
		Video: withVideo(in, out),
	})
	env.do(OpenRecord{Record: c.Record})
}

// openMedia asks for ports, and notes toward whom.
func (c *Call) openMedia(env *Env, open OpenMedia) {
	for s, peer := range open.Peers {
		c.MediaPeers[s] = peer.Remote.Addr()
	}
	env.do(open)
}

// address writes who is called by which trunk into the record and the callee's leg.
func (c *Call) address(env *Env, out *trunk.Trunk) {
	c.Record.TrunkOut = out.Name
	c.Record.CallerOut, c.Record.CalleeOut = cdr.Party{X: c.Edge.Shown}, cdr.Party{Number: c.Edge.Callee}
	if c.Passed.Callee != "" {
		c.Record.CallerOut, c.Record.CalleeOut = c.Record.CallerIn, c.Record.CalleeIn
	}
	c.prepareCallee(env, out)
}

// mediaOpened takes our ports.
func (c *Call) mediaOpened(env *Env, ev MediaOpened) {
	if ev.Session != c.Session {
		c.thirdOpened(env, ev)
		return
	}
	c.Waiting &^= forMedia
	if ev.Err != nil {
		switch {
		case c.State != Opening:
		case c.announcing(), c.Extension.On:
			c.unasked(env)
			return
		case ev.Full:
			c.refuse(env, binding.RefusalOverload, Final{Status: 503, RetryAfter: 5})
			return
		default:
			c.end(env, ending{end: cdr.EndFailed, by: byPlatform, status: 500})
			return
		}
		c.wind(env)
		return
	}
	c.MediaOpen = true
	c.MediaLocal = ev.Local
	for s := range c.Legs {
		c.Legs[s].SDP.Ours = ev.Local[s].Addr
	}
	c.place(env)
}

// recordOpened says that the call is on disk: only now may the callee's phone
// ring.
func (c *Call) recordOpened(env *Env, ev RecordOpened) {
	if ev.ID != c.Record.ID {
		c.thirdRecorded(env, ev)
		return
	}
	c.Waiting &^= forOpened
	if ev.Err != nil && c.State == Opening {
		if c.announcing() || c.Extension.On {
			c.unasked(env)
			return
		}
		c.end(env, ending{end: cdr.EndFailed, by: byPlatform, status: 500})
		return
	}
	c.place(env)
}

// place sends the callee's INVITE when both media and the opening row are
// there.
func (c *Call) place(env *Env) {
	if c.State != Opening {
		c.wind(env)
		return
	}
	if c.Waiting != 0 {
		return
	}
	if c.Text.On {
		c.sendText(env)
		return
	}
	switch {
	case c.announcing():
		c.say(env)
		return
	case c.Order.On:
		c.callOrdered(env)
		return
	case c.Greeted.On:
		c.welcome(env)
		return
	}
	if !c.LateOffer {
		d, err := sdp.Parse(c.FirstSDP)
		if err != nil {
			c.end(env, ending{end: cdr.EndFailed, by: byPlatform, status: 488})
			return
		}
		c.leg(Caller).SDP.Receive(d)
		c.leg(Caller).Heard = hashOf(c.FirstSDP)
	}
	c.FirstSDP = nil
	c.ring(env)
}
