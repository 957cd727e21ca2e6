package shard_test

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"mask700/sip/flow"
	"mask700/sip/message"
)

// actor is a party of a flow that is written by hand. It fills in what a line
// of the flow does not say, from what it has sent and received.
type actor struct {
	name, number, host, gateway string
	listener                    uint16
	secrets                     *secrets

	count     int // of branches
	seq       uint32
	last      []byte // the last message sent
	session   int
	media     int    // port
	described string // the last description sent
	rack      string // of the last reliable provisional response received

	invite  *message.Message            // the last INVITE sent
	refused *message.Message            // the failure that it got
	opening *message.Message            // the last INVITE received that begins a dialog
	asked   map[string]*message.Message // the last request received, by method
	callID  string
	tag     string // ours
	peer    string // From or To of the other, with its tag once there is one
	self    string
	target  string // where requests in the dialog go

	dress func([]byte) []byte // changes what is about to be sent; nil: nothing does
}

func newActor(w *world, name, number, host string, listener uint16) *actor {
	a := &actor{
		name: name, number: number, host: host, listener: listener, media: 6000, asked: map[string]*message.Message{},
		gateway: []string{insideHost, outsideHost}[listener],
		callID:  "call-of-" + name + "@" + host[:strings.IndexByte(host, ':')], tag: "tag-of-" + name,
	}
	a.secrets = w.guard.add(name, number, host,
		"call-of-"+name, a.tag, "of-"+name, "Name of "+name, "Phone-of-"+name, "session-of-"+name, "user-"+name)
	for _, proxy := range []string{"77:5060", "78:5060"} {
		a.secrets.hosts = append(a.secrets.hosts, netip.MustParseAddrPort(a.secrets.network+proxy))
	}
	a.self = fmt.Sprintf(`"Name of %s" <sip:%s@%s>;tag=%s`, name, number, host, a.tag)
	return a
}

func (a *actor) flow() flow.Flow {
	return flow.Flow{
		Listener: a.listener, Local: netip.MustParseAddrPort(a.gateway), Remote: netip.MustParseAddrPort(a.host),
	}
}

// sees notes a message that came from the gateway.
func (a *actor) sees(m *message.Message) {
	if m.Contact != nil {
		a.target = m.ContactURI()
	}
	if m.RSeq > 0 {
		a.rack = fmt.Sprintf("%d %d %s", m.RSeq, m.CSeq, m.CSeqMethod)
	}
	if m.IsRequest() {
		a.asked[m.Method] = m
		if m.To.Tag == "" && m.Method == "INVITE" {
			a.callID, a.peer, a.opening = m.CallID, m.From.Text, m
			a.self = m.To.Text + ";tag=" + a.tag
		}
		return
	}
	if m.Method == "INVITE" && m.To.Tag != "" && a.invite != nil && m.CSeq == a.invite.CSeq {
		if m.Status >= 300 {
			a.refused = m
		} else {
			a.refused = nil
			a.peer = m.To.Text
		}
	}
}

// write makes a message of a few lines:
//
//	INVITE 700100000010007      a request, its user where it has to be said
//	486 | 200 BYE | 200 CANCEL  a response to the last request of a method, INVITE if none is named
//	Require: 100rel             a header in the place of the one that would be there, or beside
//	-Contact                    a header left out
//	sdp sendonly port=7000      a description, and what is not as always; key=one: encrypted;
//	                            fax, bundle, mux, foreign; level=sendonly: of the session
//	same                        the last description once more
//	body Signal=5\r\n           a body of another type
//	as second                   from another phone of the same number, behind a proxy that forks
//	first                       an answer to the INVITE that began the dialog, whatever came since
//
// A first line with "SIP/2.0" begins a message that is taken as it stands.
func (a *actor) write(input string) ([]byte, error) {
	lines := strings.Split(strings.TrimRight(input, "\n"), "\n")
	var body, phone string
	var extra, without []string
	last := a.asked["INVITE"]
	defer func() { a.asked["INVITE"] = last }()
	for _, l := range lines[1:] {
		switch {
		case strings.HasPrefix(l, "body "):
			body = strings.ReplaceAll(l[5:], `\r\n`, "\r\n")
		case l == "same":
			body = a.described
		case l == "first":
			a.asked["INVITE"] = a.opening
		case strings.HasPrefix(l, "as "):
			phone = "-" + l[3:]
		case l == "sdp" || strings.HasPrefix(l, "sdp "):
			body = a.describe(strings.Fields(l)[1:])
			a.described = body
		case strings.HasPrefix(l, "-"):
			without = append(without, l[1:])
		default:
			extra = append(extra, l)
		}
	}
	if strings.Contains(lines[0], "SIP/2.0") {
		head, rest, _ := strings.Cut(strings.TrimRight(input, "\n"), "\n\n")
		if rest != "" {
			rest += "\n"
		}
		return a.sent([]byte(strings.ReplaceAll(head+"\n\n"+rest, "\n", "\r\n"))), nil
	}
	first := strings.Fields(lines[0])
	compose := a.request
	if _, err := strconv.Atoi(first[0]); err == nil {
		compose = a.response
	}
	headers, err := compose(first)
	if err != nil {
		return nil, err
	}
	headers = append(headers, "User-Agent: Phone-of-"+a.name, "Organization: of-"+a.name,
		"X-Phone: user-"+a.name+" "+a.number)
	if body != "" {
		headers = append(headers, "Content-Type: application/sdp")
	}
	headers = append(headers, "Content-Length: "+strconv.Itoa(len(body)))
	head := strings.Join(edit(headers, extra, without), "\r\n")
	if phone != "" {
		head = strings.NewReplacer(a.tag, a.tag+phone, "user-"+a.name, "user-"+a.name+phone).Replace(head)
	}
	return a.sent([]byte(head + "\r\n\r\n" + body)), nil
}

