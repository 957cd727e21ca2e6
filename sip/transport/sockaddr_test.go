package transport

import (
	"net/netip"
	"testing"
)

func TestSockaddr(t *testing.T) {
	for _, test := range []struct {
		addr string
		v6   bool
		want string // "": not of the family
	}{
		{"192.0.2.1:5060", false, "192.0.2.1:5060"},
		{"192.0.2.1:1", true, ""},
		{"[::ffff:192.0.2.1]:5061", false, "192.0.2.1:5061"},
		{"[2001:db8::1]:65535", true, "[2001:db8::1]:65535"},
		{"[2001:db8::1]:5060", false, ""},
		{"[fe80::1%7]:5060", true, "[fe80::1%7]:5060"},
		{"[fe80::1%lo]:5060", true, "[fe80::1%1]:5060"},
		{"[fe80::1%none]:5060", true, "[fe80::1]:5060"},
		{"[fe80::1]:5060", true, "[fe80::1]:5060"},
	} {
		var s sockaddr
		size := s.set(netip.MustParseAddrPort(test.addr), test.v6)
		if test.want == "" {
			if size != 0 {
				t.Errorf("%s: %d bytes, want none", test.addr, size)
			}
			continue
		}
		if got := s.get(); size == 0 || got.String() != test.want {
			t.Errorf("%s: %d bytes, %s, want %s", test.addr, size, got, test.want)
		}
	}
	if new(sockaddr).set(netip.AddrPort{}, false) != 0 || new(sockaddr).set(netip.AddrPort{}, true) != 0 {
		t.Error("no address is taken for one")
	}
}

func TestPktinfo(t *testing.T) {
	for _, addr := range []string{"192.0.2.1", "2001:db8::1", "fe80::1%7"} {
		a := netip.MustParseAddr(addr)
		var c control
		n := c.setSource(a, a.Is6())
		if got := c.destination(n); got != a {
			t.Errorf("%s is read as %s", a, got)
		}
		for cut := range n {
			if got := c.destination(min(cut, n-8)); got.IsValid() && got != a {
				t.Errorf("%s cut to %d bytes is read as %s", a, cut, got)
			}
		}
	}
	if got := new(control).destination(controlSpace); got.IsValid() {
		t.Errorf("nothing is read as %s", got)
	}
}
