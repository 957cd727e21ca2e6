package gateway

import (
	"bytes"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/media/prompt"
	"mask700/media/sdp"
	"mask700/sip/call"
	"mask700/sip/message"
	"mask700/sip/trunk"
)

func TestOrderTrunk(t *testing.T) {
	to := []trunk.Target{{Host: "192.0.2.9"}}
	for name, c := range map[string]struct {
		trunks []trunk.Trunk
		asked  string
		want   int
		err    error
	}{
		"the only one":           {[]trunk.Trunk{{Name: "phones"}, {Name: "switch", Targets: to}}, "", 1, nil},
		"one of several":         {[]trunk.Trunk{{Name: "left", Targets: to}, {Name: "right", Targets: to}}, "right", 1, nil},
		"several":                {[]trunk.Trunk{{Name: "left", Targets: to}, {Name: "right", Targets: to}}, "", 0, ErrManyTrunks},
		"none":                   {[]trunk.Trunk{{Name: "phones"}}, "", 0, ErrNoTrunk},
		"nobody is called there": {[]trunk.Trunk{{Name: "phones"}, {Name: "switch", Targets: to}}, "phones", 0, ErrNoTrunk},
		"of another name":        {[]trunk.Trunk{{Name: "switch", Targets: to}}, "Switch", 0, ErrNoTrunk},
	} {
		g := &Gateway{options: Options{Trunks: c.trunks}}
		if got, err := g.orderTrunk(c.asked); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
}

// Whoever asked for a call is told once, and nobody waits to tell who does not listen.
func TestPlacedIsToldOnce(t *testing.T) {
	told := make(chan call.Placed, 1)
	l := &loop{placing: map[string]chan<- call.Placed{"call": told}}
	l.placed("another", call.Placed{ID: "another"})
	l.placed("call", call.Placed{ID: "call"})
	l.placed("call", call.Placed{ID: "call", End: "busy"})
	if p := <-told; p.ID != "call" || p.End != "" || len(told) > 0 || len(l.placing) > 0 {
		t.Errorf("%+v, and %d more", p, len(told))
	}
}

// answer answers an INVITE of ours by 200, with an address for its audio.
func (w *world) answer(invite *message.Message, tag string, ear *net.UDPConn) {
	w.t.Helper()
	r := message.Response{
		Echo: invite.Echo(w.gateway.Addr(0)), Status: 200, ToTag: tag, Contact: "<sip:" + tag + "@" + w.peer.LocalAddr().String() + ">",
		ContentType: "application/sdp", Body: []byte(strings.ReplaceAll(offering(ear, "8"), "\n", "\r\n")),
	}
	w.send(w.peer, string(r.Append(nil)))
}

// asked waits for the next request of a method.
func (w *world) asked(method string) *message.Message {
	w.t.Helper()
	for {
		if m := w.receive(); m.IsRequest() && m.Method == method {
			return m
		}
	}
}

// payload is that of the next packet.
func payload(t *testing.T, on *net.UDPConn) []byte {
	t.Helper()
	b := make([]byte, 2048)
	if err := on.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, err := on.Read(b)
	if err != nil || n < 12 || b[1]&0x7f != 8 {
		t.Fatalf("%d bytes, %v", n, err)
	}
	return b[12:n]
}

func TestWhoIsCalledFirstHearsRingbackAndThenTheOther(t *testing.T) {
	clips, err := prompt.Load(prompt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldWith(t, func(o *Options) { o.Prompts.Catalogue = clips })
	number, _ := binding.Plan{}.ParseX(x)
	rows, err := w.gateway.options.Bindings.Candidates(t.Context(), number, time.Now())
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d bindings, %v", len(rows), err)
	}
	edge, err := rows[0].CallFrom("a")
	if err != nil {
		t.Fatal(err)
	}
	type outcome struct {
		placed call.Placed
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		p, err := w.gateway.Place(t.Context(), Order{Binding: rows[0].ID, Edge: edge})
		done <- outcome{p, err}
	}()
	first := w.asked("INVITE")
	if got := <-done; got.err != nil || got.placed.End != "" || first.Target.User != alice || first.From.URI.User != x {
		t.Fatalf("%+v, and %s is called as by %s", got, first.Target.User, first.From.URI.User)
	} else if c, ok := w.gateway.Call(got.placed.ID); !ok || c.Record.Origin != cdr.OriginDial {
		t.Errorf("the call is not found by its id, or is %+v", c.Record)
	}
	ears := [2]*net.UDPConn{socket(t, "127.0.3.1"), socket(t, "127.0.3.1")}
	w.answer(first, "alice", ears[0])
	w.asked("ACK")
	second := w.asked("INVITE")
	if second.Target.User != bob || second.From.URI.User != x {
		t.Fatalf("%s is called as by %s", second.Target.User, second.From.URI.User)
	}
	ringback := clips.Clip(prompt.Ringback, "PCMA").Frames
	for i := range 3 {
		if got := payload(t, ears[0]); !bytes.Equal(got, ringback[i]) {
			t.Fatalf("the caller does not hear ringback: % x", got[:8])
		}
	}
	w.answer(second, "bob", ears[1])
	w.asked("ACK")
	d, err := sdp.Parse(second.Body)
	if err != nil {
		t.Fatal(err)
	}
	// He says one thing over and over, as if a packet each 20 ms.
	word := bytes.Repeat([]byte{0x11}, 160)
	over := make(chan struct{})
	defer close(over)
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for i := uint16(0); ; i++ {
			packet := append([]byte{0x80, 8, byte(i >> 8), byte(i), 0, 0, byte(i * 160 >> 8), byte(i * 160), 1, 2, 3, 4}, word...)
			_, _ = ears[1].WriteToUDP(packet, &net.UDPAddr{IP: d.Lines[0].Addr.AsSlice(), Port: int(d.Lines[0].Port)}) // who waits for it says so
			select {
			case <-tick.C:
			case <-over:
				return
			}
		}
	}()
	for heard := 0; heard < 3; { // what played until the answer is still in the socket
		switch got := payload(t, ears[0]); {
		case bytes.Equal(got, word):
			heard++
		case heard > 0:
			t.Fatal("ringback goes on beside the callee")
		}
	}
}
