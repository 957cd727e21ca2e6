package media

import (
	"net/netip"
	"testing"
	"time"
)

// A voice from an address that signalling has not named is told of once, and again only
// when it moves on; one from where it was said to be is not.
func TestALearntSourceIsTold(t *testing.T) {
	type heard struct {
		side Side
		addr netip.Addr
	}
	told := make(chan heard, 10)
	c := newClock()
	r := newRelay(t, Options{Clock: Clock{Now: c.read}, OnSource: func(_ Session, side Side, a netip.Addr) { told <- heard{side, a} }})
	a, b, moved := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3"), newPhone(t, "127.0.0.77")
	s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one", LatchA: LatchSubnet, LatchB: LatchSubnet})
	if err != nil {
		t.Fatal(err)
	}
	s.SetRemote(A, a.remote())
	s.SetRemote(B, b.remote())
	s.Settle(A)
	s.Settle(B)
	send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
	b.hear()
	send(t, moved.rtp, moved.frame("voice"), at(s.Local(B)))
	a.hear() // from where nobody has said
	for range 3 {
		c.advance(r, time.Second)
	}
	select {
	case got := <-told:
		if want := (heard{B, netip.MustParseAddr("127.0.0.77")}); got != want {
			t.Errorf("told of %v, want %v", got, want)
		}
	default:
		t.Fatal("nobody was told")
	}
	select {
	case got := <-told:
		t.Errorf("told of %v too", got)
	default:
	}
}
