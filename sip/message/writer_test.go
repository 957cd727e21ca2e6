package message

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// fullRequest and fullResponse have a value in every field.
func fullRequest() Request {
	return Request{
		Method: "INVITE", Target: "sip:13900000002@192.0.2.10:5060", Via: "SIP/2.0/UDP 192.0.2.1:5060", Branch: "z9hG4bKours",
		Route: []string{"<sip:p1;lr>", "<sip:p2;lr>"}, From: "<sip:700100100010001@192.0.2.1>;tag=ours",
		To: "<sip:13900000002@192.0.2.10>", CallID: "call", CSeq: 7, MaxForwards: 69, Contact: "<sip:x@192.0.2.1:5060>",
		Allow: true, Supported: []string{"a", "b"}, Require: []string{"c"}, Identity: "<sip:700100100010001@192.0.2.1>",
		RemoteParty: "<sip:700100100010001@192.0.2.1>;party=calling", Q850: 16, ContentType: "application/sdp", Body: []byte("v=0\r\n"),
		AllowRefer: true, RAck: RAck{RSeq: 1, CSeq: 2, Method: "INVITE"}, SessionExpires: 1800, Refresher: "uac", MinSE: 90,
		Authorization: "Digest a", ProxyAuthorization: "Digest b", AcceptSDP: true, Expires: In(0), Event: "refer",
		SubscriptionState: "active;expires=60", Private: true,
	}
}

func fullResponse() Response {
	return Response{
		Echo: Echo{
			Via: []string{"SIP/2.0/UDP a;branch=z9hG4bK1", "SIP/2.0/UDP b"}, From: "<sip:b@x>;tag=1", To: "<sip:a@y>", CallID: "call",
			CSeq: 7, Method: "INVITE",
		},
		Status: 200, ToTag: "ours", Contact: "<sip:x@192.0.2.1:5060>", RecordRoute: []string{"<sip:p1;lr>", "<sip:p2;lr>"},
		Allow: true, AcceptSDP: true, Supported: []string{"a"}, Require: []string{"b"}, Unsupported: []string{"c", "d"},
		RetryAfter: 5, Q850: 17, Identity: "<sip:700100100010001@y>", ContentType: "application/sdp", Body: []byte("v=0\r\n"),
		AllowRefer: true, AcceptDTMF: true, NoInfoPackages: true, RSeq: 9, SessionExpires: 1800, Refresher: "uas", MinSE: 90,
		WWWAuthenticate: []string{"Digest c", "Digest d"}, Expires: In(60),
	}
}

const wroteRequest = "INVITE sip:13900000002@192.0.2.10:5060 SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKours\r\n" +
	"Max-Forwards: 69\r\n" +
	"Route: <sip:p1;lr>\r\n" +
	"Route: <sip:p2;lr>\r\n" +
	"From: <sip:700100100010001@192.0.2.1>;tag=ours\r\n" +
	"To: <sip:13900000002@192.0.2.10>\r\n" +
	"Call-ID: call\r\n" +
	"CSeq: 7 INVITE\r\n" +
	"Contact: <sip:x@192.0.2.1:5060>\r\n" +
	"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER\r\n" +
	"Accept: application/sdp\r\n" +
	"Supported: a, b\r\n" +
	"Require: c\r\n" +
	"P-Asserted-Identity: <sip:700100100010001@192.0.2.1>\r\n" +
	"Remote-Party-ID: <sip:700100100010001@192.0.2.1>;party=calling\r\n" +
	"Privacy: id\r\n" +
	"RAck: 1 2 INVITE\r\n" +
	"Session-Expires: 1800;refresher=uac\r\n" +
	"Min-SE: 90\r\n" +
	"Expires: 0\r\n" +
	"Event: refer\r\n" +
	"Subscription-State: active;expires=60\r\n" +
	"Authorization: Digest a\r\n" +
	"Proxy-Authorization: Digest b\r\n" +
	"Reason: Q.850;cause=16\r\n" +
	"Content-Type: application/sdp\r\n" +
	"Content-Length: 5\r\n" +
	"\r\nv=0\r\n"

