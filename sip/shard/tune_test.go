package shard_test

import (
	"fmt"
	"slices"
	"time"

	"mask700/media/sdp"
	"mask700/sip/call"
)

// calm lets what is under way come to its end in good weather.
func (p *run) calm() {
	p.weather = weather{delay: 20 * time.Millisecond}
	p.fails = 0
	p.play(p.world.now.Add(2 * time.Minute))
}

// tuned checks that the phones of a pair that both talk do so with each other, and
// that the media of both goes to where their descriptions say, in codecs that the
// other knows.
func (p *run) tuned() {
	for _, pair := range p.pairs {
		a, b := pair[0].talking(), pair[1].talking()
		if a == nil || b == nil || pair[0].unreachable() || pair[1].unreachable() || p.transfers() > 0 {
			continue
		}
		here, there := p.tune(a), p.tune(b)
		if here == nil || there == nil {
			continue // an offer is on its way
		}
		if here.call != there.call {
			if pair[0].twin != nil && pair[1].twin != nil {
				continue // two phones and two phones can have two calls
			}
			p.world.fail("%s and %s talk in two calls", a.name, b.name)
			continue
		}
		for _, t := range []*tune{here, there} {
			other := here
			if t == here {
				other = there
			}
			if b := &t.phone.behaviour; b.Refuse > 0 || b.RefuseUpdate > 0 || b.Stall || t.media.Port == 0 ||
				other.media.Port == 0 {
				continue // it has not taken the offer that would have put it right, or there is no audio
			}
			for _, c := range t.may {
				if !slices.Contains(other.knows, c) {
					p.world.fail("%s (%+v) may send %s, and %s (%+v) knows %v", t.phone.name, t.phone.behaviour, c,
						other.phone.name, other.phone.behaviour, other.knows)
				}
			}
		}
	}
}

// tune is the session of a phone that talks.
type tune struct {
	phone *handset
	call  string
	media sdp.Line
	knows []string // codecs that it takes
	may   []string // codecs that it may send
}

// tune reads the session of a phone, and compares it with what the relay was told;
// nil while an offer is on its way.
func (p *run) tune(h *handset) *tune {
	callID, own, theirs, ok := h.Session()
	if !ok {
		return nil
	}
	t := &tune{phone: h}
	side := call.Caller
	p.world.shard.Calls(func(c *call.Call) bool {
		for s := range c.Legs {
			if c.Legs[s].CallID == callID {
				t.call, side = c.ID, call.Side(s)
			}
		}
		return t.call == ""
	})
	d, err := sdp.Parse(own)
	if t.call == "" || err != nil || d.Audio < 0 {
		p.world.fail("%s (%+v) talks to nobody: %v", h.name, h.behaviour, err)
		return nil
	}
	t.media, t.knows = d.Lines[d.Audio], voices(d)
	if d, err = sdp.Parse(theirs); err == nil {
		t.may = slices.DeleteFunc(voices(d), func(c string) bool { return !slices.Contains(t.knows, c) })
	}
	want, err := sdp.Remote(mustParse(own))
	got := p.world.calls[t.call].remotes[side]
	if err != nil || got.RTP != want.RTP || got.Send != want.Send || got.Recv != want.Recv {
		p.world.fail("%s (%+v) is at %v, sends %t, receives %t; the relay was told %v, %t, %t",
			h.name, h.behaviour, want.RTP, want.Send, want.Recv, got.RTP, got.Send, got.Recv)
	}
	return t
}

func mustParse(body []byte) *sdp.Description {
	d, err := sdp.Parse(body)
	if err != nil {
		panic(err)
	}
	return d
}

// voices are the codecs of a description by name, events left out.
func voices(d *sdp.Description) (names []string) {
	if d.Audio < 0 {
		return nil
	}
	for _, c := range d.Lines[d.Audio].Codecs {
		if c.Name != "telephone-event" {
			names = append(names, fmt.Sprint(c.Name, "/", c.Clock))
		}
	}
	return names
}
