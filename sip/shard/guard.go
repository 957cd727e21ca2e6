package shard

import (
	"bytes"
	"strconv"
	"strings"

	"mask700/sip/call"
	"mask700/sip/message"
	"mask700/sip/sentinel"
)

// This file is what stands between a call and the socket: every message of a call is
// searched for the secrets of its other parties before it is sent, and again before
// it is repeated if more of them have become known by then. What has one is not
// sent. A message of no call has nobody's secrets to hold.

// watch is what one leg of a call must not be sent.
type watch struct {
	callID string // of the leg
	set    sentinel.Set
	made   call.Watched
}

// passed is what was searched last, and for how many secrets.
type passed struct {
	message *byte
	secrets int
}

// circleOf is who must not learn what in a call, also when that is over; nil: there is
// nobody, or nothing to be learnt. It is good until the next of them.
func (s *Shard) circleOf(l *live) *call.Circle {
	switch {
	case l == nil:
		return nil
	case l.call == nil:
		return l.rest
	}
	l.call.Circle(&s.circle)
	return &s.circle
}

// learn keeps what a message tells of its sender.
func (s *Shard) learn(l *live, leg string, m *message.Message) {
	if c := s.circleOf(l); c != nil {
		c.Hear(&s.env, leg, m)
	}
}

// watch gives what a leg must not be sent, as it is known by now.
func (s *Shard) watch(l *live, c *call.Circle, leg string) *watch {
	free := 0
	for i, w := range l.watches {
		if w == nil {
			free = i
		} else if w.callID == leg {
			free = i
			break
		}
	}
	w := l.watches[free]
	if w == nil {
		if n := len(s.watches); n > 0 {
			w, s.watches = s.watches[n-1], s.watches[:n-1]
		} else {
			w = new(watch)
		}
		l.watches[free] = w
		s.watched++
	}
	if w.callID != leg {
		w.reset()
		w.callID = leg
	}
	known := func(secret sentinel.Secret) bool {
		switch secret.Kind {
		case sentinel.Host:
			return s.ownHost(c.TrunkOf(leg), secret.Text)
		case sentinel.Number: // of one who was in the call before
			return c.Its(leg, secret)
		}
		return false
	}
	missed := w.set.Missed()
	c.Watch(&w.set, &w.made, leg, known)
	s.stats.Unsearched += uint64(max(w.set.Missed()-missed, 0))
	return w
}

// over gives back the watches of a call that is over: what still leaves for it is rare.
func (s *Shard) over(l *live) {
	if l.call == nil {
		s.unwatch(l)
	}
}

func (w *watch) reset() {
	w.set.Reset()
	w.callID, w.made = "", call.Watched{}
}

// maxIdle bounds the watches that are kept for further calls, and maxWatched those that
// calls keep while they talk, when nothing is said for long: some 5 KB each.
const (
	maxIdle    = 256
	maxWatched = 2048
)

// unwatch gives the watches of a call back. They can be made again at any time.
func (s *Shard) unwatch(l *live) {
	for i, w := range l.watches {
		if w == nil {
			continue
		}
		w.reset()
		s.watched--
		if len(s.watches) < maxIdle {
			s.watches = append(s.watches, w)
		}
		l.watches[i] = nil
	}
}

// leaks says whether a message of a transaction holds what its receiver must not learn.
func (s *Shard) leaks(t *tx, b []byte) bool { return s.leaksAgain(t, &t.passed, b) }

// leaksAgain is leaks of one of several messages that a transaction repeats. What has
// been searched is not searched again, unless more has become known since.
func (s *Shard) leaksAgain(t *tx, last *passed, b []byte) bool {
	c := s.circleOf(t.owner)
	if c == nil || len(b) == 0 {
		return false
	}
	defer s.over(t.owner)
	w := s.watch(t.owner, c, t.leg)
	now := passed{&b[0], w.set.Len()}
	if *last == now {
		return false
	}
	if s.search(c, w, t.theirs, b) {
		return true
	}
	*last = now
	return false
}

// search searches a message, and reports what it finds.
func (s *Shard) search(c *call.Circle, w *watch, echo *message.Echo, b []byte) bool {
	s.written = false
	return !Blind && s.finder.Find(&w.set, b, func(h *sentinel.Hit) bool {
		// What a text says is by the sender's own hand.
		written := c.Text && inBody(h)
		if written && (!telling(h.Secret) || c.Guessed(w.callID, h)) {
			return false
		}
		switch s.judge(c, w.callID, echo, h) {
		case sentinel.Allowed:
			if !written {
				w.set.Excuse(h)
			}
			return false
		case sentinel.Chance:
			return false
		}
		s.written = written
		s.stats.Leaks++
		told := c.Leaked(w.callID, h, kindOf(b))
		told.Written = written
		s.out = append(s.out, Output{Call: c.ID, Action: told})
		return true
	})
}

// inBody says whether a hit is behind the headers.
func inBody(h *sentinel.Hit) bool { return bytes.Contains(h.Text[:h.Start], []byte("\r\n\r\n")) }