const wroteResponse = "SIP/2.0 200 OK\r\n" +
	"Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\n" +
	"Via: SIP/2.0/UDP b\r\n" +
	"From: <sip:b@x>;tag=1\r\n" +
	"To: <sip:a@y>;tag=ours\r\n" +
	"Call-ID: call\r\n" +
	"CSeq: 7 INVITE\r\n" +
	"Record-Route: <sip:p1;lr>\r\n" +
	"Record-Route: <sip:p2;lr>\r\n" +
	"Contact: <sip:x@192.0.2.1:5060>\r\n" +
	"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER\r\n" +
	"Accept: application/sdp\r\n" +
	"Accept: application/dtmf-relay\r\n" +
	"Recv-Info:\r\n" +
	"Supported: a\r\n" +
	"Require: b\r\n" +
	"Unsupported: c, d\r\n" +
	"Retry-After: 5\r\n" +
	"RSeq: 9\r\n" +
	"Session-Expires: 1800;refresher=uas\r\n" +
	"Min-SE: 90\r\n" +
	"Expires: 60\r\n" +
	"WWW-Authenticate: Digest c\r\n" +
	"WWW-Authenticate: Digest d\r\n" +
	"P-Asserted-Identity: <sip:700100100010001@y>\r\n" +
	"Reason: Q.850;cause=17\r\n" +
	"Content-Type: application/sdp\r\n" +
	"Content-Length: 5\r\n" +
	"\r\nv=0\r\n"

func TestRequestAppend(t *testing.T) {
	r := fullRequest()
	if got := string(r.Append(nil)); got != wroteRequest {
		t.Errorf("wrote\n%s\nwant\n%s", got, wroteRequest)
	}
	if got := string(r.Append([]byte("before\r\n"))); got != "before\r\n"+wroteRequest {
		t.Errorf("behind a prefix wrote\n%s", got)
	}
	short := Request{
		Method: "BYE", Target: "sip:x", Via: "SIP/2.0/TCP h", Branch: "z9hG4bK1", From: "<sip:a>;tag=1", To: "<sip:b>;tag=2",
		CallID: "c", CSeq: 1, MaxForwards: -5,
	}
	want := "BYE sip:x SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nMax-Forwards: 0\r\nFrom: <sip:a>;tag=1\r\n" +
		"To: <sip:b>;tag=2\r\nCall-ID: c\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n"
	if got := string(short.Append(nil)); got != want {
		t.Errorf("wrote\n%s\nwant\n%s", got, want)
	}
}

func TestResponseAppend(t *testing.T) {
	r := fullResponse()
	if got := string(r.Append(nil)); got != wroteResponse {
		t.Errorf("wrote\n%s\nwant\n%s", got, wroteResponse)
	}
	r.Echo.ToTag, r.Echo.To = true, "<sip:a@y>;tag=theirs"
	if got := string(r.Append(nil)); !strings.Contains(got, "\r\nTo: <sip:a@y>;tag=theirs\r\n") {
		t.Errorf("a second tag in\n%s", got)
	}
	short := Response{Echo: Echo{Via: []string{"SIP/2.0/UDP a"}, CSeqText: "99999999999 X"}, Status: 400, ToTag: "ours"}
	want := "SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP a\r\nCSeq: 99999999999 X\r\nContent-Length: 0\r\n\r\n"
	if got := string(short.Append(nil)); got != want {
		t.Errorf("wrote\n%s\nwant\n%s", got, want)
	}
}

// What is written is read back as it was meant.
func TestAppendIsReadBack(t *testing.T) {
	r := fullRequest()
	m := parse(t, string(r.Append(nil)))
	if m.Method != r.Method || m.Target.Text() != r.Target || m.CSeq != r.CSeq || m.From.Text != r.From || m.To.Text != r.To ||
		m.CallID != r.CallID || m.MaxForwards != r.MaxForwards || !slices.Equal(m.Route, r.Route) || m.Q850 != r.Q850 ||
		m.Via[0].Branch != r.Branch || !m.Via[0].RPort || m.ContactText != r.Contact || !bytes.Equal(m.Body, r.Body) ||
		!slices.Equal(m.Supported, r.Supported) || !slices.Equal(m.Require, r.Require) || m.ContentType != r.ContentType ||
		m.Asserted[0].Text != r.Identity || m.RemoteParty[0].Text != r.RemoteParty {
		t.Errorf("read back as %s", bare(reflect.ValueOf(*m)))
	}
}

