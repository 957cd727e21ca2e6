package message

// Response is a response to compose. There is no Server header.
type Response struct {
	Echo        Echo
	Status      int
	ToTag       string // added to To unless it has one
	Contact     string // the complete value; "" for none
	RecordRoute []string
	Allow       bool // lists the methods that are served
	AcceptSDP   bool // Accept: application/sdp
	Supported   []string
	Require     []string
	Unsupported []string
	RetryAfter  int    // seconds; 0: none
	Q850        int    // cause of a Reason header; 0: none
	Identity    string // P-Asserted-Identity, the complete value
	ContentType string
	Body        []byte

	AllowRefer      bool     // Allow lists REFER too
	AllowText       bool     // Allow lists MESSAGE too
	AcceptText      bool     // Accept: text/plain
	AcceptDTMF      bool     // Accept: application/dtmf-relay, of a 415 to an INFO
	NoInfoPackages  bool     // an empty Recv-Info, of a 469 (RFC 6086 section 5.2.2)
	RSeq            uint32   // of a reliable provisional response; 0: none (RFC 3262)
	SessionExpires  int      // seconds; 0: none (RFC 4028)
	Refresher       string   // "uac" or "uas" in Session-Expires; "" for neither
	MinSE           int      // seconds; 0: none
	WWWAuthenticate []string // challenges of a 401
	Expires         Seconds
}

// Append writes the response behind dst, its headers in a fixed order. It returns
// nil for one that must not leave: without a Via or a CSeq to find its way by,
// with a status that is none, with a CR, LF or NUL in any value, or with a body
// of no type. A From, To or Call-ID that the request lacked is lacking here too.
func (r *Response) Append(dst []byte) []byte {
	e := &r.Echo
	if len(e.Via) == 0 || e.Method == "" && e.CSeqText == "" || r.Status < 100 || r.Status > 699 {
		return nil
	}
	w := writer{b: dst, from: len(dst)}
	w.text("SIP/2.0 ")
	w.number(r.Status)
	w.text(" ")
	w.text(Phrase(r.Status))
	w.end()
	w.each("Via: ", e.Via)
	w.line("From: ", e.From)
	if e.To != "" {
		w.text("To: ")
		w.text(e.To)
		if r.ToTag != "" && !e.ToTag {
			w.text(";tag=")
			w.text(r.ToTag)
		}
		w.end()
	}
	w.line("Call-ID: ", e.CallID)
	w.text("CSeq: ")
	if e.CSeqText != "" {
		w.text(e.CSeqText)
	} else {
		w.number(int(e.CSeq))
		w.text(" ")
		w.text(e.Method)
	}
	w.end()
	if r.Status == 100 {
		w.line("Timestamp: ", e.Timestamp)
	}
	w.each("Record-Route: ", r.RecordRoute)
	w.line("Contact: ", r.Contact)
	w.allow(r.Allow, r.AllowRefer, r.AllowText)
	if r.AcceptSDP {
		w.line("Accept: ", MediaType)
	}
	if r.AcceptText {
		w.line("Accept: ", TextType)
	}
	if r.AcceptDTMF {
		w.line("Accept: ", DTMFType)
	}
	if r.NoInfoPackages {
		w.text("Recv-Info:")
		w.end()
	}
	w.list("Supported: ", r.Supported)
	w.list("Require: ", r.Require)
	w.list("Unsupported: ", r.Unsupported)
	if r.RetryAfter > 0 {
		w.text("Retry-After: ")
		w.number(r.RetryAfter)
		w.end()
	}
	if r.RSeq > 0 {
		w.text("RSeq: ")
		w.number(int(r.RSeq))
		w.end()
	}
	w.session(r.SessionExpires, r.Refresher, r.MinSE)
	w.seconds("Expires: ", r.Expires)
	w.each("WWW-Authenticate: ", r.WWWAuthenticate)
	w.line("P-Asserted-Identity: ", r.Identity)
	w.reason(r.Q850)
	return w.finish(r.ContentType, r.Body)
}
