package transport

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mask700/sip/transport/transporttest"
)

type holder = transporttest.Holder

func TestDomains(t *testing.T) {
	a := transporttest.NewAuthority(t)
	for name, test := range map[string]struct {
		holder holder
		want   []string
	}{
		"DNS names":                     {holder{DNS: []string{"SW1.example.net", "sw2.example.net", "sw1.example.net"}}, []string{"sw1.example.net", "sw2.example.net"}},
		"a sip URI":                     {holder{URIs: []string{"sip:example.net"}}, []string{"example.net"}},
		"a sip URI before DNS names":    {holder{URIs: []string{"SIP:Example.net:5061;x=y"}, DNS: []string{"sw1.example.net"}}, []string{"example.net"}},
		"a user is no domain":           {holder{URIs: []string{"sip:13800138000@example.net"}}, nil},
		"a user beside a DNS name":      {holder{URIs: []string{"sip:13800138000@example.net"}, DNS: []string{"sw1.example.net"}}, []string{"sw1.example.net"}},
		"another scheme":                {holder{URIs: []string{"sips:example.net", "https://example.net/"}}, nil},
		"common name alone":             {holder{CommonName: "sw1.example.net"}, []string{"sw1.example.net"}},
		"common name beside a SAN":      {holder{CommonName: "sw1.example.net", DNS: []string{"sw2.example.net"}}, []string{"sw2.example.net"}},
		"common name beside an address": {holder{CommonName: "sw1.example.net", IPs: []string{"192.0.2.1"}}, nil},
		"a number as common name":       {holder{CommonName: "13800138000"}, nil},
		"an address as common name":     {holder{CommonName: "192.0.2.1"}, nil},
		"a sentence as common name":     {holder{CommonName: "the switch"}, nil},
		"wildcards are no domains":      {holder{DNS: []string{"*.example.net", "sw1.example.net"}}, []string{"sw1.example.net"}},
	} {
		if got := domains(a.Issue(test.holder).Leaf); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestVouchesFor(t *testing.T) {
	a := transporttest.NewAuthority(t)
	leaf := a.Issue(holder{DNS: []string{"sw1.example.net", "*.wild.example.net"}, IPs: []string{"192.0.2.1", "2001:db8::1"}}).Leaf
	for host, want := range map[string]bool{
		"sw1.example.net": true, "SW1.Example.NET.": true, "192.0.2.1": true, "2001:db8::1": true, "::ffff:192.0.2.1": true,
		"sw2.example.net": false, "a.wild.example.net": false, "*.wild.example.net": false, "192.0.2.2": false, "": false,
	} {
		if got := vouchesFor(leaf, host); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
}

// mutual is a listener that wants certificates, whose log is kept.
type mutual struct {
	*Transport
	recorder *recorder
	own      *transporttest.Authority
	peers    *transporttest.Authority
	log      *syncBuffer
}

// syncBuffer is a log that several goroutines write.
type syncBuffer struct {
	sync.Mutex // protects what follows
	text       bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.Lock()
	defer b.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.Lock()
	defer b.Unlock()
	return b.text.String()
}

const memberName = "sw1.example.net"

// listenMutual knows some addresses, and of names only memberName.
func listenMutual(t *testing.T, network string, auth tls.ClientAuthType, o Options, addresses ...string) *mutual {
	t.Helper()
	m := &mutual{recorder: newRecorder(), own: transporttest.NewAuthority(t), peers: transporttest.NewAuthority(t), log: &syncBuffer{}}
	m.recorder.allow = func(_ int, src netip.Addr) bool { return slices.Contains(addresses, src.String()) }
	m.recorder.admit = func(_ int, names []string) bool { return slices.Contains(names, memberName) }
	o.Logger = slog.New(slog.NewTextHandler(m.log, nil))
	o.AnswerTimeout = 10 * time.Millisecond
	var err error
	m.Transport, err = Listen([]Listener{{
		Name: "secure", Network: network, Bind: netip.MustParseAddrPort("127.0.0.1:0"),
		TLS: &tls.Config{
			Certificates: []tls.Certificate{m.own.Issue(holder{IPs: []string{"127.0.0.1"}})},
			ClientCAs:    m.peers.Pool(), ClientAuth: auth,
		},
	}}, m.recorder, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// client is how a peer with a certificate connects.
func (m *mutual) client(certificates ...tls.Certificate) *tls.Config {
	return &tls.Config{
		RootCAs: m.own.Pool(), ServerName: "127.0.0.1",
		// Whatever the listener asks for, this is what it gets.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if len(certificates) == 0 {
				return &tls.Certificate{}, nil
			}
			return &certificates[0], nil
		},
	}
}

// closed reports whether a connection ends, in the handshake or behind it,
// without a word of SIP.
func (m *mutual) closed(t *testing.T, config *tls.Config) bool {
	t.Helper()
	c, err := tls.Dial("tcp", m.Addr(0).String(), config)
	if err != nil {
		return true
	}
	defer c.Close()
	if _, err := io.WriteString(c, options(1)); err != nil {
		return true
	}
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	_, err = c.Read(make([]byte, 1))
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

func TestMutualTLS(t *testing.T) {
	m := listenMutual(t, "tls", tls.RequireAndVerifyClientCert, Options{})
	for name, h := range map[string]holder{
		"for clients": {DNS: []string{memberName}, Usage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}},
		// What public authorities sign.
		"for servers":     {DNS: []string{memberName}, Usage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}},
		"for anything":    {URIs: []string{"sip:" + memberName}},
		"by common name":  {CommonName: memberName},
		"of several":      {DNS: []string{"other.example.net", memberName}},
		"in another case": {DNS: []string{"SW1.Example.Net"}},
	} {
		c, err := tls.Dial("tcp", m.Addr(0).String(), m.client(m.peers.Issue(h)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		write(t, c, options(1))
		got := next(t, "message", m.recorder.received)
		if !slices.Contains(got.peer.Names, memberName) || got.peer.Server != "" {
			t.Errorf("%s: the peer is %+v", name, got.peer)
		}
		m.Send(got.flow, []byte("answer"), 1)
		read(t, c, "answer")
		c.Close()
		next(t, "end", m.recorder.lost)
	}
	if s := m.Stats().Listeners[0]; s.Refused != 0 || s.Handshakes != 0 || s.Opened != 6 {
		t.Errorf("counted %+v", s)
	}
}

func TestMutualTLSRefuses(t *testing.T) {
	const number = "13800138000"
	stranger := transporttest.NewAuthority(t)
	for name, test := range map[string]struct {
		auth        tls.ClientAuthType
		certificate func(m *mutual) []tls.Certificate
		handshakes  uint64 // failed; else the connection is refused behind it
		says        string
	}{
		"no certificate": {tls.RequireAndVerifyClientCert, func(*mutual) []tls.Certificate { return nil }, 1, "shows no certificate"},
		"no certificate where one is asked for": {
			tls.VerifyClientCertIfGiven, func(*mutual) []tls.Certificate { return nil }, 0, "names nobody who may connect",
		},
		"signed by a stranger": {tls.RequireAndVerifyClientCert, func(*mutual) []tls.Certificate {
			return []tls.Certificate{stranger.Issue(holder{CommonName: number, DNS: []string{memberName}})}
		}, 1, "signed by nobody who is trusted"},
		"signed by a stranger, asked for": {tls.VerifyClientCertIfGiven, func(*mutual) []tls.Certificate {
			return []tls.Certificate{stranger.Issue(holder{DNS: []string{memberName}})}
		}, 1, "signed by nobody who is trusted"},
		"out of its time": {tls.RequireAndVerifyClientCert, func(m *mutual) []tls.Certificate {
			return []tls.Certificate{m.peers.Issue(holder{DNS: []string{memberName}, CommonName: number, Expired: true})}
		}, 1, "not valid now"},
		"for another use": {tls.RequireAndVerifyClientCert, func(m *mutual) []tls.Certificate {
			return []tls.Certificate{m.peers.Issue(holder{DNS: []string{memberName}, Usage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}})}
		}, 1, "not valid for this"},
		"of somebody else": {tls.RequireAndVerifyClientCert, func(m *mutual) []tls.Certificate {
			return []tls.Certificate{m.peers.Issue(holder{DNS: []string{"sw2.example.net"}, CommonName: number})}
		}, 0, "names nobody who may connect"},
		"of a subscriber": {tls.RequireAndVerifyClientCert, func(m *mutual) []tls.Certificate {
			return []tls.Certificate{m.peers.Issue(holder{URIs: []string{"sip:" + number + "@" + memberName}})}
		}, 0, "names nobody who may connect"},
	} {
		t.Run(name, func(t *testing.T) {
			m := listenMutual(t, "tls", test.auth, Options{})
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				config := m.client(test.certificate(m)...)
				config.MinVersion, config.MaxVersion = version, version
				if !m.closed(t, config) {
					t.Error("not closed")
				}
			}
			none(t, "message", m.recorder.received)
			eventually(t, "both are counted", func() bool {
				s := m.Stats().Listeners[0]
				return s.Handshakes == 2*test.handshakes && s.Refused == 2-2*test.handshakes && s.Open == 0
			})
			if log := m.log.String(); !strings.Contains(log, test.says) || strings.Contains(log, number) || strings.Contains(log, "example.net") {
				t.Errorf("logged, want %q and no name:\n%s", test.says, log)
			}
			none(t, "end", m.recorder.lost)
		})
	}
}

// A source that is known by its address needs no certificate where one is only
// asked for, and is no stranger for one that is not known.
func TestKnownAddressNeedsNoName(t *testing.T) {
	m := listenMutual(t, "tls", tls.VerifyClientCertIfGiven, Options{}, "127.0.0.1")
	for _, certificates := range [][]tls.Certificate{nil, {m.peers.Issue(holder{DNS: []string{"sw2.example.net"}})}} {
		c, err := tls.Dial("tcp", m.Addr(0).String(), m.client(certificates...))
		if err != nil {
			t.Fatal(err)
		}
		write(t, c, options(1))
		if got := next(t, "message", m.recorder.received); len(got.peer.Names) != len(certificates) {
			t.Errorf("the peer is %+v", got.peer)
		}
		c.Close()
	}
}

// Those who never say who they are take no place from those who are known.
func TestHalfOpenHandshakesAreBounded(t *testing.T) {
	m := listenMutual(t, "tls", tls.RequireAndVerifyClientCert, Options{MaxUnproven: 2}, "127.0.0.2")
	from := func(addr string) *tls.Conn {
		c := dialFrom(t, addr, m.Addr(0))
		return tls.Client(c, m.client(m.peers.Issue(holder{DNS: []string{memberName}})))
	}
	silent := from("127.0.0.3")
	from("127.0.0.4")
	eventually(t, "both are open", func() bool { return m.Stats().Listeners[0].Open == 2 })
	// It is reset, perhaps before its connect has returned.
	if c, err := net.DialTimeout("tcp", m.Addr(0).String(), patience); err == nil {
		defer c.Close()
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("a third one is let in")
		}
	}
	eventually(t, "the third one is counted", func() bool { return m.Stats().Listeners[0].OverLimit == 1 })
	known := from("127.0.0.2")
	write(t, known, options(1))
	next(t, "message of the one who is known", m.recorder.received)

	// One that shows who it is makes room for the next.
	write(t, silent, options(2))
	next(t, "message of the one who took its time", m.recorder.received)
	write(t, from("127.0.0.6"), options(3))
	next(t, "message of the next", m.recorder.received)
}

// Where nobody asks for certificates, or there is no TLS, an address is all that
// there is to know.
func TestUnprovenIsAStrangerElsewhere(t *testing.T) {
	h := newRecorder()
	h.allow = func(int, netip.Addr) bool { return false }
	h.admit = func(int, []string) bool { return true }
	tr := listen(t, h, Options{}, "udp 127.0.0.1:0", "tcp 127.0.0.1:0", "tls 127.0.0.1:0", "ws 127.0.0.1:0")
	write(t, dialUDP(t, "127.0.0.1:0", tr.Addr(0)), options(1))
	for i := 1; i < 4; i++ {
		// The reset may be there before the connection.
		if c, err := net.DialTimeout("tcp", tr.Addr(i).String(), patience); err == nil {
			t.Cleanup(func() { c.Close() })
		}
	}
	for i := range 4 {
		eventually(t, "it is refused", func() bool { return tr.Stats().Listeners[i].Refused == 1 })
	}
	none(t, "message", h.received)
}

func TestListenWantsAnAuthority(t *testing.T) {
	_, err := Listen([]Listener{{
		Name: "a", Network: "tls", Bind: netip.MustParseAddrPort("127.0.0.1:0"),
		TLS: &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert},
	}}, newRecorder(), Options{})
	if err == nil || !strings.Contains(err.Error(), "no authority") {
		t.Errorf("%v", err)
	}
}

