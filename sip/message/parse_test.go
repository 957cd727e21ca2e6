package message

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// invite is what a softswitch sends: sixteen headers and a description.
const invite = "INVITE sip:700100100010001@192.0.2.1:5060;user=phone SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-524287-1---6f8c1d2e3b;rport\r\n" +
	"Max-Forwards: 70\r\n" +
	"Record-Route: <sip:192.0.2.10;lr;ftag=9a8b7c>\r\n" +
	"From: \"Zhang\" <sip:13800000001@192.0.2.10>;tag=9a8b7c6d\r\n" +
	"To: <sip:700100100010001@192.0.2.1>\r\n" +
	"Call-ID: 3c26700f-9d1e-4a50-8f3a-7a1c5e2b9d40\r\n" +
	"CSeq: 102 INVITE\r\n" +
	"Contact: <sip:13800000001@192.0.2.10:5060;transport=udp>\r\n" +
	"Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, UPDATE\r\n" +
	"Supported: replaces, timer\r\n" +
	"P-Asserted-Identity: <sip:+8613800000001@192.0.2.10>, <tel:+8613800000001>\r\n" +
	"Privacy: id\r\n" +
	"User-Agent: Softswitch 4.2\r\n" +
	"Date: Tue, 24 Nov 2026 01:02:03 GMT\r\n" +
	"Content-Type: application/sdp\r\n" +
	"Content-Length: 159\r\n" +
	"\r\n" +
	"v=0\r\n" +
	"o=- 20518 0 IN IP4 203.0.113.1\r\n" +
	"s=-\r\n" +
	"c=IN IP4 203.0.113.1\r\n" +
	"t=0 0\r\n" +
	"m=audio 54400 RTP/AVP 8 101\r\n" +
	"a=rtpmap:101 telephone-event/8000\r\n" +
	"a=ptime:20\r\na=sendrecv\r\n"

// request is a small request with lines put in before its empty line.
func request(lines ...string) string {
	return "OPTIONS sip:a@192.0.2.1 SIP/2.0\r\n" +
		"Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKx\r\n" +
		"From: <sip:b@192.0.2.10>;tag=1\r\n" +
		"To: <sip:a@192.0.2.1>\r\n" +
		"Call-ID: c\r\n" +
		"CSeq: 1 OPTIONS\r\n" + join(lines) + "\r\n"
}

// without drops the lines of a message that begin so.
func without(message string, prefixes ...string) string {
	head, body, _ := strings.Cut(message, "\r\n\r\n")
	lines := slices.DeleteFunc(strings.Split(head, "\r\n"), func(line string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(line, p) })
	})
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + body
}

func join(lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(line + "\r\n")
	}
	return b.String()
}

func parse(t *testing.T, text string) *Message {
	t.Helper()
	m, fault := Parse([]byte(text))
	if fault != nil {
		t.Fatalf("Parse: %d %s\n%s", fault.Status, fault.Why, text)
	}
	return m
}

func TestParseExtractsAnInvite(t *testing.T) {
	m := parse(t, invite)
	number := Address{URI: URI{Scheme: "sip", User: "+8613800000001", Host: "192.0.2.10"}, Text: "<sip:+8613800000001@192.0.2.10>"}
	tel := Address{URI: URI{Scheme: "tel", User: "+8613800000001"}, Text: "<tel:+8613800000001>"}
	_, body, _ := strings.Cut(invite, "\r\n\r\n")
	want := &Message{
		Method: "INVITE", Version: "SIP/2.0",
		Target: URI{Scheme: "sip", User: "700100100010001", Host: "192.0.2.1", Port: 5060, Params: []Param{{"user", "phone"}}},
		Via: []Via{{
			Text:      "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-524287-1---6f8c1d2e3b;rport",
			Transport: "UDP", Host: "192.0.2.10", Port: 5060, Branch: "z9hG4bK-524287-1---6f8c1d2e3b", RPort: true,
		}},
		From: Address{
			URI: URI{Scheme: "sip", User: "13800000001", Host: "192.0.2.10"}, Tag: "9a8b7c6d",
			Text: "\"Zhang\" <sip:13800000001@192.0.2.10>;tag=9a8b7c6d",
		},
		To:     Address{URI: URI{Scheme: "sip", User: "700100100010001", Host: "192.0.2.1"}, Text: "<sip:700100100010001@192.0.2.1>"},
		CallID: "3c26700f-9d1e-4a50-8f3a-7a1c5e2b9d40", CSeq: 102, CSeqMethod: "INVITE", MaxForwards: 70,
		Contact:     &URI{Scheme: "sip", User: "13800000001", Host: "192.0.2.10", Port: 5060, Params: []Param{{"transport", "udp"}}},
		ContactText: "<sip:13800000001@192.0.2.10:5060;transport=udp>", Contacts: 1,
		RecordRoute: []string{"<sip:192.0.2.10;lr;ftag=9a8b7c>"},
		Asserted:    []Address{number, tel},
		Privacy:     []string{"id"}, Supported: []string{"replaces", "timer"},
		Expires: -1, ContentType: "application/sdp", Body: []byte(body), SessionExpires: -1, Agent: "Softswitch 4.2 ",
		Allow: []string{"INVITE", "ACK", "CANCEL", "OPTIONS", "BYE", "REFER", "NOTIFY", "UPDATE"},
	}
	diff(t, m, want)
	if fault := Check(m); fault != nil {
		t.Errorf("Check: %d %s", fault.Status, fault.Why)
	}
}

