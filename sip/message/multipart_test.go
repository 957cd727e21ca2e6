package message

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A description, a second one, and what else switches put beside them.
const (
	described = "Content-Type: application/sdp\r\n\r\nv=0\r\n"
	another   = "Content-Type: application/sdp\r\n\r\nv=1\r\n"
	isup      = "Content-Type: application/isup;version=itu-t92+\r\nContent-Disposition: signal;handling=optional\r\n\r\n\x01\x00\x49"
	picture   = "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo="
)

// of makes a body of several parts.
func of(boundary string, parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("--" + boundary + "\r\n" + p + "\r\n")
	}
	return b.String() + "--" + boundary + "--\r\n"
}

// carrying is a message with a body of a type.
func carrying(method, contentType, body string, lines ...string) string {
	lines = append(lines, "Contact: <sip:b@192.0.2.10>", "Content-Type: "+contentType, fmt.Sprintf("Content-Length: %d", len(body)))
	return strings.ReplaceAll(request(lines...), "OPTIONS", method) + body
}

// The one description among several parts is the body, and what cannot be read or
// has to be understood is refused.
func TestMultipart(t *testing.T) {
	const mixed = "multipart/mixed;boundary=b"
	seventeen := slices.Repeat([]string{isup}, maxParts)
	inner := func(media string, parts ...string) string {
		return "Content-Type: " + media + ";boundary=i\r\n\r\n" + of("i", parts...)
	}
	for name, c := range map[string]struct {
		contentType, body string
		status            int
		why               string
		want              string // the body
	}{
		"a description alone":              {mixed, of("b", described), 0, "", "v=0\r\n"},
		"the ISUP message behind it":       {mixed, of("b", described, isup), 0, "", "v=0\r\n"},
		"the ISUP message before it":       {mixed, of("b", isup, described), 0, "", "v=0\r\n"},
		"a picture of no known handling":   {mixed, of("b", picture, described), 0, "", "v=0\r\n"},
		"related parts":                    {"Multipart/Related ; type=\"application/sdp\" ; Boundary=b", of("b", described, picture), 0, "", "v=0\r\n"},
		"alternatives":                     {"multipart/alternative;boundary=b", of("b", "\r\nhello", described), 0, "", "v=0\r\n"},
		"a quoted boundary":                {"multipart/mixed;x=\";boundary=c\";boundary=\"b :/ =?\"", of("b :/ =?", described), 0, "", "v=0\r\n"},
		"the longest boundary":             {"multipart/mixed;boundary=" + strings.Repeat("-", 70), of(strings.Repeat("-", 70), described), 0, "", "v=0\r\n"},
		"text before and behind":           {mixed, "for old readers\r\n--not\r\n" + of("b", described) + "the end\r\n--b\r\nx", 0, "", "v=0\r\n"},
		"no line end at the end":           {mixed, strings.TrimSuffix(of("b", described), "\r\n"), 0, "", "v=0\r\n"},
		"blanks behind the boundary":       {mixed, "--b \t\r\n" + described + "\r\n--b-- ", 0, "", "v=0\r\n"},
		"a folded header line":             {mixed, of("b", "content-type :\r\n Application / SDP\r\n ;charset=x\r\n\r\nv=0\r\n"), 0, "", "v=0\r\n"},
		"lines like the boundary":          {mixed, of("b", "Content-Type: application/sdp\r\n\r\n --b\r\n--bb\r\nx--b\r\n--b-\r\n"), 0, "", " --b\r\n--bb\r\nx--b\r\n--b-\r\n"},
		"a description in eight bits":      {mixed, of("b", "Content-Transfer-Encoding: 8BIT\r\nContent-Encoding: identity\r\n"+described), 0, "", "v=0\r\n"},
		"a description of nothing":         {mixed, of("b", "Content-Type: application/sdp"), 0, "", ""},
		"a part of nothing at all":         {mixed, "--b\r\n" + of("b", described), 0, "", "v=0\r\n"},
		"one inside of another":            {mixed, of("b", isup, inner("multipart/alternative", picture, described)), 0, "", "v=0\r\n"},
		"an early session beside it":       {mixed, of("b", "Content-Disposition: early-session\r\n"+another, described), 0, "", "v=0\r\n"},
		"as many parts as there may be":    {mixed, of("b", append(seventeen[1:], described)...), 0, "", "v=0\r\n"},
		"too many parts":                   {mixed, of("b", append(seventeen, described)...), 513, whyManyParts, ""},
		"too many in all":                  {mixed, of("b", inner("multipart/mixed", seventeen...), described), 513, whyManyParts, ""},
		"one inside of one inside of one":  {mixed, of("b", inner("multipart/mixed", "Content-Type: multipart/mixed;boundary=j\r\n\r\n"+of("j", described))), 415, whyMedia, ""},
		"two descriptions":                 {mixed, of("b", described, another), 415, whyMedia, ""},
		"two, one of them deeper":          {mixed, of("b", described, inner("multipart/mixed", another)), 415, whyMedia, ""},
		"no description":                   {mixed, of("b", isup, picture), 415, whyMedia, ""},
		"one of an early session only":     {mixed, of("b", "Content-Disposition: early-session\r\n"+described), 415, whyMedia, ""},
		"an encoded description":           {mixed, of("b", "Content-Transfer-Encoding: base64\r\n"+described), 415, whyMedia, ""},
		"a packed description":             {mixed, of("b", "Content-Encoding: gzip\r\n"+described), 415, whyMedia, ""},
		"a part that must be understood":   {mixed, of("b", described, strings.Replace(isup, "optional", "Required", 1)), 415, whyMedia, ""},
		"a signature":                      {"multipart/signed;boundary=b", of("b", described, picture), 415, whyMedia, ""},
		"no boundary":                      {"multipart/mixed", of("b", described), 400, whyParts, ""},
		"an empty boundary":                {"multipart/mixed;boundary=\"\"", of("", described), 400, whyParts, ""},
		"a boundary that is too long":      {"multipart/mixed;boundary=" + strings.Repeat("b", 71), of(strings.Repeat("b", 71), described), 400, whyParts, ""},
		"a boundary that ends in a blank":  {"multipart/mixed;boundary=\"b \"", of("b ", described), 400, whyParts, ""},
		"a boundary with an escape":        {"multipart/mixed;boundary=\"\\b\"", of("b", described), 400, whyParts, ""},
		"another boundary":                 {mixed, of("c", described), 400, whyParts, ""},
		"no end":                           {mixed, "--b\r\n" + described, 400, whyParts, ""},
		"an end and no beginning":          {mixed, "--b--\r\n" + described, 400, whyParts, ""},
		"no end inside":                    {mixed, of("b", "Content-Type: multipart/mixed;boundary=i\r\n\r\n--i\r\n"+described), 400, whyParts, ""},
		"no boundary inside":               {mixed, of("b", "Content-Type: multipart/mixed\r\n\r\n"+of("i", described)), 400, whyParts, ""},
		"lines ended by LF":                {mixed, strings.ReplaceAll(of("b", described), "\r\n", "\n"), 400, whyParts, ""},
		"a bare LF in a part's header":     {mixed, of("b", "X: y\nContent-Type: text/plain\r\n"+described), 400, whyParts, ""},
		"a NUL in a part's header":         {mixed, of("b", "X: \x00\r\n"+described), 400, whyParts, ""},
		"a part's line without a name":     {mixed, of("b", ": x\r\n"+described), 400, whyParts, ""},
		"a part's line without a colon":    {mixed, of("b", "x\r\n"+described), 400, whyParts, ""},
		"a part of two types":              {mixed, of("b", "Content-Type: text/plain\r\n"+described), 400, whyParts, ""},
		"a part of two dispositions":       {mixed, of("b", "Content-Disposition: x\r\nContent-Disposition: y\r\n"+described), 400, whyParts, ""},
		"a part of half a type":            {mixed, of("b", "Content-Type: application\r\n\r\nv=0\r\n"), 400, whyParts, ""},
		"a part that begins with a blank":  {mixed, of("b", " "+described), 400, whyParts, ""},
		"several parts and no bytes":       {mixed, "", 0, "", ""},
		"a description and nothing beside": {MediaType, "v=0\r\n", 0, "", "v=0\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{"INVITE", "UPDATE"} {
				m, fault := Parse([]byte(carrying(method, c.contentType, c.body)))
				if fault == nil {
					fault = Check(m)
				}
				switch {
				case fault == nil && c.status != 0:
					t.Fatalf("%s: accepted, want %d", method, c.status)
				case fault == nil && (string(m.Body) != c.want || c.want != "" && m.ContentType != MediaType):
					t.Errorf("%s: a %s of %q, want %q", method, m.ContentType, m.Body, c.want)
				case fault != nil && (fault.Status != c.status || fault.Why != c.why):
					t.Errorf("%s: %d %s, want %d %s", method, fault.Status, fault.Why, c.status, c.why)
				}
			}
		})
	}
}

