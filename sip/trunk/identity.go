package trunk

import (
	"net/netip"
	"slices"
	"strings"

	"mask700/sip/flow"
)

// server is who is connected to from a listener, "" for any: the host that its
// certificate has to show, or the place where it is.
type server struct {
	listener, host string
	place          bool
}

// addNames files the names by which the certificates of its peers tell a trunk,
// and the servers that it is reached at by TLS.
//
// A trunk that is told by address has its servers told so too. But where it
// shares one with a trunk that is not, there is one connection for both.
func (t *Table) addNames(k *Trunk) error {
	for _, name := range k.TLSNames {
		name = plainName(name)
		if other := t.peers[name]; other != nil && other != k {
			return conflict(other, k, netip.Prefix{})
		}
		t.peers[name] = k
		t.asking[k.Listen] = true
	}
	for _, target := range k.Targets {
		if !target.MayBeSecure() {
			continue
		}
		at := plainName(target.Host)
		if target.Addr.IsValid() {
			at = target.Addr.String()
		}
		for _, s := range []server{{k.Listen, at, true}, {k.Listen, plainName(k.ServerName(target)), false}} {
			if other := t.servers[s]; other != nil && other != k && len(other.TLSNames)+len(k.TLSNames) > 0 {
				return conflict(other, k, netip.Prefix{})
			}
			t.servers[s] = k
		}
	}
	return nil
}

// plainName is the form in which names are compared (RFC 5922 section 7.2).
func plainName(s string) string { return strings.ToLower(strings.TrimSuffix(s, ".")) }

// MatchPeer returns the trunk of a peer that connected to a listener and whose
// certificate, which has been verified, vouches for the names, in lower case.
// Nil: none is told by that, and the address has to.
//
// A trunk that names a listener is on no other one, whatever a certificate says:
// each listener has its own authority, which is believed there only.
func (t *Table) MatchPeer(listener string, names []string) *Trunk {
	for _, name := range names {
		if k := t.peers[name]; k != nil && (k.Listen == "" || k.Listen == listener) {
			return k
		}
	}
	return nil
}

// MatchServer returns the trunk of a server that was connected to by TLS and
// that has shown to be a host. Nil: none is told by that, and the address has
// to.
func (t *Table) MatchServer(listener, host string) *Trunk {
	host = plainName(host)
	if k := t.servers[server{listener, host, false}]; k != nil {
		return k
	}
	return t.servers[server{"", host, false}]
}

// Asks reports whether there are trunks on a listener that a certificate may
// tell, so that an address says nothing yet.
func (t *Table) Asks(listener string) bool { return t.asking[listener] || t.asking[""] }

// ServerName is the host whose certificate a target of the trunk has to show.
func (t *Trunk) ServerName(target Target) string {
	if t.TLSServerName != "" {
		return strings.Trim(t.TLSServerName, "[]")
	}
	return target.Host
}

// IsSource reports whether the address of a target, where it is reached by a
// network, is a source of its trunk. One that is reached by TLS, on a trunk that
// shows its certificate, has no need of it; and whoever else sends from there,
// over UDP in its name, would do so without a certificate.
func (t *Trunk) IsSource(n flow.Network) bool { return len(t.TLSNames) == 0 || !n.Secure() }

// MayBeSecure reports whether a target is reached by TLS, or would be if the
// name system said so.
func (t Target) MayBeSecure() bool {
	return t.Network.Secure() || t.Any && t.Port == 0 && !t.Addr.IsValid()
}

// isName accepts what can stand in a certificate as the domain of a peer (RFC
// 5922 section 7.2): a DNS name without a wildcard.
func isName(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil || !isHost(s) || len(s) > 253 {
		return false
	}
	return !slices.Contains(strings.Split(strings.TrimSuffix(s, "."), "."), "") && strings.Trim(s, "0123456789.-_") != ""
}
