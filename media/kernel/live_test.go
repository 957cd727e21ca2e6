package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"mask700/media/rebase"
)

// place is a network namespace.
type place int

// here is the namespace of the calling thread.
func here(t *testing.T) place {
	t.Helper()
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return place(fd)
}

// do runs a function in the namespace and waits for it.
func (p place) do(t *testing.T, f func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread is spoilt
		err := unix.Setns(int(p), unix.CLONE_NEWNET)
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// listen opens a UDP socket in the namespace.
func (p place) listen(t *testing.T, at netip.AddrPort) *net.UDPConn {
	t.Helper()
	var c *net.UDPConn
	var err error
	p.do(t, func() { c, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(at)) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// dial opens a connected one.
func (p place) dial(t *testing.T, from, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	var c *net.UDPConn
	var err error
	p.do(t, func() { c, err = net.DialUDP("udp", net.UDPAddrFromAddrPort(from), net.UDPAddrFromAddrPort(to)) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// honest makes an interface of the calling thread's namespace compute checksums
// itself, as the way to another host does.
func honest(t *testing.T, name string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	const setTxChecksum = 0x17 // ETHTOOL_STXCSUM
	value := [2]uint32{setTxChecksum, 0}
	var request struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}
	copy(request.name[:], name)
	request.data = unsafe.Pointer(&value)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
		t.Fatalf("checksums of %s: %v", name, errno)
	}
}

// hosts are a relay, here, and two peers, each on a wire of its own.
type hosts struct{ relay, a, b place }

func newHosts(t *testing.T) hosts {
	t.Helper()
	space(t)
	h := hosts{relay: here(t)}
	h.a = neighbour(t, "wire1", 1)
	h.b = neighbour(t, "wire2", 2)
	return h
}

// neighbour makes a host on the other end of a new interface of ours: 10.n.0.2
// and fd00:n::2 there, .1 and ::1 here.
func neighbour(t *testing.T, name string, n int) (p place) {
	t.Helper()
	thread, wired, done := make(chan int), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		space(t)
		p = here(t)
		thread <- unix.Gettid()
		<-wired
		honest(t, "eth")
		ip(t, fmt.Sprintf("addr add 10.%d.0.2/24 dev eth", n))
		ip(t, fmt.Sprintf("addr add fd00:%d::2/64 dev eth nodad", n))
		ip(t, "link set eth up")
		ip(t, fmt.Sprintf("route add default via 10.%d.0.1", n))
		ip(t, fmt.Sprintf("route add default via fd00:%d::1", n))
	}()
	ip(t, fmt.Sprintf("link add name %s type veth peer name eth netns %d", name, <-thread))
	honest(t, name)
	ip(t, fmt.Sprintf("addr add 10.%d.0.1/24 dev %s", n, name))
	ip(t, fmt.Sprintf("addr add fd00:%d::1/64 dev %s nodad", n, name))
	ip(t, "link set "+name+" up")
	close(wired)
	<-done
	return p
}

// lane is one direction as a relay has it: a stream, sockets, and now and then an
// entry in the kernel.
type lane struct {
	legs
	in, out *net.UDPConn // in is connected to the source, out to the destination

	mu     sync.Mutex // protects everything below
	stream *rebase.Stream
	flow   *Flow
	seen   Counters
	turns  int // how often the kernel took over
	closed bool
}

func newLane(t *testing.T, h hosts, l legs, n uint16) *lane {
	port := func(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr(), a.Port()+4*n) }
	l = legs{port(l.local), port(l.source), port(l.from), port(l.to)}
	return &lane{legs: l, in: h.relay.dial(t, l.local, l.source), out: h.relay.dial(t, l.from, l.to),
		stream: rebase.New(rebase.Initial{SSRC: ourSSRC, Seq: 100, Timestamp: 7})}
}

// drain relays what waits in the socket. The caller holds mu.
func (l *lane) drain(fd int, buf []byte) {
	for {
		n, err := unix.Read(fd, buf)
		if err != nil {
			return
		}
		l.take()
		if l.stream.Read(buf[:n], Monotonic(), table(8, 0)) == rebase.OK {
			_, _ = l.out.Write(l.stream.Write(buf[:n]))
		}
	}
}

// take adds what the kernel did. The caller holds mu.
func (l *lane) take() {
	if l.flow != nil {
		c := l.flow.Read()
		l.stream.TakeBack(l.seen.Carry, c.Carry)
		l.seen = c
	}
}

// relay does what a shard would, until the socket is closed: it asks for the
// kernel after every packet.
func (l *lane) relay(tb *Table) error {
	raw, err := l.in.SyscallConn()
	if err != nil {
		return err
	}
	var buf [2048]byte
	for {
		err := raw.Read(func(fd uintptr) bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			before := l.stream.Received.Packets()
			l.drain(int(fd), buf[:])
			if l.stream.Received.Packets() == before {
				return l.closed
			}
			l.offer(tb, int(fd), buf[:])
			return true
		})
		if err != nil || l.closed {
			return err
		}
	}
}

// offer puts an entry or confirms it. The caller holds mu.
func (l *lane) offer(tb *Table, fd int, buf []byte) {
	if l.flow == nil {
		offsets, _, ok := l.stream.Lend()
		if !ok {
			return
		}
		f, err := known(tb, Entry{Local: l.local, Source: l.source, From: l.from, To: l.to, Offsets: offsets, Types: types()})
		if err != nil {
			return
		}
		l.flow, l.seen = f, f.Read()
	}
	n := l.flow.Passed()
	l.drain(fd, buf)
	if !l.flow.Active() {
		_, carry, _ := l.stream.Lend()
		l.flow.Confirm(n, carry)
	}
}

// back takes a direction that the kernel has back into user space.
func (l *lane) back(least uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.flow == nil || l.flow.Read().Packets < least {
		return
	}
	c := l.flow.Remove()
	l.stream.TakeBack(l.seen.Carry, c.Carry)
	l.flow = nil
	l.turns++
}

func (l *lane) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.flow != nil {
		c := l.flow.Remove()
		l.stream.TakeBack(l.seen.Carry, c.Carry)
		l.flow = nil
		l.turns++
	}
	_ = l.in.Close()
	_ = l.out.Close()
}

