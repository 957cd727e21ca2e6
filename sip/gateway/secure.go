package gateway

import (
	"crypto/tls"
	"net/netip"

	"mask700/sip/transport"
	"mask700/sip/trunk"
)

// servers are the targets that TLS is spoken to, by the listener that it is
// spoken from and their address.
type servers map[serverAt]server

type serverAt struct {
	listener int
	remote   netip.AddrPort
}

// server is whose certificate is to be shown there, and the trunk that it is of.
type server struct {
	host  string
	trunk string
}

// add notes where a target was found to be. One address has one server: the
// first. The trunk table lets no two trunks share one that are not told by their
// addresses.
func (s servers) add(listener int, remote netip.AddrPort, t *trunk.Trunk, target trunk.Target) {
	at := serverAt{listener, remote}
	if _, known := s[at]; !known {
		s[at] = server{t.ServerName(target), t.Name}
	}
}

// find is the server at an address, if need be at another port of it.
func (s servers) find(listener int, remote netip.AddrPort) (server, bool) {
	if found, ok := s[serverAt{listener, remote}]; ok {
		return found, true
	}
	var near netip.AddrPort
	for at := range s {
		same := at.listener == listener && at.remote.Addr() == remote.Addr()
		if same && (!near.IsValid() || at.remote.Port() < near.Port()) {
			near = at.remote
		}
	}
	return s[serverAt{listener, near}], near.IsValid()
}

// dialTLS is the configuration for a connection to a peer. The certificate of a
// target has to be that of the host that the operator wrote: what the name system
// made of it proves nothing (RFC 5922 section 7.3). Anywhere else, where a
// Contact or a Record-Route leads, it has to be that of the address.
func (g *Gateway) dialTLS(listener int, remote netip.AddrPort) *tls.Config {
	own := g.options.Listeners[listener].TLS
	s, ok := g.servers.Load().find(listener, remote)
	if !ok {
		s.host = remote.Addr().WithZone("").String()
	}
	roots := g.options.Roots[s.trunk]
	if roots == nil {
		roots = own.RootCAs
	}
	return transport.ClientTLS(s.host, roots, own.Certificates)
}
