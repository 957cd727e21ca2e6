package message

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

// seeds gives a fuzzer every message that the tests have in full.
func seeds(f *testing.F) {
	files, err := filepath.Glob("../../testdata/torture/*.dat")
	if err != nil || len(files) == 0 {
		f.Fatalf("no corpus: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, text := range []string{
		invite, wroteRequest, wroteResponse,
		carrying("INVITE", "multipart/mixed;boundary=b", of("b", isup, described)),
		carrying("UPDATE", "multipart/related;boundary=\"b b\"", of("b b", "Content-Type: multipart/alternative;boundary=i\r\n\r\n"+of("i", picture, described))),
		carrying("PRACK", "multipart/mixed;boundary=b", of("b", another), "RAck: 1 2 INVITE", "Session-Expires: 90;refresher=uac", "Min-SE: 90"),
		carrying("ACK", "text/plain", "x", "Content-Disposition: render;handling=optional"),
		request("Refer-To: \"a\" <sip:a@x;method=INVITE?Replaces=1%40y>;z", "Allow: INVITE,ACK , X-y", "Event: dialog;id=1", "Info-Package: dtmf"),
		request("Contact: <sip:a@[2001:db8:::192.0.2.1]>", "Remote-Party-ID: \"\\\"\" <tel:+1;isub=2>;party=calling", "Require: timer"),
	} {
		f.Add([]byte(text))
	}
}

// FuzzParse checks that no frame does harm, that what is read and composed as a
// response is read again and says the same, and that a fault can be answered
// where it says so.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, fault := Parse(frame)
		if (m == nil) == (fault == nil) {
			t.Fatal("neither a message nor a fault, or both")
		}
		if fault != nil {
			if fault.Status != 0 {
				answerable(t, fault)
			}
			return
		}
		bounded(t, m)
		if fault := Check(m); fault != nil {
			if fault.Status != 0 {
				answerable(t, fault)
			}
			return
		}
		if !m.IsRequest() {
			return
		}
		if m.Method != "ACK" && !m.answerable() {
			t.Fatal("a request that is good cannot be answered")
		}
		uri := m.ContactURI()
		if _, err := ParseURI(uri); uri != "" && err != nil {
			t.Errorf("the Contact %q became %q", m.ContactText, uri)
		}
		e := m.Echo(source)
		b := (&Response{Echo: e, Status: 200, ToTag: "ours", RecordRoute: m.RecordRoute}).Append(nil)
		if b == nil {
			t.Fatal("its response could not be composed")
		}
		r, fault := Parse(b)
		if fault != nil && fault.Why == whyHead {
			return // received and a tag were too much
		}
		if fault != nil {
			t.Fatalf("its response cannot be read: %s\n%q", fault.Why, b)
		}
		tag := m.To.Tag
		if tag == "" {
			tag = "ours"
		}
		switch {
		case r.CallID != m.CallID, r.CSeq != m.CSeq, r.Method != m.Method, r.From.Text != m.From.Text, r.From.Tag != m.From.Tag,
			r.To.Tag != tag, !reflect.DeepEqual(r.To.URI, m.To.URI), !slices.Equal(r.RecordRoute, m.RecordRoute):
			t.Errorf("the response says something else:\n%q", b)
		case len(r.Via) != len(m.Via), r.Via[0].Branch != m.Via[0].Branch, r.Via[0].Host != m.Via[0].Host:
			t.Errorf("the response goes another way:\n%q", b)
		}
	})
}

// bounded checks that no list has grown beyond its bound, and that a body that
// was taken out of another is one that can be read.
func bounded(t *testing.T, m *Message) {
	t.Helper()
	for _, n := range []int{
		len(m.Via), len(m.RecordRoute), len(m.Route), len(m.Asserted), len(m.Preferred), len(m.RemoteParty), len(m.Privacy),
		len(m.Require), len(m.ProxyRequire), len(m.Supported), len(m.Accept), len(m.Allow),
	} {
		if n > maxEntries {
			t.Errorf("a list of %d entries", n)
		}
	}
	if len(m.Target.Params) > maxParams || len(m.Target.UserParams) > maxParams {
		t.Errorf("a target of %d and %d parameters", len(m.Target.Params), len(m.Target.UserParams))
	}
	if m.Optional && carriesSession(m.Method) && len(m.Body) > 0 && !m.described() {
		t.Errorf("an optional %s was not passed over", m.ContentType)
	}
}

