package kernel

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"
)

// context is the kernel's struct __sk_buff, as far as a run may set it.
type context struct {
	_       [10]uint32
	Ifindex uint32
	_       [30]uint32
	GSOSegs uint32
	_       [2]uint32
	GSOSize uint32
	_       [3]uint32
}

// runOn gives the program a packet that comes over an interface.
func runOn(t *testing.T, table *Table, name string, in []byte) uint32 {
	t.Helper()
	i, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	in = bytes.Clone(in)
	copy(in, i.HardwareAddr)
	verdict, err := table.objects.Relay.Run(&ebpf.RunOptions{Data: in, DataOut: make([]byte, len(in)+256), Context: context{Ifindex: uint32(i.Index)}})
	if err != nil {
		t.Fatal(err)
	}
	return verdict
}

// A neighbour on the wire says that it is a process of this host. The stack takes
// no such packet (RFC 1122 section 3.2.1.3), and neither does the program.
func TestAHostThatPretendsToBeThisOne(t *testing.T) {
	space(t)
	wire(t)
	tb := open(t, Options{})
	own := over4
	own.source = netip.AddrPortFrom(own.local.Addr(), 4000)
	own6 := over6
	own6.source = netip.AddrPortFrom(own6.local.Addr(), 4000)
	for name, l := range map[string]legs{"loopback": overLo, "an address of ours": own, "one of IPv6": own6} {
		f, _ := ready(t, tb, l)
		in := l.frame(rtp(8, 0, 960, "sound")).bytes()
		if verdict := runOn(t, tb, "wire", in); verdict != next || f.Read().Packets != 1 {
			t.Errorf("%s: over the wire: verdict %d, %+v", name, verdict, f.Read())
		}
		if verdict := runOn(t, tb, "lo", in); verdict == next || f.Read().Packets != 2 {
			t.Errorf("%s: over lo: verdict %d, %+v", name, verdict, f.Read())
		}
		f.Remove()
	}
	// Who is elsewhere comes from there.
	f, _ := ready(t, tb, over4)
	if verdict := runOn(t, tb, "wire", over4.frame(rtp(8, 0, 960, "sound")).bytes()); verdict != redirect || f.Read().Packets != 2 {
		t.Errorf("verdict %d, %+v", verdict, f.Read())
	}
}

// mapped is a frame of IPv6 with the IPv4 addresses of another inside.
func mapped(f frame) []byte {
	to6 := func(a netip.AddrPort) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr().As16()), a.Port())
	}
	f.from, f.to = to6(f.from), to6(f.to)
	return f.bytes()
}

// IPv4 addresses inside of IPv6 ones are never on a wire (RFC 4038 section 4.2).
func TestIPv4AddressesInsideOfIPv6(t *testing.T) {
	space(t)
	wire(t)
	tb := open(t, Options{})
	for _, l := range []legs{over4, overLo} {
		f, _ := ready(t, tb, l)
		stranger := l
		stranger.source = netip.AddrPortFrom(l.source.Addr(), l.source.Port()+1)
		for _, l := range []legs{l, stranger} {
			in := mapped(l.frame(rtp(8, 0, 960, "sound")))
			if verdict, out := run(t, tb, in); verdict != next || !bytes.Equal(in, out) {
				t.Errorf("verdict %d", verdict)
			}
		}
		if c := f.Read(); c.Packets != 1 || c.Foreign != 0 {
			t.Errorf("%+v", c)
		}
		f.Remove()
	}
}
