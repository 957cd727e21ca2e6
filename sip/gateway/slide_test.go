package gateway

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/bindingtest"
	"mask700/binding/cdr"
	"mask700/sip/call"
	"mask700/sip/message"
)

// answered lets alice call x and bob pick up, and returns what ends the dialog
// from her side.
func (w *world) answered(callID string) (bye string) {
	w.t.Helper()
	w.send(w.peer, w.request("INVITE", callID, alice, x, offer))
	var invite *message.Message
	for invite == nil {
		if m := w.receive(); m.IsRequest() && m.Method == "INVITE" {
			invite = m
		}
	}
	ok := message.Response{Echo: invite.Echo(w.gateway.Addr(0)), Status: 200, ToTag: "bob", ContentType: "application/sdp",
		Contact: "<sip:" + w.peer.LocalAddr().String() + ">", Body: []byte(strings.ReplaceAll(offer, "\n", "\r\n"))}
	w.send(w.peer, string(ok.Append(nil)))
	final := w.expect(200, "INVITE")
	within := func(method, seq string) string {
		r := strings.Replace(w.request(method, callID, alice, x, ""), "To: <sip:"+x+"@gateway>", "To: <sip:"+x+"@gateway>;tag="+final.To.Tag, 1)
		r = strings.Replace(r, "sip:"+x+"@gateway SIP", final.Contact.Text()+" SIP", 1)
		return strings.Replace(r, "CSeq: 1 ", "CSeq: "+seq+" ", 1)
	}
	w.send(w.peer, within("ACK", "1"))
	return within("BYE", "2")
}

// TestSlidingBindingIsToldOfItsCalls: when one is answered and when it is over, and of none that nobody answers.
func TestSlidingBindingIsToldOfItsCalls(t *testing.T) {
	now := time.Now()
	s := &bindingtest.Store{}
	service := binding.Service{Store: s, Now: func() time.Time { return now }}
	if _, err := service.AddBlock(t.Context(), "70010000001"); err != nil {
		t.Fatal(err)
	}
	b, err := service.Create(t.Context(), binding.Request{Mode: "axb", A: alice, B: bob, X: x, Order: "T-1", Sliding: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan error, 8)
	w := newWorldWith(t, func(o *Options) {
		o.Bindings = s
		o.Slide = func(ctx context.Context, id string) error {
			if id != b.ID {
				told <- errors.New("of another binding: " + id)
				return nil
			}
			now = now.Add(10 * time.Minute)
			told <- service.Slide(ctx, id)
			return errors.New("heard")
		}
	})
	w.send(w.peer, w.request("INVITE", "refused", bob, "700100000010008", offer))
	w.expect(404, "INVITE")
	bye := w.answered("call")
	heard := func(when string) {
		t.Helper()
		select {
		case err := <-told:
			if err != nil {
				t.Errorf("%s: %v", when, err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: nobody was told", when)
		}
	}
	heard("answered")
	w.send(w.peer, bye)
	w.expect(200, "BYE")
	heard("over")
	got, err := s.Binding(t.Context(), b.ID)
	if err != nil || !got.ExpiresAt.Equal(b.ExpiresAt.Add(20*time.Minute)) || len(told) != 0 {
		t.Errorf("it expires %v after it did, %d more told: %v", got.ExpiresAt.Sub(b.ExpiresAt), len(told), err)
	}
}

func TestSlidesThatFindNoRoomAreDropped(t *testing.T) {
	s := newSlides(func(context.Context, string) error { return nil }, nil)
	for range slideLimit + 1 {
		s.put("a")
	}
	if n := len(s.box.take()); n != slideLimit {
		t.Errorf("%d wait, want %d", n, slideLimit)
	}
	none := newSlides(nil, nil)
	if none.put("a"); len(none.box.take()) != 0 {
		t.Error("nobody is to be told, and it waits")
	}
}

// TestHardUnbindEndsTheCalls: both legs are released, the record says why, and a lookup that was made before the end lets
// nobody through after it.
func TestHardUnbindEndsTheCalls(t *testing.T) {
	w := newWorld(t)
	w.answered("call")
	calls := w.gateway.Calls()
	if len(calls) != 1 {
		t.Fatalf("calls: %+v", calls)
	}
	id := calls[0].Record.Binding
	if n := w.gateway.HangUpBinding("another"); n != 0 {
		t.Errorf("%d calls of another binding", n)
	}
	if n := w.gateway.HangUpBinding(id); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
	for legs := 0; legs < 2; {
		if m := w.receive(); m.IsRequest() && m.Method == "BYE" {
			legs++
		}
	}
	if r := w.journal.Closed(); len(r) != 1 || r[0].End != cdr.EndUnbound || r[0].ReleasedBy != cdr.ByPlatform {
		t.Errorf("records: %+v", r)
	}
	w.send(w.peer, w.request("INVITE", "late", alice, x, offer)) // the store still has it, as a lookup before the end would
	w.expect(404, "INVITE")
}

func TestGoneIsForgotten(t *testing.T) {
	var g gone
	now := time.Unix(1000, 0)
	ev := call.Decided{Decision: binding.Decision{Binding: &binding.Binding{ID: "a"}}}
	g.add("a", now)
	if d := g.checked(ev, now.Add(time.Second)).(call.Decided); d.Decision.Refusal != binding.RefusalNoBinding || d.Decision.Binding != nil {
		t.Errorf("let through: %+v", d)
	}
	if d := g.checked(ev, now.Add(goneTime+1)).(call.Decided); d.Decision.Refusal != "" {
		t.Errorf("refused for ever: %+v", d)
	}
	if g.add("b", now.Add(goneTime+1)); len(g) != 1 {
		t.Errorf("%d are remembered", len(g))
	}
}
