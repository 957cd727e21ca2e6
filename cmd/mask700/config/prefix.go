package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Prefix is a range of IP addresses: "192.0.2.0/24"; a bare address is the range of itself.
type Prefix struct{ netip.Prefix }

// Set reads a prefix or an address. Bits set behind the length are an error: 192.0.2.10/24 may have meant the
// host or the network.
func (p *Prefix) Set(s string) error {
	bad := errors.New("not an IP prefix; write one such as 192.0.2.10/32 or 2001:db8::/64")
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Zone() != "" {
			return bad
		}
		addr = addr.Unmap()
		p.Prefix = netip.PrefixFrom(addr, addr.BitLen())
		return nil
	}
	v, err := netip.ParsePrefix(s)
	if err != nil {
		return bad
	}
	if v != v.Masked() {
		return fmt.Errorf("has bits behind its length; write %s for the network or %s for the host",
			v.Masked(), netip.PrefixFrom(v.Addr(), v.Addr().BitLen()))
	}
	p.Prefix = v
	return nil
}

// UnmarshalYAML reads the value of a key.
func (p *Prefix) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, p.Set) }

// MarshalYAML writes the form that Set reads.
func (p Prefix) MarshalYAML() (any, error) { return p.String(), nil }
