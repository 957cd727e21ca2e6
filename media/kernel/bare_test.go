package kernel

import (
	"bytes"
	"net/netip"
	"os"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"mask700/media/rebase"
)

// tunnel is an interface without a header of a link, of which the test is the other end: what it writes comes in, what
// goes out it reads. Here is 10.n.0.1 and fd00:n::1.
type tunnel struct{ *os.File }

func newTunnel(t *testing.T, name string, n string) tunnel {
	t.Helper()
	u := openTunnel(t, name, unix.IFF_TUN)
	ip(t, "addr add 10."+n+".0.1/24 dev "+name)
	ip(t, "addr add fd00:"+n+"::1/64 dev "+name+" nodad")
	ip(t, "link set "+name+" up")
	return u
}

// openTunnel makes a tun or a tap that has no address yet.
func openTunnel(t *testing.T, name string, mode uint16) tunnel {
	t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	var request struct {
		name  [unix.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:], name)
	request.flags = mode | unix.IFF_NO_PI
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TUNSETIFF, uintptr(unsafe.Pointer(&request))); errno != 0 {
		t.Fatalf("%s: %v", name, errno)
	}
	file := os.NewFile(uintptr(fd), name)
	t.Cleanup(func() { file.Close() })
	return tunnel{file}
}

// inject lets a frame come in, without its header of Ethernet.
func (u tunnel) inject(t *testing.T, f frame) {
	t.Helper()
	if _, err := u.Write(f.bytes()[ethernet:]); err != nil {
		t.Fatal(err)
	}
}

// next is what the next datagram of a direction carries that goes out; what the kernel sends by itself is none.
func (u tunnel) next(t *testing.T, l legs) []byte {
	t.Helper()
	_ = u.SetReadDeadline(time.Now().Add(10 * time.Second))
	b := make([]byte, 2048)
	for {
		n, err := u.Read(b)
		if err != nil {
			t.Fatalf("nothing to %s: %v", l.to, err)
		}
		size, hops := ipv6, b[7]
		if b[0]>>4 == 4 {
			size, hops = ipv4, b[8]
		}
		expect := frame{from: l.from, to: l.to, payload: b[min(n, size+udpSize):n]}.bytes()[ethernet:]
		if n != len(expect) || !bytes.Equal(b[size:size+4], expect[size:size+4]) {
			continue
		}
		if !sound(append(make([]byte, ethernet), b[:n]...)) || hops != 64 {
			t.Fatalf("a wrong checksum or hop limit: % x", b[:n])
		}
		return b[size+udpSize : n]
	}
}

// TestInterfacesWithoutALink: directions from and to tunnels are relayed in every combination with wires and this host,
// and a stranger's packets are dropped there too.
func TestInterfacesWithoutALink(t *testing.T) {
	h := newHosts(t)
	one, two := newTunnel(t, "bare1", "3"), newTunnel(t, "bare2", "4")
	tb := open(t, Options{})
	if tb.String() != "bare1, bare2, lo, wire1, wire2" {
		t.Fatalf("on %s", tb)
	}
	at := netip.MustParseAddrPort
	for name, l := range map[string]legs{
		"tunnel to wire, IPv4":   {at("10.3.0.1:20000"), at("10.3.0.2:4000"), at("10.1.0.1:20002"), at("10.1.0.2:6000")},
		"tunnel to wire, IPv6":   {at("[fd00:3::1]:20010"), at("[fd00:3::2]:4010"), at("[fd00:1::1]:20012"), at("[fd00:1::2]:6010")},
		"tunnel to tunnel, IPv4": {at("10.3.0.1:20020"), at("10.3.0.2:4020"), at("10.4.0.1:20022"), at("10.4.0.2:6020")},
		"tunnel to tunnel, IPv6": {at("[fd00:3::1]:20030"), at("[fd00:3::2]:4030"), at("[fd00:4::1]:20032"), at("[fd00:4::2]:6030")},
		"wire to tunnel, IPv4":   {at("10.1.0.1:20040"), at("10.1.0.2:4040"), at("10.4.0.1:20042"), at("10.4.0.2:6040")},
		"wire to tunnel, IPv6":   {at("[fd00:1::1]:20050"), at("[fd00:1::2]:4050"), at("[fd00:4::1]:20052"), at("[fd00:4::2]:6050")},
		"tunnel to host, IPv4":   {at("10.3.0.1:20060"), at("10.3.0.2:4060"), at("10.1.0.1:20062"), at("10.1.0.1:6060")},
		"tunnel to host, IPv6":   {at("[fd00:3::1]:20070"), at("[fd00:3::2]:4070"), at("[fd00:1::1]:20072"), at("[fd00:1::1]:6070")},
		"lo to tunnel":           {at("127.0.0.1:20080"), at("127.0.0.1:4080"), at("10.4.0.1:20082"), at("10.4.0.2:6080")},
	} {
		t.Log(name)
		s := begin(t, Monotonic())
		f := put(t, tb, l, s)
		_, carry, _ := s.Lend()
		f.Confirm(f.Passed(), carry)
		send := func(payload []byte, from netip.AddrPort) {
			in := l.frame(payload)
			in.from = from
			one.inject(t, in)
		}
		fromTunnel := l.local.Addr() == at("10.3.0.1:1").Addr() || l.local.Addr() == at("[fd00:3::1]:1").Addr()
		if !fromTunnel {
			c := h.at(l.source).dial(t, l.source, l.local)
			send = func(payload []byte, _ netip.AddrPort) {
				if _, err := c.Write(payload); err != nil {
					t.Fatal(err)
				}
			}
		}
		hear := func() []byte { return two.next(t, l) }
		if l.from.Addr() != at("10.4.0.1:1").Addr() && l.from.Addr() != at("[fd00:4::1]:1").Addr() {
			c := h.at(l.to).listen(t, l.to)
			hear = func() []byte {
				_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
				b := make([]byte, 2048)
				n, from, err := c.ReadFromUDPAddrPort(b)
				if err != nil || from.Port() != l.from.Port() || from.Addr().Unmap() != l.from.Addr() {
					t.Fatalf("%s: from %s, %v", name, from, err)
				}
				return b[:n]
			}
		}
		gap()
		for i := range 4 {
			b := rtp(8, uint16(65535+i), uint32(160*(5+i)), "sound")
			send(bytes.Clone(b), l.source)
			heard := hear()
			if s.Read(b, f.Read().Seen, table(8, 0)) != rebase.OK {
				t.Fatal("not read")
			}
			if want := s.Write(b); !bytes.Equal(heard, want) {
				t.Fatalf("%s: packet %d came as % x, want % x", name, i, heard, want)
			}
		}
		if c := f.Read(); c.Packets != 4 || c.Foreign != 0 || c.Failed != 0 {
			t.Errorf("%s: %+v", name, c)
		}
		if fromTunnel {
			send(rtp(8, 9, 9, "injected"), netip.AddrPortFrom(l.source.Addr(), l.source.Port()+1))
			until(t, name+": the stranger's packet is dropped", func() bool { return f.Read().Foreign == 1 })
		}
		f.Remove()
	}
}
