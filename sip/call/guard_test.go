package call

import (
	"fmt"
	"net/netip"
	"testing"

	"mask700/sip/message"
	"mask700/sip/sentinel"
)

// hostile is a party that has told as much as is kept of one.
func hostile(n int) Party {
	p := Party{CallID: fmt.Sprintf("call-of-hostile-%d", n), Ours: true, LocalTag: fmt.Sprintf("tag-of-hostile-%d", n)}
	p.Contact = fmt.Sprintf("<sip:user-of-hostile-%d@192.0.2.1>", n)
	for k := sentinel.Number; k <= sentinel.Token; k++ {
		for i := range 100 {
			p.Secrets.Add(k, fmt.Sprintf("1380%02d%d%04d", n, k, i))
		}
	}
	return p
}

// TestEveryPartyIsSearchedFor: however much each has told, and as many as there can be,
// there is room for all that one of them must not be told.
func TestEveryPartyIsSearchedFor(t *testing.T) {
	c := Circle{Passed: new(Passed)}
	n := 0
	for s := range c.Present {
		p := hostile(n)
		c.Present[s] = &p
		n++
	}
	for range maxDeparted {
		c.Departed = append(c.Departed, hostile(n))
		n++
	}
	if len(c.Present[0].Secrets) < 60 {
		t.Fatalf("%d secrets of a party", len(c.Present[0].Secrets))
	}
	var set sentinel.Set
	var w Watched
	known := func(sentinel.Secret) bool { return false }
	c.Watch(&set, &w, c.Present[Callee].CallID, known)
	if others := Sides - 1 + maxDeparted; set.Missed() != 0 || set.Len() != others*(len(c.Present[0].Secrets)+3) {
		t.Errorf("%d are looked for, %d missed, of %d parties with %d each", set.Len(), set.Missed(), others, len(c.Present[0].Secrets))
	}
	var f sentinel.Finder
	for i, d := range c.Departed {
		last := d.Secrets[len(d.Secrets)-1].Text
		if !f.Find(&set, []byte("\r\nX: "+last+"\r\n"), func(h *sentinel.Hit) bool { return int(h.Owner) == Sides+i }) {
			t.Errorf("the last secret of party %d is not found", i)
		}
	}
	// One who has left is not kept from its own, and what it tells later is known too.
	set.Reset()
	w = Watched{}
	gone := c.Departed[0].CallID
	c.Watch(&set, &w, gone, known)
	own := c.Departed[0].Secrets[0].Text
	if f.Find(&set, []byte("\r\nX: "+own+"\r\n"), func(*sentinel.Hit) bool { return true }) {
		t.Error("its own secret is kept from it")
	}
	c.Departed[1].Secrets = append(c.Departed[1].Secrets, sentinel.Secret{Kind: sentinel.Number, Text: "13912345678"})
	c.Watch(&set, &w, gone, known)
	if !f.Find(&set, []byte("\r\nX: 13912345678\r\n"), func(*sentinel.Hit) bool { return true }) {
		t.Error("what one who has left has told since is not looked for")
	}
}

// TestOneWhoHasLeftIsKnown: its leg has a trunk, a number and places of ours.
func TestOneWhoHasLeftIsKnown(t *testing.T) {
	c := new(Call)
	l := Leg{Party: hostile(1)}
	l.Trunk, l.Said, l.SDP.Ours = 3, []string{"something it wrote"}, netip.MustParseAddr("192.0.2.77")
	c.depart(new(Env), &l)
	var circle Circle
	c.Circle(&circle)
	yes := func(want string) func(string) bool { return func(text string) bool { return text == want } }
	if circle.TrunkOf(l.CallID) != 3 || circle.TrunkOf("nobody's") != -1 || circle.TrunkOf("") != -1 {
		t.Error("its trunk is not known")
	}
	if !circle.OurPlaces(l.CallID, yes("192.0.2.77")) || circle.OurPlaces("nobody's", yes("192.0.2.77")) {
		t.Error("our place is not known")
	}
	if !circle.Presented(nil, l.CallID, sentinel.Name, yes("something it wrote")) {
		t.Error("what it has written is not known")
	}
	if a := circle.Leaked("nobody's", &sentinel.Hit{Owner: uint8(Sides)}, "BYE"); !a.Left || a.Number != l.Number {
		t.Errorf("%+v", a)
	}
	if circle.Keep() != nil {
		t.Error("kept though there is nobody else")
	}
}

