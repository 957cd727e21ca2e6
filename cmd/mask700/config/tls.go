package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// Load reads the two files. TLS 1.2 is the oldest version spoken (RFC 9325).
func (c Certificate) Load() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
	if err != nil {
		return nil, fmt.Errorf("%s, %s: not a certificate and its key that can be read; check both files and their permissions: %w",
			c.Certificate, c.Key, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// Load reads the files.
func (l ListenerTLS) Load() (*tls.Config, error) {
	c, err := Certificate{Certificate: l.Certificate, Key: l.Key}.Load()
	if err != nil || l.ClientAuth == ClientNone || l.ClientAuth == "" {
		return c, err
	}
	if c.ClientCAs, err = LoadAuthorities(l.ClientCA); err != nil {
		return nil, err
	}
	c.ClientAuth = tls.RequireAndVerifyClientCert
	if l.ClientAuth == ClientRequest {
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return c, nil
}

// LoadAuthorities reads a file of certificates in PEM whose holders are believed when they sign others.
func LoadAuthorities(file string) (*x509.CertPool, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot be read; check the file and its permissions: %w", file, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s: no certificate in it; it must hold those of the authorities, in PEM", file)
	}
	return pool, nil
}
