package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"mask700/sip/trunk"
)

// checkTrunks looks at each trunk and at the names it uses.
func (c *Config) checkTrunks() error {
	list := c.TrunkList()
	for i := range c.Trunks {
		t := &c.Trunks[i]
		key := fmt.Sprintf("trunks[%d]", i)
		if !goodName(t.Name) {
			return c.errorFor(nameRule, key+".name")
		}
		for j := range c.Trunks[:i] {
			if c.Trunks[j].Name == t.Name {
				return c.errorFor("two trunks have the same name; give one another name", fmt.Sprintf("trunks[%d].name", j), key+".name")
			}
		}
		if len(t.Sources) == 0 && len(t.Targets) == 0 && len(t.TLSNames) == 0 {
			return c.errorFor("a trunk needs sources or tls_names, from which calls come, or targets, to which they go, or both", key)
		}
		if len(t.Caller) == 0 {
			return c.errorFor("at least one of pai, rpid, from is needed; leave the key out for all three", key+".caller")
		}
		if err := checkHost(t.Domain); err != nil {
			return c.errorFor(err.Error(), key+".domain")
		}
		if err := c.checkAccounts(key, t); err != nil {
			return err
		}
		if err := list[i].Validate(); err != nil {
			return c.errorFor(err.Error(), key)
		}
		if err := c.checkTimers(key, t); err != nil {
			return err
		}
		if t.Listen != "" && len(c.networks(t.Listen)) == 0 {
			return c.errorFor("there is no listener of that name under sip.listen", key+".listen")
		}
		if t.Media != "" && !c.hasPool(t.Media) {
			return c.errorFor("there is no pool of that name under media.pools", key+".media")
		}
		if t.Pass != "" && c.trunk(t.Pass) == nil {
			return c.errorFor("there is no trunk of that name", key+".pass")
		}
		route := t
		if t.RouteTo != "" {
			if route = c.trunk(t.RouteTo); route == nil {
				return c.errorFor("there is no trunk of that name", key+".route_to")
			}
		}
		if len(route.Targets) == 0 {
			return c.errorFor("calls that come in here go out on trunk "+route.Name+", which has no targets; "+
				"give it targets or set route_to", key+".route_to")
		}
		if pass := c.trunk(t.Pass); pass != nil && len(pass.Targets) == 0 {
			return c.errorFor("that trunk has no targets", key+".pass")
		}
		if t.Watch > 0 && t.Watch < minWatch || t.Watch > maxWatch {
			return c.errorFor(fmt.Sprintf("must be auto, 0 for never, or from %s to %s", minWatch, maxWatch), key+".watch")
		}
		networks := c.networks(t.Listen)
		for j, target := range t.Targets {
			if !target.fits(networks) {
				return c.errorFor(fmt.Sprintf("no listener of this trunk speaks %s; add one under sip.listen", target.Network()),
					fmt.Sprintf("%s.targets[%d]", key, j))
			}
		}
	}
	return nil
}

// Bounds of a session interval. RFC 4028 section 4 advises against less than 90 s; who knows better may.
const (
	minSession = Duration(time.Second)
	maxSession = Duration(24 * time.Hour)
	maxCalls   = 1_000_000
)

// checkTimers looks at the times and bounds of a trunk.
func (c *Config) checkTimers(key string, t *Trunk) error {
	switch {
	case t.SessionTimer != 0 && (t.SessionTimer < t.MinSession || t.SessionTimer > maxSession):
		return c.errorFor(fmt.Sprintf("must be 0, or from min_session to %s", maxSession), key+".session_timer")
	case t.MinSession < minSession || t.MinSession > maxSession:
		return c.errorFor(fmt.Sprintf("must be from %s to %s", minSession, maxSession), key+".min_session")
	case t.MaxCalls < 0 || t.MaxCalls > maxCalls:
		return c.errorFor(fmt.Sprintf("must be from 0 to %d", maxCalls), key+".max_calls")
	}
	return nil
}

// checkLoops refuses a target that is one of our own listeners: a call would come back to us until Max-Forwards
// is used up.
func (c *Config) checkLoops(local []netip.Addr) error {
	for i := range c.Trunks {
		for j, target := range c.Trunks[i].Targets {
			for k := range c.SIP.Listen {
				if c.SIP.Listen[k].reachedBy(target, local) {
					return c.errorFor("the target is our own address; name the softswitch's", fmt.Sprintf("trunks[%d].targets[%d]", i, j))
				}
			}
		}
	}
	return nil
}

