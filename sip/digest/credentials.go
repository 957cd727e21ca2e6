package digest

import (
	"crypto/subtle"
	"strconv"
	"strings"

	icholy "github.com/icholy/digest"

	"mask700/sip/message"
)

// credentials are one Authorization value as it was read.
type credentials struct {
	user, realm, nonce, uri, response string
	algorithm                         string // of the constants
	qop, cnonce                       string
	count                             uint32 // nc; without a qop the nonce serves once, which is 1
}

// readCredentials reads credentials for a qop of auth or none. False for what no
// challenge of ours could have brought about.
func readCredentials(value string) (credentials, bool) {
	p, ok := params(value)
	if !ok {
		return credentials{}, false
	}
	c := credentials{
		user: p["username"], realm: p["realm"], nonce: p["nonce"], uri: p["uri"], response: p["response"],
		qop: strings.ToLower(p["qop"]), cnonce: p["cnonce"], count: 1,
	}
	base, sess, ok := algorithm(p["algorithm"])
	if !ok || sess || strings.EqualFold(p["userhash"], "true") {
		return credentials{}, false
	}
	c.algorithm = base
	switch c.qop {
	case "":
		return c, true
	case qopAuth:
		c.count, ok = readCount(p["nc"])
		return c, ok && c.cnonce != ""
	}
	return credentials{}, false
}

// readCount reads 8LHEX, which is never 0. Another form of the same number would
// be hashed by the peer as it wrote it.
func readCount(s string) (uint32, bool) {
	if len(s) != 8 || strings.Trim(s, "0123456789abcdef") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 16, 32)
	return uint32(n), err == nil && n > 0
}

// signedWith reports whether the credentials were made with the password that a
// secretHash stands for. It takes as long for any that were not.
func (c *credentials) signedWith(a1, method string) bool {
	challenge := icholy.Challenge{Realm: c.realm, Nonce: c.nonce, Algorithm: c.algorithm}
	if c.qop != "" {
		challenge.QOP = []string{c.qop}
	}
	want, err := icholy.Digest(&challenge, icholy.Options{
		Method: method, URI: c.uri, Count: int(c.count), Username: c.user, A1: a1, Cnonce: c.cnonce,
	})
	return err == nil && subtle.ConstantTimeCompare([]byte(want.Response), []byte(c.response)) == 1
}

// sameTarget compares the uri of credentials with the Request-URI (RFC 7616
// section 3.4.6). Peers, and proxies between them and us, write parameters into
// one that the other lacks, and sips for sip; whom the request is for has to be
// the same: user, host and port, one left out being the default.
func sameTarget(uri string, target message.URI) bool {
	u, err := message.ParseURI(uri)
	if err != nil || (u.Scheme == "tel") != (target.Scheme == "tel") {
		return false
	}
	return u.User == target.User && strings.EqualFold(u.Host, target.Host) && port(u) == port(target)
}

func port(u message.URI) int {
	switch {
	case u.Port != 0:
		return u.Port
	case u.Scheme == "sips", strings.EqualFold(u.Param("transport"), "tls"):
		return 5061
	}
	return 5060
}
