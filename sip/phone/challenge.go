package phone

import (
	"crypto/md5"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"mask700/sip/message"
)

// Doubt is how a phone asks who sends it requests for credentials (RFC 3261 section
// 22), whatever they ask but ACK and CANCEL.
type Doubt uint8

// Kinds of doubt.
const (
	Trusting   Doubt = iota // does not ask
	Once                    // by a nonce that serves for all that follows
	EveryTime               // by one for each request, the last being stale
	Anew                    // by one for each request, and says nothing of the last
	NeverFresh              // calls every nonce stale
	Never                   // takes no credentials
	doubtEnd                // how many there are
)

// Doubts is the number of Doubts, for tests that draw one.
const Doubts = int(doubtEnd)

// Account is whose credentials a phone takes.
type Account struct{ User, Password, Realm string }

// nonce is one that the phone has given out.
type nonce struct {
	value string
	used  []string // the counts that it came with, each with the branch of its request
}

// maxNonces bounds what is remembered of them.
const maxNonces = 64

// challenged asks for credentials where it has to, and says so.
func (p *Phone) challenged(t *tx, m *message.Message) bool {
	doubt := p.config.Behaviour.Doubt
	if doubt == Trusting || m.Method == "CANCEL" {
		return false
	}
	if m.Method == "BYE" && doubt >= NeverFresh {
		doubt = EveryTime // or it would never end
	}
	stale := false
	for _, value := range slices.Concat(m.Authorization, m.ProxyAuthorization) {
		n := p.nonceOf(parameter(value, "nonce"))
		if n == nil {
			stale = true // forgotten
			continue
		}
		if !p.right(value, m) {
			p.blame("%s has credentials that are wrong: %s (RFC 7616 section 3.4)", m.Method, value)
			continue
		}
		count := parameter(value, "nc") + " "
		if slices.ContainsFunc(n.used, func(u string) bool {
			return strings.HasPrefix(u, count) && u != count+m.Via[0].Branch // else it is a late copy
		}) {
			p.blame("%s has the count of another request: %s (RFC 7616 section 3.4)", m.Method, value)
		}
		fresh := len(n.used) == 0
		n.used = append(n.used, count+m.Via[0].Branch)
		switch {
		case doubt == Once, fresh && (doubt == EveryTime || doubt == Anew):
			return false
		case doubt == EveryTime, doubt == NeverFresh:
			stale = true
		}
	}
	if d := p.dialog(m); d != nil && m.ContentType == message.MediaType {
		d.call.see(d, m) // an offer that is refused has had its version
	}
	p.challenge(t, m, stale)
	return true
}

// challenge answers a request by a nonce: 407 in the place of a proxy where the
// Call-ID falls that way, always the same in one call.
func (p *Phone) challenge(t *tx, m *message.Message, stale bool) {
	if len(p.nonces) >= maxNonces {
		p.nonces = p.nonces[1:]
	}
	p.nonces = append(p.nonces, nonce{value: p.config.Mint.Token()})
	value := `Digest realm="` + p.config.Account.Realm + `", nonce="` + p.nonces[len(p.nonces)-1].value + `", algorithm=MD5, qop="auth"`
	if stale {
		value += ", stale=true"
	}
	r := message.Response{Echo: m.Echo(netip.AddrPort{}), Status: 401}
	if m.To.Tag == "" {
		r.ToTag = p.config.Mint.Token()
	}
	if len(m.CallID)%2 == 0 {
		r.Status = 407
		t.respond(r, "Proxy-Authenticate: "+value)
		return
	}
	r.WWWAuthenticate = []string{value}
	t.respond(r)
}

func (p *Phone) nonceOf(value string) *nonce {
	for i := range p.nonces {
		if p.nonces[i].value == value {
			return &p.nonces[i]
		}
	}
	return nil
}

// right reports whether credentials are for a request and made with the password.
func (p *Phone) right(value string, m *message.Message) bool {
	hash := func(parts ...string) string {
		sum := md5.Sum([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(sum[:])
	}
	a, uri := &p.config.Account, parameter(value, "uri")
	if n, err := strconv.ParseUint(parameter(value, "nc"), 16, 32); err != nil || n == 0 || uri != m.Target.Text() {
		return false
	}
	want := hash(hash(a.User, a.Realm, a.Password), parameter(value, "nonce"), parameter(value, "nc"), parameter(value, "cnonce"),
		parameter(value, "qop"), hash(m.Method, uri))
	return parameter(value, "response") == want && parameter(value, "username") == a.User && parameter(value, "realm") == a.Realm
}

// parameter is one of the parameters of credentials, without its quotes.
func parameter(value, name string) string {
	for _, part := range strings.Split(strings.TrimPrefix(value, "Digest "), ",") {
		if n, v, ok := strings.Cut(strings.TrimSpace(part), "="); ok && n == name {
			return strings.Trim(v, `"`)
		}
	}
	return ""
}
