package shard_test

import (
	"fmt"
	"slices"
	"strings"
)

// grower writes messages by the grammar of RFC 3261 and of session descriptions. The
// bytes of a fuzzer choose the productions; when there are none left it takes the
// first of each, which ends.
type grower struct {
	d    *dresser // of the actor that writes
	left *[]byte  // shared by all that write
	n    int      // marks written so far
	deep int      // productions in one another
}

// pick chooses one of n.
func (g *grower) pick(n int) int {
	if len(*g.left) == 0 || n < 2 {
		return 0
	}
	b := (*g.left)[0]
	*g.left = (*g.left)[1:]
	return int(b) % n
}

func (g *grower) one(of ...string) string { return of[g.pick(len(of))] }

// mark is a secret of the writer's: {t} a word, {n} a number, {h} an address and the
// like, as spell knows them.
func (g *grower) mark(verbs ...string) string {
	g.n++
	return g.d.spell("grown", "{"+g.one(verbs...)+"}", g.n%1000)
}

// many repeats a production some times.
func (g *grower) many(most int, of func() string) string {
	var b strings.Builder
	for range g.pick(most + 1) {
		b.WriteString(of())
	}
	return b.String()
}

func (g *grower) blanks() string { return g.one("", " ", "\t", "  ", "\r\n ", " \r\n\t ") }

func (g *grower) token() string {
	switch g.pick(4) {
	case 0:
		return g.mark("t")
	case 1:
		return g.mark("n")
	case 2:
		return g.one("x", "0", "-", "a.b", "!%*_+`'~", "tag", "lr", "branch") + g.mark("t", "x")
	}
	return g.one("yes", "1", "z9hG4bK", "udp", "sip", "id")
}

func (g *grower) quoted() string {
	return `"` + g.many(4, func() string {
		switch g.pick(6) {
		case 0:
			return g.mark("t", "n", "e", "h", "x", "b", "j", "p")
		case 1:
			return `\` + g.one(`"`, `\`, "a", "<", "1")
		case 2:
			return g.one("<sip:", ">", ",", ";", "@", " ", "\xc3\xa9", "=", ":", "\r\n ")
		case 3:
			return g.one("\r\nX: ", "\n", "\x00", "\r") + g.mark("n") // what a filter may overlook
		}
		return g.one("a", " b ", "c")
	}) + `"`
}

// user is the part of a URI before the @.
func (g *grower) user() string {
	u := ""
	switch g.pick(6) {
	case 0:
		u = g.mark("n", "p", "e")
	case 1:
		u = g.mark("t") + g.one("", "%40", "%3A", "%0D%0A", "%00", "%3Ctel") + g.mark("n")
	case 2:
		u = "+86" + g.mark("n") + ";" + g.one("phone-context", "isub", "postd", "rn", "tgrp", "cic", "npdi") + "=" + g.mark("n", "t", "e")
	case 3:
		u = g.d.number
	case 4:
		u = "700100000010007"
	default:
		u = g.one("*", "a", "anonymous", "")
	}
	if g.pick(5) == 1 {
		u += ":" + g.mark("t")
	}
	return u
}

func (g *grower) host() string {
	switch g.pick(5) {
	case 0:
		return g.mark("h") + g.one("", ":5060", ":1", ":65535", ":0")
	case 1:
		return g.mark("t") + ".example"
	case 2:
		return "[" + g.one("2001:db8::1", "::ffff:"+g.mark("h"), "::1%25"+g.mark("t")) + "]"
	case 3:
		return strings.Split(g.d.host, ":")[0]
	}
	return g.one("192.0.2.1", "198.51.100.1:5060", "anonymous.invalid")
}

func (g *grower) uri() string {
	switch g.pick(8) {
	case 0:
		return "tel:" + g.mark("n", "e") + g.params()
	case 1:
		return g.one("urn:service:", "http://", "mailto:", "cid:", "data:,") + g.mark("t", "n", "h")
	}
	at := "@"
	user := g.user()
	if user == "" {
		at = ""
	}
	text := g.one("sip:", "sips:", "SIP:", "sIp:") + user + at + g.host() + g.params()
	if g.pick(4) == 1 {
		text += "?" + g.one("Replaces", "Subject", "Route", "P-Asserted-Identity", "body") + "=" + g.mark("p", "t") + "%3B" + g.mark("t")
	}
	return text
}

