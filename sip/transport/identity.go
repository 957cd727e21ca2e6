package transport

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
)

// Why a certificate does not do. None repeats anything of it: what stands in a
// certificate is text of the peer's, and a phone's may name a subscriber.
var (
	errNoCertificate = errors.New("the peer shows no certificate")
	errOtherName     = errors.New("the certificate is another host's")
	errUnknownName   = errors.New("the certificate names nobody who may connect")
	errNoConfig      = errors.New("nothing is configured for TLS to this address")
)

var subjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}

// domains are what a certificate vouches for as domains of SIP, in lower case
// (RFC 5922 section 7.1): the hosts of its sip URIs, those with a user excepted,
// who is a person; if there is none its DNS names; and the common name only
// where it has no subjectAltName at all. A name with a wildcard is no domain
// (section 7.2).
func domains(c *x509.Certificate) []string {
	var out []string
	add := func(name string) {
		name = strings.ToLower(strings.TrimSuffix(name, "."))
		if isDomain(name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	for _, u := range c.URIs {
		if !strings.EqualFold(u.Scheme, "sip") || strings.Contains(u.Opaque, "@") {
			continue
		}
		host, _, _ := strings.Cut(u.Opaque, ";")
		host, _, _ = strings.Cut(host, ":")
		add(host)
	}
	if len(out) == 0 {
		for _, name := range c.DNSNames {
			add(name)
		}
	}
	if !slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(subjectAltName) }) {
		add(c.Subject.CommonName)
	}
	return out
}

// isDomain accepts a DNS name of at least one letter: an address is none, nor
// is a telephone number.
func isDomain(s string) bool {
	if s == "" || len(s) > 253 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
		return false
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return false
	}
	return strings.Trim(s, "0123456789-_.") != "" && !strings.HasPrefix(s, ".") && !strings.Contains(s, "..")
}

// vouchesFor reports whether a certificate is a host's: exactly, without
// wildcards (RFC 5922 section 7.2). An address has to be among its addresses.
func vouchesFor(c *x509.Certificate, host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if a, err := netip.ParseAddr(host); err == nil {
		a = a.Unmap().WithZone("")
		return slices.ContainsFunc(c.IPAddresses, func(ip net.IP) bool {
			own, ok := netip.AddrFromSlice(ip)
			return ok && own.Unmap() == a
		})
	}
	return slices.Contains(domains(c), host)
}

// ClientTLS is a configuration for connections to a host, which may be a name or
// an address: the certificate of the peer has to be that host's (RFC 5922
// section 7.3), signed by one of roots, or of the system's where that is nil.
// Own are our certificates, shown if the peer asks for one.
func ClientTLS(host string, roots *x509.CertPool, own []tls.Certificate) *tls.Config {
	return &tls.Config{
		ServerName:   strings.TrimSuffix(host, "."),
		Certificates: own,
		RootCAs:      roots,
		MinVersion:   tls.VersionTLS12,
		// Not without a look: the package's own would take wildcards, and no URI.
		InsecureSkipVerify: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			if err := signed(s.PeerCertificates, roots, x509.ExtKeyUsageServerAuth); err != nil {
				return err
			}
			if !vouchesFor(s.PeerCertificates[0], host) {
				return errOtherName
			}
			return nil
		},
	}
}

// serverTLS is a listener's configuration as the handshake needs it.
//
// Certificates of peers are verified here and not by the package, which wants
// one made for clients: the other end of a trunk is a domain that has one
// certificate for both roles, and public authorities sign none for clients.
func serverTLS(c *tls.Config) *tls.Config {
	c = modern(c)
	// A connection lasts for hours; tickets would tie one to the next for whoever
	// watches.
	c.SessionTicketsDisabled = true
	if !asksForCertificate(c) {
		return c
	}
	roots, required := c.ClientCAs, c.ClientAuth == tls.RequireAndVerifyClientCert
	c.ClientAuth = tls.RequestClientCert
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			if required {
				return errNoCertificate
			}
			return nil
		}
		return signed(s.PeerCertificates, roots, x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth)
	}
	return c
}

// asksForCertificate reports whether a listener learns who its peers are.
func asksForCertificate(c *tls.Config) bool {
	return c != nil && c.ClientAuth >= tls.VerifyClientCertIfGiven
}

// signed verifies a chain for any of the usages.
func signed(chain []*x509.Certificate, roots *x509.CertPool, usages ...x509.ExtKeyUsage) error {
	if len(chain) == 0 {
		return errNoCertificate
	}
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), KeyUsages: usages}
	for _, c := range chain[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(o)
	return err
}

// modern is a configuration without the versions before TLS 1.2 (RFC 8996).
func modern(c *tls.Config) *tls.Config {
	c = c.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	return c
}

// handshakeFault is why a handshake failed, in words of our own.
func handshakeFault(err error) string {
	var (
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
		remote    *net.OpError
		record    tls.RecordHeaderError
		number    syscall.Errno
	)
	for _, own := range []error{errNoCertificate, errOtherName, errUnknownName, errUpgrade} {
		if errors.Is(err, own) {
			return own.Error()
		}
	}
	switch {
	case errors.As(err, &authority):
		return "the certificate is signed by nobody who is trusted"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate is not valid now"
	case errors.As(err, &invalid):
		return "the certificate is not valid for this"
	case errors.As(err, &remote) && remote.Op == "remote error":
		return "the peer refuses: " + remote.Err.Error() // the name of an alert (RFC 8446 section 6)
	case errors.As(err, &record):
		return "the peer does not speak TLS"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "the peer takes too long"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the peer ended the connection"
	case errors.As(err, &number):
		return number.Error()
	}
	return "no TLS that both speak"
}
