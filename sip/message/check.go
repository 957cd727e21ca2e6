package message

import "unicode/utf8"

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
	whyNoText     = "a text without a body"
	whyNotText    = "a body that is no text in UTF-8"
	whyLongText   = "a text longer than 1300 bytes"
	whyUseOfText  = "a text for something else than to be read"
	whyCharset    = "a text in a character set other than UTF-8"
	whyOneContact = "not exactly one Contact with a SIP URI"
	whyVias       = "a response for somebody else: not exactly one Via"
)

// MediaType is the type of the descriptions that are read and written, and TextType
// that of texts.
const (
	MediaType = "application/sdp"
	TextType  = "text/plain"
)

// MaxText is the longest text that is carried, in bytes (RFC 3428 section 8).
const MaxText = 1300

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
	switch {
	case m.Method == "INVITE":
		return checkInvite(m)
	case m.Method == "MESSAGE" && m.To.Tag == "":
		return checkText(m)
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

// checkText asks for a text that can be carried: plain, in UTF-8, of which ASCII is
// a part, and not too long. What is in an envelope (RFC 3862), with parts or coded
// is refused: it would have to be opened, and tells what nobody has typed.
func checkText(m *Message) (status int, why string) {
	switch {
	case len(m.Body) == 0:
		return 400, whyNoText
	case m.ContentType == "":
		return 400, whyUntyped
	case m.ContentType != TextType:
		return 415, whyMedia
	case m.ContentEncoding != "":
		return 415, whyCoding
	case m.Charset != "" && m.Charset != "utf-8" && m.Charset != "us-ascii":
		return 415, whyCharset
	case m.Disposition != "" && m.Disposition != "render":
		return 415, whyUseOfText
	case len(m.Body) > MaxText:
		return 413, whyLongText
	case !isText(m.Body, m.Charset == "us-ascii"):
		return 400, whyNotText
	default:
		return 0, ""
	}
}

// isText reports whether bytes are characters that a phone may show: no control
// characters but those that end a line or widen it.
func isText(body []byte, ascii bool) bool {
	for _, c := range body {
		switch {
		case c < ' ' && c != '\r' && c != '\n' && c != '\t', c == 0x7f, ascii && c >= 0x80:
			return false
		}
	}
	return utf8.Valid(body)
}
