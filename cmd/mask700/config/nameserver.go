package config

import (
	"errors"
	"net/netip"

	"github.com/goccy/go-yaml/ast"
)

// NameServer is a server of the name system: "192.0.2.53:53". Without a port it is 53.
type NameServer struct{ netip.AddrPort }

// maxNameServers is how many are asked at most.
const maxNameServers = 3

// Set reads an address, with or without a port.
func (n *NameServer) Set(s string) error {
	addr, err := netip.ParseAddrPort(s)
	if err != nil {
		a, e := netip.ParseAddr(s)
		if addr, err = netip.AddrPortFrom(a, 53), e; err != nil {
			return errors.New("not the address of a name server; write one such as 192.0.2.53 or 192.0.2.53:53")
		}
	}
	if a := addr.Addr(); a.IsUnspecified() || a.IsMulticast() || addr.Port() == 0 {
		return errors.New("a name server needs an address and a port that can be reached; write one such as 192.0.2.53:53")
	}
	n.AddrPort = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	return nil
}

// UnmarshalYAML reads the value of a key.
func (n *NameServer) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, n.Set) }

// MarshalYAML writes the form that Set reads.
func (n NameServer) MarshalYAML() (any, error) { return n.String(), nil }
