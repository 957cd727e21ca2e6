// Package call is the masked call: a back-to-back user agent over two legs
// (RFC 7092: a signalling and media-plane B2BUA) as a pure state machine.
//
// A Call is plain data. Events go in (a message that was parsed, a timer that
// fired, an answer of the store or the media), actions come out (send this,
// start that timer, open media, write this record). There is no socket, clock,
// goroutine or random source in here, so a call can be replayed, encoded and
// carried over a restart.
//
// The two legs share nothing but the binding's edge, what crossing.go lets
// through, and the media ports. The callee's leg is composed from nothing.
//
//	INVITE of the caller
//	       v
//	 [ Deciding ]      the store is asked for the edge
//	       | connected                          refused
//	       v                                       |
//	 [ Opening ]       media ports, the opening row|
//	       | both there                            |
//	       v                                       |
//	 [ Calling ] ---- 18x ---> [ Ringing ]         |
//	       |                      |  CANCEL, final response,
//	       | 2xx                  |  ring timeout   |
//	       v                      v                v
//	 [ Answered ]  2xx to the caller       [ Ending ]  media closed, closing row
//	       | ACK                              ^    |
//	       v                                  |    | row on disk
//	 [ Talking ] --- BYE, timeout, hangup ----'    v
//	                                       [ Over ]  final response, BYE or its 200
//
// A refusal may be heard before it is sent: prompt.go.
//
// Before another hop is called the media may have to open other ports: move.go.
//
// Whatever happens, a call passes Ending exactly once: media is closed once and
// one record is closed before a final response, a BYE or the answer to one
// leaves.
//
// A text goes a part of this way: text.go. A caller may be connected with us before
// the callee is called: greeted.go; and be called itself: order.go.
package call

import (
	"net/netip"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/media/sdp"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/token"
	"mask700/sip/transaction"
	"mask700/sip/trunk"
)

// Side is one of the two legs, or the third one of a transfer.
type Side uint8

// The caller's leg is the one whose INVITE came in, or would have, the callee's the
// one that we opened. The third is that of the party that comes, and then of the one that
// goes, while a call is transferred.
const (
	Caller Side = iota
	Callee
	Third

	sides
)

// Sides is how many there can be.
const Sides = int(sides)

// Other is the opposite leg of one of the two.
func (s Side) Other() Side { return 1 - s }

// String names the side as records do.
func (s Side) String() string {
	switch s {
	case Caller:
		return "caller"
	case Callee:
		return "callee"
	default:
		return "third party"
	}
}

// State is where a call stands.
type State uint8

// The states of the diagram above.
const (
	Deciding State = iota
	Opening
	Calling
	Ringing
	Answered
	Talking
	Ending
	Over
)

var stateNames = [...]string{"deciding", "opening", "calling", "ringing", "answered", "talking", "ending", "over"}

// String names the state for people.
func (s State) String() string { return stateNames[s] }

// waiting is the set of answers that a call has asked for and not yet had.
type waiting uint8

const (
	forDecision waiting = 1 << iota
	forMedia
	forOpened
	forMediaEnd
	forClosed
	forFarewell // the caller hears why it is released
	forTurn     // whether the next one may be called
	forPorts    // those toward another hop
)

// Call is one masked call. Its fields are exported for encoding only; nothing
// outside this package writes them.
type Call struct {
	ID      string
	State   State
	Legs    [2]Leg
	Record  cdr.Record
	Waiting waiting

	MediaOpen   bool
	LateOffer   bool // the INVITE came without an offer: the callee makes it
	MaxForwards int  // what the callee's INVITE will say
	MaxDuration time.Duration
	Recorded    bool          // the binding wants what is said recorded
	Sliding     time.Duration // a call moves the expiry of the binding to so long from then; 0: it does not
	MediaLocal  [2]sdp.Local
	MediaPeers  [2]netip.Addr // toward which these were opened
	FirstSDP    sdp.Body      // the caller's offer until media is open
	Told        Told          // what the caller knows of the callee's answer
	Realign     bool          // the caller was told another answer than the one that counts
	SessionIDs  [2]uint64

	ExpiresAt time.Time    // the caller waits no longer (Expires); zero: it does not say
	Edge      binding.Edge // who is called and what is shown
	Passed    Passed       // what goes on unchanged of a call that is not masked
	Hops      []Hop        // targets that are left to try

	Next      []binding.Number // who rings next when the callee does not answer
	MakingWay bool             // the callee's INVITE is cancelled for the next one
	Turn      Turn

	Final     Final      // the answer that the caller's INVITE ends with
	Byes      []Reply    // BYE requests to be answered once the record is on disk
	Exchange  Exchange   // an offer on its way across, inside the dialogs
	Released  []string   // To tags of the callee's further phones that have been released
	Transfers []Transfer // a transfer on its way; none or one
	Session   int        // number of the media session
	Turned    bool       // by a transfer the party on the caller's side is the one called
	Signaled  bool       // the record is on disk: what ends the legs has been sent
	Announced Announced  // a refusal that the caller hears first
	Departed  []Party    // parties that have left by a transfer, the last ones
	Presses   []Press    // keys of INFOs that are not yet known to be on their way
	Strokes   []Stroke   // keys of telephone events that wait for their INFO
	Text      Text       // it is no call but a text, where that is on
	Extension Extension  // the caller is asked for one
	Greeted   Greeted    // the caller talks to us before there is a callee
	Order     Order      // the platform has asked for it, and the caller is called too
}

