package route

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"mask700/crash"
)

// Bounds of what the system's configuration may ask for, as the C library has
// them (resolv.conf(5)).
const (
	maxServers = 3
	maxSearch  = 6
)

// resolvConf is the system's configuration of the name system.
const resolvConf = "/etc/resolv.conf"

// Errors of a Resolver. They name no server and repeat no name: both may come
// from an answer.
var (
	errNoServer = errors.New("no name server answered")
	errRefused  = errors.New("the name server did not answer the question")
	errBadName  = errors.New("not a name of the name system")
)

// Resolver asks the name servers. It is a client of recursive servers, which it
// believes; it keeps nothing. Its zero value asks the system's servers.
type Resolver struct {
	Servers []netip.AddrPort // empty: those of /etc/resolv.conf, read anew each time
	Timeout time.Duration    // of one attempt; 0: 2 s
	Tries   int              // with every server; 0: 2
}

var _ Records = (*Resolver)(nil)

// onlyHosts looks names up as every Go program does, by nsswitch.conf and the
// hosts file, but reaches no server.
var onlyHosts = net.Resolver{
	PreferGo: true,
	Dial:     func(context.Context, string, string) (net.Conn, error) { return nil, errNoServer },
}

// Hosts implements Records.
func (r *Resolver) Hosts(ctx context.Context, name string) []netip.Addr {
	list, err := onlyHosts.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return nil // not there
	}
	return list
}

// NAPTR implements Records.
func (r *Resolver) NAPTR(ctx context.Context, name string) ([]NAPTR, time.Duration, error) {
	list, ttl, err := r.ask(ctx, name, dns.TypeNAPTR)
	var out []NAPTR
	for _, rr := range list {
		if n, ok := rr.(*dns.NAPTR); ok {
			out = append(out, NAPTR{
				Order: int(n.Order), Preference: int(n.Preference), Flags: n.Flags, Service: n.Service, Replace: n.Replacement,
			})
		}
	}
	return out, ttl, err
}

// SRV implements Records.
func (r *Resolver) SRV(ctx context.Context, name string) ([]SRV, time.Duration, error) {
	list, ttl, err := r.ask(ctx, name, dns.TypeSRV)
	var out []SRV
	for _, rr := range list {
		if s, ok := rr.(*dns.SRV); ok {
			out = append(out, SRV{Priority: int(s.Priority), Weight: int(s.Weight), Port: s.Port, Host: s.Target})
		}
	}
	return out, ttl, err
}

// Addresses implements Records.
func (r *Resolver) Addresses(ctx context.Context, name string, v6 bool) ([]netip.Addr, time.Duration, error) {
	kind := dns.TypeA
	if v6 {
		kind = dns.TypeAAAA
	}
	list, ttl, err := r.ask(ctx, name, kind)
	var out []netip.Addr
	for _, rr := range list {
		var ip net.IP
		switch rr := rr.(type) {
		case *dns.A:
			ip = rr.A
		case *dns.AAAA:
			ip = rr.AAAA
		}
		if a, ok := netip.AddrFromSlice(ip); ok {
			out = append(out, a.Unmap())
		}
	}
	return out, ttl, err
}

// ask finds the records of a name, with the search list of the system. The TTL
// is the shortest on the way to them, aliases included.
func (r *Resolver) ask(ctx context.Context, name string, kind uint16) ([]dns.RR, time.Duration, error) {
	servers, names := r.plan(name)
	for _, full := range names {
		if _, ok := dns.IsDomainName(full); !ok {
			return nil, 0, errBadName
		}
		answer, err := r.query(ctx, servers, full, kind)
		if err != nil {
			return nil, 0, err
		}
		var list []dns.RR
		var ttl uint32
		for i, rr := range answer {
			if i == 0 || rr.Header().Ttl < ttl {
				ttl = rr.Header().Ttl
			}
			if rr.Header().Rrtype == kind && rr.Header().Class == dns.ClassINET {
				list = append(list, rr)
			}
		}
		if len(list) > 0 {
			return list, time.Duration(ttl) * time.Second, nil
		}
	}
	return nil, 0, nil
}

// plan says which servers are asked, and for which names one after the other.
func (r *Resolver) plan(name string) (servers, names []string) {
	if len(r.Servers) > 0 {
		for _, s := range r.Servers {
			servers = append(servers, s.String())
		}
		return servers, []string{dns.Fqdn(name)}
	}
	c, err := dns.ClientConfigFromFile(resolvConf)
	if err != nil || len(c.Servers) == 0 {
		// As the C library does without the file.
		c = &dns.ClientConfig{Servers: []string{"127.0.0.1"}, Port: "53", Ndots: 1}
	}
	c.Search = c.Search[:min(len(c.Search), maxSearch)]
	for _, s := range c.Servers[:min(len(c.Servers), maxServers)] {
		servers = append(servers, net.JoinHostPort(s, c.Port))
	}
	return servers, c.NameList(name)
}

// query asks one server after the other, and all of them once more.
func (r *Resolver) query(ctx context.Context, servers []string, name string, kind uint16) ([]dns.RR, error) {
	tries := r.Tries
	if tries == 0 {
		tries = 2
	}
	err := errNoServer
	for range tries {
		for _, server := range servers {
			answer, e := r.exchange(ctx, server, name, kind)
			if e == nil {
				return answer, nil
			}
			if ctx.Err() != nil {
				return nil, errNoServer
			}
			err = e
		}
	}
	return nil, err
}

// exchange asks one server once: by UDP, and by TCP where the answer has no room
// in a datagram. The library draws the id; the kernel draws the port, of a
// socket that hears that server alone.
func (r *Resolver) exchange(ctx context.Context, server, name string, kind uint16) ([]dns.RR, error) {
	q := new(dns.Msg).SetQuestion(name, kind)
	m, err := r.send(ctx, "udp", server, q)
	if err == nil && m.Truncated {
		m, err = r.send(ctx, "tcp", server, q)
	}
	switch {
	case err != nil:
		return nil, errNoServer
	case !m.Response || len(m.Question) != 1 || m.Question[0].Qtype != kind || !strings.EqualFold(m.Question[0].Name, name):
		return nil, errRefused
	case m.Rcode == dns.RcodeSuccess && len(m.Answer) == 0 && !m.Authoritative && !m.RecursionAvailable:
		return nil, errRefused // a referral to others, not a word on the name
	case m.Rcode == dns.RcodeSuccess:
		return m.Answer, nil
	case m.Rcode == dns.RcodeNameError:
		return nil, nil
	case m.Rcode == dns.RcodeNotImplemented && kind == dns.TypeNAPTR:
		return nil, nil // a server that knows no such records has none
	default:
		return nil, errRefused
	}
}

func (r *Resolver) send(ctx context.Context, network, server string, q *dns.Msg) (*dns.Msg, error) {
	timeout := r.Timeout
	if timeout == 0 {
		timeout = 2 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c := dns.Client{Net: network, Timeout: timeout}
	conn, err := c.DialContext(ctx, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	// The library looks at the deadline alone: nobody waits for it at the end.
	defer context.AfterFunc(ctx, crash.Guard(func() { conn.Close() }))()
	m, _, err := c.ExchangeWithConnContext(ctx, q, conn)
	return m, err
}
