package shard_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// vector is one published message and what the gateway makes of it. The answer
// is the statuses in their order ("100, 404" is an INVITE that was refused),
// "stray" for a response that belongs to nothing, or why nothing is answered.
type vector struct {
	name, section string
	says          string // what the RFC has the receiver do
	answer        string
	why           string // where the answer is not that, or is only ours to give
}

// notServed is why what reaches no registrar here is refused whatever is in it.
const (
	notServed = "there is no registrar here"
	noNumber  = "the user is no 700 number, which is all that can be called"
	notPlain  = "a text is plain here, and nothing is inside of it"
	aboutUs   = "the answer is about the gateway and says nothing of who is dialled"
)

// rfc4475 are the messages of RFC 4475, "Session Initiation Protocol (SIP)
// Torture Test Messages".
var rfc4475 = []vector{
	{"wsinv", "3.1.1.1", "valid: blanks, folds, cases and compact forms", "481", "its To has a tag, of no dialog of ours"},
	{"intmeth", "3.1.1.2", "valid: every character that a token may have; 501", "400", "a NUL is refused even in a quoted string: it ends a string for some readers and not for others"},
	{"esc01", "3.1.1.3", "valid: escapes are undone once", "100, 404", noNumber},
	{"escnull", "3.1.1.4", "valid: an escaped NUL", "405", notServed},
	{"esc02", "3.1.1.5", "valid: a percent sign outside of a URI is none; no REGISTER, 501", "501", ""},
	{"lwsdisp", "3.1.1.6", "valid: no blank between name and bracket", "200", aboutUs},
	{"longreq", "3.1.1.7", "valid: 34 Vias and long values", "100, 404", noNumber},
	{"dblreq", "3.1.1.8", "valid: what follows the first message of a datagram is ignored", "405", notServed},
	{"semiuri", "3.1.1.9", "valid: semicolons in the user part", "200", aboutUs},
	{"transports", "3.1.1.10", "valid: Vias of unknown transports", "200", aboutUs},
	{"mpart01", "3.1.1.11", "valid: a body of several parts, one binary", "415", notPlain},
	{"unreason", "3.1.1.12", "valid: a reason phrase in Cyrillic", "stray", "no request of ours was sent"},
	{"noreason", "3.1.1.13", "valid: an empty reason phrase", "stray", "no request of ours was sent"},

	{"badinv01", "3.1.2.1", "400: empty separators in Contact and Via", "100, 400", ""},
	{"clerr", "3.1.2.2", "400: a body shorter than its Content-Length", "100, 400", ""},
	{"ncl", "3.1.2.3", "400: a negative Content-Length", "100, 400", ""},
	{"scalar02", "3.1.2.4", "400: numbers out of their range", "400", ""},
	{"scalarlg", "3.1.2.5", "a response: to be dropped", "dropped: a CSeq that cannot be read", ""},
	{"quotbal", "3.1.2.6", "400: a quote in To that does not end", "100, 400", ""},
	{"ltgtruri", "3.1.2.7", "400: a Request-URI in brackets", "100, 400", ""},
	{"lwsruri", "3.1.2.8", "400: a blank in the Request-URI", "400", "no call begins: its To has a tag"},
	{"lwsstart", "3.1.2.9", "400: two blanks in the start line", "100, 400", ""},
	{"trws", "3.1.2.10", "400: a blank at the end of the start line", "400", ""},
	{"escruri", "3.1.2.11", "400: headers in the Request-URI", "100, 400", ""},
	{"baddate", "3.1.2.12", "400, or accepted by who does not need the Date", "100, 404", "Date is not read; " + noNumber},
	{"regbadct", "3.1.2.13", "400: a Contact that needs brackets", "400", ""},
	{"badaspec", "3.1.2.14", "400, or what is meant: blanks in the addr-spec", "400", ""},
	{"baddn", "3.1.2.15", "400, or accepted: a display name that needs quotes", "400", "the file ends without an empty line; with it the name is passed over"},
	{"badvers", "3.1.2.16", "505", "505", ""},
	{"mismatch01", "3.1.2.17", "400: CSeq names another method", "400", ""},
	{"mismatch02", "3.1.2.18", "501 or 400: CSeq names another method than an unknown one", "501", ""},
	{"bigcode", "3.1.2.19", "a response: to be dropped", "dropped: a start line that is neither a request's nor a response's", ""},

	{"badbranch", "3.2.1", "400 without state, or as of RFC 2543: a branch of the cookie alone", "400", ""},

	{"insuf", "3.3.1", "400: no Call-ID, From or To", "100, 400", ""},
	{"unkscm", "3.3.2", "416: an unknown scheme", "416", ""},
	{"novelsc", "3.3.3", "416: a scheme that is no SIP's", "416", ""},
	{"unksm2", "3.3.4", "unknown schemes in To and From; what a registrar makes of them", "405", notServed},
	{"bext01", "3.3.5", "420 with Unsupported, from a proxy for Proxy-Require", "420", "Proxy-Require is not for one who is no proxy"},
	{"invut", "3.3.6", "415 with Accept", "100, 415", ""},
	{"regaut01", "3.3.7", "credentials of an unknown scheme: as if there were none", "405", notServed},
	{"multi01", "3.3.8", "400: headers twice that a message has once", "100, 400", ""},
	{"mcl01", "3.3.9", "400: two Content-Lengths", "400", ""},
	{"bcast", "3.3.10", "a response for somebody else: to be dropped", "dropped: a response for somebody else: not exactly one Via", ""},
	{"zeromf", "3.3.11", "483, or an answer for oneself", "483", ""},
	{"cparam01", "3.3.12", "an unknown parameter of a Contact: to be registered", "405", notServed},
	{"cparam02", "3.3.13", "an unknown parameter of its URI: to be registered", "405", notServed},
	{"regescrt", "3.3.14", "a Contact with a Route in it: to be registered", "405", notServed},
	{"sdp01", "3.3.15", "406: no session description is accepted", "100, 406", ""},

	{"inv2543", "3.4.1", "to be accepted: RFC 2543 asked for no Contact, branch or tag", "100, 400", "without a Contact nothing could be sent to the caller"},
}

