package call

import (
	"net/netip"
	"time"

	"mask700/sip/digest"
	"mask700/sip/flow"
	"mask700/sip/message"
)

// Leg is our end of a call toward one party. All text in it is either of our
// making or that party's own.
type Leg struct {
	Party
	From string // of our requests, complete

	Dialog          // the one that counts: confirmed, or the early one whose media is heard
	Base   Dialog   // as our INVITE left it: what every early dialog begins with
	Forks  []Dialog // further early dialogs below (section 12.1)
	Spent  uint32   // the last CSeq in any of them, once one is confirmed
	Agreed []string // then: tags of the others whose offer, or ours, had its answer for good

	Server   Served // the INVITE of theirs that is being or was last answered
	Client   Asked  // the INVITE of ours that is pending or was last answered
	First    Opened // the one that began the dialog, once another has been sent
	Sent     []Sent // our other requests that wait for a final response
	Session  Session
	Owed     Owed           // an offer of our own that the party has to be made
	PutOff   uint8          // how often in a row it has put that off
	Auth     digest.Session // what the trunk has asked us to answer
	Identity Identity
}

// Identity is the shown 700 number as a trunk wants it repeated: complete header
// values, empty when it does not.
type Identity struct {
	Asserted    string // P-Asserted-Identity (RFC 3325)
	RemoteParty string // Remote-Party-ID
	Private     bool   // Privacy: id (RFC 3325), of a call that is not masked
	Critical    bool   // and critical, where the caller has said that
}

// Served is an INVITE that we received.
type Served struct {
	Reply
	Seq      uint32
	Final    bool // a final response has been sent
	Unacked  bool // it was a 2xx and its ACK has not come
	Offering bool // the 2xx carried our offer: the ACK has to carry the answer
	Interval time.Duration
	ByeOwed  bool // a BYE has to wait for the ACK (section 15)
	Reliable Reliable
}

// Asked is an INVITE that we sent.
type Asked struct {
	Tx        Tx
	Request   message.Request // to be sent again with credentials or another interval
	Again     bool            // it was a re-INVITE
	Pending   bool            // no final response yet
	Heard     bool            // a provisional response came: it may be cancelled
	Cancel    bool            // it shall be cancelled
	Cancelled bool            // CANCEL is sent
	Offered   bool            // it carried an offer
	AckOwed   bool            // a 2xx came whose ACK waits for the other leg's answer
	Raised    bool            // it was sent again because the interval was too small (RFC 4028)
	Tries     digest.Tries    // how its credentials have fared
}

// Opened is what is kept of an INVITE that further phones may still answer when we
// have sent another (section 13.2.2.4).
type Opened struct {
	Tx                                Tx
	Seq                               uint32
	Offered                           bool
	Authorization, ProxyAuthorization string
}

// opened is the INVITE that the leg began with.
func (l *Leg) opened() Opened {
	if l.First.Tx != "" {
		return l.First
	}
	r := &l.Client.Request
	return Opened{
		Tx: l.Client.Tx, Seq: r.CSeq, Offered: l.Client.Offered,
		Authorization: r.Authorization, ProxyAuthorization: r.ProxyAuthorization,
	}
}

// Sent is a request of ours that is no INVITE, until its final response.
type Sent struct {
	Tx      Tx
	Request message.Request
	Back    Reply // the request of the other party that it carries across; no Tx: none
	Refresh bool  // it refreshes the session (RFC 4028)
	Stroke  bool  // it tells of a key that the other party has sent as a telephone event
	Tries   digest.Tries

	// Where it left.
	Flow  flow.Flow
	Other netip.AddrPort
}

// maxSent bounds the requests of ours that wait on one leg. A party that answers
// none of them is not asked more.
const maxSent = 16

// header starts a request inside a dialog of the leg.
func (l *Leg) header(env *Env, d *Dialog, method string, seq uint32) message.Request {
	target, route := d.path()
	return message.Request{
		Method:      method,
		Target:      target,
		Via:         "SIP/2.0/" + d.Flow.Network.Via() + " " + l.Host,
		Branch:      env.Mint.Branch(),
		Route:       route,
		From:        l.From,
		To:          d.To,
		CallID:      l.CallID,
		CSeq:        seq,
		MaxForwards: maxForwards,
	}
}

// nextRequest starts a request with the next CSeq of a dialog.
func (l *Leg) nextRequest(env *Env, d *Dialog, method string) message.Request {
	d.Seq++
	return l.header(env, d, method, d.Seq)
}

// invite sends an INVITE of ours and keeps it until its final response.
func (c *Call) invite(env *Env, s Side, r message.Request, again bool) {
	l := c.leg(s)
	if again && !l.Client.Again && l.Client.Tx != "" {
		l.First = l.opened()
	}
	c.inviteAs(env, s, r, Asked{Again: again})
}

// inviteAs sends one that is noted as it is said.
func (c *Call) inviteAs(env *Env, s Side, r message.Request, a Asked) {
	l := c.leg(s)
	l.sign(env, &a.Tries, &r)
	leakRequest(c, s, &r)
	l.RSeq = 0 // it counts the responses to one INVITE (RFC 3262 section 4)
	a.Tx, a.Request, a.Pending, a.Offered = ClientTx(r.Branch, "INVITE"), r, true, len(r.Body) > 0
	l.Client = a
	env.do(Ask{Side: s, Tx: l.Client.Tx, Flow: l.Flow, Other: l.Other, Request: r})
}