// telling says which secrets of its sender a text must not hold: numbers, addresses and
// what names dialogs and the very device. A name is a person's own to tell, and the words
// by which a program calls itself, or a host that is a bare word, are in honest texts too.
func telling(s sentinel.Secret) bool {
	switch s.Kind {
	case sentinel.User, sentinel.Name:
		return false
	case sentinel.Host:
		return strings.ContainsAny(s.Text, ".:")
	case sentinel.Device: // a serial number, a network card, a UUID; a version has a slash
		return len(s.Text) >= leastSerial && strings.ContainsAny(s.Text, "0123456789") && !strings.Contains(s.Text, "/")
	}
	return true
}

// leastSerial is the length of what is taken for the name of one device.
const leastSerial = 12

// judge says what a hit in what leaves toward a leg is.
func (s *Shard) judge(c *call.Circle, leg string, echo *message.Echo, h *sentinel.Hit) sentinel.Verdict {
	return s.finder.Judge(h, sentinel.Receiver{Number: c.OwnNumber(&s.env, leg), Shown: c.Shown(leg)}, func(holds func(string) bool) bool {
		return c.Presented(&s.env, leg, h.Kind, holds) || s.configured(c, leg, holds) || echoes(echo, holds)
	})
}

func echoes(e *message.Echo, holds func(string) bool) bool {
	if e == nil {
		return false
	}
	for _, v := range e.Via {
		if holds(v) {
			return true
		}
	}
	if e.CSeq >= 1_000_000 && holds(strconv.FormatUint(uint64(e.CSeq), 10)) {
		return true // shorter, it is nobody's number
	}
	return holds(e.From) || holds(e.To) || holds(e.CallID) || holds(e.CSeqText) || holds(e.Method) || holds(e.Timestamp)
}

// configured calls each with the texts of the configuration that may be written toward
// a leg's trunk, until it says true.
func (s *Shard) configured(c *call.Circle, leg string, each func(string) bool) bool {
	for _, host := range s.config.Advertise {
		if each(host) {
			return true
		}
	}
	index := c.TrunkOf(leg)
	if index < 0 || index >= len(s.env.Config.Trunks) {
		return false
	}
	t := s.env.Config.Trunks[index]
	for i := range t.Targets {
		if each(t.Targets[i].Host) {
			return true
		}
	}
	if index < len(s.env.Config.Hops) {
		for i := range s.env.Config.Hops[index] {
			h := &s.env.Config.Hops[index][i]
			if each(h.Host) || each(h.Domain) || each(h.Target) {
				return true
			}
		}
	}
	return each(t.Domain) || each(t.Prefix) || t.Auth != nil && (each(t.Auth.User) || each(t.Auth.Realm)) || c.OurPlaces(leg, each)
}

// ownHost says whether a host is that of one of the trunk's targets, or ours there, as it
// stands: most calls have both legs by one switch. It spares the search what judge would
// let pass.
func (s *Shard) ownHost(index int, host string) bool {
	if index < 0 || index >= len(s.env.Config.Hops) {
		return false
	}
	for i := range s.env.Config.Hops[index] {
		if h := &s.env.Config.Hops[index][i]; h.Domain == host || begins(h.Target, host) || begins(h.Host, host) {
			return true
		}
	}
	return false
}

// begins says whether a host:port, or a host alone, is at a host.
func begins(at, host string) bool {
	return len(at) >= len(host) && at[:len(host)] == host && (len(at) == len(host) || at[len(host)] == ':')
}

// stop tells a call that a message of it was not sent. Tx is that of the INVITE it would
// have answered, empty for another.
func (s *Shard) stop(l *live, tx call.Tx, refused bool) {
	if l != nil && l.call != nil {
		s.pending = append(s.pending, pending{l, call.Stopped{Tx: tx, Refused: refused, Written: s.written}})
	}
}

// safeResponse is what stands for a response that was not sent: nothing in it but what
// the sender of the request has written itself, as it was when it came, and our tag.
func (s *Shard) safeResponse(t *tx, tag string) []byte {
	if t.theirs == nil {
		return nil
	}
	return s.writeResponse(&message.Response{Echo: *t.theirs, Status: 500, ToTag: tag})
}

// safeRequest composes a request, and says false when it must not leave. One that ends
// or acknowledges something is composed once more then of nothing but what it needs.
// What it was searched for need not be searched for again. Theirs is what the receiver has
// written of it, nil where nothing is.
func (s *Shard) safeRequest(l *live, leg string, r *message.Request, theirs *message.Echo) ([]byte, passed, bool) {
	b := s.writeRequest(r)
	c := s.circleOf(l)
	if c == nil || len(b) == 0 {
		return b, passed{}, true
	}
	defer s.over(l)
	w := s.watch(l, c, leg)
	if !s.search(c, w, theirs, b) {
		return b, passed{&b[0], w.set.Len()}, true
	}
	s.stop(l, "", false)
	switch r.Method {
	case "BYE", "ACK", "CANCEL":
		bare := s.shortOf(r, r.Method)
		bare.Authorization, bare.ProxyAuthorization = r.Authorization, r.ProxyAuthorization
		if b = s.writeRequest(&bare); !s.search(c, w, theirs, b) {
			*r = bare
			return b, passed{&b[0], w.set.Len()}, true
		}
	}
	return nil, passed{}, false
}

// kindOf is the method of a request or the status of a response.
func kindOf(b []byte) string {
	if bytes.HasPrefix(b, []byte("SIP/2.0 ")) && len(b) > 11 {
		return string(b[8:11])
	}
	method, _, _ := bytes.Cut(b, []byte(" "))
	return string(method)
}
