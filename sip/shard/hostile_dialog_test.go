package shard_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"mask700/binding/cdr"
	"mask700/sip/call"
	"mask700/sip/flow"
	"mask700/sip/message"
)

// The ways of the two parties, and of one who is on the caller's trunk too.
var (
	fromCaller = flow.Flow{Local: netip.MustParseAddrPort(insideHost), Remote: netip.MustParseAddrPort("192.0.2.10:5060")}
	fromCallee = flow.Flow{Listener: 1, Local: netip.MustParseAddrPort(outsideHost), Remote: netip.MustParseAddrPort(outsideHop)}
)

// line is a call of the stage's pair as somebody sees it who knows all of it.
type line struct {
	*probe
	asked *message.Message // our INVITE to the callee
	phone string           // the callee's address
	tag   string           // ours toward the caller
}

// dial has the caller call, up to our INVITE to the callee.
func dial(t *testing.T, p *probe) *line {
	l := &line{probe: p, phone: "198.51.100.20"}
	if got := l.deliver([]byte(invite())); got != through {
		t.Fatalf("the call gets %s", got)
	}
	l.asked = read(t, l.across[0].Bytes)
	l.tag = l.call().Legs[call.Caller].LocalTag
	return l
}

// talk has the callee answer.
func talk(t *testing.T, p *probe) *line {
	l := dial(t, p)
	if got := l.reply(200, "callee"); got != "ACK, 200" {
		t.Fatalf("the answer gets %s", got)
	}
	l.from = fromCaller
	if got := l.deliver([]byte(l.inside("ACK", "CSeq: 1 ACK"))); got != "nothing" || l.call().State != call.Talking {
		t.Fatalf("the ACK gets %s", got)
	}
	return l
}

// call is the only one that there is.
func (l *line) call() (only *call.Call) {
	l.shard.Calls(func(c *call.Call) bool {
		only = c
		return false
	})
	return only
}

// reply has the callee answer our INVITE; other lines take the place of those
// that there would be.
func (l *line) reply(status int, tag string, lines ...string) string {
	l.from = fromCallee
	return l.deliver([]byte(l.replies(status, tag, lines...)))
}

func (l *line) replies(status int, tag string, lines ...string) string {
	r := message.Response{
		Echo: l.asked.Echo(netip.AddrPort{}), Status: status, ToTag: tag, Contact: "<sip:phone@" + l.phone + ">",
		ContentType: "application/sdp", Body: []byte(strings.ReplaceAll(offer, "192.0.2.10", l.phone)),
	}
	head, body, _ := strings.Cut(string(r.Append(nil)), "\r\n\r\n")
	return strings.Join(edit(strings.Split(head, "\r\n"), lines, nil), "\r\n") + "\r\n\r\n" + body
}

// inside is a request of the caller's in the dialog, and holds one with a body.
func (l *line) inside(method string, lines ...string) string { return l.holds(method, "", lines...) }

func (l *line) holds(method, body string, lines ...string) string {
	return carrying(method, body, l.ofCaller(method, lines)...)
}

func (l *line) ofCaller(method string, lines []string) []string {
	return instead(lines, "To: <sip:700100000010007@192.0.2.1>;tag="+l.tag, "CSeq: 2 "+method,
		"Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKhostile-inside")
}

// across is a request of the callee's in its dialog.
func (l *line) back(method string, lines ...string) string {
	return plain(method, instead(lines, "From: "+l.asked.To.Text+";tag=callee", "To: "+l.asked.From.Text, "Call-ID: "+l.asked.CallID,
		"CSeq: 1 "+method, "Via: SIP/2.0/UDP "+outsideHop+";branch=z9hG4bKof-callee", "Contact: <sip:phone@198.51.100.20>")...)
}

// instead adds the lines of a list whose names have none yet.
func instead(lines []string, others ...string) []string {
	for _, o := range others {
		name, _, _ := strings.Cut(o, ":")
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, name+":") || l == "-"+name }) {
			lines = append(lines, o)
		}
	}
	return lines
}

func read(t *testing.T, b []byte) *message.Message {
	t.Helper()
	m, fault := message.Parse(b)
	if fault != nil {
		t.Fatalf("%v\n%s", fault, b)
	}
	return m
}

