package media

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"mask700/media/mediatest"
)

// wired makes a host on a wire of its own: its address is .2 of a network in which ours is .1, and we are its router.
func wired(t *testing.T, network int) (host *mediatest.Namespace, ours, theirs netip.Addr) {
	t.Helper()
	ctx := context.Background()
	ours = netip.AddrFrom4([4]byte{10, 81, byte(network), 1})
	theirs = ours.Next()
	here, err := mediatest.Here()
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	if host, err = mediatest.NewNamespace(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close() })
	cable, err := mediatest.NewCable(ctx, here, host)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range []netip.Addr{ours, theirs} {
		if err := cable.Ends[i].Address(ctx, netip.PrefixFrom(a, 24)); err != nil {
			t.Fatal(err)
		}
	}
	if err := cable.Ends[1].Route(ctx, netip.MustParsePrefix("0.0.0.0/0"), ours); err != nil {
		t.Fatal(err)
	}
	return host, ours, theirs
}

// phoneOn is a phone on a host.
func phoneOn(t *testing.T, host *mediatest.Namespace, at netip.Addr, ssrc uint32) *phone {
	t.Helper()
	p := &phone{t: t, ssrc: ssrc, seq: 1000, ts: 160000}
	err := host.Do(func() (err error) {
		for _, c := range []**net.UDPConn{&p.rtp, &p.rtcp} {
			if *c, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0))); err != nil {
				return err
			}
			t.Cleanup(func() { (*c).Close() })
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestKernelAndUserSpaceAgainstAThirdHost: a machine of its own, on a wire of its own, that knows every port and the
// SSRC, and another phone on a party's machine. Before the latch, on each path and after the end they get nothing and
// change nothing; and no port of ours answers whoever knocks.
func TestKernelAndUserSpaceAgainstAThirdHost(t *testing.T) {
	if !alone(t) {
		return
	}
	var hosts [3]*mediatest.Namespace
	var ours, theirs [3]netip.Addr
	for i := range hosts {
		hosts[i], ours[i], theirs[i] = wired(t, i+1)
	}
	from := func(port uint16) []Pool {
		return []Pool{{Name: "one", Address: ours[0], Min: port, Max: port + 99}, {Name: "two", Address: ours[1], Min: port, Max: port + 99}}
	}
	kernel := newRelay(t, Options{Pools: from(15000)})
	user := inUserSpace(t, Options{Pools: from(16000)})
	for _, path := range []struct {
		name  string
		relay *Relay
		on    func(Session) int
	}{{"the kernel", kernel, active}, {"user space", user, riding}} {
		a, b := phoneOn(t, hosts[0], theirs[0], 0x11111111), phoneOn(t, hosts[1], theirs[1], 0x22222222)
		strangers := []*attacker{{phoneOn(t, hosts[2], theirs[2], a.ssrc)}, {phoneOn(t, hosts[0], theirs[0], a.ssrc)}}
		s, err := path.relay.Open(OpenSpec{PoolA: "one", PoolB: "two", LatchA: LatchOff, LatchB: LatchOff})
		if err != nil {
			t.Fatal(err)
		}
		refused := func(side Side) uint64 {
			f := [2]Flow{s.Stats().AtoB, s.Stats().BtoA}[side]
			return f.Refused + f.Invalid // from a party's machine what is no RTP is told to be that
		}
		attack := func(when string) {
			t.Helper()
			for _, side := range []Side{A, B} {
				want := refused(side)
				for _, x := range strangers {
					want += uint64(x.spray(s.Local(side), a.ssrc))
				}
				eventually(t, fmt.Sprintf("%s, %s: all is refused", path.name, when), func() bool { return refused(side) == want })
			}
			for _, p := range []*phone{a, b, strangers[0].phone, strangers[1].phone} {
				nothing(t, p.rtp, when)
				nothing(t, p.rtcp, when)
			}
		}
		s.SetRemote(A, a.remote())
		s.SetRemote(B, b.remote())
		attack("before the answer")
		s.Settle(A)
		s.Settle(B)
		attack("before the latch")
		overTo(t, s, a, b, path.on)
		toB, toA := converse(t, s, a, b)
		attack("in the call")
		nextB, nextA := converse(t, s, a, b)
		if nextB.SequenceNumber != toB.SequenceNumber+1 || nextA.SequenceNumber != toA.SequenceNumber+1 || path.on(s) != 2 {
			t.Errorf("%s: %v after %v, %v after %v; %d directions", path.name, nextB.Header, toB.Header, nextA.Header, toA.Header, path.on(s))
		}
		// Who knocks at every port of ours is answered by none.
		knocks, before := strangers[0], refused(A)+refused(B)
		for _, pool := range path.relay.options.Pools {
			for port := pool.Min; port <= pool.Max; port++ {
				send(t, knocks.rtp, knocks.frame("anybody?"), netip.AddrPortFrom(pool.Address, port))
			}
		}
		eventually(t, path.name+": four of them were open", func() bool { return refused(A)+refused(B) == before+4 })
		attack("after every port was tried")
		s.Close()
		for _, p := range []*phone{a, b} {
			decode(t, receive(t, p.rtcp)) // the goodbye, and nothing after it
		}
		send(t, a.rtp, a.frame("is anybody there?"), at(s.Local(A)))
		for _, x := range strangers {
			x.spray(s.Local(A), a.ssrc)
			x.spray(s.Local(B), a.ssrc)
		}
		for _, p := range []*phone{a, b, strangers[0].phone, strangers[1].phone} {
			silent(t, p)
			nothing(t, p.rtcp, "after the end")
		}
	}
	if n := user.Stats().AtoB.Kernel + user.Stats().BtoA.Kernel; n != 0 || kernel.Stats().AtoB.Kernel == 0 {
		t.Errorf("%d packets of user space by the kernel, and %d of the kernel's", n, kernel.Stats().AtoB.Kernel)
	}
}