// sent makes packet i of a source, and arrived checks what it became.
func sent(i int) []byte { return rtp(8, uint16(i), uint32(160*i), fmt.Sprintf("sound %6d", i)) }

func arrived(i int, b []byte) error {
	want := rtp(9, uint16(100+i), uint32(7+160*i), fmt.Sprintf("sound %6d", i))
	binary.BigEndian.PutUint32(want[8:], ourSSRC)
	if !bytes.Equal(b, want) {
		return fmt.Errorf("packet %d came as % x, want % x", i, b, want)
	}
	return nil
}

var live = map[string]legs{
	"IPv4": {netip.MustParseAddrPort("10.1.0.1:20000"), netip.MustParseAddrPort("10.1.0.2:4000"),
		netip.MustParseAddrPort("10.2.0.1:20002"), netip.MustParseAddrPort("10.2.0.2:6000")},
	"IPv6": {netip.MustParseAddrPort("[fd00:1::1]:20000"), netip.MustParseAddrPort("[fd00:1::2]:4000"),
		netip.MustParseAddrPort("[fd00:2::1]:20002"), netip.MustParseAddrPort("[fd00:2::2]:6000")},
	"one wire": {netip.MustParseAddrPort("10.1.0.1:20100"), netip.MustParseAddrPort("10.1.0.2:4100"),
		netip.MustParseAddrPort("10.1.0.1:20102"), netip.MustParseAddrPort("10.1.0.2:6100")},
	"lo": {netip.MustParseAddrPort("127.0.0.1:20000"), netip.MustParseAddrPort("127.0.0.2:4000"),
		netip.MustParseAddrPort("127.0.0.1:20002"), netip.MustParseAddrPort("127.0.0.3:6000")},
	"lo, IPv6": {netip.MustParseAddrPort("[::1]:20000"), netip.MustParseAddrPort("[::1]:4000"),
		netip.MustParseAddrPort("[::1]:20002"), netip.MustParseAddrPort("[::1]:6000")},
	"host's own address": {netip.MustParseAddrPort("10.1.0.1:20200"), netip.MustParseAddrPort("10.1.0.1:4200"),
		netip.MustParseAddrPort("10.1.0.1:20202"), netip.MustParseAddrPort("10.1.0.1:6200")},
	"lo to wire": {netip.MustParseAddrPort("127.0.0.1:20300"), netip.MustParseAddrPort("127.0.0.1:4300"),
		netip.MustParseAddrPort("10.2.0.1:20302"), netip.MustParseAddrPort("10.2.0.2:6300")},
	"wire to host": {netip.MustParseAddrPort("10.1.0.1:20400"), netip.MustParseAddrPort("10.1.0.2:4400"),
		netip.MustParseAddrPort("10.2.0.1:20402"), netip.MustParseAddrPort("10.2.0.1:6400")},
	"IPv6 wire to host": {netip.MustParseAddrPort("[fd00:1::1]:20400"), netip.MustParseAddrPort("[fd00:1::2]:4400"),
		netip.MustParseAddrPort("[fd00:2::1]:20402"), netip.MustParseAddrPort("[fd00:2::1]:6400")},
}

