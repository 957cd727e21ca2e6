package socket

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

func at(host string, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(host), port)
}

// bound opens a socket on a port of the kernel's choice, asked for by its number,
// as a port that the kernel itself binds is let go of by Disconnect.
func bound(t *testing.T, host string) (UDP, netip.AddrPort) {
	t.Helper()
	for range 100 {
		u, err := Listen(at(host, 0), 46)
		if err != nil {
			t.Fatal(err)
		}
		where := localOf(t, u, host)
		u.Close()
		if u, err = Listen(where, 46); err == nil { // else someone else was quicker
			t.Cleanup(u.Close)
			return u, where
		}
	}
	t.Fatal("no port")
	return None, netip.AddrPort{}
}

func localOf(t *testing.T, u UDP, host string) netip.AddrPort {
	t.Helper()
	sa, err := unix.Getsockname(u.fd)
	if err != nil {
		t.Fatal(err)
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return at(host, uint16(sa.Port))
	case *unix.SockaddrInet6:
		return at(host, uint16(sa.Port))
	}
	t.Fatal("neither family")
	return netip.AddrPort{}
}

func must(t *testing.T, e unix.Errno) {
	t.Helper()
	if e != 0 {
		t.Fatal(e)
	}
}

func TestSendAndReceive(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		a, whereA := bound(t, host)
		b, whereB := bound(t, host)
		c, whereC := bound(t, host)
		buf := make([]byte, 100)
		if _, _, e := b.ReceiveFrom(buf); e != unix.EAGAIN {
			t.Errorf("%s: an empty socket gives %v", host, e)
		}
		must(t, a.SendTo([]byte("one"), whereB))
		n, src, e := b.ReceiveFrom(buf)
		if e != 0 || src != whereA || string(buf[:n]) != "one" {
			t.Errorf("%s: %q from %v, %v", host, buf[:n], src, e)
		}
		// Connected, it hears one alone; what was queued stays, and a guard hears the
		// rest.
		must(t, c.SendTo([]byte("queued"), whereB))
		guard, err := b.Guard(whereB)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Connect(whereA); err != nil {
			t.Fatal(err)
		}
		must(t, c.SendTo([]byte("stranger"), whereB))
		must(t, a.SendTo([]byte("two"), whereB))
		if n, src, e = b.ReceiveFrom(buf); e != 0 || src != whereC || string(buf[:n]) != "queued" {
			t.Errorf("%s: %q from %v, %v", host, buf[:n], src, e)
		}
		if n, e = b.Receive(buf); e != 0 || string(buf[:n]) != "two" {
			t.Errorf("%s: %q, %v", host, buf[:n], e)
		}
		if n, src, e = guard.ReceiveFrom(buf); e != 0 || src != whereC || string(buf[:n]) != "stranger" {
			t.Errorf("%s: the guard: %q from %v, %v", host, buf[:n], src, e)
		}
		must(t, b.Send([]byte("back")))
		if n, src, e = a.ReceiveFrom(buf); e != 0 || src != whereB || string(buf[:n]) != "back" {
			t.Errorf("%s: %q from %v, %v", host, buf[:n], src, e)
		}
		// Neither shares its port with a third.
		if third, err := Listen(whereB, 0); err == nil {
			third.Close()
			t.Errorf("%s: a third has the port", host)
		}
		if err := b.Disconnect(); err != nil {
			t.Fatal(err)
		}
		guard.Close()
		must(t, c.SendTo([]byte("three"), whereB))
		if n, src, e = b.ReceiveFrom(buf); e != 0 || src != whereC || string(buf[:n]) != "three" {
			t.Errorf("%s: disconnected: %q from %v, %v", host, buf[:n], src, e)
		}
	}
}

func TestTheOtherFamilyIsRefused(t *testing.T) {
	four, where4 := bound(t, "127.0.0.1")
	six, where6 := bound(t, "::1")
	if e := four.SendTo([]byte("x"), where6); e != unix.EAFNOSUPPORT {
		t.Errorf("to IPv6: %v", e)
	}
	if e := six.SendTo([]byte("x"), where4); e != unix.EAFNOSUPPORT {
		t.Errorf("to IPv4: %v", e)
	}
	if four.Connect(where6) == nil || six.Connect(where4) == nil {
		t.Error("connected to the other family")
	}
	if e := None.SendTo([]byte("x"), where4); e != unix.EBADF {
		t.Errorf("without a socket: %v", e)
	}
	None.Close() // harmless
}

// What we send tells nothing of whose packet it was.
func TestHeadersAreOurs(t *testing.T) {
	for host, o := range map[string]struct{ level, wantHops, hops, wantClass, class, discover, mode int }{
		"127.0.0.1": {unix.IPPROTO_IP, unix.IP_RECVTTL, unix.IP_TTL, unix.IP_RECVTOS, unix.IP_TOS, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT},
		"::1": {unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, unix.IPV6_HOPLIMIT, unix.IPV6_RECVTCLASS, unix.IPV6_TCLASS,
			unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_OMIT},
	} {
		from, _ := bound(t, host)
		to, where := bound(t, host)
		for _, name := range []int{o.wantHops, o.wantClass} {
			if err := unix.SetsockoptInt(to.fd, o.level, name, 1); err != nil {
				t.Fatal(err)
			}
		}
		must(t, from.SendTo([]byte("x"), where))
		control := make([]byte, 200)
		_, n, _, _, err := unix.Recvmsg(to.fd, make([]byte, 10), control, unix.MSG_DONTWAIT)
		if err != nil {
			t.Fatal(err)
		}
		messages, err := unix.ParseSocketControlMessage(control[:n])
		if err != nil {
			t.Fatal(err)
		}
		told := map[int]int{}
		for _, m := range messages {
			told[int(m.Header.Type)] = int(m.Data[0])
		}
		if told[o.hops] != Hops || told[o.class] != 46<<2 {
			t.Errorf("%s: %d hops, class %d", host, told[o.hops], told[o.class])
		}
		if mode, err := unix.GetsockoptInt(from.fd, o.level, o.discover); err != nil || mode != o.mode {
			t.Errorf("%s: MTU discovery %d, %v", host, mode, err)
		}
	}
}

