package shard_test

import (
	"bytes"
	"fmt"
	"testing"

	"mask700/binding"
	"mask700/sip/call"
	"mask700/sip/shard"
)

// What a caller presses before there is a callee, wrong digits and the right ones, is in no
// message to anybody, in no record, and in the call no more once the store was asked.
func TestPressedDigitsReachNobody(t *testing.T) {
	const wrong, right, late = "97531864", "13579246", "86420975"
	for _, mode := range []string{"early", "answer"} {
		s := newScene()
		w := s.world
		w.fail = t.Errorf
		s.set(t, []string{"prompt=" + mode, "strangers"})
		w.rows = []binding.Binding{{
			ID: "eight", Mode: binding.ModeAXE, X: mustX("700100000010015"), A: mustNumber("13900000002"), Extension: right,
			Order: "order", Tenant: "default", CreatedAt: epoch,
		}}
		var sent [][]byte
		shows := w.send
		w.send = func(o shard.Send) {
			sent = append(sent, o.Bytes)
			shows(o)
		}
		say := func(who, text string) {
			t.Helper()
			b, err := s.actors[who].write(text)
			if err != nil {
				t.Fatal(err)
			}
			s.receive(s.actors[who], b)
		}
		press := func(digits string, kept string) {
			t.Helper()
			for _, d := range digits {
				w.shard.Calls(func(c *call.Call) bool {
					w.shard.Answer(w.now, c.ID, call.KeyHeard{Session: c.Session, Side: call.Caller, Key: byte(d)})
					return false
				})
				w.drain()
			}
			w.shard.Calls(func(c *call.Call) bool {
				if c.Extension.Digits != kept {
					t.Errorf("%s: %d digits are kept", mode, len(c.Extension.Digits))
				}
				return false
			})
		}
		say("stranger", "INVITE 700100000010015\nsdp")
		if mode == "answer" {
			say("stranger", "ACK")
		}
		press(wrong, "")
		press(right[:7], right[:7])
		press(right[7:], "")
		say("callee", "180\nAllow: INVITE, ACK, CANCEL, BYE, INFO")
		press(late, "") // it rings already: these are for nobody either
		say("callee", "200\nAllow: INVITE, ACK, CANCEL, BYE, INFO\nsdp types=8")
		if mode == "early" {
			say("stranger", "ACK")
		}
		say("stranger", "BYE")
		say("callee", "200 BYE")
		calls := 0
		for _, l := range w.calls {
			calls++
			record := fmt.Sprintf("%+v", l.record)
			if l.record.Binding != "eight" || l.record.AnsweredAt.IsZero() {
				t.Errorf("%s: not put through: %s", mode, record)
			}
			sent = append(sent, []byte(record))
		}
		for _, b := range sent {
			for _, digits := range []string{wrong, right, late} {
				if bytes.Contains(b, []byte(digits)) {
					t.Errorf("%s: %s are in\n%s", mode, digits, b)
				}
			}
			if bytes.HasPrefix(b, []byte("INFO")) {
				t.Errorf("%s: somebody is told of a key", mode)
			}
		}
		if calls != 1 || len(sent) < 7 {
			t.Errorf("%s: %d calls, %d messages", mode, calls, len(sent))
		}
		s.settle()
	}
}
