package call

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/sip/message"
	"mask700/sip/sentinel"
)

// This file keeps what each party has told of itself, for the search of what leaves
// toward the others (package sentinel). What crosses is said in crossing.go; if that
// should ever fail, what a message must not hold is known here.

// maxSaid bounds the texts of a party that may be written back to it.
const maxSaid = 256

func countryCode(env *Env) string {
	if code := env.Config.Plan.CountryCode; code != "" {
		return code
	}
	return "86"
}

// legOf finds a leg by its Call-ID, nil when it is none of the call's.
func (c *Call) legOf(callID string) (*Leg, Side) {
	for s := range c.Legs {
		if c.Legs[s].CallID == callID {
			return &c.Legs[s], Side(s)
		}
	}
	if len(c.Transfers) > 0 && c.Transfers[0].Leg.CallID == callID {
		return &c.Transfers[0].Leg, Third
	}
	return nil, Third
}

// Learn keeps what a message tells of its sender, the party of the leg with a Call-ID.
func (c *Call) Learn(env *Env, callID string, m *message.Message) {
	l, _ := c.legOf(callID)
	if l == nil {
		return
	}
	party := m.From.Text
	if !m.IsRequest() {
		party = m.To.Text
	}
	if l.Said == nil {
		l.Said = make([]string, 0, 8)
		l.Secrets.Address(l.Peer)
	}
	fresh := false
	for _, entry := range m.RecordRoute {
		fresh = l.say(entry) || fresh
	}
	fresh = l.say(party) || fresh
	fresh = l.say(m.ContactText) || fresh
	for _, n := range [...]int{int(m.RSeq), m.SessionExpires, m.MinSE} {
		if n >= 1_000_000 { // it is repeated; shorter, it is nobody's number
			l.say(strconv.Itoa(n))
		}
	}
	if !l.Ours {
		l.say(m.CallID)
		l.say(m.To.Text)
		l.say(m.Target.User)
	}
	for _, list := range [...][]string{m.WWWAuthenticate, m.ProxyAuthenticate} {
		for _, challenge := range list {
			l.say(challenge)
		}
	}
	if fresh || len(m.OtherContacts) > 0 {
		l.Secrets.LearnParty(m, l.Ours, countryCode(env))
	}
	l.Secrets.LearnMore(m, countryCode(env))
}

// say keeps one text of the party, and says whether it is new.
func (l *Leg) say(text string) bool {
	if len(text) < sentinel.MinLength || slices.Contains(l.Said, text) {
		return false
	}
	if len(l.Said) >= maxSaid {
		l.Said = slices.Delete(slices.Clone(l.Said), 0, 1)
	}
	l.Said = append(l.Said, text)
	return true
}

// Departed is what is kept of a leg that is no more.
type Departed struct {
	CallID  string
	Secrets sentinel.Secrets
	Said    []string
}

// maxDeparted bounds those that are kept.
const maxDeparted = 4

// depart keeps what is known of a party that is no more in the call. A message to it may
// still be repeated.
func (c *Call) depart(l *Leg) {
	if len(c.Departed) >= maxDeparted {
		c.Departed = slices.Delete(slices.Clone(c.Departed), 0, 1)
	}
	c.Departed = append(c.Departed, Departed{l.CallID, l.Secrets, l.Said})
}

// Watched is what a set was made of: whose secrets, and how many of each.
type Watched struct {
	callIDs [Sides]string
	counts  [Sides]int
	left    string // Call-ID of the last party that had departed
}

// Watch makes a set hold what must not reach the party of a leg. Known says which
// secrets may: they are not put in.
func (c *Call) Watch(set *sentinel.Set, w *Watched, callID string, known func(sentinel.Secret) bool) {
	var legs [Sides]*Leg
	legs[Caller], legs[Callee] = &c.Legs[Caller], &c.Legs[Callee]
	if len(c.Transfers) > 0 {
		legs[Third] = &c.Transfers[0].Leg
	}
	left := ""
	if n := len(c.Departed); n > 0 {
		left = c.Departed[n-1].CallID
	}
	changed := left != w.left
	for s, l := range legs {
		changed = changed || l != nil && l.CallID != w.callIDs[s] || l == nil && w.callIDs[s] != ""
	}
	if changed {
		set.Reset()
		*w = Watched{left: left}
		for i := range c.Departed {
			d := &c.Departed[i]
			for _, secret := range d.Secrets {
				if d.CallID != callID && !known(secret) {
					set.Add(secret, uint8(Sides+i))
				}
			}
		}
	}
	for s, l := range legs {
		if l == nil {
			continue
		}
		fresh := w.callIDs[s] == "" && l.CallID != ""
		w.callIDs[s] = l.CallID
		if l.CallID == callID {
			continue
		}
		for _, secret := range l.Secrets[w.counts[s]:] {
			if !known(secret) {
				set.Add(secret, uint8(s))
			}
		}
		w.counts[s] = len(l.Secrets)
		if fresh { // what we are called there
			set.Add(sentinel.Secret{Kind: sentinel.Token, Text: l.LocalTag}, uint8(s))
			set.Add(sentinel.Secret{Kind: sentinel.Token, Text: opaque(l.Contact)}, uint8(s))
			if l.Ours {
				set.Add(sentinel.Secret{Kind: sentinel.Token, Text: l.CallID}, uint8(s))
			}
		}
	}
}

