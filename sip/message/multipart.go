package message

import (
	"bytes"
	"strings"
)

// Bounds of a body of several parts.
const (
	maxParts    = 16 // those of a multipart inside of it too
	maxNesting  = 1  // multiparts inside of one another: mixed that holds related
	maxBoundary = 70 // bytes (RFC 2046 section 5.1.1)
)

// A switch that speaks ISUP to its like sends a description and the ISUP message
// side by side (RFC 3372), and others send pictures, locations and signatures.
// Of all that one part is read, the session description; the rest is dropped as
// the headers are that have no field in [Message]. A part that its sender says
// has to be understood cannot be dropped, and the whole body is left as it is: it
// is then one of a type that is not served.

// carriesSession reports whether a message of a method may have a session
// description: a request, a response to one, an ACK.
func carriesSession(method string) bool {
	switch method {
	case "INVITE", "ACK", "UPDATE", "PRACK":
		return true
	}
	return false
}

// open replaces a body of several parts by its session description, and passes
// over one that nobody has to understand (RFC 3261 section 20.11). In a request
// that will be answered, parts that cannot be told apart are a fault.
func (r *reader) open() {
	m := r.m
	if len(m.Body) == 0 || !carriesSession(m.Method) {
		return
	}
	if isMultipart(m.ContentType) && m.ContentEncoding == "" {
		p := parts{left: maxParts}
		ok := p.read(m.Body, r.boundary, 0)
		switch {
		case ok && p.descriptions == 1 && !p.foreign:
			m.ContentType, m.Disposition = MediaType, ""
			if m.Body = p.description; len(m.Body) == 0 {
				m.Body = nil
			}
			return
		case ok || m.Optional || !m.IsRequest() || m.Method == "ACK":
		case p.left < 0:
			if r.status == 0 {
				r.status = 513
			}
			r.flaw(whyManyParts)
		default:
			r.fault(whyParts)
		}
	}
	if m.Optional && !m.described() {
		m.Body, m.ContentType = nil, ""
	}
}

// described reports whether the body is a session description that can be read.
func (m *Message) described() bool {
	return m.ContentType == MediaType && m.ContentEncoding == "" && isSession(m.Disposition)
}

// isSession reports whether a body's disposition is to describe the session, as
// it is without a word. An early-session describes another one (RFC 3959).
func isSession(disposition string) bool { return disposition == "" || disposition == "session" }

// isMultipart names the types whose parts are looked at: side by side, related,
// and alternatives, of which a session description is the one that we take. What
// is signed or encrypted is not taken apart.
func isMultipart(media string) bool {
	switch media {
	case "multipart/mixed", "multipart/related", "multipart/alternative":
		return true
	}
	return false
}

// parts walks the parts of a body.
type parts struct {
	left         int // how many may still come; below 0: there were more
	descriptions int
	description  []byte
	foreign      bool // a part has to be understood and is not
}

// read reads a multipart body (RFC 2046 section 5.1.1). It is false when the
// parts cannot be told apart, or are too many.
func (p *parts) read(body []byte, boundary string, depth int) bool {
	delimiter := []byte("--" + boundary)
	begun, start := false, 0
	for at := 0; at < len(body); {
		line, rest := cutLine(body[at:])
		next := len(body) - len(rest)
		end, last := isDelimiter(line, delimiter)
		if boundary == "" || !end {
			at = next
			continue
		}
		if begun && !p.part(body[start:max(start, at-len(crlf))], depth) {
			return false
		}
		if last {
			return begun
		}
		begun, start, at = true, next, next
	}
	return false // it does not end
}

// isDelimiter reports whether a line is a delimiter, and whether it is the last.
// Blanks may have been added on the way.
func isDelimiter(line, delimiter []byte) (is, last bool) {
	rest, is := bytes.CutPrefix(line, delimiter)
	if !is {
		return false, false
	}
	rest, last = bytes.CutPrefix(rest, []byte("--"))
	return len(bytes.TrimRight(rest, " \t")) == 0, last
}