// FuzzAppend checks that a request composed of what any message held is read
// back as it was meant, or is not composed at all.
func FuzzAppend(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, fault := Parse(frame)
		if fault != nil || Check(m) != nil || !m.IsRequest() {
			return
		}
		r := Request{
			Method: m.Method, Target: m.Target.Text(), Via: "SIP/2.0/UDP 192.0.2.1:5060", Branch: "z9hG4bKours", Route: m.Route,
			From: m.From.Text, To: m.To.Text, CallID: m.CallID, CSeq: m.CSeq, MaxForwards: max(m.MaxForwards, 1),
			Contact: m.ContactText, Supported: m.Supported, Require: m.Require, RAck: m.RAck, SessionExpires: m.SessionExpires,
			Refresher: m.Refresher, MinSE: m.MinSE, Q850: m.Q850, Event: m.Event, ContentType: m.ContentType, Body: m.Body, Allow: true,
		}
		b := r.Append(nil)
		if len(r.Body) > 0 && r.ContentType == "" {
			if b != nil {
				t.Fatal("a body of no type was composed")
			}
			return
		}
		if b == nil {
			t.Fatalf("what was read cannot be composed:\n%q", frame)
		}
		back, fault := Parse(b)
		if fault != nil && fault.Why == whyHead {
			return // our Via was too much
		}
		if fault != nil {
			t.Fatalf("what was composed cannot be read: %s\n%q", fault.Why, b)
		}
		switch {
		case back.Method != m.Method, !reflect.DeepEqual(back.Target, m.Target), back.From.Text != m.From.Text, back.To.Text != m.To.Text,
			back.From.Tag != m.From.Tag, back.To.Tag != m.To.Tag, back.CallID != m.CallID, back.CSeq != m.CSeq:
			t.Errorf("another request:\n%q", b)
		case back.ContactText != m.ContactText, !slices.Equal(back.Route, m.Route), !slices.Equal(back.Supported, m.Supported),
			!slices.Equal(back.Require, m.Require), back.Event != m.Event, back.Q850 != m.Q850:
			t.Errorf("other headers:\n%q", b)
		case back.RAck != m.RAck, m.SessionExpires > 0 && (back.SessionExpires != m.SessionExpires || back.Refresher != m.Refresher), back.MinSE != m.MinSE:
			t.Errorf("other numbers:\n%q", b)
		case !bytes.Equal(back.Body, m.Body), len(m.Body) > 0 && back.ContentType != m.ContentType:
			t.Errorf("another body:\n%q", b)
		case !slices.Equal(back.Allow, []string{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "PRACK", "UPDATE", "INFO"}):
			t.Errorf("allows %q", back.Allow)
		}
	})
}

// FuzzParts checks that no body of several parts does harm: the part that is
// taken is one of the body's, and its parts are no more than there may be.
func FuzzParts(f *testing.F) {
	f.Add("b", []byte(of("b", described)))
	f.Add("b", []byte(of("b", isup, described, picture)))
	f.Add("b", []byte("--b\r\n"+of("b", another)))
	f.Add("i", []byte(of("i", "Content-Type: multipart/mixed;boundary=i\r\n\r\n"+of("i", described))))
	f.Add("-", []byte("-----\r\n---\r\n"))
	f.Fuzz(func(t *testing.T, boundary string, body []byte) {
		p := parts{left: maxParts}
		ok := p.read(body, boundary, 0)
		switch {
		case p.left < -1, p.descriptions > maxParts:
			t.Errorf("%d parts are left, %d descriptions", p.left, p.descriptions)
		case ok && (boundary == "" || !bytes.Contains(body, []byte("--"+boundary+"--"))):
			t.Error("read without a boundary or an end")
		case len(p.description) > 0 && !bytes.Contains(body, p.description):
			t.Error("the part is not of the body")
		case cap(p.description) != len(p.description):
			t.Error("the part can be grown into the body")
		}
	})
}