// intrusions are messages into a call that goes on, none of which may end it or
// be heard of by the other party.
var intrusions = []struct {
	name   string
	from   flow.Flow
	frame  func(*line) string
	answer string
}{
	// One who guesses (section 12.2.2).
	{"a BYE of a guessed From tag", fromCaller, func(l *line) string { return l.inside("BYE", "From: <sip:13800000001@192.0.2.10>;tag=guess") }, "481"},
	{"a BYE of the other's From tag", fromCaller, func(l *line) string { return l.inside("BYE", "From: <sip:13800000001@192.0.2.10>;tag=callee") }, "481"},
	{"a BYE of a From tag in capitals", fromCaller, func(l *line) string { return l.inside("BYE", "From: <sip:13800000001@192.0.2.10>;tag=HOSTILE") }, "481"},
	{"a BYE of no From tag", fromCaller, func(l *line) string { return l.inside("BYE", "From: <sip:13800000001@192.0.2.10>") }, "481"},
	{"a BYE of a guessed To tag", fromCaller, func(l *line) string { return l.inside("BYE", "To: <sip:700100000010007@192.0.2.1>;tag=guess") }, "481"},
	{"a BYE of no To tag", fromCaller, func(l *line) string { return l.inside("BYE", "To: <sip:700100000010007@192.0.2.1>") }, "481"},
	{"a BYE of another Call-ID", fromCaller, func(l *line) string { return l.inside("BYE", "Call-ID: Hostile") }, "481"},
	{"a BYE of the callee's with the caller's Call-ID", fromCallee, func(l *line) string { return l.back("BYE", "Call-ID: hostile") }, "481"},
	{"a BYE of the callee's with a guessed From tag", fromCallee, func(l *line) string { return l.back("BYE", "From: <sip:13900000002@x>;tag=guess") }, "481"},
	{"a BYE of the callee's with none", fromCallee, func(l *line) string { return l.back("BYE", "From: <sip:13900000002@x>") }, "481"},
	{"a re-INVITE of a guessed From tag", fromCaller, func(l *line) string { return l.holds("INVITE", offer, "From: <sip:a@x>;tag=guess") }, "481"},
	{"an ACK of a guessed To tag", fromCaller, func(l *line) string { return l.inside("ACK", "To: <sip:a@x>;tag=guess") }, "stray"},
	{"an ACK of another CSeq", fromCaller, func(l *line) string { return l.inside("ACK", "CSeq: 77 ACK") }, "nothing"},
	{"an ACK once more", fromCaller, func(l *line) string { return l.inside("ACK", "CSeq: 1 ACK") }, "nothing"},
	{"a CANCEL of another branch", fromCaller, func(l *line) string { return plain("CANCEL", "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKguess") }, "481"},
	{"a CANCEL of another sent-by", fromCaller, func(l *line) string { return plain("CANCEL", "Via: SIP/2.0/UDP 192.0.2.66:5060;branch=z9hG4bKhostile") }, "481"},
	{"a CANCEL that comes too late", fromCaller, func(*line) string { return plain("CANCEL") }, "200"},
	{"a CANCEL in the dialog", fromCaller, func(l *line) string { return l.inside("CANCEL") }, "481"},

	// Numbers (section 12.2.2).
	{"a BYE of the INVITE's CSeq", fromCaller, func(l *line) string { return l.inside("BYE", "CSeq: 1 BYE") }, "500"},
	{"a BYE of CSeq 0", fromCaller, func(l *line) string { return l.inside("BYE", "CSeq: 0 BYE") }, "500"},
	{"a BYE of CSeq 2^31", fromCaller, func(l *line) string { return l.inside("BYE", "CSeq: 2147483648 BYE") }, "400"},
	{"a BYE of CSeq 2^32", fromCaller, func(l *line) string { return l.inside("BYE", "CSeq: 4294967296 BYE") }, "400"},
	{"a BYE of another's CSeq", fromCaller, func(l *line) string { return l.inside("BYE", "CSeq: 2 INVITE") }, "400"},
	{"a BYE of another version", fromCaller, func(l *line) string { return swap(l.inside("BYE"), " SIP/2.0\r\n", " SIP/7.0\r\n") }, "505"},
	{"a BYE to another scheme", fromCaller, func(l *line) string {
		return swap(l.inside("BYE"), "sip:700100000010007@192.0.2.1:5060 SIP", "http://x SIP")
	}, "416"},
	{"a BYE that requires", fromCaller, func(l *line) string { return l.inside("BYE", "Require: hostile") }, "420"},
	{"a BYE with a bare LF", fromCaller, func(l *line) string { return l.inside("BYE", "Subject: a\nb: c") }, "400"},
	{"a BYE of 101 Vias", fromCaller, func(l *line) string {
		return l.inside("BYE", slices.Repeat([]string{"Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKx"}, 101)...)
	}, "513"},

	// What is not done in a dialog, or not so.
	{"a re-INVITE without a Contact", fromCaller, func(l *line) string { return l.holds("INVITE", offer, "-Contact") }, "400"},
	{"a re-INVITE of two Contacts", fromCaller, func(l *line) string { return l.holds("INVITE", offer, "Contact: <sip:a@x>, <sip:b@x>") }, "400"},
	{"a re-INVITE with a page", fromCaller, func(l *line) string { return l.holds("INVITE", "<p>", "Content-Type: text/html") }, "415"},
	{"a re-INVITE with noise", fromCaller, func(l *line) string { return l.holds("INVITE", "\x00", "Content-Type: application/sdp") }, "488"},
	{"a re-INVITE that requires", fromCaller, func(l *line) string { return l.holds("INVITE", offer, "Require: hostile") }, "420"},
	{"a re-INVITE in parts that do not end", fromCaller, func(l *line) string { return l.holds("INVITE", "--b\r\n", "Content-Type: multipart/mixed;boundary=b") }, "400"},
	{"an UPDATE with a page", fromCaller, func(l *line) string { return l.holds("UPDATE", "<p>", "Content-Type: text/html") }, "415"},
	{"an UPDATE with noise", fromCaller, func(l *line) string { return l.holds("UPDATE", "\x00", "Content-Type: application/sdp") }, "488"},
	{"an UPDATE with two descriptions", fromCaller, func(l *line) string {
		part := "--b\r\nContent-Type: application/sdp\r\n\r\n" + offer + "\r\n"
		return l.holds("UPDATE", part+part+"--b--", "Content-Type: multipart/mixed;boundary=b")
	}, "415"},
	{"a PRACK of nothing", fromCaller, func(l *line) string { return l.inside("PRACK", "RAck: 1 1 INVITE") }, "481"},
	{"a PRACK of no RAck", fromCaller, func(l *line) string { return l.inside("PRACK") }, "481"},
	{"a PRACK of an RAck of 2^32", fromCaller, func(l *line) string { return l.inside("PRACK", "RAck: 4294967296 1 INVITE") }, "400"},
	{"an INFO of a package", fromCaller, func(l *line) string { return l.holds("INFO", "x", "Info-Package: hostile", "Content-Type: text/plain") }, "469"},
	{"an INFO of a text", fromCaller, func(l *line) string { return l.holds("INFO", "call 13800000001", "Content-Type: text/plain") }, "415"},
	{"an INFO of no type", fromCaller, func(l *line) string { return l.holds("INFO", "Signal=1") }, "415"},
	{"an INFO of a number", fromCaller, func(l *line) string {
		return l.holds("INFO", "Signal=13800000001\r\n", "Content-Type: application/dtmf-relay")
	}, "415"},
	{"an INFO of two keys", fromCaller, func(l *line) string {
		return l.holds("INFO", "Signal=1\r\nSignal=2\r\n", "Content-Type: application/dtmf-relay")
	}, "415"},
	{"an INFO of 60 KB", fromCaller, func(l *line) string {
		return l.holds("INFO", strings.Repeat("x", 60000), "Content-Type: application/dtmf-relay")
	}, "415"},
	{"a text", fromCaller, func(l *line) string { return l.holds("MESSAGE", "call 13800000001", "Content-Type: text/plain") }, "405"},
	{"a SUBSCRIBE", fromCaller, func(l *line) string { return l.inside("SUBSCRIBE", "Event: dialog") }, "489"},
	{"a NOTIFY", fromCaller, func(l *line) string {
		return l.holds("NOTIFY", "SIP/2.0 200 OK", "Event: refer", "Content-Type: message/sipfrag")
	}, "489"},
	{"a PUBLISH", fromCaller, func(l *line) string { return l.inside("PUBLISH", "Event: presence") }, "405"},
	{"a REGISTER", fromCaller, func(l *line) string { return l.inside("REGISTER") }, "405"},
	{"a REFER", fromCaller, func(l *line) string { return l.inside("REFER", "Refer-To: <sip:13700000003@x?Replaces=a>") }, "603"},
	{"a REFER of two", fromCaller, func(l *line) string { return l.inside("REFER", "Refer-To: <sip:a@x>", "r: <sip:b@x>") }, "400"},
	{"a method of its own", fromCaller, func(l *line) string { return l.inside("HOSTILE") }, "501"},
	{"an OPTIONS", fromCaller, func(l *line) string { return l.inside("OPTIONS") }, "200"},

	// What has been, once more and otherwise (sections 8.2.2.2 and 17.2.3).
	{"the INVITE with another description", fromCaller, func(*line) string { return strings.ReplaceAll(invite(), "6000", "6666") }, "nothing"},
	{"the INVITE to another number", fromCaller, func(*line) string { return strings.ReplaceAll(invite(), "10007@", "10008@") }, "nothing"},
	{"the INVITE by another branch", fromCaller, func(*line) string { return swap(invite(), "branch=z9hG4bKhostile", "branch=z9hG4bKmerged") }, "482"},

	// Responses (sections 17.1.3 and 18.1.2).
	{"a 200 of another method", fromCallee, func(l *line) string { return l.replies(200, "callee", "CSeq: 1 BYE") }, "stray"},
	{"a 200 of another branch", fromCallee, func(l *line) string {
		return l.replies(200, "callee", "Via: SIP/2.0/UDP "+outsideHost+";branch=z9hG4bKguess")
	}, "stray"},
	{"a 200 by two Vias", fromCallee, func(l *line) string {
		return l.replies(200, "callee", "Via: "+l.asked.Via[0].Text, "Via: SIP/2.0/UDP 192.0.2.77")
	}, "dropped: a response for somebody else: not exactly one Via"},
	{"a 200 with a CSeq of 2^31", fromCallee, func(l *line) string { return l.replies(200, "callee", "CSeq: 2147483648 INVITE") }, "dropped: a CSeq that cannot be read"},
	{"a 180 when all is said", fromCallee, func(l *line) string { return l.replies(180, "callee") }, "nothing"},
	{"a 486 when all is said", fromCallee, func(l *line) string { return l.replies(486, "callee") }, "nothing"},
	{"the 200 once more", fromCallee, func(l *line) string { return l.replies(200, "callee") }, "ACK"},
	{"the 200 with another body", fromCallee, func(l *line) string { return strings.ReplaceAll(l.replies(200, "callee"), "6000", "6666") }, "ACK"},
	{"a 200 of another phone", fromCallee, func(l *line) string { return l.replies(200, "other") }, "ACK, BYE"},
}

