package call

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
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

// Party is what a call knows of one of its parties: what the others must not learn of
// it, and what it may be told.
type Party struct {
	Trunk    int
	Host     string // our host:port on its leg
	CallID   string
	Before   []string // Call-IDs by which it was called at other hops
	Ours     bool     // we made the Call-ID
	LocalTag string
	Contact  string         // ours, complete
	Peer     netip.Addr     // where its signalling comes from
	Number   binding.Number // the party's own; zero: not known
	Shown    binding.X      // the number by which it sees the other; zero: it is the one who dialled
	Secrets  sentinel.Secrets
	Said     []string   // what the party has written that is written back to it
	Meant    []string   // URIs that we have written for it: who it is and who calls
	Local    netip.Addr // where its media came to, once it has left
}

// Format implements [fmt.Formatter]: whatever the verb, nothing of what the party has told. A [Leg] prints itself like it.
func (p Party) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.masked()) }

// LogValue implements [slog.LogValuer], masked.
func (p Party) LogValue() slog.Value { return slog.StringValue(p.masked()) }

func (p *Party) masked() string {
	return "party on trunk " + strconv.Itoa(p.Trunk) + ", " + p.Number.String() + ", " + strconv.Itoa(len(p.Secrets)) + " secrets"
}

// called says whether a Call-ID is that of the party's leg, or was.
func (p *Party) called(callID string) bool {
	return p.CallID == callID && callID != "" || slices.Contains(p.Before, callID)
}

// again is what is known of a party that is called at another hop: all but the leg.
func (p *Party) again(at Party) Party {
	at.Secrets, at.Said, at.Before = p.Secrets, p.Said, p.Before
	if p.CallID != "" {
		at.Before = append(slices.Clone(p.Before), p.CallID)
	}
	return at
}

// hear keeps what a message tells of its sender.
func (p *Party) hear(env *Env, m *message.Message) {
	leakHear(p, m)
	party := m.From.Text
	if !m.IsRequest() {
		party = m.To.Text
	}
	if p.Said == nil {
		p.Said = make([]string, 0, 8)
		env.searched(p.Secrets.Address(p.Peer))
	}
	fresh := false
	for _, entry := range m.RecordRoute {
		fresh = p.say(entry) || fresh
	}
	fresh = p.say(party) || fresh
	fresh = p.say(m.ContactText) || fresh
	for _, n := range [...]int{int(m.RSeq), m.SessionExpires, m.MinSE} {
		if n >= 1_000_000 { // it is repeated; shorter, it is nobody's number
			p.say(strconv.Itoa(n))
		}
	}
	if !p.Ours {
		p.say(m.CallID)
		p.say(m.To.Text)
		p.say(m.Target.User)
	}
	for _, list := range [...][]string{m.WWWAuthenticate, m.ProxyAuthenticate} {
		for _, challenge := range list {
			p.say(challenge)
		}
	}
	if fresh || len(m.OtherContacts) > 0 {
		env.Unsearched += uint64(p.Secrets.LearnParty(m, p.Ours, countryCode(env)))
	}
	env.Unsearched += uint64(p.Secrets.LearnMore(m, countryCode(env)))
}

// searched counts a secret that will not be searched for.
func (e *Env) searched(ok bool) {
	if !ok {
		e.Unsearched++
	}
}

// say keeps one text of the party, and says whether it is new.
func (p *Party) say(text string) bool {
	if len(text) < sentinel.MinLength || slices.Contains(p.Said, text) {
		return false
	}
	if len(p.Said) >= maxSaid {
		p.Said = slices.Delete(slices.Clone(p.Said), 0, 1)
	}
	p.Said = append(p.Said, text)
	return true
}

// maxDeparted bounds the parties that have left and are still known.
const maxDeparted = 4

// depart keeps what is known of a party that is no more in the call. A message to it may
// still be repeated, or be late. Of more than there is room for, the first one is known no
// longer, and what it had told is counted.
func (c *Call) depart(env *Env, l *Leg) {
	if len(c.Departed) >= maxDeparted {
		env.Unsearched += uint64(len(c.Departed[0].Secrets))
		c.Departed = slices.Delete(slices.Clone(c.Departed), 0, 1)
	}
	p := l.Party
	p.Local = l.SDP.Ours
	c.Departed = append(c.Departed, p)
}

// Circle is all parties of a call, of one that has ended too: who must not learn what of
// whom. It shares what it points to with the call.
type Circle struct {
	ID, Record string // of the call, and of its record
	Present    [Sides]*Party
	Departed   []Party
	Places     [Sides][2]netip.Addr // our media addresses toward each
	Passed     *Passed
	Text       bool // it is a text
}

// Format implements [fmt.Formatter]: whatever the verb, nothing of what the parties have told.
func (c Circle) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.masked()) }

