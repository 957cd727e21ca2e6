package digest

import "mask700/sip/message"

// Session is both challenges that a leg or a registration may have met: the
// server's own, by 401, and a proxy's on the way, by 407. It is plain data.
type Session struct{ Server, Proxy Client }

// Tries is how one request fares with both.
type Tries struct{ Server, Proxy Try }

// Challenged takes a 401 or a 407 to a request and reports whether that shall be sent
// once more, signed anew. Without an account it shall not.
func (s *Session) Challenged(t *Tries, m *message.Message, a *Account) bool {
	if a == nil {
		return false
	}
	switch m.Status {
	case 401:
		// Every proxy has let it through, whatever was asked on the way.
		t.Proxy.Rounds = 0
		return s.Server.Challenged(&t.Server, m.WWWAuthenticate, a.Realm)
	case 407:
		return s.Proxy.Challenged(&t.Proxy, m.ProxyAuthenticate, a.Realm)
	}
	return false
}

// Sign puts credentials into a request, for every challenge that was met so far
// (RFC 3261 section 22.3), and notes under which nonces; before there was one, and
// without an account, it leaves the request as it is. Mint gives text that nobody
// could foresee.
func (s *Session) Sign(t *Tries, r *message.Request, a *Account, mint func() string) {
	if a == nil {
		return
	}
	if s.Server.Known() {
		t.Server.Nonce = s.Server.Nonce
		r.Authorization = s.Server.Authorize(a.User, a.Password, r.Method, r.Target, r.Body, mint())
	}
	if s.Proxy.Known() {
		t.Proxy.Nonce = s.Proxy.Nonce
		r.ProxyAuthorization = s.Proxy.Authorize(a.User, a.Password, r.Method, r.Target, r.Body, mint())
	}
}