// diff compares field by field, so that a failure names the field.
func diff(t *testing.T, got, want *Message) {
	t.Helper()
	g, w := reflect.ValueOf(*got), reflect.ValueOf(*want)
	for i := range g.NumField() {
		if !reflect.DeepEqual(g.Field(i).Interface(), w.Field(i).Interface()) {
			// The types print masked, so their fields are shown through copies.
			t.Errorf("%s is %s, want %s", g.Type().Field(i).Name, bare(g.Field(i)), bare(w.Field(i)))
		}
	}
}

// bare prints a value with none of its methods.
func bare(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Struct:
		var b strings.Builder
		for i := range v.NumField() {
			fmt.Fprintf(&b, " %s:%s", v.Type().Field(i).Name, bare(v.Field(i)))
		}
		return "{" + b.String() + " }"
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return fmt.Sprintf("%q", v.Bytes())
		}
		var b strings.Builder
		for i := range v.Len() {
			b.WriteString(" " + bare(v.Index(i)))
		}
		return "[" + b.String() + " ]"
	case reflect.Pointer:
		if v.IsNil() {
			return "nil"
		}
		return "&" + bare(v.Elem())
	default:
		return fmt.Sprintf("%#v", v.Interface())
	}
}

func TestParseReadsOneFormHoweverItIsWritten(t *testing.T) {
	want := parse(t, request(
		"Max-Forwards: 7", "Contact: <sip:b@192.0.2.10>", "Supported: timer, 100rel", "Content-Type: text/plain",
		"Content-Length: 2")+"hi")
	for name, text := range map[string]string{
		"compact": "OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nv: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKx\r\n" +
			"f: <sip:b@192.0.2.10>;tag=1\r\nt: <sip:a@192.0.2.1>\r\ni: c\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 7\r\n" +
			"m: <sip:b@192.0.2.10>\r\nk: timer, 100rel\r\nc: text/plain\r\nl: 2\r\n\r\nhi",
		"mixed case and blanks": "OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nVIA : SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKx\r\n" +
			"fROM\t:  <sip:b@192.0.2.10>;tag=1  \r\nTO:<sip:a@192.0.2.1>\r\ncALL-iD: c\r\ncseq: 1  OPTIONS\r\n" +
			"max-forwards: 0007\r\nCONTACT: <sip:b@192.0.2.10>\r\nsUPPORTED: Timer , 100REL\r\n" +
			"CONTENT-TYPE: Text / Plain ; format=flowed\r\ncontent-LENGTH : 2\r\n\r\nhi",
		"repeated": request("Max-Forwards: 7", "Contact: <sip:b@192.0.2.10>", "Supported: timer", "k: 100rel", "Supported:",
			"Content-Type: text/plain", "Content-Length: 2") + "hi",
		"folded": request("Max-Forwards:\r\n 7", "Contact:\r\n\t<sip:b@192.0.2.10>", "Supported: timer,\r\n  100rel",
			"Content-Type:\r\n text/plain", "Content-Length: \r\n 2") + "hi",
		"more than one body": request("Max-Forwards: 7", "Contact: <sip:b@192.0.2.10>", "Supported: timer, 100rel",
			"Content-Type: text/plain", "Content-Length: 2") + "hi and more that the length does not count",
		"after empty lines": "\r\n\r\n" + request("Max-Forwards: 7", "Contact: <sip:b@192.0.2.10>",
			"Supported: timer, 100rel", "Content-Type: text/plain", "Content-Length: 2") + "hi",
		"among what is not extracted": request("X-Number: 13800000001", "Max-Forwards: 7", "Subject:", "s: x",
			"Contact: <sip:b@192.0.2.10>", "Diversion: <sip:13800000001@x>", "Supported: timer, 100rel",
			"Content-Type: text/plain", "Content-Length: 2") + "hi",
	} {
		t.Run(name, func(t *testing.T) {
			m := parse(t, text)
			m.Named = nil // of the Diversion
			diff(t, m, want)
		})
	}
}

