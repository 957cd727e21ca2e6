package rig

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// composer writes the messages of one phone, in the order in which it sends them.
type composer struct {
	role     string
	out      strings.Builder
	index    int             // of the next element, as SIPp counts them
	sent     map[string]int  // by method: the index of the last request
	invite   line            // the last INVITE sent
	received string          // method of the last request that came in
	first    map[string]bool // by method: the last request of that method was outside of a dialog
	later    map[string]bool // methods that some response answers by name
	body     string          // the last description sent, without its version
	version  int             // of it
}

// answersByName matches a response that says which request it answers, since another has come in meanwhile.
var answersByName = regexp.MustCompile(`^[1-6][0-9][0-9] ([A-Z]+)\b`)

// line is the first line of a message in short.
//
//	INVITE            begins a dialog, as any method may; ACK and CANCEL: of the last INVITE, in the transaction of it
//	BYE 2             inside the dialog, with this CSeq; ACK 1: of a 2xx
//	BYE 2 again       the same request once more, with the branch of the last one
//	180               answers the last request that came in
//	200 INVITE        answers this one, though another came in after it
//
// The words sdp (with a description) and tag=… (of another phone that the call forked to) may follow.
type line struct {
	method string // of the request, or of the one that is answered; empty: the last one
	status int
	cseq   int // 0: not inside a dialog
	again  bool
	sdp    bool
	tag    string
}

func parseLine(text string) (line, error) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return line{}, errors.New("there is no message in it")
	}
	l := line{method: words[0]}
	if n, err := strconv.Atoi(words[0]); err == nil {
		l.status, l.method = n, ""
	}
	for _, w := range words[1:] {
		n, err := strconv.Atoi(w)
		tag, tagged := strings.CutPrefix(w, "tag=")
		switch {
		case err == nil && l.status == 0:
			l.cseq = n
		case w == "again":
			l.again = true
		case w == "sdp":
			l.sdp = true
		case tagged:
			l.tag = tag + "-"
		case l.status != 0 && w == strings.ToUpper(w):
			l.method = w
		default:
			return l, fmt.Errorf("the word %q is not known", w)
		}
	}
	return l, nil
}

