package kernel

import (
	"bytes"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mask700/media/rebase"
)

// TestInterfacesOfEveryKind: directions are relayed from each kind of interface that carries frames to each other, over
// IPv4 and IPv6: a bridge with a port, a macvlan beside its parent, VXLAN over a wire.
func TestInterfacesOfEveryKind(t *testing.T) {
	h := newHosts(t)
	far := neighbour(t, "wire3", 3)
	move := func(from, to, network string) {
		ip(t, "addr flush dev "+from)
		ip(t, "addr add 10."+network+".0.1/24 dev "+to)
		ip(t, "addr add fd00:"+network+"::1/64 dev "+to+" nodad")
		ip(t, "link set "+to+" up")
	}
	ip(t, "link add bridge0 type bridge")
	ip(t, "link set wire1 master bridge0")
	move("wire1", "bridge0", "1")
	ip(t, "link add name macvlan0 link wire2 type macvlan mode private")
	move("wire2", "macvlan0", "2")
	tunnel := func(here, there string) {
		ip(t, "link add vxlan0 type vxlan id 700 local 10.3.0."+here+" remote 10.3.0."+there+" dstport 4789")
		ip(t, "addr add 10.4.0."+here+"/24 dev vxlan0")
		ip(t, "addr add fd00:4::"+here+"/64 dev vxlan0 nodad")
		ip(t, "link set vxlan0 up")
	}
	tunnel("1", "2")
	far.do(t, func() { tunnel("2", "1") })
	tb := open(t, Options{})
	if tb.String() != "bridge0, lo, macvlan0, vxlan0, wire3" || tb.Aside() != "" {
		t.Fatalf("on %s, not on %s", tb, tb.Aside())
	}
	kinds := []struct {
		name, four, six string
		peer            place
	}{{"bridge", "10.1.0.", "fd00:1::", h.a}, {"macvlan", "10.2.0.", "fd00:2::", h.b}, {"vxlan", "10.4.0.", "fd00:4::", far}}
	port := uint16(20000)
	for i, in := range kinds {
		for j, out := range kinds {
			if i == j {
				continue
			}
			for _, nets := range [][2]string{{in.four, out.four}, {in.six, out.six}} {
				at := func(network, host string, port uint16) netip.AddrPort {
					return netip.AddrPortFrom(netip.MustParseAddr(network+host), port)
				}
				port += 4
				l := legs{local: at(nets[0], "1", port), source: at(nets[0], "2", port+2), from: at(nets[1], "1", port+2), to: at(nets[1], "2", port)}
				overKinds(t, tb, in.name+" to "+out.name, l, in.peer, out.peer)
			}
		}
	}
}

// overKinds sends four packets of a direction that the kernel has, from a peer to another.
func overKinds(t *testing.T, tb *Table, name string, l legs, a, b place) {
	t.Helper()
	s := begin(t, Monotonic())
	f := put(t, tb, l, s)
	defer f.Remove()
	_, carry, _ := s.Lend()
	f.Confirm(f.Passed(), carry)
	in, out := a.dial(t, l.source, l.local), b.listen(t, l.to)
	gap()
	for i := range 4 {
		p := rtp(8, uint16(65535+i), uint32(160*(5+i)), "sound")
		if _, err := in.Write(bytes.Clone(p)); err != nil {
			t.Fatal(err)
		}
		_ = out.SetReadDeadline(time.Now().Add(10 * time.Second))
		heard := make([]byte, 2048)
		n, from, err := out.ReadFromUDPAddrPort(heard)
		if err != nil || from.Port() != l.from.Port() || from.Addr().Unmap() != l.from.Addr() {
			t.Fatalf("%s, %v: from %s, %v; %+v", name, l, from, err, f.Read())
		}
		if s.Read(p, f.Read().Seen, table(8, 0)) != rebase.OK {
			t.Fatal("not read")
		}
		if want := s.Write(p); !bytes.Equal(heard[:n], want) {
			t.Fatalf("%s: packet %d came as % x, want % x", name, i, heard[:n], want)
		}
	}
	if c := f.Read(); c.Packets != 4 || c.Foreign != 0 || c.Failed != 0 {
		t.Errorf("%s: %+v", name, c)
	}
}

