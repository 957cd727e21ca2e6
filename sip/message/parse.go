package message

import (
	"strings"

	"github.com/emiago/sipgo/sip"
)

// What can be wrong with the parts of a message.
const (
	whyStart     = "a start line that is neither a request's nor a response's"
	whyTarget    = "a Request-URI that cannot be read"
	whyVia       = "a Via that cannot be read"
	whyFrom      = "a From that cannot be read"
	whyTo        = "a To that cannot be read"
	whyContact   = "a Contact that cannot be read"
	whyRoute     = "a Route or Record-Route that cannot be read"
	whyCallID    = "a Call-ID that cannot be read"
	whyCSeq      = "a CSeq that cannot be read"
	whyHops      = "a Max-Forwards that is no number from 0 to 255"
	whyLength    = "a Content-Length that is no number"
	whyType      = "a Content-Type that cannot be read"
	whyRepeated  = "a header twice that a message has once"
	whyShort     = "a body shorter than its Content-Length"
	whyBody      = "a body larger than 64 KiB"
	whyParser    = "header lines that cannot be read"
	whyRSeq      = "an RSeq that is no number from 1 to 2^32-1"
	whyRAck      = "an RAck that cannot be read"
	whySession   = "a Session-Expires that cannot be read"
	whyParts     = "a body of several parts that cannot be told apart"
	whyManyParts = "a body of more than 16 parts"
	whyRequire   = "an option tag required that is no token"
	whyReferTo   = "not one Refer-To that can be read"
)

// parser reads the start line and the header lines. Only the headers of which
// its own readers are exact have one; all others come as text. It is not written
// to after it is made.
var parser = sip.NewParser(sip.WithHeadersParsers(headerParsers()))

// headerParsers gives sipgo a reader for every name that a [block] can hold.
// None of them fails, because the parser would stop at that line: a value that
// sipgo cannot read stays text, and is found to be bad here.
func headerParsers() map[string]sip.HeaderParser {
	parsers := map[string]sip.HeaderParser{}
	for _, name := range []string{
		nameVia, nameFrom, nameTo, nameContact, nameRecordRoute, nameRoute, nameAsserted, namePreferred,
		nameRemoteParty, namePrivacy, nameRequire, nameProxyRequire, nameSupported, nameReason, nameRetryAfter,
		nameExpires, nameAccept, nameContentType, nameContentEncoding, nameTimestamp, nameDisposition, nameRSeq, nameRAck,
		nameSessionExpires, nameMinSE, nameMinExpires, nameAllow, nameReferTo, nameEvent, nameInfoPackage,
		nameAuthorization, nameProxyAuthorization, nameWWWAuthenticate, nameProxyAuthenticate,
	} {
		parsers[name] = func(_ []byte, value string) (sip.Header, error) { return sip.NewHeader(name, value), nil }
	}
	own := sip.DefaultHeadersParser()
	for _, name := range []string{nameCallID, nameCSeq, nameMaxForwards, nameContentLength} {
		read := own[name]
		parsers[name] = func(lowerName []byte, value string) (sip.Header, error) {
			if h, err := read(lowerName, value); err == nil {
				return h, nil
			}
			return sip.NewHeader(name, value), nil
		}
	}
	return parsers
}

// Parse reads one framed message: it checks the bytes, makes the header lines
// canonical, and extracts what [Message] has a field for. Body shares memory
// with the frame. Where a session description can stand, one among several parts
// is the body, and a body that nobody has to understand is none.
//
// A message that cannot be read gives a Fault instead. When its Status is not 0,
// its Message holds enough for [Message.Echo]; it is 0 for what must not or
// cannot be answered: a response, an ACK, a request without a top Via or a CSeq.
//
// A frame may be longer than its message (RFC 3261 section 18.3); without a
// Content-Length the body is all the rest, as in a datagram.
func Parse(frame []byte) (*Message, *Fault) {
	b := cut(frame)
	if len(b.start) == 0 && len(b.lines) == 0 {
		return nil, &Fault{Why: whyEmpty}
	}
	r := reader{block: b, m: &Message{MaxForwards: -1, Expires: -1, SessionExpires: -1, Agent: string(b.agent), Named: b.named}, length: -1}
	if b.why != "" {
		r.status = 400
		if b.large {
			r.status = 513
		}
	}
	start, ok := r.startLine(string(b.start))
	if !ok {
		return nil, &Fault{Why: whyStart}
	}
	for _, h := range r.headers(start) {
		r.header(h)
	}
	r.body()
	switch {
	case r.status == 0:
		return r.m, nil
	case !r.m.answerable():
		return nil, &Fault{Why: r.why}
	default:
		return nil, &Fault{Status: r.status, Why: r.why, Message: r.m}
	}
}

