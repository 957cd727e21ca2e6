package config

import (
	"crypto/tls"
	"fmt"
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