// A server that does not like our certificate says so when we think that the
// handshake is over: what was sent by then has failed, at once.
func TestServerRefusesOurCertificate(t *testing.T) {
	good, stranger := transporttest.NewAuthority(t), transporttest.NewAuthority(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		server, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
			Certificates: []tls.Certificate{good.Issue(holder{DNS: []string{memberName}})}, MaxVersion: version,
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: good.Pool(),
		})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		t.Cleanup(func() { server.Close(); <-done })
		go func() {
			defer close(done)
			for {
				c, err := server.Accept()
				if err != nil {
					return
				}
				_ = c.(*tls.Conn).Handshake() // it fails
				// Until the client has gone: what it sent would reset the alert away.
				_, _ = io.Copy(io.Discard, c.(*tls.Conn).NetConn())
				c.Close()
			}
		}()
		h, log := newRecorder(), &syncBuffer{}
		tr := listen(t, h, Options{Logger: slog.New(slog.NewTextHandler(log, nil)), DialTLS: func(int, netip.AddrPort) *tls.Config {
			c := ClientTLS(memberName, good.Pool(), nil)
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				own := stranger.Issue(holder{DNS: []string{"us.example"}})
				return &own, nil
			}
			return c
		}}, "tls 127.0.0.1:0")
		f := Flow{Network: TLS, Remote: addrPortOf(server.Addr())}
		for token := range uint64(3) {
			tr.Send(f, []byte(options(1)), token+1)
		}
		failed := map[uint64]bool{}
		for range 3 {
			one := next(t, "failure", h.failed)
			failed[one.token] = one.flow == f
		}
		if len(failed) != 3 {
			t.Errorf("failed %v", failed)
		}
		eventually(t, "it is counted", func() bool {
			s := tr.Stats().Listeners[0]
			return s.Handshakes > 0 && s.SendErrors == 3
		})
		if !strings.Contains(log.String(), "the peer refuses") {
			t.Errorf("logged:\n%s", log)
		}
		none(t, "failure", h.failed)
	}
}