func TestIntrusions(t *testing.T) {
	for _, c := range intrusions {
		t.Run(c.name, func(t *testing.T) {
			l := talk(t, newProbe(t))
			l.from = c.from
			frame := []byte(c.frame(l))
			if got := l.deliver(frame); got != c.answer {
				t.Errorf("got %s, want %s", got, c.answer)
			}
			if len(l.across) > 0 {
				t.Errorf("the other party gets\n%s", l.across[0].Bytes)
			}
			for _, a := range l.answers {
				if strings.HasPrefix(string(a.Bytes), "SIP/2.0 ") {
					l.repeatsNothingElse(frame, a)
				}
			}
			if now := l.call(); now == nil || now.State != call.Talking {
				t.Fatal("the call did not survive it")
			}
			// Whoever it is of can still hang up.
			l.from = fromCaller
			if got := l.deliver([]byte(l.inside("BYE", "CSeq: 2147483647 BYE", "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKbye"))); got != "200, BYE" {
				t.Errorf("the caller's BYE got %s", got)
			}
			l.over(1)
		})
	}
}

// A call that comes back to us, by whoever sends it round, is found by the
// Call-ID that we gave it, and leaves a record of its own (section 16.3).
func TestOurOwnCallComesBack(t *testing.T) {
	l := dial(t, newProbe(t))
	frame := []byte(invite("Call-ID: "+l.asked.CallID, "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKround", "From: "+l.asked.From.Text))
	if got := l.deliver(frame); got != "100, 482" {
		t.Errorf("got %s", got)
	}
	if end := l.calls[l.order[1]].record.End; end != cdr.EndLoop {
		t.Errorf("the record says %s", end)
	}
	l.over(2)
}
