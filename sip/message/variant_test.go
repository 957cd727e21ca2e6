package message

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// plain are the headers that are read, each as it is usually written; compact is the
// short name, where there is one.
var plain = []struct {
	name, compact, value string
	list                 bool // may be repeated, or hold several values between commas
	token                bool // has no case
}{
	{name: "Via", compact: "v", value: "SIP/2.0/TLS host.example:5061;branch=z9hG4bKbelow;received=192.0.2.77", list: true},
	{name: "From", compact: "f", value: `"A. Bell" <sip:13800000001@192.0.2.10;user=phone>;tag=one`},
	{name: "To", compact: "t", value: `Watson <sip:700100100010001@192.0.2.1>;tag=two`},
	{name: "Call-ID", compact: "i", value: "c@192.0.2.10"},
	{name: "CSeq", value: "7 INVITE"},
	{name: "Max-Forwards", value: "70"},
	{name: "Contact", compact: "m", value: "<sip:b@192.0.2.10:5062;transport=tcp>;expires=60;q=0.5"},
	{name: "Record-Route", value: "<sip:192.0.2.8;lr>", list: true},
	{name: "Route", value: "<sip:192.0.2.1;lr>", list: true},
	{name: "P-Asserted-Identity", value: `"B" <sip:13800000001@192.0.2.10>`, list: true},
	{name: "P-Preferred-Identity", value: "<tel:+8613800000001>", list: true},
	{name: "Remote-Party-ID", value: "<sip:13800000001@192.0.2.10>;party=calling;screen=yes", list: true},
	{name: "Privacy", value: "id", list: true, token: true},
	{name: "Require", value: "100rel", list: true, token: true},
	{name: "Proxy-Require", value: "privacy", list: true, token: true},
	{name: "Supported", compact: "k", value: "timer", list: true, token: true},
	{name: "Reason", value: `Q.850;cause=16;text="a, b; c"`, list: true},
	{name: "Retry-After", value: "5 (later);duration=60"},
	{name: "Expires", value: "180"},
	{name: "Accept", value: "application/sdp;level=1", list: true, token: true},
	{name: "Content-Type", compact: "c", value: "application/sdp;charset=utf-8", token: true},
	{name: "Content-Encoding", compact: "e", value: "gzip", list: true, token: true},
	{name: "Content-Disposition", value: "session;handling=required", token: true},
	{name: "Content-Length", compact: "l", value: "5"},
	{name: "Timestamp", value: "12.5"},
	{name: "RSeq", value: "17"},
	{name: "RAck", value: "17 7 INVITE"},
	{name: "Session-Expires", compact: "x", value: "1800;refresher=uac", token: true},
	{name: "Min-SE", value: "90"},
	{name: "Min-Expires", value: "60"},
	{name: "Allow", value: "INVITE", list: true},
	{name: "Refer-To", compact: "r", value: "<sip:700100100010002@192.0.2.1?Replaces=a%40b>"},
	{name: "Event", compact: "o", value: "refer;id=1", token: true},
	{name: "Info-Package", value: "dtmf;x=1", token: true},
	{name: "Authorization", value: `Digest username="a", realm="b, c"`},
	{name: "Proxy-Authorization", value: `Digest username="a", realm="b, c"`},
	{name: "WWW-Authenticate", value: `Digest realm="b, c", nonce="d"`},
	{name: "Proxy-Authenticate", value: `Digest realm="b, c", nonce="d"`},
}

// variant is a message with all the plain headers, the lines of one of them replaced.
func variant(name string, lines ...string) string {
	var b strings.Builder
	b.WriteString("INVITE sip:700100100010001@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKtop\r\n")
	for _, h := range plain {
		if h.name == name {
			b.WriteString(join(lines))
			continue
		}
		b.WriteString(h.name + ": " + h.value + "\r\n")
	}
	return b.String() + "\r\nv=0\r\n"
}