// inject puts text into every string of a value, one at a time, and calls try
// with the name of the place.
func inject(v reflect.Value, name, text string, try func(place string)) {
	switch v.Kind() {
	case reflect.String:
		old := v.String()
		v.SetString(old + text)
		try(name)
		v.SetString(old)
	case reflect.Struct:
		for i := range v.NumField() {
			inject(v.Field(i), name+"."+v.Type().Field(i).Name, text, try)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.String {
			for i := range v.Len() {
				inject(v.Index(i), name, text, try)
			}
		}
	}
}

func TestAppendDropsWhatWouldBeALineOfSomebodyElse(t *testing.T) {
	for _, text := range []string{"\r\nX-Number: 13800000001", "\n", "\r", "\x00", "\r\n\r\n"} {
		places := 0
		r := fullRequest()
		inject(reflect.ValueOf(&r).Elem(), "Request", text, func(place string) {
			places++
			if got := r.Append(nil); got != nil {
				t.Errorf("%q in %s left as\n%s", text, place, got)
			}
		})
		s := fullResponse()
		s.Echo.CSeqText = "7 INVITE"
		s.Echo.Method = ""
		inject(reflect.ValueOf(&s).Elem(), "Response", text, func(place string) {
			if place == "Response.Echo.Method" || place == "Response.Echo.Timestamp" {
				return // not written beside CSeqText; not written but in a 100
			}
			places++
			if got := s.Append(nil); got != nil {
				t.Errorf("%q in %s left as\n%s", text, place, got)
			}
		})
		if places < 30 {
			t.Errorf("only %d places were tried", places)
		}
	}
	s := fullResponse()
	s.Echo.Method = "INVITE\r\nX: y"
	if got := s.Append(nil); got != nil {
		t.Errorf("a line in CSeq's method left as\n%s", got)
	}
	s = fullResponse()
	s.Status, s.Echo.Timestamp = 100, "54\r\nX: y"
	if got := s.Append(nil); got != nil {
		t.Errorf("a line in Timestamp left as\n%s", got)
	}
	s.Echo.Timestamp = "54"
	if got := string(s.Append(nil)); !strings.Contains(got, "\r\nTimestamp: 54\r\n") {
		t.Errorf("a 100 has no Timestamp:\n%s", got)
	}
}

func TestAppendDropsWhatIsIncomplete(t *testing.T) {
	for _, field := range []string{"Method", "Target", "Via", "Branch", "From", "To", "CallID", "ContentType"} {
		r := fullRequest()
		reflect.ValueOf(&r).Elem().FieldByName(field).SetString("")
		if got := r.Append(nil); got != nil {
			t.Errorf("without %s left\n%s", field, got)
		}
	}
	for name, change := range map[string]func(*Request){
		"a blank in the method": func(r *Request) { r.Method = "BYE x" },
		"a blank in the target": func(r *Request) { r.Target = "sip:a b" },
		"a tab in the target":   func(r *Request) { r.Target = "sip:a\tb" },
	} {
		r := fullRequest()
		change(&r)
		if got := r.Append(nil); got != nil {
			t.Errorf("%s left\n%s", name, got)
		}
	}
	for name, change := range map[string]func(*Response){
		"no Via":         func(r *Response) { r.Echo.Via = nil },
		"no CSeq":        func(r *Response) { r.Echo.Method = "" },
		"no type":        func(r *Response) { r.ContentType = "" },
		"status 0":       func(r *Response) { r.Status = 0 },
		"a large status": func(r *Response) { r.Status = 700 },
	} {
		r := fullResponse()
		change(&r)
		if got := r.Append(nil); got != nil {
			t.Errorf("%s left\n%s", name, got)
		}
	}
}

// Nothing that tells who made this program or which peer it speaks to is ever
// written: the list of names that can be is this one.
func TestAppendWritesNoOtherHeader(t *testing.T) {
	r, s := fullRequest(), fullResponse()
	allowed := strings.Fields("Via Max-Forwards Route From To Call-ID CSeq Contact Allow Supported Require " +
		"P-Asserted-Identity Remote-Party-ID Reason Content-Type Content-Length Record-Route Accept Unsupported Retry-After RAck Privacy RSeq " +
		"Session-Expires Min-SE Expires Event Subscription-State Authorization Proxy-Authorization WWW-Authenticate Recv-Info")
	for _, text := range []string{string(r.Append(nil)), string(s.Append(nil))} {
		head, _, _ := strings.Cut(text, "\r\n\r\n")
		for _, line := range strings.Split(head, "\r\n")[1:] {
			if name, _, _ := strings.Cut(line, ":"); !slices.Contains(allowed, name) {
				t.Errorf("%s is written", name)
			}
		}
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	r, s := fullRequest(), fullResponse()
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { _ = r.Append(buf) }); n != 0 {
		t.Errorf("a request allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { _ = s.Append(buf) }); n != 0 {
		t.Errorf("a response allocates %v times", n)
	}
}

func TestPhraseIsOursForEveryStatus(t *testing.T) {
	for status := 100; status <= 699; status++ {
		p := Phrase(status)
		if p == "" || strings.ContainsAny(p, "0123456789\r\n") {
			t.Errorf("%d has the phrase %q", status, p)
		}
	}
	for status, want := range map[int]string{
		180: "Ringing", 200: "OK", 399: "Redirected", 404: "Not Found", 481: "Call/Transaction Does Not Exist", 499: "Bad Request",
		599: "Server Internal Error", 699: "Failure",
	} {
		if got := Phrase(status); got != want {
			t.Errorf("%d is %q, want %q", status, got, want)
		}
	}
}
