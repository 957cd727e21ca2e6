package message

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// A message may cost at most so many times its own size, and so much for being
// one at all.
const (
	costTimes = 12
	costBase  = 48 << 10
)

// No message makes its reader allocate more than its size allows, and none more
// than in proportion to it: twice the message, twice the memory and twice the
// pieces of it. A reader that looks at what it has read again and again would
// show in neither, but none of them keeps a place to come back to.
func TestParseCostsInProportion(t *testing.T) {
	for name, make := range crafted() {
		small, large := make(maxHead/4-300), make(maxHead-1200)
		bytes, pieces := cost(large)
		if limit := costTimes*uint64(len(large)) + costBase; bytes > limit {
			t.Errorf("%s: %d bytes for a message of %d, want no more than %d", name, bytes, len(large), limit)
		}
		fewBytes, fewPieces := cost(small)
		grown := float64(len(large)) / float64(len(small))
		if grown < 2 {
			continue // the unit's number of lines is bounded before its size
		}
		if limit := 1.5 * grown; float64(bytes) > limit*float64(fewBytes)+costBase || float64(pieces) > limit*float64(fewPieces)+100 {
			t.Errorf("%s: a message %.1f times as long takes %d bytes in %d pieces, up from %d in %d", name, grown, bytes, pieces, fewBytes, fewPieces)
		}
	}
}

// The largest datagrams, whatever is in them.
func TestLargestFramesAreCheap(t *testing.T) {
	const size = 65507
	head := invite[:strings.Index(invite, "\r\nContent-Type")]
	for name, frame := range map[string]string{
		"noise":               strings.Repeat("\x00\x01\xff", size/3),
		"line ends":           strings.Repeat("\r\n", size/2),
		"blanks":              strings.Repeat(" ", size),
		"colons":              strings.Repeat(":", size),
		"lines of nothing":    head + strings.Repeat("\r\n:", size/3),
		"lines of one letter": head + strings.Repeat("\r\na:", size/4),
		"Vias":                head + strings.Repeat("\r\nv:a/b/c d", size/12),
		"one header":          head + "\r\nSubject: " + strings.Repeat("x", size),
		"one Via":             "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a;" + strings.Repeat("x;", size/2),
		"a fold":              head + "\r\nSubject: " + strings.Repeat("\r\n ", size/3),
		"no end":              strings.Repeat("a: b\r\n", size/6),
		"a body":              head + "\r\nContent-Type: application/sdp\r\n\r\n" + strings.Repeat("m=\r\n", size/4),
		"a start line":        strings.Repeat("INVITE ", size/7),
		"a status line":       "SIP/2.0 200 " + strings.Repeat("OK ", size/3),
		"many requests":       strings.Repeat(request(), size/len(request())),
	} {
		if bytes, _ := cost(frame); bytes > 3*uint64(len(frame))+costBase {
			t.Errorf("%s: %d bytes for a frame of %d", name, bytes, len(frame))
		}
	}
}

// cost is what reading, checking and answering a message takes: bytes and
// pieces of memory.
func cost(frame string) (bytes, pieces uint64) {
	const runs = 2
	b := []byte(frame)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		m, fault := Parse(b)
		status := 200
		if fault == nil {
			fault = Check(m)
		}
		if fault != nil {
			m, status = fault.Message, fault.Status
		}
		if m != nil && status != 0 && m.IsRequest() {
			r := Response{Echo: m.Echo(source), Status: status, ToTag: "ours"}
			r.Append(nil)
		}
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / runs, (after.Mallocs - before.Mallocs) / runs
}

// crafted are messages of any size that ask a reader to do more than it should:
// one header, or the target, or the body, full of what means something there.
func crafted() map[string]func(size int) string {
	units := []string{
		",", ";", "\"", "<", ">", "\\", "[", "]", "%", "=", ":", "@", "?", "&", "/", " ", "\t", "\r\n ", "a", "a,", "a;", ";a", ";a=b", "<>,", "\"\",", "\"\\\"\"",
		"<sip:a>,", "<sip:a;lr>,", "<sip:a;b;c;d>,", "sip:a@b,", "SIP/2.0/UDP a,", "SIP/2.0/UDP a;b,", "a/b,", "%41", "\xff", "1", "1 ", "a=\"b\";", "Q.850;cause=1,",
	}
	names := []string{
		"Via", "From", "To", "Call-ID", "CSeq", "Max-Forwards", "Contact", "Record-Route", "Route", "P-Asserted-Identity", "P-Preferred-Identity",
		"Remote-Party-ID", "Privacy", "Require", "Proxy-Require", "Supported", "Reason", "Retry-After", "Expires", "Accept", "Content-Type",
		"Content-Encoding", "Content-Length", "Content-Disposition", "RSeq", "RAck", "Session-Expires", "Min-SE", "Allow", "Refer-To", "Event",
		"Info-Package", "Authorization", "WWW-Authenticate", "Subject",
	}
	full := func(unit string, size int) string { return strings.Repeat(unit, max(size/len(unit), 1)) }
	all := map[string]func(int) string{}
	for _, unit := range units {
		for _, name := range names {
			all[fmt.Sprintf("%s of %q", name, unit)] = func(size int) string {
				return strings.Replace(invite, "\r\nMax-Forwards: 70", "\r\n"+name+": "+full(unit, size), 1)
			}
			all[fmt.Sprintf("%s lines of %q", name, unit)] = func(size int) string {
				line := name + ": " + unit + "\r\n"
				return strings.Replace(invite, "\r\nMax-Forwards: 70\r\n", "\r\n"+strings.Repeat(line, min(size/len(line), maxLines-20)), 1)
			}
		}
		all[fmt.Sprintf("a target of %q", unit)] = func(size int) string {
			return strings.Replace(invite, "sip:700100100010001@", "sip:"+full(unit, size)+"@", 1)
		}
		all[fmt.Sprintf("a host of %q", unit)] = func(size int) string {
			return strings.Replace(invite, "@192.0.2.1:5060;user=phone SIP", "@"+full(unit, size)+" SIP", 1)
		}
		all[fmt.Sprintf("a Contact's parameters of %q", unit)] = func(size int) string {
			return strings.Replace(invite, ";transport=udp>", ";"+full(unit, size)+">", 1)
		}
		all[fmt.Sprintf("a method of %q", unit)] = func(size int) string {
			return strings.Replace(invite, "INVITE sip", full(unit, size)+" sip", 1)
		}
		all[fmt.Sprintf("names of %q", unit)] = func(size int) string {
			return strings.Replace(invite, "Max-Forwards", full(unit, size), 1)
		}
	}
	for _, unit := range []string{
		"\r\n", "\r\n ", "-", "--b", "--b\r\n", "--b \r\n", "--b-", "--b--\r\n", "--bb\r\n", "a:", "a: b\r\n", ":\r\n", "Content-A: b\r\n",
		"Content-Type: a/b;boundary=b\r\n", "Content-Type:\r\n a", "--b\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n",
	} {
		all[fmt.Sprintf("parts of %q", unit)] = func(size int) string {
			return carrying("INVITE", "multipart/mixed;boundary=b", full(unit, 4*size))
		}
		all[fmt.Sprintf("a part of %q", unit)] = func(size int) string {
			return carrying("INVITE", "multipart/mixed;boundary=b", of("b", described, full(unit, 4*size)))
		}
	}
	return all
}
