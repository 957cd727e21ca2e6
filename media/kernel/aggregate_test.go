package kernel

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// Several packets in one (GSO, GRO) have one header that the program would rewrite:
// the rest would go on with what the one side wrote. An aggregate that another
// machine made, as a guest of a virtual one gets them, does not say how many it is.
func TestAggregatesGoUp(t *testing.T) {
	space(t)
	wire(t)
	tb := open(t, Options{})
	for _, l := range []legs{over4, over6, overLo} {
		f, _ := ready(t, tb, l)
		one := rtp(8, 0, 960, "sound")
		in := l.frame(append(bytes.Clone(one), rtp(8, 1, 1120, "sound")...)).bytes()
		for _, segments := range []uint32{0, 1, 2} {
			c := context{GSOSegs: segments, GSOSize: uint32(len(one))}
			if l == overLo {
				c.Ifindex = loopback
			}
			out := make([]byte, len(in)+256)
			o := &ebpf.RunOptions{Data: in, DataOut: out, Context: c}
			verdict, err := tb.objects.Relay.Run(o)
			if err != nil {
				t.Fatal(err)
			}
			if verdict != next || !bytes.Equal(o.DataOut, in) || f.Read().Packets != 1 {
				t.Errorf("%v, %d segments: verdict %d, %+v", l.local, segments, verdict, f.Read())
			}
		}
		f.Remove()
	}
}

// A process that sends several packets at once has each of them come to the socket,
// and none to the other side as it was written.
func TestASenderOfAggregates(t *testing.T) {
	space(t)
	tb := open(t, Options{})
	h := here(t)
	f, _ := ready(t, tb, overLo)
	source := h.dial(t, overLo.source, overLo.local)
	own, sink := h.listen(t, overLo.local), h.listen(t, overLo.to)
	hear := func(c *net.UDPConn) []byte {
		t.Helper()
		b := make([]byte, 2048)
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return b[:n]
	}
	first, second := rtp(8, 0, 960, "sound"), rtp(8, 1, 1120, "sound")
	raw, err := source.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	segment := func(size int) {
		t.Helper()
		var errno error
		if err := raw.Control(func(fd uintptr) { errno = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, size) }); err != nil || errno != nil {
			t.Fatal(err, errno)
		}
	}
	segment(len(first))
	if _, err := source.Write(append(bytes.Clone(first), second...)); err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]byte{first, second} {
		if got := hear(own); !bytes.Equal(got, want) {
			t.Errorf("packet %d came up as % x", i, got)
		}
	}
	if c := f.Read(); c.Packets != 1 {
		t.Errorf("%+v", c)
	}
	segment(0)
	if _, err := source.Write(first); err != nil {
		t.Fatal(err)
	}
	if got := hear(sink); len(got) != len(first) || bytes.Equal(got, first) {
		t.Errorf("alone it came as % x", got)
	}
}

// A packet of another VLAN is not ours, whatever is in it.
func TestAnotherVLAN(t *testing.T) {
	space(t)
	wire(t)
	// One processor handles what is sent in the order in which it was sent.
	var one, all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		t.Fatal(err)
	}
	for i := range 1024 {
		if all.IsSet(i) {
			one.Set(i)
			break
		}
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		t.Fatal(err)
	}
	tb := open(t, Options{})
	until(t, "the interface", func() bool { return tb.String() == "lo, wire" })
	ours, err := net.InterfaceByName("wire")
	if err != nil {
		t.Fatal(err)
	}
	far, err := net.InterfaceByName("far")
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	say := func(b []byte) {
		t.Helper()
		copy(b, ours.HardwareAddr)
		copy(b[6:], far.HardwareAddr)
		if err := unix.Sendto(fd, b, 0, &unix.SockaddrLinklayer{Ifindex: far.Index}); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range []legs{over4, over6} {
		f, _ := ready(t, tb, l)
		stranger := l
		stranger.source = over4.source
		if l == over6 {
			stranger.source = over6.to
		}
		good := l.frame(rtp(8, 0, 960, "sound")).bytes()
		for _, tag := range [][]byte{{0x81, 0, 0, 7}, {0x81, 0, 0xe0, 7}, {0x88, 0xa8, 0, 7}, {0x81, 0, 0, 7, 0x81, 0, 0, 8}, {0x81, 0, 0, 0}} {
			for _, b := range [][]byte{good, stranger.frame(rtp(8, 0, 960, "sound")).bytes()} {
				tagged := append(bytes.Clone(b[:12]), tag...)
				say(append(tagged, b[12:]...))
			}
		}
		say(good)
		until(t, "the one without a tag", func() bool { return f.Read().Packets >= 2 })
		if c := f.Read(); c.Packets != 2 || c.Foreign != 0 {
			t.Errorf("%v: %+v", l.local, c)
		}
		f.Remove()
	}
}
