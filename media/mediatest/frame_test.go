package mediatest

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

func TestFrameIsRead(t *testing.T) {
	for _, to := range []string{"10.0.0.2:4000", "[fd00::2]:4000"} {
		at := netip.MustParseAddrPort(to)
		f, err := NewFrame(netip.AddrPortFrom(at.Addr().Prev(), 3000), at, Station, Station, 172)
		if err != nil {
			t.Fatal(err)
		}
		copy(f.Payload(), "hello")
		f.Seal()
		d, ok := parseFrame(f.bytes)
		if !ok || d.to != at || d.from.Port() != 3000 || d.from.Addr() != at.Addr().Prev() || !bytes.HasPrefix(d.payload, []byte("hello")) || len(d.payload) != 172 {
			t.Errorf("%s: %+v, %v", to, d, ok)
		}
		for n := range f.bytes {
			if _, ok := parseFrame(f.bytes[:n]); ok {
				t.Errorf("%s: the first %d bytes are a frame", to, n)
			}
		}
	}
	if _, err := NewFrame(netip.MustParseAddrPort("10.0.0.1:1"), netip.MustParseAddrPort("[fd00::2]:4000"), Station, Station, 1); err == nil {
		t.Error("a datagram from IPv4 to IPv6")
	}
}

// TestFrameReachesSocket has the kernel look at the checksums.
func TestFrameReachesSocket(t *testing.T) {
	ctx := context.Background()
	a, b := namespace(t), namespace(t)
	cable, err := NewCable(ctx, a, b)
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewWire(cable.Ends[0])
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, at := range []string{"10.0.0.1/24", "fd00::1/64"} {
		prefix := netip.MustParsePrefix(at)
		end := cable.Ends[1]
		if err := end.Address(ctx, prefix); err != nil {
			t.Fatal(err)
		}
		var socket *net.UDPConn
		err := b.Do(func() (err error) {
			socket, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(prefix.Addr(), 5000)))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		defer socket.Close()
		from := netip.AddrPortFrom(prefix.Addr().Next(), 6000)
		f, err := NewFrame(from, netip.AddrPortFrom(prefix.Addr(), 5000), Station, end.MAC, PacketSize)
		if err != nil {
			t.Fatal(err)
		}
		tally := newTally()
		s := NewStream(1, identity, tally)
		s.Write(f.Payload(), 1)
		f.Seal()
		var got [2000]byte
		var n int
		var src netip.AddrPort
		// Again and again: the cable may only just be coming up.
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
			w.put(f, s)
			w.flush(1)
			if err := socket.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if n, src, err = socket.ReadFromUDPAddrPort(got[:]); err == nil {
				break
			}
		}
		if err != nil || netip.AddrPortFrom(src.Addr().Unmap(), src.Port()) != from {
			t.Fatalf("%s: %v, from %s", at, err, src)
		}
		s.Read(got[:n], 2)
		if tally.Received != 1 || tally.Wrong() != 0 {
			t.Errorf("%s: %v", at, tally)
		}
	}
}

// namespace is a new one, which is let go of after the test.
func namespace(t *testing.T) *Namespace {
	t.Helper()
	n, err := NewNamespace()
	if errors.Is(err, ErrNoNamespace) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	if err := Up(context.Background(), n); err != nil {
		t.Fatal(err)
	}
	return n
}