func TestParseKeepsNothingOfUnknownHeaders(t *testing.T) {
	const canary = "13911112222"
	m := parse(t, request(
		"Diversion: <sip:"+canary+"@x>", "X-Real-Number: "+canary, "History-Info: <sip:"+canary+"@x>;index=1",
		"Subject: "+canary, "s: "+canary, "Call-Info: <http://x/"+canary+">",
		"Reason: Q.850;cause=16;text=\""+canary+"\"", "Accept: application/sdp;x="+canary,
		"Content-Type: application/sdp;x="+canary, "Retry-After: 5 ("+canary+")"))
	m.Named = nil // see TestParseKeepsNumbersThatAreNamed
	if text := bare(reflect.ValueOf(*m)); strings.Contains(text, canary) {
		t.Errorf("%s was kept in %s", canary, text)
	}
	r := parse(t, "SIP/2.0 180 Call to "+canary+"\r\n"+strings.SplitN(request(), "\r\n", 2)[1])
	if text := bare(reflect.ValueOf(*r)); strings.Contains(text, canary) {
		t.Errorf("the reason phrase was kept in %s", text)
	}
}

// What the sender is called is kept apart, and not at any length.
func TestParseKeepsWhatTheSenderIsCalled(t *testing.T) {
	for text, want := range map[string]string{
		"User-Agent: Yealink SIP-T46G 66.85.0.5 805ec0123456":       "Yealink SIP-T46G 66.85.0.5 805ec0123456 ",
		"USER-AGENT :  one\r\n\ttwo\r\nServer: three":               "one two three ",
		"User-Agents: no\r\nX-Server: no\r\nServer:\r\nUser-Agent:": "",
		"Server: " + strings.Repeat("long", 100):                    strings.Repeat("long", 32),
	} {
		if m := parse(t, request(text)); m.Agent != want {
			t.Errorf("%q: %q, want %q", text, m.Agent, want)
		}
	}
}

// Numbers in headers that nothing else is read of are kept apart, and not any number of them.
func TestParseKeepsNumbersThatAreNamed(t *testing.T) {
	for text, want := range map[string][]string{
		"Diversion: \"x\" <sip:13700000003@h>;counter=1":                                                   {"13700000003"},
		"CC-DIVERSION : <tel:+86-137-0000-0003>;reason=no-answer,\r\n <sip:+8613600000004@192.168.100.10>": {"+86-137-0000-0003", "+8613600000004"},
		"History-Info: <sip:13700000003@h?Reason=SIP%3Bcause%3D302>;index=1.1":                             {"13700000003"},
		"b: <sip:13700000003@h>":                                   {"13700000003"},
		"P-Called-Party-ID: <sip:a1370000003@h>;x=123456":          nil,
		"Referred-By: <sip:13700000003x@h>, 123456789012345678901": nil,
		"X-Number: 13700000003":                                    nil,
		"Reply-To: " + strings.Repeat("<sip:13700000003@h>,", 20):  slices.Repeat([]string{"13700000003"}, maxNamed),
	} {
		if m := parse(t, request(text)); !slices.Equal(m.Named, want) {
			t.Errorf("%q: %q, want %q", text, m.Named, want)
		}
	}
}

