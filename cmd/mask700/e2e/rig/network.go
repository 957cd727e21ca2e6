package rig

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"

	"mask700/media/mediatest"
)

// Namespace is a machine with interfaces, addresses and ports of its own.
type Namespace = mediatest.Namespace

// ErrNoNamespace: this user may not make a network namespace; root may.
var ErrNoNamespace = mediatest.ErrNoNamespace

// Network is a machine of servers and a machine for each phone, joined by a cable each: for programs that choose the
// address they send from, which on loopback is 127.0.0.1 for all of them. The servers' machine forwards nothing, so
// that two phones cannot reach each other.
type Network struct {
	Servers *Namespace
	phones  map[netip.Addr]*Namespace
	mark    netip.Addr // where the packet that ends a capture goes
}

// NewNetwork makes the machine of the servers with its addresses and those of the phones. The servers are the
// phones' router, at the address given.
func NewNetwork(ctx context.Context, servers []netip.Addr, router netip.Addr, phones ...netip.Addr) (n *Network, err error) {
	n = &Network{phones: make(map[netip.Addr]*Namespace), mark: servers[0]}
	defer func() {
		if err != nil {
			n.Close()
		}
	}()
	if n.Servers, err = mediatest.NewNamespace(); err != nil {
		return n, err
	}
	lines := []string{"link set lo up"}
	for _, a := range servers {
		lines = append(lines, fmt.Sprintf("addr add %s/32 dev lo", a))
	}
	if err := ip(ctx, n.Servers, nil, lines); err != nil {
		return n, err
	}
	for i, phone := range phones {
		if n.phones[phone], err = mediatest.NewNamespace(); err != nil {
			return n, err
		}
		cable := fmt.Sprintf("phone%d", i)
		err := errors.Join(
			ip(ctx, n.Servers, n.phones[phone], []string{
				"link add " + cable + " type veth peer name eth0 netns /proc/self/fd/3",
				fmt.Sprintf("addr add %s peer %s dev %s", router, phone, cable),
				"link set " + cable + " up",
			}),
			ip(ctx, n.phones[phone], nil, []string{
				"link set lo up",
				fmt.Sprintf("addr add %s peer %s dev eth0", phone, router),
				"link set eth0 up",
				fmt.Sprintf("route add default via %s", router),
			}))
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// ip runs lines of iproute2 in a namespace. The other namespace, if any, is its file 3.
func ip(ctx context.Context, in, other *Namespace, lines []string) error {
	return in.Do(func() error {
		cmd := exec.CommandContext(ctx, "ip", "-batch", "-")
		cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
		if other != nil {
			cmd.ExtraFiles = []*os.File{other.File()}
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("ip: %w: %s", err, out)
		}
		return nil
	})
}

// Phone is the machine of a phone.
func (n *Network) Phone(at netip.Addr) *Namespace { return n.phones[at] }

// Capture captures everything that passes the servers' machine into a file: all there is.
func (n *Network) Capture(ctx context.Context, file string) (c *Capture, err error) {
	err = n.Servers.Do(func() error {
		c, err = startCapture(ctx, file, "any", "ip", netip.AddrPortFrom(n.mark, 9))
		return err
	})
	return c, err
}

// Close lets go of all machines; what runs on one keeps it.
func (n *Network) Close() error {
	var errs []error
	for _, ns := range n.phones {
		if ns != nil {
			errs = append(errs, ns.Close())
		}
	}
	if n.Servers != nil {
		errs = append(errs, n.Servers.Close())
	}
	return errors.Join(errs...)
}
