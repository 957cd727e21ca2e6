package node

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"mask700/cmd/mask700/config"
	"mask700/media"
	"mask700/sip/flow"
	"mask700/sip/transport"
	"mask700/sip/trunk"
)

// resolveTime is how long a trunk's target may take to be resolved at start.
const resolveTime = 5 * time.Second

// listeners are the sockets to open.
func listeners(cfg config.Config) ([]transport.Listener, error) {
	out := make([]transport.Listener, 0, len(cfg.SIP.Listen))
	for _, l := range cfg.SIP.Listen {
		t := transport.Listener{Name: l.Name, Network: l.Bind.Network, Bind: l.Bind.Addr, Advertise: advertise(l)}
		if l.Bind.Network == config.TLS {
			c, err := l.TLS.Load()
			if err != nil {
				return nil, fmt.Errorf("listener %s: %w", l.Name, err)
			}
			t.TLS = c
		}
		out = append(out, t)
	}
	return out, nil
}

// advertise is host:port to be written instead of the address bound, empty for
// none.
func advertise(l config.Listener) string {
	if l.Advertise == "" {
		return ""
	}
	if _, _, err := net.SplitHostPort(l.Advertise); err == nil {
		return l.Advertise
	}
	return net.JoinHostPort(trimBrackets(l.Advertise), fmt.Sprint(l.Bind.Addr.Port()))
}

func trimBrackets(host string) string {
	if len(host) > 1 && host[0] == '[' && host[len(host)-1] == ']' {
		return host[1 : len(host)-1]
	}
	return host
}

// pools are the port ranges for media.
func pools(cfg config.Config) []media.Pool {
	out := make([]media.Pool, 0, len(cfg.Media.Pools))
	for _, p := range cfg.Media.Pools {
		out = append(out, media.Pool{
			Name: p.Name, Address: p.Address.Addr, Advertise: p.Advertise.Addr, Min: p.Ports.Min, Max: p.Ports.Max,
		})
	}
	return out
}

// resolve finds the addresses of the trunks' targets. It is done once, at
// start: a name that has no address then is an error of the configuration.
func resolve(ctx context.Context, trunks []trunk.Trunk) error {
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	for i := range trunks {
		for j := range trunks[i].Targets {
			t := &trunks[i].Targets[j]
			if t.Addr.IsValid() {
				continue
			}
			addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", t.Host)
			if err != nil || len(addrs) == 0 {
				return fmt.Errorf("trunk %s: its target %s has no address; check the name or write the address: %w", trunks[i].Name, t.Host, err)
			}
			port := uint16(t.Port)
			if port == 0 {
				port = flow.Network(t.Network).DefaultPort()
			}
			t.Addr = netip.AddrPortFrom(addrs[0].Unmap(), port)
		}
	}
	return nil
}
