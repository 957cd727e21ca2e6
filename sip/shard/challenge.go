package shard

import (
	"time"

	"mask700/sip/digest"
	"mask700/sip/message"
)

// Auth asks who sends a trunk's requests for credentials. [digest.Server] is one;
// every shard has its own, and with it its own nonces: a nonce of another shard is
// only one more that is stale.
type Auth interface {
	// Check judges a request.
	Check(now time.Time, r *digest.Request) digest.Verdict
	// Challenges are the WWW-Authenticate values of the 401 to it.
	Challenges(now time.Time, r *digest.Request, stale bool) []string
}

var _ Auth = (*digest.Server)(nil)

// auth is who is asked about requests of a trunk, nil for nobody.
func (s *Shard) auth(trunk int) Auth {
	if trunk < 0 || trunk >= len(s.config.Auth) {
		return nil
	}
	return s.config.Auth[trunk]
}

// challenged reports whether a request is dealt with here, because its trunk
// wants credentials and it has none that are good (RFC 3261 section 22.1).
//
// That comes before anything else is looked at (section 8.2), costs no state, and
// leaves no record: whoever sends from anywhere would fill the store. A request
// in a dialog is known by its tags, which only its peer has seen; a CANCEL cannot
// be sent again with credentials, and ends only what its peer began (section 9.1);
// an ACK has no answer.
func (s *Shard) challenged(in Inbound) bool {
	m := in.Message
	if in.Trunk == nil || m.To.Tag != "" || m.Method == "CANCEL" || m.Method == "ACK" {
		return false
	}
	auth := s.auth(in.Trunk.Index)
	if auth == nil {
		return false
	}
	r := digest.Request{
		Method: m.Method, Target: m.Target, Credentials: m.Authorization, Source: in.Flow.Remote.Addr(),
		Salt: s.config.Router.Tag("nonce", m.CallID, m.From.Tag, m.Via[0].Branch),
		// What begins a call, or is a text, finds its transaction when it comes again. All
		// else is answered without one, the same way every time.
		Repeatable: m.Method != "INVITE" && m.Method != "MESSAGE",
	}
	verdict := auth.Check(s.env.Now, &r)
	switch verdict {
	case digest.Accepted:
		return false
	case digest.Barred:
		s.stats.Barred++
		return true
	case digest.Wrong:
		s.stats.AuthFailed++
	}
	if in.Fault != nil && m.Target.Scheme == "" {
		// No credentials could be right for a Request-URI that cannot be read.
		s.stats.Faulty++
		s.answer(in, faultResponse(in.Fault))
		return true
	}
	s.stats.Challenged++
	s.answer(in, message.Response{
		Status: 401, WWWAuthenticate: auth.Challenges(s.env.Now, &r, verdict == digest.Stale),
	})
	return true
}
