package shard_test

import (
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/sip/call"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/shard"
)

func TestNoRouteToTheOtherLeg(t *testing.T) {
	for name, change := range map[string]func(*stage){
		"a trunk that is not there": func(s *stage) { s.trunks[0].RouteTo = "elsewhere" },
		"a target without address":  func(s *stage) { s.config.Hops[1] = nil },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, flow.UDP, nil)
			change(s)
			s.invite(t, "of-caller-one")
			last := s.sent[len(s.sent)-1]
			if text := string(last.Bytes); !strings.HasPrefix(text, "SIP/2.0 500 ") || !strings.Contains(text, "\r\nReason: Q.850;cause=3\r\n") {
				t.Errorf("the caller got\n%s", text)
			}
			l := s.calls[s.order[0]]
			if l.record.Refusal != binding.RefusalNoRoute || l.record.Binding != "pair" || l.ports != 0 || l.opened != 0 {
				t.Errorf("refused for %q after %d openings of ports", l.record.Refusal, l.ports)
			}
			s.advance(epoch.Add(5 * time.Minute))
			s.audit()
		})
	}
}

func TestACallStaysOnItsTrunkWhenItHasNoOther(t *testing.T) {
	s := newStage(t, flow.UDP, nil)
	s.trunks[0].RouteTo = ""
	s.guard.parties[1].network = insideNet // both parties are behind one switch
	s.invite(t, "of-caller-one")
	last := s.sent[len(s.sent)-1]
	if last.Flow.Listener != 0 || !strings.HasPrefix(string(last.Bytes), "INVITE sip:13900000002@"+insideHop+" ") {
		t.Errorf("sent over listener %d:\n%s", last.Flow.Listener, last.Bytes)
	}
}

func TestTheTrunksDomainStandsInTheURIs(t *testing.T) {
	s := newStage(t, flow.UDP, nil)
	s.trunks[1].Domain = "carrier.example"
	s.invite(t, "of-caller-one")
	text := string(s.sent[len(s.sent)-1].Bytes)
	for _, want := range []string{
		"INVITE sip:13900000002@" + outsideHop + " ", // the Request-URI is the target's
		"From: <sip:700100000010007@carrier.example>;tag=", "To: <sip:13900000002@carrier.example>\r\n",
		"Via: SIP/2.0/UDP " + outsideHost + ";",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestWhatIsAdvertisedStandsInTheContact(t *testing.T) {
	s := newStage(t, flow.UDP, func(c *shard.Config) { c.Advertise = []string{"192.0.2.200:5080"} })
	s.invite(t, "of-caller-one")
	s.receive(s.from, s.caller.last)
	callee := newActor(s.world, "second", "13900000002", "198.51.100.20:5061", 1)
	for _, out := range s.sent {
		if strings.HasPrefix(string(out.Bytes), "INVITE ") {
			s.hears(t, callee, out)
		}
	}
	b, err := callee.write("180")
	if err != nil {
		t.Fatal(err)
	}
	s.receive(callee.flow(), b)
	last := string(s.sent[len(s.sent)-1].Bytes)
	if !strings.Contains(last, "\r\nContact: <sip:") || !strings.Contains(last, "@192.0.2.200:5080>\r\n") {
		t.Errorf("the caller got\n%s", last)
	}
}

// A request with the CSeq of the INVITE is older than it (RFC 3261 section
// 12.2.2).
func TestTheInviteCounts(t *testing.T) {
	s := newStage(t, flow.UDP, nil)
	s.invite(t, "of-caller-one")
	tag := s.shard.Call(s.order[0]).Legs[call.Caller].LocalTag
	b, err := s.caller.write("OPTIONS\nCall-ID: of-caller-one\nCSeq: 1 OPTIONS\nTo: <sip:700100000010007@" + insideHost + ">;tag=" + tag)
	if err != nil {
		t.Fatal(err)
	}
	s.receive(s.from, b)
	if last := s.sent[len(s.sent)-1]; !strings.HasPrefix(string(last.Bytes), "SIP/2.0 500 ") {
		t.Errorf("the caller got\n%s", last.Bytes)
	}
}

// hears hands a message to an actor.
func (s *stage) hears(t *testing.T, a *actor, out shard.Send) {
	t.Helper()
	m, fault := message.Parse(out.Bytes)
	if fault != nil {
		t.Fatal(fault)
	}
	a.sees(m)
}
