package digest

import "strings"

// What is done with a nonce once it is used (RFC 7616 section 3.3).
const (
	qopAuth    = "auth"
	qopAuthInt = "auth-int" // the body is hashed too
)

// challenge is one that can be answered.
type challenge struct {
	realm, nonce, opaque string
	algorithm            string // as written, "" for none
	qop                  string // the one chosen; "" for a server of RFC 2069
	stale                bool
	rank                 int
}

// readChallenge reads one WWW-Authenticate or Proxy-Authenticate value. False for
// what cannot be answered.
func readChallenge(value string) (challenge, bool) {
	p, ok := params(value)
	if !ok {
		return challenge{}, false
	}
	c := challenge{
		realm: p["realm"], nonce: p["nonce"], opaque: p["opaque"], algorithm: p["algorithm"],
		stale: strings.EqualFold(p["stale"], "true"),
	}
	base, sess, ok := algorithm(c.algorithm)
	if !ok || c.nonce == "" || !isPrintable(c.realm) || !isPrintable(c.nonce) || !isPrintable(c.opaque) {
		return challenge{}, false
	}
	if _, has := p["realm"]; !has {
		return challenge{}, false
	}
	if c.qop, ok = chooseQOP(p["qop"]); !ok || sess && c.qop == "" {
		// The session variants need a cnonce, which goes with a qop only.
		return challenge{}, false
	}
	c.rank = strength(base)
	return c, true
}

// chooseQOP takes auth where it is offered: a body that is hashed cannot be
// touched on its way. False: only what nobody knows is offered.
func chooseQOP(offer string) (string, bool) {
	if strings.Trim(offer, " ,") == "" {
		return "", true
	}
	found := ""
	for option := range strings.SplitSeq(offer, ",") {
		switch strings.ToLower(strings.TrimSpace(option)) {
		case qopAuth:
			return qopAuth, true
		case qopAuthInt:
			found = qopAuthInt
		}
	}
	return found, found != ""
}

// choose picks the challenge to answer: of the realm, unless that is "", the
// strongest, and the first of those.
func choose(values []string, realm string) (challenge, bool) {
	var best challenge
	found := false
	for _, v := range values {
		c, ok := readChallenge(v)
		if !ok || realm != "" && c.realm != realm {
			continue
		}
		if !found || c.rank > best.rank {
			best, found = c, true
		}
	}
	return best, found
}
