package call

import (
	"slices"
	"strings"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/media/sdp"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/trunk"
)

// Arrival is an INVITE outside of any dialog, as the shard hands it over.
type Arrival struct {
	Tx      Tx
	Message *message.Message
	Echo    message.Echo
	Flow    flow.Flow // the way back to the caller
	Host    string    // our host:port on that way
	Trunk   *trunk.Trunk
	Refuse  *Final // it is refused before anything is asked
	Refusal binding.Refusal
}

// New begins a call with the caller's INVITE. Every such INVITE is a call and
// leaves a record, those that are refused at once too.
func New(env *Env, a Arrival) *Call {
	m := a.Message
	c := &Call{
		ID:          env.Mint.Token(),
		MaxForwards: hopsLeft(m),
		SessionIDs:  [2]uint64{env.Mint.Uint64() >> 2, env.Mint.Uint64() >> 2},
	}
	for s := range c.Legs {
		c.Legs[s].SDP = sdp.NewLeg(c.SessionIDs[s])
	}
	caller := c.leg(Caller)
	caller.Trunk = a.Trunk.Index
	caller.Flow, caller.Host = a.Flow, a.Host
	caller.CallID = m.CallID
	caller.LocalTag, caller.RemoteTag = env.Mint.Token(), m.From.Tag
	caller.From = m.To.Text + ";tag=" + caller.LocalTag
	caller.To = m.From.Text
	caller.RemoteSeq, caller.Numbered = m.CSeq, true
	caller.Route = slices.Clone(m.RecordRoute)
	caller.Contact = contact(env.Mint.Token(), a.Flow, a.Host)
	caller.retarget(m)
	caller.Server = Served{
		Reply: Reply{Tx: a.Tx, Echo: a.Echo, RecordRoute: m.RecordRoute},
		Seq:   m.CSeq,
	}

	c.Record = cdr.Record{ID: c.ID, TrunkIn: a.Trunk.Name, ReceivedAt: env.Now}
	dialled, dialledErr := trunk.ReadDialled(env.Config.Plan, m.Target)
	number, known := a.Trunk.ReadCaller(env.Config.Plan, m)
	if known {
		c.Record.CallerIn = cdr.Party{Number: number}
	}
	if dialledErr == nil {
		c.Record.CalleeIn = cdr.Party{X: dialled}
	} else if n, err := env.Config.Plan.ParseNumber(m.Target.User); err == nil {
		c.Record.CalleeIn = cdr.Party{Number: n}
	}

	c.respond(env, Caller, message.Response{Status: 100})
	env.do(Enter{Caller, caller.CallID, caller.LocalTag})
	switch {
	case a.Refuse != nil:
		c.refuse(env, a.Refusal, *a.Refuse)
	case dialledErr != nil:
		c.refuse(env, binding.RefusalNoBinding, Final{Status: undialled(dialledErr)})
	default:
		c.Waiting |= forDecision
		c.FirstSDP, c.LateOffer = m.Body, len(m.Body) == 0
		env.do(Decide{Query: binding.Query{Dialled: dialled, Caller: number, At: env.Now}})
	}
	return c
}

// contact is the Contact of ours: an opaque user at our own address.
func contact(user string, f flow.Flow, host string) string {
	if f.Network == flow.UDP {
		return "<sip:" + user + "@" + host + ">"
	}
	return "<sip:" + user + "@" + host + ";transport=" + f.Network.String() + ">"
}

// refuse ends a call that was never put through.
func (c *Call) refuse(env *Env, why binding.Refusal, f Final) {
	c.Record.Refusal = why
	c.Final = f
	c.end(env, ending{end: cdr.EndRefused, by: byPlatform, status: f.Status, q850: f.Q850})
}

