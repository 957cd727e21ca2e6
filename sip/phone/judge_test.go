package phone

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mask700/sip/flow"
)

// spoil replaces a text in the nth message of a name, and leaves its lengths
// right.
func spoil(t *testing.T, name, old, with string, nth int) func(string, []byte) []byte {
	return func(n string, b []byte) []byte {
		if n != name {
			return b
		}
		if nth--; nth != 0 {
			return b
		}
		if !bytes.Contains(b, []byte(old)) {
			t.Errorf("%s has no %q:\n%s", name, old, b)
		}
		return measured(bytes.Replace(b, []byte(old), []byte(with), 1))
	}
}

// bare takes the descriptions out of all messages of a name.
func bare(name string) func(string, []byte) []byte {
	return func(n string, b []byte) []byte {
		if n != name {
			return b
		}
		head, _, _ := bytes.Cut(b, []byte("\r\n\r\n"))
		return measured(append(slices.Clip(head), "\r\n\r\n"...))
	}
}

// measured sets the Content-Length of a message right.
func measured(b []byte) []byte {
	head, body, _ := strings.Cut(string(b), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	for i := range lines {
		if strings.HasPrefix(lines[i], "Content-Length: ") {
			lines[i] = fmt.Sprint("Content-Length: ", len(body))
		}
	}
	return []byte(strings.Join(lines, "\r\n") + "\r\n\r\n" + body)
}

// TestViolations spoils messages on the wire and checks that whoever gets them
// complains, and of that alone.
func TestViolations(t *testing.T) {
	hold := Behaviour{Reliable: Supported, Acts: []Act{{After: s, Method: "INVITE", Change: Hold}}}
	early := Behaviour{Reliable: Supported, Early: true}
	tests := []struct {
		name           string
		caller, callee Behaviour
		tamper         func(string, []byte) []byte
		phone          int
		want           string
	}{
		{"version goes up by two", hold, early, spoil(t, "caller INVITE", "o=- 1 2 ", "o=- 1 3 ", 2), 1,
			"INVITE has a version that went up by 2 (RFC 3264 section 8)"},
		{"version stays", hold, early, spoil(t, "caller INVITE", "o=- 1 2 ", "o=- 1 1 ", 2), 1,
			"INVITE has a description that changed, and its version has not (RFC 3264 section 8)"},
		{"version changes alone", Behaviour{Acts: []Act{{After: s, Method: "UPDATE"}}}, Behaviour{}, spoil(t,
			"caller UPDATE", "o=- 1 1 ", "o=- 1 2 ", 1), 1,
			"UPDATE has a version that changed, and its description has not (RFC 3264 section 8)"},
		{"another session", hold, early, spoil(t, "caller INVITE", "o=- 1 2 ", "o=- 9 2 ", 2), 1,
			"INVITE has the description of another session: o= has changed"},
		{"an m-line is gone", Behaviour{Acts: []Act{{After: s, Method: "UPDATE", Change: Video}, {After: 2 * s,
			Method: "UPDATE", Change: Hold}}}, Behaviour{},
			spoil(t, "caller UPDATE", "m=video 0 RTP/AVP 96\r\n", "", 2), 1,
			"UPDATE offers 1 m-lines after 2 (RFC 3264 section 8)"},
		{"m-lines change places", Behaviour{Acts: []Act{{After: s, Method: "UPDATE", Change: Video}, {After: 2 * s,
			Method: "UPDATE", Change: Hold}}},
			Behaviour{}, spoil(t, "caller UPDATE", "m=audio 40000", "m=text 0 RTP/AVP 98\r\nm=audio 40000", 2), 1,
			"UPDATE changes the order of the m-lines (RFC 3264 section 8)"},
		{"an answer with a line more", hold, early, spoil(t, "callee 183", "a=sendrecv\r\n",
			"a=sendrecv\r\nm=video 0 RTP/AVP 96\r\n", 1), 0,
			"183 to INVITE answers 1 m-lines with 2 (RFC 3264 section 6)"},
		{"an answer of other formats", hold, early, spoil(t, "callee 183", "RTP/AVP 8 0 101\r\n", "RTP/AVP 8 0 101 18\r\n", 1), 0,
			"183 to INVITE lists a format that was not offered (RFC 3264 section 6.1)"},
		{"an answer with another line", hold, early, spoil(t, "callee 183", "m=audio", "m=video", 1), 0,
			"183 to INVITE answers an m-line with another (RFC 3264 section 6)"},
		{"an answer in the wrong direction", hold, early, spoil(t, "callee 200", "a=recvonly", "a=sendonly", 3), 0,
			"200 to INVITE answers sendonly with sendonly (RFC 3264 section 6.1)"},
		{"a line comes back to life", Behaviour{Acts: []Act{{After: s, Method: "UPDATE", Change: Video}, {After: 2 * s,
			Method: "UPDATE", Change: Hold}}},
			Behaviour{}, spoil(t, "callee 200", "m=video 0 ", "m=video 9 ", 3), 0,
			"200 to UPDATE revives an m-line that was offered with port 0 (RFC 3264 section 8.2)"},
		{"another codec under the number", hold, early, spoil(t, "caller INVITE", "a=rtpmap:101 telephone-event/8000",
			"a=rtpmap:101 opus/48000/2", 2), 1,
			"INVITE has another codec for payload type 101 (RFC 3264 section 8.3.2)"},
		{"another answer", Behaviour{}, Behaviour{Early: true}, spoil(t, "callee 200", "40000", "40008", 1), 0,
			"200 to INVITE brings another answer (RFC 3261 section 13.2.1)"},
		{"RSeq jumps", Behaviour{Reliable: Supported}, Behaviour{Reliable: Supported, Progress: []Notice{{Status: 180},
			{After: s / 2, Status: 180}}},
			spoil(t, "callee 180", "\r\nRSeq: ", "\r\nRSeq: 1", 2), 0,
			"180 to INVITE has an RSeq that does not follow the last (RFC 3262 section 3)"},
		{"a reliable response without Contact", hold, early, spoil(t, "callee 183", "\r\nContact:", "\r\nX-Contact:", 1), 0,
			"183 has no Contact (RFC 3261 section 12.1.1)"},
		{"reliable toward one who is not", Behaviour{}, early, spoil(t, "callee 183", "\r\nContact:",
			"\r\nRequire: 100rel\r\nRSeq: 7\r\nContact:", 1), 0,
			"183 to INVITE is reliable toward one who does not know that (RFC 3262 section 3)"},
		{"INVITE without Allow", hold, early, spoil(t, "caller INVITE", "\r\nAllow:", "\r\nX-Allow:", 1), 1,
			"INVITE lists no methods in Allow (RFC 3261 section 13.2.1)"},
		{"UPDATE without Contact", Behaviour{Acts: []Act{{After: s, Method: "UPDATE"}}}, Behaviour{}, spoil(t,
			"caller UPDATE", "\r\nContact:", "\r\nX-Y:", 1), 1,
			"UPDATE has no Contact (RFC 3311 section 5.1)"},
		{"no Max-Forwards", hold, early, spoil(t, "caller INVITE", "\r\nMax-Forwards:", "\r\nX-Y:", 2), 1,
			"INVITE has no Max-Forwards (RFC 3261 section 8.1.1)"},
		{"an ACK that answers nothing", Behaviour{}, Behaviour{}, spoil(t, "caller ACK", "\r\n\r\n",
			"\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n", 1), 1,
			"an ACK with a description that answers nothing (RFC 3264 section 4)"},
		{"an ACK that does not answer", Behaviour{LateOffer: true}, Behaviour{}, bare("caller ACK"), 1,
			"ACK without the answer (RFC 3261 section 13.2.1)"},
		{"a 2xx that does not answer", Behaviour{}, Behaviour{}, bare("callee 200"), 0,
			"200 to INVITE without the answer (RFC 3261 section 13.2.1)"},
		{"a 2xx that does not offer", Behaviour{LateOffer: true}, Behaviour{}, bare("callee 200"), 0,
			"200 to INVITE makes no offer, and the INVITE made none (RFC 3261 section 13.2.1)"},
		{"an ACK with the branch of its INVITE", Behaviour{Habits: Habits{ACKBranch: true}}, Behaviour{}, nil, 1,
			"the ACK of a 2xx wears the branch of its INVITE (RFC 3261 section 13.2.2.4)"},
		{"a timer nobody refreshes", Behaviour{Timer: Supported, Expires: 90}, Behaviour{Timer: Supported},
			spoil(t, "callee 200", ";refresher=uas", "", 1), 0, "200 to INVITE does not say who refreshes (RFC 4028 section 9)"},
		{"a timer too short", Behaviour{Timer: Supported, Expires: 90}, Behaviour{Timer: Supported},
			spoil(t, "callee 200", "Session-Expires: 90", "Session-Expires: 60", 1), 0,
			"200 to INVITE has a session interval below 90 s (RFC 4028 section 5)"},
		{"a timer for one who has none", Behaviour{}, Behaviour{Timer: Supported, Expires: 90},
			spoil(t, "callee 200", ";refresher=uas", ";refresher=uac", 1), 0,
			"200 to INVITE would have one refresh who does not know that (RFC 4028 section 9)"},
		{"a timer that is not required", Behaviour{Timer: Supported, Expires: 90, Refresher: "uac"}, Behaviour{Timer: Supported},
			spoil(t, "callee 200", "\r\nRequire: timer", "", 1), 0,
			"200 to INVITE does not require the timer of who refreshes (RFC 4028 section 9)"},
		{"422 without Min-SE", Behaviour{Timer: Supported, Expires: 90}, Behaviour{Timer: Supported, MinSE: 200},
			spoil(t, "callee 422", "\r\nMin-SE: 200", "", 1), 0, "422 names no interval in Min-SE (RFC 4028 section 6)"},
		{"405 without Allow", Behaviour{Acts: []Act{{After: s, Method: "REFER"}}}, Behaviour{}, spoil(t, "callee 405",
			"\r\nAllow:", "\r\nX-Y:", 1), 0,
			"405 to REFER lists no method in Allow (RFC 3261 section 8.2.1)"},
		{"a description that is none", hold, early, spoil(t, "caller INVITE", "o=- 1 2 IN IP4 192.0.2.10", "o=-", 2), 1,
			"INVITE has a description that cannot be read"},
		{"NOTIFY unasked", Behaviour{Acts: []Act{{After: s, Method: "NOTIFY"}}}, Behaviour{}, nil, 1,
			"NOTIFY to one who has not asked for it (RFC 3515 section 2.4.4)"},
		{"NOTIFY of nothing", Behaviour{Acts: []Act{{After: s, Method: "NOTIFY"}}}, Behaviour{Acts: []Act{{After: s / 2, Method: "REFER"}}}, nil, 1,
			"NOTIFY without its Event, Contact or Content-Type (RFC 3515 section 2.4.4)"},
		{"a key that is none", Behaviour{Acts: []Act{{After: s, Method: "INFO", Digit: 'x'}}}, Behaviour{}, nil, 1,
			"an INFO whose key cannot be read"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := connect(t, flow.UDP, s, test.caller, test.callee)
			l.tamper = test.tamper
			l.phones[0].Dial(epoch, "1")
			l.until(5 * s)
			var want []string
			if test.want != "" {
				want = []string{test.want}
			}
			got := l.phones[test.phone].Violations()
			if len(got) > 1 {
				got = got[:1] // what comes after the first may come of it
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q\nwant %q\n%v", l.phones[test.phone].Violations(), want, l.sent)
			}
		})
	}
}