// part takes one part.
func (p *parts) part(text []byte, depth int) bool {
	if p.left--; p.left < 0 {
		return false
	}
	h, body, ok := readPart(text)
	switch {
	case !ok:
		return false
	case h.media == MediaType && !h.coded && isSession(h.disposition):
		p.descriptions++
		p.description = body
	case isMultipart(h.media) && !h.coded && depth < maxNesting:
		return p.read(body, h.boundary, depth+1)
	case h.handling == "required":
		p.foreign = true
	}
	return true
}

// partHeader is what a part says of itself.
type partHeader struct {
	media, boundary       string
	disposition, handling string
	coded                 bool
	seen                  uint8
}

// readPart reads the header lines of a part, which may have none.
func readPart(text []byte) (h partHeader, body []byte, ok bool) {
	h.media = "text/plain" // RFC 2045 section 5.2
	head := text
	if bytes.HasPrefix(text, crlf) {
		return h, text[len(crlf):], true
	} else if end := bytes.Index(text, []byte("\r\n\r\n")); end >= 0 {
		head, body = text[:end+2], text[end+4:]
	}
	if !isClean(head) {
		return h, nil, false
	}
	for len(head) > 0 {
		size, _ := logicalLine(head)
		if !h.line(head[:size]) {
			return h, nil, false
		}
		head = head[size:]
	}
	return h, body[:len(body):len(body)], true
}

// line reads one header line of a part.
func (h *partHeader) line(line []byte) bool {
	name, value, ok := bytes.Cut(line, []byte{':'})
	name = bytes.TrimRight(name, " \t")
	if !ok || !isTokenBytes(name) {
		return false
	}
	const prefix = "content-"
	if len(name) < len(prefix) || !equalFold(string(name[:len(prefix)]), prefix) {
		return true
	}
	once := func(bit uint8) bool {
		first := h.seen&bit == 0
		h.seen |= bit
		return first
	}
	switch lower(string(name[len(prefix):])) {
	case "type":
		if !once(1) {
			return false
		}
		var params string
		h.media, params, ok = readMedia(unfold(value))
		h.boundary, _ = boundary(params)
		return ok
	case "disposition":
		h.disposition, h.handling = disposition(unfold(value))
		return once(2)
	case "transfer-encoding":
		switch lower(unfold(value)) {
		case "binary", "8bit", "7bit": // as it stands (RFC 2045 section 6.2)
		default:
			h.coded = true
		}
	case "encoding":
		h.coded = h.coded || coding("", unfold(value)) != ""
	}
	return true
}

// unfold is a header's value in one line, without the blanks around it.
func unfold(value []byte) string {
	return trimBlanks(strings.ReplaceAll(string(value), "\r\n", ""))
}

// readMedia reads a Content-Type: type and subtype in lower case, which the
// grammar lets have blanks around the slash, and the parameters as they stand.
func readMedia(value string) (media, params string, ok bool) {
	media, _, _ = strings.Cut(value, ";")
	params = value[len(media):]
	major, minor, _ := strings.Cut(media, "/")
	major, minor = trimBlanks(major), trimBlanks(minor)
	if !isToken(major) || !isToken(minor) {
		return "", "", false
	}
	media = trimBlanks(media)
	if len(media) != len(major)+1+len(minor) {
		media = major + "/" + minor
	}
	return lower(media), params, true
}

// boundaryChars are the bchars of RFC 2046 section 5.1.1.
var boundaryChars = newCharset("'()+_,-./:=? ")

// boundary finds the boundary among the parameters of a Content-Type.
func boundary(params string) (string, bool) {
	b, ok := parameter(params, "boundary")
	if ok && b != "" && b[0] == '"' {
		b = b[1 : len(b)-1]
	}
	if !ok || b == "" || len(b) > maxBoundary || !boundaryChars.holdsAll(b) || b[len(b)-1] == ' ' {
		return "", false
	}
	return b, true
}
