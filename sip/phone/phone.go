// Package phone is a small telephone: one SIP user agent with one call at a
// time (RFC 3261 sections 8, 9, 12 to 15). Tests and the demonstration call
// through the gateway with it, so it behaves as badly as it is told to.
//
// It is pure. Frames and the time go in, frames come out; there is no socket,
// clock, goroutine or random source in here. It keeps everything that it
// receives, for tests to search.
package phone

import (
	"bytes"
	"slices"
	"time"

	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/token"
	"mask700/sip/transaction"
)

// State is where a phone's call stands.
type State uint8

// The states of a call, the last or present one of the phone.
const (
	Idle     State = iota
	Dialling       // our INVITE is sent
	Ringing        // there, or here
	Talking        // a 2xx was sent or received
	Ended
)

var stateNames = [...]string{"idle", "dialling", "ringing", "talking", "ended"}

// String names the state for people.
func (s State) String() string { return stateNames[s] }

// Config is what a phone is.
type Config struct {
	User    string // its own number, as it stands in From
	Host    string // its own "ip:port"
	Server  string // the gateway's "ip:port"
	Network flow.Network
	Mint    *token.Mint
	Timers  transaction.Timers

	// SDP makes an offer of nothing, and an answer of an offer. It gives nil
	// where the offer cannot be answered. See Voice.
	SDP func(offer []byte) []byte

	// Ring is how long a call to this phone rings before it is answered.
	Ring time.Duration

	Name      string   // display name in From and Contact
	Headers   []string // further header lines of every message, without CRLF
	Behaviour Behaviour
}

// Behaviour is how a phone deviates from one that answers and waits. The zero
// value does not deviate.
type Behaviour struct {
	// As callee, toward the first INVITE.
	Silent          bool // no response at all, not even 100
	Early           bool // 183 with a description in the place of 180
	Abrupt          bool // no provisional response, not even 100
	NeverAnswer     bool // rings until it is cancelled
	Reject          int  // this status in the place of the answer, a redirection too
	AnswerCancelled bool // answers when CANCEL comes, as if the two had crossed

	// As caller.
	LateOffer   bool          // the INVITE has no description
	CancelAfter time.Duration // gives up unless it was answered by then

	// Of both, once the call is answered. A zero duration means never.
	NoACK         bool          // sends no ACK
	LateACK       time.Duration // sends it that much later
	DeafACK       bool          // does not see the ACKs that come
	ByeAfter      time.Duration // hangs up
	ReinviteAfter time.Duration // puts the other on hold
	LateReinvite  bool          // that re-INVITE has no description
	Refuse        int           // answers re-INVITEs with this status
	Stall         bool          // answers re-INVITEs with 100 and nothing more until they are cancelled
	DeadAfter     time.Duration // loses its power: forgets everything, without a word
}

// Phone is one telephone. It is not safe for concurrent use.
type Phone struct {
	config Config
	now    time.Time
	call   *call // the last one; nil: none yet
	calls  []*call
	txs    []*tx
	alarms []*alarm
	count  uint64 // of alarms, to order those of one time
	out    [][]byte

	seen      []*message.Message
	raw       [][]byte
	malformed int
}

// New returns a phone that waits for a call.
func New(c Config, now time.Time) *Phone {
	if c.Timers == (transaction.Timers{}) {
		c.Timers = transaction.DefaultTimers()
	}
	return &Phone{config: c, now: now}
}

// Take returns the messages to send to the server since the last Take.
func (p *Phone) Take() [][]byte {
	out := p.out
	p.out = nil
	return out
}

// State is where the last call stands.
func (p *Phone) State() State {
	if p.call == nil {
		return Idle
	}
	return p.call.state
}

// Final is the final status of the last call's first INVITE, sent or received;
// 0: none yet.
func (p *Phone) Final() int {
	if p.call == nil {
		return 0
	}
	return p.call.final
}

// RemoteSDP is the other's last session description, nil before there is one.
func (p *Phone) RemoteSDP() []byte {
	if p.call == nil {
		return nil
	}
	return p.call.remoteSDP
}

// Shown is what the display shows of a call that came in: the user part of
// From.
func (p *Phone) Shown() string {
	if p.call == nil {
		return ""
	}
	return p.call.shown
}

// Seen returns every message that was received and could be read.
func (p *Phone) Seen() []*message.Message { return p.seen }

// RawReceived returns the bytes of everything that was received.
func (p *Phone) RawReceived() [][]byte { return p.raw }

// Malformed counts what was received and is no message that a phone could
// accept.
func (p *Phone) Malformed() int { return p.malformed }

// Busy reports whether transactions or timers are left.
func (p *Phone) Busy() bool { return len(p.txs) > 0 || len(p.alarms) > 0 }

// Receive takes one message from the server.
func (p *Phone) Receive(now time.Time, frame []byte) {
	p.now = now
	p.raw = append(p.raw, bytes.Clone(frame))
	m, fault := message.Parse(frame)
	if fault == nil {
		fault = message.Check(m)
	}
	if fault != nil {
		p.malformed++
		return
	}
	p.seen = append(p.seen, m)
	switch {
	case !m.IsRequest():
		p.response(m)
	case m.Method == "ACK":
		p.ack(m)
	default:
		p.request(m)
	}
}

// Advance moves the time and does what is due.
func (p *Phone) Advance(now time.Time) {
	for {
		i := p.nextAlarm()
		if i < 0 || p.alarms[i].at.After(now) {
			break
		}
		a := p.alarms[i]
		p.now = a.at
		a.stop()
		a.ring()
	}
	p.now = now
}

// Next is when Advance has work to do, false when nothing waits.
func (p *Phone) Next() (time.Time, bool) {
	i := p.nextAlarm()
	if i < 0 {
		return time.Time{}, false
	}
	return p.alarms[i].at, true
}

// alarm is one running timer.
type alarm struct {
	phone *Phone
	at    time.Time
	order uint64
	ring  func()
}

// after starts a timer.
func (p *Phone) after(d time.Duration, ring func()) *alarm {
	p.count++
	a := &alarm{phone: p, at: p.now.Add(d), order: p.count, ring: ring}
	p.alarms = append(p.alarms, a)
	return a
}

// stop ends a timer; one that has ended or never was started may be stopped
// too.
func (a *alarm) stop() {
	if a == nil {
		return
	}
	if i := slices.Index(a.phone.alarms, a); i >= 0 {
		a.phone.alarms = slices.Delete(a.phone.alarms, i, i+1)
	}
}

func (p *Phone) nextAlarm() int {
	best := -1
	for i, a := range p.alarms {
		if best < 0 || a.at.Before(p.alarms[best].at) ||
			a.at.Equal(p.alarms[best].at) && a.order < p.alarms[best].order {
			best = i
		}
	}
	return best
}

// die forgets everything, as a phone does that is switched off and on again.
func (p *Phone) die() {
	for _, c := range p.calls {
		c.state = Ended
	}
	p.calls, p.txs, p.alarms = nil, nil, nil
}
