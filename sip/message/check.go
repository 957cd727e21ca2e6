package message

// What can be wrong with a message that can be read.
const (
	whyVersion    = "a SIP version other than 2.0"
	whyNoVia      = "no Via"
	whyNoFrom     = "no From"
	whyNoTo       = "no To"
	whyNoCallID   = "no Call-ID"
	whyNoCSeq     = "no CSeq"
	whyMismatch   = "a CSeq whose method is not the request's"
	whyMethod     = "a method that is not known"
	whyScheme     = "a Request-URI of a scheme that is not served"
	whyEmbedded   = "a Request-URI with headers in it"
	whyBranch     = "a branch that is only the magic cookie"
	whyTooMany    = "no hops left"
	whyRequired   = "an extension required that is not supported"
	whyMedia      = "a body of a type that is not served"
	whyUntyped    = "a body without a Content-Type"
	whyCoding     = "a body in an encoding that is not served"
	whyPurpose    = "a description of something else than the session"
	whyAccept     = "session descriptions are not accepted"
	whyOneContact = "not exactly one Contact with a SIP URI"
	whyVias       = "a response for somebody else: not exactly one Via"
)

// MediaType is the one type of body that is read and written.
const MediaType = "application/sdp"

// cookie begins the branch of a request of RFC 3261 (section 8.1.1.7).
const cookie = "z9hG4bK"

// supported reports whether an option tag may be required of this program. All
// others are answered 420 (RFC 3261 section 8.2.2.3): an extension can make a side
// say more than it does without.
func supported(tag string) bool {
	switch tag {
	case "100rel", "timer":
		return true
	default:
		return false
	}
}

// Check validates a message that was read, before anything acts on it (RFC 3261
// sections 8.2 and 16.3, with the answers of RFC 4475), and returns what is
// wrong; nil: nothing. A request is to be answered with the Fault's Status; a
// response with a Fault is to be dropped (section 18.1.2).
func Check(m *Message) *Fault {
	if !m.IsRequest() {
		return checkResponse(m)
	}
	status, why := checkRequest(m)
	switch {
	case status == 0:
		return nil
	case !m.answerable():
		return &Fault{Why: why}
	}
	f := &Fault{Status: status, Why: why, Message: m}
	if status == 420 {
		f.Unsupported = unsupported(m)
	}
	return f
}

func checkResponse(m *Message) *Fault {
	why := missing(m)
	switch {
	case !equalFold(m.Version, "sip/2.0"):
		why = whyVersion
	case why == "" && len(m.Via) != 1:
		// Ours have one. The rest of a list would be somebody's path (8.1.3.3).
		why = whyVias
	}
	if why == "" {
		return nil
	}
	return &Fault{Why: why}
}

// missing names the first mandatory header that is not there (section 8.1.1).
// Max-Forwards and the tags are not asked for: RFC 2543 did not know them.
func missing(m *Message) string {
	switch {
	case len(m.Via) == 0:
		return whyNoVia
	case m.From.Text == "":
		return whyNoFrom
	case m.To.Text == "":
		return whyNoTo
	case m.CallID == "":
		return whyNoCallID
	case m.CSeqMethod == "":
		return whyNoCSeq
	default:
		return ""
	}
}

func checkRequest(m *Message) (status int, why string) {
	if !equalFold(m.Version, "sip/2.0") {
		return 505, whyVersion
	}
	if why := missing(m); why != "" {
		return 400, why
	}
	switch {
	case m.CSeqMethod != m.Method && knownMethod(m.Method) == "unknown":
		return 501, whyMethod // RFC 4475 section 3.1.2.18
	case m.CSeqMethod != m.Method:
		return 400, whyMismatch
	case m.Via[0].Branch == cookie:
		return 400, whyBranch
	}
	switch m.Target.Scheme {
	case "sip", "sips", "tel":
	default:
		return 416, whyScheme
	}
	if m.Target.Headers != "" {
		return 400, whyEmbedded // section 19.1.1, table 1
	}
	if m.Method == "ACK" {
		// Nothing below could be answered, and the transaction that it ends is
		// better ended.
		return 0, ""
	}
	if m.Method == "CANCEL" {
		return 0, "" // hop by hop, and Require is not for it (section 8.2.2.3)
	}
	if m.MaxForwards == 0 && m.To.Tag == "" {
		// Inside a dialog this is the end of the way.
		return 483, whyTooMany
	}
	for _, tag := range m.Require {
		if !supported(tag) {
			return 420, whyRequired
		}
	}
	if status, why := checkBody(m); status != 0 {
		return status, why
	}
	if m.Method == "INVITE" {
		return checkInvite(m)
	}
	return 0, ""
}

// unsupported lists the required option tags that are not served.
func unsupported(m *Message) []string {
	var list []string
	for _, tag := range m.Require {
		if !supported(tag) {
			list = append(list, tag)
		}
	}
	return list
}

// checkBody refuses a body that would have to be understood and is not a session
// description (section 8.2.3). Bodies of other methods are passed over by who
// answers the method.
func checkBody(m *Message) (status int, why string) {
	switch m.Method {
	case "INVITE", "UPDATE", "PRACK":
	default:
		return 0, ""
	}
	switch {
	case len(m.Body) == 0:
		return 0, ""
	case m.ContentType == "":
		return 400, whyUntyped // section 20.15
	case m.ContentType != MediaType:
		return 415, whyMedia
	case m.ContentEncoding != "":
		return 415, whyCoding
	case !isSession(m.Disposition):
		return 415, whyPurpose
	default:
		return 0, ""
	}
}

// checkInvite asks for what a dialog needs: one Contact that a request can be
// sent to (section 8.1.1.8), and a peer that takes a session description.
func checkInvite(m *Message) (status int, why string) {
	if m.Contacts != 1 || m.Contact == nil || m.Contact.Scheme != "sip" && m.Contact.Scheme != "sips" {
		return 400, whyOneContact
	}
	if m.Accept == nil {
		return 0, ""
	}
	for _, media := range m.Accept {
		switch media {
		case MediaType, "application/*", "*/*", "*":
			return 0, ""
		}
	}
	return 406, whyAccept
}
