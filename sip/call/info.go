package call

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"mask700/media/sdp"
	"mask700/sip/message"
)

// maxInfos bounds the INFOs of one party that wait for the other's answer.
const maxInfos = 4

// informed takes an INFO. Only a key of the phone crosses, written anew: as an INFO
// again, or as telephone events (RFC 4733) to who takes no INFO and has agreed on
// these. The other way is in keys.go.
func (c *Call) informed(env *Env, s Side, back Reply, m *message.Message) {
	to := s.Other()
	other := c.leg(to)
	key, length, ok := readDTMF(m)
	switch {
	case c.State >= Ending:
		c.reply(env, back, message.Response{Status: 481})
	case m.InfoPackage != "":
		c.reply(env, back, message.Response{Status: 469, NoInfoPackages: true})
	case len(m.Body) == 0:
		c.reply(env, back, message.Response{Status: 200}) // asks whether we are there
	case !ok:
		c.reply(env, back, message.Response{Status: 415, AcceptDTMF: true})
	case c.Extension.Asked && c.State < Answered && s == Caller:
		c.pressed(env, key)
		c.reply(env, back, message.Response{Status: 200})
	case !other.reachable():
		c.reply(env, back, message.Response{Status: 480})
	case other.infos()+c.presses(to) >= maxInfos:
		c.reply(env, back, message.Response{Status: 500, RetryAfter: soon(env)})
	case other.hearsAlone() && c.press(env, to, key, length, back):
	case other.SDP.Policy.Keys == sdp.KeysEvents:
		c.reply(env, back, message.Response{Status: 415, AcceptDTMF: true})
	default:
		r := other.nextRequest(env, &other.Dialog, "INFO")
		r.ContentType, r.Body = message.DTMFType, writeDTMF(key, length)
		if !c.send(env, to, &other.Dialog, Sent{Request: r, Back: back}) {
			c.reply(env, back, message.Response{Status: 500, RetryAfter: soon(env)})
		}
	}
}

// hearsAlone reports whether a party takes no key in an INFO.
func (l *Leg) hearsAlone() bool { return l.NoInfo || l.SDP.Policy.Keys == sdp.KeysEvents }

func (l *Leg) infos() int {
	n := 0
	for i := range l.Sent {
		if l.Sent[i].Back.Tx != "" {
			n++
		}
	}
	return n
}

// Press is a key that an INFO told of, on its way to the media.
type Press struct {
	To   Side
	Back Reply // the INFO
}

func (c *Call) presses(to Side) int {
	n := 0
	for i := range c.Presses {
		if c.Presses[i].To == to {
			n++
		}
	}
	return n
}

// press sends a key to a party as telephone events, where it has agreed on these, with the
// other one or with us, and it listens. The INFO that told of it is answered when the media has taken
// the key, or has not.
func (c *Call) press(env *Env, to Side, key byte, length int, back Reply) bool {
	if !c.MediaOpen || c.State >= Ending || to == Third || key == '!' {
		return false
	}
	l := c.leg(to)
	m, err := l.SDP.Remote()
	if err != nil || !m.Recv || !m.RTP.IsValid() || !l.SDP.HearsKeys() {
		return false
	}
	c.Presses = append(c.Presses, Press{To: to, Back: back})
	env.do(PressKey{Tx: back.Tx, Session: c.Session, Side: to, Key: key, Length: time.Duration(length) * time.Millisecond})
	return true
}

// keyPressed answers an INFO whose key the media has taken or has not: too many wait
// already, or nobody is there to hear it now.
func (c *Call) keyPressed(env *Env, ev KeyPressed) {
	i := slices.IndexFunc(c.Presses, func(p Press) bool { return p.Back.Tx == ev.Tx })
	if i < 0 {
		return // the call's end, or that of the party's leg, was first
	}
	back := c.Presses[i].Back
	c.Presses = slices.Delete(c.Presses, i, i+1)
	if ev.OK {
		c.reply(env, back, message.Response{Status: 200})
	} else {
		c.reply(env, back, message.Response{Status: 500, RetryAfter: soon(env)})
	}
}

// infoAnswered takes the answer of a party to an INFO back.
func (c *Call) infoAnswered(env *Env, s Side, sent Sent, status int) {
	switch {
	case sent.Stroke:
		c.strokeAnswered(env, s, status)
	case sent.Back.Tx == "":
	case status < 300:
		c.reply(env, sent.Back, message.Response{Status: 200})
	case noInfo(status):
		r := &sent.Request
		key, length, _ := readDTMF(&message.Message{ContentType: r.ContentType, Body: r.Body}) // our own words
		if c.press(env, s, key, length, sent.Back) {
			c.leg(s).NoInfo = true
			return
		}
		c.reply(env, sent.Back, message.Response{Status: 415, AcceptDTMF: true})
	case gone(status):
		// An INFO says nothing of the dialog's life that a BYE would not (RFC 6086
		// section 4.2.2), and no 408 is sent for a request that is no INVITE (RFC
		// 4320).
		c.reply(env, sent.Back, message.Response{Status: 480})
	default:
		c.reply(env, sent.Back, message.Response{Status: outcomeOf(status).status})
	}
}

// dropInfos answers the INFOs that the end of the call has overtaken.
func (c *Call) dropInfos(env *Env) {
	for s := range c.Legs {
		c.dropInfosOf(env, Side(s))
	}
}

// dropInfosOf answers those that wait for one leg, which is left behind.
func (c *Call) dropInfosOf(env *Env, s Side) {
	l := c.leg(s)
	for i := range l.Sent {
		if sent := &l.Sent[i]; sent.Back.Tx != "" {
			c.reply(env, sent.Back, message.Response{Status: 487})
			sent.Back = Reply{}
		}
	}
	c.dropStrokes(s)
	c.Presses = slices.DeleteFunc(c.Presses, func(p Press) bool {
		if p.To == s {
			c.reply(env, p.Back, message.Response{Status: 487})
		}
		return p.To == s
	})
}

// Lengths of a key, in ms.
const (
	usualKey   = 160
	shortKey   = 40
	longestKey = 8000
)

// keys are what a phone can have, and the flash hook.
const keys = "0123456789*#ABCD!"

// readDTMF reads a key and its length in ms: "Signal=5" and "Duration=160" in an
// application/dtmf-relay body, a bare key in an application/dtmf one. Everything
// else that such a body may hold is not read.
func readDTMF(m *message.Message) (key byte, length int, ok bool) {
	length = usualKey
	text := string(m.Body)
	switch m.ContentType {
	case "application/dtmf":
		key, ok = readKey(strings.TrimSpace(text))
		return key, length, ok
	case message.DTMFType:
	default:
		return 0, 0, false
	}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, "=")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "signal":
			if ok {
				return 0, 0, false
			}
			if key, ok = readKey(value); !ok {
				return 0, 0, false
			}
		case "duration":
			if n, err := strconv.ParseUint(value, 10, 16); err == nil {
				length = min(max(int(n), shortKey), longestKey)
			}
		}
	}
	return key, length, ok
}

// readKey reads one key; 10 and 11 are how some phones write the star and the
// hash.
func readKey(s string) (byte, bool) {
	switch s = strings.ToUpper(s); {
	case s == "10":
		return '*', true
	case s == "11":
		return '#', true
	case len(s) != 1 || !strings.Contains(keys, s):
		return 0, false
	}
	return s[0], true
}

func writeDTMF(key byte, length int) []byte {
	b := append([]byte("Signal="), key)
	b = append(b, "\r\nDuration="...)
	b = strconv.AppendInt(b, int64(length), 10)
	return append(b, "\r\n"...)
}
