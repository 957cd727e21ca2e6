package call

import (
	"errors"
	"slices"
	"strings"

	"mask700/binding"
	"mask700/sip/message"
	"mask700/sip/trunk"
)

// Passed is a call to something else than a 700 number, that a trunk lets through
// to another (pass: NAME) with its identity as it came. Nothing of it is masked but
// the rest of the message. Its zero value is a masked call.
type Passed struct {
	Callee   string         // user of the Request-URI
	Caller   string         // user of From, "" for one that is anonymous
	Private  bool           // the caller asks for privacy (RFC 3323)
	Critical bool           // and rather not to be connected than to be without it
	Number   binding.Number // of the caller, zero where it cannot be read
}

// passes reads what of an INVITE goes on unchanged, and says whether the trunk lets
// it. Who dials what only looks like a 700 number is told that, wherever else it
// could lead.
func passes(t *trunk.Trunk, m *message.Message, dialled error, caller binding.Number) (Passed, bool) {
	if t.Pass == "" || !errors.Is(dialled, binding.ErrNot700) || !dialable(m.Target.User) {
		return Passed{}, false
	}
	p := Passed{Callee: m.Target.User, Number: caller}
	if from := m.From.URI; dialable(from.User) && !strings.EqualFold(from.Host, "anonymous.invalid") {
		p.Caller = from.User
	}
	p.Private = slices.ContainsFunc(m.Privacy, func(v string) bool { return v == "id" || v == "user" || v == "header" })
	p.Critical = p.Private && critical(m)
	return p, true
}

// critical reports whether a caller would rather not be connected than be without the
// privacy that it asks for (RFC 3323 section 4.2).
func critical(m *message.Message) bool { return slices.Contains(m.Privacy, "critical") }

// unmet reports whether a call that is passed on cannot have the privacy that its caller
// insists on (RFC 3323 section 5.1): its number goes on in From, which is to be kept from
// the other side as user, and nobody knows what a word means that no RFC has. What a
// hop tells of itself (header) and where the media is (session) does not cross anyway,
// no more than what was diverted (history, RFC 7044); id is asked of the next trunk in
// turn (RFC 3325). A masked call has all of it.
func (p *Passed) unmet(m *message.Message) bool {
	return critical(m) && slices.ContainsFunc(m.Privacy, func(v string) bool {
		switch v {
		case "critical", "none", "header", "session", "history", "id":
			return false
		case "user":
			return p.Caller != ""
		}
		return true
	})
}

// dialable reports whether a user part may be written as it is.
func dialable(user string) bool {
	return user != "" && len(user) <= 64 &&
		strings.Trim(user, "+*0123456789-._abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// pass carries such a call to the trunk that was named.
func (c *Call) pass(env *Env, in *trunk.Trunk, p Passed) {
	c.Passed = p
	c.open(env, in, named(env.Config.Trunks, in.Pass))
}

// identify writes who calls and who is called into the callee's leg.
func (p *Passed) identify(env *Env, l *Leg, out *trunk.Trunk, hop Hop) {
	ours, theirs := domains(out, hop)
	l.From = "<sip:anonymous@anonymous.invalid>;tag=" + l.LocalTag
	if p.Caller != "" {
		l.From = "<sip:" + p.Caller + "@" + ours + ">;tag=" + l.LocalTag
	}
	l.To = "<sip:" + p.Callee + "@" + theirs + ">"
	l.Target = "sip:" + p.Callee + "@" + hop.Target
	if uri := out.CalleeURI(env.Config.Plan, p.Number, ours); uri != "" {
		l.Identity = identity(out, "<"+uri+">", p.Private)
	}
	l.Identity.Private, l.Identity.Critical = p.Private, p.Critical
}