// send sends another request of ours inside a dialog and keeps it until its final
// response. It says false when too many wait already.
func (c *Call) send(env *Env, s Side, d *Dialog, sent Sent) bool {
	l := c.leg(s)
	if len(l.Sent) >= maxSent && sent.Request.Method != "BYE" {
		return false
	}
	l.sign(env, &sent.Tries, &sent.Request)
	leakRequest(c, s, &sent.Request)
	sent.Tx = ClientTx(sent.Request.Branch, sent.Request.Method)
	sent.Flow, sent.Other = d.Flow, d.Other
	l.Sent = append(l.Sent, sent)
	env.do(Ask{Side: s, Tx: sent.Tx, Flow: d.Flow, Other: d.Other, Request: sent.Request})
	return true
}

// sign puts our credentials into a request, once the trunk has asked for them.
func (l *Leg) sign(env *Env, t *digest.Tries, r *message.Request) {
	l.Auth.Sign(t, r, env.trunk(l).Auth, env.Mint.Token)
}

// take finds a request of ours that waits, and lets it wait no more.
func (l *Leg) take(tx Tx) (Sent, bool) {
	for i := range l.Sent {
		if sent := l.Sent[i]; sent.Tx == tx {
			l.Sent = append(l.Sent[:i:i], l.Sent[i+1:]...)
			return sent, true
		}
	}
	return Sent{}, false
}

// awaits reports whether a request of ours waits for its final response.
func (l *Leg) awaits(tx Tx) bool {
	for i := range l.Sent {
		if l.Sent[i].Tx == tx {
			return true
		}
	}
	return false
}

// waitsFor reports whether a request of a method waits for its final response.
func (l *Leg) waitsFor(method string) bool {
	for i := range l.Sent {
		if l.Sent[i].Request.Method == method {
			return true
		}
	}
	return false
}

// ClientTx is the key of a client transaction (section 17.1.3).
func ClientTx(branch, method string) Tx { return Tx(branch + " " + method) }

// respond answers the INVITE that a leg is being asked, or leaves it be when it
// already has its final answer.
func (c *Call) respond(env *Env, s Side, r message.Response) {
	if c.Text.On {
		c.answerText(env, r)
		return
	}
	l := c.leg(s)
	if l.Server.Tx == "" || l.Server.Final {
		return
	}
	r.Echo = l.Server.Echo
	if r.Status > 100 {
		r.ToTag = l.LocalTag
		if r.Status < 300 {
			r.Contact = l.Contact
			r.RecordRoute = l.Server.RecordRoute
			c.allow(env, s, &r)
		}
	}
	if r.Status >= 200 {
		l.Server.Final = true
		l.Server.Reliable.stop(env, s)
	}
	if r.Status/100 == 2 {
		l.State = Confirmed
		l.Server.Unacked = true
		l.Server.Interval = env.Config.Timers.T1
		c.grant(env, s, l.Server.Wish, &r)
		env.do(StartTimer{Timer{RepeatTimer, s}, l.Server.Interval})
		env.do(StartTimer{Timer{AckTimer, s}, env.Config.Timers.Timeout()})
	}
	leakResponse(c, s, &r)
	env.do(Respond{Tx: l.Server.Tx, Response: r})
}

// allow says in a response what we can do.
func (c *Call) allow(env *Env, s Side, r *message.Response) {
	r.Allow = true
	r.AllowRefer = env.trunk(c.leg(s)).Refer == referAllowed
	if r.Status >= 200 {
		r.Supported = supported(env.trunk(c.leg(s)))
	}
}

// reply answers any other request at once.
func (c *Call) reply(env *Env, r Reply, response message.Response) {
	response.Echo = r.Echo
	leakReply(c, &response)
	env.do(Respond{Tx: r.Tx, Response: response})
}

// accept answers an UPDATE by 2xx: it may have moved the target, as ours does
// (RFC 3311 section 5.2).
func (c *Call) accept(env *Env, s Side, r Reply, response message.Response) {
	response.Contact = c.leg(s).Contact
	c.allow(env, s, &response)
	c.grant(env, s, r.Wish, &response)
	c.reply(env, r, response)
}

// acknowledge sends the ACK of a 2xx to the leg's last INVITE (section
// 13.2.2.4): the CSeq of the INVITE, a branch of its own, an answer when the
// 2xx made the offer.
func (c *Call) acknowledge(env *Env, s Side, answer []byte) {
	l := c.leg(s)
	l.Client.AckOwed = false
	r := l.header(env, &l.Dialog, "ACK", l.Client.Request.CSeq)
	// The same credentials as the INVITE's (section 22.1): nobody can ask for
	// others.
	r.Authorization, r.ProxyAuthorization = l.Client.Request.Authorization, l.Client.Request.ProxyAuthorization
	attach(&r, answer)
	leakRequest(c, s, &r)
	env.do(Acknowledge{Tx: l.Client.Tx, Tag: l.RemoteTag, Flow: l.Flow, Other: l.Other, Request: r})
}

// bye ends the leg's dialog, once. While a 2xx of ours waits for its ACK the
// BYE waits too (section 15).
func (c *Call) bye(env *Env, s Side, q850 int) {
	l := c.leg(s)
	if l.State != Confirmed {
		return
	}
	if l.Server.Unacked {
		l.Server.ByeOwed = true
		return
	}
	l.State = Gone
	r := l.nextRequest(env, &l.Dialog, "BYE")
	r.Q850 = q850
	c.send(env, s, &l.Dialog, Sent{Request: r})
}
