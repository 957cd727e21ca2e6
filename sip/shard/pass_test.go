package shard_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/sip/call"
	"mask700/sip/flow"
	"mask700/sip/message"
)

// unmasked takes the secrets of the caller away: a call that is passed on shows
// them.
func (s *stage) unmasked() {
	for _, p := range s.guard.parties {
		p.own = nil
	}
	s.trunks[0].Pass = "outside"
	s.trunks[0].RouteTo = "inside"
}

func TestACallToAnotherNumberIsPassedOn(t *testing.T) {
	for name, c := range map[string]struct {
		identity string
		extra    string
		want     []string
		never    []string
	}{
		"as it came": {
			want: []string{
				"INVITE sip:059612345@" + outsideHop + " SIP/2.0\r\n", "From: <sip:13800000001@198.51.100.1>;tag=",
				"To: <sip:059612345@" + outsideHop + ">\r\n",
			},
			never: []string{"P-Asserted-Identity", "Privacy", "Name of caller", "of-caller", "tag-of-caller", "192.0.2."},
		},
		"asserted": {
			identity: "pai", extra: "P-Asserted-Identity: <tel:+8613800000001>\nPrivacy: id\n",
			want: []string{"P-Asserted-Identity: <sip:13800000001@198.51.100.1>\r\n", "Privacy: id\r\n"},
		},
		"anonymous": {
			identity: "pai", extra: "From: <sip:anonymous@anonymous.invalid>;tag=tag-of-caller\nPrivacy: id, user\n",
			want:  []string{"From: <sip:anonymous@anonymous.invalid>;tag=", "Privacy: id\r\n"},
			never: []string{"13800000001"},
		},
		"in the older header": {
			identity: "rpid", extra: "P-Asserted-Identity: <tel:+8613800000001>\nPrivacy: header\n",
			want:  []string{"Remote-Party-ID: <sip:13800000001@198.51.100.1>;party=calling;screen=yes;privacy=full\r\n", "Privacy: id\r\n"},
			never: []string{"critical"},
		},
		"critical, and met": {
			identity: "pai", extra: "From: <sip:anonymous@anonymous.invalid>;tag=tag-of-caller\nP-Asserted-Identity: <tel:+8613800000001>\n" +
				"Privacy: user;id\nPrivacy: Critical, header ; session;history\n",
			want: []string{"P-Asserted-Identity: <sip:13800000001@198.51.100.1>\r\n", "Privacy: id;critical\r\n", "From: <sip:anonymous@anonymous.invalid>;tag="},
		},
		"critical, of nothing": {extra: "Privacy: none;critical\n", want: []string{"From: <sip:13800000001@198.51.100.1>;tag="}, never: []string{"Privacy"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, flow.UDP, nil)
			s.unmasked()
			s.trunks[1].Identity = c.identity
			b, err := s.caller.write("INVITE 059612345\nCall-ID: of-caller-one\n" + c.extra + "sdp")
			if err != nil {
				t.Fatal(err)
			}
			s.receive(s.from, b)
			text := string(s.sent[len(s.sent)-1].Bytes)
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
			for _, never := range c.never {
				if strings.Contains(text, never) {
					t.Errorf("%q in\n%s", never, text)
				}
			}
			l := s.calls[s.order[0]]
			if l.decided != 0 || l.opened != 1 {
				t.Errorf("the store was asked %d times, and %d rows opened", l.decided, l.opened)
			}
		})
	}
}

