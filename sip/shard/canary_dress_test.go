package shard_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"mask700/sip/canary"
)

// manner is how a message is dressed.
type manner uint8

const (
	plainly    manner = iota // a header a line, by its long name; a description alone
	amongParts               // a description among other bodies, and other bodies where there is none
	disguised                // compact, in any case, folded
)

// dresser plants marks in what one actor sends, so that the meaning stays. It knows
// the texts that an actor writes, and nothing of the program's own readers.
type dresser struct {
	party  int // from 1
	number string
	name   string
	host   string
	manner manner

	count int               // messages dressed so far
	of    map[string]string // marks planted so far, and the kind of the field of each

	texts func() bool // numbers in texts are masked
}

func newDresser(party int, a *actor, m manner, texts func() bool) *dresser {
	return &dresser{texts: texts, party: party, number: a.number, name: a.name, host: a.host, manner: m, of: map[string]string{}}
}

// places gives every field a range of marks of its own.
var places = func() map[*field]int {
	list, n := map[*field]int{}, 0
	add := func(f *field) {
		list[f] = n
		n += strings.Count(f.text, "{")
	}
	for _, fields := range [][]field{headers, behind, sessionLines, mediaLines} {
		for i := range fields {
			add(&fields[i])
		}
	}
	for _, f := range []*field{&inTarget, &inReason, &inName, &inToName, &inTag, &inCallID, &inBranch, &inUser, &inURI, &inText, &below, &origin, &title, &about, &format, &images} {
		add(f)
	}
	list[nil] = n // the bodies
	return list
}()

// write is a field with its marks.
func (d *dresser) write(f *field) string { return d.spell(f.kind, f.text, places[f]) }

// spell replaces what stands in braces by marks, from the n-th of this party on.
func (d *dresser) spell(kind, text string, n int) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		verb, after, _ := strings.Cut(rest, "}")
		text = after
		id := d.party*1000 + n
		n++
		number := canary.Number(id)
		mark, written := number, number
		switch verb {
		case "me":
			b.WriteString(d.number)
			continue
		case "n":
		case "e":
			written = "+86-" + number[:3] + "-" + number[3:7] + "-" + number[7:]
		case "p":
			written = strings.ReplaceAll(fmt.Sprintf("% x", number), " ", "%")
			written = "%" + written
		case "x":
			written = hex.EncodeToString([]byte(number))
		case "j":
			written = base64.RawURLEncoding.EncodeToString([]byte(`{"dest":{"tn":["86` + number + `"]}}`))
		case "b":
			written = base64.StdEncoding.EncodeToString(append([]byte{1, 0, 0x48}, bcd(number)...))
		case "B":
			written = string(bcd(number))
		case "t":
			mark = canary.Text(id)
			written = mark
		case "k": // the 30 bytes of a key and salt (RFC 4568 section 6.2)
			mark = canary.Text(id)
			written = base64.StdEncoding.EncodeToString([]byte(strings.Repeat(mark, 3)))
		case "h":
			mark = canary.Host(id)
			written = mark
		case "H":
			mark = canary.Host6(id)
			written = mark
		case "r": // as the bytes that it is
			mark = canary.Host(id)
			written = string(netip.MustParseAddr(mark).AsSlice())
		case "R":
			mark = canary.Host6(id)
			written = string(netip.MustParseAddr(mark).AsSlice())
		case "X":
			mark = canary.Host(id)
			hidden := canary.XORed(mark)
			written = string(hidden[:])
		default:
			panic("no such mark: " + verb)
		}
		d.of[mark] = kind
		b.WriteString(written)
	}
}

// bcd is a number as ISUP has it (Q.763 section 3.9).
func bcd(number string) []byte {
	var b []byte
	number += strings.Repeat("0", len(number)%2)
	for i := 0; i < len(number); i += 2 {
		b = append(b, (number[i+1]-'0')<<4|(number[i]-'0'))
	}
	return b
}

