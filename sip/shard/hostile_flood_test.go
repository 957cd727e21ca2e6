package shard_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"mask700/binding"
	"mask700/sip/call"
	"mask700/sip/message"
	"mask700/sip/shard"
)

// What one message may make the gateway allocate: so many times its own size, and
// so much for the transaction and the call that it may begin.
const (
	costTimes = 12
	costBase  = 72 << 10
)

func TestWrongMessagesCostLittle(t *testing.T) {
	frames := map[string]string{}
	for _, c := range wrong {
		frames[c.name] = c.frame
	}
	for _, c := range odd {
		frames[c.name] = c.frame
	}
	for name, frame := range frames {
		p := newProbe(t)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p.hand([]byte(frame))
		p.shard.Take()
		runtime.ReadMemStats(&after)
		limit := costTimes*uint64(len(frame)) + costBase
		if bytes := after.TotalAlloc - before.TotalAlloc; bytes > limit {
			t.Errorf("%s: %d bytes for a message of %d, want no more than %d", name, bytes, len(frame), limit)
		}
	}
}

// hand gives the shard a frame and leaves what it asks for in it.
func (p *probe) hand(frame []byte) {
	m, fault := message.Parse(frame)
	if fault != nil {
		m = fault.Message
	} else {
		fault = message.Check(m)
	}
	if fault != nil && (m == nil || fault.Status == 0) {
		return
	}
	p.shard.Receive(p.now, shard.Inbound{Flow: p.from, Trunk: p.trunks[p.from.Listener], Message: m, Fault: fault})
}

// flood sends a frame n times, each by another source, branch and Call-ID.
func (p *probe) flood(n int, frame string) {
	for i := range n {
		p.from.Remote = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}), uint16(1024+i%60000))
		p.hand([]byte(strings.ReplaceAll(strings.ReplaceAll(frame, "hostile\r\nCSeq", fmt.Sprintf("hostile-%d\r\nCSeq", i)), "branch=z9hG4bKhostile", fmt.Sprintf("branch=z9hG4bKhostile%d", i))))
		p.refuse()
	}
}

// refuse answers what calls ask for as a store does that knows of nothing.
func (p *probe) refuse() {
	for out := p.shard.Take(); len(out) > 0; out = p.shard.Take() {
		for _, o := range out {
			switch a := o.Action.(type) {
			case call.Decide:
				p.shard.Answer(p.now, o.Call, call.Decided{Decision: binding.Decision{Refusal: binding.RefusalNoBinding}})
			case call.CloseRecord:
				p.shard.Answer(p.now, o.Call, call.RecordClosed{ID: a.Record.ID, Seq: 1})
			}
		}
	}
}

// held is what is on the heap and reachable.
func held() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Of thousands of sources nothing is kept but what the bounds allow: what the
// first few hundred messages of a kind left is all that thousands more leave.
func TestAFloodFromEverywhereKeepsNothing(t *testing.T) {
	const few, many = 500, 4000
	for name, frame := range map[string]string{
		"OPTIONS":               plain("OPTIONS"),
		"noise":                 "\x00\x01\x02",
		"broken requests":       plain("OPTIONS", "Max-Forwards: x"),
		"unknown methods":       plain("HOSTILE"),
		"REGISTERs":             plain("REGISTER"),
		"ACKs":                  plain("ACK"),
		"BYEs":                  plain("BYE", "To: <sip:a@x>;tag=none"),
		"CANCELs":               plain("CANCEL"),
		"re-INVITEs":            invite("To: <sip:a@x>;tag=none"),
		"responses":             response("200", "INVITE"),
		"INVITEs to nobody":     invite(),
		"INVITEs that are none": invite("Max-Forwards: x"),
		"INVITEs of 15 KiB":     invite("Subject: " + strings.Repeat("x", 15<<10)),
		"INVITEs of 100 Vias":   invite("Via: " + strings.Repeat("SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKhostile,", 100)),
	} {
		t.Run(name, func(t *testing.T) {
			p := newProbeOf(t, func(c *shard.Config) { c.MaxCalls = 50 })
			p.flood(few, frame)
			before := held()
			p.flood(many, frame)
			if after := held(); after > before+1<<20 {
				t.Errorf("%d KiB are held after %d messages, %d KiB after %d more", before>>10, few, after>>10, many)
			}
			tables := p.shard.Tables()
			if tables["calls"] > 57 || tables["transactions"] > 400 || tables["dialogs"] > 57 || tables["merged"] > 400 || tables["timers"] > 1000 || tables["pending"] > 0 {
				t.Errorf("the tables hold %v", tables)
			}
			for end := p.now.Add(600e9); p.now.Before(end); p.refuse() {
				p.now = p.now.Add(1e9)
				p.shard.Advance(p.now)
			}
			for table, n := range p.shard.Tables() {
				if n != 0 {
					t.Errorf("%d %s are left when all is over", n, table)
				}
			}
		})
	}
}

