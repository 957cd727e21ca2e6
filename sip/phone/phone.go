// Package phone is a small telephone: one SIP user agent with one call at a
// time (RFC 3261 sections 8, 9, 12 to 15, with RFC 3262, 3264, 3311, 4028, 6086
// and 6228). Tests and the demonstration call through the gateway with it, so it
// behaves as badly as it is told to, and notes where the other side does.
//
// It is pure. Frames and the time go in, frames come out; there is no socket,
// clock, goroutine or random source in here. It keeps everything that it
// receives, for tests to search.
package phone

import (
	"bytes"
	"fmt"
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
	Mint    *token.Mint // also of what else is random: back-offs, the first RSeq
	Timers  transaction.Timers

	// SDP makes an offer of nothing, and an answer of an offer. It gives nil
	// where the offer cannot be answered. The phone keeps count of the version in
	// o= by itself. See Voice.
	SDP func(offer []byte) []byte

	// Ring is how long a call to this phone rings before it is answered.
	Ring time.Duration

	Account   Account  // whose credentials it takes, if it asks for any
	Name      string   // display name in From and Contact
	Headers   []string // further header lines of every message, without CRLF
	Behaviour Behaviour
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

	seen       []*message.Message
	raw        [][]byte
	malformed  int
	violations []string
	answers    map[string][]int
	nonces     []nonce
	digits     []byte
	news       []string
	referred   bool // a REFER has been sent: two phones that answer each other with one would never end
}

// New returns a phone that waits for a call.
func New(c Config, now time.Time) *Phone {
	if c.Timers == (transaction.Timers{}) {
		c.Timers = transaction.DefaultTimers()
	}
	return &Phone{config: c, now: now, answers: map[string][]int{}}
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

// CallID is that of the last call, "" before there is one.
func (p *Phone) CallID() string {
	if p.call == nil {
		return ""
	}
	return p.call.callID
}

// Session is what the call that is talked in has come to: its Call-ID, and the
// descriptions of both sides that are in force. ok is false while there is no such
// call, or an offer is on its way.
func (p *Phone) Session() (callID string, own, theirs []byte, ok bool) {
	if p.State() != Talking {
		return "", nil, nil, false
	}
	s := &p.call.dialog.session
	return p.call.callID, s.agreed, s.peer.active, s.turn == nobodys && s.settled
}

// Expired reports whether the last call ended because the other side did not
// refresh its session in time (RFC 4028 section 10).
func (p *Phone) Expired() bool { return p.call != nil && p.call.expired }

// Digits are the keys that the other side has reported in INFOs, in order.
func (p *Phone) Digits() string { return string(p.digits) }

// News are the status lines that the other side has sent of the transfers that the
// phone has asked for, in order.
func (p *Phone) News() []string { return p.news }

// Answers returns the final statuses that requests of a method have got inside
// the phone's dialogs, in order; 0 stands for none.
func (p *Phone) Answers(method string) []int { return p.answers[method] }

// Seen returns every message that was received and could be read.
func (p *Phone) Seen() []*message.Message { return p.seen }

// RawReceived returns the bytes of everything that was received.
func (p *Phone) RawReceived() [][]byte { return p.raw }

// Malformed counts what was received and is no message that a phone could
// accept.
func (p *Phone) Malformed() int { return p.malformed }

// maxViolations bounds what is kept of a peer that never does right.
const maxViolations = 32

// Violations says where the other side has broken the rules of the RFCs, the
// first of them: offers and answers out of turn, versions and sequence numbers
// that are wrong, headers that are missing.
func (p *Phone) Violations() []string { return p.violations }

func (p *Phone) blame(format string, args ...any) {
	if len(p.violations) < maxViolations {
		p.violations = append(p.violations, fmt.Sprintf(format, args...))
	}
}

// Busy reports whether transactions or timers are left.
func (p *Phone) Busy() bool { return len(p.txs) > 0 || len(p.alarms) > 0 }

// Receive takes one message from the server.
func (p *Phone) Receive(now time.Time, frame []byte) {
	m, fault := message.Parse(frame)
	if fault != nil {
		m = nil
	}
	p.Accept(now, frame, m)
}

// Accept takes one message from the server that somebody has read already; nil
// is one that could not be read. The phone does not change it.
func (p *Phone) Accept(now time.Time, frame []byte, m *message.Message) {
	p.now = now
	p.raw = append(p.raw, bytes.Clone(frame))
	if m == nil || !p.sound(m) {
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

// sound reports whether a message is as it should be. What it requires is
// looked at where it is answered: extensions of the phone are not the gateway's.
func (p *Phone) sound(m *message.Message) bool {
	bare := *m
	bare.Require = nil
	return message.Check(&bare) == nil
}

// Restart forgets everything, as a phone does that is switched off and on again.
func (p *Phone) Restart(now time.Time) {
	p.now = now
	for _, c := range p.calls {
		c.state = Ended
	}
	p.calls, p.txs, p.alarms = nil, nil, nil
}

// The option tags that a phone may know.
const (
	optReliable = "100rel"
	optTimer    = "timer"
	optLeft     = "199" // RFC 6228
)

// options are the extensions that the phone knows, and those without which it
// does not talk.
func (p *Phone) options() (supported, required []string) {
	b := &p.config.Behaviour
	for _, o := range []struct {
		tag   string
		level Level
	}{{optReliable, b.Reliable}, {optTimer, b.Timer}} {
		switch o.level {
		case Supported:
			supported = append(supported, o.tag)
		case Required:
			required = append(required, o.tag)
		}
	}
	return append(supported, optLeft), required
}

// unknown lists what a request requires and the phone does not know.
func (p *Phone) unknown(m *message.Message) (tags []string) {
	supported, required := p.options()
	for _, tag := range m.Require {
		if !slices.Contains(supported, tag) && !slices.Contains(required, tag) {
			tags = append(tags, tag)
		}
	}
	return tags
}