// dressed is a message taken apart by its lines.
type dressed struct {
	start   string
	headers []string
	body    string
	request bool
	method  string
	opening bool // an INVITE that begins a call, or a text
	status  string
}

func open(b []byte) dressed {
	head, body, _ := strings.Cut(string(b), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	l := dressed{start: lines[0], headers: lines[1:], body: body}
	first := strings.Fields(l.start)
	if l.request = !strings.HasPrefix(l.start, "SIP/"); l.request {
		l.method = first[0]
	} else if len(first) > 1 {
		l.status = first[1]
	}
	if cseq := strings.Fields(l.value("CSeq")); len(cseq) > 1 && l.method == "" {
		l.method = cseq[1]
	}
	l.opening = l.request && (l.method == "INVITE" || l.method == "MESSAGE") && !strings.Contains(l.value("To"), "tag=")
	return l
}

// value is that of the first header of a name, long as actors write it.
func (l *dressed) value(name string) string {
	for _, h := range l.headers {
		if n, v, ok := strings.Cut(h, ":"); ok && strings.EqualFold(strings.TrimSpace(n), name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// wanted reports whether a field may be added to a message without changing what it
// means.
func (l *dressed) wanted(f *field) bool {
	if name, _, _ := strings.Cut(f.text, ":"); l.value(name) != "" {
		return false
	}
	switch f.where {
	case "request":
		return l.request
	case "response":
		return !l.request
	case "opening":
		return l.opening && l.value("Remote-Party-ID") == "" && l.value("Privacy") == "" && strings.Contains(l.value("From"), "sip:1")
	case "not opening":
		return !l.opening
	case "no contact": // where none of a dialog can be
		return l.method == "BYE" || l.method == "CANCEL" || l.method == "MESSAGE" || !l.request && l.status >= "300" && l.method == "INVITE"
	case "no challenge":
		return !l.request && l.status != "401" && l.status != "407" && l.status != "494"
	case "no info":
		return l.method != "INFO"
	case "no event":
		return l.method != "REFER" && l.method != "NOTIFY" && l.method != "SUBSCRIBE"
	}
	return true
}

// dress plants the marks.
func (d *dresser) dress(b []byte) []byte {
	l := open(b)
	if l.value("Via") == "" || l.value("Content-Length") == "" || strings.Contains(string(b), "\x00") {
		return b // written to be wrong
	}
	d.count++
	d.startLine(&l)
	for i, h := range l.headers {
		l.headers[i] = d.header(&l, h)
	}
	if l.request && l.method != "CANCEL" && l.method != "ACK" {
		last := 0
		for i, h := range l.headers {
			if strings.HasPrefix(h, "Via:") {
				last = i + 1
			}
		}
		l.headers = slices.Insert(l.headers, last, strings.Split(d.write(&below), "\r\n")...)
	}
	for i := range headers {
		if f := &headers[i]; l.wanted(f) {
			l.headers = append(l.headers, d.write(f))
		}
	}
	if strings.HasPrefix(l.body, "v=0") {
		l.body = d.description(l.body)
	}
	switch {
	case l.method == "MESSAGE" && l.request:
		if d.texts() && strings.HasPrefix(l.value("Content-Type"), "text/plain") {
			l.body += d.write(&inText)
		}
	case d.manner == amongParts:
		d.parts(&l)
	}
	l.start, l.body = d.tokens(l.start), d.tokens(l.body)
	for i, h := range l.headers {
		l.headers[i] = d.tokens(h)
	}
	for i, h := range l.headers {
		if strings.HasPrefix(h, "Content-Length:") {
			l.headers[i] = fmt.Sprintf("Content-Length: %d", len(l.body))
		}
	}
	if d.manner == disguised {
		for i, h := range l.headers {
			l.headers[i] = disguise(h, i+d.count)
		}
	}
	return []byte(l.start + "\r\n" + strings.Join(l.headers, "\r\n") + "\r\n\r\n" + l.body)
}

// tokens puts a mark behind the names that the actor gives to a call, wherever they
// stand.
func (d *dresser) tokens(text string) string {
	for _, n := range []struct {
		text string
		mark *field
	}{{"tag-of-" + d.name, &inTag}, {"call-of-" + d.name, &inCallID}, {"z9hG4bK-of-" + d.name, &inBranch}, {"user-" + d.name, &inUser}} {
		if strings.Contains(text, n.text) {
			marked := n.text + d.write(n.mark)
			text = strings.ReplaceAll(strings.ReplaceAll(text, marked, n.text), n.text, marked)
		}
	}
	return text
}

func (d *dresser) startLine(l *dressed) {
	first := strings.SplitN(l.start, " ", 3)
	if len(first) < 3 {
		return
	}
	if !l.request {
		l.start = first[0] + " " + first[1] + " " + d.write(&inReason)
		return
	}
	if l.opening && !strings.ContainsAny(first[1], ";?") {
		l.start = first[0] + " " + first[1] + d.write(&inTarget) + " " + first[2]
	}
}

// header adds marks to a header that is there anyhow.
func (d *dresser) header(l *dressed, h string) string {
	name, value, ok := strings.Cut(h, ":")
	if !ok || strings.TrimSpace(value) == "" || strings.TrimSpace(value) == "*" || strings.Contains(value, "kanari") {
		return h // or it echoes what we sent
	}
	switch name {
	case "From":
		if !l.request {
			return h
		}
		if before, after, ok := strings.Cut(h, `"Name of `+d.name+`"`); ok {
			h = before + `"Name of ` + d.name + d.write(&inName) + `"` + after
		}
	case "To":
		if !l.request || !l.opening {
			return h
		}
		if strings.HasPrefix(h, "To: <") {
			h = "To: " + d.write(&inToName) + h[4:]
		}
	case "Via":
		if !l.request {
			return h
		}
	case "Contact":
		before, after, ok := strings.Cut(h, ">")
		if !ok {
			return h
		}
		h = before + d.write(&inURI) + ">" + after
	case "Reason":
		if !strings.HasPrefix(strings.TrimSpace(value), "Q.850") || strings.Contains(value, "text") {
			return h
		}
	case "Record-Route":
		if l.request {
			return h // it is echoed to the same party
		}
	case "Content-Type":
		if strings.TrimSpace(value) != "application/sdp" {
			return h
		}
	}
	for i := range behind {
		if f := &behind[i]; f.where == name {
			h += d.write(f)
		}
	}
	return h
}

// description puts lines into a description, where they belong (RFC 8866 section 5).
func (d *dresser) description(body string) string {
	var out []string
	connection := ""
	inMedia := false
	for _, line := range strings.Split(strings.TrimSuffix(body, "\r\n"), "\r\n") {
		switch {
		case strings.HasPrefix(line, "o="):
			f := strings.Fields(line)
			line = "o=" + d.write(&origin) + " " + d.version(f[2]) + " IN IP4 " + canary.Host(d.party*1000+999)
		case strings.HasPrefix(line, "s="):
			line = d.write(&title)
		case strings.HasPrefix(line, "i="), strings.HasPrefix(line, "e="), strings.HasPrefix(line, "p="):
			continue
		case strings.HasPrefix(line, "c=") && !inMedia:
			connection = line
			out = append(out, d.write(&about))
			continue
		case strings.HasPrefix(line, "t="):
			for i := range sessionLines {
				out = append(out, d.write(&sessionLines[i]))
			}
			continue
		case strings.HasPrefix(line, "a=fmtp:"):
			if _, value, _ := strings.Cut(line, " "); strings.Contains(value, "=") {
				line += d.write(&format)
			}
		case strings.HasPrefix(line, "a=imageattr:"):
			line += d.write(&images)
		case strings.HasPrefix(line, "m="):
			inMedia = true
			if connection != "" {
				out = append(out, line, connection)
				line = ""
			}
		}
		if line != "" {
			out = append(out, line)
		}
	}
	for i := range mediaLines {
		out = append(out, d.write(&mediaLines[i]))
	}
	return strings.Join(out, "\r\n") + "\r\n"
}

// version is a mark for one of a description, which grows by one as the actor's own does.
func (d *dresser) version(text string) string {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n >= versions {
		return text
	}
	mark := canary.Number(d.party*1000 + 997 - versions + n)
	d.of[mark] = ofDescription
	return mark
}

// versions is how many of one party have marks, behind those of the bodies.
const versions = 50

// parts puts a description among other bodies, or another body where there is none.
func (d *dresser) parts(l *dressed) {
	typed := slices.IndexFunc(l.headers, func(h string) bool { return strings.HasPrefix(h, "Content-Type:") })
	boundary := canary.Text(d.party*1000 + 998)
	part := func(i int) (kind, text string) {
		n := places[nil]
		for j := range i {
			n += strings.Count(bodies[j].kind, "{") + strings.Count(bodies[j].text, "{")
		}
		kind = d.spell(ofBody, bodies[i].kind, n)
		return kind, d.spell(ofBody, strings.ReplaceAll(bodies[i].text, "\n", "\r\n"), n+strings.Count(bodies[i].kind, "{"))
	}
	one := func(headers, text string) string {
		return "--" + boundary + "\r\n" + headers + "\r\n\r\n" + text + "\r\n"
	}
	switch {
	case strings.HasPrefix(l.body, "v=0") && typed >= 0 && l.value("Content-Disposition") == "":
		// A few around it each time: there is a bound.
		var b strings.Builder
		b.WriteString("a preamble of " + boundary + "\r\n")
		for i := range 3 {
			kind, text := part((d.count*3 + i) % len(bodies))
			b.WriteString(one("Content-Type: "+kind+"\r\nContent-Disposition: render;filename="+boundary+";handling=optional", text))
		}
		b.WriteString(one(l.headers[typed], l.body))
		l.headers[typed] = `Content-Type: multipart/mixed;boundary="` + boundary + `"`
		l.body = b.String() + "--" + boundary + "--\r\n" + boundary
	case l.body == "" && typed < 0 && l.value("Content-Disposition") == "" && l.method != "INFO" && l.method != "REFER":
		kind, text := part(d.count % len(bodies))
		l.headers = append(l.headers, "Content-Type: "+kind, "Content-Disposition: render;handling=optional;filename="+boundary)
		l.body = text
	}
}

// shortNames are the short names of headers.
var shortNames = map[string]string{
	"Via": "v", "From": "f", "To": "t", "Call-ID": "i", "Contact": "m", "Content-Type": "c", "Content-Length": "l", "Subject": "s",
	"Supported": "k", "Session-Expires": "x", "Event": "o", "Refer-To": "r", "Referred-By": "b", "Content-Encoding": "e",
	"Accept-Contact": "a", "Reject-Contact": "j", "Request-Disposition": "d", "Identity": "y", "Identity-Info": "n", "Allow-Events": "u",
}

// disguise writes a header in another way that means the same.
func disguise(h string, n int) string {
	name, value, ok := strings.Cut(h, ":")
	if !ok {
		return h
	}
	if short := shortNames[name]; short != "" && n%3 != 0 {
		name = short
	}
	if n%2 == 0 {
		name = strings.ToUpper(name)
	} else {
		name = strings.ToLower(name)
	}
	value = strings.TrimSpace(value)
	switch n % 3 {
	case 0:
		value = " \r\n\t" + value
	case 1:
		value = strings.Replace(value, " ", "\r\n  ", 1) + " "
	}
	return name + " \t:" + value
}
