package shard

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/media/sdp"
	"mask700/sip/call"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/token"
	"mask700/sip/transaction"
	"mask700/sip/trunk"
)

// bench is a shard with one trunk, and who answers what it asks: the callee, the store and the media.
type bench struct {
	b         *testing.B
	now       time.Time
	shard     *Shard
	way       flow.Flow
	trunk     *trunk.Trunk
	decision  binding.Decision
	body      string // session description of the callee
	toCaller  []byte // last response
	delivered int    // texts that the callee has
}

func newBench(b *testing.B) *bench {
	var plan binding.Plan
	ours, theirs := netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("192.0.2.10:5060")
	w := &bench{
		b: b, now: time.Unix(1_800_000_000, 0), way: flow.Flow{Local: ours, Remote: theirs},
		trunk: &trunk.Trunk{Name: "switch", Listen: "in", Media: "in", Caller: []trunk.CallerField{trunk.From}, EarlyMedia: trunk.EarlyPass},
		body: "v=0\r\no=alice 53655765 2353687637 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n" +
			"m=audio 6000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n",
	}
	config := &call.Config{
		Timers: transaction.DefaultTimers(), RingTimeout: time.Minute, Plan: plan, Trunks: []*trunk.Trunk{w.trunk}, Texts: call.Texts{On: true},
		Hops: [][]call.Hop{{{Flow: w.way, Host: ours.String(), Domain: "192.0.2.1", Target: theirs.String()}}},
	}
	w.shard = New(Config{Router: token.NewRouter(token.Secret{}, 1), Call: config}, w.now)
	x, err := plan.ParseX("700100000010007")
	if err != nil {
		b.Fatal(err)
	}
	w.decision = binding.Decision{
		Edge:    binding.Edge{Dialled: x, Caller: number(b, plan, "13800000001"), Callee: number(b, plan, "13900000002"), Shown: x},
		Binding: &binding.Binding{ID: "binding", Order: "ORDER-1", Tenant: "default"},
	}
	return w
}

func (w *bench) receive(raw []byte) {
	m, fault := message.Parse(raw)
	if fault != nil {
		w.b.Fatal(fault)
	}
	w.shard.Receive(w.now, Inbound{Flow: w.way, Trunk: w.trunk, Message: m})
}

// settle answers what the shard asks for.
func (w *bench) settle() {
	s := w.shard
	for out := s.Take(); len(out) > 0; out = s.Take() {
		for _, o := range out {
			switch a := o.Action.(type) {
			case call.Decide:
				s.Answer(w.now, o.Call, call.Decided{Decision: w.decision})
			case call.Judge:
				s.Answer(w.now, o.Call, call.Judged{})
			case call.OpenMedia:
				at := sdp.Local{Addr: w.way.Local.Addr(), Port: 20000}
				s.Answer(w.now, o.Call, call.MediaOpened{Session: a.Session, Local: [2]sdp.Local{at, at}})
			case call.CloseMedia:
				s.Answer(w.now, o.Call, call.MediaEnded{Session: a.Session, Media: cdr.Media{}})
			case call.OpenRecord:
				s.Answer(w.now, o.Call, call.RecordOpened{ID: a.Record.ID})
			case call.CloseRecord:
				s.Answer(w.now, o.Call, call.RecordClosed{ID: a.Record.ID, Seq: 1})
			case nil:
				w.sent(o.Send.Bytes)
			}
		}
	}
}

// sent takes a message of the shard, and answers it where it is for the callee.
func (w *bench) sent(raw []byte) {
	if bytes.HasPrefix(raw, []byte("SIP/2.0 ")) {
		w.toCaller = raw
		return
	}
	m, fault := message.Parse(raw)
	if fault != nil {
		w.b.Fatal(fault)
	}
	r := message.Response{Echo: m.Echo(w.way.Local), ToTag: "bobstag"}
	switch m.Method {
	case "INVITE":
		r.Contact, r.Status = "<sip:bob@192.0.2.10>", 180
		w.receive(r.Append(nil))
		r.Status, r.ContentType, r.Body = 200, "application/sdp", []byte(w.body)
		w.receive(r.Append(nil))
	case "MESSAGE":
		w.delivered++
		fallthrough
	case "BYE":
		r.Status = 200
		w.receive(r.Append(nil))
	}
}

// request is one of the caller in its call of that number.
func (w *bench) request(i int, method, branch, to string, seq int, more, body string) []byte {
	return fmt.Appendf(nil, "%s sip:700100000010007@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK%s%d;rport\r\n"+
		"Max-Forwards: 70\r\nFrom: \"Alice\" <sip:13800000001@192.0.2.10>;tag=alice%d\r\nTo: %s\r\nCall-ID: call-%d@192.0.2.10\r\n"+
		"CSeq: %d %s\r\nContact: <sip:13800000001@192.0.2.10:5060>\r\nUser-Agent: bench\r\nAllow: INVITE, ACK, BYE, CANCEL\r\n"+
		"Supported: replaces\r\n%sContent-Length: %d\r\n\r\n%s", method, branch, i, i, to, i, seq, method, more, len(body), body)
}

// pass lets so much time pass after each call that there are 100 a second: ended transactions are forgotten.
func (w *bench) pass() {
	w.now = w.now.Add(10 * time.Millisecond)
	w.shard.Advance(w.now)
	w.settle()
}

const party = "<sip:700100000010007@192.0.2.1>"

// BenchmarkCall is the signalling of one whole call through a shard, parsing
// and writing included: INVITE, 180, 200, ACK, BYE, 13 datagrams. What the
// phones do is counted too, since they read and write with the same code.
func BenchmarkCall(b *testing.B) {
	w := newBench(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w.receive(w.request(i, "INVITE", "i", party, 1, "Content-Type: application/sdp\r\n", w.body))
		w.settle()
		m, fault := message.Parse(w.toCaller)
		if fault != nil || m.Status != 200 {
			b.Fatalf("the call was not answered: %v %s", fault, w.toCaller)
		}
		w.receive(w.request(i, "ACK", "a", m.To.Text, 1, "", ""))
		w.receive(w.request(i, "BYE", "b", m.To.Text, 2, "", ""))
		w.settle()
		w.pass()
	}
	b.StopTimer()
	if st := w.shard.Stats(); st.LiveCalls != 0 {
		b.Fatalf("calls left: %d", st.LiveCalls)
	}
	b.ReportMetric(float64(w.shard.Stats().LiveTx)/3200, "lingering-tx/call")
}

// BenchmarkText is one whole text in the same way: MESSAGE, 200, 202, four datagrams, of 70 Chinese characters in which a
// telephone number is masked.
func BenchmarkText(b *testing.B) {
	w := newBench(b)
	body := strings.Repeat("您的快递已到二号楼，取件码八二三零五一。", 3) + "电话 138 0013 8000"
	sent := 0
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w.receive(w.request(i, "MESSAGE", "m", party, 1, "Content-Type: text/plain;charset=utf-8\r\n", body))
		w.settle()
		if !bytes.HasPrefix(w.toCaller, []byte("SIP/2.0 202 ")) {
			b.Fatalf("the text was answered %s", w.toCaller)
		}
		sent++
		w.pass()
	}
	b.StopTimer()
	if st := w.shard.Stats(); st.LiveTexts != 0 || w.delivered != sent {
		b.Fatalf("%d texts left, %d delivered of %d", st.LiveTexts, w.delivered, sent)
	}
}

func number(b *testing.B, p binding.Plan, s string) binding.Number {
	b.Helper()
	n, err := p.ParseNumber(s)
	if err != nil {
		b.Fatal(err)
	}
	return n
}
