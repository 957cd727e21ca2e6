package shard_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/shard"
)

// probe is a gateway that gets what nobody should send, and what it does about
// it. The pair of the stage may call each other in it.
type probe struct {
	*stage
	t       *testing.T
	answers []shard.Send // since the last frame, to where it came from
	across  []shard.Send // to the other party
}

// fromIPv6 is the way of messages from a peer with such an address.
var fromIPv6 = flow.Flow{
	Local: netip.MustParseAddrPort("[2001:db8::10]:5060"), Remote: netip.MustParseAddrPort("[2001:db8::9:1]:5060"),
}

func newProbe(t *testing.T) *probe { return newProbeOf(t, nil) }

// newProbeOf is one with other bounds.
func newProbeOf(t *testing.T, change func(*shard.Config)) *probe {
	p := &probe{stage: newStage(t, flow.UDP, change), t: t}
	p.caller.secrets.learn("hostile", "Hostile", "\xef\xbc\x97")
	return p
}

// deliver hands a frame to the gateway as the edge does, and says what came of
// it: the statuses of the answers, then what the other party gets, or why there
// is nothing.
func (p *probe) deliver(frame []byte) string {
	p.answers, p.across = nil, nil
	m, fault := message.Parse(frame)
	if fault != nil {
		m = fault.Message
	} else {
		fault = message.Check(m)
	}
	if fault != nil && (m == nil || fault.Status == 0) {
		return "dropped: " + fault.Why
	}
	before := p.shard.Stats()
	p.shard.Receive(p.now, shard.Inbound{Flow: p.from, Trunk: p.trunks[p.from.Listener], Message: m, Fault: fault})
	p.perform()
	var list []string
	for _, a := range slices.Concat(p.answers, p.across) {
		line, _, _ := strings.Cut(string(a.Bytes), "\r\n")
		what, rest, _ := strings.Cut(line, " ")
		if what == "SIP/2.0" {
			what, _, _ = strings.Cut(rest, " ")
		}
		list = append(list, what)
	}
	switch after := p.shard.Stats(); {
	case len(list) > 0:
		return strings.Join(list, ", ")
	case after.Stray > before.Stray:
		return "stray"
	default:
		return "nothing"
	}
}

// perform does what the shard asks for. An answer is kept and not looked at, for
// it repeats what is wrong about its request; what goes to the other party is
// searched for what must not.
func (p *probe) perform() {
	for out := p.shard.Take(); len(out) > 0; out = p.shard.Take() {
		for _, o := range out {
			switch {
			case o.Action != nil:
				p.world.perform(o)
			case o.Send.Flow.Listener == p.from.Listener:
				p.answers = append(p.answers, o.Send)
			default:
				p.across = append(p.across, o.Send)
				p.guard.check(p.fail, o.Send)
			}
		}
	}
}

// wait lets time pass, second by second.
func (p *probe) wait(d time.Duration) {
	for end := p.now.Add(d); p.now.Before(end); {
		p.now = p.now.Add(time.Second)
		p.shard.Advance(p.now)
		p.perform()
	}
}

// ours are the lines that an answer may have beside what it echoes, each a text
// of our own.
var ours = regexp.MustCompile(`^(Content-Length: 0|Accept: (application/(sdp|dtmf-relay)|text/plain)|Reason: Q\.850;cause=\d+|Retry-After: 5|Min-SE: 90|Recv-Info:|` +
	`Allow: [A-Z, ]+|Supported: [a-z0-9, ]+|Contact: <sip:` + letter + `{24}@[^@<>]+>)$`)

// repeatsNothingElse checks an answer: what RFC 3261 section 8.2.6.2 has it
// repeat is that of the request, and no other line has anything of it.
func (p *probe) repeatsNothingElse(frame []byte, a shard.Send) {
	p.t.Helper()
	if a.Flow.Remote.Addr() != p.from.Remote.Addr() || a.Flow.Local != p.from.Local {
		p.t.Errorf("the answer leaves for %v", a.Flow)
	}
	if len(a.Bytes) > len(frame)+512 {
		p.t.Errorf("an answer of %d bytes to %d", len(a.Bytes), len(frame))
	}
	m, fault := message.Parse(frame)
	if m == nil {
		m = fault.Message
	}
	e := m.Echo(p.from.Remote)
	text, ok := strings.CutSuffix(string(a.Bytes), "\r\n\r\n")
	lines := strings.Split(text, "\r\n")
	if !ok || !strings.HasPrefix(lines[0], "SIP/2.0 ") || lines[0][12:] != message.Phrase(atoi(lines[0][8:11])) {
		p.t.Errorf("no answer of ours:\n%s", a.Bytes)
		return
	}
	var vias []string
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		same := true
		switch name {
		case "Via":
			vias = append(vias, value)
		case "From":
			same = value == e.From
		case "To":
			same = value == e.To || !e.ToTag && regexp.MustCompile(`^;tag=`+letter+`+$`).MatchString(strings.TrimPrefix(value, e.To))
		case "Call-ID":
			same = value == e.CallID
		case "CSeq":
			same = value == e.CSeqText || value == fmt.Sprintf("%d %s", e.CSeq, e.Method)
		case "Unsupported":
			for tag := range strings.SplitSeq(value, ", ") {
				same = same && slices.Contains(m.Require, tag)
			}
		default:
			same = ours.MatchString(line)
		}
		if !same {
			p.t.Errorf("the answer says %q", line)
		}
	}
	if !slices.Equal(vias, e.Via) {
		p.t.Errorf("the answer goes by %q, want %q", vias, e.Via)
	}
}

func atoi(s string) (n int) {
	for _, c := range s {
		n = 10*n + int(c-'0')
	}
	return n
}

// over lets ten minutes pass and checks that nothing is kept of what has been,
// but for the records.
func (p *probe) over(records int) {
	p.t.Helper()
	p.wait(10 * time.Minute)
	p.audit()
	if n := len(p.calls); n != records {
		p.t.Errorf("%d records, want %d", n, records)
	}
}