func (g *grower) params() string {
	return g.many(3, func() string {
		name := g.one("tag", "x", "lr", "branch", "received", "rport", "user", "transport", "maddr", "cause", "text", "expires", "q",
			"refresher", "handling", "boundary", "cpc", "+sip.instance", "gr", "TAG", g.mark("t"))
		switch g.pick(4) {
		case 0:
			return ";" + name + "=" + g.token()
		case 1:
			return g.one(";", " ; ", ";\r\n ") + name + g.one("=", " = ") + g.quoted()
		case 2:
			return ";" + name + "=" + g.mark("h", "n")
		}
		return ";" + name
	})
}

func (g *grower) address() string {
	switch g.pick(4) {
	case 0:
		return "<" + g.uri() + ">" + g.params()
	case 1:
		return g.quoted() + g.blanks() + "<" + g.uri() + ">" + g.params()
	case 2:
		return g.mark("t") + " " + g.one("x", "of "+g.mark("n")) + " <" + g.uri() + ">" + g.params()
	}
	return g.uri() + g.params()
}

func (g *grower) comment() string {
	if g.deep++; g.deep > 4 {
		return ""
	}
	return "(" + g.one("", g.mark("n", "t", "e"), `\)`, g.comment()) + ")"
}

func (g *grower) digest() string {
	return g.one("Digest ", "digest ", "Basic ", "") + "username=" + g.quoted() + ", realm=" + g.quoted() + ",nonce=" + g.quoted() +
		", uri=\"" + g.uri() + "\", " + g.one("opaque", "domain", "response", "algorithm") + "=" + g.one(g.quoted(), g.token())
}

// named are the headers that are read, with what they hold, and some that are not.
var named = []struct {
	names string
	value func(*grower) string
}{
	{"From f", (*grower).address}, {"To t", (*grower).address}, {"Contact m", (*grower).address},
	{"P-Asserted-Identity", (*grower).address}, {"P-Preferred-Identity", (*grower).address}, {"Remote-Party-ID", (*grower).address},
	{"Record-Route", (*grower).address}, {"Route", (*grower).address}, {"Refer-To r", (*grower).address},
	{"Via v", func(g *grower) string {
		return g.one("SIP/2.0/UDP ", "SIP / 2.0 / TLS ", "SIP/2.0/"+g.mark("t")+" ") + g.host() + g.params() + g.one("", g.comment())
	}},
	{"Call-ID i", func(g *grower) string { return g.token() + g.one("", "@"+g.host()) }},
	{"Reason", func(g *grower) string {
		return g.one("Q.850", "SIP", g.mark("t")) + ";cause=" + g.one("16", "200", g.mark("n")) + g.params() + ";text=" + g.quoted()
	}},
	{"Privacy", func(g *grower) string { return g.one("id", "none", "user;critical", g.mark("t")) }},
	{"Supported k", (*grower).token}, {"Require", (*grower).token}, {"Proxy-Require", (*grower).token}, {"Allow", (*grower).token}, {"Unsupported", (*grower).token},
	{"Accept", func(g *grower) string {
		return g.one("application/sdp", "*/*", g.mark("t")+"/"+g.mark("t")) + g.params()
	}},
	{"Session-Expires x", func(g *grower) string { return g.one("90", "1800", g.mark("n")) + g.params() }},
	{"Min-SE", func(g *grower) string { return g.one("90", g.mark("n")) + g.params() }},
	{"Expires", func(g *grower) string { return g.one("60", g.mark("n")) }},
	{"Retry-After", func(g *grower) string { return g.one("5 ", g.mark("n")) + g.comment() + g.params() }},
	{"RSeq", func(g *grower) string { return g.one("1", "2147483647", g.mark("n")) }},
	{"RAck", func(g *grower) string { return g.one("1 1 INVITE", g.mark("n")+" 1 "+g.mark("t")) }},
	{"CSeq", func(g *grower) string { return g.one("1 INVITE", "2147483646 INVITE", g.mark("n")+" "+g.mark("t")) }},
	{"Max-Forwards", func(g *grower) string { return g.one("70", "0", g.mark("n")) }},
	{"Timestamp", func(g *grower) string { return g.mark("n") + g.one("", ".5", " 1.0") }},
	{"Event o", func(g *grower) string { return g.token() + g.params() }},
	{"Info-Package", func(g *grower) string { return g.token() + g.params() }},
	{"Content-Type c", func(g *grower) string {
		return g.one("application/sdp", "application/dtmf-relay", "multipart/mixed", "text/plain", g.mark("t")+"/x") + g.params()
	}},
	{"Content-Disposition", func(g *grower) string { return g.one("session", "render", g.mark("t")) + g.params() }},
	{"Content-Encoding e", (*grower).token},
	{"Authorization", (*grower).digest}, {"Proxy-Authorization", (*grower).digest}, {"WWW-Authenticate", (*grower).digest}, {"Proxy-Authenticate", (*grower).digest},
	{"Subject s", (*grower).quoted}, {"Warning", (*grower).quoted}, {"User-Agent", (*grower).comment}, {"Identity y", (*grower).token},
	{"Diversion", (*grower).address}, {"History-Info", (*grower).address}, {"Referred-By b", (*grower).address}, {"Alert-Info", (*grower).address},
}

