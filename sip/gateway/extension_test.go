package gateway

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"mask700/binding"
	"mask700/binding/bindingtest"
	"mask700/binding/cdr"
	"mask700/binding/rule"
	"mask700/sip/message"
	"mask700/sip/trunk"
)

// guesses is a rule that notes who guesses, and refuses from some number on.
type guesses struct {
	most   int
	wrong  chan rule.Attempt
	asked  chan rule.Attempt // about right ones
	judged chan rule.Attempt
}

func (g *guesses) Guess(a *rule.Attempt) rule.Verdict {
	if a.Probe {
		g.asked <- *a
	} else {
		g.wrong <- *a
	}
	if len(g.wrong) >= g.most {
		return rule.Verdict{Refusal: binding.RefusalCapped, Rule: "guesses"}
	}
	return rule.Verdict{Shadow: []string{"guessed"}}
}

func (g *guesses) Judge(_ context.Context, a *rule.Attempt) rule.Verdict {
	g.judged <- *a
	return rule.Verdict{}
}

func (g *guesses) Done(*cdr.Record) {}

const extended = "700100000010014"

// extensionWorld has a number that reaches bob with 1234 behind it, and short prompts.
func extensionWorld(t *testing.T, mode string, attempts, most int) (*world, *guesses) {
	t.Helper()
	g := &guesses{most: most, wrong: make(chan rule.Attempt, 8), asked: make(chan rule.Attempt, 8), judged: make(chan rule.Attempt, 8)}
	clips, _ := shortPrompts(t, 2)
	s := &bindingtest.Store{}
	service := binding.Service{Store: s, Plan: binding.Plan{Strangers: true}}
	if _, err := service.AddBlock(t.Context(), "70010000001"); err != nil {
		t.Fatal(err)
	}
	if _, err := service.Create(t.Context(), binding.Request{Mode: "axe", A: bob, Extension: "1234", X: extended, Order: "T-3"}); err != nil {
		t.Fatal(err)
	}
	return newWorldWith(t, func(o *Options) {
		o.Trunks[0].Prompt, o.Bindings, o.Plan, o.Rules = mode, s, service.Plan, rule.Chain{g}
		o.Prompts = Prompts{Catalogue: clips, Max: 1, Attempts: attempts, FirstDigit: refusalTime * 3000, NextDigit: refusalTime * 3000}
	}), g
}

// press sends digits as telephone events to a port of ours.
func press(t *testing.T, voice *net.UDPConn, first uint16, to *message.Message, digits string) {
	t.Helper()
	ours := portOf(t, to.Body)
	for i, d := range digits {
		n := first + uint16(i)
		key := byte(strings.IndexRune("0123456789*#", d))
		if _, err := voice.WriteToUDPAddrPort(event(t, n, uint32(n)*4000, key), ours); err != nil {
			t.Fatal(err)
		}
	}
}

