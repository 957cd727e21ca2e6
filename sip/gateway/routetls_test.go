package gateway

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mask700/sip/transport"
	"mask700/sip/trunk"
)

// certificate is a self-signed one for a name.
func certificate(t *testing.T, name string) (tls.Certificate, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, parsed
}

// TestCertificateIsForTheName that the operator wrote, not for the address that
// the name system gave, nor for any name that an authority signs.
func TestCertificateIsForTheName(t *testing.T) {
	for name, good := range map[string]bool{"switch.example": true, "other.example": false} {
		t.Run(name, func(t *testing.T) {
			theirs, authority := certificate(t, name)
			listener, err := tls.Listen("tcp", "127.0.3.6:0", &tls.Config{Certificates: []tls.Certificate{theirs}})
			if err != nil {
				t.Fatal(err)
			}
			lines := make(chan string, 1)
			go func() {
				defer close(lines)
				c, err := listener.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				if line, err := bufio.NewReader(c).ReadString('\n'); err == nil {
					lines <- line
				}
			}()
			t.Cleanup(func() { listener.Close() })

			ours, _ := certificate(t, "gateway.example")
			roots := x509.NewCertPool()
			roots.AddCert(authority)
			r := newRouting(t, func(o *Options) {
				target, err := trunk.ParseTarget("sip:switch.example;transport=tls")
				if err != nil {
					t.Fatal(err)
				}
				o.Trunks[1].Targets = []trunk.Target{target}
				o.Listeners = append(o.Listeners, transport.Listener{
					Name: "in", Network: "tls", Bind: netip.MustParseAddrPort("127.0.3.2:0"),
					TLS: &tls.Config{Certificates: []tls.Certificate{ours}, RootCAs: roots},
				})
			})
			r.names.set("switch.example", listener.Addr().(*net.TCPAddr).AddrPort())
			r.becomes(0, "unknown")
			r.call("one")
			line, ok := <-lines
			if ok != good || good && !strings.HasPrefix(line, "INVITE sip:"+bob+"@switch.example SIP/2.0") {
				t.Errorf("the peer got %q, %t", line, ok)
			}
			if !good {
				eventually(t, "the call saw it", func() bool { return r.target(0).Hops[0].Losses == 1 })
			}
		})
	}
}
