package config

import "fmt"

// Warnings are what a good configuration does that its owner may not want, each in one sentence that names the
// line, if there is a file.
func (c Config) Warnings() []string {
	out := c.warnRetention()
	for i := range c.Trunks {
		t := &c.Trunks[i]
		if t.SRTP != "off" && !c.secured(t) {
			out = append(out, c.errorFor("the keys of the media travel in the clear, since signalling with this trunk does; "+
				"use a tls or wss listener and tls targets (RFC 4568 section 7)", fmt.Sprintf("trunks[%d].srtp", i)).Error())
		}
	}
	return out
}

// secured reports whether all signalling with a trunk is encrypted.
func (c *Config) secured(t *Trunk) bool {
	for _, target := range t.Targets {
		if target.Network() != TLS {
			return false
		}
	}
	if len(t.TLSNames) > 0 && len(t.Sources) == 0 {
		return true // it is known by its certificate alone
	}
	for network := range c.networks(t.Listen) {
		if network != TLS && network != WSS {
			return false
		}
	}
	return true
}
