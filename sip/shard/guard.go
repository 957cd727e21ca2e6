package shard

import (
	"bytes"
	"strconv"

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

// learn keeps what a message tells of its sender.
func (s *Shard) learn(l *live, leg string, m *message.Message) {
	if l.call != nil {
		l.call.Learn(&s.env, leg, m)
	}
}

// watch gives what a leg must not be sent, as it is known by now.
func (s *Shard) watch(l *live, leg string) *watch {
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
			return s.ownHost(l, leg, secret.Text)
		case sentinel.Number: // of one who was in the call before
			return l.call.Its(leg, secret)
		}
		return false
	}
	l.call.Watch(&w.set, &w.made, leg, known)
	return w
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
func (s *Shard) leaks(t *tx, b []byte) bool {
	if t.owner == nil || t.owner.call == nil || len(b) == 0 {
		return false
	}
	w := s.watch(t.owner, t.leg)
	now := passed{&b[0], w.set.Len()}
	if t.passed == now {
		return false
	}
	if s.search(t.owner, w, t.theirs, b) {
		return true
	}
	t.passed = now
	return false
}

// search searches a message, and reports what it finds.
func (s *Shard) search(l *live, w *watch, echo *message.Echo, b []byte) bool {
	return !Blind && s.finder.Find(&w.set, b, func(h *sentinel.Hit) bool {
		switch s.judge(l, w.callID, echo, h) {
		case allowed:
			w.set.Excuse(h)
			return false
		case chance:
			return false
		}
		s.stats.Leaks++
		s.out = append(s.out, Output{Call: l.call.ID, Action: l.call.Leaked(w.callID, h, kindOf(b))})
		return true
	})
}

// verdict is what a hit turns out to be.
type verdict uint8

const (
	leak    verdict = iota
	allowed         // the receiver has it from itself, from the configuration, or it is a word of ours
	chance          // here it is part of something else
)

// judge says what a hit is. What the receiver has written itself is written back to
// it, whatever it is: a message that were held back for that would tell it that it
// has guessed right.
func (s *Shard) judge(l *live, leg string, echo *message.Echo, h *sentinel.Hit) verdict {
	if h.Kind == sentinel.Number {
		from, to := sentinel.Run(h.Text, h.Start, h.End)
		own := l.call.OwnNumber(&s.env, leg)
		if sentinel.Within(h.Text[from:to], h.Start-from, h.End-from, own) {
			return chance
		}
	} else if sentinel.Ours(h.Secret.Text) {
		return allowed
	}
	holds := func(text string) bool { return s.finder.Holds(text, h.Secret) }
	if l.call.Presented(&s.env, leg, h.Kind, holds) || s.configured(l, leg, holds) || echoes(echo, holds) {
		return allowed
	}
	return leak
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
func (s *Shard) configured(l *live, leg string, each func(string) bool) bool {
	for _, host := range s.config.Advertise {
		if each(host) {
			return true
		}
	}
	index := l.call.TrunkOf(leg)
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
	return each(t.Domain) || each(t.Prefix) || t.Auth != nil && (each(t.Auth.User) || each(t.Auth.Realm)) || l.call.OurPlaces(leg, each)
}

// ownHost says whether a host is that of one of the trunk's targets, or ours there, as it
// stands: most calls have both legs by one switch. It spares the search what judge would
// let pass.
func (s *Shard) ownHost(l *live, leg string, host string) bool {
	index := l.call.TrunkOf(leg)
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
		s.pending = append(s.pending, pending{l, call.Stopped{Tx: tx, Refused: refused}})
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
func (s *Shard) safeRequest(l *live, leg string, r *message.Request) ([]byte, bool) {
	b := s.writeRequest(r)
	if l == nil || l.call == nil {
		return b, true
	}
	w := s.watch(l, leg)
	if !s.search(l, w, nil, b) {
		return b, true
	}
	s.stop(l, "", false)
	switch r.Method {
	case "BYE", "ACK", "CANCEL":
		bare := s.shortOf(r, r.Method)
		bare.Authorization, bare.ProxyAuthorization = r.Authorization, r.ProxyAuthorization
		if b = s.writeRequest(&bare); !s.search(l, w, nil, b) {
			*r = bare
			return b, true
		}
	}
	return nil, false
}

// kindOf is the method of a request or the status of a response.
func kindOf(b []byte) string {
	if bytes.HasPrefix(b, []byte("SIP/2.0 ")) && len(b) > 11 {
		return string(b[8:11])
	}
	method, _, _ := bytes.Cut(b, []byte(" "))
	return string(method)
}
