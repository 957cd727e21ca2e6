package call

import (
	"errors"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/media/sdp"
	"mask700/sip/trunk"
)

// Greeted is a caller that talks to us before there is a callee: its offer and answer
// are complete, and it hears what we play. The callee is then called with what that
// caller has agreed to, and hears it without a new offer to it.
//
//	       greet                                callee called (callGreeted)
//	INVITE ---> [ Opening ] ---> [ Calling ] ----------------------------> [ Calling ] ...
//	            media, row       183 or 200 with our description,          ringback, until
//	                             Prompt once it is known to listen         the callee is heard
//
// A caller that has made no offer is made one, by the 200 or by a reliable 183, and has
// answered it when its ACK or PRACK is there.
//
// Who was answered by 200, or was called by us (order.go), is released by BYE and no
// more by a status: of a callee that fails it hears why, before that.
type Greeted struct {
	On     bool
	Early  bool   // by 183: the callee's 200 is that of the caller's INVITE
	Alone  bool   // no callee has said anything yet
	Prompt Prompt // for who listens; "": nothing
	Hears  Prompt // plays to the caller now; "": nothing
}

// greet begins to answer the caller by ourselves, by 183 or by 200, while it is not
// decided yet whom it reaches: to be used instead of open or refuse, on the answer of
// the store. Out is the trunk that the callee will be called by; its ports are opened
// now. P is played as soon as the caller is known to listen.
//
// The caller is answered with one codec of its offer and the telephone events beside it,
// and in the state Calling then, which callGreeted goes on from, or end. It is false, and
// nothing has been done, for a caller that cannot hear us: also for one without an offer
// that would have to be answered early, and takes no reliable response to be made one in.
func (c *Call) greet(env *Env, out *trunk.Trunk, early bool, p Prompt) bool {
	l := c.leg(Caller)
	if c.State != Deciding || c.Text.On || out == nil {
		return false
	}
	hops := order(env.Config.Hops[out.Index], env.Mint.Uint64)
	if len(hops) == 0 {
		return false
	}
	if rel := &l.Server.Reliable; c.LateOffer {
		if early && !rel.Can && !rel.Must {
			return false
		}
	} else {
		d, err := sdp.Parse(c.FirstSDP)
		if err != nil {
			return false
		}
		asked := l.SDP
		asked.Receive(d)
		codec, ok := spoken(&asked.Peer)
		if !ok {
			return false
		}
		l.SDP, l.Heard = asked, hashOf(c.FirstSDP)
		c.speak(codec)
	}
	c.FirstSDP, c.Hops = nil, hops
	c.Greeted = Greeted{On: true, Early: early, Alone: true, Prompt: p}
	c.State = Opening
	c.Waiting |= forMedia | forOpened
	in := env.trunk(l)
	open := OpenMedia{Session: c.Session, Pools: [2]string{in.Media, out.Media}, Latch: [2]string{in.Latch, out.Latch}}
	open.Asked = p == EnterExtension
	open.Peers[Caller], open.Peers[Callee] = l.Flow, hops[0].Flow
	c.openMedia(env, open)
	env.do(OpenRecord{Record: c.Record})
	return true
}

// speak puts us in the callee's place, who is not there yet: we speak one codec, and the
// keys of a greeted caller are for us.
func (c *Call) speak(codec sdp.Codec) {
	c.leg(Callee).SDP.Peer = announcer(codec)
	c.leg(Callee).SDP.Peer.TakesKeys = true
}

// welcome answers a caller that is greeted, or makes it an offer.
func (c *Call) welcome(env *Env) {
	var body []byte
	var err error
	if c.LateOffer {
		us := announcer(house.Lines[0].Codecs[:2]...) // both G.711; the telephone events beside them end here
		us.Video, us.TakesKeys = -1, true
		body, err = c.leg(Caller).SDP.Offer(&us, c.MediaLocal[Caller])
	} else {
		body, err = c.answerFor(env, Caller)
	}
	if err != nil {
		c.end(env, ending{end: endFailed, by: byPlatform, status: 488})
		return
	}
	if !c.LateOffer && !c.Greeted.Early {
		env.do(SettleMedia{c.Session})
	}
	c.State = Calling
	switch {
	case c.Greeted.Early:
		c.inform(env, attached(183, body))
	case c.LateOffer:
		c.leg(Caller).Server.Offering = true
		c.respond(env, Caller, attached(200, body))
	default:
		c.Told = ToldFirm
		c.respond(env, Caller, attached(200, body))
	}
	c.listens(env)
}

// greetedLate reports whether the caller has been made the offer of welcome, and has not
// answered it yet.
func (c *Call) greetedLate() bool { return c.Greeted.On && c.LateOffer }

// greetedAnswers takes the answer of a caller to the offer of welcome: from now on it is
// greeted like one that has made the offer.
func (c *Call) greetedAnswers(env *Env, d *sdp.Description, err error) {
	l := c.leg(Caller)
	if err == nil && d == nil {
		err = errNoAnswer
	}
	if err == nil {
		l.SDP.Receive(d)
		codec, ok := spoken(&l.SDP.Peer)
		if err = c.setRemotes(env); err == nil && !ok {
			err = errDeaf
		}
		c.speak(codec)
	}
	if err != nil {
		c.Greeted.On = false // nor can it hear why
		c.end(env, ending{end: endFailed, by: byPlatform, status: 488, q850: causeNoBearer})
		return
	}
	c.LateOffer, c.Told = false, ToldFirm
	if !c.Greeted.Early {
		env.do(SettleMedia{c.Session})
	}
}

