package call

import (
	"slices"
	"time"

	"mask700/binding/cdr"
	"mask700/media/sdp"
	"mask700/sip/message"
	"mask700/sip/trunk"
)

// Reliable is how provisional responses of ours are made reliable toward one
// party (RFC 3262). One is on its way at a time; what comes meanwhile waits, and
// so does a 2xx.
//
//	18x, RSeq n -> [ Unacked ] -- PRACK n: 200 --> next of Queue, or the 2xx
//	                 |  ^
//	   every T1*2^k -'  `-- 64*T1 without PRACK: the INVITE is answered 504
type Reliable struct {
	Can       bool // the peer takes them
	Must      bool // the peer takes no others (Require)
	RSeq      uint32
	Unacked   bool // RSeq has no PRACK yet
	Offering  bool // it carried an offer of ours: the PRACK has to carry the answer
	Described bool // it carried a description: no 2xx before its PRACK
	Interval  time.Duration
	Queue     []message.Response // provisional ones to be sent after it
	Held      []message.Response // a 2xx to be sent after it; none or one
}

// maxQueue bounds the provisional responses that wait for a PRACK. More are only
// news of the same.
const maxQueue = 4

// firstRSeq bounds the first RSeq (RFC 3262 section 3). With six digits it is never
// taken for a piece of a number.
const firstRSeq = 900_000

// reliability reads from an INVITE what its sender takes.
func reliability(t *trunk.Trunk, m *message.Message) Reliable {
	return Reliable{Can: m.Supports("100rel") && t.Reliable != trunk.ReliableOff, Must: requires(m, "100rel")}
}

func requires(m *message.Message, tag string) bool {
	for _, r := range m.Require {
		if r == tag {
			return true
		}
	}
	return false
}

// stop forgets what is on its way: the final response has overtaken it.
func (r *Reliable) stop(env *Env, s Side) {
	if r.Unacked {
		env.do(StopTimer{Timer{PrackTimer, s}})
		env.do(StopTimer{Timer{NoPrackTimer, s}})
	}
	r.Unacked, r.Queue, r.Held = false, nil, nil
}

// unsure reports whether a description that we sent waits for its PRACK.
func (r *Reliable) unsure() bool { return r.Unacked && r.Described }

// inform sends the caller a provisional response above 100: reliably where it
// asks for that, or where it can and there is a description that must not be
// lost.
func (c *Call) inform(env *Env, r message.Response) {
	s := &c.leg(Caller).Server
	reliable := s.Reliable.Must || s.Reliable.Can && len(r.Body) > 0
	switch {
	case s.Final:
	case s.Reliable.Unacked:
		if reliable {
			r.Require = needsPRACK
		}
		s.Reliable.wait(r)
	case reliable:
		r.Require = needsPRACK
		c.informReliably(env, r)
	default:
		c.informAtOnce(env, r)
	}
}

// wait puts a provisional response into the queue. Where that is full, one that only
// repeats the news makes room for a description, which nothing repeats.
func (r *Reliable) wait(p message.Response) {
	if len(r.Queue) >= maxQueue {
		i := slices.IndexFunc(r.Queue, func(q message.Response) bool { return len(q.Body) == 0 })
		if len(p.Body) == 0 || i < 0 {
			return
		}
		r.Queue = slices.Delete(slices.Clone(r.Queue), i, i+1)
	}
	r.Queue = append(r.Queue, p)
}

// described reports whether the caller has been sent the answer to its offer, or
// will be by what waits for a PRACK.
func (c *Call) described() bool {
	for _, r := range c.leg(Caller).Server.Reliable.Queue {
		if len(r.Body) > 0 {
			return true
		}
	}
	return c.Told != ToldNothing
}

// informAtOnce sends a provisional response that may be lost.
func (c *Call) informAtOnce(env *Env, r message.Response) {
	if len(r.Body) > 0 {
		c.Told = max(c.Told, ToldPreview)
	}
	c.respond(env, Caller, r)
}

// needsPRACK is the Require of a reliable provisional response. It is never
// written to.
var needsPRACK = []string{"100rel"}

// informReliably sends one reliable provisional response and begins to repeat it.
func (c *Call) informReliably(env *Env, r message.Response) {
	rel := &c.leg(Caller).Server.Reliable
	if rel.RSeq == 0 {
		rel.RSeq = uint32(env.Mint.Uint64() % firstRSeq)
	}
	rel.RSeq++
	r.RSeq = rel.RSeq
	rel.Unacked, rel.Described = true, len(r.Body) > 0
	switch {
	case !rel.Described:
	case c.LateOffer:
		rel.Offering = true
	default:
		c.Told = ToldFirm
	}
	rel.Interval = env.Config.Timers.T1
	env.do(StartTimer{Timer{PrackTimer, Caller}, rel.Interval})
	env.do(StartTimer{Timer{NoPrackTimer, Caller}, env.Config.Timers.Timeout()})
	c.respond(env, Caller, r)
}

