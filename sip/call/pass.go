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
	Callee  string         // user of the Request-URI
	Caller  string         // user of From, "" for one that is anonymous
	Private bool           // the caller asks for privacy (RFC 3323)
	Number  binding.Number // of the caller, zero where it cannot be read
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
	return p, true
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
		l.Identity = identity(out, "<"+uri+">")
	}
	l.Identity.Private = p.Private
}
