package call

import (
	"net/netip"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/binding/rule"
	"mask700/media/sdp"
	"mask700/sip/flow"
	"mask700/sip/message"
)

// Tx is the key of a transaction in the shard's tables.
type Tx string

// Event is one thing that happened to a call.
type Event interface{ event() }

// Decided is the store's answer to Decide.
type Decided struct {
	Record   string // id of the record that was asked for
	Decision binding.Decision
	Verdict  rule.Verdict // of the rules after the match, where there was one; a refusal is in Decision too
	Err      error
}

// Judged is the answer to Judge.
type Judged struct {
	Verdict rule.Verdict
	Err     error // nobody knows
}

// MediaOpened is the answer to OpenMedia: our ports on either leg.
type MediaOpened struct {
	Session int
	Local   [2]sdp.Local // by Side; of a prompt the caller's alone
	Err     error
	Full    bool // Err is of no lasting kind: every port is in use
}

// MediaMoved is the answer to MoveMedia.
type MediaMoved struct {
	Session int
	Side    Side
	Moved   bool      // else the ports are what they were
	Local   sdp.Local // then: where we are toward the party now
	Err     error     // there are no others, and the ports are what they were
	Full    bool      // as in MediaOpened
}

// MediaEnded is the answer to CloseMedia: what flowed.
type MediaEnded struct {
	Session int
	Media   cdr.Media
}

// MediaPlayed says that a prompt has come to its end, or could not be played.
type MediaPlayed struct {
	Session int
	Prompt  Prompt
}

// KeyPressed is the answer to PressKey.
type KeyPressed struct {
	Tx Tx
	OK bool // it is being sent, or will be after those before it
}

// KeyHeard says that a party has pressed a key, whose telephone events end with us: the
// other one has none. It is told once a key, when that is released.
type KeyHeard struct {
	Session int
	Side    Side // who has pressed it
	Key     byte
	Length  time.Duration
}

// MediaSilent says that no media came from either side for the media timeout.
type MediaSilent struct{ Session int }

// MediaSource says that a party's voice comes from an address that signalling did not
// name: it was learnt.
type MediaSource struct {
	Session int
	Side    Side
	Addr    netip.Addr
}

// RecordOpened says that the opening row is on disk.
type RecordOpened struct {
	ID  string // of the record
	Err error
}

// RecordClosed says that the closing row is on disk.
type RecordClosed struct {
	ID  string // of the record
	Seq uint64
	Err error
}

// Cancelled is a CANCEL of an INVITE that we are answering; its own 200 has
// been sent.
type Cancelled struct{ Tx Tx }

// Requested is a request inside one of the two dialogs, ACK included.
type Requested struct {
	Side    Side
	Tx      Tx // empty for ACK
	Message *message.Message
	Echo    message.Echo
	Flow    flow.Flow // the connection that it came on, when the trunk's own
}

// Responded is a response to a request of ours.
type Responded struct {
	Side    Side
	Tx      Tx
	Message *message.Message
}

// Unanswered says that a request of ours ended without a final response: it
// timed out, or could not be sent.
type Unanswered struct {
	Side Side
	Tx   Tx
	Full bool // it was not sent: there was no room for its transaction, here
}

// status is what stands for the final response that did not come.
func (u *Unanswered) status() int {
	if u.Full {
		return 500 // says nothing of who was to be asked
	}
	return 408
}

// Stopped says that a message was not sent, because it held what its receiver must not
// learn: the call has to end.
type Stopped struct {
	Tx      Tx   // of the INVITE that it would have answered; empty: none
	Refused bool // that has been answered by 500 instead, else it is still to be answered
	Written bool // it was in a text: the sender has written it there
}

// Fired is a timer of the call that has run out.
type Fired struct{ Timer Timer }

// HangUp ends the call from outside: by an operator, or because we are
// draining.
type HangUp struct{ End string }

func (Decided) event()      {}
func (Judged) event()       {}
func (MediaOpened) event()  {}
func (MediaMoved) event()   {}
func (MediaEnded) event()   {}
func (MediaPlayed) event()  {}
func (KeyPressed) event()   {}
func (KeyHeard) event()     {}
func (MediaSilent) event()  {}
func (MediaSource) event()  {}
func (RecordOpened) event() {}
func (RecordClosed) event() {}
func (Cancelled) event()    {}
func (Requested) event()    {}
func (Responded) event()    {}
func (Unanswered) event()   {}
func (Stopped) event()      {}
func (Fired) event()        {}
func (HangUp) event()       {}

// TimerKind is what a call waits for.
type TimerKind uint8

// Timers of a call. Those of its transactions are not among them.
const (
	RingTimer     TimerKind = iota // the callee does not answer
	CancelTimer                    // the callee does not end a cancelled INVITE (section 9.1)
	RepeatTimer                    // the next repetition of a 2xx (section 13.3.1.4)
	AckTimer                       // no ACK to a 2xx for 64*T1
	LimitTimer                     // the longest duration of the call
	PrackTimer                     // the next repetition of a reliable provisional response (RFC 3262)
	NoPrackTimer                   // no PRACK to it for 64*T1
	ProgressTimer                  // provisional responses are repeated every minute (section 13.3.1.1)
	RefreshTimer                   // the session is to be refreshed by us (RFC 4028)
	ExpiryTimer                    // the session was not refreshed
	AgainTimer                     // an offer of our own is to be tried again (section 14.1)
	PromptTimer                    // a refusal that the caller hears is over at the latest
	DigitTimer                     // the next digit of an extension does not come
	MinuteTimer                    // the last minute of the longest duration begins
	SlideTimer                     // the binding is to be told that the call goes on

	timerKinds
)

// Timers is how many timers a call may have running.
const Timers = int(timerKinds) * Sides

// Index numbers the timers of a call from 0.
func (t Timer) Index() int { return int(t.Kind)*Sides + int(t.Side) }

// Timer names one timer of a call. Starting one that runs starts it anew.
type Timer struct {
	Kind TimerKind
	Side Side
}