func TestParseReadsAResponse(t *testing.T) {
	m := parse(t, "SIP/2.0 486 Busy\r\nVia: SIP/2.0/TCP [2001:db8::1]:5070;branch=z9hG4bKy;received=2001:db8::9\r\n"+
		"From: <sip:a@x>;TAG=1\r\nTo: <sip:b@y>;TaG=2\r\nCall-ID: i\r\nCSeq: 7 INVITE\r\n"+
		"Reason: SIP;cause=486, Q.850 ; cause=17;text=\"a, b\"\r\nRetry-After: 120 (later);duration=5\r\nContent-Length: 0\r\n\r\n")
	switch {
	case m.IsRequest(), m.Status != 486, m.Method != "INVITE", m.CSeqMethod != "INVITE", m.CSeq != 7:
		t.Errorf("status %d, method %s, CSeq %d", m.Status, m.Method, m.CSeq)
	case m.From.Tag != "1", m.To.Tag != "2":
		t.Errorf("tags %q and %q: their names have no case", m.From.Tag, m.To.Tag)
	case m.Q850 != 17, m.RetryAfter != 120:
		t.Errorf("cause %d, retry after %d", m.Q850, m.RetryAfter)
	case m.Via[0].Host != "2001:db8::1", m.Via[0].Port != 5070, m.Via[0].Transport != "TCP", m.Via[0].Branch != "z9hG4bKy":
		t.Errorf("via %s", bare(reflect.ValueOf(m.Via)))
	case m.Body != nil:
		t.Errorf("a body %q", m.Body)
	}
	if f := Check(m); f != nil {
		t.Errorf("Check: %s", f.Why)
	}
}

func TestParseReadsEveryInstance(t *testing.T) {
	m := parse(t, request(
		"P-Asserted-Identity: \"a, b\" <sip:1@x;p=1>, <tel:+2>", "p-asserted-identity: sip:3@x",
		"P-Preferred-Identity: <sip:4@x>", "Remote-Party-ID: \"x\" <sip:5@x>;Party=Calling;screen=yes",
		"Remote-Party-ID: <sip:6@x>;party=called, <sip:7", "Privacy: ID;Critical", "Privacy: user",
		"Require: A, b", "Require: C", "Proxy-Require: d", "Record-Route: <sip:p1;lr>, <sip:p2;lr>",
		"Record-Route: \"x\" <sip:p3,x;lr>", "Route: <sip:q1;lr>,<sip:q2;lr>", "Expires: 60"))
	numbers := func(list []Address) (out []string) {
		for _, a := range list {
			out = append(out, a.URI.User)
		}
		return out
	}
	for _, c := range []struct {
		what      string
		got, want []string
	}{
		{"P-Asserted-Identity", numbers(m.Asserted), []string{"1", "+2", "3"}},
		{"P-Preferred-Identity", numbers(m.Preferred), []string{"4"}},
		{"Remote-Party-ID, the broken one as one without a URI", numbers(m.RemoteParty), []string{"5", "6", ""}},
		{"Privacy", m.Privacy, []string{"id", "critical", "user"}},
		{"Require", m.Require, []string{"a", "b", "c"}},
		{"Proxy-Require", m.ProxyRequire, []string{"d"}},
		{"Record-Route", m.RecordRoute, []string{"<sip:p1;lr>", "<sip:p2;lr>", "\"x\" <sip:p3,x;lr>"}},
		{"Route", m.Route, []string{"<sip:q1;lr>", "<sip:q2;lr>"}},
		{"party", []string{m.RemoteParty[0].Party, m.RemoteParty[1].Party}, []string{"calling", "called"}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s is %q, want %q", c.what, c.got, c.want)
		}
	}
	if m.Expires != 60 {
		t.Errorf("Expires is %d", m.Expires)
	}
}

