package transport

import (
	"net/netip"
	"testing"
)

func TestNearby(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.77:5060":             "192.0.2.0/24",
		"[::ffff:192.0.2.77]:5060":    "192.0.2.0/24",
		"[2001:db8:1:2:3:4:5:6]:5060": "2001:db8:1::/48",
		"[fe80::1:2:3:4%eth0]:5060":   "fe80::/48",
	} {
		if got := nearby(netip.MustParseAddrPort(in)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if got := nearby(netip.AddrPort{}); got != "" {
		t.Errorf("none: %s", got)
	}
}
