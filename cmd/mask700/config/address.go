package config

import (
	"errors"
	"net/netip"

	"github.com/goccy/go-yaml/ast"
)

// Address is an IP address, or nothing. An unspecified address (0.0.0.0, ::) is refused: it is never written
// to the wire, and where it would mean "any" the key is left empty.
type Address struct{ netip.Addr }

// String is empty when there is no address.
func (a Address) String() string {
	if !a.IsValid() {
		return ""
	}
	return a.Addr.String()
}

// Set reads an address; the empty string is no address.
func (a *Address) Set(s string) error {
	if s == "" {
		*a = Address{}
		return nil
	}
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return errors.New("not an IP address; write one such as 192.0.2.1, or leave it empty")
	}
	if addr.IsUnspecified() || addr.IsMulticast() {
		return errors.New("an address that others can reach is needed here; write one such as 192.0.2.1, or leave it empty")
	}
	*a = Address{addr.Unmap()}
	return nil
}

// UnmarshalYAML reads the value of a key.
func (a *Address) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, a.Set) }

// MarshalYAML writes the form that Set reads.
func (a Address) MarshalYAML() (any, error) { return a.String(), nil }
