package gateway

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"mask700/binding/cdr/cdrtest"
	"mask700/media"
	"mask700/sip/flow"
	"mask700/sip/transport"
	"mask700/sip/transport/transporttest"
	"mask700/sip/trunk"
)

// secured is a gateway with a TLS listener that knows its peers by their
// certificates, and a UDP one.
type secured struct {
	*Gateway
	peers, own *transporttest.Authority
}

func newSecured(t testing.TB, auth tls.ClientAuthType, trunks ...trunk.Trunk) *secured {
	t.Helper()
	s := &secured{peers: transporttest.NewAuthority(t), own: transporttest.NewAuthority(t)}
	here := netip.MustParseAddr("127.0.3.2")
	roots := map[string]*x509.CertPool{}
	for _, k := range trunks {
		roots[k.Name] = s.peers.Pool()
	}
	var err error
	s.Gateway, err = Start(Options{
		Listeners: []transport.Listener{
			{Name: "in", Network: "tls", Bind: netip.AddrPortFrom(here, 0), TLS: &tls.Config{
				Certificates: []tls.Certificate{s.own.Issue(transporttest.Holder{DNS: []string{"us.example"}})},
				ClientCAs:    s.peers.Pool(), ClientAuth: auth,
			}},
			{Name: "in", Network: "udp", Bind: netip.AddrPortFrom(here, 0)},
			{Name: "other", Network: "tls", Bind: netip.AddrPortFrom(here, 0), TLS: &tls.Config{
				Certificates: []tls.Certificate{s.own.Issue(transporttest.Holder{DNS: []string{"us.example"}})},
				ClientCAs:    s.peers.Pool(), ClientAuth: auth,
			}},
		},
		Trunks: trunks, Roots: roots, RingTimeout: time.Minute, DrainTime: time.Minute, Bindings: bindings(t), Journal: &cdrtest.Journal{},
		Media: func(on MediaEvents) (media.Engine, error) {
			return media.NewRelay(media.Options{Pools: []media.Pool{{Name: "in", Address: here, Min: 21000, Max: 21999}}, OnTimeout: on.Silent, OnSource: on.Source, OnKey: on.Key})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// dial connects to a listener with a certificate for names, or without one.
func (s *secured) dial(t *testing.T, from string, listener int, names ...string) *tls.Conn {
	t.Helper()
	config := &tls.Config{RootCAs: s.own.Pool(), ServerName: "us.example"}
	if len(names) > 0 {
		config.Certificates = []tls.Certificate{s.peers.Issue(transporttest.Holder{DNS: names})}
	}
	d := &net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0)), Timeout: 10 * time.Second}
	c, err := d.Dial("tcp", s.Addr(listener).String())
	if err != nil {
		return nil // reset before it was there
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return tls.Client(c, config)
}

// ping sends OPTIONS and reports whether it is answered, behind whatever else
// comes; if not, the connection is closed.
func ping(c net.Conn) bool {
	text := "OPTIONS sip:gateway SIP/2.0\r\nVia: SIP/2.0/TLS phone.invalid;branch=z9hG4bKping\r\nMax-Forwards: 70\r\n" +
		"From: <sip:phone.invalid>;tag=a\r\nTo: <sip:gateway>\r\nCall-ID: ping\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
	if _, err := io.WriteString(c, text); err != nil {
		return false
	}
	for lines := bufio.NewScanner(c); lines.Scan(); {
		if lines.Text() == "SIP/2.0 200 OK" {
			return true
		}
	}
	return false
}

func byName(name string) trunk.Trunk {
	return trunk.Trunk{Name: "named", TLSNames: []string{name}, Listen: "in", Media: "in", Caller: []trunk.CallerField{trunk.From}}
}

func TestTrunkByCertificate(t *testing.T) {
	wide := trunk.Trunk{Name: "wide", Sources: []netip.Prefix{netip.MustParsePrefix("127.0.4.0/24")}, Media: "in"}
	s := newSecured(t, tls.VerifyClientCertIfGiven, byName("sw1.example.net"), wide)
	for name, c := range map[string]struct {
		from     string
		listener int
		names    []string
		trunk    string // "": refused
	}{
		"by its certificate":                  {"127.0.5.1", 0, []string{"sw1.example.net"}, "named"},
		"by its certificate before address":   {"127.0.4.1", 0, []string{"sw1.example.net"}, "named"},
		"by address, without a certificate":   {"127.0.4.1", 0, nil, "wide"},
		"by address, with another's":          {"127.0.4.1", 0, []string{"sw2.example.net"}, "wide"},
		"a stranger, without a certificate":   {"127.0.5.1", 0, nil, ""},
		"a stranger, with another's":          {"127.0.5.1", 0, []string{"sw2.example.net"}, ""},
		"on a listener that is not its own":   {"127.0.5.1", 2, []string{"sw1.example.net"}, ""},
		"there by address, whoever it claims": {"127.0.4.1", 2, []string{"sw1.example.net"}, "wide"},
	} {
		t.Run(name, func(t *testing.T) {
			conn := s.dial(t, c.from, c.listener, c.names...)
			if answered := conn != nil && ping(conn); answered != (c.trunk != "") {
				t.Errorf("answered: %v", answered)
			}
			if c.trunk == "" {
				return
			}
			f := flow.Flow{Listener: uint16(c.listener), Network: flow.TLS, Remote: netip.AddrPortFrom(netip.MustParseAddr(c.from), 5061)}
			if got := s.trunkOf(f, &transport.Peer{Names: c.names}); got == nil || got.Name != c.trunk {
				t.Errorf("on %+v, want %s", got, c.trunk)
			}
		})
	}
}

// What a trunk is that shows its certificate, its address alone is not.
func TestTrunkByCertificateIsNotOneByAddress(t *testing.T) {
	server := listenTLS(t)
	k := byName("sw1.example.net")
	k.Targets = []trunk.Target{server.target("sw1.example.net")}
	s := newSecured(t, tls.RequireAndVerifyClientCert, k)
	peer := socket(t, server.addr.Addr().String())
	if _, err := peer.WriteToUDPAddrPort([]byte("OPTIONS sip:gateway SIP/2.0\r\n\r\n"), s.Addr(1)); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); s.Stats().Transport.Listeners[1].Refused == 0; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("a datagram from the address of a TLS target is not refused")
		}
	}
	if got := s.Allow(1, server.addr.Addr()); got != transport.Unproven {
		t.Errorf("standing %d", got)
	}
}