// Whatever the form in which a header is written, what is read of it is the same.
func TestEveryFormOfAHeaderReadsTheSame(t *testing.T) {
	reference := meaning(parse(t, variant("")))
	forms := 0
	for _, h := range plain {
		same := func(form string, lines ...string) {
			t.Helper()
			forms++
			m, fault := Parse([]byte(variant(h.name, lines...)))
			if fault != nil {
				t.Errorf("%s, %s: %s\n%q", h.name, form, fault.Why, lines)
				return
			}
			if got := meaning(m); got != reference {
				t.Errorf("%s, %s: %q reads as\n%s\nand not as\n%s", h.name, form, lines, got, reference)
			}
		}
		names := []string{h.name, strings.ToUpper(h.name), strings.ToLower(h.name), mixed(h.name)}
		if h.compact != "" {
			names = append(names, h.compact, strings.ToUpper(h.compact))
		}
		for _, name := range names {
			for _, colon := range []string{":", ": ", " : ", "\t:\t", "  :   "} {
				same("name", name+colon+h.value)
			}
			same("blanks behind it", name+": "+h.value+" \t ")
			same("folded before the value", name+":\r\n "+h.value)
			same("folded twice", name+":\r\n \r\n\t "+h.value)
			same("folded behind the value", name+": "+h.value+"\r\n ")
			same("all at once", name+"\t :  \r\n\t"+h.value+"  \r\n  ")
		}
		for at := range len(h.value) { // every blank that is there may be a fold
			if h.value[at] == ' ' && !inQuotes(h.value, at) {
				same("folded", h.name+": "+h.value[:at]+"\r\n\t  "+h.value[at+1:])
			}
		}
		if h.token {
			same("upper case", h.name+": "+strings.ToUpper(h.value))
			same("mixed case", h.name+": "+mixed(h.value))
		}
		spaced := strings.NewReplacer(";", " ; ", "=", " = ").Replace(h.value)
		if spaced != h.value && !strings.ContainsAny(h.value, `<"`) && h.name != "Via" {
			same("blanks around parameters", h.name+": "+spaced)
			same("folds around parameters", h.name+": "+strings.ReplaceAll(spaced, " ; ", "\r\n ;\r\n\t"))
		}
		if h.list {
			same("empty entries", h.name+": ,, "+h.value+" ,\t,")
			if h.name != "Via" { // without one there is no way back
				same("an empty line before it", h.name+":", h.name+": "+h.value)
			}
		}
	}
	t.Logf("%d forms of %d headers", forms, len(plain))
}

// A list reads the same between commas, in lines of its own, and in both together,
// under any name that the header has.
func TestAListReadsTheSameHoweverItIsDivided(t *testing.T) {
	for _, h := range plain {
		if !h.list {
			continue
		}
		second := strings.NewReplacer("192.0.2.", "198.51.100.", "host", "other", "id", "user", "100rel", "path", "privacy", "x", "timer", "gruu",
			"application/sdp", "text/plain", "INVITE", "BYE", "138", "139", "gzip", "gzip").Replace(h.value)
		third := h.value
		short := h.compact
		if short == "" {
			short = strings.ToUpper(h.name)
		}
		want := meaning(parse(t, variant(h.name, h.name+": "+h.value, h.name+": "+second, h.name+": "+third)))
		for _, lines := range [][]string{
			{h.name + ": " + h.value + ", " + second + ", " + third},
			{h.name + ":" + h.value + "," + second + "," + third},
			{h.name + ": " + h.value + " ,\r\n " + second + "\r\n\t,  " + third},
			{short + ": " + h.value, h.name + ": " + second + ", " + third},
			{h.name + ": " + h.value + ", " + second, strings.ToLower(h.name) + ": " + third},
			{h.name + ": " + h.value + ",", short + ": ," + second, mixed(h.name) + "\t: " + third},
		} {
			if got := meaning(parse(t, variant(h.name, lines...))); got != want {
				t.Errorf("%q reads as\n%s\nand not as\n%s", lines, got, want)
			}
		}
	}
}