// sent dresses what is sent, and notes it.
func (a *actor) sent(b []byte) []byte {
	if a.dress != nil {
		b = a.dress(b)
	}
	a.last = b
	if m, fault := message.Parse(b); fault == nil && m.Method == "INVITE" && m.IsRequest() {
		a.invite = m
		a.seq = m.CSeq
	}
	return b
}

// edit puts headers in and takes headers out. The start line stays first.
func edit(headers, extra, without []string) []string {
	out := headers[:1:1]
	name := func(line string) string { n, _, _ := strings.Cut(line, ":"); return strings.ToLower(n) }
	replaced := func(n string) bool {
		for _, e := range extra {
			if name(e) == n {
				return true
			}
		}
		for _, o := range without {
			if strings.ToLower(o) == n {
				return true
			}
		}
		return false
	}
	for _, h := range headers[1:] {
		if !replaced(name(h)) {
			out = append(out, h)
		}
	}
	return append(out, extra...)
}

func (a *actor) branch() string {
	a.count++
	return fmt.Sprintf("z9hG4bK-of-%s-%d", a.name, a.count)
}

func (a *actor) request(first []string) ([]string, error) {
	method := first[0]
	branch, to, seq := "", a.peer, a.seq
	switch {
	case len(first) > 1: // outside of a dialog
		a.target = "sip:" + first[1] + "@" + a.gateway
		to = "<" + a.target + ">"
		a.peer = to
	case method == "CANCEL" && a.invite != nil:
		a.target, to, branch = a.invite.Target.Text(), a.invite.To.Text, a.invite.Via[0].Branch
	case method == "ACK" && a.refused != nil:
		a.target, to, branch = a.invite.Target.Text(), a.refused.To.Text, a.invite.Via[0].Branch
	case a.peer == "":
		return nil, fmt.Errorf("%s has no dialog", a.name)
	}
	switch method {
	case "ACK", "CANCEL":
		if a.invite != nil {
			seq = a.invite.CSeq
		}
	default:
		a.seq++
		seq = a.seq
	}
	if branch == "" {
		branch = a.branch()
	}
	h := []string{
		method + " " + a.target + " SIP/2.0",
		"Via: SIP/2.0/UDP " + a.host + ";rport;branch=" + branch,
		"Max-Forwards: 70",
		"From: " + a.self,
		"To: " + to,
		"Call-ID: " + a.callID,
		"CSeq: " + strconv.Itoa(int(seq)) + " " + method,
	}
	if method == "INVITE" || method == "UPDATE" {
		h = append(h, a.contact())
	}
	if method == "PRACK" {
		h = append(h, "RAck: "+a.rack)
	}
	return h, nil
}

func (a *actor) contact() string {
	return "Contact: <sip:user-" + a.name + "@" + a.host + ";of-" + a.name + ">;+sip.instance=\"of-" + a.name + "\""
}

func (a *actor) response(first []string) ([]string, error) {
	method := "INVITE"
	if len(first) > 1 {
		method = first[1]
	}
	m := a.asked[method]
	if m == nil {
		return nil, fmt.Errorf("%s was not asked %s", a.name, method)
	}
	to := m.To.Text
	if m.To.Tag == "" && first[0] != "100" {
		to += ";tag=" + a.tag
	}
	h := []string{"SIP/2.0 " + first[0] + " of-" + a.name}
	for _, v := range m.Via {
		h = append(h, "Via: "+v.Text)
	}
	h = append(h, "From: "+m.From.Text, "To: "+to, "Call-ID: "+m.CallID,
		"CSeq: "+strconv.Itoa(int(m.CSeq))+" "+method)
	if (method == "INVITE" || method == "UPDATE") && first[0] != "100" {
		h = append(h, a.contact())
	}
	return h, nil
}

