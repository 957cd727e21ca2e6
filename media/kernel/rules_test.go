package kernel

import (
	"errors"
	"net"
	"testing"
)

// Rules of routing decide about a direction as they do about the sockets': by the type of service that it is sent with. One
// that looks at ports keeps it in user space.
func TestRulesOfRoutingAreFollowed(t *testing.T) {
	space(t)
	wire(t)
	ip(t, "link add voice type veth peer name farther")
	ip(t, "addr add 192.0.3.1/24 dev voice")
	ip(t, "addr add 2001:db8:9::1/64 dev voice nodad")
	ip(t, "link set voice up")
	ip(t, "link set farther up")
	ip(t, "route add default via 192.0.3.254 table 100")
	ip(t, "-6 route add default via 2001:db8:9::ffff table 100")
	tb := open(t, Options{})
	const expedited = 46 << 2
	leaves := func(l legs, tos uint8) string {
		t.Helper()
		f, err := known(tb, Entry{Local: l.local, Source: l.source, From: l.from, To: l.to, TOS: tos, Types: types()})
		if errors.Is(err, ErrPath) {
			return "user space"
		}
		if err != nil {
			t.Fatal(err)
		}
		defer f.Remove()
		i, err := net.InterfaceByIndex(int(f.via.index))
		if err != nil {
			t.Fatal(err)
		}
		return i.Name
	}
	for _, c := range []struct {
		rule              string
		about, other      legs
		expedited, others string
	}{
		{"tos 0x18 lookup 100", over4, over6, "voice", "wire"}, // the part of expedited forwarding that an older field has
		{"ipproto udp lookup 100", over4, over6, "voice", "voice"},
		{"ipproto tcp dport 6000 lookup 100", over4, over6, "wire", "wire"},
		{"sport 20000-39999 lookup 100", over4, over6, "user space", "user space"},
		{"ipproto udp dport 6000 lookup 100", over4, over6, "user space", "user space"},
		{"-6 tos 0xb8 lookup 100", over6, over4, "voice", "wire"},
		{"-6 ipproto udp sport 20000-39999 lookup 100", over6, over4, "user space", "user space"},
	} {
		family, rule := "", c.rule
		if c.about == over6 {
			family, rule = "-6 ", rule[3:]
		}
		ip(t, family+"rule add "+rule)
		until(t, "what "+c.rule+" says", func() bool {
			return leaves(c.about, expedited) == c.expedited && leaves(c.about, 0) == c.others
		})
		if at := leaves(c.other, expedited); at != "wire" {
			t.Errorf("%s: the other family leaves by %s", c.rule, at)
		}
		ip(t, family+"rule del "+rule)
		until(t, "the end of "+c.rule, func() bool { return leaves(c.about, expedited) == "wire" })
	}
}

// A direction's packets leave with the priority of the socket's, and what goes up keeps its own.
func TestPacketsHaveThePriorityOfTheSocket(t *testing.T) {
	space(t)
	wire(t)
	tb := open(t, Options{})
	for name, l := range map[string]legs{"IPv4": over4, "IPv6": over6} {
		s := begin(t, Monotonic())
		offsets, _, _ := s.Lend()
		f, err := known(tb, Entry{Local: l.local, Source: l.source, From: l.from, To: l.to, Queue: 4, Offsets: offsets, Types: types()})
		if err != nil {
			t.Fatal(err)
		}
		start(t, tb, l, s, f, 65535)
		for pt, want := range map[uint8]uint32{8: 4, 101: 0} {
			if got := priorityOf(t, tb, l.frame(rtp(pt, 0, 960, "\x05\x0a\x00\xa0")).bytes()); got != want {
				t.Errorf("%s: type %d leaves with priority %d, want %d", name, pt, got, want)
			}
		}
		f.Remove()
	}
}