// line is a header, in any of its forms.
func (g *grower) line() string {
	h := named[g.pick(len(named))]
	names := strings.Fields(h.names)
	name := names[g.pick(len(names))]
	switch g.pick(6) {
	case 1:
		name = strings.ToUpper(name)
	case 2:
		name = strings.ToLower(name)
	case 3:
		name += g.one(" ", "\t")
	case 4:
		name = g.mark("t")
	}
	value := h.value(g)
	for range g.pick(3) {
		value += g.one(",", " , ", ",\r\n ", ",,") + h.value(g)
	}
	return name + ":" + g.blanks() + value
}

// grow changes a message that an actor is about to send.
func (g *grower) grow(b []byte) []byte {
	g.deep = 0
	l := open(b)
	if g.pick(3) != 2 {
		g.beside(&l)
		return l.bytes()
	}
	if g.pick(3) == 1 {
		first := strings.SplitN(l.start, " ", 3)
		switch {
		case len(first) < 3:
		case l.request && g.pick(2) == 0:
			l.start = first[0] + " " + first[1] + g.params() + " " + first[2]
		case l.request:
			l.start = first[0] + " " + g.uri() + " " + first[2]
		default:
			l.start = first[0] + " " + first[1] + " " + g.one(g.mark("n"), g.quoted(), "")
		}
	}
	for range g.pick(6) {
		grown := g.line()
		name, _, _ := strings.Cut(grown, ":")
		at := slices.IndexFunc(l.headers, func(h string) bool {
			n, _, _ := strings.Cut(h, ":")
			return strings.EqualFold(n, strings.TrimSpace(name))
		})
		switch g.pick(3) {
		case 0:
			l.headers = append(l.headers, grown)
		case 1:
			if at >= 0 {
				l.headers[at] = grown // in its place
			}
		case 2:
			if at >= 0 {
				l.headers[at] += g.params() // behind it
			}
		}
	}
	if strings.HasPrefix(l.body, "v=0") && g.pick(2) == 1 {
		l.body = g.description(l.body)
	}
	if g.pick(4) == 1 {
		g.body(&l)
	}
	for i, h := range l.headers {
		if strings.HasPrefix(h, "Content-Length:") && g.pick(16) != 1 {
			l.headers[i] = fmt.Sprintf("Content-Length: %d", len(l.body))
		}
	}
	return l.bytes()
}

func (l *dressed) bytes() []byte {
	return []byte(l.start + "\r\n" + strings.Join(l.headers, "\r\n") + "\r\n\r\n" + l.body)
}