// LogValue implements [slog.LogValuer], masked.
func (c Circle) LogValue() slog.Value { return slog.StringValue(c.masked()) }

func (c *Circle) masked() string { return "the parties of call " + c.ID }

// Circle is the call's own, until something of the call changes.
func (c *Call) Circle(to *Circle) {
	*to = Circle{ID: c.ID, Record: c.Record.ID, Departed: c.Departed, Passed: &c.Passed, Text: c.Text.On}
	for s := range c.Legs {
		to.Present[s], to.Places[s][0] = &c.Legs[s].Party, c.MediaLocal[s].Addr
	}
	if len(c.Transfers) > 0 {
		t := &c.Transfers[0]
		to.Present[Third] = &t.Leg.Party
		to.Places[Third] = [2]netip.Addr{c.MediaLocal[t.By].Addr, t.Local[t.By].Addr}
		for s := range c.Legs {
			to.Places[s][1] = t.Local[s].Addr
		}
	}
}

// Keep is a circle that outlives its call, nil when there is nobody from whom anything
// would have to be kept.
func (c *Circle) Keep() *Circle {
	kept := *c
	known := len(c.Departed)
	for s, p := range c.Present {
		if p == nil {
			continue
		}
		own := *p
		kept.Present[s] = &own
		if len(p.Secrets) > 0 {
			known++
		}
	}
	if known < 2 {
		return nil
	}
	passed := *c.Passed
	kept.Passed = &passed
	return &kept
}

// of finds the party of a leg by its Call-ID, nil when it is none of the call's.
func (c *Circle) of(callID string) (*Party, Side) {
	for s, p := range c.Present {
		if p != nil && p.called(callID) {
			return p, Side(s)
		}
	}
	for i := len(c.Departed) - 1; i >= 0; i-- {
		if p := &c.Departed[i]; p.called(callID) {
			return p, Third
		}
	}
	return nil, Third
}

// Hear keeps what a message tells of its sender, the party of the leg with a Call-ID.
func (c *Circle) Hear(env *Env, callID string, m *message.Message) {
	if p, _ := c.of(callID); p != nil {
		p.hear(env, m)
	}
}

// Watched is what a set was made of: whose secrets, and how many of each.
type Watched struct {
	callIDs [Sides]string
	counts  [Sides]int
	left    string // Call-ID of the last party that had departed
	learnt  int    // how many secrets all of those have
}

// Watch makes a set hold what must not reach the party of a leg. Known says which
// secrets may: they are not put in.
func (c *Circle) Watch(set *sentinel.Set, w *Watched, callID string, known func(sentinel.Secret) bool) {
	left, learnt := "", 0
	if n := len(c.Departed); n > 0 {
		left = c.Departed[n-1].CallID
		for i := range c.Departed {
			learnt += len(c.Departed[i].Secrets)
		}
	}
	changed := left != w.left || learnt != w.learnt
	for s, p := range c.Present {
		changed = changed || p != nil && p.CallID != w.callIDs[s] || p == nil && w.callIDs[s] != ""
	}
	if changed {
		set.Reset()
		*w = Watched{left: left, learnt: learnt}
		for i := range c.Departed {
			if p := &c.Departed[i]; !p.called(callID) {
				p.watch(set, uint8(Sides+i), 0, known)
				p.watchTokens(set, uint8(Sides+i))
			}
		}
	}
	for s, p := range c.Present {
		if p == nil {
			continue
		}
		fresh := w.callIDs[s] == "" && p.CallID != ""
		w.callIDs[s] = p.CallID
		if p.called(callID) {
			continue
		}
		p.watch(set, uint8(s), w.counts[s], known)
		w.counts[s] = len(p.Secrets)
		if fresh {
			p.watchTokens(set, uint8(s))
		}
	}
}

// watch puts the party's secrets into a set, from one of them on.
func (p *Party) watch(set *sentinel.Set, owner uint8, from int, known func(sentinel.Secret) bool) {
	for _, secret := range p.Secrets[from:] {
		if !known(secret) {
			set.Add(secret, owner)
		}
	}
}

