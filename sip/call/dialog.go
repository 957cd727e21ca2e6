package call

import (
	"net/netip"
	"slices"
	"strings"

	"mask700/media/sdp"
	"mask700/sip/flow"
	"mask700/sip/message"
)

// DialogState is where a dialog stands.
type DialogState uint8

// States of a dialog (RFC 3261 section 12).
const (
	Idle      DialogState = iota
	Early                 // a provisional response with a tag
	Confirmed             // a 2xx
	Gone                  // BYE sent or received, or never to be confirmed
)

// Dialog is what one dialog knows of its other end and of how far both have
// counted. A leg that was forked has several until one is confirmed.
type Dialog struct {
	State     DialogState
	RemoteTag string
	To        string // of our requests, complete
	Target    string // the remote target (section 12.2.1.1)
	Route     []string
	Flow      flow.Flow      // where our requests leave
	Other     netip.AddrPort // where the target says it is, when a connection leads to it from elsewhere

	Seq       uint32 // last CSeq of ours
	RemoteSeq uint32 // last CSeq of theirs
	Numbered  bool   // RemoteSeq is known
	RSeq      uint32 // last reliable provisional response of theirs (RFC 3262)

	SDP      sdp.Leg
	Heard    uint64 // hash of their last description, to know it when it comes again
	Answered bool   // the offer of the INVITE has its answer, for good
	OfferOut bool   // its offer has gone to the caller, whose PRACK will answer it
	OfferDue bool   // its offer waits for what the caller says to that of another phone
	Updates  bool   // the peer takes UPDATE (RFC 3311)
	NoInfo   bool   // it has said that it takes no INFO (RFC 6086), or no key in one
}

// path is the Request-URI and the Route of a request inside the dialog. A first
// proxy that is no loose router wants its own URI in the Request-URI, and the
// remote target at the end of the route (section 12.2.1.1).
func (d *Dialog) path() (target string, route []string) {
	if len(d.Route) == 0 {
		return d.Target, nil
	}
	first, ok := message.RouteURI(d.Route[0])
	if !ok || first.HasParam("lr") {
		return d.Target, d.Route
	}
	first.Headers = ""
	return first.Text(), append(slices.Clone(d.Route[1:]), "<"+d.Target+">")
}

// establish takes the dialog's remote half from a response of the callee
// (section 12.1.2): tag, target and, in reverse, the route set.
func (d *Dialog) establish(m *message.Message) {
	d.RemoteTag = m.To.Tag
	d.To = m.To.Text
	d.Route = slices.Clone(m.RecordRoute)
	slices.Reverse(d.Route)
	if m.Contact == nil && len(d.Route) > 0 {
		if u, ok := message.RouteURI(d.Route[0]); ok {
			d.head(u)
		}
	}
	d.retarget(m)
	d.learn(m)
}

// retarget takes the remote target from a Contact and finds where requests to
// it leave (sections 12.2.1.1 and 8.1.2).
func (d *Dialog) retarget(m *message.Message) {
	if m.Contact == nil {
		return
	}
	d.Target = m.ContactURI()
	next := *m.Contact
	if len(d.Route) > 0 {
		if u, ok := message.RouteURI(d.Route[0]); ok {
			next = u
		}
	}
	d.head(next)
}

// head turns the dialog's requests to a URI. While there is a connection that the
// peer itself has made or answered on, they leave on that: a phone behind a NAT is
// reached by no other way, and where its Contact says is only tried when the
// connection is gone.
func (d *Dialog) head(u message.URI) {
	next := along(d.Flow, u)
	if d.Flow.Conn != 0 && next.Conn == 0 {
		d.Other = next.Remote
		return
	}
	d.Flow, d.Other = next, netip.AddrPort{}
}

// follow takes the connection that the peer's newest request came on: an older one
// may be gone.
func (d *Dialog) follow(f flow.Flow) {
	if f.Conn == 0 || f.Conn == d.Flow.Conn || f.Network != d.Flow.Network {
		return
	}
	target := d.Other
	if !target.IsValid() {
		target = d.Flow.Remote
	}
	d.Flow, d.Other = f, target
	if target.Addr() == f.Remote.Addr() {
		d.Flow.Remote, d.Other = target, netip.AddrPort{}
	}
}

// learn notes what the peer can do, from a message that says so.
func (d *Dialog) learn(m *message.Message) {
	if m.Allow != nil {
		d.Updates, d.NoInfo = m.Allows("UPDATE"), !m.Allows("INFO")
		d.SDP.Informs(!d.NoInfo)
	}
}

// along returns the flow that reaches a URI. A host that is not an address is
// left to the path that the dialog has used so far: names are resolved for
// trunks, never for a peer's say-so.
func along(f flow.Flow, u message.URI) flow.Flow {
	if !f.Network.Dials() {
		return f // who came by a WebSocket is reached there alone (RFC 7118 section 5)
	}
	addr, err := netip.ParseAddr(strings.Trim(u.Host, "[]"))
	if err != nil || addr.IsUnspecified() || addr.IsMulticast() || addr.Unmap().Is4() != f.Remote.Addr().Unmap().Is4() {
		return f
	}
	if transport := u.Param("transport"); transport != "" && !strings.EqualFold(transport, f.Network.Param()) {
		// The path that the dialog uses is known to work and belongs to the
		// trunk; a peer that names another protocol for itself is still reached
		// on it.
		return f
	}
	port := uint16(u.Port)
	if port == 0 {
		port = f.Network.DefaultPort()
	}
	remote := netip.AddrPortFrom(addr.Unmap(), port)
	if f.Conn != 0 && remote.Addr() != f.Remote.Addr() {
		f.Conn = 0
	}
	f.Remote = remote
	return f
}
