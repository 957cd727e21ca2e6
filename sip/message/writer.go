package message

import (
	"bytes"
	"strconv"
)

// Methods are the methods that are served, as Allow lists them. REFER is added
// where it is allowed, MESSAGE outside of calls where texts are carried.
const Methods = "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO"

// DTMFType is the type of an INFO's body that is read and written.
const DTMFType = "application/dtmf-relay"

// Seconds is a delta-seconds header value plus one, so that the zero value is no
// header at all.
type Seconds int

// In makes Seconds of n seconds.
func In(n int) Seconds { return Seconds(n + 1) }

// writer composes a header block behind what a buffer holds already. It is the
// only place where a message is given its bytes, and it is given values only:
// every name is written out in here.
type writer struct {
	b     []byte
	from  int // where the message begins
	lines int // CRLFs written
}

func (w *writer) text(s string) { w.b = append(w.b, s...) }

func (w *writer) number(n int) { w.b = strconv.AppendInt(w.b, int64(n), 10) }

func (w *writer) end() {
	w.b = append(w.b, '\r', '\n')
	w.lines++
}

// line writes one header; an empty value writes nothing.
func (w *writer) line(name, value string) {
	if value == "" {
		return
	}
	w.text(name)
	w.text(value)
	w.end()
}

// each writes one header line per value.
func (w *writer) each(name string, values []string) {
	for _, v := range values {
		w.line(name, v)
	}
}

// list writes one header line with all values.
func (w *writer) list(name string, values []string) {
	for i, v := range values {
		if i == 0 {
			w.text(name)
		} else {
			w.text(", ")
		}
		w.text(v)
	}
	if len(values) > 0 {
		w.end()
	}
}

// allow lists the methods that are served.
func (w *writer) allow(on, refer, text bool) {
	if !on {
		return
	}
	w.text("Allow: ")
	w.text(Methods)
	if refer {
		w.text(", REFER")
	}
	if text {
		w.text(", MESSAGE")
	}
	w.end()
}

// seconds writes a header of delta-seconds.
func (w *writer) seconds(name string, n Seconds) {
	if n <= 0 {
		return
	}
	w.text(name)
	w.number(int(n) - 1)
	w.end()
}

// session writes the headers of a session timer (RFC 4028).
func (w *writer) session(expires int, refresher string, min int) {
	if expires > 0 {
		w.text("Session-Expires: ")
		w.number(expires)
		if refresher != "" {
			w.text(";refresher=")
			w.text(refresher)
		}
		w.end()
	}
	if min > 0 {
		w.text("Min-SE: ")
		w.number(min)
		w.end()
	}
}

func (w *writer) reason(q850 int) {
	if q850 <= 0 {
		return
	}
	w.text("Reason: Q.850;cause=")
	w.number(q850)
	w.end()
}

// finish writes Content-Type, Content-Length and the body and returns the whole,
// or nil when the message must not leave.
//
// This is the guard: in a header block that this writer made there are as many CRs
// and as many LFs as it ended lines, and no NUL. One more came in with a value
// and would be a line that somebody else wrote.
func (w *writer) finish(contentType string, body []byte) []byte {
	if len(body) > 0 {
		if contentType == "" {
			return nil
		}
		w.line("Content-Type: ", contentType)
	}
	w.text("Content-Length: ")
	w.number(len(body))
	w.end()
	w.end()
	head := w.b[w.from:]
	if bytes.Count(head, crlf[:1]) != w.lines || bytes.Count(head, crlf[1:]) != w.lines ||
		bytes.IndexByte(head, 0) >= 0 {
		return nil
	}
	return append(w.b, body...)
}