// errDeaf is an answer to an offer of ours by one that cannot hear what we play.
var errDeaf = errors.New("call: the answer has no codec that we can speak")

// listens plays to a greeted caller what waits for it to listen: it has acknowledged our
// description, where it could.
func (c *Call) listens(env *Env) {
	g, s := &c.Greeted, &c.leg(Caller).Server
	if !g.On || g.Prompt == "" || c.State != Calling || s.Unacked || s.Reliable.Unacked {
		return
	}
	p := g.Prompt
	g.Prompt = ""
	c.plays(env, p)
}

// plays lets a greeted caller hear something else from now on; "": the callee.
func (c *Call) plays(env *Env, p Prompt) {
	if g := &c.Greeted; g.Hears != p {
		g.Hears = p
		env.do(PlayMedia{Session: c.Session, Side: Caller, Prompt: p})
	}
}

// callGreeted calls the callee of a greeted caller: c.Edge, and after it c.Next. The
// caller hears that it rings.
func (c *Call) callGreeted(env *Env, out *trunk.Trunk) {
	c.Greeted.Prompt = ""
	if env.full(out) {
		c.Record.Refusal = binding.RefusalOverload
		c.end(env, ending{end: cdr.EndTrunkLimit, by: byPlatform, status: 503})
		return
	}
	c.address(env, out)
	c.plays(env, Ringback)
	c.ring(env)
}

// ring calls the callee that its leg was prepared for.
func (c *Call) ring(env *Env) {
	c.State = Calling
	if c.dial(env) != nil {
		c.end(env, ending{end: cdr.EndFailed, by: byPlatform, status: 488})
		return
	}
	c.ringFor(env)
}

// wanted is what the callee is offered: what the caller has said, or, where that is
// complete, what it has agreed to.
func (c *Call) wanted() *sdp.Description {
	l := c.leg(Caller)
	if !c.Greeted.On {
		return &l.SDP.Peer
	}
	d := l.SDP.Agreed()
	return &d
}

// followed connects a greeted caller with what the callee's present dialog has said. It
// is told nothing of it now; what it should be told is noted, to be put right when the
// call is made.
func (c *Call) followed(env *Env) ([]byte, error) {
	l := c.leg(Caller)
	before := l.SDP
	err := l.SDP.Follow(&c.leg(Callee).SDP.Peer)
	if err == nil {
		alone := c.Greeted.Alone
		c.Greeted.Alone = false
		if err = c.setRemotes(env); err != nil {
			c.Greeted.Alone = alone
		}
	}
	if err != nil {
		l.SDP = before
		return nil, err
	}
	c.Realign = !l.SDP.Agrees(&c.leg(Callee).SDP.Peer)
	return l.SDP.Sent, nil
}

// connected makes the call of a caller that has had its 2xx, or has given one.
func (c *Call) connected(env *Env) {
	c.madeCall(env)
	l := c.leg(Caller)
	if l.Server.Unacked {
		return // its ACK is on its way
	}
	c.State = Talking
	c.recordMedia(env)
	c.realign(env)
	if l.Session.Due && !c.owes(Caller) {
		c.refresh(env, Caller)
	}
}

// toneTime is how long a caller hears a tone before it is released.
const toneTime = 5 * time.Second

// farewell begins to tell a caller that can no more be given a status why there is no
// callee. The call ends meanwhile as any other does, but for its media and its record.
func (c *Call) farewell(env *Env, e ending) {
	l := c.leg(Caller)
	switch {
	case !c.Greeted.On, !c.MediaOpen, !c.Record.AnsweredAt.IsZero():
		return
	case l.State != Confirmed, l.Server.Unacked:
		return // it is told by a status, or gets a BYE before it could hear anything
	case c.leg(Callee).State == Confirmed:
		return // which nobody keeps waiting for that
	}
	tone, announcement := parting(e)
	if tone == "" {
		return
	}
	wait := toneTime
	if announcement != "" && env.trunk(l).Prompt != trunk.PromptNone && env.trunk(l).Prompt != "" {
		tone, wait = announcement, longestPrompt
	}
	c.Waiting |= forFarewell
	c.plays(env, tone)
	env.do(StartTimer{Timer{PromptTimer, Caller}, wait})
}

// parting is what says why there is no callee: a tone, and what is said in its place
// where trunks have prompts. Whoever ends a call itself knows why.
func parting(e ending) (tone, announcement Prompt) {
	switch e.end {
	case endBusy, endNoAnswer, endRejected:
		return Busy, ""
	case endUnavailable, endFailed, cdr.EndTrunkLimit, cdr.EndRefused:
		if p := promptFor(e.status); e.status == 404 || e.end == cdr.EndRefused && p != "" {
			return Unobtainable, p
		}
		return Congestion, ""
	}
	return "", ""
}

// farewellOver goes on with the end of the call. It is false when nobody is being told
// anything.
func (c *Call) farewellOver(env *Env) bool {
	if c.Waiting&forFarewell == 0 {
		return false
	}
	c.Waiting &^= forFarewell
	env.do(StopTimer{Timer{PromptTimer, Caller}})
	c.wind(env)
	return true
}
