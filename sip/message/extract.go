package message

import (
	"math"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Bits of reader.seen.
const (
	seenFrom = 1 << iota
	seenTo
	seenCallID
	seenCSeq
	seenHops
	seenExpires
	seenType
	seenLength
	seenRSeq
	seenRAck
	seenSession
	seenMinSE
	seenReferTo
	seenEvent
	seenDisposition
)

// once reports whether a header that a message has once is met for the first
// time (RFC 3261 section 7.3.1).
func (r *reader) once(bit uint32) bool {
	if r.seen&bit != 0 {
		r.fault(whyRepeated)
		return false
	}
	r.seen |= bit
	return true
}

// header extracts one header line.
func (r *reader) header(h sip.Header) {
	m := r.m
	switch h := h.(type) {
	case *sip.CallIDHeader:
		if r.once(seenCallID) {
			m.CallID = string(*h)
			if strings.ContainsAny(m.CallID, " \t") {
				r.fault(whyCallID)
			}
		}
		return
	case *sip.CSeqHeader:
		if r.once(seenCSeq) {
			r.sequence(h)
		}
		return
	case *sip.MaxForwardsHeader:
		if r.once(seenHops) {
			if *h > 255 {
				r.fault(whyHops)
				return
			}
			m.MaxForwards = int(*h)
		}
		return
	case *sip.ContentLengthHeader:
		if r.once(seenLength) {
			r.length = int(*h)
		}
		return
	}
	switch name, value := h.Name(), h.Value(); name {
	case nameVia:
		r.via(value)
	case nameFrom:
		if r.once(seenFrom) && !readInto(&m.From, value) {
			r.fault(whyFrom)
		}
	case nameTo:
		if r.once(seenTo) && !readInto(&m.To, value) {
			r.fault(whyTo)
		}
	case nameContact:
		r.contact(value)
	case nameRecordRoute:
		m.RecordRoute = r.routes(m.RecordRoute, value)
	case nameRoute:
		m.Route = r.routes(m.Route, value)
	case nameAsserted:
		m.Asserted = r.addresses(m.Asserted, value)
	case namePreferred:
		m.Preferred = r.addresses(m.Preferred, value)
	case nameRemoteParty:
		m.RemoteParty = r.addresses(m.RemoteParty, value)
	case namePrivacy:
		m.Privacy, _ = r.tags(m.Privacy, value, ";,")
	case nameRequire:
		m.Require = r.required(m.Require, value)
	case nameProxyRequire:
		m.ProxyRequire = r.required(m.ProxyRequire, value)
	case nameSupported:
		m.Supported, _ = r.tags(m.Supported, value, ",")
	case nameReason:
		r.reason(value)
	case nameRetryAfter:
		m.RetryAfter = leadingSeconds(value)
	case nameExpires:
		if r.once(seenExpires) {
			// Out of range is as good as absent (section 20.19).
			if n, ok := digits(value, math.MaxInt32); ok {
				m.Expires = n
			}
		}
	case nameAccept:
		r.accept(value)
	case nameContentType:
		if r.once(seenType) {
			r.contentType(value)
		}
	case nameContentEncoding:
		m.ContentEncoding = coding(m.ContentEncoding, value)
	case nameTimestamp:
		if seconds, _, _ := strings.Cut(value, " "); strings.Trim(seconds, "0123456789.") == "" && len(seconds) <= 32 {
			m.Timestamp = seconds
		}
	case nameDisposition:
		if r.once(seenDisposition) {
			var handling string
			m.Disposition, handling = disposition(value)
			m.Optional = handling == "optional"
		}
	case nameRSeq:
		if n, ok := digits(value, math.MaxUint32); r.once(seenRSeq) && (!ok || n == 0) {
			r.fault(whyRSeq)
		} else {
			m.RSeq = uint32(n)
		}
	case nameRAck:
		if r.once(seenRAck) {
			r.rack(value)
		}
	case nameSessionExpires:
		if r.once(seenSession) {
			r.session(value)
		}
	case nameMinSE:
		if r.once(seenMinSE) {
			m.MinSE = leadingSeconds(value)
		}
	case nameMinExpires:
		m.MinExpires = leadingSeconds(value)
	case nameAllow:
		r.allow(value)
	case nameReferTo:
		if !r.once(seenReferTo) {
			return
		}
		if a, ok := readAddress(value); ok {
			m.ReferTo = &a
		} else {
			r.fault(whyReferTo)
		}
	case nameEvent:
		if r.once(seenEvent) {
			m.Event = withoutParams(value)
		}
	case nameInfoPackage:
		m.InfoPackage = withoutParams(value)
	case nameAuthorization:
		m.Authorization = append(m.Authorization, value)
	case nameProxyAuthorization:
		m.ProxyAuthorization = append(m.ProxyAuthorization, value)
	case nameWWWAuthenticate:
		m.WWWAuthenticate = append(m.WWWAuthenticate, value)
	case nameProxyAuthenticate:
		m.ProxyAuthenticate = append(m.ProxyAuthenticate, value)
	case nameCallID:
		r.once(seenCallID)
		r.fault(whyCallID)
	case nameCSeq:
		if r.once(seenCSeq) {
			m.CSeqText = value
		}
		r.fault(whyCSeq)
	case nameMaxForwards:
		r.once(seenHops)
		r.fault(whyHops)
	case nameContentLength:
		r.once(seenLength)
		r.fault(whyLength)
	}
}

func readInto(a *Address, value string) bool {
	var ok bool
	*a, ok = readAddress(value)
	return ok
}

func (r *reader) sequence(h *sip.CSeqHeader) {
	m := r.m
	method := trimBlanks(string(h.MethodName))
	if !isToken(method) {
		m.CSeqText = h.Value()
		r.fault(whyCSeq)
		return
	}
	m.CSeq, m.CSeqMethod = h.SeqNo, method
	if !m.IsRequest() {
		m.Method = method
	}
}

// via reads one Via line. Below a top entry that can be read, only entries that
// can be read too are kept.
func (r *reader) via(value string) {
	e := entriesOf(value)
	n := 0
	for {
		entry, ok := e.next()
		if !ok {
			break
		}
		n++
		if !r.room(len(r.m.Via)) {
			return // the answer gets as far as the first hundred take it
		}
		v, ok := readVia(entry)
		if !ok {
			r.fault(whyVia)
		}
		if v.Host != "" || len(r.m.Via) == 0 {
			r.m.Via = append(r.m.Via, v)
		}
	}
	if e.bad || n == 0 {
		r.fault(whyVia)
	}
}

// maxContacts bounds the Contacts beyond the first that are kept. A registrar lists
// those of one account, which are few.
const maxContacts = 32

// contact reads one Contact line. A Contact that cannot be read is a fault only
// where it is needed, which is the first one.
func (r *reader) contact(value string) {
	m := r.m
	e := entriesOf(value)
	for {
		entry, ok := e.next()
		if !ok {
			break
		}
		if m.Contacts++; m.Contacts > 1 {
			if len(m.OtherContacts) < maxContacts {
				m.OtherContacts = append(m.OtherContacts, entry)
			}
			continue
		}
		m.ContactText = entry
		if entry == "*" {
			continue
		}
		a, ok := readAddress(entry)
		if !ok {
			r.fault(whyContact)
			continue
		}
		m.Contact = &a.URI
	}
	if e.bad {
		r.fault(whyContact)
	}
}

// reason takes the cause of protocol Q.850 from a Reason line (RFC 3326). The
// text parameter may hold anything and is not read.
func (r *reader) reason(value string) {
	e := entriesOf(value)
	for {
		entry, ok := e.next()
		if !ok {
			return
		}
		protocol, _, _ := strings.Cut(entry, ";")
		if !equalFold(trimBlanks(protocol), "q.850") {
			continue
		}
		p := params{rest: entry[len(protocol):]}
		for {
			name, cause, ok := p.next()
			if !ok {
				break
			}
			if n, ok := digits(cause, 127); ok && equalFold(name, "cause") && r.m.Q850 == 0 {
				r.m.Q850 = n
			}
		}
	}
}

// contentType takes type and subtype, and the boundary of several parts.
func (r *reader) contentType(value string) {
	media, params, ok := readMedia(value)
	if !ok {
		r.fault(whyType)
		return
	}
	r.m.ContentType = media
	r.boundary, _ = boundary(params)
	if charset, ok := parameter(params, "charset"); ok {
		r.m.Charset = lower(strings.Trim(charset, `"`))
	}
}

// rack reads "RSeq CSeq Method" (RFC 3262 section 7.2).
func (r *reader) rack(value string) {
	f := strings.Fields(value)
	if len(f) != 3 || !isToken(f[2]) {
		r.fault(whyRAck)
		return
	}
	rseq, ok1 := digits(f[0], math.MaxUint32)
	cseq, ok2 := digits(f[1], math.MaxUint32)
	if !ok1 || !ok2 || rseq == 0 {
		r.fault(whyRAck)
		return
	}
	r.m.RAck = RAck{RSeq: uint32(rseq), CSeq: uint32(cseq), Method: f[2]}
}

// session reads Session-Expires (RFC 4028 section 4).
func (r *reader) session(value string) {
	seconds, _, _ := strings.Cut(value, ";")
	n, ok := digits(trimBlanks(seconds), math.MaxInt32)
	if !ok {
		r.fault(whySession)
		return
	}
	r.m.SessionExpires = n
	if who, _ := parameter(value[len(seconds):], "refresher"); equalFold(who, "uac") || equalFold(who, "uas") {
		r.m.Refresher = lower(who)
	}
}

// coding is the last encoding of a Content-Encoding value that is one, or what
// was found before.
func coding(found, value string) string {
	for entry := range strings.SplitSeq(value, ",") {
		if entry = lower(trimBlanks(entry)); entry != "" && entry != "identity" {
			found = entry
		}
	}
	return found
}

// disposition reads a Content-Disposition value: what the body is for, and what
// is to be done when it is not understood (RFC 3261 section 20.11), both in lower
// case.
func disposition(value string) (kind, handling string) {
	kind, _, _ = strings.Cut(value, ";")
	handling, _ = parameter(value[len(kind):], "handling")
	return lower(trimBlanks(kind)), lower(handling)
}

// withoutParams is a token in lower case without the parameters behind it.
func withoutParams(value string) string {
	token, _, _ := strings.Cut(value, ";")
	return lower(trimBlanks(token))
}

// leadingSeconds reads the delta-seconds that a value begins with; a comment may
// follow (section 20.33). 0: none that can be read.
func leadingSeconds(value string) int {
	end := 0
	for end < len(value) && value[end] >= '0' && value[end] <= '9' {
		end++
	}
	n, _ := digits(value[:end], math.MaxInt32)
	return n
}