// describe makes a session description full of what must not cross.
func (a *actor) describe(options []string) string {
	host, _, _ := strings.Cut(a.host, ":")
	direction, proto, connection, port, types := "sendrecv", "RTP/AVP", host, a.media, "8 0 101"
	first, more := "", ""
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		switch name {
		case "port":
			port, _ = strconv.Atoi(value)
		case "proto":
			proto = value
		case "c":
			connection = value
		case "key", "key3": // the number is the tag
			tag := strings.TrimPrefix(name+"1", "key")[:1]
			more += "a=crypto:" + tag + " AES_CM_128_HMAC_SHA1_80 inline:" + a.key(value) + "\n"
		case "mux":
			more += "a=rtcp-mux\n"
		case "level": // the session's direction, before the line's
			first, direction = "a="+value+"\n", ""
		case "fax":
			return a.fax(host, port)
		case "video": // beside the audio, on the port 100 further; the value is its direction, or off
			at, way := port+100, value
			if value == "off" {
				at, way = 0, "inactive"
			}
			more += "m=video " + strconv.Itoa(at) + " RTP/AVPF 96\nc=IN IP4 " + host + "\nb=AS:512\na=rtpmap:96 H264/90000\n" +
				"a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;sprop-parameter-sets=user-" + a.name + "\n" +
				"a=rtcp-fb:* nack pli\na=rtcp-fb:96 user-" + a.name + "\na=msid:user-" + a.name + " 1\na=ssrc:2 cname:user-" + a.name + "@" + host + "\na=" + way + "\n"
		case "image": // a fax beside the audio, on the port 150 further
			more += "m=image " + strconv.Itoa(port+150) + " udptl t38\na=T38FaxVersion:0\na=T38MaxBitRate:14400\na=T38VendorInfo:0 " + a.number + " user-" + a.name + "\n"
		case "off":
			port = 0
		case "audio2":
			more += "m=audio " + strconv.Itoa(port+200) + " RTP/AVP 8\n"
		case "bundle":
			first += "a=group:BUNDLE 0 1\na=ice-options:trickle\n"
			more += "a=mid:0\na=ice-ufrag:user-" + a.name + "\na=rtcp-mux\nm=video " + strconv.Itoa(port) + " " + proto + " 96\na=mid:1\na=bundle-only\na=rtpmap:96 VP8/90000\n"
		case "foreign": // lines of kinds and over transports that are nobody's, named like the actor
			first += "m=application 9 TCP/MRCPv2 1\na=channel:user-" + a.name + "@speechrecog\na=rtpmap:user-" + a.name + "\n"
			more += "m=user-" + a.name + " 9 UDP/user-" + a.name + " user-" + a.name + " of-" + a.name + "\na=user-" + a.name + "\n" +
				"m=video 0 UDP/RTP 31\n"
		case "types":
			types = strings.ReplaceAll(value, ",", " ")
		default:
			direction = name
		}
	}
	if direction != "" {
		direction = "a=" + direction + "\n"
	}
	a.session++
	return strings.ReplaceAll(fmt.Sprintf(`v=0
o=session-of-%[1]s %[2]s%[3]d %[3]d IN IP4 %[4]s
s=session-of-%[1]s
i=%[2]s
e=user-%[1]s@%[4]s
p=+86%[2]s
c=IN IP4 %[5]s
t=0 0
%[11]sm=audio %[6]d %[7]s %[8]s
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=candidate:1 1 UDP 1 %[4]s %[6]d typ host
a=ssrc:1 cname:user-%[1]s@%[4]s
a=rtcp:%[9]d IN IP4 %[4]s
%[10]s%[12]s`, a.name, a.number, a.session, host, connection, port, proto, types, port+1, direction, first, more), "\n", "\r\n")
}

// key makes a key of SRTP by a name, which is a secret of the actor's.
func (a *actor) key(name string) string {
	k := base64.StdEncoding.EncodeToString([]byte((name + keysOf(a.name) + strings.Repeat(".", 30))[:30]))
	a.secrets.learn(k)
	return k
}

// keysOf is what all keys of an actor's have in them.
func keysOf(actor string) string { return " is a key of the " + actor }

// fax is a description of a gateway for fax machines.
func (a *actor) fax(host string, port int) string {
	a.session++
	return strings.ReplaceAll(fmt.Sprintf(`v=0
o=session-of-%[1]s %[2]s%[3]d %[3]d IN IP4 %[4]s
s=session-of-%[1]s
c=IN IP4 %[4]s
t=0 0
m=image %[5]d udptl t38
a=T38FaxVersion:0
a=T38MaxBitRate:14400
a=T38FaxRateManagement:transferredTCF
a=T38FaxMaxDatagram:272
a=T38FaxUdpEC:t38UDPRedundancy
a=T38VendorInfo:0 %[2]s user-%[1]s
`, a.name, a.number, a.session, host, port), "\n", "\r\n")
}