// A frame that cannot be read is answered where that is possible.
func TestParseFaults(t *testing.T) {
	lines := func(lines ...string) string { return request(lines...) }
	replace := func(old, text string) string { return strings.Replace(request(), old, text, 1) }
	long := strings.Repeat("x", 300)
	for name, c := range map[string]struct {
		frame  string
		status int
		why    string
	}{
		"nothing":                          {"", 0, whyEmpty},
		"empty lines":                      {"\r\n\r\n", 0, whyEmpty},
		"noise":                            {"\x00\x01\x02", 0, ""},
		"another protocol":                 {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0, whyStart},
		"no empty line":                    {strings.TrimSuffix(request(), "\r\n"), 400, whyNoEnd},
		"lines ended by LF":                {strings.ReplaceAll(request(), "\r\n", "\n"), 0, ""},
		"a bare LF":                        {lines("Subject: a\nb: c"), 400, whyByte},
		"a bare CR":                        {lines("Subject: a\rb: c"), 400, whyByte},
		"a NUL":                            {lines("Subject: a\x00b"), 400, whyByte},
		"a bare LF in From":                {replace("<sip:b@192.0.2.10>;tag=1", "<sip:b@x>\n;tag=1"), 400, whyByte},
		"a bare LF in Via":                 {replace("branch=z9hG4bKx", "branch=z9hG4bKx\nX: y"), 0, whyByte},
		"a bare LF in the start line":      {replace(" SIP/2.0\r\n", " SIP/2.0\nX: y\r\n"), 400, whyByte},
		"a body may have any byte":         {lines("Content-Length: 3", "Content-Type: x/y") + "\r\n\x00", 0, "-"},
		"a continuation of nothing":        {replace("Via:", " x\r\nVia:"), 400, whyContinue},
		"a line without a colon":           {lines("Nonsense"), 400, whyName},
		"a line without a name":            {lines(": x"), 400, whyName},
		"a name that is no token":          {lines("No Token: x"), 400, whyName},
		"too long a header block":          {lines("X: " + strings.Repeat("x", maxHead)), 513, whyHead},
		"too many header lines":            {lines(slices.Repeat([]string{"X: y"}, maxLines)...), 513, whyLines},
		"too many continuations":           {lines("X: y" + strings.Repeat("\r\n y", maxLines)), 513, whyLines},
		"a hundred Vias":                   {lines(slices.Repeat([]string{"Via: SIP/2.0/UDP a"}, maxEntries-1)...), 0, "-"},
		"a hundred and one Vias":           {lines(slices.Repeat([]string{"Via: SIP/2.0/UDP a"}, maxEntries)...), 513, whyEntries},
		"a hundred and one Vias in a line": {lines("v: " + strings.Repeat("SIP/2.0/UDP a,", maxEntries)), 513, whyEntries},
		"too many Record-Routes":           {lines("Record-Route: " + strings.Repeat("<sip:p;lr>,", maxEntries+1)), 513, whyEntries},
		"too many Routes":                  {lines("Route: " + strings.Repeat("<sip:p;lr>,", maxEntries+1)), 513, whyEntries},
		"too many identities":              {lines("P-Asserted-Identity: " + strings.Repeat("x,", maxEntries+1)), 513, whyEntries},
		"too many preferences":             {lines("P-Preferred-Identity: " + strings.Repeat("x,", maxEntries+1)), 513, whyEntries},
		"too many parties":                 {lines("Remote-Party-ID: " + strings.Repeat("x,", maxEntries+1)), 513, whyEntries},
		"too many wishes for privacy":      {lines("Privacy: " + strings.Repeat("x;", maxEntries+1)), 513, whyEntries},
		"too many option tags":             {lines("Supported: " + strings.Repeat("x,", maxEntries+1)), 513, whyEntries},
		"too many required tags":           {lines("Require: " + strings.Repeat("x,", maxEntries+1)), 513, whyEntries},
		"too many methods":                 {lines("Allow: " + strings.Repeat("x,", maxEntries+1)), 513, whyEntries},
		"too many media ranges":            {lines("Accept: " + strings.Repeat("x/y,", maxEntries+1)), 513, whyEntries},
		"a hundred of each":                {lines("Supported: "+strings.Repeat("x,", maxEntries), "Allow: "+strings.Repeat("x,", maxEntries)), 0, "-"},
		"a required tag that is none":      {lines("Require: a;b"), 400, whyRequire},
		"a required tag with a number":     {lines("Proxy-Require: \"13800000001\""), 400, whyRequire},
		"a supported tag that is none":     {lines("Supported: a;b, <c>"), 0, "-"},
		"too many parameters":              {lines("Contact: <sip:a@x" + strings.Repeat(";p", maxParams+1) + ">"), 400, whyContact},
		"too long a body":                  {lines("Content-Type: x/y") + strings.Repeat("x", maxBody+1), 513, whyBody},
		"two blanks in the start line":     {replace("OPTIONS sip", "OPTIONS  sip"), 400, whyStart},
		"a blank behind the start line":    {replace(" SIP/2.0\r\n", " SIP/2.0 \r\n"), 400, whyStart},
		"no version":                       {replace(" SIP/2.0\r\n", "\r\n"), 400, whyStart},
		"half a version":                   {replace(" SIP/2.0\r\n", " SIP/2\r\n"), 400, whyStart},
		"a method that is no token":        {replace("OPTIONS sip", "OPT<>IONS sip"), 400, whyStart},
		"a target in brackets":             {replace("sip:a@192.0.2.1", "<sip:a@192.0.2.1>"), 400, whyTarget},
		"a target without a scheme":        {replace("sip:a@192.0.2.1", "a@192.0.2.1"), 400, whyTarget},
		"a target with a wrong escape":     {replace("sip:a@192.0.2.1", "sip:%zz@192.0.2.1"), 400, whyTarget},
		"a wildcard target":                {replace("sip:a@192.0.2.1", "*"), 400, whyTarget},
		"two From":                         {lines("f: <sip:b@192.0.2.10>;tag=1"), 400, whyRepeated},
		"two To":                           {lines("T: <sip:b@192.0.2.10>"), 400, whyRepeated},
		"two Call-ID":                      {lines("i: c"), 400, whyRepeated},
		"two CSeq":                         {lines("CSEQ: 1 OPTIONS"), 400, whyRepeated},
		"two Max-Forwards":                 {lines("Max-Forwards: 7", "max-forwards: 7"), 400, whyRepeated},
		"two Content-Length":               {lines("Content-Length: 0", "l: 0"), 400, whyRepeated},
		"two Content-Type":                 {lines("Content-Type: x/y", "c: x/y"), 400, whyRepeated},
		"two Content-Disposition":          {lines("Content-Disposition: session", "content-disposition: session"), 400, whyRepeated},
		"two Expires":                      {lines("Expires: 1", "Expires: 1"), 400, whyRepeated},
		"a Content-Length and a bad one":   {lines("Content-Length: 0", "l: 0x"), 400, whyRepeated},
		"a bad Content-Length":             {lines("Content-Length: 1 2"), 400, whyLength},
		"a signed Content-Length":          {lines("Content-Length: +2") + "hi", 400, whyLength},
		"a Content-Length of nothing":      {lines("Content-Length:"), 400, whyLength},
		"two numbers in a Content-Length":  {lines("Content-Length: 5, 2") + "hello", 400, whyLength},
		"a body that is short":             {lines("Content-Length: 3") + "hi", 400, whyShort},
		"a Content-Length beyond reason":   {lines("Content-Length: 4294967295") + "hi", 400, whyShort},
		"Max-Forwards above 255":           {lines("Max-Forwards: 256"), 400, whyHops},
		"Max-Forwards below 0":             {lines("Max-Forwards: -1"), 400, whyHops},
		"a CSeq without a method":          {replace("CSeq: 1 OPTIONS", "CSeq: 1"), 400, whyCSeq},
		"a CSeq without a number":          {replace("CSeq: 1 OPTIONS", "CSeq: OPTIONS"), 400, whyCSeq},
		"a CSeq of 2^31":                   {replace("CSeq: 1 OPTIONS", "CSeq: 2147483648 OPTIONS"), 400, whyCSeq},
		"a CSeq with too much":             {replace("CSeq: 1 OPTIONS", "CSeq: 1 OPTIONS x"), 400, whyCSeq},
		"no CSeq at all":                   {without(lines("Max-Forwards: -1"), "CSeq"), 0, whyHops},
		"a Call-ID with a blank":           {replace("Call-ID: c", "Call-ID: c d"), 400, whyCallID},
		"an empty Call-ID":                 {replace("Call-ID: c", "Call-ID:"), 400, whyCallID},
		"From with an open quote":          {replace("<sip:b@192.0.2.10>;tag=1", "\"b <sip:b@192.0.2.10>;tag=1"), 400, whyFrom},
		"From with an open bracket":        {replace("<sip:b@192.0.2.10>;tag=1", "<sip:b@192.0.2.10;tag=1"), 400, whyFrom},
		"From with two tags":               {replace("<sip:b@192.0.2.10>;tag=1", "<sip:b@192.0.2.10>;tag=1;TAG=2"), 400, whyFrom},
		"From with an empty tag":           {replace("<sip:b@192.0.2.10>;tag=1", "<sip:b@192.0.2.10>;tag="), 400, whyFrom},
		"To with blanks in its URI":        {replace("<sip:a@192.0.2.1>", "< sip:a@192.0.2.1 >"), 400, whyTo},
		"To with text behind it":           {replace("<sip:a@192.0.2.1>", "<sip:a@192.0.2.1> x"), 400, whyTo},
		"Via of no protocol":               {replace("SIP/2.0/UDP ", ""), 0, whyVia},
		"Via of no host":                   {replace("192.0.2.10;branch", ";branch"), 0, whyVia},
		"Via with a bad port":              {replace("192.0.2.10;branch", "192.0.2.10:0;branch"), 0, whyVia},
		"Via with IPv6 without brackets":   {replace("192.0.2.10;branch", "2001:db8::1;branch"), 0, whyVia},
		"Via with a name in brackets":      {replace("192.0.2.10;branch", "[host];branch"), 0, whyVia},
		"Via with two branches":            {replace("branch=z9hG4bKx", "branch=z9hG4bKx;Branch=z9hG4bKy"), 400, whyVia},
		"Via with an empty branch":         {replace("branch=z9hG4bKx", "branch="), 400, whyVia},
		"an empty Via":                     {replace("SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKx", ""), 0, whyVia},
		"a good Via and a bad one":         {lines("Via: nonsense"), 400, whyVia},
		"Contact that needs brackets":      {lines("Contact: sip:a@x?Route=y"), 400, whyContact},
		"Contact with an open bracket":     {lines("Contact: <sip:a@x"), 400, whyContact},
		"a Record-Route that is open":      {lines("Record-Route: <sip:p1;lr>, <sip:p2"), 400, whyRoute},
		"a Record-Route without brackets":  {lines("Record-Route: sip:p1;lr"), 400, whyRoute},
		"a Route that is open":             {lines("Route: \"x"), 400, whyRoute},
		"a Content-Type without subtype":   {lines("Content-Type: text"), 400, whyType},
		"an ACK is never answered":         {strings.ReplaceAll(lines("Max-Forwards: -1"), "OPTIONS", "ACK"), 0, whyHops},
		"a bad response is not either":     {"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\nMax-Forwards: x\r\n\r\n", 0, whyHops},
		"a status above 699":               {"SIP/2.0 700 No\r\nVia: SIP/2.0/UDP a\r\n\r\n", 0, whyStart},
		"a status below 100":               {"SIP/2.0 099 No\r\nVia: SIP/2.0/UDP a\r\n\r\n", 0, whyStart},
		"a status of four digits":          {"SIP/2.0 2000 OK\r\nVia: SIP/2.0/UDP a\r\n\r\n", 0, whyStart},
		"a long line":                      {lines("Max-Forwards: " + long), 400, whyHops},
	} {
		t.Run(name, func(t *testing.T) {
			m, fault := Parse([]byte(c.frame))
			if c.why == "-" {
				if fault != nil || m == nil {
					t.Fatalf("refused: %v", fault)
				}
				return
			}
			if fault == nil {
				t.Fatal("it was read")
			}
			if fault.Status != c.status || c.why != "" && fault.Why != c.why {
				t.Errorf("%d %s, want %d %s", fault.Status, fault.Why, c.status, c.why)
			}
			if m != nil || (fault.Message != nil) != (fault.Status != 0) {
				t.Errorf("message %v beside fault, %v in it", m != nil, fault.Message != nil)
			}
			if fault.Status != 0 {
				answerable(t, fault)
			}
		})
	}
}

// answerable composes the answer to a fault and reads it.
func answerable(t *testing.T, fault *Fault) {
	t.Helper()
	r := Response{Echo: fault.Message.Echo(source), Status: fault.Status, ToTag: "ours", Unsupported: fault.Unsupported}
	b := r.Append(nil)
	if b == nil {
		t.Fatalf("the answer to %q could not be composed", fault.Why)
	}
	m, _ := Parse(b)
	if m == nil {
		// The answer repeats what was bad about the request; its Via is good.
		return
	}
	if m.Status != fault.Status {
		t.Errorf("the answer is a %d, want %d", m.Status, fault.Status)
	}
}
