package media

import "testing"

// What comes from a party that has said that it sends nothing, as who is on hold or has muted itself, is heard by nobody and not
// recorded, whatever the other party has agreed to: on the usual way, side by side, by the kernel.
func TestWhoSaysThatItSendsNothingIsNotHeard(t *testing.T) {
	whoSendsNothing(t, newRelay(t, Options{}), nil)
}

func TestLanesEndWhereNothingIsSent(t *testing.T) {
	whoSendsNothing(t, inUserSpace(t, Options{}), riding)
}

func TestKernelEndsWhereNothingIsSent(t *testing.T) {
	if alone(t) {
		whoSendsNothing(t, newRelay(t, Options{}), active)
	}
}

func whoSendsNothing(t *testing.T, r *Relay, on func(Session) int) {
	t.Helper()
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	var tape taped
	if on == nil {
		s.Record(&tape)
		converse(t, s, a, b)
	} else {
		overTo(t, s, a, b, on)
	}
	before, _ := converse(t, s, a, b)
	taped := len(tape.all())
	muted := uint64(0)
	for _, recv := range []bool{true, false} { // recvonly, inactive
		m := a.remote()
		m.Send, m.Recv = false, recv
		s.SetRemote(A, m)
		s.Settle(A)
		s.Settle(B)
		for range 2 * settledAfter {
			muted++
			send(t, a.rtp, a.frame("private"), at(s.Local(A)))
			eventually(t, "it is muted", func() bool { return s.Stats().AtoB.Muted == muted })
		}
		if on != nil && on(s) != 0 {
			t.Errorf("%d directions are on their way", on(s))
		}
	}
	silent(t, b)
	if got := tape.all(); len(got) != taped {
		t.Errorf("recorded %q", got[taped:])
	}
	s.SetRemote(A, a.remote())
	if after, _ := converse(t, s, a, b); after.SequenceNumber != before.SequenceNumber+1 {
		t.Errorf("the hold left a gap: %d after %d", after.SequenceNumber, before.SequenceNumber)
	}
}