// Escapes are undone before a URI is read: in its user, its parameters, and once only.
// What stands between quotes is no number, no header and no parameter.
func TestEscapedFormsReadTheSame(t *testing.T) {
	for _, c := range []struct{ name, plain, written string }{
		{"From", "<sip:13800000001@h>;tag=1", "<sip:%31%33%38%30%30%30%30%30%30%30%31@h>;tag=1"},
		{"From", "<sip:13800000001@h>;tag=1", "<sip:1380%300%300%3001@h>;tag=1"},
		{"From", "<sip:+8613800000001@h>;tag=1", "<sip:%2b8613800000001@h>;tag=1"},
		{"From", "<sip:13800000001@h>;tag=1", "<SIP:13800000001@h>;TAG=1"},
		{"From", "<sip:13800000001@h>;tag=1", `"a \" <sip:x@y>;tag=2, \\" <sip:13800000001@h>;tag=1`},
		{"From", "<sip:13800000001@h>;tag=1", `"\<\s\i\p:" <sip:13800000001@h> ; x="; tag=2" ; tag = 1`},
		{"From", "<sip:13800000001@h>;tag=1", "sip:13800000001@h;tag=1"},
		{"From", "<sip:13800000001@h>;tag=1", "\r\n sip:13800000001@h\r\n ;tag=1"},
		{"To", "<tel:+8613800000001;phone-context=x>", "<TEL:+8613800000001;PHONE-CONTEXT=%78>"},
		{"To", "<sip:a@h;user=phone>", "<sip:a@h;%75ser=%70hone>"},
		{"P-Asserted-Identity", "<sip:1@h>, <tel:+2>", `"1, 2" <sip:%31@h>,"<" <tel:+2>`},
		{"Remote-Party-ID", "<sip:1@h>;party=calling", `"\"" <sip:%31@h> ; PARTY = "Calling"`},
		{"Refer-To", "<sip:a@h>", `"x" <sip:%61@h>`},
		{"Contact", "<sip:a@h>", `"\>" <sip:%61@h>`},
		{"Reason", "Q.850;cause=17", `SIP;cause=200;text="Q.850;cause=1", q.850 ; text="\";cause=1" ; CAUSE = 17`},
	} {
		base := without(request(), c.name)
		write := func(value string) string {
			return strings.Replace(base, "\r\n\r\n", "\r\n"+c.name+": "+value+"\r\n\r\n", 1)
		}
		if got, want := meaning(parse(t, write(c.written))), meaning(parse(t, write(c.plain))); got != want {
			t.Errorf("%s: %s reads as\n%s\nand not as\n%s", c.name, c.written, got, want)
		}
	}
	m := parse(t, request("Contact: <sip:%2531@h>"))
	if m.Contact.User != "%31" {
		t.Errorf("an escape is undone twice: %q", m.Contact.User)
	}
}

// A bare CR, a bare LF or a NUL is refused wherever it stands in a header block: in any
// header, read or not, in its name and in quotes, at every byte of it.
func TestABareByteIsRefusedEverywhere(t *testing.T) {
	text := variant("From", `f: "a \" b" <sip:13800000001@192.0.2.10>;tag=one`, "X-Unknown: a", "Subject:", " folded")
	head := strings.Index(text, "\r\n\r\n") + 3
	places := 0
	for at := 0; at < head; at++ {
		for _, bad := range []string{"\r", "\n", "\x00"} {
			written := text[:at] + bad + text[at:]
			if m, fault := Parse([]byte(written)); fault == nil {
				t.Errorf("%q at byte %d was read: %q", bad, at, m.Method)
			}
			places++
			if at+1 < head && text[at] != '\r' && text[at] != '\n' { // in the place of a byte
				if _, fault := Parse([]byte(text[:at] + bad + text[at+1:])); fault == nil {
					t.Errorf("%q in the place of byte %d was read", bad, at)
				}
			}
		}
	}
	if places < 3000 {
		t.Errorf("%d places", places)
	}
}

// meaning is all that is read of a message, without what is kept as it was written for
// the leg that it came from.
func meaning(m *Message) string {
	c := *m
	c.Via = nil
	for _, v := range m.Via {
		v.Text = ""
		c.Via = append(c.Via, v)
	}
	blank := func(list []Address) (out []Address) {
		for _, a := range list {
			a.Text = ""
			out = append(out, a)
		}
		return out
	}
	c.From.Text, c.To.Text, c.ContactText, c.OtherContacts = "", "", "", nil
	c.Asserted, c.Preferred, c.RemoteParty = blank(m.Asserted), blank(m.Preferred), blank(m.RemoteParty)
	if m.ReferTo != nil {
		to := *m.ReferTo
		to.Text = ""
		c.ReferTo = &to
	}
	var b strings.Builder
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		fmt.Fprintf(&b, "%s %s\n", v.Type().Field(i).Name, bare(v.Field(i)))
	}
	return b.String()
}

// mixed changes the case of every second letter.
func mixed(s string) string {
	b := []byte(strings.ToLower(s))
	for i := 0; i < len(b); i += 2 {
		if b[i] >= 'a' && b[i] <= 'z' {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}

func inQuotes(s string, at int) bool { return strings.Count(s[:at], `"`)%2 == 1 }
