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
	WS  = "ws"
	WSS = "wss"
)

// Bind is where a listener listens: "udp:0.0.0.0:5060", "tcp:[::]:5060", "tls:192.0.2.1:5061", "wss:[::]:443".
// Port 0 takes any free port.
type Bind struct {
	Network string // udp, tcp, tls, ws, wss
	Addr    netip.AddrPort
}

// Secure reports whether TLS is spoken there.
func (b Bind) Secure() bool { return b.Network == TLS || b.Network == WSS }

// clashes reports whether the kernel has one socket for both: all networks but UDP are streams to it.
func (b Bind) clashes(o Bind) bool {
	return b.Addr == o.Addr && b.Addr.Port() != 0 && (b.Network == UDP) == (o.Network == UDP)
}

var errBind = errors.New("write NETWORK:ADDRESS:PORT, such as udp:0.0.0.0:5060 or tcp:[::]:5060 (or tls, ws, wss), with an IP address")

// String gives the form that Set reads.
func (b Bind) String() string { return b.Network + ":" + b.Addr.String() }

// Set reads "NETWORK:ADDRESS:PORT".
func (b *Bind) Set(s string) error {
	network, rest, ok := strings.Cut(s, ":")
	if !ok {
		return errBind
	}
	switch network {
	case UDP, TCP, TLS, WS, WSS:
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