// Over real sockets: a stranger dials the number alone, hears that it is asked, presses a
// wrong extension and then the right one, and bob is called. The two talk, and nothing of
// the keys reaches bob.
func TestAnExtensionIsAskedFor(t *testing.T) {
	w, g := extensionWorld(t, trunk.PromptEarly, 2, 9)
	voice := socket(t, "127.0.3.1")
	w.send(w.peer, w.request("INVITE", "asked", alice, extended, offering(voice, "8 101")))
	early := w.expect(183, "INVITE")
	// Only so many are asked at once: the next is refused as without prompts.
	w.send(w.peer, w.request("INVITE", "crowd", "13700000009", extended, offering(voice, "8 101")))
	w.expect(404, "INVITE")

	press(t, voice, 0, early, "4321")
	if a := <-g.wrong; a.Edge.Callee != (binding.Number{}) || a.Binding == nil || a.Query.Extension != "4321" {
		t.Errorf("guessed %+v", a.Edge)
	}
	hearSome(t, voice)
	// It is asked once more. What it presses before that is for nobody, and the star forgets
	// the half of it that is not.
	var invite *message.Message
	for n := uint16(10); invite == nil; n += 10 {
		press(t, voice, n, early, "*1234")
		if err := w.peer.SetReadDeadline(time.Now().Add(time.Second / 2)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 65535)
		if size, _, err := w.peer.ReadFromUDPAddrPort(b); err == nil {
			if m, fault := message.Parse(b[:size]); fault == nil && m.IsRequest() && m.Method == "INVITE" {
				invite = m
			}
		}
	}
	if invite.Target.User != bob || invite.From.URI.User != extended {
		t.Errorf("%d digits are called and %s is shown", len(invite.Target.User), invite.From.URI.User)
	}
	if a := <-g.asked; a.Edge != (binding.Edge{}) || a.Binding.Extension != "1234" {
		t.Errorf("the rules of guesses are asked about %+v", a.Binding.ID)
	}
	if a := <-g.judged; !a.Edge.Anyone || a.Edge.Extension != "1234" {
		t.Errorf("the rules are asked about %+v", a.Edge.Extension)
	}
	bobs := socket(t, "127.0.3.1")
	answer := message.Response{Echo: invite.Echo(w.gateway.Addr(0)), Status: 200, ToTag: "bob", Contact: "<sip:bob@" + w.peer.LocalAddr().String() + ">"}
	answer.ContentType, answer.Body = "application/sdp", []byte(crlf(offering(bobs, "8 101")))
	w.send(w.peer, string(answer.Append(nil)))
	w.expect(200, "INVITE")
	// What it presses now is for bob, as soon as the media knows where he is.
	heard := make(chan rtp.Packet)
	go func() { heard <- hearSome(t, bobs) }()
	for n := uint16(1000); ; n++ {
		press(t, voice, n, early, "7")
		select {
		case got := <-heard:
			if got.PayloadType != 101 || got.Payload[0] != 7 {
				t.Errorf("bob hears %v first", got.Header)
			}
		case <-time.After(time.Millisecond):
			continue
		}
		break
	}
	// It is asked no more, so that there is room for another.
	w.send(w.peer, w.request("INVITE", "next", "13700000009", extended, offering(voice, "8 101")))
	w.expect(183, "INVITE")
}

// After too many guesses a right extension is a wrong one, to who dials it behind the number
// and to who is asked; both are refused as strangers are.
func TestGuessesAreBounded(t *testing.T) {
	w, g := extensionWorld(t, trunk.PromptEarly, 1, 1)
	voice := socket(t, "127.0.3.1")
	w.send(w.peer, w.request("INVITE", "wrong", alice, extended+"99", offering(voice, "8 101")))
	wrong := w.expect(404, "INVITE")
	w.send(w.peer, w.request("INVITE", "right", alice, extended+"1234", offering(voice, "8 101")))
	right := w.expect(404, "INVITE")
	w.send(w.peer, w.request("INVITE", "asked", alice, extended, offering(voice, "8 101")))
	early := w.expect(183, "INVITE")
	press(t, voice, 0, early, "1234")
	asked := w.expect(404, "INVITE")
	if wrong.Q850 != right.Q850 || wrong.Q850 != asked.Q850 || len(g.judged) != 0 || len(g.wrong) != 1 {
		t.Errorf("causes %d, %d, %d, and the rules were asked %d times", wrong.Q850, right.Q850, asked.Q850, len(g.judged))
	}
	closed := w.journal.Closed()
	if len(closed) != 3 {
		t.Fatalf("%d records", len(closed))
	}
	for i, want := range []struct {
		refusal binding.Refusal
		rule    string
		bound   bool
	}{{binding.RefusalNoBinding, "guesses", false}, {binding.RefusalCapped, "guesses", true}, {binding.RefusalCapped, "guesses", true}} {
		r := closed[i]
		if r.End != cdr.EndRefused || r.Refusal != want.refusal || r.Rule != want.rule || (r.Binding != "") != want.bound {
			t.Errorf("record %d: %s by %q, binding %q", i, r.Refusal, r.Rule, r.Binding)
		}
	}
}
