package config

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"time"

	"mask700/binding"
)

// Bounds of the times that a configuration may set.
const (
	minRing  = Duration(time.Second)
	maxRing  = Duration(10 * time.Minute)
	maxDrain = Duration(24 * time.Hour)

	minCallBack = Duration(time.Minute)
	maxCallBack = Duration(90 * 24 * time.Hour)
)

// maxSocketPath is how long the path of a unix socket may be, bytes: sun_path less its ending zero.
const maxSocketPath = 107

// Validate looks for what each key alone cannot show: names that stand for nothing, entries at odds with each
// other, secrets in the wrong place. It asks the machine for its own addresses and opens no file.
func (c Config) Validate() error {
	return c.validate(localAddresses())
}

// validate is Validate on a machine with these addresses.
func (c *Config) validate(local []netip.Addr) error {
	for _, check := range []func() error{
		c.checkPaths,
		c.checkSIP,
		c.checkListeners,
		c.checkPools,
		c.checkPrompts,
		c.checkRecording,
		c.checkRetention,
		c.checkMemory,
		c.checkPlan,
		c.checkAdmin,
		c.checkTrunks,
		c.checkIdentities,
		c.checkPlatforms,
		c.checkLimits,
		c.checkTexts,
		func() error { return c.checkLoops(local) },
		c.checkSources,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) checkPaths() error {
	if c.DataDir == "" {
		return c.errorFor("an empty path; name a directory", "data_dir")
	}
	return c.checkKeys()
}

func (c *Config) checkSIP() error {
	if c.SIP.RingTimeout < minRing || c.SIP.RingTimeout > maxRing {
		return c.errorFor(fmt.Sprintf("must be from %s to %s", minRing, maxRing), "sip.ring_timeout")
	}
	if c.SIP.TurnTimeout < minRing || c.SIP.TurnTimeout > maxRing {
		return c.errorFor(fmt.Sprintf("must be from %s to %s", minRing, maxRing), "sip.turn_timeout")
	}
	if c.SIP.DrainTime > maxDrain {
		return c.errorFor(fmt.Sprintf("must be at most %s", maxDrain), "sip.drain_time")
	}
	if len(c.SIP.DNS) > maxNameServers {
		return c.errorFor(fmt.Sprintf("at most %d name servers are asked; leave out the others", maxNameServers), "sip.dns")
	}
	return nil
}

func (c *Config) checkListeners() error {
	if len(c.SIP.Listen) == 0 {
		return c.errorFor("no listener; write listen: \"udp:0.0.0.0:5060\"", "sip.listen")
	}
	for i, l := range c.SIP.Listen {
		key := fmt.Sprintf("sip.listen[%d]", i)
		if !goodName(l.Name) {
			return c.errorFor(nameRule, key+".name")
		}
		if err := checkHostPort(l.Advertise); err != nil {
			return c.errorFor(err.Error(), key+".advertise")
		}
		if l.Bind.Secure() && (l.TLS.Certificate == "" || l.TLS.Key == "") {
			return c.errorFor("a "+l.Bind.Network+" listener needs tls: {certificate: FILE, key: FILE}", key+".bind")
		}
		if !l.Bind.Secure() && !l.TLS.IsZero() {
			return c.errorFor("only a listener bound to tls: or wss: has a certificate", key+".tls")
		}
		switch {
		case l.TLS.ClientCA == "" && (l.TLS.ClientAuth == ClientRequest || l.TLS.ClientAuth == ClientRequire):
			return c.errorFor("whose certificates are believed is not said; name the file of their authorities with client_ca", key+".tls.client_auth")
		case l.TLS.ClientCA != "" && l.TLS.ClientAuth == ClientNone:
			return c.errorFor("nobody is asked for a certificate; leave client_ca out, or write client_auth: request or require", key+".tls.client_ca")
		}
		for j, other := range c.SIP.Listen[:i] {
			otherKey := fmt.Sprintf("sip.listen[%d]", j)
			if other.Bind.clashes(l.Bind) {
				return c.errorFor("two listeners have the same address; change one", otherKey+".bind", key+".bind")
			}
			if other.Name == l.Name && other.Bind.Network == l.Bind.Network && len(c.flags["sip.listen"]) == 0 {
				return c.errorFor(fmt.Sprintf("two %s listeners have the same name; give one another name", l.Bind.Network),
					otherKey+".name", key+".name")
			}
		}
	}
	return nil
}

func (c *Config) checkPools() error {
	if len(c.Media.Pools) == 0 {
		return c.errorFor("no pool; leave the key out for the default", "media.pools")
	}
	for i, p := range c.Media.Pools {
		key := fmt.Sprintf("media.pools[%d]", i)
		if !goodName(p.Name) {
			return c.errorFor(nameRule, key+".name")
		}
		for j, other := range c.Media.Pools[:i] {
			otherKey := fmt.Sprintf("media.pools[%d]", j)
			if other.Name == p.Name {
				return c.errorFor("two pools have the same name; give one another name", otherKey+".name", key+".name")
			}
			if p.Ports.Min <= other.Ports.Max && other.Ports.Min <= p.Ports.Max && meet(p.Address.Addr, other.Address.Addr) {
				return c.errorFor("two pools share ports of one address; part their ranges", otherKey+".ports", key+".ports")
			}
		}
		for j, l := range c.SIP.Listen {
			port := l.Bind.Addr.Port()
			if l.Bind.Network == UDP && port >= p.Ports.Min && port <= p.Ports.Max && meet(p.Address.Addr, l.Bind.Addr.Addr()) {
				return c.errorFor("the media ports hold the port of a SIP listener; part them",
					key+".ports", fmt.Sprintf("sip.listen[%d].bind", j))
			}
		}
	}
	return nil
}

// maxQuarantine bounds what is certainly a slip of a unit.
const maxQuarantine = 10 * 366 * 24 * time.Hour

func (c *Config) checkPlan() error {
	for i, r := range c.Numbering.LegacyRanges {
		if r.Prefix == "" || r.Length < 1 {
			return c.errorFor("a range needs a prefix and a length; write {prefix: \"17000\", length: 11, until: 2026-03-31}",
				fmt.Sprintf("numbering.legacy_ranges[%d]", i))
		}
	}
	if len(c.Numbering.LegacyRanges) > 0 && c.Numbering.CountryCode != "86" {
		return c.errorFor("older ranges are those of country code 86; leave them out, or country_code", "numbering.legacy_ranges", "numbering.country_code")
	}
	if n := c.Numbering.BindingsPerNumber; n < 1 || n > binding.MaxLimitOnX {
		return c.errorFor(fmt.Sprintf("not from 1 to %d; that many bindings may live on one number at once", binding.MaxLimitOnX),
			"numbering.bindings_per_number")
	}
	for _, k := range []struct {
		key string
		n   int
	}{{"entries", c.BlockList.Entries}, {"tenant_entries", c.BlockList.TenantEntries}} {
		if k.n < 1 || k.n > binding.MaxBars {
			return c.errorFor(fmt.Sprintf("not from 1 to %d; that many entries may stand on block lists", binding.MaxBars), "blocklist."+k.key)
		}
	}
	if time.Duration(c.Numbering.Quarantine) > maxQuarantine {
		return c.errorFor("longer than ten years; write a number and a unit, such as 2160h, or 0s for none", "numbering.quarantine")
	}
	if n := c.Numbering.CallBack; n < minCallBack || n > maxCallBack {
		return c.errorFor(fmt.Sprintf("must be from %s to %s", minCallBack, maxCallBack), "numbering.call_back")
	}
	if err := c.Plan().Validate(); err != nil {
		return c.errorFor(err.Error(), "numbering")
	}
	return nil
}

// maxTenantRequests is how many requests a second one token may be given.
const maxTenantRequests = 100_000

func (c *Config) checkAdmin() error {
	a := c.Admin
	for i, t := range a.Tokens {
		key := fmt.Sprintf("admin.tokens[%d]", i)
		switch {
		case !goodName(t.Name):
			return c.errorFor(nameRule, key+".name")
		case t.File == "":
			return c.errorFor("a token needs a file that holds it; write {name: ops, file: ./ops.token}", key)
		case inside(c.DataDir, t.File):
			return c.errorFor("the token would lie inside the data directory; name a file outside", key+".file")
		}
	}
	switch {
	case !a.Listen.Unix && (a.TLS.Certificate == "" || a.TLS.Key == "" || len(a.Tokens) == 0):
		return c.errorFor("a TCP address is served only with admin.tls (certificate, key) and admin.tokens, on loopback too; "+
			"set both, or listen on unix:", "admin.listen")
	case a.Tenants.RequestsPerSecond < 1 || a.Tenants.RequestsPerSecond > maxTenantRequests:
		return c.errorFor(fmt.Sprintf("must be from 1 to %d", maxTenantRequests), "admin.tenants.requests_per_second")
	case a.Tenants.Listen.IsValid() && (a.TenantCertificate().Certificate == "" || a.TenantCertificate().Key == ""):
		return c.errorFor("tenants are served with a certificate only, on loopback too; set admin.tenants.tls or admin.tls (certificate, key)",
			"admin.tenants.listen")
	case a.Tenants.Listen.IsValid() && !a.Listen.Unix && a.Tenants.Listen.Port() == a.Listen.TCP.Port() && a.Tenants.Listen.Port() != 0 &&
		meet(a.Tenants.Listen.Addr(), a.Listen.TCP.Addr()):
		return c.errorFor("two interfaces have the same address; change one", "admin.listen", "admin.tenants.listen")
	case len(c.AdminSocket()) > maxSocketPath:
		return c.errorFor(fmt.Sprintf("the path of the socket is longer than %d bytes; name a shorter one with unix:PATH",
			maxSocketPath), "admin.listen")
	}
	return nil
}

// inside reports whether file lies in dir or below it, whatever symbolic links are on the way.
func inside(dir, file string) bool {
	rel, err := filepath.Rel(real(dir), real(file))
	return err == nil && filepath.IsLocal(rel)
}

// real is the absolute path with the symbolic links of the part that exists resolved.
func real(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	rest := ""
	for dir := path; ; dir = filepath.Dir(dir) {
		if resolved, err := filepath.EvalSymlinks(dir); err == nil {
			return filepath.Join(resolved, rest)
		}
		if dir == filepath.Dir(dir) {
			return path
		}
		rest = filepath.Join(filepath.Base(dir), rest)
	}
}

// meet reports whether two bound addresses can receive the same packet; none and unspecified mean any.
func meet(a, b netip.Addr) bool {
	anyAddr := func(x netip.Addr) bool { return !x.IsValid() || x.IsUnspecified() }
	return anyAddr(a) || anyAddr(b) || a == b
}

// localAddresses are the addresses of this machine's interfaces.
func localAddresses() []netip.Addr {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p.Addr().Unmap())
		}
	}
	return out
}