// Where no refusal is possible the parts stay together, and are of a type that is
// not served.
func TestMultipartOfWhatIsNotAnswered(t *testing.T) {
	for _, body := range []string{"--b\r\n" + described, of("b", described, another), of("b", slices.Repeat([]string{isup}, maxParts+1)...)} {
		ack := parse(t, carrying("ACK", "multipart/mixed;boundary=b", body))
		ok := parse(t, strings.Replace(carrying("INVITE", "multipart/mixed;boundary=b", body), "INVITE sip:a@192.0.2.1 SIP/2.0", "SIP/2.0 200 OK", 1))
		for _, m := range []*Message{ack, ok} {
			if m.ContentType != "multipart/mixed" || string(m.Body) != body {
				t.Errorf("%q became a %s of %q", body, m.ContentType, m.Body)
			}
		}
	}
	ok := parse(t, strings.Replace(carrying("PRACK", "multipart/mixed;boundary=b", of("b", isup, described)), "PRACK sip:a@192.0.2.1 SIP/2.0", "SIP/2.0 200 OK", 1))
	if ok.ContentType != MediaType || string(ok.Body) != "v=0\r\n" {
		t.Errorf("in a response: a %s of %q", ok.ContentType, ok.Body)
	}
	if m := parse(t, carrying("MESSAGE", "multipart/mixed;boundary=b", of("b", described))); m.ContentType != "multipart/mixed" {
		t.Errorf("a MESSAGE became a %s", m.ContentType)
	}
}

