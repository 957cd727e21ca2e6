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
	"mask700/sip/sentinel"
)

// Action is one thing to be done for a call.
type Action interface{ action() }

// Respond sends a response through a server transaction.
type Respond struct {
	Tx       Tx
	Response message.Response
}

// Repeat sends the last response of a server transaction again: the 2xx that
// waits for its ACK.
type Repeat struct{ Tx Tx }

// Ask sends a request in a new client transaction.
type Ask struct {
	Side    Side
	Tx      Tx
	Flow    flow.Flow
	Other   netip.AddrPort // where to dial when the connection of Flow is gone; not valid: its Remote
	Request message.Request
}

// HopFailed says that a target did not take a call: it timed out, could not be
// connected to, or said 503.
type HopFailed struct {
	Trunk      int
	Hop        Hop
	RetryAfter int // seconds that it asked for; 0: none
}

// Cancel sends a CANCEL for a pending INVITE of ours (section 9.1).
type Cancel struct {
	Tx   Tx
	Q850 int // why (RFC 3326); 0: not said
}

// Withdraw keeps an INVITE of ours that shall be cancelled from being sent by another
// way when the one that it was sent by fails: nobody has it, and nobody needs to.
type Withdraw struct{ Tx Tx }

// Abandon ends a client transaction that will not be answered.
type Abandon struct{ Tx Tx }

// Acknowledge sends the ACK of a 2xx, and again for every repetition of it.
type Acknowledge struct {
	Tx      Tx // of the INVITE
	Tag     string
	Flow    flow.Flow
	Other   netip.AddrPort // as in Ask
	Request message.Request
}

// Release acknowledges a 2xx to an INVITE that nobody waits for any more, and lets
// its phone go.
type Release struct {
	Tx      Tx // of the INVITE
	Message *message.Message
}

// StartTimer starts a timer, or starts it anew.
type StartTimer struct {
	Timer Timer
	After time.Duration
}

// StopTimer stops a timer if it runs.
type StopTimer struct{ Timer Timer }

// Decide asks the store for the edge of a call, and the rules whether it may be taken.
type Decide struct {
	Record string // id of the record that the call has
	Kind   rule.Kind
	Query  binding.Query
}

// Judge asks the rules whether another one than the first may be called, of several who ring
// in turn.
type Judge struct {
	Record  string // id of the record that the call has
	Kind    rule.Kind
	Binding string // id
	Query   binding.Query
	Edge    binding.Edge // to that one
}

// OpenRecord writes the opening row.
type OpenRecord struct{ Record cdr.Record }

// CloseRecord writes the closing row, or the only row of a refused call.
type CloseRecord struct{ Record cdr.Record }

// Carried says that a binding whose expiry slides carries a call: when it is answered,
// from time to time while it goes on, and when it is over.
type Carried struct{ Binding string }

// OpenMedia opens ports on both legs, for a session of that number.
type OpenMedia struct {
	Session int
	Pools   [2]string
	Latch   [2]string // as Trunk.Latch
	Peers   [2]flow.Flow
	Video   bool // there may be a video, which has ports of its own
	Prompt  bool // the caller hears a prompt, and there is no callee; of these there are only so many at once
	Asked   bool // it is asked for an extension: it is one of these until the callee has said where it is
}

// MoveMedia opens other ports toward one party, who is called by another hop than those were
// opened for, where our address toward that is another. Those that it had are given back.
type MoveMedia struct {
	Session int
	Side    Side // of the session: of a transfer, that of who asked for it
	Peer    flow.Flow
}

// SetRemote says where a leg's media is and what it may send, once an offer has
// its answer.
type SetRemote struct {
	Session int
	Side    Side
	Remote  sdp.RemoteMedia
	Video   sdp.RemoteMedia // zero: there is none
	Signal  netip.Addr      // where the party's signalling comes from
	Silent  bool            // the party itself has offered or answered nothing since the last one: the other one has
}

// SettleMedia says that offer and answer are complete on both legs, and the call, or the
// one that is greeted, is answered.
type SettleMedia struct{ Session int }

// PlayMedia plays a prompt to a party instead of what the other one says, in a
// codec that it takes. Its end is told by MediaPlayed, also when it could not be
// played.
type PlayMedia struct {
	Session int
	Side    Side
	Prompt  Prompt // "": what plays ends, and the other one is heard
}

// PressKey sends a key of one party to the other as telephone events. Whether that is
// possible now is told by KeyPressed.
type PressKey struct {
	Tx      Tx // of the INFO that told of the key
	Session int
	Side    Side // who hears it
	Key     byte
	Length  time.Duration
}

// RecordMedia has what both parties say recorded from now on, once both have heard
// that it is. ID is that of the call's record.
type RecordMedia struct {
	Session int
	ID      string
	Tenant  string // whose key seals it
	Turned  bool   // the caller of that record is on the callee's side
}

// CloseMedia closes the ports and asks for what flowed.
type CloseMedia struct{ Session int }

// Enter registers one of the call's dialogs: requests with this Call-ID and To
// tag are the call's from now on.
type Enter struct {
	Side          Side
	CallID, Local string
	Trunk         int
}

// Exit takes back what Enter did.
type Exit struct{ Side Side }

// LeakStopped says that a message was not sent which held a secret of another party.
type LeakStopped struct {
	Record string         // id of the call's record
	To     Side           // whom it would have reached
	Of     Side           // whose secret it was
	Left   bool           // that party has left the call
	Kind   sentinel.Kind  // what it was
	Number binding.Number // of the party whose it was, zero if not known
	What   string         // method of the request, or status of the response
	// Written says that it was in what a text says: its sender has written it, and is refused.
	Written bool
}

// Leave ends the call: nothing of it is needed any more.
type Leave struct{}

func (Respond) action()     {}
func (Repeat) action()      {}
func (Ask) action()         {}
func (Cancel) action()      {}
func (Withdraw) action()    {}
func (Abandon) action()     {}
func (Acknowledge) action() {}
func (Release) action()     {}
func (StartTimer) action()  {}
func (StopTimer) action()   {}
func (Decide) action()      {}
func (Judge) action()       {}
func (OpenRecord) action()  {}
func (Carried) action()     {}
func (CloseRecord) action() {}
func (OpenMedia) action()   {}
func (MoveMedia) action()   {}
func (SetRemote) action()   {}
func (SettleMedia) action() {}
func (PlayMedia) action()   {}
func (RecordMedia) action() {}
func (PressKey) action()    {}
func (CloseMedia) action()  {}
func (Enter) action()       {}
func (Exit) action()        {}
func (HopFailed) action()   {}
func (LeakStopped) action() {}
func (Leave) action()       {}
