package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// TLSName is a domain in a peer's certificate: sw1.example.net. It has no wildcard (RFC 5922 section 7.2).
type TLSName string

// Set reads the name; case means nothing.
func (n *TLSName) Set(s string) error {
	if _, err := netip.ParseAddr(s); err == nil || s == "" || checkHost(s) != nil {
		return errors.New("write a domain as it stands in the peer's certificate, such as sw1.example.net, without a wildcard")
	}
	*n = TLSName(strings.ToLower(strings.TrimSuffix(s, ".")))
	return nil
}

// UnmarshalYAML reads the value of a key.
func (n *TLSName) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, n.Set) }

// TLSHost is a host as a certificate names it, a name or an address; empty: none is written.
type TLSHost string

// Set reads the host.
func (h *TLSHost) Set(s string) error {
	if err := checkHost(s); err != nil {
		return err
	}
	*h = TLSHost(s)
	return nil
}

// UnmarshalYAML reads the value of a key.
func (h *TLSHost) UnmarshalYAML(node ast.Node) error { return unmarshalScalar(node, h.Set) }

// checkIdentities looks at what trunks say of certificates: theirs, and those of their targets.
func (c *Config) checkIdentities() error {
	type owner struct {
		trunk int
		key   string
	}
	seen := make(map[TLSName]owner)
	for i, t := range c.Trunks {
		key := fmt.Sprintf("trunks[%d]", i)
		for j, name := range t.TLSNames {
			at := fmt.Sprintf("%s.tls_names[%d]", key, j)
			if first, ok := seen[name]; ok && first.trunk != i {
				return c.errorFor(fmt.Sprintf("trunks %s and %s cannot be told apart: a certificate of one name would be of both; "+
					"give each its own", c.Trunks[first.trunk].Name, t.Name), first.key, at)
			}
			seen[name] = owner{i, at}
		}
		if len(t.TLSNames) > 0 && !c.asks(t.Listen) {
			return c.errorFor("no listener of this trunk asks peers for a certificate; give one bound to tls: or wss: a client_ca", key+".tls_names")
		}
		for _, k := range []struct{ name, value string }{{"tls_ca", t.TLSCA}, {"tls_server_name", string(t.TLSServerName)}} {
			if k.value != "" && !t.dialsTLS() {
				return c.errorFor("no target of this trunk is reached by tls; leave the key out, or write sip:HOST;transport=tls", key+"."+k.name)
			}
		}
	}
	return nil
}

// asks reports whether a listener with the name, or any for no name, asks peers for certificates.
func (c *Config) asks(listen string) bool {
	for _, l := range c.SIP.Listen {
		if (listen == "" || l.Name == listen) && l.Bind.Secure() && l.TLS.ClientCA != "" {
			return true
		}
	}
	return false
}

// dialsTLS reports whether a target is reached by TLS.
func (t *Trunk) dialsTLS() bool {
	for _, target := range t.Targets {
		if target.target.MayBeSecure() {
			return true
		}
	}
	return false
}