// send writes a send.
func (c *composer) send(e element) error {
	lines := strings.Split(strings.TrimSpace(e.Text), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	if strings.Contains(lines[0], "SIP/2.0") {
		if strings.HasPrefix(lines[0], "INVITE ") {
			c.sent["INVITE"] = c.index
		}
		c.write(e.attributes(), lines)
		return nil
	}
	l, err := parseLine(lines[0])
	if err != nil {
		return err
	}
	m := c.request
	if l.status != 0 {
		m = c.response
	}
	text, err := c.finish(m(l), l, lines[1:])
	if err != nil {
		return err
	}
	attributes := e.attributes("once")
	if e.attr("once") == "" && (l.status == 0 && l.method != "ACK" || l.status >= 200 && c.answers(l) == "INVITE") {
		attributes += ` retrans="500"`
	}
	c.write(attributes, text)
	return nil
}

// finish adds to a message what its scenario says below the first line: headers, "Name: value" in place of the usual one
// or below it, a keyword of SIPp's that makes one, "-Name" for none; after sdp, lines of the description; after an empty
// line a body.
func (c *composer) finish(m composed, l line, lines []string) (text []string, err error) {
	var description, body []string
	replaced := map[string]bool{}
	for i, t := range lines {
		if t == "" {
			body = lines[i+1:]
			break
		}
		name, _, colon := strings.Cut(t, ":")
		switch {
		case t[0] == '-':
			m.remove(t[1:])
		case l.sdp && len(t) > 1 && t[1] == '=':
			description = append(description, t)
		case colon, t[0] == '[':
			m.set(name, t, replaced[name])
			replaced[name] = true
		default:
			return nil, fmt.Errorf("%q is neither a header nor a line of a description", t)
		}
	}
	if l.sdp {
		m.set("Content-Type", "Content-Type: application/sdp", false)
		body = c.describe(description)
	}
	if !m.has("Content-Length") {
		length := "0"
		if body != nil {
			length = "[len]"
		}
		m.set("Content-Length", "Content-Length: "+length, false)
	}
	text = append(text, m.start)
	for _, h := range m.headers {
		text = append(text, h.text)
	}
	return append(append(text, ""), body...), nil
}

func (c *composer) write(attributes string, lines []string) {
	c.index++
	fmt.Fprintf(&c.out, "  <send%s>\n    <![CDATA[\n\n", attributes)
	for _, l := range lines {
		c.out.WriteString(strings.TrimRight("      "+l, " ") + "\n")
	}
	c.out.WriteString("\n    ]]>\n  </send>\n")
}

// composed is a message on its way to be written.
type composed struct {
	start   string
	headers []header
}

type header struct{ name, text string }

func (m *composed) add(lines ...string) {
	for _, l := range lines {
		name, _, _ := strings.Cut(strings.TrimPrefix(l, "[last_"), ":")
		m.headers = append(m.headers, header{name, l})
	}
}

// set puts a header in the place of the one with its name, or below it, or at the end when there is none.
func (m *composed) set(name, text string, below bool) {
	at := len(m.headers)
	for i, h := range m.headers {
		if strings.EqualFold(h.name, name) {
			if !below {
				m.headers[i].text = text
				return
			}
			at = i + 1
		}
	}
	m.headers = slices.Insert(m.headers, at, header{name, text})
}

func (m *composed) has(name string) bool {
	return slices.ContainsFunc(m.headers, func(h header) bool { return strings.EqualFold(h.name, name) })
}

func (m *composed) remove(name string) {
	m.headers = slices.DeleteFunc(m.headers, func(h header) bool { return strings.EqualFold(h.name, name) })
}

const (
	dialled  = "sip:[field1]@[remote_ip]:[remote_port]"
	via      = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch="
	contact  = "Contact: <sip:[field0]@[local_ip]:[local_port];transport=[transport]>"
	ownTag   = "[pid]-[call_number]"
	asserted = ` <sip:[field0]@[local_ip]>`
)

// request composes a request.
func (c *composer) request(l line) composed {
	branch, target, inside := "[branch]", dialled, l.cseq != 0
	back := func(method string) string { return "[branch-" + strconv.Itoa(c.index-c.sent[method]) + "]" }
	switch {
	case l.again:
		branch = back(l.method)
	case l.method == "ACK" && !inside, l.method == "CANCEL":
		branch, l.cseq = back("INVITE"), c.invite.cseq
		inside = c.invite.cseq != 0
	}
	from := `From: "caller-name [field0]" <sip:[field0]@[local_ip]:[local_port]>;tag=caller-` + ownTag
	to := "To: <" + dialled + ">"
	if c.role == "callee" {
		from, to = "From:[$local];tag=callee-"+l.tag+ownTag, "To:[$remote]"
	} else if inside {
		to += "[peer_tag_param]"
	}
	m := composed{}
	m.add(via + branch)
	switch {
	case inside:
		target = "[next_url]"
		m.headers = append(m.headers, header{"Route", "[routes]"})
	case l.method == "ACK":
		to = "[last_To:]"
	}
	m.start = l.method + " " + target + " SIP/2.0"
	m.add(from)
	m.headers = append(m.headers, header{"To", to})
	m.add("Call-ID: [call_id]", "CSeq: "+strconv.Itoa(max(l.cseq, 1))+" "+l.method)
	if l.method != "ACK" && l.method != "CANCEL" && l.method != "BYE" && l.method != "PRACK" {
		m.add(contact)
	}
	if !inside && l.method == "INVITE" {
		m.add(`P-Asserted-Identity: "caller-name"` + asserted)
	}
	m.add("Max-Forwards: 70", "User-Agent: "+c.role+"-phone")
	if !inside && l.method == "INVITE" {
		m.add("Subject: caller-subject")
	}
	if l.method == "INVITE" {
		c.invite = l
	}
	if !l.again {
		c.sent[l.method] = c.index
	}
	return m
}

// answers is the method of the request that a response answers.
func (c *composer) answers(l line) string {
	if l.method != "" {
		return l.method
	}
	return c.received
}

// response composes a response.
func (c *composer) response(l line) composed {
	method := c.answers(l)
	m := composed{start: "SIP/2.0 " + strconv.Itoa(l.status) + " " + phrase(l.status)}
	copied := func(name string) header {
		if l.method != "" {
			return header{name, "[$" + kept(name, method) + "]"}
		}
		return header{name, "[last_" + name + ":]"}
	}
	to := copied("To")
	if (c.first[method] || method == "CANCEL") && l.status > 100 {
		to.text += ";tag=" + c.role + "-" + l.tag + ownTag
	}
	m.headers = []header{copied("Via"), {"Record-Route", "[last_Record-Route:]"}, copied("From"), to,
		{"Call-ID", "[last_Call-ID:]"}, copied("CSeq")}
	if method == "INVITE" || method == "UPDATE" {
		if l.status < 300 && l.status > 100 {
			m.add(contact)
		}
		if c.first[method] && l.status < 300 && l.status > 100 {
			m.add(`P-Asserted-Identity: "` + c.role + `-name"` + asserted)
		}
	}
	m.add("Server: " + c.role + "-phone")
	return m
}

// describe is the phone's session description. Of the lines given an m= line stands for all that belongs to it, a
// direction for the direction, any other a= beside the usual ones, and the rest each for its own kind. The version
// goes up when anything changed (RFC 3264 section 8).
func (c *composer) describe(changes []string) []string {
	body := []string{
		"v=0", "", "s=" + c.role + "-session", "c=IN IP[media_ip_type] [media_ip]", "t=0 0",
		"m=audio [media_port] RTP/AVP 8 101", "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000",
		"a=fmtp:101 0-15", "a=ptime:20", "a=sendrecv",
	}
	origin := "o=" + c.role + "-user 53655765 %d IN IP[local_ip_type] [local_ip]"
	media := false
	for _, l := range changes {
		switch kind := l[:2]; {
		case kind == "o=":
			origin = l
		case kind == "m=" && !media:
			media = true
			body = append(body[:5], l)
		case kind == "m=", kind == "a=" && !directions[l]:
			body = append(body, l)
		default:
			for i := range body {
				if directions[l] && directions[body[i]] || kind != "a=" && strings.HasPrefix(body[i], kind) {
					body[i] = l
					l = ""
					break
				}
			}
			if l != "" {
				body = append(body, l)
			}
		}
	}
	if text := strings.Join(body, "\n"); text != c.body {
		c.body = text
		c.version++
	}
	body[1] = strings.Replace(origin, "%d", strconv.Itoa(c.version), 1)
	return body
}

var directions = map[string]bool{"a=sendrecv": true, "a=sendonly": true, "a=recvonly": true, "a=inactive": true}

// phrases are those of RFC 3261 and of the methods' own RFCs; nobody reads them.
var phrases = map[int]string{
	100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
	199: "Early Dialog Terminated", 200: "OK", 202: "Accepted", 302: "Moved Temporarily", 404: "Not Found",
	422: "Session Interval Too Small", 480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist",
	484: "Address Incomplete", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here",
	491: "Request Pending", 500: "Server Internal Error", 503: "Service Unavailable", 600: "Busy Everywhere",
	603: "Decline",
}

func phrase(status int) string {
	if p := phrases[status]; p != "" {
		return p
	}
	return "Response"
}
