package shard_test

import (
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/sip/call"
	"mask700/sip/flow"
	"mask700/sip/shard"
)

// Both legs by one trunk and one proxy, whose address and name are in all that either
// party sends, and phones that call themselves by the same words: none of that is a
// secret of the other. Nor is what two numbers have in common.
func TestOneHostForBothParties(t *testing.T) {
	for name, c := range map[string]struct{ caller, callee string }{
		"unlike":                         {"13800000001", "13900000002"},
		"a digit apart":                  {"13800000001", "13800000002"},
		"one is in the other":            {"03712345678", "13712345678"},
		"one has the other in it":        {"13712345678", "03712345678"},
		"one begins as the other ends":   {"13880000001", "13800000138"},
		"in the 700 number, by chance":   {"02155551234", "13900000002"},
		"one is the other, area changed": {"02155551234", "01055551234"},
	} {
		t.Run(name, func(t *testing.T) { talkByOneHost(t, c.caller, c.callee, nil) })
	}
}

// Who writes the other's number wherever it is written back to it, or calls itself by it,
// sees the same as with any other number.
func TestWhoGuessesIsToldNothing(t *testing.T) {
	for _, guess := range []string{"13900000002", "8613900000002", "008613900000002", "3900000002", "13900000003", "%31%3390000%30002", "%2531390000000%32", "１３９００００００２"} {
		t.Run(guess, func(t *testing.T) {
			talkByOneHost(t, "13800000001", "13900000002", func(caller *actor) string {
				caller.callID, caller.tag = guess+"@guess-"+guess, guess
				caller.self = `"` + guess + `" <sip:` + "13800000001" + "@" + caller.host + ">;tag=" + guess
				return "\nContact: <sip:" + guess + "@192.0.2.9;x=" + guess + ">;+sip.instance=\"" + guess + "\"" +
					"\nVia: SIP/2.0/UDP 192.0.2.9:5060;rport;branch=z9hG4bK" + guess + ";x=" + guess + "\nRecord-Route: <sip:" + guess + "@192.0.2.9;lr>" +
					"\nTimestamp: " + guess + "\nSession-Expires: 1390000000\nSupported: timer"
			})
		})
	}
}

// talkByOneHost plays a call whose parties are both behind the inside switch. Guess
// changes what the caller writes.
func talkByOneHost(t *testing.T, callerNumber, calleeNumber string, guess func(*actor) string) {
	const x = "700102155551234"
	w := newWorld(1, flow.UDP, func(c *call.Config) {
		c.Trunks[0].RouteTo = ""
		c.Trunks[0].Domain = "switch.example"
	})
	w.fail = func(format string, args ...any) {
		if strings.Contains(format, "sentinel") {
			t.Errorf(format, args...)
		}
	}
	w.rows = []binding.Binding{{
		ID: "pair", Mode: binding.ModeAXB, X: mustX(x), A: mustNumber(callerNumber), B: mustNumber(calleeNumber),
		Order: "order", Tenant: "default", CreatedAt: epoch.Add(-24 * time.Hour),
	}}
	caller := newActor(w, "caller", callerNumber, insideHop, 0)
	callee := newActor(w, "callee", calleeNumber, insideHop, 0)
	w.send = func(s shard.Send) {
		if m, _ := w.read(s.Bytes); m != nil {
			if m.CallID == caller.callID {
				caller.sees(m)
			} else {
				callee.sees(m)
			}
		}
	}
	same := "\nRecord-Route: <sip:192.0.2.9;lr;x=switch.example>\nContact: <sip:shared-user@192.0.2.9;transport=udp;alias=10.0.0.1~5060~1>;reg-id=1\nServer: Softphone 1.2.3"
	asks := same
	if guess != nil {
		asks = guess(caller)
	}
	do := func(a *actor, text string) {
		b, err := a.write(text)
		if err != nil {
			t.Fatal(err)
		}
		w.receive(a.flow(), b)
		if err := w.shard.Recode(); err != nil {
			t.Fatal(err)
		}
	}
	do(caller, "INVITE "+x+asks+"\nsdp")
	do(callee, "180"+same)
	do(callee, "200"+same+"\nsdp")
	do(caller, "ACK")
	do(callee, "INVITE"+same+"\nsdp sendonly")
	do(caller, "200"+same+"\nsdp recvonly")
	do(callee, "ACK")
	do(caller, "INFO\nContent-Type: application/dtmf-relay\nbody Signal=5\\r\\nDuration=160\\r\\n")
	do(callee, "200 INFO")
	do(callee, "BYE")
	do(caller, "200 BYE")
	if st := w.shard.Stats(); st.Answered == 0 || st.Leaks > 0 {
		t.Errorf("%+v", st)
	}
	for _, l := range w.calls {
		if l.record.End != "completed" {
			t.Errorf("the call ended as %q", l.record.End)
		}
	}
}