// A body that nobody has to understand is none.
func TestOptionalBodies(t *testing.T) {
	const optional = "Content-Disposition: signal;handling=optional"
	for name, text := range map[string]string{
		"another type":           carrying("INVITE", "application/isup", "\x01", optional),
		"parts without one":      carrying("INVITE", "multipart/mixed;boundary=b", of("b", isup), optional),
		"parts of two":           carrying("INVITE", "multipart/mixed;boundary=b", of("b", described, another), optional),
		"parts that do not end":  carrying("INVITE", "multipart/mixed;boundary=b", "--b\r\n", optional),
		"a packed description":   carrying("INVITE", MediaType, "v=0\r\n", "Content-Encoding: gzip", optional),
		"of an early session":    carrying("UPDATE", MediaType, "v=0\r\n", "Content-Disposition: early-session;handling=optional"),
		"in the ACK":             carrying("ACK", "text/plain", "x", optional),
		"in the 2xx of a PRACK":  strings.Replace(carrying("PRACK", "text/plain", "x", optional), "PRACK sip:a@192.0.2.1 SIP/2.0", "SIP/2.0 200 OK", 1),
		"signed by whom we know": carrying("INVITE", "multipart/signed;boundary=b", of("b", described), optional),
	} {
		m := parse(t, text)
		if m.Body != nil || m.ContentType != "" {
			t.Errorf("%s: a %s of %q", name, m.ContentType, m.Body)
		}
		if fault := Check(m); fault != nil {
			t.Errorf("%s: %d %s", name, fault.Status, fault.Why)
		}
	}
	for name, text := range map[string]string{
		"a description":    carrying("INVITE", MediaType, "v=0\r\n", "Content-Disposition: session;handling=optional"),
		"one among others": carrying("INVITE", "multipart/mixed;boundary=b", of("b", isup, described), optional),
	} {
		if m := parse(t, text); string(m.Body) != "v=0\r\n" {
			t.Errorf("%s: a %s of %q", name, m.ContentType, m.Body)
		}
	}
	if m := parse(t, carrying("INFO", "application/dtmf-relay", "Signal=1\r\n", optional)); string(m.Body) != "Signal=1\r\n" {
		t.Error("the body of an INFO was passed over")
	}
}

// The body is a part of the frame and not a copy, and cannot be grown into it.
func TestThePartIsOfTheFrame(t *testing.T) {
	frame := []byte(carrying("INVITE", "multipart/mixed;boundary=b", of("b", described)))
	m, fault := Parse(frame)
	if fault != nil {
		t.Fatal(fault)
	}
	if cap(m.Body) != len(m.Body) {
		t.Errorf("%d bytes have room for %d", len(m.Body), cap(m.Body))
	}
	m.Body[0] = 'V'
	if !strings.Contains(string(frame), "\r\n\r\nV=0\r\n") {
		t.Error("the body is a copy")
	}
}
