package call

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"mask700/media/sdp"
	"mask700/sip/flow"
	"mask700/sip/message"
)

// LegState is where the dialog of a leg stands.
type LegState uint8

// States of a leg's dialog (RFC 3261 section 12).
const (
	Idle      LegState = iota
	Early              // a provisional response with a tag
	Confirmed          // a 2xx
	Gone               // BYE sent or received, or never to be confirmed
)

// Leg is one dialog of a call, ours with one party. All text in it is either
// of our making or that party's own.
type Leg struct {
	Trunk int
	State LegState
	Flow  flow.Flow // where our requests leave
	Host  string    // our host:port on this leg

	CallID    string
	LocalTag  string
	RemoteTag string
	From      string // of our requests, complete
	To        string // of our requests, complete
	Target    string // the remote target (section 12.2.1.1)
	Route     []string
	Contact   string // ours, complete
	Seq       uint32 // last CSeq of ours
	RemoteSeq uint32 // last CSeq of theirs
	Numbered  bool   // RemoteSeq is known

	SDP    sdp.Leg
	Server Served // the INVITE of theirs that is being or was last answered
	Client Asked  // the INVITE of ours that is pending or was last answered
	ByeTx  Tx     // our BYE that waits for its answer

	Identity Identity
}

// Identity is the shown 700 number as a trunk wants it repeated: complete header
// values, empty when it does not.
type Identity struct {
	Asserted    string // P-Asserted-Identity (RFC 3325)
	RemoteParty string // Remote-Party-ID
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
}

// Asked is an INVITE that we sent.
type Asked struct {
	Tx        Tx
	Branch    string
	Seq       uint32
	Again     bool // it was a re-INVITE
	Pending   bool // no final response yet
	Heard     bool // a provisional response came: it may be cancelled
	Cancel    bool // it shall be cancelled
	Cancelled bool // CANCEL is sent
	Offered   bool // it carried an offer
	AckOwed   bool // a 2xx came whose ACK waits for the other leg's answer
}

// nextRequest starts a request inside the leg's dialog.
func (l *Leg) nextRequest(env *Env, method string) message.Request {
	l.Seq++
	target, route := l.path()
	return message.Request{
		Method:      method,
		Target:      target,
		Via:         "SIP/2.0/" + l.Flow.Network.Via() + " " + l.Host,
		Branch:      env.Mint.Branch(),
		Route:       route,
		From:        l.From,
		To:          l.To,
		CallID:      l.CallID,
		CSeq:        l.Seq,
		MaxForwards: maxForwards,
	}
}

// path is the Request-URI and the Route of a request inside the dialog. A first
// proxy that is no loose router wants its own URI in the Request-URI, and the
// remote target at the end of the route (section 12.2.1.1).
func (l *Leg) path() (target string, route []string) {
	if len(l.Route) == 0 {
		return l.Target, nil
	}
	first, ok := message.RouteURI(l.Route[0])
	if !ok || first.HasParam("lr") {
		return l.Target, l.Route
	}
	first.Headers = ""
	return first.Text(), append(slices.Clone(l.Route[1:]), "<"+l.Target+">")
}

// ask sends a request in a transaction of its own.
func (c *Call) ask(env *Env, s Side, r message.Request, quiet bool) Tx {
	tx := ClientTx(r.Branch, r.Method)
	env.do(Ask{Side: s, Tx: tx, Flow: c.leg(s).Flow, Request: r, Quiet: quiet})
	return tx
}

// ClientTx is the key of a client transaction (section 17.1.3).
func ClientTx(branch, method string) Tx { return Tx(branch + " " + method) }

// respond answers the INVITE that a leg is being asked, or leaves it be when it
// already has its final answer.
func (c *Call) respond(env *Env, s Side, r message.Response) {
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
		}
	}
	if r.Status >= 200 {
		l.Server.Final = true
	}
	if r.Status/100 == 2 {
		r.Allow = true
		l.Server.Unacked = true
		l.Server.Interval = env.Config.Timers.T1
		env.do(StartTimer{Timer{RepeatTimer, s}, l.Server.Interval})
		env.do(StartTimer{Timer{AckTimer, s}, env.Config.Timers.Timeout()})
	}
	env.do(Respond{Tx: l.Server.Tx, Response: r})
}

// reply answers any other request at once.
func (c *Call) reply(env *Env, r Reply, response message.Response) {
	response.Echo = r.Echo
	env.do(Respond{Tx: r.Tx, Response: response})
}

// acknowledge sends the ACK of a 2xx to the leg's last INVITE (section
// 13.2.2.4): the CSeq of the INVITE, a branch of its own, an answer when the
// 2xx made the offer.
func (c *Call) acknowledge(env *Env, s Side, answer []byte) {
	l := c.leg(s)
	l.Client.AckOwed = false
	target, route := l.path()
	r := message.Request{
		Method:      "ACK",
		Target:      target,
		Via:         "SIP/2.0/" + l.Flow.Network.Via() + " " + l.Host,
		Branch:      env.Mint.Branch(),
		Route:       route,
		From:        l.From,
		To:          l.To,
		CallID:      l.CallID,
		CSeq:        l.Client.Seq,
		MaxForwards: maxForwards,
	}
	attach(&r, answer)
	env.do(Acknowledge{Tx: l.Client.Tx, Tag: l.RemoteTag, Flow: l.Flow, Request: r})
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
	r := l.nextRequest(env, "BYE")
	r.Q850 = q850
	l.ByeTx = c.ask(env, s, r, false)
}

// dialogFrom takes the dialog's remote half from a response of the callee
// (section 12.1.2): tag, target and, in reverse, the route set.
func (l *Leg) dialogFrom(m *message.Message) {
	l.RemoteTag = m.To.Tag
	l.To = m.To.Text
	l.Route = slices.Clone(m.RecordRoute)
	slices.Reverse(l.Route)
	if m.Contact == nil && len(l.Route) > 0 {
		if u, ok := message.RouteURI(l.Route[0]); ok {
			l.Flow = along(l.Flow, u)
		}
	}
	l.retarget(m)
}

// retarget takes the remote target from a Contact and finds where requests to
// it leave (sections 12.2.1.1 and 8.1.2).
func (l *Leg) retarget(m *message.Message) {
	if m.Contact == nil {
		return
	}
	l.Target = m.ContactURI()
	next := *m.Contact
	if len(l.Route) > 0 {
		if u, ok := message.RouteURI(l.Route[0]); ok {
			next = u
		}
	}
	l.Flow = along(l.Flow, next)
}

// along returns the flow that reaches a URI. A host that is not an address is
// left to the path that the dialog has used so far: names are resolved for
// trunks, never for a peer's say-so.
func along(f flow.Flow, u message.URI) flow.Flow {
	addr, err := netip.ParseAddr(strings.Trim(u.Host, "[]"))
	if err != nil || addr.IsUnspecified() || addr.IsMulticast() {
		return f
	}
	network := f.Network
	switch strings.ToLower(u.Param("transport")) {
	case "udp":
		network = flow.UDP
	case "tcp":
		network = flow.TCP
	case "tls":
		network = flow.TLS
	}
	if network != f.Network {
		// The path that the dialog uses is known to work and belongs to the
		// trunk; a peer that names another protocol for itself is still reached
		// on it.
		return f
	}
	port := uint16(u.Port)
	if port == 0 {
		port = network.DefaultPort()
	}
	remote := netip.AddrPortFrom(addr.Unmap(), port)
	if f.Conn != 0 && remote.Addr() != f.Remote.Addr() {
		f.Conn = 0
	}
	f.Remote = remote
	return f
}
