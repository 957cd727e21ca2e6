package media

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"mask700/media/mediatest"
)

// wired makes a host on a wire of its own: its addresses are .2 and .3 of a network in which ours is .1, and we are its
// router.
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
	for i, a := range []netip.Addr{ours, theirs, theirs.Next()} {
		if err := cable.Ends[min(i, 1)].Address(ctx, netip.PrefixFrom(a, 24)); err != nil {
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
// SSRC; another machine on a party's network; another phone on a party's machine. As soon as the policy tells them from the party,
// which is before the latch or once it has spoken, they get nothing and change nothing, on either path and after the end;
// and no port of ours answers whoever knocks.
func TestKernelAndUserSpaceAgainstAThirdHost(t *testing.T) {
	if !alone(t) {
		return
	}
	var w thirdHosts
	for i := range w.hosts {
		w.hosts[i], w.ours[i], w.theirs[i] = wired(t, i+1)
	}
	from := func(port uint16) []Pool {
		return []Pool{{Name: "one", Address: w.ours[0], Min: port, Max: port + 99}, {Name: "two", Address: w.ours[1], Min: port, Max: port + 99}}
	}
	kernel := newRelay(t, Options{Pools: from(15000)})
	user := inUserSpace(t, Options{Pools: from(16000)})
	for _, policy := range []struct {
		name  string
		latch Latching
		early int // how many of the strangers are told from the party before it has spoken
	}{{"subnet", LatchSubnet, 1}, {"strict", LatchStrict, 2}, {"off", LatchOff, 3}} {
		w.play(t, "the kernel, "+policy.name, kernel, policy.latch, policy.early, active)
		w.play(t, "user space, "+policy.name, user, policy.latch, policy.early, riding)
	}
	if n := user.Stats().AtoB.Kernel + user.Stats().BtoA.Kernel; n != 0 || kernel.Stats().AtoB.Kernel == 0 {
		t.Errorf("%d packets of user space by the kernel, and %d of the kernel's", n, kernel.Stats().AtoB.Kernel)
	}
}

// thirdHosts are the machines of two parties and of a stranger.
type thirdHosts struct {
	hosts        [3]*mediatest.Namespace
	ours, theirs [3]netip.Addr
}

func (w *thirdHosts) play(t *testing.T, name string, r *Relay, latch Latching, early int, on func(Session) int) {
	a, b := phoneOn(t, w.hosts[0], w.theirs[0], 0x11111111), phoneOn(t, w.hosts[1], w.theirs[1], 0x22222222)
	strangers := []*attacker{ // the farthest first
		{phoneOn(t, w.hosts[2], w.theirs[2], a.ssrc)}, {phoneOn(t, w.hosts[0], w.theirs[0].Next(), a.ssrc)}, {phoneOn(t, w.hosts[0], w.theirs[0], a.ssrc)},
	}
	s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "two", LatchA: latch, LatchB: latch})
	if err != nil {
		t.Fatal(err)
	}
	flow := func(side Side) Flow { return [2]Flow{s.Stats().AtoB, s.Stats().BtoA}[side] }
	refused := func(side Side) uint64 {
		return flow(side).Refused + flow(side).Invalid // from a party's machine what is no RTP is told to be that
	}
	attack := func(when string, strangers []*attacker) {
		t.Helper()
		for _, side := range []Side{A, B} {
			before, want := flow(side), refused(side)
			for _, x := range strangers {
				want += uint64(x.spray(s.Local(side), a.ssrc))
			}
			eventually(t, fmt.Sprintf("%s, %s: all is refused", name, when), func() bool { return refused(side) == want })
			after := flow(side)
			after.Refused, after.Invalid, after.Junk = before.Refused, before.Invalid, before.Junk
			if after != before {
				t.Errorf("%s, %s: %+v became %+v", name, when, before, after)
			}
		}
		for _, p := range []*phone{a, b, strangers[0].phone, strangers[len(strangers)-1].phone} {
			nothing(t, p.rtp, when)
			nothing(t, p.rtcp, when)
		}
	}
	s.SetRemote(A, a.remote())
	s.SetRemote(B, b.remote())
	attack("before the answer", strangers[:early])
	s.Settle(A)
	s.Settle(B)
	attack("before the latch", strangers[:early])
	converse(t, s, a, b)
	for side, p := range []*phone{a, b} {
		send(t, p.rtcp, report(t, p.ssrc), control(s.Local(Side(side))))
		eventually(t, name+": the report is read", func() bool { return flow(Side(side)).RTCP == 1 })
	}
	attack("once both have spoken", strangers)
	overTo(t, s, a, b, on)
	toB, toA := converse(t, s, a, b)
	attack("in the call", strangers)
	nextB, nextA := converse(t, s, a, b)
	if nextB.SequenceNumber != toB.SequenceNumber+1 || nextA.SequenceNumber != toA.SequenceNumber+1 || on(s) != 2 {
		t.Errorf("%s: %v after %v, %v after %v; %d directions", name, nextB.Header, toB.Header, nextA.Header, toA.Header, on(s))
	}
	// Who knocks at every port of ours is answered by none.
	knocks, before := strangers[0], refused(A)+refused(B)
	for _, pool := range r.options.Pools {
		for port := pool.Min; port <= pool.Max; port++ {
			send(t, knocks.rtp, knocks.frame("anybody?"), netip.AddrPortFrom(pool.Address, port))
		}
	}
	eventually(t, name+": four of them were open", func() bool { return refused(A)+refused(B) == before+4 })
	attack("after every port was tried", strangers)
	s.Close()
	for _, p := range []*phone{a, b} {
		decode(t, receive(t, p.rtcp)) // the goodbye, and nothing after it
	}
	send(t, a.rtp, a.frame("is anybody there?"), at(s.Local(A)))
	for _, x := range strangers {
		x.spray(s.Local(A), a.ssrc)
		x.spray(s.Local(B), a.ssrc)
	}
	for _, p := range []*phone{a, b, strangers[0].phone, strangers[1].phone, strangers[2].phone} {
		silent(t, p)
		nothing(t, p.rtcp, "after the end")
	}
}
