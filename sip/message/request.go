package message

import "strings"

// Request is a request to compose. There is no User-Agent header.
type Request struct {
	Method      string
	Target      string // the Request-URI
	Via         string // "SIP/2.0/UDP host:port"
	Branch      string // with the magic cookie
	Route       []string
	From, To    string // the complete values with their tags
	CallID      string
	CSeq        uint32
	MaxForwards int
	Contact     string // the complete value; "" for none
	Allow       bool   // lists the methods that are served
	Supported   []string
	Require     []string
	Identity    string // P-Asserted-Identity, the complete value
	RemoteParty string // Remote-Party-ID, the complete value
	Q850        int    // cause of a Reason header; 0: none
	ContentType string
	Body        []byte

	AllowRefer         bool   // Allow lists REFER too
	RAck               RAck   // of a PRACK (RFC 3262)
	SessionExpires     int    // seconds; 0: none (RFC 4028)
	Refresher          string // "uac" or "uas" in Session-Expires; "" for neither
	MinSE              int    // seconds; 0: none
	Authorization      string // the complete value; "" for none (RFC 3261 section 22)
	ProxyAuthorization string // likewise
	AcceptSDP          bool   // Accept: application/sdp, of an OPTIONS
	Expires            Seconds
	Event              string // of a NOTIFY (RFC 6665)
	SubscriptionState  string // likewise
	Private            bool   // Privacy: id (RFC 3325)
	Critical           bool   // with Private: it may not be connected without (RFC 3323)
}

// Append writes the request behind dst, its headers in a fixed order. It returns
// nil for one that must not leave: without a mandatory value, with a blank in
// the start line, with a CR, LF or NUL in any value, or with a body of no type.
//
// Over UDP it asks for the response to come back to the port that it left from
// (RFC 3581).
func (r *Request) Append(dst []byte) []byte {
	switch "" {
	case r.Method, r.Target, r.Via, r.Branch, r.From, r.To, r.CallID:
		return nil
	}
	if strings.ContainsAny(r.Method, " \t") || strings.ContainsAny(r.Target, " \t") {
		return nil
	}
	w := writer{b: dst, from: len(dst)}
	w.text(r.Method)
	w.text(" ")
	w.text(r.Target)
	w.text(" SIP/2.0")
	w.end()
	w.text("Via: ")
	w.text(r.Via)
	if strings.HasPrefix(r.Via, "SIP/2.0/UDP ") {
		w.text(";rport")
	}
	w.text(";branch=")
	w.text(r.Branch)
	w.end()
	w.text("Max-Forwards: ")
	w.number(max(r.MaxForwards, 0))
	w.end()
	w.each("Route: ", r.Route)
	w.line("From: ", r.From)
	w.line("To: ", r.To)
	w.line("Call-ID: ", r.CallID)
	w.text("CSeq: ")
	w.number(int(r.CSeq))
	w.text(" ")
	w.text(r.Method)
	w.end()
	w.line("Contact: ", r.Contact)
	w.allow(r.Allow, r.AllowRefer, false)
	if r.AcceptSDP {
		w.line("Accept: ", MediaType)
	}
	w.list("Supported: ", r.Supported)
	w.list("Require: ", r.Require)
	w.line("P-Asserted-Identity: ", r.Identity)
	w.line("Remote-Party-ID: ", r.RemoteParty)
	switch {
	case r.Private && r.Critical:
		w.line("Privacy: ", "id;critical")
	case r.Private:
		w.line("Privacy: ", "id")
	}
	if r.RAck != (RAck{}) {
		w.text("RAck: ")
		w.number(int(r.RAck.RSeq))
		w.text(" ")
		w.number(int(r.RAck.CSeq))
		w.text(" ")
		w.text(r.RAck.Method)
		w.end()
	}
	w.session(r.SessionExpires, r.Refresher, r.MinSE)
	w.seconds("Expires: ", r.Expires)
	w.line("Event: ", r.Event)
	w.line("Subscription-State: ", r.SubscriptionState)
	w.line("Authorization: ", r.Authorization)
	w.line("Proxy-Authorization: ", r.ProxyAuthorization)
	w.reason(r.Q850)
	return w.finish(r.ContentType, r.Body)
}
