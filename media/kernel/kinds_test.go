package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mask700/media/rebase"
)

// kind is a kind of interface that carries frames, and how one is made over a wire: by iproute2, at both ends of it or
// only here.
type kind struct {
	name   string
	needed bool // the kernels that this project is tested on have it; another kind is tried where there is one
	here   bool // its other end is the plain wire
	lines  []string
}

// kinds are all that are tried. WireGuard and ppp, which carry no frames, want keys and a daemon: a tun that passes for
// one stands for them below.
var kinds = []kind{
	{name: "veth", needed: true},
	{name: "tap", needed: true}, // of a virtual machine: the test is the wire between the two
	{name: "bridge", needed: true, here: true, lines: []string{"link add name bridge type bridge", "link set WIRE master bridge"}},
	{name: "macvlan", needed: true, lines: []string{"link add name macvlan link WIRE type macvlan mode private"}},
	{name: "vxlan", needed: true, lines: []string{"link add name vxlan type vxlan id 700 local OURS remote THEIRS dstport 4789"}},
	{name: "vlan", lines: []string{"link add name vlan link WIRE type vlan id 7"}},
	{name: "qinq", lines: []string{"link add name outer link WIRE type vlan proto 802.1ad id 8", "link set outer up", "link add name qinq link outer type vlan id 7"}},
	{name: "bond", here: true, lines: []string{"link add name bond type bond mode active-backup", "link set WIRE down", "link set WIRE master bond"}},
	{name: "ipvlan", lines: []string{"link add name ipvlan link WIRE type ipvlan mode l2"}},
	{name: "geneve", lines: []string{"link add name geneve type geneve id 700 remote THEIRS"}},
	{name: "gretap", lines: []string{"link add name gretap type gretap local OURS remote THEIRS"}},
}

// on is the interface that has the addresses of wire n, here and on its other end, where everything could be made.
func (k kind) on(t *testing.T, n int, far place) (here, there string, err error) {
	t.Helper()
	wire := fmt.Sprintf("wire%d", n)
	here, there = k.name, k.name
	build := func(wire, ours, theirs string) (err error) {
		for _, l := range k.lines {
			err = errors.Join(err, try(strings.NewReplacer("WIRE", wire, "OURS", ours, "THEIRS", theirs).Replace(l)))
		}
		return err
	}
	ours, theirs := fmt.Sprintf("10.%d.0.1", n), fmt.Sprintf("10.%d.0.2", n)
	switch {
	case k.name == "tap":
		taps := [2]tunnel{newTap(t)}
		far.do(t, func() { taps[1] = newTap(t) })
		for i, from := range taps {
			go carry(from, taps[1-i])
		}
		return here, there, nil
	case len(k.lines) == 0:
		return wire, "eth", nil
	case k.here:
		return here, "eth", build(wire, ours, theirs)
	}
	err = build(wire, ours, theirs)
	far.do(t, func() { err = errors.Join(err, build("eth", theirs, ours)) })
	return here, there, err
}

// try is ip for what may fail.
func try(args string) error {
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %s", args, bytes.TrimSpace(out))
	}
	return nil
}

func newTap(t *testing.T) tunnel {
	t.Helper()
	return openTunnel(t, "tap", unix.IFF_TAP)
}

// carry takes frames from one tap to another until one of them is closed.
func carry(from, to tunnel) {
	b := make([]byte, 2048)
	for {
		n, err := from.Read(b)
		if err == nil {
			_, err = to.Write(b[:n])
		}
		if errors.Is(err, os.ErrClosed) {
			return
		}
	}
}

// TestInterfacesOfEveryKind: directions are relayed from each kind of interface that carries frames to each other, over
// IPv4 and IPv6, with the bytes that user space would write.
func TestInterfacesOfEveryKind(t *testing.T) {
	space(t)
	type made struct {
		kind
		number int // of its networks
		peer   place
	}
	var all []made
	var missing []string
	names := []string{"lo"}
	for i, k := range kinds {
		n := 1 + i
		far := neighbour(t, fmt.Sprintf("wire%d", n), n)
		here, there, err := k.on(t, n, far)
		if err != nil && k.needed {
			t.Fatalf("%s: %v", k.name, err)
		}
		if err != nil {
			missing = append(missing, k.name)
			ip(t, fmt.Sprintf("link del wire%d", n))
			continue
		}
		address := func(dev string, host int) error {
			return errors.Join(try(fmt.Sprintf("addr add 10.%d.0.%d/24 dev %s", n+20, host, dev)),
				try(fmt.Sprintf("addr add fd00:%d::%d/64 dev %s nodad", n+20, host, dev)), try("link set "+dev+" up"))
		}
		if k.here {
			ip(t, fmt.Sprintf("addr flush dev wire%d", n))
		}
		err = address(here, 1)
		far.do(t, func() { err = errors.Join(err, address(there, 2)) })
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, made{k, n + 20, far})
		if names = append(names, here); !k.here && here != fmt.Sprintf("wire%d", n) {
			names = append(names, fmt.Sprintf("wire%d", n))
		}
	}
	slices.Sort(names)
	t.Logf("over %s; this kernel makes no %s", strings.Join(names, ", "), strings.Join(missing, ", "))
	tb := open(t, Options{})
	if tb.String() != strings.Join(names, ", ") || tb.Aside() != "" {
		t.Fatalf("on %s, not on %s", tb, tb.Aside())
	}
	port := uint16(20000)
	for i, in := range all {
		for j, out := range all {
			if i == j {
				continue
			}
			for _, network := range []string{"10.%d.0.%d", "fd00:%d::%d"} {
				at := func(m made, host int, port uint16) netip.AddrPort {
					return netip.AddrPortFrom(netip.MustParseAddr(fmt.Sprintf(network, m.number, host)), port)
				}
				port += 4
				l := legs{local: at(in, 1, port), source: at(in, 2, port+2), from: at(out, 1, port+2), to: at(out, 2, port)}
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
	var missing []string
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
			// Those that the kernels have which this project is tested on.
			if slices.ContainsFunc(kinds, func(k kind) bool { return k.needed && name == k.name+"1" }) {
				t.Errorf("this kernel makes no %s: %s", name, bytes.TrimSpace(out))
			}
			missing = append(missing, name)
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
	t.Logf("on %s; not on %s; this kernel makes no %s", tb, tb.Aside(), strings.Join(missing, ", "))
	ip(t, "link set as-gre down")
	until(t, "what is down is not named", func() bool { return !strings.Contains(tb.Aside(), "as-gre") })
}