// at is where the peer of an address lives.
func (h hosts) at(a netip.AddrPort) place {
	switch a.Addr().String() {
	case "10.1.0.2", "fd00:1::2":
		return h.a
	case "10.2.0.2", "fd00:2::2":
		return h.b
	}
	return h.relay
}

// A direction goes back and forth between the paths while packets flow: all of
// them come, once, in order and right, and both paths' figures add up.
func TestNoPacketIsLostBetweenThePaths(t *testing.T) {
	h := newHosts(t)
	tb := open(t, Options{})
	const packets = 1500
	var wait sync.WaitGroup
	for name, legs := range live {
		l := newLane(t, h, legs, 0)
		source := h.at(l.source).dial(t, l.source, l.local)
		sink := h.at(l.to).listen(t, l.to)
		var loop sync.WaitGroup
		loop.Add(1)
		go func() {
			defer loop.Done()
			if err := l.relay(tb); err != nil && !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s: %v", name, err)
			}
		}()
		wait.Add(2)
		go func() {
			defer wait.Done()
			tick := time.NewTicker(1500 * time.Microsecond)
			defer tick.Stop()
			for i := range packets {
				<-tick.C
				if _, err := source.Write(sent(i)); err != nil {
					t.Errorf("%s: packet %d: %v", name, i, err)
					return
				}
				l.back(uint64(5 + i%20))
			}
		}()
		go func() {
			defer wait.Done()
			defer loop.Wait()
			defer l.end()
			var buf [2048]byte
			_ = sink.SetReadDeadline(time.Now().Add(30 * time.Second))
			for i := range packets {
				n, _, err := sink.ReadFromUDPAddrPort(buf[:])
				if err == nil {
					err = arrived(i, buf[:n])
				}
				if err != nil {
					t.Errorf("%s: packet %d: %v", name, i, err)
					return
				}
			}
		}()
		t.Cleanup(func() {
			if s := l.stream; s.Packets != packets || s.Received.Packets() != packets || s.Received.Lost() != 0 {
				t.Errorf("%s: %d written, %d received, %d lost", name, s.Packets, s.Received.Packets(), s.Received.Lost())
			}
			if l.turns < 10 {
				t.Errorf("%s: the kernel took over %d times", name, l.turns)
			}
			t.Logf("%s: %d turns", name, l.turns)
		})
	}
	wait.Wait()
}
