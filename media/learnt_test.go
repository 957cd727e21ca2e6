package media

import "testing"

// learntIsTakenOver: a phone that sends from another port than it told is relayed by a path as any other is, once that
// port is settled. A stranger gets nothing there; the port that was told takes its call back from the path, at once.
func learntIsTakenOver(t *testing.T, r *Relay, policy Latching, on func(Session) int) {
	t.Helper()
	told, a, b, x := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3"), newPhone(t, "127.0.0.2")
	near := newPhone(t, "127.0.0.9") // in the network of A
	x.ssrc, near.ssrc, told.ssrc = a.ssrc, a.ssrc, 0x77777777
	s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one", LatchA: policy, LatchB: policy})
	if err != nil {
		t.Fatal(err)
	}
	s.SetRemote(A, told.remote())
	s.SetRemote(B, b.remote())
	s.Settle(A)
	s.Settle(B)
	overTo(t, s, a, b, on)
	last, _ := converse(t, s, a, b)
	for n := uint64(1); n <= 4; n++ {
		from := []*phone{x, near}[n%2]
		send(t, from.rtp, from.frame("injected"), at(s.Local(A)))
		eventually(t, "the stranger is refused", func() bool { return s.Stats().AtoB.Refused == n })
	}
	next, _ := converse(t, s, a, b)
	if string(next.Payload) != "from a" || next.SequenceNumber != last.SequenceNumber+1 || on(s) != 2 {
		t.Errorf("heard %q, %v after %v; %d directions", next.Payload, next.Header, last.Header, on(s))
	}
	send(t, told.rtp, told.frame("mine"), at(s.Local(A)))
	if got := b.hear(); string(got.Payload) != "mine" || got.SSRC != last.SSRC || got.SequenceNumber != next.SequenceNumber+1 {
		t.Errorf("heard %q, %v after %v", got.Payload, got.Header, next.Header)
	}
	send(t, a.rtp, a.frame("still here"), at(s.Local(A)))
	eventually(t, "who had the call is refused", func() bool { return s.Stats().AtoB.Refused == 5 })
	overTo(t, s, told, b, on)
	silent(t, a)
	silent(t, x)
	silent(t, near)
}

// briefly is a relay whose sources settle soon.
const briefly = 1 // ns

func TestKernelTakesOverALearntPort(t *testing.T) {
	if !alone(t) {
		return
	}
	r := newRelay(t, Options{Window: briefly})
	for _, policy := range []Latching{LatchStrict, LatchSubnet} {
		learntIsTakenOver(t, r, policy, active)
	}
	if n := r.Stats().AtoB.Kernel; n == 0 {
		t.Error("no packet by the kernel")
	}
}

func TestLanesTakeOverALearntPort(t *testing.T) {
	r := inUserSpace(t, Options{Window: briefly})
	for _, policy := range []Latching{LatchStrict, LatchSubnet} {
		learntIsTakenOver(t, r, policy, riding)
	}
}
