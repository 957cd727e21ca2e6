package sentinel

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"mask700/sip/message"
)

// invite is an INVITE as a phone behind a proxy sends it.
func invite(i int) []byte {
	body := "v=0\r\no=alice 53655765 2353687637 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n" +
		"m=audio 6000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
	return fmt.Appendf(nil, "INVITE sip:700100000010007@198.51.100.1 SIP/2.0\r\n"+
		"Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKa7c6a8dlze.%d\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK776asdhds%d;received=203.0.113.7;rport=1\r\n"+
		"Record-Route: <sip:192.0.2.9;lr;ftag=1928301774>\r\nMax-Forwards: 70\r\n"+
		"From: \"Alice Liddell\" <sip:13800138000@carrier.example>;tag=1928301774\r\nTo: <sip:700100000010007@carrier.example>\r\n"+
		"Call-ID: a84b4c76e66710-%d@pc33.carrier.example\r\nCSeq: 314159 INVITE\r\n"+
		"Contact: <sip:13800138000@192.0.2.10:5060>;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-00156574b150>\"\r\n"+
		"P-Asserted-Identity: <tel:+8613800138000>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", i, i, i, len(body), body)
}

// outgoing is what leaves toward the callee.
func outgoing() []byte {
	body := "v=0\r\no=- 398640 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio 30000 RTP/AVP 8 0 101\r\n" +
		"a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
	r := message.Request{
		Method: "INVITE", Target: "sip:13900000002@198.51.100.9:5060", Via: "SIP/2.0/UDP 198.51.100.1:5060", Branch: "z9hG4bKgkgbnmpthcghjdmfvhjqmkks",
		From: "<sip:700100000010007@198.51.100.1>;tag=ttfjphrrmpcpdtkskjjjfjfv", To: "<sip:13900000002@198.51.100.9:5060>",
		CallID: "bbbbdcgvgphjtgpvqdcstcpftnkncrnhtpcgtvfkrqsb", CSeq: 1, MaxForwards: 69, Contact: "<sip:pfcfscmtqhsrfqbdqkrkfmsc@198.51.100.1:5060>",
		Allow: true, Supported: []string{"100rel", "timer"}, SessionExpires: 1800, MinSE: 90, Identity: "<sip:700100000010007@198.51.100.1>",
		ContentType: "application/sdp", Body: []byte(body),
	}
	return r.Append(nil)
}

func learned(tb testing.TB, raw []byte) Secrets {
	tb.Helper()
	m, fault := message.Parse(raw)
	if fault != nil {
		tb.Fatal(fault)
	}
	var l Secrets
	l.Learn(m, false, "86")
	return l
}

func setOf(l Secrets) *Set {
	s := new(Set)
	for _, secret := range l {
		s.Add(secret, 0)
	}
	return s
}

// cpu is the time that the process has had of a core: unlike that on the wall it is the same whoever else runs.
func cpu(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// goal is how long a search of a usual message may take.
const goal = 2 * time.Microsecond

// BenchmarkFind searches the INVITE of a callee's leg for what the caller's told, and says whether that takes less than the
// goal: the time of a core, as the median of rounds and the best of them. One that is over the goal on an idle machine is marked.
//
//	go test -run '^$' -bench '^BenchmarkFind$' ./sip/sentinel
func BenchmarkFind(b *testing.B) {
	s, msg := setOf(learned(b, invite(1))), outgoing()
	var f Finder
	leaked := func(h *Hit) bool { return true }
	b.ReportAllocs()
	b.SetBytes(int64(len(msg)))
	const round = 2000
	var rounds []time.Duration
	n, begin := 0, cpu(b)
	for b.Loop() {
		if f.Find(s, msg, leaked) {
			b.Fatal("found")
		}
		if n++; n%round == 0 {
			now := cpu(b)
			rounds, begin = append(rounds, (now-begin)/round), now
		}
	}
	if len(rounds) == 0 {
		return
	}
	slices.Sort(rounds)
	median, best := rounds[len(rounds)/2], rounds[0]
	b.ReportMetric(float64(median), "cpu-ns/op")
	b.ReportMetric(float64(best), "best-cpu-ns/op")
	b.ReportMetric(float64(s.Len()), "secrets")
	verdict := "within"
	if median > goal {
		verdict = "OVER"
	}
	b.Logf("%d bytes, %d secrets: %v of a core (median of %d rounds; best %v): %s %v", len(msg), s.Len(), median, len(rounds), best, verdict, goal)
}

// BenchmarkLearn is what a first message costs, BenchmarkBuild to make its secrets ready.
func BenchmarkLearn(b *testing.B) {
	m, _ := message.Parse(invite(1))
	var l Secrets
	b.ReportAllocs()
	for b.Loop() {
		l = l[:0]
		l.Learn(m, false, "86")
	}
}

func BenchmarkBuild(b *testing.B) {
	l := learned(b, invite(1))
	s := new(Set)
	b.ReportAllocs()
	for b.Loop() {
		s.Reset()
		for _, secret := range l {
			s.Add(secret, 0)
		}
	}
}