// watchTokens puts in what we are called toward the party.
func (p *Party) watchTokens(set *sentinel.Set, owner uint8) {
	set.Add(sentinel.Secret{Kind: sentinel.Token, Text: p.LocalTag}, owner)
	set.Add(sentinel.Secret{Kind: sentinel.Token, Text: opaque(p.Contact)}, owner)
	if p.Ours {
		set.Add(sentinel.Secret{Kind: sentinel.Token, Text: p.CallID}, owner)
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
func (c *Circle) Presented(env *Env, callID string, kind sentinel.Kind, each func(string) bool) bool {
	p, s := c.of(callID)
	if p == nil {
		return false
	}
	if kind != sentinel.Number && slices.ContainsFunc(p.Meant, each) {
		return true
	}
	if slices.ContainsFunc(p.Said, each) {
		return true
	}
	// A call that is not masked goes on with its numbers.
	return s == Callee && c.Passed.Callee != "" &&
		(each(c.Passed.Caller) || each(c.Passed.Callee) || each(digitsOf(env, c.Passed.Number)))
}

// OwnNumber is the number of a leg's party without its country code; "": not known.
func (c *Circle) OwnNumber(env *Env, callID string) string {
	p, _ := c.of(callID)
	if p == nil {
		return ""
	}
	return digitsOf(env, p.Number)
}

// Shown is the number of an older range by which the party of a leg sees the other, as
// its secrets would have it; "": it was shown none. Such a number looks like anybody's.
func (c *Circle) Shown(callID string) string {
	if p, _ := c.of(callID); p != nil && p.Shown.Older() {
		return strings.TrimPrefix(p.Shown.String(), "0")
	}
	return ""
}

// Its says whether a secret is of the party of a leg itself.
func (c *Circle) Its(callID string, secret sentinel.Secret) bool {
	p, _ := c.of(callID)
	return p != nil && p.Secrets.Has(secret)
}

// Guessed says whether what was found in the words of a text is not of who has written them, but of one who was to get
// it before. It is a guess then: nothing of ours has put it there, and an answer that depends on it would tell
// the sender that it is right. Who gets the text learns no more than what the sender knows.
func (c *Circle) Guessed(callID string, h *sentinel.Hit) bool {
	_, to := c.of(callID)
	sender := c.Present[Caller]
	return to != Caller && h.Owner != uint8(Caller) && (sender == nil || !sender.Secrets.Has(h.Secret))
}

func digitsOf(env *Env, n binding.Number) string {
	var own sentinel.Secrets
	if own.AddParty(n, countryCode(env)); len(own) == 0 {
		return ""
	}
	return own[0].Text
}

// Leaked makes the action that tells of a message which was not sent.
func (c *Circle) Leaked(callID string, h *sentinel.Hit, what string) LeakStopped {
	a := LeakStopped{Record: c.Record, Of: Side(min(int(h.Owner), Sides-1)), Left: int(h.Owner) >= Sides, Kind: h.Kind, What: what}
	_, a.To = c.of(callID)
	switch i := int(h.Owner) - Sides; {
	case a.Left && i < len(c.Departed):
		a.Number = c.Departed[i].Number
	case !a.Left && c.Present[a.Of] != nil:
		a.Number = c.Present[a.Of].Number
	}
	return a
}

// TrunkOf is the index of the trunk that a leg is on, -1 when it is none of the call's.
func (c *Circle) TrunkOf(callID string) int {
	p, _ := c.of(callID)
	if p == nil {
		return -1
	}
	return p.Trunk
}

// OurPlaces calls each with our own addresses on a leg, until it says true.
func (c *Circle) OurPlaces(callID string, each func(string) bool) bool {
	p, s := c.of(callID)
	if p == nil {
		return false
	}
	for _, at := range [...]netip.Addr{c.Places[s][0], c.Places[s][1], p.Local} {
		if at.IsValid() && each(at.String()) {
			return true
		}
	}
	return each(p.Host)
}

// learnSource keeps where a party's voice comes from. During a transfer there are two
// sessions, and the party that comes is on the side of who asked for it, until it takes
// its place.
func (c *Call) learnSource(env *Env, ev MediaSource) {
	switch {
	case ev.Side > Callee:
	case ev.Session == c.Session:
		env.searched(c.leg(ev.Side).Secrets.Address(ev.Addr))
	case len(c.Transfers) > 0 && ev.Session == c.Transfers[0].Session:
		t := &c.Transfers[0]
		if ev.Side == t.By {
			env.searched(c.leg(Third).Secrets.Address(ev.Addr))
		} else {
			env.searched(c.leg(ev.Side).Secrets.Address(ev.Addr))
		}
	}
}

// stopped ends the call: it was about to tell one party what only another may know.
func (c *Call) stopped(env *Env, ev Stopped) {
	if ev.Written && c.Text.On && c.State < Ending {
		c.refuseNumbers(env, &binding.Decision{Edge: c.Edge})
		return
	}
	for _, s := range []Side{Caller, Callee} {
		l := c.leg(s)
		// The answer may have been stopped right behind another message, for which the call ends already.
		behind := c.State == Ending && !c.Signaled && !ev.Refused && l.State == Confirmed
		if l.Server.Tx != ev.Tx || ev.Tx == "" || c.State >= Ending && !behind {
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
		if behind && s == Caller {
			c.Final.Status, c.Final.Q850, c.Record.SIPStatus = 500, causeFault, 500
		}
	}
	c.end(env, ending{end: cdr.EndLeakStopped, by: byPlatform, status: 500, q850: causeFault})
}

// CallID is that of a leg.
func (c *Call) CallID(s Side) string { return c.leg(s).CallID }
