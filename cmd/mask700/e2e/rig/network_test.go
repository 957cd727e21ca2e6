package rig

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

func newTestNetwork(t *testing.T, ctx context.Context) (n *Network, server, a, b netip.Addr) {
	t.Helper()
	server, a, b = netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("198.51.100.2"), netip.MustParseAddr("198.51.100.3")
	n, err := NewNetwork(ctx, []netip.Addr{server}, netip.MustParseAddr("198.51.100.1"), a, b)
	if errors.Is(err, ErrNoNamespace) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n, server, a, b
}

// listen opens a socket on a machine.
func listen(t *testing.T, on *Namespace, at netip.Addr) *net.UDPConn {
	t.Helper()
	var c *net.UDPConn
	err := on.Do(func() (err error) {
		c, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 5060)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestPhonesReachServersAlone: with an address that the kernel chooses, and not each other.
func TestPhonesReachServersAlone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	n, server, a, b := newTestNetwork(t, ctx)
	sockets := map[netip.Addr]*net.UDPConn{
		server: listen(t, n.Servers, netip.IPv4Unspecified()),
		a:      listen(t, n.Phone(a), netip.IPv4Unspecified()),
		b:      listen(t, n.Phone(b), netip.IPv4Unspecified()),
	}
	send := func(from, to netip.Addr) {
		t.Helper()
		if _, err := sockets[from].WriteToUDPAddrPort([]byte(from.String()), netip.AddrPortFrom(to, 5060)); err != nil {
			t.Fatal(err)
		}
	}
	receive := func(at netip.Addr) (text string, from netip.Addr) {
		t.Helper()
		deadline, _ := ctx.Deadline()
		if err := sockets[at].SetReadDeadline(deadline); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		size, src, err := sockets[at].ReadFromUDPAddrPort(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:size]), src.Addr().Unmap()
	}
	send(a, b) // comes nowhere: what b gets first is the server's
	send(a, server)
	if text, from := receive(server); from != a || text != a.String() {
		t.Errorf("%q from %s", text, from)
	}
	send(server, b)
	if text, _ := receive(b); text != server.String() {
		t.Errorf("a packet of %q came to a phone", text)
	}
}

func TestBoundLooksIntoTheNamespace(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	n, _, a, _ := newTestNetwork(t, ctx)
	listen(t, n.Phone(a), a)
	for where, want := range map[*Namespace]bool{n.Phone(a): true, n.Servers: false} {
		err := where.Do(func() error {
			bound, err := Bound("udp", netip.AddrPortFrom(a, 5060))
			if bound != want {
				t.Errorf("bound: %t, want %t", bound, want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