// answerable reports whether a response can find its way and its transaction.
func (m *Message) answerable() bool {
	return m.IsRequest() && m.Method != "ACK" && len(m.Via) > 0 && m.Via[0].Host != "" &&
		(m.CSeqMethod != "" || m.CSeqText != "")
}

// reader collects the parts of one message.
type reader struct {
	block
	m      *Message
	status int    // of the first fault
	seen   uint32 // which of the headers that a message has once have been seen
	length int    // Content-Length; -1: absent

	boundary string // of a body of several parts
}

// fault notes what is wrong; the first one is what is answered.
func (r *reader) fault(why string) {
	if r.status == 0 {
		r.status = 400
	}
	r.flaw(why)
}

// startLine reads the start line and returns it in the form that is given to
// sipgo: without the reason phrase, of which nothing is kept, and with a
// Request-URI that stands for one that cannot be read.
func (r *reader) startLine(s string) (string, bool) {
	first, rest, _ := strings.Cut(s, " ")
	if len(first) >= 4 && equalFold(first[:4], "sip/") {
		code, _, _ := strings.Cut(rest, " ")
		status, ok := digits(code, 699)
		if !ok || len(code) != 3 || status < 100 || !isVersion(first) {
			return "", false
		}
		r.m.Status, r.m.Version = status, first
		return first + " " + code + " ", true
	}
	target, version, _ := strings.Cut(rest, " ")
	if isToken(first) {
		r.m.Method = first
	}
	u, err := ParseURI(target)
	switch {
	case !isToken(first), !isVersion(version):
		r.fault(whyStart)
	case err != nil:
		r.fault(whyTarget)
	default:
		r.m.Target, r.m.Version = u, version
		return s, true
	}
	return placeholder, true
}

// placeholder is a start line for sipgo in the place of one that is bad, so that
// the header lines below it are read all the same and it can be answered.
const placeholder = "UNKNOWN sip:unknown.invalid SIP/2.0"

// isVersion checks "SIP/" 1*DIGIT "." 1*DIGIT.
func isVersion(s string) bool {
	if len(s) < 4 || !equalFold(s[:4], "sip/") {
		return false
	}
	major, minor, ok := strings.Cut(s[4:], ".")
	if !ok {
		return false
	}
	_, majorOK := digits(major, 1000)
	_, minorOK := digits(minor, 1000)
	return majorOK && minorOK
}

// headers lets sipgo read the start line and the canonical lines.
func (r *reader) headers(start string) []sip.Header {
	for {
		text := make([]byte, 0, len(start)+len(r.lines)+4)
		text = append(text, start...)
		text = append(text, crlf...)
		text = append(text, r.lines...)
		text = append(text, crlf...)
		m, _, err := parser.ParseHeaders(text, false)
		list, ok := m.(interface{ Headers() []sip.Header })
		switch {
		case ok && err == nil:
			return list.Headers()
		case ok:
			r.fault(whyParser)
			return list.Headers()
		case start == placeholder:
			r.fault(whyParser)
			return nil
		}
		// sipgo knows fewer schemes than there are; 416 is for Check to say.
		switch r.m.Target.Scheme {
		case "sip", "sips", "tel", "":
			r.fault(whyStart)
		}
		start = placeholder
	}
}

// body cuts the body to its length.
func (r *reader) body() {
	body := r.block.body
	switch {
	case r.length > len(body):
		r.fault(whyShort)
	case r.length >= 0:
		body = body[:r.length:r.length]
	}
	if len(body) > maxBody {
		if r.status == 0 {
			r.status = 513
		}
		r.flaw(whyBody)
	}
	if len(body) > 0 {
		r.m.Body = body
	}
	r.open()
}
