package gateway

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"mask700/sip/trunk"
)

func at(trunkIndex int, last byte) trunk.Learned {
	return trunk.Learned{Trunk: trunkIndex, Addr: netip.AddrFrom4([4]byte{192, 0, 2, last})}
}

// TestAddressesLinger: a call goes on at the address that it began at.
func TestAddressesLinger(t *testing.T) {
	var l learned
	now := time.Unix(1_000_000, 0)
	expect := func(what string, want ...trunk.Learned) {
		t.Helper()
		if got := l.addresses(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	l.set(now, 0, []trunk.Learned{at(0, 1), at(0, 2)})
	l.set(now, 1, []trunk.Learned{at(1, 1)})
	if _, ok := l.next(); ok {
		t.Error("something expires while all are in use")
	}
	l.set(now.Add(time.Minute), 0, []trunk.Learned{at(0, 3)})
	expect("after a move", at(0, 1), at(0, 2), at(1, 1), at(0, 3))
	l.set(now.Add(2*time.Minute), 0, []trunk.Learned{at(0, 3), at(0, 2)}) // back again
	next, ok := l.next()
	if !ok || next != now.Add(time.Minute+lingerTime) {
		t.Errorf("expires at %s, %t", next, ok)
	}
	if l.expire(next.Add(-1)) || !l.expire(next) {
		t.Error("not expired at its time")
	}
	expect("after an hour", at(0, 2), at(1, 1), at(0, 3))
	if l.expire(next.Add(24 * time.Hour)) {
		t.Error("an address in use has expired")
	}
}

// TestAddressesThatLingerAreBounded: names may change with every answer.
func TestAddressesThatLingerAreBounded(t *testing.T) {
	var l learned
	now := time.Unix(1_000_000, 0)
	l.set(now, 1, []trunk.Learned{at(1, 1)})
	for i := range 1000 {
		a := trunk.Learned{Addr: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})}
		l.set(now, 0, []trunk.Learned{a})
		if i == 999 && l.list[len(l.list)-1].Learned != a {
			t.Error("the one in use is not kept")
		}
	}
	if len(l.list) != lingerLimit+1 {
		t.Errorf("%d addresses are kept, want %d and the other trunk's", len(l.list), lingerLimit)
	}
	if l.list[0].Learned != at(1, 1) {
		t.Error("the other trunk's is not kept")
	}
}
