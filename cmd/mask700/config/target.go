package config

import (
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"mask700/sip/flow"
	"mask700/sip/trunk"
)

// Target is a place that requests are sent to: "sip:192.0.2.10:5060;transport=udp". An address without a port has
// the transport's own, and one without a transport UDP; for a name the name system says both (RFC 3263).
type Target struct{ target trunk.Target }

// Host is a name or an address, IPv6 without brackets.
func (t Target) Host() string { return t.target.Host }

// Port is the port that is sent to where the name system does not say another, never 0.
func (t Target) Port() uint16 {
	if t.target.Port == 0 {
		return t.target.Network.DefaultPort()
	}
	return uint16(t.target.Port)
}

// Network is udp, tcp or tls, where the name system does not say another.
func (t Target) Network() string { return t.target.Network.String() }

// open reports whether the name system says port and transport.
func (t Target) open() bool { return t.target.Port == 0 && !t.target.Addr.IsValid() }

// fits reports whether listeners of these networks can reach it.
func (t Target) fits(networks map[string]bool) bool {
	if t.open() && t.target.Any && t.target.Network != flow.TLS {
		return networks[UDP] || networks[TCP] || networks[TLS]
	}
	return networks[t.Network()]
}

// String gives the full form, which Set reads.
func (t Target) String() string {
	if t.open() {
		return t.target.String()
	}
	return "sip:" + net.JoinHostPort(t.Host(), strconv.Itoa(int(t.Port()))) + ";transport=" + t.Network()
}

// Set reads a SIP URI without a user.
func (t *Target) Set(s string) error {
	v, err := trunk.ParseTarget(s)
	if err != nil || checkHost(v.Host) != nil || v.Host == "" || v.Port < 0 || v.Port > 65535 {
		return errors.New("write sip:HOST:PORT;transport=udp, with tcp or tls for udp as needed and no user in front of the host")
	}
	if !(Target{v}).open() {
		v.Any = false // it is what String writes
	}
	*t = Target{v}
	t.target.Any = v.Any && t.open() // else it is UDP, and as good as written
	return nil
}

// UnmarshalYAML reads the value of a key.
func (t *Target) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, t.Set) }

// MarshalYAML writes the form that Set reads.
func (t Target) MarshalYAML() (any, error) { return t.String(), nil }

// splitHostPort parts "host:port"; without a port it is the one given.
func splitHostPort(s string, port uint16) (string, uint16) {
	if host, p, err := net.SplitHostPort(s); err == nil {
		if v, err := strconv.ParseUint(p, 10, 16); err == nil {
			return host, uint16(v)
		}
	}
	return strings.Trim(s, "[]"), port
}