// An ICMP error is told once.
func TestRefusedIsToldOnce(t *testing.T) {
	a, _ := bound(t, "127.0.0.1")
	_, where := bound(t, "127.0.0.9")
	where = at("127.0.0.10", where.Port()) // where nobody listens
	if err := a.Connect(where); err != nil {
		t.Fatal(err)
	}
	must(t, a.Send([]byte("x")))
	if _, e := a.Receive(make([]byte, 10)); e != unix.ECONNREFUSED {
		t.Errorf("got %v", e)
	}
	if _, e := a.Receive(make([]byte, 10)); e != unix.EAGAIN {
		t.Errorf("got %v", e)
	}
}

func TestOverrunIsCounted(t *testing.T) {
	a, _ := bound(t, "127.0.0.1")
	b, where := bound(t, "127.0.0.1")
	if b.Overrun() != 0 {
		t.Error("there was one before")
	}
	const sent = 3000
	for range sent {
		must(t, a.SendTo(make([]byte, 1000), where))
	}
	held, buf := uint64(0), make([]byte, 1000)
	for {
		if _, e := b.Receive(buf); e != 0 {
			break
		}
		held++
	}
	if held == 0 || held == sent || held+b.Overrun() != sent {
		t.Errorf("%d held, %d overrun", held, b.Overrun())
	}
}

func TestPoll(t *testing.T) {
	p, err := NewPoll(4)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var tags [4]uint64
	if n := p.Wait(tags[:], 0); n != 0 {
		t.Errorf("%d sockets in an empty poll", n)
	}
	if n := p.Wait(tags[:], time.Microsecond); n != 0 {
		t.Errorf("%d sockets in an empty poll", n)
	}
	from, _ := bound(t, "127.0.0.1")
	u, where := bound(t, "127.0.0.1")
	const tag = 7<<32 | 9
	if err := p.Add(u, tag); err != nil {
		t.Fatal(err)
	}
	if err := p.Add(None, 1); err == nil {
		t.Error("no socket was added")
	}
	must(t, from.SendTo([]byte("x"), where))
	for range 2 { // until it is read
		if n := p.Wait(tags[:], -1); n != 1 || tags[0] != tag {
			t.Errorf("%d, %x", n, tags[0])
		}
	}
	if _, e := u.Receive(make([]byte, 10)); e != 0 {
		t.Fatal(e)
	}
	// The bell ends a wait, and is heard once.
	done := make(chan int)
	go func() { done <- p.Wait(tags[:], -1) }()
	p.Ring()
	select {
	case n := <-done:
		if n != 0 {
			t.Errorf("%d sockets", n)
		}
	case <-time.After(patience):
		t.Fatal("the bell was not heard")
	}
	if n := p.Wait(tags[:], 0); n != 0 {
		t.Errorf("%d sockets", n)
	}
	// Without epoll_pwait2, too.
	p.coarse = true
	if n := p.Wait(tags[:], time.Microsecond); n != 0 {
		t.Errorf("%d sockets", n)
	}
	must(t, from.SendTo([]byte("x"), where))
	if n := p.Wait(tags[:], -1); n != 1 {
		t.Errorf("%d sockets", n)
	}
	v, err := Listen(at("127.0.0.1", 0), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Add(v, 8); err != nil {
		t.Fatal(err)
	}
	if _, e := u.Receive(make([]byte, 10)); e != 0 {
		t.Fatal(e)
	}
	must(t, from.SendTo([]byte("x"), localOf(t, v, "127.0.0.1")))
	v.Close() // takes it out
	if n := p.Wait(tags[:], 0); n != 0 {
		t.Errorf("%d sockets", n)
	}
}

func TestNothingAllocates(t *testing.T) {
	p, err := NewPoll(4)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	a, whereA := bound(t, "127.0.0.1")
	b, whereB := bound(t, "127.0.0.1")
	if err := b.Connect(whereA); err != nil {
		t.Fatal(err)
	}
	if err := p.Add(a, 1); err != nil {
		t.Fatal(err)
	}
	tags, buf := make([]uint64, 4), make([]byte, 100)
	if n := testing.AllocsPerRun(100, func() {
		if a.SendTo(buf, whereB) != 0 || b.Send(buf) != 0 || p.Wait(tags, time.Second) != 1 {
			t.Fatal("not sent")
		}
		if _, e := b.Receive(buf); e != 0 {
			t.Fatal(e)
		}
		if _, _, e := a.ReceiveFrom(buf); e != 0 {
			t.Fatal(e)
		}
		p.Wait(tags, time.Microsecond)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