// TestEveryInterfaceIsServedOrNamed: of each kind that this kernel can make or that a tun can be taken for, the program is
// on the interface, or Aside names it with its kind.
func TestEveryInterfaceIsServedOrNamed(t *testing.T) {
	space(t)
	wire(t)
	served := map[string]bool{}
	for name, link := range map[string]struct {
		add    string
		served bool
	}{
		"dummy1": {"type dummy", true}, "vlan1": {"link wire type vlan id 7", true}, "bridge1": {"type bridge", true},
		"bond1": {"type bond", true}, "macvlan1": {"link wire type macvlan", true}, "ipvlan1": {"link wire type ipvlan", true},
		"vxlan1": {"type vxlan id 7 local 192.0.2.1 remote 192.0.2.2 dstport 4789", true}, "geneve1": {"type geneve id 7 remote 192.0.2.2", true},
		"gretap1": {"type gretap local 192.0.2.1 remote 192.0.2.3", true}, "wg1": {"type wireguard", true},
		"gre1": {"type gre local 192.0.2.1 remote 192.0.2.2", false}, "ipip1": {"type ipip local 192.0.2.1 remote 192.0.2.2", false},
		"sit1": {"type sit local 192.0.2.1 remote 192.0.2.2", false}, "ip6tnl1": {"type ip6tnl local 2001:db8::1 remote 2001:db8::2", false},
		"ip6gre1": {"type ip6gre local 2001:db8::1 remote 2001:db8::2", false}, "vti1": {"type vti local 192.0.2.1 remote 192.0.2.2", false},
	} {
		if out, err := exec.Command("ip", strings.Fields("link add name "+name+" "+link.add)...).CombinedOutput(); err != nil {
			t.Logf("this kernel makes no %s: %s", name, bytes.TrimSpace(out))
			continue
		}
		served[name] = link.served
	}
	for name, link := range map[string]struct {
		hardware int
		served   bool
	}{
		"as-ppp": {unix.ARPHRD_PPP, true}, "as-wireguard": {unix.ARPHRD_NONE, true}, "as-modem": {unix.ARPHRD_RAWIP, true},
		"as-gre": {unix.ARPHRD_IPGRE, false}, "as-ipip": {unix.ARPHRD_TUNNEL, false}, "as-sit": {unix.ARPHRD_SIT, false},
		"as-ip6tnl": {unix.ARPHRD_TUNNEL6, false}, "as-ip6gre": {unix.ARPHRD_IP6GRE, false},
	} {
		u := newTunnel(t, name, "9")
		ip(t, "link set "+name+" down")
		ip(t, "addr flush dev "+name)
		if err := unix.IoctlSetInt(int(u.Fd()), unix.TUNSETLINK, link.hardware); err != nil {
			t.Fatal(err)
		}
		served[name] = link.served
	}
	n := 0
	for name := range served {
		n++
		ip(t, fmt.Sprintf("addr add 198.18.%d.1/24 dev %s", n, name))
		ip(t, "link set "+name+" up")
	}
	tb := open(t, Options{})
	on, aside := ", "+tb.String()+",", ", "+tb.Aside()
	for name, want := range served {
		if strings.Contains(on, ", "+name+",") != want || strings.Contains(aside, ", "+name+" (") == want {
			t.Errorf("%s: served %t; on %s, not on %s", name, want, tb, tb.Aside())
		}
	}
	if !strings.Contains(aside, "as-gre (tun)") {
		t.Errorf("no kind in %s", aside)
	}
	t.Logf("on %s; not on %s", tb, tb.Aside())
	ip(t, "link set as-gre down")
	until(t, "what is down is not named", func() bool { return !strings.Contains(tb.Aside(), "as-gre") })
}
