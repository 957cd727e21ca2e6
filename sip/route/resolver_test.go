package route

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// nameServer is a name server on loopback, by UDP and TCP on one port.
type nameServer struct {
	addr netip.AddrPort

	asked struct {
		sync.Mutex // protects list
		list       []string
	}
}

// startServer answers with records of a zone file; edit may change an answer, or
// return false for none.
func startServer(t *testing.T, zone string, edit func(network string, m *dns.Msg) bool) *nameServer {
	t.Helper()
	var records []dns.RR
	for p := dns.NewZoneParser(strings.NewReader(zone), ".", ""); ; {
		rr, ok := p.Next()
		if !ok {
			if err := p.Err(); err != nil {
				t.Fatal(err)
			}
			break
		}
		records = append(records, rr)
	}
	s := &nameServer{}
	answer := func(network string) dns.HandlerFunc {
		return func(w dns.ResponseWriter, q *dns.Msg) {
			s.asked.Lock()
			s.asked.list = append(s.asked.list, network+" "+dns.TypeToString[q.Question[0].Qtype]+" "+q.Question[0].Name)
			s.asked.Unlock()
			m := new(dns.Msg).SetReply(q)
			m.RecursionAvailable = true
			m.Rcode = dns.RcodeNameError
			name := q.Question[0].Name
			for _, rr := range records { // an alias stands before what it leads to
				if !strings.EqualFold(rr.Header().Name, name) {
					continue
				}
				m.Rcode = dns.RcodeSuccess
				if c, ok := rr.(*dns.CNAME); ok {
					name = c.Target
				} else if rr.Header().Rrtype != q.Question[0].Qtype {
					continue
				}
				m.Answer = append(m.Answer, rr)
			}
			if edit == nil || edit(network, m) {
				_ = w.WriteMsg(m) // the test sees when no answer comes
			}
		}
	}
	packets, err := net.ListenPacket("udp4", "127.0.4.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = packets.LocalAddr().(*net.UDPAddr).AddrPort()
	streams, err := net.Listen("tcp4", s.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range []*dns.Server{
		{PacketConn: packets, Handler: answer("udp")},
		{Listener: streams, Handler: answer("tcp")},
	} {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		go server.ActivateAndServe()
		<-started
		t.Cleanup(func() { server.Shutdown() })
	}
	return s
}

func (s *nameServer) questions() []string {
	s.asked.Lock()
	defer s.asked.Unlock()
	return s.asked.list
}

const exampleZone = `
example.com. 300 IN NAPTR 10 10 "s" "SIPS+D2T" "" _sips._tcp.example.com.
example.com. 200 IN NAPTR 10 20 "S" "SIP+D2U" "" _sip._udp.example.com.
_sip._udp.example.com. 60 IN SRV 1 10 5060 a.example.com.
_sip._udp.example.com. 60 IN SRV 2 10 5070 alias.example.com.
_sips._tcp.example.com. 60 IN SRV 1 10 5061 a.example.com.
a.example.com. 90 IN A 192.0.2.1
a.example.com. 90 IN AAAA 2001:db8::1
alias.example.com. 20 IN CNAME b.example.com.
b.example.com. 90 IN A 192.0.2.2
b.example.com. 90 IN A 192.0.2.3
txt.example.com. 90 IN TXT "nothing to see"
`

// quick is a resolver of these servers that does not wait long.
func quick(servers ...netip.AddrPort) *Resolver {
	return &Resolver{Servers: servers, Timeout: 100 * time.Millisecond}
}

func TestResolverFollowsTheChain(t *testing.T) {
	s := startServer(t, exampleZone, nil)
	r := &Resolver{Servers: []netip.AddrPort{s.addr}}
	a, err := Resolve(t.Context(), r, target(t, "sip:example.com"), reachOf("udp4 tls4 tls6"))
	if err != nil {
		t.Fatal(err)
	}
	want := "0 tls 192.0.2.1:5061 w160, 0 tls [2001:db8::1]:5061 w160, 1 udp 192.0.2.1:5060 w320, 2 udp 192.0.2.2:5070 w160, 2 udp 192.0.2.3:5070 w160"
	if got := text(a.Places); got != want || a.TTL != 20*time.Second {
		t.Errorf("%s for %s, want\n%s", got, a.TTL, want)
	}
	for _, q := range s.questions() {
		if strings.HasPrefix(q, "tcp") {
			t.Errorf("asked by TCP: %s", q)
		}
	}
	for _, uri := range []string{"sip:nobody.example", "sip:txt.example.com"} {
		if a, err := Resolve(t.Context(), r, target(t, uri), reachOf("udp4")); len(a.Places) != 0 || err != nil {
			t.Errorf("%s is %s, %v", uri, text(a.Places), err)
		}
	}
	long := "sip:" + strings.Repeat("x", 64) + ".example"
	if _, err := Resolve(t.Context(), r, target(t, long), reachOf("udp4")); !errors.Is(err, errBadName) {
		t.Errorf("a label of 64 letters: %v", err)
	}
}

func TestResolverTakesTCPForWhatIsTruncated(t *testing.T) {
	var zone strings.Builder
	for i := range 60 {
		fmt.Fprintf(&zone, "big.example. 60 IN A 192.0.2.%d\n", i+1)
	}
	s := startServer(t, zone.String(), func(network string, m *dns.Msg) bool {
		if network == "udp" {
			m.Truncate(dns.MinMsgSize)
		}
		return true
	})
	list, ttl, err := quick(s.addr).Addresses(t.Context(), "big.example", false)
	if len(list) != 60 || ttl != time.Minute || err != nil {
		t.Errorf("%d addresses for %s, %v", len(list), ttl, err)
	}
	if got := strings.Join(s.questions(), ", "); got != "udp A big.example., tcp A big.example." {
		t.Errorf("asked %s", got)
	}
}

// TestResolverGoesOn to the next server, and round once more.
func TestResolverGoesOn(t *testing.T) {
	dumb := startServer(t, "", func(string, *dns.Msg) bool { return false })
	good := startServer(t, exampleZone, nil)
	ask := func(ctx context.Context, servers ...netip.AddrPort) error {
		list, _, err := quick(servers...).Addresses(ctx, "a.example.com", false)
		if err == nil && len(list) != 1 {
			return errors.New("not what it says")
		}
		return err
	}
	if err := ask(t.Context(), dumb.addr, good.addr); err != nil {
		t.Errorf("beside a server that is silent: %v", err)
	}
	if n := len(dumb.questions()); n != 1 {
		t.Errorf("the silent server was asked %d times, want 1", n)
	}
	if err := ask(t.Context(), dumb.addr); !errors.Is(err, errNoServer) {
		t.Errorf("of a silent server alone: %v", err)
	}
	if n := len(dumb.questions()); n != 3 {
		t.Errorf("the silent server was asked %d times in all, want 3", n)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ask(over, dumb.addr, good.addr); err == nil {
		t.Error("an answer after the end")
	}

	for name, edit := range map[string]func(*dns.Msg){
		"that fails":               func(m *dns.Msg) { m.Rcode, m.Answer = dns.RcodeServerFailure, nil },
		"that refuses":             func(m *dns.Msg) { m.Rcode, m.Answer = dns.RcodeRefused, nil },
		"that refers to others":    func(m *dns.Msg) { m.Answer, m.RecursionAvailable = nil, false },
		"of another question":      func(m *dns.Msg) { m.Question[0].Name = "z.example." },
		"of another kind":          func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeTXT },
		"that asks itself":         func(m *dns.Msg) { m.Response = false },
		"that is not implemented":  func(m *dns.Msg) { m.Rcode, m.Answer = dns.RcodeNotImplemented, nil },
		"that answers no question": func(m *dns.Msg) { m.Question = nil },
	} {
		bad := startServer(t, exampleZone, func(_ string, m *dns.Msg) bool { edit(m); return true })
		if err := ask(t.Context(), bad.addr, good.addr); err != nil {
			t.Errorf("beside a server %s: %v", name, err)
		}
		if err := ask(t.Context(), bad.addr); !errors.Is(err, errRefused) {
			t.Errorf("of a server %s: %v", name, err)
		}
	}
}

// TestResolverDoesNotBelieveAnotherID: an answer with another id is passed over.
func TestResolverDoesNotBelieveAnotherID(t *testing.T) {
	s := startServer(t, exampleZone, func(_ string, m *dns.Msg) bool { m.Id++; return true })
	if list, _, err := quick(s.addr).Addresses(t.Context(), "a.example.com", false); err == nil {
		t.Errorf("believed %v", list)
	}
}

// TestServerThatKnowsNoNAPTR: it has none, which is an answer.
func TestServerThatKnowsNoNAPTR(t *testing.T) {
	s := startServer(t, exampleZone, func(_ string, m *dns.Msg) bool {
		if m.Question[0].Qtype == dns.TypeNAPTR {
			m.Rcode, m.Answer = dns.RcodeNotImplemented, nil
		}
		return true
	})
	a, err := Resolve(t.Context(), quick(s.addr), target(t, "sip:example.com"), reachOf("tls4"))
	if got := text(a.Places); got != "0 tls 192.0.2.1:5061 w320" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
}

// TestResolverEndsWithItsContext at once, not when its server has had its time.
func TestResolverEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := startServer(t, "", func(string, *dns.Msg) bool { cancel(); return false })
	r := &Resolver{Servers: []netip.AddrPort{s.addr}, Timeout: time.Hour}
	if _, _, err := r.SRV(ctx, "a.example.com"); err == nil {
		t.Error("an answer that nobody gave")
	}
}

// TestSystemServers: without servers of its own a Resolver has those of the
// system, with its search list; a name that came in an answer gets none.
func TestSystemServers(t *testing.T) {
	servers, names := new(Resolver).plan("a.example.com")
	if len(servers) == 0 || len(servers) > maxServers || len(names) == 0 {
		t.Errorf("servers %v for %v", servers, names)
	}
	if _, names := new(Resolver).plan("a.example.com."); len(names) != 1 || names[0] != "a.example.com." {
		t.Errorf("names %v", names)
	}
	servers, names = quick(netip.MustParseAddrPort("127.0.0.1:53")).plan("switch")
	if fmt.Sprint(servers, names) != "[127.0.0.1:53] [switch.]" {
		t.Errorf("%v %v", servers, names)
	}
}

// TestHostsFile: a name of the hosts file needs no server, and no server is asked
// for one that is not in it.
func TestHostsFile(t *testing.T) {
	s := startServer(t, "", nil)
	r := quick(s.addr)
	loopback := false
	for _, a := range r.Hosts(t.Context(), "localhost") {
		loopback = loopback || a.IsLoopback()
	}
	if !loopback {
		t.Error("localhost is not in the hosts file")
	}
	if list := r.Hosts(t.Context(), "nobody.example"); len(list) != 0 {
		t.Errorf("nobody is %v", list)
	}
	a, err := Resolve(t.Context(), r, target(t, "sip:localhost:5070"), reachOf("udp4"))
	if text(a.Places) != "0 udp 127.0.0.1:5070" || err != nil || len(s.questions()) != 0 {
		t.Errorf("%s, %v, asked %v", text(a.Places), err, s.questions())
	}
}
