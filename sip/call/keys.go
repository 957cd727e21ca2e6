package call

import (
	"slices"
	"time"

	"mask700/sip/message"
)

// Stroke is a key of one party that waits for its INFO to the other.
type Stroke struct {
	To     Side
	Key    byte
	Length int // ms
}

// maxStrokes bounds the keys that wait for one party. Who does not answer its INFOs is
// told of no more.
const maxStrokes = 16

// heardKey takes a key that a party has pressed. The other one is told of it in an INFO,
// one after the other, so that they arrive in their order. What it cannot be told of now is
// lost, as a key is that nobody hears.
func (c *Call) heardKey(env *Env, ev KeyHeard) {
	if ev.Session != c.Session || c.State >= Ending || c.Text.On || ev.Side == Third {
		return
	}
	if c.Extension.Asked && c.State < Answered {
		// Also what comes too late: it is not for the callee.
		if ev.Side == Caller {
			c.pressed(env, ev.Key)
		}
		return
	}
	to := ev.Side.Other()
	if l := c.leg(to); !l.reachable() || !l.SDP.TakesKeys || c.strokes(to) >= maxStrokes {
		return
	}
	length := min(max(int(ev.Length/time.Millisecond), shortKey), longestKey)
	c.Strokes = append(c.Strokes, Stroke{To: to, Key: ev.Key, Length: length})
	c.nextStroke(env, to)
}

// reachable reports whether the party can be asked something in its dialog.
func (l *Leg) reachable() bool {
	return (l.State == Confirmed || l.State == Early) && l.RemoteTag != ""
}

func (c *Call) strokes(to Side) int {
	n := 0
	for i := range c.Strokes {
		if c.Strokes[i].To == to {
			n++
		}
	}
	return n
}

// nextStroke tells a party of the next key that waits, unless the last one has no answer
// yet.
func (c *Call) nextStroke(env *Env, to Side) {
	l := c.leg(to)
	i := slices.IndexFunc(c.Strokes, func(s Stroke) bool { return s.To == to })
	if i < 0 || c.State >= Ending || slices.ContainsFunc(l.Sent, func(s Sent) bool { return s.Stroke }) {
		return
	}
	s := c.Strokes[i]
	c.Strokes = slices.Delete(c.Strokes, i, i+1)
	r := l.nextRequest(env, &l.Dialog, "INFO")
	r.ContentType, r.Body = message.DTMFType, writeDTMF(s.Key, s.Length)
	if !c.send(env, to, &l.Dialog, Sent{Request: r, Stroke: true}) {
		c.dropStrokes(to)
	}
}

// strokeAnswered takes the answer to one of our INFOs. A party that takes none is told of
// no more keys, and what has waited for one that is silent is too old by now.
func (c *Call) strokeAnswered(env *Env, s Side, status int) {
	l := c.leg(s)
	switch {
	case noInfo(status):
		l.NoInfo = true
		l.SDP.Informs(false)
		if !l.SDP.TakesKeys {
			c.dropStrokes(s)
		}
	case gone(status):
		c.dropStrokes(s)
	}
	c.nextStroke(env, s)
}

// noInfo says that a status means that the party takes no INFO, or no key in one.
func noInfo(status int) bool { return status == 405 || status == 415 || status == 469 || status == 501 }

// dropStrokes forgets the keys that wait for one party.
func (c *Call) dropStrokes(to Side) {
	c.Strokes = slices.DeleteFunc(c.Strokes, func(s Stroke) bool { return s.To == to })
}