// decided takes the store's answer: the edge, or why there is none.
func (c *Call) decided(env *Env, ev Decided) {
	c.Waiting &^= forDecision
	if c.State != Deciding {
		c.wind(env)
		return
	}
	d := ev.Decision
	if b := d.Binding; b != nil {
		c.Record.Binding, c.Record.Order, c.Record.Tenant = b.ID, b.Order, b.Tenant
		c.Record.IndustrialID, c.Record.Data = b.IndustrialID, b.Data
		c.MaxDuration = b.MaxDuration
	}
	in := env.Config.Trunks[c.leg(Caller).Trunk]
	switch {
	case ev.Err != nil:
		// The store failed, nobody refused.
		c.end(env, ending{end: endFailed, by: byPlatform, status: 500})
		return
	case d.Refusal != "":
		c.refuse(env, d.Refusal, Final{Status: refusalStatus(d.Refusal)})
		return
	}
	out := route(env.Config.Trunks, in)
	if out == nil {
		c.refuse(env, binding.RefusalNoRoute, Final{Status: 500})
		return
	}
	if len(env.Config.Hops[out.Index]) == 0 {
		c.refuse(env, binding.RefusalNoRoute, Final{Status: 500})
		return
	}
	hop := env.Config.Hops[out.Index][0]
	c.Record.TrunkOut = out.Name
	c.Record.CallerOut = cdr.Party{X: d.Edge.Shown}
	c.Record.CalleeOut = cdr.Party{Number: d.Edge.Callee}
	c.prepareCallee(env, out, hop, d.Edge)

	c.State = Opening
	c.Waiting |= forMedia | forOpened
	env.do(OpenMedia{
		Pools: [2]string{in.Media, out.Media},
		Peers: [2]flow.Flow{c.leg(Caller).Flow, hop.Flow},
	})
	env.do(OpenRecord{Record: c.Record})
}

// route finds the trunk that carries the other leg: the one named, else the one
// that the call came in on.
func route(trunks []*trunk.Trunk, in *trunk.Trunk) *trunk.Trunk {
	if in.RouteTo == "" || in.RouteTo == in.Name {
		return in
	}
	for _, t := range trunks {
		if t.Name == in.RouteTo {
			return t
		}
	}
	return nil
}

// prepareCallee composes the dialog of the callee's leg from the edge alone.
func (c *Call) prepareCallee(env *Env, out *trunk.Trunk, hop Hop, e binding.Edge) {
	l := c.leg(Callee)
	l.Trunk = out.Index
	l.Flow, l.Host = hop.Flow, hop.Host
	l.CallID, l.LocalTag = env.Mint.CallID(), env.Mint.Token()
	ours, theirs := hop.Domain, hop.Target
	if out.Domain != "" {
		ours, theirs = out.Domain, out.Domain
	}
	l.From = "<" + out.ShownURI(env.Config.Plan, e.Shown, ours) + ">;tag=" + l.LocalTag
	l.To = "<" + out.CalleeURI(env.Config.Plan, e.Callee, theirs) + ">"
	l.Target = out.CalleeURI(env.Config.Plan, e.Callee, hop.Target)
	l.Contact = contact(env.Mint.Token(), hop.Flow, hop.Host)
	l.Identity = identity(out, "<"+out.ShownURI(env.Config.Plan, e.Shown, ours)+">")
}

// identity says which header repeats the shown number, if the trunk wants one.
func identity(t *trunk.Trunk, shown string) Identity {
	switch strings.ToLower(t.Identity) {
	case "pai":
		return Identity{Asserted: shown}
	case "rpid":
		return Identity{RemoteParty: shown + ";party=calling;screen=yes;privacy=off"}
	}
	return Identity{}
}

// mediaOpened takes our ports.
func (c *Call) mediaOpened(env *Env, ev MediaOpened) {
	c.Waiting &^= forMedia
	if ev.Err != nil {
		if c.State == Opening {
			c.refuse(env, binding.RefusalOverload, Final{Status: 503, RetryAfter: 5})
			return
		}
		c.wind(env)
		return
	}
	c.MediaOpen = true
	c.MediaLocal = ev.Local
	c.place(env)
}

// recordOpened says that the call is on disk: only now may the callee's phone
// ring.
func (c *Call) recordOpened(env *Env, ev RecordOpened) {
	c.Waiting &^= forOpened
	if ev.Err != nil && c.State == Opening {
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
	var body []byte
	if !c.LateOffer {
		d, err := sdp.Parse(c.FirstSDP)
		if err == nil {
			body, err = c.crossOffer(Caller, d)
		}
		if err != nil {
			c.end(env, ending{end: cdr.EndFailed, by: byPlatform, status: 488})
			return
		}
	}
	c.FirstSDP = nil
	c.State = Calling
	l := c.leg(Callee)
	r := l.nextRequest(env, "INVITE")
	r.MaxForwards = c.MaxForwards
	r.Contact = l.Contact
	r.Allow = true
	r.Identity, r.RemoteParty = l.Identity.Asserted, l.Identity.RemoteParty
	attach(&r, body)
	l.Client = Asked{Tx: ClientTx(r.Branch, "INVITE"), Branch: r.Branch, Seq: r.CSeq, Pending: true, Offered: len(body) > 0}
	env.do(Enter{Callee, l.CallID, l.LocalTag})
	c.ask(env, Callee, r, false)
	env.do(StartTimer{Timer{RingTimer, Callee}, env.Config.RingTimeout})
}
