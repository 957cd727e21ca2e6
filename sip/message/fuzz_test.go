package message

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

// FuzzParse checks that no frame does harm, that what is read and composed as a
// response is read again and says the same, and that a fault can be answered
// where it says so.
func FuzzParse(f *testing.F) {
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
	f.Add([]byte(invite))
	f.Add([]byte(wroteRequest))
	f.Add([]byte(wroteResponse))
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
