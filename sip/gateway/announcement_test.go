package gateway

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/bindingtest"
	"mask700/binding/cdr"
	"mask700/media/prompt"
	"mask700/sip/message"
	"mask700/sip/shard"
	"mask700/sip/trunk"
)

// distinctPrompts has a file of the operator's own for each announcement that these tests
// hear, of some frames that nothing else sounds like, and gives what is to be heard of one.
func distinctPrompts(t *testing.T, frames int) (clips *prompt.Catalogue, sound func(id prompt.ID, codec string) []byte) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "en"), 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for i, id := range []prompt.ID{prompt.NotInService, prompt.OrderFinished, prompt.CallLimit, prompt.LastMinute} {
		for j, kind := range []string{".al", ".g722"} {
			b := noise(uint64(10*i+j+1), frames)
			files[string(id)+kind] = b
			if err := os.WriteFile(filepath.Join(dir, "en", string(id)+kind), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	clips, err := prompt.Load(prompt.Options{Language: "en", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return clips, func(id prompt.ID, codec string) []byte {
		switch codec {
		case "PCMU": // made of the A-law
			return bytes.Join(clips.Clip(id, codec).Frames, nil)
		case "G722":
			return files[string(id)+".g722"]
		}
		return files[string(id)+".al"]
	}
}

// endings is a store with what callers are refused for, made and ended when the test says.
func endings(t *testing.T) binding.Store {
	t.Helper()
	s := &bindingtest.Store{}
	now := time.Now().Add(-10 * time.Hour)
	service := binding.Service{Store: s, Now: func() time.Time { return now }}
	if _, err := service.AddBlock(t.Context(), "70010000001"); err != nil {
		t.Fatal(err)
	}
	create := func(r binding.Request) binding.Binding {
		b, err := service.Create(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	create(binding.Request{Mode: "axb", A: alice, B: bob, X: "700100000010001", Order: "T-1", OneWay: "a-to-b"})
	lately := create(binding.Request{Mode: "axb", A: alice, B: bob, X: "700100000010002", Order: "T-2"})
	longAgo := create(binding.Request{Mode: "axb", A: alice, B: bob, X: "700100000010003", Order: "T-3"})
	for _, e := range []struct {
		id  string
		ago time.Duration
	}{{longAgo.ID, 3 * time.Hour}, {lately.ID, time.Hour}} {
		now = time.Now().Add(-e.ago)
		if _, err := service.End(t.Context(), e.id); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// Over real sockets, in each codec: who was a party until two hours ago hears that its order is finished, who may not
// call hears that, everybody else that the number is not in service.
func TestWhatEachRefusalSays(t *testing.T) {
	clips, sound := distinctPrompts(t, 10)
	w := newWorldWith(t, func(o *Options) {
		o.Trunks[0].Prompt, o.Bindings = trunk.PromptEarly, endings(t)
		o.Prompts = Prompts{Catalogue: clips, Max: 20, OrderFinished: 2 * time.Hour}
	})
	type refused struct {
		name, caller, x string
		says            prompt.ID
		status          int
		refusal         binding.Refusal
	}
	type heard struct {
		refused
		codec string
		pt    byte
		ear   *net.UDPConn
	}
	calls := map[string]heard{}
	for _, c := range []refused{
		{"may not call", bob, "700100000010001", prompt.CallLimit, 403, binding.RefusalOneWay},
		{"a party until an hour ago", alice, "700100000010002", prompt.OrderFinished, 404, binding.RefusalNoBinding},
		{"a party until three hours ago", alice, "700100000010003", prompt.NotInService, 404, binding.RefusalNoBinding},
		{"a stranger, where one was", nobody, "700100000010002", prompt.NotInService, 404, binding.RefusalNoBinding},
	} {
		for _, as := range []struct {
			types, codec string
			pt           byte
		}{{"8 0", "PCMA", 8}, {"0", "PCMU", 0}, {"18 9", "G722", 9}} {
			id := fmt.Sprintf("call%d", len(calls))
			calls[id] = heard{c, as.codec, as.pt, socket(t, "127.0.3.1")}
			w.send(w.peer, w.request("INVITE", id, c.caller, c.x, offering(calls[id].ear, as.types)))
		}
	}
	spoken, status := map[string]bool{}, map[string]int{}
	for len(status) < len(calls) {
		switch m := w.receive(); {
		case m.Status == 183:
			spoken[m.CallID] = true
		case m.Status >= 200:
			status[m.CallID] = m.Status
		}
	}
	for id, c := range calls {
		if !spoken[id] || status[id] != c.status {
			t.Errorf("%s: 183 %t, then %d", c.name, spoken[id], status[id])
		}
		t.Run(c.name+" "+c.codec, func(t *testing.T) { hear(t, c.ear, c.pt, sound(c.says, c.codec)) })
	}
	closed := w.journal.Closed()
	if len(closed) != len(calls) {
		t.Fatalf("%d records", len(closed))
	}
	n := map[binding.Refusal]int{}
	for _, r := range closed {
		if n[r.Refusal]++; r.End != cdr.EndRefused || !r.AnsweredAt.IsZero() {
			t.Errorf("the record says %s, %d", r.End, r.SIPStatus)
		}
	}
	if n[binding.RefusalOneWay] != 3 || n[binding.RefusalNoBinding] != 9 {
		t.Errorf("refused: %v", n)
	}
}

// Over real sockets, in each codec: a minute before the longest duration is over both are told, by ear, and then hear
// each other again.
func TestBothHearThatAMinuteIsLeft(t *testing.T) {
	for _, as := range []struct {
		types, codec string
		pt           byte
	}{{"8", "PCMA", 8}, {"0", "PCMU", 0}, {"9", "G722", 9}} {
		t.Run(as.codec, func(t *testing.T) {
			clips, sound := distinctPrompts(t, 10)
			s := &bindingtest.Store{}
			service := binding.Service{Store: s}
			if _, err := service.AddBlock(t.Context(), "70010000001"); err != nil {
				t.Fatal(err)
			}
			if _, err := service.Create(t.Context(), binding.Request{Mode: "axb", A: alice, B: bob, X: x, Order: "T-1", MaxDuration: 80 * time.Second}); err != nil {
				t.Fatal(err)
			}
			w := newWorldWith(t, func(o *Options) {
				o.Bindings, o.Prompts = s, Prompts{Catalogue: clips, LastMinute: true}
			})
			ears := [2]*net.UDPConn{socket(t, "127.0.3.1"), socket(t, "127.0.3.1")}
			w.send(w.peer, w.request("INVITE", "call", alice, x, offering(ears[0], as.types)))
			invite := w.asked("INVITE")
			answer := message.Response{Echo: invite.Echo(w.gateway.Addr(0)), Status: 200, ToTag: "bob", Contact: "<sip:bob@" + w.peer.LocalAddr().String() + ">"}
			answer.ContentType, answer.Body = "application/sdp", []byte(crlf(offering(ears[1], as.types)))
			w.send(w.peer, string(answer.Append(nil)))
			ok := w.expect(200, "INVITE")
			w.send(w.peer, strings.Replace(w.request("ACK", "call", alice, x, ""), "To: <sip:"+x+"@gateway>", "To: "+ok.To.Text, 1))

			for _, l := range w.gateway.loops { // more than the 20 s to that minute, less than an ACK may take
				l.do(func(s *shard.Shard) { s.Advance(time.Now().Add(30 * time.Second)) })
			}
			want := sound(prompt.LastMinute, as.codec)
			for side, ear := range ears {
				t.Run([]string{"caller", "callee"}[side], func(t *testing.T) { hear(t, ear, as.pt, want) })
			}
			ours := [2]*net.UDPAddr{net.UDPAddrFromAddrPort(portOf(t, ok.Body)), net.UDPAddrFromAddrPort(portOf(t, invite.Body))}
			for side, ear := range ears {
				getsThrough(t, ear, ours[side], ears[1-side], as.pt)
			}
			if calls := w.gateway.Calls(); len(calls) != 1 || calls[0].State != "talking" {
				t.Errorf("calls: %+v", calls)
			}
		})
	}
}

// getsThrough speaks until another phone hears it: the end of a clip is a frame behind its last one.
func getsThrough(t *testing.T, from *net.UDPConn, to *net.UDPAddr, by *net.UDPConn, pt byte) {
	t.Helper()
	voice := noise(99, 1)
	b := make([]byte, 2048)
	for n := range byte(250) {
		packet := append([]byte{0x80, pt, 0, n, 0, 0, n, 0, 1, 2, 3, 4}, voice...)
		if _, err := from.WriteToUDP(packet, to); err != nil {
			t.Fatal(err)
		}
		if err := by.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if size, err := by.Read(b); err == nil && size > 12 && bytes.Equal(b[12:size], voice) {
			return
		}
	}
	t.Error("the other is not heard")
}