// Nor does a party of a call make it grow, whatever it goes on to say in it.
func TestAFloodInsideOfACallKeepsNothing(t *testing.T) {
	const many = 1000
	for name, frame := range map[string]func(l *line, i int) string{
		"keys": func(l *line, i int) string {
			return l.holds("INFO", "Signal=1\r\n", "Content-Type: application/dtmf-relay", fmt.Sprintf("CSeq: %d INFO", i+2))
		},
		"re-INVITEs":      func(l *line, i int) string { return l.holds("INVITE", offer, fmt.Sprintf("CSeq: %d INVITE", i+2)) },
		"UPDATEs":         func(l *line, i int) string { return l.inside("UPDATE", fmt.Sprintf("CSeq: %d UPDATE", i+2)) },
		"OPTIONS":         func(l *line, i int) string { return l.inside("OPTIONS", fmt.Sprintf("CSeq: %d OPTIONS", i+2)) },
		"old requests":    func(l *line, _ int) string { return l.inside("OPTIONS", "CSeq: 1 OPTIONS") },
		"BYEs of guesses": func(l *line, i int) string { return l.inside("BYE", fmt.Sprintf("From: <sip:a@x>;tag=guess%d", i)) },
		"long Contacts": func(l *line, i int) string {
			return l.inside("UPDATE", fmt.Sprintf("CSeq: %d UPDATE", i+2), "Contact: <sip:"+strings.Repeat("x", 10000)+"@192.0.2.10>")
		},
		"rings of phones":  func(l *line, i int) string { return l.replies(180, fmt.Sprint("phone", i)) },
		"answers of many":  func(l *line, i int) string { return l.replies(200, fmt.Sprint("phone", i)) },
		"late refusals":    func(l *line, i int) string { return l.replies(486, fmt.Sprint("phone", i)) },
		"the same answers": func(l *line, _ int) string { return l.replies(200, "callee") },
	} {
		t.Run(name, func(t *testing.T) {
			l := talk(t, newProbeOf(t, func(c *shard.Config) { c.MaxTransactions = 100 }))
			for i := range many {
				text := frame(l, i)
				l.from = fromCaller
				if strings.HasPrefix(text, "SIP/2.0 ") {
					l.from = fromCallee
				}
				l.deliver([]byte(strings.Replace(text, "branch=z9hG4bKhostile-inside", fmt.Sprintf("branch=z9hG4bKhostile%d", i), 1)))
			}
			tables := l.shard.Tables()
			if tables["calls"] != 1 || tables["transactions"] > 100 || tables["dialogs"] != 2 || tables["timers"] > 250 {
				t.Errorf("the tables hold %v", tables)
			}
			if b, err := l.call().MarshalBinary(); err != nil || len(b) > 64<<10 {
				t.Errorf("the call has grown to %d bytes, %v", len(b), err)
			}
			l.shard.HangUp(l.now, "", "hangup")
			l.perform()
			l.over(1)
		})
	}
}
