package media

import (
	"fmt"
	"net/netip"
	"testing"
)

// unsendable are the ways in which a side cannot be sent to for a while.
var unsendable = map[string]struct {
	begin, end func(s Session, b *phone)
	over       bool // a whole clip begins over afterwards; otherwise it goes on
}{
	"hold": {func(s Session, b *phone) {
		held := b.remote()
		held.Recv = false
		s.SetRemote(B, held)
	}, func(s Session, b *phone) { s.SetRemote(B, b.remote()) }, true},
	"pause": {func(s Session, _ *phone) { s.Pause(true) }, func(s Session, _ *phone) { s.Pause(false) }, true},
	"the socket sends nothing there": {func(s Session, b *phone) {
		nowhere := b.remote()
		nowhere.RTP = netip.MustParseAddrPort("255.255.255.255:9") // a socket has to ask for broadcasts
		s.SetRemote(B, nowhere)
	}, func(s Session, b *phone) { s.SetRemote(B, b.remote()) }, false},
}

// cuts begins a clip of five frames to B, lets B hear the first and then keeps it from hearing more, for longer than the
// clip lasts.
func cuts(t *testing.T, begin func(Session, *phone), whole bool) (s Session, b *phone, end ending, frame func()) {
	t.Helper()
	c := newClock()
	r := newRelay(t, Options{Clock: Clock{Now: c.read}})
	frame = func() { c.advance(r, frameTime) }
	b = newPhone(t, "127.0.0.3")
	s, end = talk(t, r, newPhone(t, "127.0.0.2"), b), make(ending, 2)
	sound := clip("PCMA", 5, false)
	sound.Whole = whole
	if !s.Play(B, sound, end.done) {
		t.Fatal("not played")
	}
	frame()
	if got := string(b.hear().Payload); got != "frame 0" {
		t.Fatalf("heard %q", got)
	}
	begin(s, b)
	for range 10 {
		frame()
	}
	return s, b, end, frame
}

// TestAClipThatWasCutHasNotFinished: its time goes on while a side cannot be sent to, and the end says so.
func TestAClipThatWasCutHasNotFinished(t *testing.T) {
	for name, way := range unsendable {
		if _, _, end, _ := cuts(t, way.begin, false); end.wait(t) {
			t.Errorf("%s: said to have finished", name)
		}
	}
}

// TestAWholeClipIsHeardWhole: it waits while a side cannot be sent to, and then that side hears all of it.
func TestAWholeClipIsHeardWhole(t *testing.T) {
	for name, way := range unsendable {
		s, b, end, frame := cuts(t, way.begin, true)
		if len(end) != 0 {
			t.Fatalf("%s: ended while it waits", name)
		}
		way.end(s, b)
		for range 6 {
			frame()
		}
		if !end.wait(t) {
			t.Errorf("%s: said not to have finished", name)
		}
		next, over := 1, false
		for got := ""; got != "frame 4"; next++ {
			got = string(b.hear().Payload)
			if got == "frame 0" {
				next, over = 0, true
			}
			if want := fmt.Sprintf("frame %d", next); got != want {
				t.Fatalf("%s: heard %q, want %q", name, got, want)
			}
		}
		if over != way.over {
			t.Errorf("%s: begun over: %v", name, over)
		}
	}
}

// TestAWholeClipWaitsForItsBeginning: for as long as the session lasts.
func TestAWholeClipWaitsForItsBeginning(t *testing.T) {
	r := newRelay(t, Options{})
	b := newPhone(t, "127.0.0.3")
	s := talk(t, r, newPhone(t, "127.0.0.2"), b)
	hold := unsendable["hold"]
	whole := clip("PCMA", 2, false)
	whole.Whole = true
	for _, heard := range []bool{true, false} {
		hold.begin(s, b)
		end := make(ending, 2)
		if !s.Play(B, whole, end.done) {
			t.Fatal("not played to a side that is held")
		}
		if heard {
			hold.end(s, b)
		} else {
			s.Close()
		}
		if end.wait(t) != heard {
			t.Errorf("heard: %v, and the end says otherwise", heard)
		}
	}
}

// TestNothingElseCutsAWholeClip: another announcement is not played to that side meanwhile, but to the other one it is.
func TestNothingElseCutsAWholeClip(t *testing.T) {
	c := newClock()
	r := newRelay(t, Options{Clock: Clock{Now: c.read}})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	whole, other := clip("PCMA", 3, false), clip("PCMA", 2, false)
	whole.Whole = true
	end, ends := make(ending, 2), make(ending, 2)
	if !s.Play(B, whole, end.done) || s.Play(B, other, ends.done) || !s.Play(A, other, ends.done) {
		t.Fatal("another one was played in its place, or none to the other side")
	}
	for range 4 {
		c.advance(r, frameTime)
	}
	if !end.wait(t) || !ends.wait(t) || len(ends) != 0 {
		t.Error("it was cut, or the other one")
	}
	for i := range 3 {
		if got, want := string(b.hear().Payload), fmt.Sprintf("frame %d", i); got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
	}
	again := [2]bool{s.Play(B, whole, end.done), s.Play(B, whole, end.done)}
	if again != [2]bool{true, true} || end.wait(t) || !s.Play(B, nil, nil) || end.wait(t) {
		t.Error("another whole one does not take its place, or it cannot be stopped")
	}
	if !s.Play(B, other, ends.done) {
		t.Error("nothing is played afterwards")
	}
}