// reachedBy reports whether a request to target would arrive at this listener of a machine with these addresses.
func (l *Listener) reachedBy(target Target, local []netip.Addr) bool {
	if l.Bind.Network != target.Network() {
		return false
	}
	host, port := strings.ToLower(target.Host()), target.Port()
	addr, err := netip.ParseAddr(host)
	if l.Advertise != "" {
		ours, ourPort := splitHostPort(strings.ToLower(l.Advertise), l.Bind.Addr.Port())
		if oursAddr, oursErr := netip.ParseAddr(ours); port == ourPort && (ours == host || oursErr == nil && err == nil && oursAddr == addr) {
			return true
		}
	}
	if port != l.Bind.Addr.Port() {
		return false
	}
	if err != nil {
		return host == "localhost" && (l.Bind.Addr.Addr().IsUnspecified() || l.Bind.Addr.Addr().IsLoopback())
	}
	addr = addr.Unmap()
	if !l.Bind.Addr.Addr().IsUnspecified() {
		return addr == l.Bind.Addr.Addr()
	}
	if addr.IsLoopback() || addr.IsUnspecified() {
		return true
	}
	for _, own := range local {
		if own == addr {
			return true
		}
	}
	return false
}

// checkSources refuses two trunks that a packet could not be told to belong to: the same addresses on the same
// listener. A longer prefix inside a shorter one is told apart by its length.
func (c *Config) checkSources() error {
	type source struct{ listen, from string }
	type owner struct {
		trunk int
		key   string
	}
	seen := make(map[source]owner)
	claim := func(i int, listen, from, key string) error {
		s := source{listen, from}
		if first, ok := seen[s]; ok && first.trunk != i {
			return c.errorFor(fmt.Sprintf("trunks %s and %s cannot be told apart: both take calls from the same address on the same listener; "+
				"change the sources or the listener of one", c.Trunks[first.trunk].Name, c.Trunks[i].Name), first.key, key)
		}
		seen[s] = owner{i, key}
		return nil
	}
	for i, t := range c.Trunks {
		for j, p := range t.Sources {
			if err := claim(i, t.Listen, p.String(), fmt.Sprintf("trunks[%d].sources[%d]", i, j)); err != nil {
				return err
			}
		}
		for j, target := range t.Targets {
			if len(t.TLSNames) > 0 && target.target.Network.Secure() {
				continue // who it is shows in its certificate
			}
			from := strings.ToLower(target.Host())
			if addr, err := netip.ParseAddr(from); err == nil {
				addr = addr.Unmap()
				from = netip.PrefixFrom(addr, addr.BitLen()).String()
			}
			if err := claim(i, t.Listen, from, fmt.Sprintf("trunks[%d].targets[%d]", i, j)); err != nil {
				return err
			}
		}
	}
	return c.checkTable()
}

// checkTable builds the table itself, which has the last word: it also finds a trunk that another one hides.
func (c *Config) checkTable() error {
	_, err := c.TrunkTable()
	var conflict *trunk.ConflictError
	switch {
	case errors.As(err, &conflict):
		return c.errorFor(err.Error(), fmt.Sprintf("trunks[%d]", conflict.First), fmt.Sprintf("trunks[%d]", conflict.Second))
	case err != nil:
		return c.errorFor(err.Error(), "trunks")
	}
	return nil
}

// networks are the networks of the listeners with a name; of all listeners for no name.
func (c *Config) networks(listen string) map[string]bool {
	out := make(map[string]bool)
	for _, l := range c.SIP.Listen {
		if listen == "" || l.Name == listen {
			out[l.Bind.Network] = true
		}
	}
	return out
}

// listenerNames are the names of the listeners, each once, in order.
func (c *Config) listenerNames() []string {
	var out []string
	seen := make(map[string]bool)
	for _, l := range c.SIP.Listen {
		if !seen[l.Name] {
			seen[l.Name] = true
			out = append(out, l.Name)
		}
	}
	return out
}

func (c *Config) hasPool(name string) bool {
	for _, p := range c.Media.Pools {
		if p.Name == name {
			return true
		}
	}
	return false
}

// trunk returns the trunk of a name, nil when there is none.
func (c *Config) trunk(name string) *Trunk {
	for i := range c.Trunks {
		if c.Trunks[i].Name == name {
			return &c.Trunks[i]
		}
	}
	return nil
}