// opaque is the user part of a Contact of ours.
func opaque(contact string) string {
	const scheme = "<sip:"
	if i := strings.IndexByte(contact, '@'); i > len(scheme) {
		return contact[len(scheme):i]
	}
	return ""
}

// Presented calls each with every text that the party of a leg has written, until each
// says true, and says whether it did. Where it is about no number, what we have written
// for the party counts too: it holds its number, which another may have guessed.
func (c *Call) Presented(env *Env, callID string, kind sentinel.Kind, each func(string) bool) bool {
	l, s := c.legOf(callID)
	var said []string
	if l != nil {
		said = l.Said
		if kind != sentinel.Number && slices.ContainsFunc(l.Meant, each) {
			return true
		}
	}
	for i := range c.Departed {
		if c.Departed[i].CallID == callID {
			said = c.Departed[i].Said
		}
	}
	for _, text := range said {
		if each(text) {
			return true
		}
	}
	// A call that is not masked goes on with its numbers.
	return s == Callee && c.Passed.Callee != "" &&
		(each(c.Passed.Caller) || each(c.Passed.Callee) || each(digitsOf(env, c.Passed.Number)))
}

// OwnNumber is the number of a leg's party without its country code; "": not known.
func (c *Call) OwnNumber(env *Env, callID string) string {
	l, _ := c.legOf(callID)
	if l == nil {
		return ""
	}
	return digitsOf(env, l.Number)
}

// Its says whether a secret is of the party of a leg itself.
func (c *Call) Its(callID string, secret sentinel.Secret) bool {
	l, _ := c.legOf(callID)
	return l != nil && l.Secrets.Has(secret)
}

func digitsOf(env *Env, n binding.Number) string {
	var own sentinel.Secrets
	if own.AddParty(n, countryCode(env)); len(own) == 0 {
		return ""
	}
	return own[0].Text
}

// Leaked makes the action that tells of a message which was not sent.
func (c *Call) Leaked(callID string, h *sentinel.Hit, what string) LeakStopped {
	a := LeakStopped{Record: c.Record.ID, Of: Side(min(int(h.Owner), Sides-1)), Left: int(h.Owner) >= Sides, Kind: h.Kind, What: what}
	_, a.To = c.legOf(callID)
	if !a.Left && (a.Of != Third || len(c.Transfers) > 0) {
		a.Number = c.leg(a.Of).Number
	}
	return a
}

// stopped ends the call: it was about to tell one party what only another may know.
func (c *Call) stopped(env *Env, ev Stopped) {
	for _, s := range []Side{Caller, Callee} {
		l := c.leg(s)
		if l.Server.Tx != ev.Tx || ev.Tx == "" || c.State >= Ending {
			continue
		}
		if !ev.Refused {
			// The INVITE waits for its final response as if there had been none.
			l.Server.Final = false
			l.Server.Reliable.stop(env, s)
			if l.State == Confirmed {
				l.State, c.Record.AnsweredAt = Early, time.Time{}
			}
		}
		if l.Server.Unacked {
			c.acked(env, s)
		}
	}
	c.end(env, ending{end: cdr.EndLeakStopped, by: byPlatform, status: 500, q850: causeFault})
}

// CallID is that of a leg.
func (c *Call) CallID(s Side) string { return c.leg(s).CallID }

// TrunkOf is the index of the trunk that a leg is on, -1 when it is none of the call's.
func (c *Call) TrunkOf(callID string) int {
	l, _ := c.legOf(callID)
	if l == nil {
		return -1
	}
	return l.Trunk
}

// OurPlaces calls each with our own addresses on a leg, until it says true.
func (c *Call) OurPlaces(callID string, each func(string) bool) bool {
	l, s := c.legOf(callID)
	if l == nil {
		return false
	}
	local := c.MediaLocal[s%2].Addr
	if len(c.Transfers) > 0 {
		t := &c.Transfers[0]
		for i := range t.Local {
			if t.Local[i].Addr.IsValid() && (s == Third && Side(i) == t.By || Side(i) == s) && each(t.Local[i].Addr.String()) {
				return true
			}
		}
	}
	return each(l.Host) || local.IsValid() && each(local.String())
}
