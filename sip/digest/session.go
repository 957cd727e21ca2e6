package digest

import "mask700/sip/message"

// Session is both challenges that a leg or a registration may have met: the
// server's own, by 401, and a proxy's on the way, by 407. It is plain data.
type Session struct{ Server, Proxy Client }

// Challenged takes a 401 or a 407 and reports whether the request shall be sent
// once more, signed anew. Without an account it shall not.
func (s *Session) Challenged(m *message.Message, a *Account) bool {
	if a == nil {
		return false
	}
	switch m.Status {
	case 401:
		return s.Server.Challenged(m.WWWAuthenticate, a.Realm)
	case 407:
		return s.Proxy.Challenged(m.ProxyAuthenticate, a.Realm)
	}
	return false
}

// Accepted says that a request had a final response that was neither 401 nor 407.
func (s *Session) Accepted() {
	s.Server.Accepted()
	s.Proxy.Accepted()
}

// Sign puts credentials into a request, for every challenge that was met so far
// (RFC 3261 section 22.3); before there was one, and without an account, it
// leaves the request as it is. Mint gives text that nobody could foresee.
func (s *Session) Sign(r *message.Request, a *Account, mint func() string) {
	if a == nil {
		return
	}
	if s.Server.Known() {
		r.Authorization = s.Server.Authorize(a.User, a.Password, r.Method, r.Target, r.Body, mint())
	}
	if s.Proxy.Known() {
		r.ProxyAuthorization = s.Proxy.Authorize(a.User, a.Password, r.Method, r.Target, r.Body, mint())
	}
}