// rfc5118 are those of RFC 5118, the same for IPv6.
var rfc5118 = []vector{
	{"ipv6-good", "4.1", "valid: IPv6 references", "405", notServed},
	{"ipv6-bad", "4.2", "400: a reference without brackets", "400", ""},
	{"port-ambiguous", "4.3", "valid: what is meant as a port is part of the address", "405", notServed},
	{"port-unambiguous", "4.4", "valid: a port behind the brackets", "405", notServed},
	{"via-received-param-with-delim", "4.5", "valid: received in brackets is accepted", "481", "no dialog of ours"},
	{"via-received-param-no-delim", "4.5", "valid: received without brackets, as it is to be written", "200", aboutUs},
	{"ipv6-in-sdp", "4.6", "valid: IPv6 in the description", "100, 404", noNumber},
	{"mult-ip-in-header", "4.7", "valid: addresses of both families in the Vias", "481", "no dialog of ours"},
	{"mult-ip-in-sdp", "4.8", "valid: one medium over IPv4, one over IPv6", "100, 404", noNumber},
	{"ipv4-mapped-ipv6", "4.9", "valid: IPv4 addresses in IPv6 clothes", "100, 404", noNumber},
	{"ipv6-bug-abnf-3-colons", "4.10", "to be accepted: three colons, by a fault of the grammar", "200", aboutUs},
	{"ipv6-correct-abnf-2-colons", "4.10", "valid: two colons", "200", aboutUs},
}

func TestTorture(t *testing.T) {
	for _, set := range []struct {
		rfc, files string
		vectors    []vector
		ipv6       bool
	}{
		{"RFC 4475", "../../testdata/torture/*.dat", rfc4475, false},
		{"RFC 5118", "../../testdata/torture/ipv6/*.dat", rfc5118, true},
	} {
		files, err := filepath.Glob(set.files)
		if err != nil || len(files) != len(set.vectors) {
			t.Fatalf("%d files for the %d messages of %s: %v", len(files), len(set.vectors), set.rfc, err)
		}
		for _, v := range set.vectors {
			t.Run(v.name, func(t *testing.T) {
				frame, err := os.ReadFile(filepath.Join(filepath.Dir(set.files), v.name+".dat"))
				if err != nil {
					t.Fatal(err)
				}
				p := newProbe(t)
				if set.ipv6 {
					p.from = fromIPv6
				}
				if got := p.deliver(frame); got != v.answer {
					t.Errorf("%s section %s: %s\ngot  %s\nwant %s, %s", set.rfc, v.section, v.says, got, v.answer, v.why)
				}
				p.afterwards(frame)
			})
		}
	}
}

// afterwards checks the answers to a frame that was the first, that the frame
// gets the last of them when it is repeated, and what is left of it all.
func (p *probe) afterwards(frame []byte) {
	p.t.Helper()
	records := 0
	if bytes.HasPrefix(frame, []byte("MESSAGE ")) {
		records = 1 // a text, which leaves one
	}
	var last []byte
	for _, a := range p.answers {
		p.repeatsNothingElse(frame, a)
		if bytes.HasPrefix(a.Bytes, []byte("SIP/2.0 100 ")) {
			records = 1 // an INVITE that began a call: each leaves a record
		}
		last = a.Bytes
	}
	if last != nil {
		if p.deliver(frame); len(p.answers) != 1 || !bytes.Equal(p.answers[0].Bytes, last) {
			p.t.Errorf("the same once more got %d answers, not the one that it had", len(p.answers))
		}
	}
	p.over(records)
}

