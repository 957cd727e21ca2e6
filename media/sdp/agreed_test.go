package sdp

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// listing is a description with these payload types, in which 96 and 101 are telephone
// events and 97 is opus.
func listing(t *testing.T, types string) *Description {
	t.Helper()
	return mustParse(t, strings.Replace(plain, "AVP 8", "AVP "+types, 1)+
		"a=rtpmap:96 telephone-event/8000\r\na=rtpmap:97 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n")
}

func numbersOf(codecs []Codec) (list []uint8) {
	for _, c := range codecs {
		list = append(list, c.PT)
	}
	return list
}

// asked is a leg whose peer has offered these types, and was answered by others.
func asked(t *testing.T, offer, answer string) Leg {
	t.Helper()
	l := NewLeg(7, Policy{})
	l.Receive(listing(t, offer))
	if _, err := l.Answer(listing(t, answer), here); err != nil {
		t.Fatal(err)
	}
	return l
}

// asking is a leg whose peer was offered these types, and has answered by others.
func asking(t *testing.T, offer, answer string) Leg {
	t.Helper()
	l := NewLeg(7, Policy{})
	if _, err := l.Offer(listing(t, offer), here); err != nil {
		t.Fatal(err)
	}
	l.Receive(listing(t, answer))
	return l
}

func TestAgreedIsWhatBothHaveSaid(t *testing.T) {
	for name, c := range map[string]struct {
		leg  Leg
		want []uint8
	}{
		"answered by us":     {asked(t, "97 8 0 101", "8 101"), []uint8{8, 101}},
		"answered by it":     {asking(t, "8 0 101", "8 101"), []uint8{8, 101}},
		"answered with more": {asking(t, "8 101", "8 97 101"), []uint8{8, 101}},
		"by its own numbers": {asking(t, "8 101", "8 96"), []uint8{8, 96}},
		"all of it":          {asking(t, "8 0 101", "0 8 101"), []uint8{0, 8, 101}},
	} {
		d := c.leg.Agreed()
		if got := numbersOf(d.Lines[d.Audio].Codecs); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		before := numbersOf(c.leg.Peer.Lines[c.leg.Peer.Audio].Codecs)
		d.Lines[d.Audio].Port = 9
		if c.leg.Peer.Lines[c.leg.Peer.Audio].Port == 9 || len(before) < len(c.want) {
			t.Errorf("%s: the leg has changed with what it gave", name)
		}
	}
	rejected := asking(t, "8", "8")
	rejected.Lines = slices.Clone(rejected.Lines)
	rejected.Lines[rejected.Audio.Line].Port = 0
	if d := rejected.Agreed(); d.Lines[d.Audio].Port != 0 {
		t.Error("what we have rejected is agreed on")
	}
}

func TestFollowTellsThePeerNothing(t *testing.T) {
	for name, c := range map[string]struct {
		leg    Leg
		from   string
		want   []PayloadType
		agrees bool
	}{
		"the same": {asked(t, "97 8 0 101", "8 101"), "8 101", []PayloadType{{PT: 8, Map: 8}, {PT: 101, Map: 101}}, true},
		"events by another number": {asked(t, "8 101", "8 101"), "8 96",
			[]PayloadType{{PT: 8, Map: 8}, {PT: 101, Map: 96}}, true},
		"one of two":              {asking(t, "8 0 101", "8 0 101"), "0 101", []PayloadType{{PT: 0, Map: 0}, {PT: 101, Map: 101}}, false},
		"no events":               {asked(t, "8 101", "8 101"), "8", []PayloadType{{PT: 8, Map: 8}}, false},
		"more than was agreed on": {asked(t, "97 8 0 101", "8"), "8 0 101", []PayloadType{{PT: 8, Map: 8}}, true},
		"what it has left out":    {asking(t, "8 0 101", "8 101"), "8 0", []PayloadType{{PT: 8, Map: 8}}, false},
	} {
		sent, version := string(c.leg.Sent), c.leg.Version
		if err := c.leg.Follow(listing(t, c.from)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		same := func(a, b PayloadType) bool { return a.PT == b.PT && a.Map == b.Map }
		if !slices.EqualFunc(c.leg.Audio.Types, c.want, same) {
			t.Errorf("%s: %v, want %v", name, c.leg.Audio.Types, c.want)
		}
		if got := c.leg.Agrees(listing(t, c.from)); got != c.agrees {
			t.Errorf("%s: agrees %t", name, got)
		}
		if string(c.leg.Sent) != sent || c.leg.Version != version {
			t.Errorf("%s: another description counts as sent", name)
		}
	}
}

func TestFollowRefusesWhatCannotBeHeard(t *testing.T) {
	l := asking(t, "8 0 101", "8 101")
	before := l.Audio.Types
	for name, from := range map[string]*Description{
		"a codec that the peer has left out": listing(t, "0 101"),
		"another codec":                      listing(t, "97"),
		"nothing":                            {Audio: -1, Video: -1},
	} {
		if err := l.Follow(from); !errors.Is(err, ErrNotMaskable) {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.Equal(l.Audio.Types, before) {
			t.Errorf("%s: the leg has changed", name)
		}
	}
}
