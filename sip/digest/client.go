package digest

import (
	"bytes"
	"io"

	icholy "github.com/icholy/digest"
)

// maxStale is how many nonces in a row may be called stale before a server is
// taken for one that says nothing else.
const maxStale = 3

// Client is what is known of one server's challenge. It is plain data, kept by a
// leg or a registration between requests, of which several may be on their way at
// a time; its zero value has not been challenged. It holds no password.
type Client struct {
	Realm, Nonce, Opaque string
	Algorithm            string // as the server wrote it
	QOP                  string // "auth", "auth-int", or "" for none
	Cnonce               string // of the session variants: of the first request
	Count                uint32 // requests signed under the nonce
}

// Try is how one request fares with one server, from the first time that it is sent
// to its last final response. It is plain data; its zero value has not been sent.
type Try struct {
	Nonce  string // it was last signed under; "": it was not
	Rounds uint8  // challenges that it has met
}

// Challenged takes the challenges of a 401 or a 407 to one request, each value
// verbatim, for an account of a realm ("": any), and reports whether the request is
// worth another try: with a CSeq and a branch of its own (RFC 3261 section 22.2).
//
// It is not when there is no challenge that can be answered, and when the answer
// to this one was refused already: a password does not become right by being
// sent again. A nonce that is called stale was no answer to the password. What
// other requests have met does not matter: a server may ask each for its own.
func (c *Client) Challenged(t *Try, challenges []string, realm string) bool {
	n, ok := choose(challenges, realm)
	switch {
	case !ok, t.Rounds > maxStale:
		return false
	case !n.stale && t.Nonce != "" && (t.Rounds > 0 || t.Nonce == n.nonce):
		return false
	}
	if n.nonce != c.Nonce || n.algorithm != c.Algorithm || n.realm != c.Realm {
		c.Count, c.Cnonce = 0, ""
	}
	c.Realm, c.Nonce, c.Opaque, c.Algorithm, c.QOP = n.realm, n.nonce, n.opaque, n.algorithm, n.qop
	t.Rounds++
	return true
}

// Known reports whether there is a challenge that requests can be signed for.
func (c *Client) Known() bool { return c.Nonce != "" }

// Authorize returns the credentials of one request, the complete value of
// Authorization or Proxy-Authorization; "" when there is no challenge. Every call
// counts up nc: it is for one transaction. Body is what the request carries, nil
// for nothing. Cnonce is text that nobody could foresee, of letters and digits.
func (c *Client) Authorize(user string, password Secret, method, uri string, body []byte, cnonce string) string {
	if !c.Known() {
		return ""
	}
	base, sess, ok := algorithm(c.Algorithm)
	if !ok {
		return ""
	}
	a1 := secretHash(base, user, c.Realm, password)
	if sess {
		// The same for as long as the nonce lives (RFC 7616 section 3.4.2).
		if c.Cnonce == "" {
			c.Cnonce = cnonce
		}
		cnonce = c.Cnonce
		a1 = hexHash(base, a1, c.Nonce, cnonce)
	}
	c.Count++
	challenge := icholy.Challenge{Realm: c.Realm, Nonce: c.Nonce, Opaque: c.Opaque, Algorithm: base}
	if c.QOP != "" {
		challenge.QOP = []string{c.QOP}
	}
	credentials, err := icholy.Digest(&challenge, icholy.Options{
		Method: method, URI: uri, Count: int(c.Count), Username: user, A1: a1, Cnonce: cnonce,
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
	})
	if err != nil {
		return ""
	}
	credentials.Algorithm = c.Algorithm
	return credentials.String()
}