// beside adds what need not be read, so that the call goes on.
func (g *grower) beside(l *dressed) {
	for range g.pick(5) {
		switch g.pick(4) {
		case 0:
			l.headers = append(l.headers, g.mark("t")+": "+g.one(g.quoted(), g.uri(), g.token()))
		case 1:
			if f := &headers[g.pick(len(headers))]; l.wanted(f) {
				l.headers = append(l.headers, g.d.write(f))
			}
		case 2:
			for i, h := range l.headers {
				if f := &behind[g.pick(len(behind))]; strings.HasPrefix(h, f.where+":") && (l.request || !strings.Contains("Via From To", f.where)) {
					l.headers[i] += g.d.write(f)
				}
			}
		case 3:
			if strings.HasPrefix(l.body, "v=0") {
				l.body += g.d.write(&mediaLines[g.pick(len(mediaLines))]) + "\r\n"
			}
		}
	}
	for i, h := range l.headers {
		if strings.HasPrefix(h, "Content-Length:") {
			l.headers[i] = fmt.Sprintf("Content-Length: %d", len(l.body))
		}
	}
}

// description changes lines of a session description.
func (g *grower) description(body string) string {
	lines := strings.Split(strings.TrimSuffix(body, "\r\n"), "\r\n")
	for range g.pick(6) {
		at := 1 + g.pick(len(lines))
		line := ""
		switch g.pick(6) {
		case 0:
			line = g.d.write(&sessionLines[g.pick(len(sessionLines))])
		case 1:
			line = g.d.write(&mediaLines[g.pick(len(mediaLines))])
		case 2:
			line = g.one("c=IN IP4 "+g.mark("h"), "c=IN IP6 ::ffff:"+g.mark("h"), "c=IN IP4 "+g.mark("t")+".example", "o="+g.mark("t")+" "+g.mark("n")+" 1 IN IP4 "+g.mark("h"))
		case 3:
			line = "m=" + g.one("audio", "video", "image", "message", g.mark("t")) + " " + g.one("6000", "0", "9", "13913") + " " +
				g.one("RTP/AVP", "RTP/SAVP", "UDP/TLS/RTP/SAVPF", "udptl", "TCP/MSRP", g.mark("t")) + " " + g.one("8 0", "96", "t38", g.mark("n"), "*")
		case 4:
			line = "a=" + g.one("rtpmap:96 ", "fmtp:101 ", "fmtp:96 ", "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:", "rtcp:", "ptime:", "T38VendorInfo:", "T38FaxMaxDatagram:",
				"candidate:", "ssrc:1 cname:", "mid:", "group:BUNDLE ", "label:", "framerate:", "imageattr:96 ", "setup:") +
				g.one(g.mark("t"), g.mark("n"), g.mark("h"), g.mark("b"), g.mark("n")+"/8000", "mode-set="+g.mark("n"), "apt="+g.mark("n"))
		case 5:
			line = g.one("s=", "i=", "e=", "p=", "u=", "k=", "t=", "z=", "r=", "b=", "a=", "x=", "") + g.mark("t", "n", "e", "h", "p", "x", "j")
		}
		lines = slices.Insert(lines, min(at, len(lines)), line)
	}
	return strings.Join(lines, g.one("\r\n", "\n", "\r\n")) + "\r\n"
}

// body puts what a message carries among other parts, or gives it another body.
func (g *grower) body(l *dressed) {
	typed := slices.IndexFunc(l.headers, func(h string) bool { return strings.HasPrefix(h, "Content-Type:") })
	if typed < 0 {
		l.headers = append(l.headers, "Content-Type: text/plain")
		typed = len(l.headers) - 1
	}
	boundary := g.one("b", "-", "'()+_,-./:=?", g.mark("t"))
	var b strings.Builder
	for range 1 + g.pick(3) {
		k := bodies[g.pick(len(bodies))]
		kind := g.d.spell("grown", k.kind, g.n%900)
		text := g.d.spell("grown", k.text, g.n%900)
		b.WriteString("--" + boundary + g.one("\r\n", " \r\n", "\n") + "Content-Type: " + kind + "\r\n" + g.many(2, func() string { return g.line() + "\r\n" }) + "\r\n" + text + "\r\n")
	}
	if l.body != "" {
		b.WriteString("--" + boundary + "\r\n" + l.headers[typed] + "\r\n\r\n" + l.body + "\r\n")
	}
	l.body = b.String() + "--" + boundary + g.one("--\r\n", "--", "", "\r\n") + g.many(1, func() string { return g.mark("n") })
	l.headers[typed] = "Content-Type: " + g.one("multipart/mixed", "multipart/related", "multipart/alternative", "Multipart/"+g.mark("t")) +
		";boundary=" + g.one(`"`+boundary+`"`, boundary)
}