// tlsServer is a peer that is connected to.
type tlsServer struct {
	addr  netip.AddrPort
	conns chan *tls.Conn
	use   chan *tls.Config
}

// listenTLS accepts connections once serve has said how.
func listenTLS(t *testing.T) *tlsServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.6.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &tlsServer{addr: l.Addr().(*net.TCPAddr).AddrPort(), conns: make(chan *tls.Conn, 10), use: make(chan *tls.Config, 1)}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			config := <-s.use
			s.use <- config
			s.conns <- tls.Server(c, config)
		}
	}()
	return s
}

func (s *tlsServer) target(host string) trunk.Target {
	return trunk.Target{Host: host, Port: int(s.addr.Port()), Network: flow.TLS, Addr: s.addr}
}

// next is the next connection that shows who it is, or the error of one that
// does not like who we are.
func (s *tlsServer) next(t *testing.T) (*tls.Conn, error) {
	t.Helper()
	select {
	case c := <-s.conns:
		t.Cleanup(func() { c.Close() })
		if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		return c, c.Handshake()
	case <-time.After(10 * time.Second):
		t.Fatal("no connection came")
		panic("unreachable")
	}
}

// A call goes out to the server whose certificate is that of the target's host,
// with our own certificate, and what that server says on the connection belongs
// to its trunk.
func TestDialledByCertificate(t *testing.T) {
	for name, c := range map[string]struct {
		host, override string
		shows          []string
		ok             bool
	}{
		"the target's host":                  {"sw1.example.net", "", []string{"sw1.example.net"}, true},
		"the host that is written":           {"127.0.6.1", "sw1.example.net", []string{"sw1.example.net"}, true},
		"another host":                       {"sw1.example.net", "", []string{"sw2.example.net"}, false},
		"the host, where another is written": {"sw1.example.net", "sw3.example.net", []string{"sw1.example.net"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			server := listenTLS(t)
			named := byName("peer.example.net")
			named.TLSServerName = c.override
			named.Targets = []trunk.Target{server.target(c.host)}
			callers := trunk.Trunk{
				Name: "callers", Sources: []netip.Prefix{netip.MustParsePrefix("127.0.3.1/32")}, RouteTo: "named", Media: "in",
				Caller: []trunk.CallerField{trunk.From},
			}
			s := newSecured(t, tls.RequireAndVerifyClientCert, named, callers)
			server.use <- &tls.Config{
				Certificates: []tls.Certificate{s.peers.Issue(transporttest.Holder{DNS: c.shows})},
				ClientCAs:    s.own.Pool(), ClientAuth: tls.RequireAndVerifyClientCert,
			}
			caller := socket(t, "127.0.3.1")
			w := &world{t: t, gateway: s.Gateway, peer: caller}
			if _, err := caller.WriteToUDPAddrPort([]byte(w.request("INVITE", "call", alice, x, offer)), s.Addr(1)); err != nil {
				t.Fatal(err)
			}
			conn, err := server.next(t)
			if !c.ok {
				if err == nil {
					t.Error("a connection to a host of another name")
				}
				w.expect(500, "INVITE")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := conn.ConnectionState().PeerCertificates[0].DNSNames; len(got) != 1 || got[0] != "us.example" {
				t.Errorf("we show %q", got)
			}
			first := make([]byte, len("INVITE sip:"+bob))
			if _, err := io.ReadFull(conn, first); err != nil || string(first) != "INVITE sip:"+bob {
				t.Fatalf("the server does not get the INVITE: %v", err)
			}
			if !ping(conn) {
				t.Error("what the server asks is not answered")
			}
		})
	}
}

func TestServersAt(t *testing.T) {
	s := servers{}
	at := netip.MustParseAddrPort
	k := trunk.Trunk{Name: "a"}
	s.add(0, at("192.0.2.1:5061"), &k, trunk.Target{Host: "one.example"})
	s.add(0, at("192.0.2.1:5061"), &k, trunk.Target{Host: "two.example"})
	s.add(0, at("192.0.2.1:5071"), &k, trunk.Target{Host: "three.example"})
	s.add(1, at("192.0.2.2:5061"), &trunk.Trunk{Name: "b", TLSServerName: "four.example"}, trunk.Target{Host: "192.0.2.2"})
	for _, c := range []struct {
		listener   int
		remote     string
		host, name string
	}{
		{0, "192.0.2.1:5061", "one.example", "a"},
		{0, "192.0.2.1:5071", "three.example", "a"},
		{0, "192.0.2.1:40000", "one.example", "a"}, // a Contact of the same host
		{1, "192.0.2.2:5061", "four.example", "b"},
		{1, "192.0.2.1:5061", "", ""},
		{0, "192.0.2.3:5061", "", ""},
	} {
		got, ok := s.find(c.listener, at(c.remote))
		if got != (server{c.host, c.name}) || ok != (c.host != "") {
			t.Errorf("%d %s is %+v, %v", c.listener, c.remote, got, ok)
		}
	}
}

// Millions of sources may send; none of them leaves a trace.
func TestAllowAllocatesNothing(t *testing.T) {
	s := newSecured(t, tls.RequireAndVerifyClientCert, byName("sw1.example.net"), trunk.Trunk{
		Name: "wide", Sources: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Media: "in",
	})
	for _, from := range []string{"9.255.255.0", "127.0.0.0", "2001:db8::"} {
		src := netip.MustParseAddr(from)
		if n := testing.AllocsPerRun(1000, func() {
			src = src.Next()
			for listener := range 3 {
				s.Allow(listener, src)
			}
		}); n > 0 {
			t.Errorf("from %s on: %v allocations", from, n)
		}
	}
}