// A caller who insists on a privacy that a call passed on cannot have is not connected
// (RFC 3323 section 5.1), and nobody is told that it has tried. A masked call has it.
func TestPrivacyThatCannotBeHad(t *testing.T) {
	for _, c := range []struct{ number, headers, want string }{
		{"059612345", "Privacy: user;critical\n", "500"},
		{"059612345", "Privacy: id\nPRIVACY: USER\nPrivacy: Critical\n", "500"},
		{"059612345", "Privacy: id;moonlight;critical\n", "500"},
		{"059612345", "Privacy: user\n", ""},
		{"059612345", "Privacy: id;moonlight\n", ""},
		{"700100000010007", "Privacy: user;moonlight;critical\n", ""},
	} {
		s := newStage(t, flow.UDP, nil)
		if strings.HasPrefix(c.number, "0") {
			s.unmasked()
		}
		b, err := s.caller.write("INVITE " + c.number + "\nCall-ID: of-caller-one\n" + c.headers + "sdp")
		if err != nil {
			t.Fatal(err)
		}
		s.receive(s.from, b)
		last := string(s.sent[len(s.sent)-1].Bytes)
		if c.want == "" {
			if !strings.HasPrefix(last, "INVITE ") {
				t.Errorf("%q: got\n%s", c.headers, last)
			}
			continue
		}
		if !strings.HasPrefix(last, "SIP/2.0 "+c.want+" ") || strings.Contains(last, "moonlight") {
			t.Errorf("%q: got\n%s", c.headers, last)
		}
		for _, sent := range s.sent {
			if strings.HasPrefix(string(sent.Bytes), "INVITE ") {
				t.Errorf("%q: it was passed on", c.headers)
			}
		}
		if l := s.calls[s.order[0]]; l.record.SIPStatus != 500 || l.record.End != "refused" || l.ports != 0 || l.closed != 1 {
			t.Errorf("the record says %s; %d ports, %d closed", summary(l.record), l.ports, l.closed)
		}
	}
}

// What looks like a 700 number is never passed on, nor what cannot be written as it
// is.
func TestWhatIsNotPassedOn(t *testing.T) {
	for number, want := range map[string]string{
		"70010000001":     "484",
		"700100000019999": "404",
		"%3Csip%3Ax":      "404",
		"059%2312345":     "404",
	} {
		s := newStage(t, flow.UDP, nil)
		s.unmasked()
		if number == "700100000019999" {
			s.rows = nil
		}
		b, err := s.caller.write("INVITE " + number + "\nCall-ID: of-caller-one\nsdp")
		if err != nil {
			t.Fatal(err)
		}
		s.receive(s.from, b)
		if last := string(s.sent[len(s.sent)-1].Bytes); !strings.HasPrefix(last, "SIP/2.0 "+want+" ") && !strings.HasPrefix(last, "SIP/2.0 400 ") {
			t.Errorf("%s got\n%s", number, last)
		}
	}
}

// Our own INVITE that comes back, whatever proxies have made of the rest of it, is
// refused, and leaves a record that says so.
func TestOurOwnCallThatComesBack(t *testing.T) {
	s := newStage(t, flow.UDP, nil)
	s.invite(t, "of-caller-one")
	callID := s.shard.Call(s.order[0]).Legs[call.Callee].CallID
	s.fail = func(string, ...any) {} // the guard is right: both sides see one Call-ID here
	s.invite(t, callID)
	last := string(s.sent[len(s.sent)-1].Bytes)
	if !strings.HasPrefix(last, "SIP/2.0 482 ") {
		t.Errorf("it got\n%s", last)
	}
	if r := s.calls[s.order[1]].record; r.End != "loop" || r.SIPStatus != 482 || r.Refusal != binding.RefusalNone {
		t.Errorf("the record says %s", summary(r))
	}
	s.shard.HangUp(s.now, "", "hangup")
	s.drain()
	s.advance(epoch.Add(10 * time.Minute))
}

// A switch that sends our INVITE back as a new call of the caller's goes round until
// Max-Forwards is used up, and not longer (RFC 7332).
func TestACallThatGoesRoundEnds(t *testing.T) {
	s := newStage(t, flow.UDP, nil)
	hops := 70
	for round := range 100 {
		b, err := s.caller.write(fmt.Sprintf("INVITE 700100000010007\nCall-ID: of-caller-%d\nMax-Forwards: %d\nsdp", round, hops))
		if err != nil {
			t.Fatal(err)
		}
		s.receive(s.from, b)
		last, fault := message.Parse(s.sent[len(s.sent)-1].Bytes)
		if fault != nil {
			t.Fatal(fault)
		}
		if !last.IsRequest() {
			if last.Status != 483 || round != 70 {
				t.Errorf("after %d rounds it got %d", round, last.Status)
			}
			return
		}
		if last.MaxForwards != hops-1 {
			t.Fatalf("%d hops left of %d", last.MaxForwards, hops)
		}
		hops = last.MaxForwards
	}
	t.Error("it goes round for ever")
}