// A server is who its certificate says, not who it is at the address of.
func TestServersCertificate(t *testing.T) {
	good, other := transporttest.NewAuthority(t), transporttest.NewAuthority(t)
	for name, test := range map[string]struct {
		holder holder
		by     *transporttest.Authority
		host   string
		ok     bool
	}{
		"its name":            {holder{DNS: []string{memberName}}, good, memberName, true},
		"its domain":          {holder{URIs: []string{"sip:example.net"}, DNS: []string{memberName}}, good, "example.net", true},
		"its host, by domain": {holder{URIs: []string{"sip:example.net"}, DNS: []string{memberName}}, good, memberName, false},
		"its address":         {holder{IPs: []string{"127.0.0.1"}}, good, "127.0.0.1", true},
		"another address":     {holder{IPs: []string{"127.0.0.2"}}, good, "127.0.0.1", false},
		"another name":        {holder{DNS: []string{"sw2.example.net"}, IPs: []string{"127.0.0.1"}}, good, memberName, false},
		"a wildcard":          {holder{DNS: []string{"*.example.net"}}, good, memberName, false},
		"for clients only":    {holder{DNS: []string{memberName}, Usage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, good, memberName, false},
		"another authority":   {holder{DNS: []string{memberName}}, other, memberName, false},
		"out of its time":     {holder{DNS: []string{memberName}, Expired: true}, good, memberName, false},
	} {
		t.Run(name, func(t *testing.T) {
			own := good.Issue(holder{DNS: []string{"us.example.net"}})
			server, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
				Certificates: []tls.Certificate{test.by.Issue(test.holder)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: good.Pool(),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			got := make(chan string, 1)
			go func() {
				c, err := server.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				b := make([]byte, len(options(1)))
				if _, err := io.ReadFull(c, b); err == nil {
					got <- c.(*tls.Conn).ConnectionState().PeerCertificates[0].DNSNames[0] + " " + string(b)
				}
			}()
			h := newRecorder()
			tr := listen(t, h, Options{DialTLS: func(int, netip.AddrPort) *tls.Config {
				return ClientTLS(test.host, good.Pool(), []tls.Certificate{own})
			}}, "tls 127.0.0.1:0")
			tr.Send(Flow{Network: TLS, Remote: addrPortOf(server.Addr())}, []byte(options(1)), 1)
			if test.ok {
				if m := next(t, "message", got); m != "us.example.net "+options(1) {
					t.Errorf("got %q", m)
				}
				return
			}
			if failed := next(t, "failure", h.failed); failed.token != 1 {
				t.Errorf("failed %+v", failed)
			}
			none(t, "message", got)
			if s := tr.Stats().Listeners[0]; s.Handshakes != 1 || s.Opened != 0 {
				t.Errorf("counted %+v", s)
			}
		})
	}
}
