package node

import (
	"crypto/x509"
	"fmt"
	"net"
	"time"

	"mask700/cmd/mask700/config"
	"mask700/media"
	"mask700/media/prompt"
	"mask700/sip/gateway"
	"mask700/sip/route"
	"mask700/sip/transport"
)

// listeners are the sockets to open.
func listeners(cfg config.Config) ([]transport.Listener, error) {
	out := make([]transport.Listener, 0, len(cfg.SIP.Listen))
	for _, l := range cfg.SIP.Listen {
		t := transport.Listener{Name: l.Name, Network: l.Bind.Network, Bind: l.Bind.Addr, Advertise: advertise(l)}
		if l.Bind.Secure() {
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

// roots are the authorities that trunks name for the certificates of their targets.
func roots(cfg config.Config) (map[string]*x509.CertPool, error) {
	out := make(map[string]*x509.CertPool)
	for _, t := range cfg.Trunks {
		if t.TLSCA == "" {
			continue
		}
		pool, err := config.LoadAuthorities(t.TLSCA)
		if err != nil {
			return nil, fmt.Errorf("trunk %s: %w", t.Name, err)
		}
		out[t.Name] = pool
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
			DSCP: uint8(p.DSCP),
		})
	}
	return out
}

// prompts is what callers hear.
func prompts(cfg config.Config, clips *prompt.Catalogue) gateway.Prompts {
	p := cfg.Media.Prompts
	return gateway.Prompts{
		Catalogue: clips, Max: p.Max, LastMinute: p.LastMinute, OrderFinished: time.Duration(p.OrderFinished),
		Attempts: p.Attempts, FirstDigit: time.Duration(p.FirstDigit), NextDigit: time.Duration(p.NextDigit),
	}
}

// records are the name servers that the targets' names are asked of.
func records(cfg config.Config) route.Records {
	r := new(route.Resolver)
	for _, s := range cfg.SIP.DNS {
		r.Servers = append(r.Servers, s.AddrPort)
	}
	return r
}
