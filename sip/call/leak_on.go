//go:build leaky

package call

import (
	"bytes"
	"strconv"
	"strings"

	"mask700/sip/message"
	"mask700/sip/sentinel"
)

// This file breaks the construction on purpose, for the tests that show that a leak
// is noticed. It is in no program: a build with the tag leaky serves these tests
// alone.

// Leak is what of another party a message is made to copy.
type Leak uint8

// What can be copied. A message that has no such place is left as it is.
const (
	NoLeak       Leak = iota
	LeakIdentity      // who it is as P-Asserted-Identity, and where its audio is as a line of the session description
	LeakFrom          // who it is as From
	LeakTo            // as To, of a response too
	LeakTarget        // as the Request-URI
	LeakContact       // where it is reached, as Contact
	LeakBody          // as a header in the body of a NOTIFY, or in the words of a text
	LeakNamed         // a number of its Diversion, History-Info or the like, as Remote-Party-ID or, in a response, P-Asserted-Identity
	LeakDeparted      // who one is that has left the call, likewise

	Leaks = LeakNamed // in any call; the others need what not every call has
)

// String names the place.
func (l Leak) String() string {
	return [...]string{"nothing", "P-Asserted-Identity", "From", "To", "Request-URI", "Contact", "body", "Diversion", "one who has left"}[l]
}

// Leaky chooses what is broken, by whom a message goes to and what it is: a request by
// its method, a response by its status. Tests may set it while no shard runs.
var Leaky = func(what string, _ Side) Leak {
	switch what {
	case "INVITE", "180", "183", "200":
		return LeakIdentity
	}
	return NoLeak
}

func leakRequest(c *Call, to Side, r *message.Request) {
	other := c.another(to)
	switch Leaky(r.Method, to) {
	case LeakIdentity:
		r.Identity, r.Body = other.To, other.leakLine(r.Body)
	case LeakFrom:
		r.From = retagged(other.To, r.From)
	case LeakTo:
		r.To = retagged(other.To, r.To)
	case LeakTarget:
		if uri := bareURI(other.To); uri != "" {
			r.Target = uri
		}
	case LeakContact:
		if other.Target != "" { // of a text there is none
			r.Contact = "<" + other.Target + ">"
		}
	case LeakBody:
		if r.Method == "NOTIFY" || r.Method == "MESSAGE" {
			r.Body = append(bytes.Clone(r.Body), "To: "+other.To+"\r\n"...)
		}
	case LeakNamed:
		r.RemoteParty = leakNamed[other.CallID]
	case LeakDeparted:
		r.RemoteParty = c.leakDeparted()
	}
}

// LeakCancel is leakRequest for a CANCEL, which is made of its INVITE.
func LeakCancel(c *Call, to Side, r *message.Request) {
	if c != nil {
		leakRequest(c, to, r)
	}
}

func leakResponse(c *Call, to Side, r *message.Response) {
	other := c.another(to)
	if other.To == "" || other.Target == "" && Leaky(strconv.Itoa(r.Status), to) == LeakContact {
		return // nobody is known there whose it could be
	}
	switch Leaky(strconv.Itoa(r.Status), to) {
	case LeakIdentity:
		r.Identity, r.Body = other.To, other.leakLine(r.Body)
	case LeakTo:
		tag := r.Echo.To
		if !r.Echo.ToTag {
			tag += ";tag=" + r.ToTag
		}
		r.Echo.To, r.Echo.ToTag = retagged(other.To, tag), true
	case LeakContact:
		r.Contact = "<" + other.Target + ">"
	case LeakNamed:
		r.Identity = leakNamed[other.CallID]
	case LeakDeparted:
		r.Identity = c.leakDeparted()
	}
}

// leakNamed is the number that the party of a leg has written into a header that is read
// for nothing else, by its Call-ID, as a URI: the last one.
var leakNamed = map[string]string{}

func leakHear(p *Party, m *message.Message) {
	if len(m.Named) > 0 {
		leakNamed[p.CallID] = "<tel:" + m.Named[0] + ">"
	}
}

// leakDeparted is who the last one is that has left, as a URI; "": nobody has.
func (c *Call) leakDeparted() string {
	if len(c.Departed) == 0 {
		return ""
	}
	for _, secret := range c.Departed[len(c.Departed)-1].Secrets {
		if secret.Kind == sentinel.Number {
			return "<tel:" + secret.Text + ">"
		}
	}
	return ""
}

// leakReply is leakResponse where only the request says whom it goes to.
func leakReply(c *Call, r *message.Response) {
	var circle Circle
	c.Circle(&circle)
	if p, s := circle.of(r.Echo.CallID); p != nil {
		leakResponse(c, s, r)
	}
}

// LeakyLate is copied into what releases a phone that picks up when its call is over, as
// P-Asserted-Identity; "": nothing.
var LeakyLate string

func leakLate(r *message.Request) { r.Identity = LeakyLate }

// another is a party that the one of a leg must not learn of: the other one of the call,
// to who transfers it the one that comes.
func (c *Call) another(to Side) *Leg {
	if len(c.Transfers) > 0 {
		t := &c.Transfers[0]
		switch {
		case to == Third && t.Phase >= Joining:
			return c.leg(t.By)
		case to == Third:
			return c.leg(t.By.Other())
		case to == t.By && t.Phase < Joining && t.Leg.To != "":
			return &t.Leg
		}
	}
	return c.leg(to.Other())
}

// retagged is a From or To with the tag of another, so that the dialog goes on.
func retagged(value, like string) string {
	value, _, _ = strings.Cut(value, ";tag=")
	if i := strings.LastIndex(like, ";tag="); i >= 0 {
		value += like[i:]
	}
	return value
}

// bareURI is the URI of a From or To, without its parameters, which may hold blanks.
func bareURI(value string) string {
	u, ok := message.RouteURI(value)
	if !ok {
		value, _, _ = strings.Cut(value, ";")
		u, _ = message.ParseURI(value)
	}
	if u.User == "" || strings.ContainsAny(u.User, " \t") {
		return ""
	}
	return "sip:" + u.User + "@" + u.Host
}

// leakLine adds where the audio of a party is to a description.
func (l *Leg) leakLine(body []byte) []byte {
	if !bytes.HasPrefix(body, []byte("v=0")) {
		return body
	}
	for _, line := range l.SDP.Peer.Lines {
		return append(bytes.Clone(body), "a=rtcp:"+strconv.Itoa(int(line.Port))+" IN IP4 "+line.Addr.String()+"\r\n"...)
	}
	return body
}
