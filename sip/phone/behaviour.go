package phone

import "time"

// Level is how far a phone goes with an extension of SIP.
type Level uint8

// Levels of an extension.
const (
	Off       Level = iota // does not know it
	Supported              // uses it with one that knows it too
	Required               // does not talk without it
)

// Behaviour is what a phone can do, does of its own accord, and how it deviates
// from one that answers and waits. The zero value is a plain phone of RFC 3261
// that does not deviate. A zero duration means never.
type Behaviour struct {
	// As callee, toward the first INVITE.
	Silent          bool     // no response at all, not even 100
	Early           bool     // 183 with a description in the place of 180
	Abrupt          bool     // no provisional response, not even 100
	Progress        []Notice // these provisional responses in the place of the one
	NeverAnswer     bool     // rings until it is cancelled
	Reject          int      // this status in the place of the answer, a redirection too
	AnswerCancelled bool     // answers when CANCEL comes, as if the two had crossed

	// As caller.
	LateOffer   bool          // the INVITE has no description
	CancelAfter time.Duration // gives up unless it was answered by then

	// Of both, once the call is answered.
	NoACK         bool          // sends no ACK
	LateACK       time.Duration // sends it that much later
	DeafACK       bool          // does not see the ACKs that come
	ByeAfter      time.Duration // hangs up
	ReinviteAfter time.Duration // puts the other on hold
	LateReinvite  bool          // that re-INVITE has no description
	Refuse        int           // answers re-INVITEs with this status
	Stall         bool          // answers re-INVITEs with 100 and nothing more until they are cancelled
	SlowReinvite  time.Duration // answers them that late, after a 180
	DeadAfter     time.Duration // loses its power: forgets everything, without a word
	Acts          []Act         // what else it does, each once a call, a REFER once at all

	// Reliable provisional responses (RFC 3262).
	Reliable     Level
	NoPRACK      bool // sends no PRACK
	LosePRACK    int  // of every PRACK so many copies do not leave
	WrongRAck    bool // sends a PRACK for another response first
	OfferInPRACK bool // makes a new offer in the PRACK of an answer

	// UPDATE (RFC 3311).
	NoUpdate     bool          // does not know it
	RefuseUpdate int           // answers one that makes an offer with this status
	SlowUpdate   time.Duration // answers one that late

	// Session timers (RFC 4028).
	Timer     Level
	Expires   int    // seconds that it asks for; 0: it does not ask
	MinSE     int    // seconds below which it answers 422; 0: 90
	Refresher string // who it would have refresh, "uac" or "uas"; "": as the other likes
	NoRefresh bool   // does not do it when it is its turn

	Doubt Doubt // what it asks requests for

	Habits
}

// Habits are further deviations, that no phone should have and some do.
type Habits struct {
	CSeqJump        uint32 // leaves out so many numbers before each request of a dialog
	LateProvisional bool   // 180 after its 2xx
	OtherTag        bool   // another To tag in repetitions of its 2xx
	ACKBranch       bool   // the ACK of a 2xx wears the branch of its INVITE
	CancelLate      bool   // CANCEL when the 2xx has come
	EagerReinvite   bool   // a re-INVITE before the ACK of the first INVITE was sent or has come
	Narrow          bool   // once it talks its answers list one codec alone
	EagerBye        bool   // its BYE does not wait for the ACK of its 2xx
}

// Notice is a provisional response of a callee.
type Notice struct {
	After  time.Duration // since the INVITE came
	Status int
	SDP    bool // with a description, where there may be one
}

// Act is a request that a phone sends within a call.
type Act struct {
	After  time.Duration // since the call was answered; Early: since it rang
	Early  bool          // before the answer
	Method string        // INVITE, UPDATE, INFO, OPTIONS, REFER, BYE or one that nobody knows
	Change Change        // of the session, in an INVITE or UPDATE
	Digit  byte          // pressed, in an INFO
	To     string        // the number that a REFER names; "": the phone's own address
	Stale  bool          // with a CSeq that was used already
	Repeat bool          // in its place, the last request of Method once more, byte for byte
}

// Change is what an offer inside a dialog does to the session.
type Change uint8

// Changes of a session.
const (
	AsItIs    Change = iota // repeats the present description
	Hold                    // sendonly (RFC 3264 section 8.4)
	HoldOld                 // connection address 0.0.0.0 as in RFC 2543
	Inactive                // neither way
	Resume                  // both ways, all codecs
	Move                    // to another port
	OneCodec                // the first codec alone, and the events
	Video                   // adds a line with video
	NoOffer                 // none: no description
	changeEnd               // how many there are
)

// Changes is the number of Changes, for tests that draw one.
const Changes = int(changeEnd)
