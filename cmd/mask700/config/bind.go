package config

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Networks of a listener.
const (
	UDP = "udp"
	TCP = "tcp"
	TLS = "tls"
)

// Bind is where a listener listens: "udp:0.0.0.0:5060", "tcp:[::]:5060", "tls:192.0.2.1:5061".
// Port 0 takes any free port.
type Bind struct {
	Network string // udp, tcp, tls
	Addr    netip.AddrPort
}

var errBind = errors.New("write NETWORK:ADDRESS:PORT, such as udp:0.0.0.0:5060 or tcp:[::]:5060, with an IP address")

// String gives the form that Set reads.
func (b Bind) String() string { return b.Network + ":" + b.Addr.String() }

// Set reads "NETWORK:ADDRESS:PORT".
func (b *Bind) Set(s string) error {
	network, rest, ok := strings.Cut(s, ":")
	if !ok {
		return errBind
	}
	switch network {
	case UDP, TCP, TLS:
	case "ws", "wss":
		return errors.New("SIP over WebSocket is not part of this version; write udp:, tcp: or tls: instead")
	default:
		return errBind
	}
	addr, err := netip.ParseAddrPort(rest)
	if err != nil || addr.Addr().Zone() != "" {
		return errBind
	}
	*b = Bind{Network: network, Addr: netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())}
	return nil
}

// UnmarshalYAML reads the value of a key.
func (b *Bind) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, b.Set) }

// MarshalYAML writes the form that Set reads.
func (b Bind) MarshalYAML() (any, error) { return b.String(), nil }