// With the empty line that the file lacks, the unquoted display name is passed
// over (RFC 4475 section 3.1.2.15).
func TestTortureUnquotedDisplayName(t *testing.T) {
	frame, err := os.ReadFile("../../testdata/torture/baddn.dat")
	if err != nil {
		t.Fatal(err)
	}
	p := newProbe(t)
	if got := p.deliver(append(frame, "\r\n"...)); got != "200" {
		t.Errorf("got %s", got)
	}
}

// What an answer has to say beside its status.
func TestTortureAnswersInFull(t *testing.T) {
	for name, want := range map[string][]string{
		"bext01":                      {"Unsupported: nothingsupportsthis, nothingsupportsthiseither"},
		"invut":                       {"Accept: application/sdp"},
		"mpart01":                     {"Accept: text/plain", "Reason: Q.850;cause=88"},
		"escnull":                     {"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, MESSAGE"},
		"esc02":                       {"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, MESSAGE", "Call-ID: esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf"},
		"ipv6/ipv6-good":              {"Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111"},
		"ipv6/ipv6-in-sdp":            {"Via: SIP/2.0/UDP [2001:db8::20];branch=z9hG4bKas3-111;received=2001:db8::9:1"},
		"ipv6/ipv4-mapped-ipv6":       {"Via: SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19;received=2001:db8::9:1", "Via: SIP/2.0/UDP [::ffff:192.0.2.2];branch=z9hG4bKas3-111"},
		"ipv6/mult-ip-in-header":      {"Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200"},
		"ipv6/ipv6-bug-abnf-3-colons": {"Via: SIP/2.0/UDP lab1.east.example.com;branch=z9hG4bKas3-111;received=2001:db8::9:1"},
	} {
		frame, err := os.ReadFile("../../testdata/torture/" + name + ".dat")
		if err != nil {
			t.Fatal(err)
		}
		p := newProbe(t)
		if strings.HasPrefix(name, "ipv6/") {
			p.from = fromIPv6
		}
		p.deliver(frame)
		text := string(p.answers[len(p.answers)-1].Bytes)
		for _, line := range want {
			if !strings.Contains(text, "\r\n"+line+"\r\n") {
				t.Errorf("%s: no %q in\n%s", name, line, text)
			}
		}
	}
}

// A caller with an IPv6 address calls a callee with none, its messages dressed as
// RFC 5118 has them: sections 4.7, 4.8 and 4.9 in one. Neither learns of the
// other's network.
func TestIPv6CallsIPv4(t *testing.T) {
	p := newProbe(t)
	p.from = fromIPv6
	p.caller.secrets.hosts = append(p.caller.secrets.hosts, fromIPv6.Remote)
	p.caller.secrets.learn("2001:db8", "::ffff:192.0.2")
	const via, dialled = "Via: SIP/2.0/UDP 192.0.2.10;rport;branch=z9hG4bKv6", "sip:700100000010007@[2001:db8:::192.0.2.1]"
	of := func(method string, lines ...string) []string {
		return append([]string{via + method + ", SIP/2.0/TCP [::ffff:192.0.2.2]:5062;received=[2001:db8::9:255];branch=z9hG4bKx",
			"Contact: <sip:[2001:db8::9:1]:5070>"}, lines...)
	}
	to := func(frame string) []byte {
		return []byte(swap(frame, "sip:700100000010007@192.0.2.1:5060 SIP", dialled+" SIP"))
	}
	v6 := strings.NewReplacer("IN IP4 192.0.2.10", "IN IP6 2001:db8::9:1").Replace(offer)
	if got := p.deliver(to(carrying("INVITE", v6, of("INVITE", "Content-Type: application/sdp")...))); got != through {
		t.Fatalf("the INVITE gets %s", got)
	}
	trying := p.answers[0]
	if trying.Flow.Remote != fromIPv6.Remote || !strings.Contains(string(trying.Bytes), ";branch=z9hG4bKv6INVITE;received=2001:db8::9:1;rport=5060\r\n") {
		t.Errorf("to %v:\n%s", trying.Flow.Remote, trying.Bytes)
	}
	l := &line{probe: p, asked: read(t, p.across[0].Bytes), phone: "198.51.100.20"}
	l.tag = l.call().Legs[0].LocalTag
	if got := l.reply(200, "callee"); got != "ACK, 200" {
		t.Fatalf("the answer gets %s", got)
	}
	answer := read(t, l.across[0].Bytes)
	if l.across[0].Flow.Remote != fromIPv6.Remote || !strings.Contains(string(answer.Body), "\r\nc=IN IP6 2001:db8::10\r\n") || answer.Contact.Host != "[2001:db8::10]" {
		t.Errorf("the caller gets, at %v\n%s", l.across[0].Flow.Remote, l.across[0].Bytes)
	}
	l.from = fromIPv6
	if got := l.deliver(to(l.inside("ACK", of("ACK", "CSeq: 1 ACK")...))); got != "nothing" {
		t.Errorf("the ACK gets %s", got)
	}
	if got := l.deliver(to(l.inside("BYE", of("BYE")...))); got != "200, BYE" {
		t.Errorf("the BYE gets %s", got)
	}
	l.over(1)
}
