package rig

import (
	"net"
	"net/netip"
	"testing"
)

func TestListens(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		u, err := net.ListenPacket("udp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer u.Close()
		for network, at := range map[string]netip.AddrPort{"tcp": l.Addr().(*net.TCPAddr).AddrPort(), "udp": u.LocalAddr().(*net.UDPAddr).AddrPort()} {
			if yes, err := listens(network, at); !yes || err != nil {
				t.Errorf("%s %s: %v, %v", network, at, yes, err)
			}
			for _, other := range []netip.AddrPort{
				netip.AddrPortFrom(at.Addr(), at.Port()^1), netip.AddrPortFrom(netip.MustParseAddr("127.0.0.9"), at.Port()), netip.AddrPortFrom(netip.MustParseAddr("::2"), at.Port()),
			} {
				if yes, err := listens(network, other); yes && other.Addr() != at.Addr() || err != nil {
					t.Errorf("%s %s: %v, %v", network, other, yes, err)
				}
			}
		}
	}
}