// prackLate repeats a reliable provisional response.
func (c *Call) prackLate(env *Env) {
	s := &c.leg(Caller).Server
	if !s.Reliable.Unacked {
		return
	}
	env.do(Repeat{Tx: s.Tx})
	s.Reliable.Interval *= 2
	env.do(StartTimer{Timer{PrackTimer, Caller}, s.Reliable.Interval})
}

// prackMissing ends a call whose caller does not acknowledge what it asked to be
// able to (RFC 3262 section 3).
func (c *Call) prackMissing(env *Env) {
	if c.leg(Caller).Server.Reliable.Unacked {
		c.end(env, ending{end: cdr.EndNoPRACK, by: byPlatform, status: 504, q850: causeRecovery})
	}
}

// prack takes a PRACK of the caller.
func (c *Call) prack(env *Env, ev Requested, back Reply) {
	l := c.leg(Caller)
	rel, rack := &l.Server.Reliable, ev.Message.RAck
	known := ev.Side == Caller && rack.RSeq == rel.RSeq && rack.CSeq == l.Server.Seq && rack.Method == "INVITE"
	switch {
	case known && rel.Unacked:
	case known && l.Server.Final && !rel.Offering && len(ev.Message.Body) == 0:
		// The final response has overtaken it (RFC 3262 section 3).
		c.reply(env, back, message.Response{Status: 200})
		return
	default:
		c.reply(env, back, message.Response{Status: 481})
		return
	}
	env.do(StopTimer{Timer{PrackTimer, Caller}})
	env.do(StopTimer{Timer{NoPrackTimer, Caller}})
	rel.Unacked = false
	switch d, err := description(ev.Message); {
	case c.State >= Ending:
		// The final response is on its way, and the media is closed.
		status := 200
		if d != nil && !rel.Offering {
			status = 487
		}
		c.reply(env, back, message.Response{Status: status})
	case rel.Offering:
		rel.Offering = false
		c.reply(env, back, message.Response{Status: 200})
		if c.greetedLate() {
			l.Heard = hashOf(ev.Message.Body)
			c.greetedAnswers(env, d, err)
		} else {
			c.answerInPRACK(env, d, err)
		}
	case err != nil:
		c.reply(env, back, message.Response{Status: 488})
	case d == nil:
		c.reply(env, back, message.Response{Status: 200})
	default:
		c.offered(env, Caller, "PRACK", back, ev.Message, d)
	}
	c.nextProvisional(env)
	c.heard(env)
}

// answerInPRACK takes the answer to the offer of a reliable provisional response
// across: it goes on in the PRACK that has waited for it, and in those of the phones
// whose offers the caller was not made.
func (c *Call) answerInPRACK(env *Env, d *sdp.Description, err error) {
	l := c.leg(Callee)
	var body []byte
	switch {
	case err != nil:
	case d == nil:
		err = errNoAnswer
	case l.OfferOut:
		body, err = c.crossAnswer(env, Caller, d)
	default:
		// That phone is out of the call by now.
		c.leg(Caller).SDP.Receive(d)
	}
	if err != nil {
		c.end(env, ending{end: endFailed, by: byPlatform, status: 488, q850: causeNoBearer})
		return
	}
	c.Told = ToldFirm
	if l.OfferOut {
		l.OfferOut, l.Answered = false, true
		c.settleMedia(env)
		c.sendPRACK(env, Callee, &l.Dialog, l.RSeq, body)
	}
	c.answerDue(env)
}

// nextProvisional sends what has waited for a PRACK.
func (c *Call) nextProvisional(env *Env) {
	s := &c.leg(Caller).Server
	if s.Reliable.Unacked || s.Final || c.State >= Ending {
		return
	}
	if len(s.Reliable.Held) > 0 {
		r := s.Reliable.Held[0]
		c.pickedUp(env, r)
		return
	}
	for len(s.Reliable.Queue) > 0 && !s.Reliable.Unacked {
		r := s.Reliable.Queue[0]
		s.Reliable.Queue = s.Reliable.Queue[1:]
		if len(r.Require) > 0 {
			c.informReliably(env, r)
		} else {
			c.informAtOnce(env, r)
		}
	}
}

// takeReliable decides about a provisional response of the callee that asks to be
// acknowledged: one that was had before or that came too early is passed over
// (RFC 3262 section 4).
func (d *Dialog) takeReliable(m *message.Message) bool {
	if d.RSeq != 0 && m.RSeq != d.RSeq+1 {
		return false
	}
	d.RSeq = m.RSeq
	return true
}

// sendPRACK acknowledges a reliable provisional response in its early dialog.
func (c *Call) sendPRACK(env *Env, s Side, d *Dialog, rseq uint32, answer []byte) {
	l := c.leg(s)
	r := l.nextRequest(env, d, "PRACK")
	r.RAck = message.RAck{RSeq: rseq, CSeq: l.Client.Request.CSeq, Method: "INVITE"}
	attach(&r, answer)
	c.send(env, s, d, Sent{Request: r})
}
