package message

import "bytes"

// Bounds of one message. The transport has bounds of its own; these hold
// whoever calls.
const (
	maxHead    = 16 << 10 // bytes of start line and header lines
	maxLines   = 200      // header lines, continuations too
	maxEntries = 100      // entries of one list, in all of its lines: a request has 70 hops
	maxParams  = 64       // parameters of a URI, and of its user part
	maxBody    = 64 << 10 // bytes
)

// What can be wrong with the bytes of a header block.
const (
	whyEmpty    = "an empty message"
	whyNoEnd    = "the header block does not end with an empty line"
	whyHead     = "the header block is larger than 16 KiB"
	whyLines    = "more than 200 header lines"
	whyByte     = "a bare CR, LF or NUL in the header block"
	whyName     = "a header line without a name and a colon"
	whyContinue = "a continuation line that continues nothing"
	whyEntries  = "a list of more than 100 entries"
)

var crlf = []byte("\r\n")

// block is a message cut into its parts, with the header lines made canonical:
// every line is one "name: value" of a header that is extracted, its name in the
// one form that [canonical] knows, its value unfolded.
type block struct {
	start []byte   // the start line, its CRLF not included
	lines []byte   // the canonical lines, each with its CRLF
	body  []byte   // all that follows the empty line
	agent []byte   // what the headers of maxAgent say
	named []string // numbers in headers that are about parties and are not extracted
	why   string   // the first thing that is wrong; "": nothing
	large bool     // that is a size
}

func (b *block) flaw(why string) {
	if b.why == "" {
		b.why = why
	}
}

// cut checks the bytes of a frame and cuts it up. What is wrong with one line
// costs that line only, so that the rest can still serve to answer.
func cut(frame []byte) (b block) {
	for bytes.HasPrefix(frame, crlf) {
		frame = frame[len(crlf):] // RFC 3261 section 7.5
	}
	head := frame
	if end := bytes.Index(frame, []byte("\r\n\r\n")); end >= 0 {
		head, b.body = frame[:end+2], frame[end+4:]
	} else if len(frame) <= maxHead {
		b.flaw(whyNoEnd)
	}
	if len(head) > maxHead {
		b.flaw(whyHead)
		b.large = true
		head = head[:maxHead]
		if end := bytes.LastIndex(head, crlf); end >= 0 {
			head = head[:end+2] // the rest of a line is not a line
		}
	}
	clean := isClean(head)
	if !clean {
		b.flaw(whyByte)
	}
	b.start, head = cutLine(head)
	if !clean && hasBadByte(b.start) {
		b.start = nil
	}
	b.lines = make([]byte, 0, len(head)+64)
	for n := 0; len(head) > 0; {
		var size, lines int
		size, lines = logicalLine(head)
		if n += lines; n > maxLines {
			b.flaw(whyLines)
			b.large = b.large || b.why == whyLines
			break
		}
		b.add(head[:size], clean)
		head = head[size:]
	}
	return b
}

// isClean reports whether CR and LF come in pairs only, and no NUL at all. A NUL
// is refused even where the grammar lets a quoted-pair hold one: it ends a string
// for some readers and not for others.
func isClean(head []byte) bool {
	pairs := bytes.Count(head, crlf)
	return bytes.Count(head, crlf[:1]) == pairs && bytes.Count(head, crlf[1:]) == pairs &&
		bytes.IndexByte(head, 0) < 0
}

// hasBadByte is isClean for one line without its CRLF.
func hasBadByte(line []byte) bool {
	return bytes.IndexByte(line, '\r') >= 0 || bytes.IndexByte(line, '\n') >= 0 || bytes.IndexByte(line, 0) >= 0
}

// cutLine takes one line off, up to CRLF.
func cutLine(b []byte) (line, rest []byte) {
	end := bytes.Index(b, crlf)
	if end < 0 {
		return b, nil
	}
	return b[:end], b[end+2:]
}

// logicalLine measures a line and its continuations (RFC 3261 section 7.3.1).
func logicalLine(b []byte) (size, lines int) {
	for {
		lines++
		end := bytes.Index(b[size:], crlf)
		if end < 0 {
			return len(b), lines
		}
		size += end + 2
		if size == len(b) || !isBlank(b[size]) {
			return size, lines
		}
	}
}

