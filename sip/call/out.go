package call

import (
	"slices"
	"strings"

	"mask700/binding"
	"mask700/media/sdp"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/trunk"
)

// route finds the trunk that carries the other leg: the one named, else the one
// that the call came in on.
func route(trunks []*trunk.Trunk, in *trunk.Trunk) *trunk.Trunk {
	if in.RouteTo == "" || in.RouteTo == in.Name {
		return in
	}
	return named(trunks, in.RouteTo)
}

func named(trunks []*trunk.Trunk, name string) *trunk.Trunk {
	for _, t := range trunks {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// contact is the Contact of ours: an opaque user at our own address.
func contact(user string, f flow.Flow, host string) string {
	if f.Network == flow.UDP {
		return "<sip:" + user + "@" + host + ">"
	}
	return "<sip:" + user + "@" + host + ";transport=" + f.Network.Param() + ">"
}

// prepareCallee composes the callee's leg from the edge alone, toward the first
// hop that is left.
func (c *Call) prepareCallee(env *Env, out *trunk.Trunk) {
	l := c.leg(Callee)
	before := l.Party
	*l = newLeg(env, out, c.Hops[0], c.SessionIDs[Callee])
	l.Party = before.again(l.Party)
	if c.Passed.Callee != "" {
		c.Passed.identify(env, l, out, c.Hops[0])
		return
	}
	l.identify(env, out, c.Hops[0], c.Edge)
}

// newLeg is a leg that we open, without its parties.
func newLeg(env *Env, out *trunk.Trunk, hop Hop, session uint64) Leg {
	l := Leg{Party: Party{
		Trunk: out.Index, Host: hop.Host, CallID: env.Mint.CallID(), Ours: true, LocalTag: env.Mint.Token(),
		Contact: contact(env.Mint.Token(), hop.Flow, hop.Host), Peer: hop.Flow.Remote.Addr(),
	}}
	l.Flow, l.SDP = hop.Flow, sdp.NewLeg(session, mediaPolicy(out))
	l.SDP.Dialog = l.CallID
	return l
}

// session draws the session id of a leg. Of six digits two are the same now and then; those
// of one call never are, so that nothing there matches its legs.
func (c *Call) session(env *Env) uint64 {
	for {
		id := env.Mint.Session()
		taken := slices.Contains(c.SessionIDs[:], id)
		for s := range c.Legs {
			taken = taken || c.Legs[s].SDP.SessionID == id
		}
		for i := range c.Transfers {
			taken = taken || c.Transfers[i].Leg.SDP.SessionID == id
		}
		if !taken {
			return id
		}
	}
}

// domains are the hosts of From and To toward a hop.
func domains(out *trunk.Trunk, hop Hop) (ours, theirs string) {
	if out.Domain != "" {
		return out.Domain, out.Domain
	}
	return hop.Domain, hop.Target
}

// identify writes who is called and which number is shown, from the edge alone.
func (l *Leg) identify(env *Env, out *trunk.Trunk, hop Hop, e binding.Edge) {
	l.Number, l.Shown = e.Callee, e.Shown
	env.searched(l.Secrets.AddParty(e.Callee, countryCode(env)))
	ours, theirs := domains(out, hop)
	shown := "<" + out.ShownURI(env.Config.Plan, e.Shown, ours) + ">"
	l.From = shown + ";tag=" + l.LocalTag
	l.To = "<" + out.CalleeURI(env.Config.Plan, e.Callee, theirs) + ">"
	l.Target = out.CalleeURI(env.Config.Plan, e.Callee, hop.Target)
	l.Identity = identity(out, shown, false)
	// Written again, not taken from what was written: what does not belong there must not excuse itself.
	l.Meant = []string{
		out.ShownURI(env.Config.Plan, e.Shown, ours), out.CalleeURI(env.Config.Plan, e.Callee, theirs), out.CalleeURI(env.Config.Plan, e.Callee, hop.Target),
	}
}

// identity says which header repeats the shown number, if the trunk wants one. Private
// says that the number is that of a caller who asks for privacy.
func identity(t *trunk.Trunk, shown string, private bool) Identity {
	switch strings.ToLower(t.Identity) {
	case trunk.IdentityPAI:
		return Identity{Asserted: shown}
	case trunk.IdentityRPID:
		privacy := "off"
		if private {
			privacy = "full"
		}
		return Identity{RemoteParty: shown + ";party=calling;screen=yes;privacy=" + privacy}
	}
	return Identity{}
}

// dial sends the callee's INVITE to the hop that its leg was prepared for. It
// fails when the caller's offer cannot be masked.
func (c *Call) dial(env *Env) error {
	l := c.leg(Callee)
	l.SDP.Ours = c.MediaLocal[Callee].Addr
	var body []byte
	if !c.LateOffer {
		var err error
		if body, err = l.SDP.Offer(c.wanted(), c.MediaLocal[Callee]); err != nil {
			return err
		}
	}
	r := l.nextRequest(env, &l.Dialog, "INVITE")
	r.MaxForwards = c.MaxForwards
	r.Contact = l.Contact
	r.Identity, r.RemoteParty = l.Identity.Asserted, l.Identity.RemoteParty
	r.Private, r.Critical = l.Identity.Private, l.Identity.Critical
	c.offerFeatures(env, Callee, &r)
	c.offerReliable(env, &r)
	attach(&r, body)
	l.Base = l.Dialog
	env.do(Enter{Callee, l.CallID, l.LocalTag, l.Trunk})
	c.invite(env, Callee, r, false)
	return nil
}

// offerReliable says whether the callee may send reliable provisional responses,
// or has to. An offer in one of them needs the caller's answer, so that without an
// offer of the caller's it has to take them too.
func (c *Call) offerReliable(env *Env, r *message.Request) {
	rel := &c.leg(Caller).Server.Reliable
	if !c.LateOffer || rel.Can || rel.Must {
		offerReliable(env.trunk(c.leg(Callee)), r)
	}
}

// offerReliable says so as a trunk wants it.
func offerReliable(t *trunk.Trunk, r *message.Request) {
	switch {
	case t.Reliable == trunk.ReliableOff:
	case t.Reliable == trunk.ReliableRequired:
		r.Require = needsPRACK
		r.Supported = bothTags
	default:
		r.Supported = bothTags
	}
}

// supported are the extensions that we know toward a trunk.
func supported(t *trunk.Trunk) []string {
	if t.Reliable == trunk.ReliableOff {
		return timerTag
	}
	return bothTags
}

// bothTags are all of them. It is never written to.
var bothTags = []string{"100rel", "timer"}

// tryAgain takes a failure of the callee's INVITE that says to go elsewhere.
func (c *Call) tryAgain(env *Env, m *message.Message) bool {
	return m.Status == 503 && c.nextTarget(env, m.RetryAfter)
}

// nextTarget calls the callee by the next hop when the last one failed, in a
// dialog of its own: to whoever gets both they are two calls. Once the caller has
// heard anything it is too late (RFC 3263 section 4.3 is for transactions, not for
// conversations).
func (c *Call) nextTarget(env *Env, retryAfter int) bool {
	if c.State != Calling && c.State != Ringing || c.MakingWay {
		return false
	}
	l := c.leg(Callee)
	env.do(HopFailed{Trunk: l.Trunk, Hop: c.Hops[0], RetryAfter: retryAfter})
	if len(c.Hops) < 2 || c.heardCallee() || l.offered() || c.leg(Caller).Server.Reliable.Offering {
		return false
	}
	env.do(Exit{Callee})
	c.dropInfosOf(env, Callee)
	return c.callNextHop(env)
}

// heardCallee reports whether the caller has heard anything of the callee, or has had
// the answer to its offer by it.
func (c *Call) heardCallee() bool {
	if c.Greeted.On {
		return !c.Greeted.Alone
	}
	return c.described()
}

// inviteAgain sends an INVITE of ours once more when its failure says what was
// wrong with it: our credentials (section 22.2), or the session interval (RFC 4028
// section 7.4).
func (c *Call) inviteAgain(env *Env, s Side, m *message.Message) bool {
	l := c.leg(s)
	r := l.Client.Request
	if l.Client.Cancel || c.State >= Ending {
		return false
	}
	switch {
	case m.Status == 422 && !l.Client.Raised && m.MinSE > r.SessionExpires:
		l.Session.Least = min(m.MinSE, longest)
		r.SessionExpires, r.MinSE = l.Session.Least, l.Session.Least
	case l.Auth.Challenged(&l.Client.Tries, m, env.trunk(l).Auth):
	default:
		return false
	}
	if !l.Client.Again {
		l.Dialog, l.Forks = l.Base, nil
		l.Seq = r.CSeq
	}
	l.Seq++
	r.CSeq, r.Branch = l.Seq, env.Mint.Branch()
	was := l.Client
	c.inviteAs(env, s, r, Asked{Again: was.Again, Raised: was.Raised || m.Status == 422, Tries: was.Tries})
	if was.Again {
		if c.Exchange.Asked == was.Tx {
			c.Exchange.Asked = l.Client.Tx
		}
	} else {
		l.Base = l.Dialog
	}
	return true
}

// sendAgain sends another request of ours once more when its failure asks for
// credentials (section 22.2). Of a call that ends, and in a dialog that is no more,
// that is only done for a BYE.
func (c *Call) sendAgain(env *Env, s Side, sent Sent, m *message.Message) bool {
	l := c.leg(s)
	d := l.dialogTo(sent.Request.To)
	switch {
	case sent.Request.Method == "BYE" && d == nil:
		// It releases a phone that answered too late, in a dialog of its own.
		d = &Dialog{Seq: sent.Request.CSeq, Flow: sent.Flow, Other: sent.Other}
	case sent.Request.Method == "BYE":
	case c.State >= Ending, d == nil, d.State == Gone:
		return false
	}
	if !l.Auth.Challenged(&sent.Tries, m, env.trunk(l).Auth) {
		return false
	}
	was := sent.Tx
	d.Seq++
	sent.Request.CSeq, sent.Request.Branch = d.Seq, env.Mint.Branch()
	if !c.send(env, s, d, sent) {
		return false
	}
	if c.Exchange.Asked == was {
		c.Exchange.Asked = ClientTx(sent.Request.Branch, sent.Request.Method)
	}
	return true
}

// dialogTo finds the dialog of a request of ours by its To.
func (l *Leg) dialogTo(to string) *Dialog {
	if l.To == to {
		return &l.Dialog
	}
	for i := range l.Forks {
		if l.Forks[i].To == to {
			return &l.Forks[i]
		}
	}
	return nil
}
