package shard

import (
	"bytes"
	"fmt"
	"net/netip"
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

// BenchmarkCall is the signalling of one whole call through a shard, parsing
// and writing included: INVITE, 180, 200, ACK, BYE, 13 datagrams. What the
// phones do is counted too, since they read and write with the same code.
func BenchmarkCall(b *testing.B) {
	var (
		ours   = netip.MustParseAddrPort("192.0.2.1:5060")
		theirs = netip.MustParseAddrPort("192.0.2.10:5060")
		way    = flow.Flow{Local: ours, Remote: theirs}
		in     = &trunk.Trunk{Name: "switch", Listen: "in", Media: "in", Caller: []trunk.CallerField{trunk.From}, EarlyMedia: trunk.EarlyPass}
		plan   binding.Plan
		alice  = number(b, plan, "13800000001")
		bob    = number(b, plan, "13900000002")
		now    = time.Unix(1_800_000_000, 0)
	)
	config := &call.Config{
		Timers: transaction.DefaultTimers(), RingTimeout: time.Minute, Plan: plan, Trunks: []*trunk.Trunk{in},
		Hops: [][]call.Hop{{{Flow: way, Host: ours.String(), Domain: "192.0.2.1", Target: theirs.String()}}},
	}
	s := New(Config{Router: token.NewRouter(token.Secret{}, 1), Call: config}, now)
	x, err := plan.ParseX("700100000010007")
	if err != nil {
		b.Fatal(err)
	}
	decision := binding.Decision{
		Edge:    binding.Edge{Dialled: x, Caller: alice, Callee: bob, Shown: x},
		Binding: &binding.Binding{ID: "binding", Order: "ORDER-1", Tenant: "default"},
	}
	body := "v=0\r\no=alice 53655765 2353687637 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n" +
		"m=audio 6000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
	receive := func(raw []byte) {
		m, fault := message.Parse(raw)
		if fault != nil {
			b.Fatal(fault)
		}
		s.Receive(now, Inbound{Flow: way, Trunk: in, Message: m})
	}
	var answer, toCaller []byte
	// settle answers what the shard asks for, as the callee and as the store.
	settle := func() {
		for out := s.Take(); len(out) > 0; out = s.Take() {
			for _, o := range out {
				switch a := o.Action.(type) {
				case call.Decide:
					s.Answer(now, o.Call, call.Decided{Decision: decision})
				case call.OpenMedia:
					at := sdp.Local{Addr: ours.Addr(), Port: 20000}
					s.Answer(now, o.Call, call.MediaOpened{Session: a.Session, Local: [2]sdp.Local{at, at}})
				case call.CloseMedia:
					s.Answer(now, o.Call, call.MediaEnded{Session: a.Session, Media: cdr.Media{}})
				case call.OpenRecord:
					s.Answer(now, o.Call, call.RecordOpened{ID: a.Record.ID})
				case call.CloseRecord:
					s.Answer(now, o.Call, call.RecordClosed{ID: a.Record.ID, Seq: 1})
				case nil:
					if bytes.HasPrefix(o.Send.Bytes, []byte("SIP/2.0 ")) {
						toCaller = o.Send.Bytes
						continue
					}
					m, fault := message.Parse(o.Send.Bytes)
					if fault != nil {
						b.Fatal(fault)
					}
					r := message.Response{Echo: m.Echo(ours), ToTag: "bobstag"}
					switch m.Method {
					case "INVITE":
						r.Contact, r.Status = "<sip:bob@192.0.2.10>", 180
						receive(r.Append(answer[:0]))
						r.Status, r.ContentType, r.Body = 200, "application/sdp", []byte(body)
						receive(r.Append(nil))
					case "BYE":
						r.Status = 200
						receive(r.Append(nil))
					}
				}
			}
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		head := func(method, branch, to string, seq int, more string, length int) []byte {
			return fmt.Appendf(nil, "%s sip:700100000010007@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK%s%d;rport\r\n"+
				"Max-Forwards: 70\r\nFrom: \"Alice\" <sip:13800000001@192.0.2.10>;tag=alice%d\r\nTo: %s\r\nCall-ID: call-%d@192.0.2.10\r\n"+
				"CSeq: %d %s\r\nContact: <sip:13800000001@192.0.2.10:5060>\r\nUser-Agent: bench\r\nAllow: INVITE, ACK, BYE, CANCEL\r\n"+
				"Supported: replaces\r\n%sContent-Length: %d\r\n\r\n", method, branch, i, i, to, i, seq, method, more, length)
		}
		receive(append(head("INVITE", "i", "<sip:700100000010007@192.0.2.1>", 1, "Content-Type: application/sdp\r\n", len(body)), body...))
		settle()
		m, fault := message.Parse(toCaller)
		if fault != nil || m.Status != 200 {
			b.Fatalf("the call was not answered: %v %s", fault, toCaller)
		}
		receive(head("ACK", "a", m.To.Text, 1, "", 0))
		receive(head("BYE", "b", m.To.Text, 2, "", 0))
		settle()
		now = now.Add(10 * time.Millisecond) // 100 calls a second, so that ended transactions are forgotten
		s.Advance(now)
		settle()
	}
	b.StopTimer()
	if st := s.Stats(); st.LiveCalls != 0 {
		b.Fatalf("calls left: %d", st.LiveCalls)
	}
	b.ReportMetric(float64(s.Stats().LiveTx)/3200, "lingering-tx/call")
}

func number(b *testing.B, p binding.Plan, s string) binding.Number {
	b.Helper()
	n, err := p.ParseNumber(s)
	if err != nil {
		b.Fatal(err)
	}
	return n
}