// add makes one logical line canonical.
func (b *block) add(line []byte, clean bool) {
	if isBlank(line[0]) {
		b.flaw(whyContinue)
		return
	}
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		b.flaw(whyName)
		return
	}
	name := bytes.TrimRight(line[:colon], " \t")
	if !isTokenBytes(name) {
		b.flaw(whyName)
		return
	}
	known := canonical(name)
	if known == "" {
		switch {
		case namesAgent(name):
			b.describe(line[colon+1:])
		case namesParty(name):
			b.numbers(line[colon+1:])
		}
		return
	}
	mark := len(b.lines)
	b.lines = append(b.lines, known...)
	b.lines = append(b.lines, ':')
	for value := line[colon+1:]; len(value) > 0; {
		var part []byte
		part, value = cutLine(value)
		part = bytes.Trim(part, " \t")
		if !clean && hasBadByte(part) {
			b.lines = b.lines[:mark]
			return
		}
		if len(part) > 0 {
			b.lines = append(b.lines, ' ')
			b.lines = append(b.lines, part...)
		}
	}
	b.lines = append(b.lines, '\r', '\n')
}

// maxAgent bounds what is kept of User-Agent and Server, in bytes.
const maxAgent = 128

// namesAgent reports whether a header says what program its sender is.
func namesAgent(name []byte) bool {
	switch len(name) {
	case len("User-Agent"):
		return bytes.EqualFold(name, []byte("User-Agent"))
	case len("Server"):
		return bytes.EqualFold(name, []byte("Server"))
	}
	return false
}

// describe keeps the words of such a header, as they stand but for what is no text.
func (b *block) describe(value []byte) {
	for len(value) > 0 && len(b.agent) < maxAgent {
		c := value[0]
		value = value[1:]
		if c < ' ' || c == 0x7f {
			c = ' '
		}
		if c != ' ' || len(b.agent) > 0 && b.agent[len(b.agent)-1] != ' ' {
			b.agent = append(b.agent, c)
		}
	}
	if n := len(b.agent); n > 0 && n < maxAgent && b.agent[n-1] != ' ' {
		b.agent = append(b.agent, ' ')
	}
}

// Bounds of what is kept of numbers in headers that are not extracted: how many, and how many digits each has.
const (
	maxNamed   = 8
	leastNamed = 7
	mostNamed  = 20
)

// namesParty reports whether a header that is not extracted tells of who calls or is called (RFC 5806, 7044, 3892, 7315, 8496,
// 5503, 8224 and what their makers call them).
func namesParty(name []byte) bool {
	if len(name) < len("Reply-To") {
		return len(name) == 1 && name[0]|0x20 == 'b' // Referred-By
	}
	for _, known := range [...]string{
		"Diversion", "CC-Diversion", "History-Info", "Referred-By", "Reply-To", "P-Called-Party-ID", "P-Associated-URI", "P-Served-User", "P-Charge-Info",
		"P-Refused-URI-List", "P-DCS-Trace-Party-ID", "P-DCS-Billing-Info", "P-DCS-Redirect", "Additional-Identity", "Relayed-Charge", "P-Profile-Key",
		"Organization", "Call-Info", "Identity-Info", "P-Preferred-Service", "P-Asserted-Service", "User-to-User",
	} {
		if len(name) == len(known) && bytes.EqualFold(name, []byte(known)) {
			return true
		}
	}
	return false
}

// numbers keeps what reads like a telephone number in such a header: digits and dashes, a plus in front.
func (b *block) numbers(value []byte) {
	for i := 0; i < len(value) && len(b.named) < maxNamed; {
		if c := value[i]; (c < '0' || c > '9') && c != '+' {
			i++
			continue
		}
		from, digits := i, 0
		for i++; i < len(value) && (value[i] >= '0' && value[i] <= '9' || value[i] == '-'); i++ {
			if value[i] != '-' {
				digits++
			}
		}
		if value[from] != '+' {
			digits++
		}
		if digits >= leastNamed && digits <= mostNamed && (i == len(value) || !isAlphanumeric(value[i])) && (from == 0 || !isAlphanumeric(value[from-1])) {
			b.named = append(b.named, string(value[from:i]))
		}
	}
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

func isTokenBytes(b []byte) bool {
	for _, c := range b {
		if !tokenChars[c] {
			return false
		}
	}
	return len(b) > 0
}
