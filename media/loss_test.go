package media

import "testing"

// What the record says that was lost is of the whole call, of every source, and not what nobody had to send or was to hear:
// on the usual way, side by side, and by the kernel.
func TestLossIsOfWhatWasDue(t *testing.T) {
	lossIsOfWhatWasDue(t, newRelay(t, Options{}), nil)
}

func TestLanesCountLossOfWhatWasDue(t *testing.T) {
	lossIsOfWhatWasDue(t, inUserSpace(t, Options{}), riding)
}

func TestKernelCountsLossOfWhatWasDue(t *testing.T) {
	if alone(t) {
		lossIsOfWhatWasDue(t, newRelay(t, Options{}), active)
	}
}

func lossIsOfWhatWasDue(t *testing.T, r *Relay, on func(Session) int) {
	t.Helper()
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	if on == nil {
		s.Record(&taped{}) // a session with a tap goes the usual way
	}
	lost := uint64(0)
	is := func(when string) {
		t.Helper()
		if st := s.Stats(); st.AtoB.Lost != lost || st.BtoA.Lost != 0 {
			t.Errorf("%s: %d and %d lost, want %d and 0", when, st.AtoB.Lost, st.BtoA.Lost, lost)
		}
	}
	speak := func() {
		t.Helper()
		if on != nil {
			overTo(t, s, a, b, on)
		}
		for range 3 {
			converse(t, s, a, b)
		}
		a.seq++ // one is lost
		lost++
		converse(t, s, a, b)
	}
	speak()
	is("in the call")
	// All forms of a hold, by the phone that is not to be sent anything, and by the one that sends nothing.
	for _, hold := range []struct {
		name       string
		side       Side
		send, recv bool
	}{{"sendonly", B, true, false}, {"inactive", B, false, false}, {"recvonly", A, false, true}, {"no more of A", A, false, false}} {
		m := []*phone{a, b}[hold.side].remote()
		m.Send, m.Recv = hold.send, hold.recv
		s.SetRemote(hold.side, m)
		a.seq += 400 // as phones do that go on counting
		s.SetRemote(hold.side, []*phone{a, b}[hold.side].remote())
		converse(t, s, a, b)
		is("after " + hold.name)
		speak()
		is("after " + hold.name + " and more")
	}
	s.Pause(true)
	a.seq += 400
	s.Pause(false)
	speak()
	is("after a pause")

	end := make(ending, 1)
	if !s.Play(B, clip("PCMA", 2, true), end.done) {
		t.Fatal("not played")
	}
	muted := s.Stats().AtoB.Muted
	a.seq += 10 // nobody hears that these are missing
	send(t, a.rtp, a.frame("unheard"), at(s.Local(A)))
	eventually(t, "A is read", func() bool { return s.Stats().AtoB.Muted == muted+1 })
	a.seq += 300
	s.Play(B, nil, nil)
	end.wait(t)
	send(t, a.rtp, a.frame("over"), at(s.Local(A)))
	for string(b.hear().Payload) != "over" { // frames of the clip
	}
	speak()
	is("after a prompt")

	a.ssrc++ // another source, whose numbers are anywhere
	a.seq += 1000
	speak()
	is("after another source")
	a.seq += 20000 // the same one, begun anew
	speak()
	is("after one that began anew")
	if got := s.Close().AtoB; got.Lost != lost || got.MaxJitter < got.Jitter {
		t.Errorf("in the end %+v, want %d lost", got, lost)
	}
}