// TestWhatFindsNoRoomIsCounted: of a party that tells too much, of voices from everywhere, and
// of one party too many.
func TestWhatFindsNoRoomIsCounted(t *testing.T) {
	env := &Env{Config: new(Config)}
	c := &Call{Session: 1}
	for i := range 20 {
		c.learnSource(env, MediaSource{Session: 1, Side: Callee, Addr: netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})})
	}
	hosts := len(c.leg(Callee).Secrets)
	if hosts == 0 || env.Unsearched != uint64(20-hosts) {
		t.Errorf("%d of 20 addresses are known, %d counted", hosts, env.Unsearched)
	}
	env.Unsearched = 0
	m := &message.Message{Method: "INVITE", From: message.Address{URI: message.URI{User: "13800138000", Host: "a.example"}, Text: "<sip:13800138000@a.example>", Tag: "a-tag-of-it"}}
	for i := range 30 {
		m.Asserted = append(m.Asserted, message.Address{URI: message.URI{User: fmt.Sprintf("138001390%02d", i), Host: "a.example"}})
	}
	var p Party
	p.hear(env, m)
	numbers := 0
	for _, s := range p.Secrets {
		if s.Kind == sentinel.Number {
			numbers++
		}
	}
	if env.Unsearched == 0 || numbers+int(env.Unsearched) != 31 {
		t.Errorf("%d of 31 numbers are known, %d counted", numbers, env.Unsearched)
	}
	env.Unsearched = 0
	for i := range maxDeparted {
		c.depart(env, &Leg{Party: hostile(i)})
	}
	if env.Unsearched != 0 {
		t.Errorf("%d are counted though there was room", env.Unsearched)
	}
	c.depart(env, &Leg{Party: hostile(maxDeparted)})
	if want := uint64(len(c.Departed[0].Secrets)); want == 0 || env.Unsearched != want || len(c.Departed) != maxDeparted {
		t.Errorf("%d of %d secrets are counted of one party too many", env.Unsearched, want)
	}
}

// TestWhereAVoiceComesFrom is kept as the party's own, whichever session it is in.
func TestWhereAVoiceComesFrom(t *testing.T) {
	here, there := netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("2001:db8::7")
	has := func(l *Leg, a netip.Addr) bool {
		return l.Secrets.Has(sentinel.Secret{Kind: sentinel.Host, Text: a.String()})
	}
	c := &Call{Session: 1}
	c.learnSource(new(Env), MediaSource{Session: 1, Side: Callee, Addr: here})
	c.learnSource(new(Env), MediaSource{Session: 2, Side: Callee, Addr: there}) // of a session that is no more
	c.learnSource(new(Env), MediaSource{Session: 1, Side: Third, Addr: there})  // nobody's
	if !has(c.leg(Callee), here) || has(c.leg(Callee), there) || len(c.leg(Caller).Secrets) != 0 {
		t.Errorf("%d and %d are known", len(c.leg(Callee).Secrets), len(c.leg(Caller).Secrets))
	}
	c.Transfers = []Transfer{{By: Caller, Session: 2}}
	c.learnSource(new(Env), MediaSource{Session: 2, Side: Caller, Addr: there}) // of who comes
	c.learnSource(new(Env), MediaSource{Session: 2, Side: Callee, Addr: there}) // of who stays
	if !has(c.leg(Third), there) || !has(c.leg(Callee), there) || has(c.leg(Caller), there) {
		t.Error("a new session's are not where they belong")
	}
}