// Told is how much the caller knows of the answer to the offer of its INVITE.
type Told uint8

// An answer in an unreliable response is a preview: the 2xx has to repeat it
// (RFC 3261 section 13.2.1). In a reliable one it is given for good.
const (
	ToldNothing Told = iota
	ToldPreview
	ToldFirm
)

// Final is how the caller's INVITE ends when it is not answered by 2xx.
type Final struct {
	Status      int
	Q850        int
	RetryAfter  int // seconds
	MinSE       int // seconds, of a 422
	Unsupported []string
}

// Config is what all calls of a shard share.
type Config struct {
	Timers      transaction.Timers
	RingTimeout time.Duration
	TurnTimeout time.Duration // how long one rings of several that ring in turn
	Plan        binding.Plan
	Trunks      []*trunk.Trunk // by Trunk.Index
	Hops        [][]Hop        // by Trunk.Index: where its targets are reached
	Prompts     Prompts
	Texts       Texts
}

// Hop is the way to one of a trunk's targets, at one of its addresses.
type Hop struct {
	Flow     flow.Flow
	Priority int    // the lowest is tried first (RFC 2782)
	Weight   int    // share among those of one priority (RFC 2782)
	Down     bool   // it did not answer of late: tried when nothing else is left
	Host     string // our host:port toward it, as written in Via and Contact
	Domain   string // our host alone, as written in From
	Target   string // host:port of the target, as written in the Request-URI
}

// Env is what a step has beside the call itself: the time, the configuration,
// the source of tokens, and the list that its actions are appended to.
type Env struct {
	Now     time.Time
	Config  *Config
	Mint    *token.Mint
	Dialogs []int // live ones by Trunk.Index
	Actions []Action

	Unsearched uint64 // secrets of parties that were told of and found no room, as often as they were
}

func (e *Env) do(a Action) { e.Actions = append(e.Actions, a) }

// trunk is the trunk that a leg is on.
func (e *Env) trunk(l *Leg) *trunk.Trunk { return e.Config.Trunks[l.Trunk] }

// full reports whether a trunk has as many dialogs as it may have.
func (e *Env) full(t *trunk.Trunk) bool {
	return t.MaxCalls > 0 && t.Index < len(e.Dialogs) && e.Dialogs[t.Index] >= t.MaxCalls
}

// Reply is what is needed to answer a request later: plain data.
type Reply struct {
	Tx          Tx
	Echo        message.Echo
	RecordRoute []string
	Wish        Wish // of the request
}

// leg returns the leg of a side. There is a third only during a transfer.
func (c *Call) leg(s Side) *Leg {
	if s == Third {
		return &c.Transfers[0].Leg
	}
	return &c.Legs[s]
}

// Handle feeds one event to the call and appends what is to be done to
// env.Actions.
func (c *Call) Handle(env *Env, ev Event) {
	switch ev := ev.(type) {
	case Decided:
		c.decided(env, ev)
	case Judged:
		c.judged(env, ev)
	case MediaOpened:
		c.mediaOpened(env, ev)
	case MediaMoved:
		c.mediaMoved(env, ev)
	case RecordOpened:
		c.recordOpened(env, ev)
	case MediaEnded:
		c.mediaEnded(env, ev)
	case RecordClosed:
		c.recordClosed(env, ev)
	case Cancelled:
		c.cancelled(env, ev)
	case Requested:
		c.requested(env, ev)
	case Responded:
		c.responded(env, ev)
	case Unanswered:
		c.unanswered(env, ev)
	case Fired:
		c.fired(env, ev)
	case MediaPlayed:
		c.mediaPlayed(env, ev)
	case KeyPressed:
		c.keyPressed(env, ev)
	case KeyHeard:
		c.heardKey(env, ev)
	case Stopped:
		c.stopped(env, ev)
	case MediaSilent:
		if ev.Session != c.Session || c.State < Answered {
			return // nobody has to speak before
		}
		c.end(env, ending{end: cdr.EndMediaTimeout, by: byPlatform, status: 480, q850: causeRecovery})
	case MediaSource:
		c.learnSource(env, ev)
	case HangUp:
		c.end(env, ending{end: ev.End, by: byPlatform, status: 480, q850: causeNormal})
	}
	c.join(env)
}
