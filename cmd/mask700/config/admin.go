package config

import (
	"errors"
	"net/netip"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Admin is the operator's interface.
type Admin struct {
	Listen AdminListen `yaml:"listen"`
	TLS    Certificate `yaml:"tls"`    // needed on a TCP address
	Tokens []Token     `yaml:"tokens"` // needed on a TCP address

	Tenants AdminTenants `yaml:"tenants"`
}

// AdminTenants is the interface for the platforms of tenants: each comes with a token of its own, which the store keeps, and
// sees what is its own.
type AdminTenants struct {
	Listen            TCPListen   `yaml:"listen"`              // empty: it is not served
	TLS               Certificate `yaml:"tls"`                 // empty: that of admin.tls
	RequestsPerSecond int         `yaml:"requests_per_second"` // of one token
}

// TCPListen is "ADDRESS:PORT", or empty.
type TCPListen struct{ netip.AddrPort }

// String gives the form that Set reads.
func (l TCPListen) String() string {
	if !l.IsValid() {
		return ""
	}
	return l.AddrPort.String()
}

// Set reads an IP address and a port; empty: none.
func (l *TCPListen) Set(s string) error {
	*l = TCPListen{}
	if s == "" {
		return nil
	}
	addr, err := netip.ParseAddrPort(s)
	if err != nil || addr.Addr().Zone() != "" {
		return errors.New("write an IP address and a port such as 192.0.2.1:7443")
	}
	l.AddrPort = addr
	return nil
}

// UnmarshalYAML reads the value of a key.
func (l *TCPListen) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, l.Set) }

// MarshalYAML writes the form that Set reads.
func (l TCPListen) MarshalYAML() (any, error) { return l.String(), nil }

// TenantCertificate is the one that the interface for tenants shows.
func (a Admin) TenantCertificate() Certificate {
	if a.Tenants.TLS == (Certificate{}) {
		return a.TLS
	}
	return a.Tenants.TLS
}

// Token is one client's secret: a file that holds it and nothing else, a name for the log, and whether it may ask for
// real numbers and for what was said in a call.
type Token struct {
	Name   string `yaml:"name"`
	File   string `yaml:"file"`
	Reveal bool   `yaml:"reveal"`
}

// AdminListen is "unix:" (admin.sock in the data directory), "unix:PATH" or "ADDRESS:PORT".
type AdminListen struct {
	Unix bool
	Path string // of the socket; empty: admin.sock in the data directory
	TCP  netip.AddrPort
}

// String gives the form that Set reads.
func (a AdminListen) String() string {
	if a.Unix {
		return "unix:" + a.Path
	}
	return a.TCP.String()
}

// Set reads one of the three forms.
func (a *AdminListen) Set(s string) error {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		*a = AdminListen{Unix: true}
		if path != "" {
			a.Path = filepath.Clean(path)
		}
		return nil
	}
	addr, err := netip.ParseAddrPort(s)
	if err != nil || addr.Addr().Zone() != "" {
		return errors.New("write unix:, unix:PATH, or an IP address and a port such as 127.0.0.1:7000")
	}
	*a = AdminListen{TCP: addr}
	return nil
}

// UnmarshalYAML reads the value of a key.
func (a *AdminListen) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, a.Set) }

// MarshalYAML writes the form that Set reads.
func (a AdminListen) MarshalYAML() (any, error) { return a.String(), nil }
