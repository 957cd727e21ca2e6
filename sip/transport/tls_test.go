package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/netip"
	"testing"
	"time"
)

// selfSigned is a configuration for both ends of connections on the loopback.
func selfSigned(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, RootCAs: pool}
}

func TestTLS(t *testing.T) {
	h := newRecorder()
	secure := selfSigned(t)
	listener := Listener{Name: "tls", Network: "tls", Bind: netip.MustParseAddrPort("127.0.0.1:0"), TLS: secure}
	tr, err := Listen([]Listener{listener, listener}, h, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)

	// One of our listeners is the other's peer.
	out := Flow{Listener: 1, Network: TLS, Local: tr.Addr(1), Remote: tr.Addr(0)}
	tr.Send(out, []byte(options(1)), 1)
	got := next(t, "message", h.received)
	if got.peer == nil || got.peer.Server != "" || got.frame != options(1) || got.flow.Network != TLS || got.flow.Listener != 0 || got.flow.Local != tr.Addr(0) {
		t.Fatalf("got %+v", got)
	}
	tr.Send(got.flow, []byte(options(2)), 2)
	back := next(t, "answer", h.received)
	if back.peer == nil || back.peer.Server != "127.0.0.1" || back.frame != options(2) || back.flow.Listener != 1 || back.flow.Remote != tr.Addr(0) || back.flow.Local != tr.Addr(1) {
		t.Fatalf("got %+v", back)
	}
	none(t, "failure", h.failed)

	// Nobody speaks less than TLS 1.2 with us, nor anything else.
	old := &tls.Config{RootCAs: secure.RootCAs, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10, ServerName: "127.0.0.1"}
	if c, err := tls.Dial("tcp", tr.Addr(0).String(), old); err == nil {
		c.Close()
		t.Error("TLS 1.1 is spoken")
	}
	plain := dialTCP(t, tr.Addr(0))
	write(t, plain, options(3))
	eventually(t, "both handshakes failed", func() bool { return tr.Stats().Listeners[0].Handshakes == 2 })
	none(t, "message", h.received)
	none(t, "end", h.lost)
}

// A peer whose certificate is not the one of its address gets nothing.
func TestTLSPeerIsChecked(t *testing.T) {
	h := newRecorder()
	server := listen(t, newRecorder(), Options{}, "tls 127.0.0.1:0")
	tr := listen(t, h, Options{}, "tls 127.0.0.1:0")
	f := Flow{Network: TLS, Remote: server.Addr(0)}
	tr.Send(f, []byte(options(1)), 1)
	if failed := next(t, "failure", h.failed); failed.token != 1 || failed.flow != f {
		t.Errorf("failed %+v", failed)
	}
	if s := tr.Stats().Listeners[0]; s.Handshakes != 1 || s.Open != 0 || s.Opened != 0 {
		t.Errorf("counted %+v", s)
	}
	none(t, "end", h.lost)

	// Nobody says how to know the peer, so there is no connection.
	unnamed := listen(t, h, Options{DialTLS: func(int, netip.AddrPort) *tls.Config { return nil }}, "tls 127.0.0.1:0")
	unnamed.Send(f, []byte(options(1)), 2)
	if failed := next(t, "failure", h.failed); failed.token != 2 {
		t.Errorf("failed %+v", failed)
	}
	if s := unnamed.Stats().Listeners[0]; s.DialErrors != 1 || s.Open != 0 {
		t.Errorf("counted %+v", s)
	}

	named := listen(t, h, Options{DialTLS: func(listener int, remote netip.AddrPort) *tls.Config {
		if listener != 0 || remote != server.Addr(0) {
			t.Errorf("asked for %d %s", listener, remote)
		}
		return &tls.Config{RootCAs: server.listeners[0].TLS.RootCAs, ServerName: "127.0.0.1"}
	}}, "tls 127.0.0.1:0")
	named.Send(f, []byte(options(2)), 2)
	if got := next(t, "message", server.handler.(*recorder).received); got.frame != options(2) {
		t.Errorf("got %+v", got)
	}
}

func dialTLS(t testing.TB, tr *Transport, listener int) net.Conn {
	t.Helper()
	c, err := tls.Dial("tcp", tr.Addr(listener).String(), &tls.Config{RootCAs: tr.listeners[listener].TLS.RootCAs, ServerName: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
