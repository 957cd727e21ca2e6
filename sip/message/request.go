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
	if r.Allow {
		w.line("Allow: ", Methods)
	}
	w.list("Supported: ", r.Supported)
	w.list("Require: ", r.Require)
	w.line("P-Asserted-Identity: ", r.Identity)
	w.line("Remote-Party-ID: ", r.RemoteParty)
	w.reason(r.Q850)
	return w.finish(r.ContentType, r.Body)
}
