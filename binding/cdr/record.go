package cdr

import (
	"errors"
	"log/slog"
	"strings"
	"time"

	"mask700/binding"
)

// Who released a call, in Record.ReleasedBy.
const (
	ByCaller   = "caller"
	ByCallee   = "callee"
	ByPlatform = "platform"
)

// RuleExtension is the Rule of a call whose caller was asked for an extension and has
// pressed none that there is.
const RuleExtension = "extension"

// EvidenceRemote is how the Evidence of a call begins that an endpoint was asked
// about: no binding was stored for it.
const EvidenceRemote = "remote "

// How a call ended, in Record.End.
const (
	EndCompleted    = "completed"     // answered, and one party hung up
	EndCancelled    = "cancelled"     // the caller gave up before the answer
	EndBusy         = "busy"          // the callee was busy
	EndNoAnswer     = "no_answer"     // it rang, and nobody answered
	EndRejected     = "rejected"      // the callee declined
	EndUnavailable  = "unavailable"   // the callee could not be reached
	EndRefused      = "refused"       // by us; Refusal says why
	EndFailed       = "failed"        // an error of signalling or of a trunk
	EndNoACK        = "no_ack"        // the answer was never acknowledged
	EndMediaTimeout = "media_timeout" // no audio came any more
	EndMaxDuration  = "max_duration"  // the binding's limit was reached
	EndDrained      = "drained"       // the gateway was shut down
	EndHangup       = "hangup"        // by the operator
	EndUnbound      = "unbound"       // its binding was ended together with its calls
	EndRestart      = "restart"       // found open when the gateway started

	EndSessionExpired = "session_expired" // a leg did not refresh its session (RFC 4028)
	EndLeakStopped    = "leak_stopped"    // a message held what its receiver must not learn, and was not sent
	EndLegLost        = "leg_lost"        // a party did not answer a request inside its dialog
	EndNoPRACK        = "no_prack"        // a reliable provisional response was never acknowledged
	EndTransferred    = "transferred"     // one party was replaced by another
	EndLoop           = "loop"            // our own call came back to us
	EndTrunkLimit     = "trunk_limit"     // the trunk has as many calls as it may have
)

// What began a call, in Record.Origin.
const (
	OriginCaller = ""     // the caller dialled
	OriginDial   = "dial" // the platform asked for it, and the caller was called first
)

// How the audio ended, in Media.End.
const (
	MediaReleased = "released" // with the call
	MediaTimeout  = "timeout"  // before it
	MediaNone     = "none"     // there never was any
)

// Record is the record of one call, or of one text. It is plain data: gob carries it whole,
// and everything that prints it masks the real numbers. The zero time is one
// that never came.
type Record struct {
	ID           string
	Kind         string // one of the Kind constants
	Origin       string // one of the Origin constants
	Seq          uint64 // given at closing, without gaps, from 1
	Binding      string
	Order        string
	Tenant       string
	IndustrialID string
	Data         string

	TrunkIn, TrunkOut string

	CallerIn, CalleeIn   Party // as they came in
	CallerOut, CalleeOut Party // as they went out

	ReceivedAt, RingingAt, AnsweredAt, ReleasedAt time.Time

	ReleasedBy string // ByCaller, ByCallee or ByPlatform
	SIPStatus  int    // final status of the caller's INVITE
	Q850       int    // cause of release, 0: none
	End        string // one of the End constants
	Refusal    binding.Refusal
	Rule       string // of the rules after the match, the one that refused
	Shadow     string // those that would have refused and only report, with commas between
	Evidence   string // what an external check answered
	Media      Media
	Text       Text // of a text
}

// Decided reports whether an endpoint has decided the call, so that its order is
// that of no binding that is stored.
func (r *Record) Decided() bool {
	return r.Order != "" && strings.HasPrefix(r.Evidence, EvidenceRemote)
}

// Party is what one place of a call showed: a 700 number or a real one, or
// nothing.
type Party struct {
	X      binding.X
	Number binding.Number
}

// String returns the 700 number in full or the real one masked.
func (p Party) String() string { return p.shown(binding.Number.Masked) }

func (p Party) shown(show func(binding.Number) binding.Masked) string {
	if p.X != 0 {
		return p.X.String()
	}
	return string(show(p.Number))
}

// LogValue implements [slog.LogValuer] with String.
func (p Party) LogValue() slog.Value { return slog.StringValue(p.String()) }

// MarshalText returns String; JSON uses it too.
func (p Party) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Media is what was heard.
type Media struct {
	Codec          string
	Path           string // of both directions together, as in Flow
	AtoB           Flow   // from the caller to the callee
	BtoA           Flow
	Caller, Callee Leg
	Video          Video
	Recording      Recording // of what was said
	End            string    // one of the Media constants; "" while it goes on, or where none was opened
}

// Turned is m with the directions, and who heard them, the other way round.
func (m Media) Turned() Media {
	m.AtoB, m.BtoA = m.BtoA, m.AtoB
	m.Caller, m.Callee = m.Callee, m.Caller
	m.Video.AtoB, m.Video.BtoA = m.Video.BtoA, m.Video.AtoB
	return m
}

// Video is what was relayed beside the audio; the zero value where nothing was.
type Video struct {
	Codec      string
	AtoB, BtoA VideoFlow
}

// VideoFlow counts the video of one direction as it came in.
type VideoFlow struct {
	Packets uint64
	Bytes   uint64 // of payload
	Lost    uint64
	Refused uint64 // as in Flow
}

// Recording is what is said of a recording in the record of its call; the zero value where there is none.
type Recording struct {
	ID    string
	Bytes uint64 // of the file, once the disk has taken it all
	Lost  uint64 // packets that were not recorded, because the disk was too slow
}

// Who relayed most of the audio, in Flow.Path and Media.Path. Flow.Kernel says how much the kernel had.
const (
	PathUser   = "user"   // this program, half of the packets or more
	PathKernel = "kernel" // the kernel, which has a direction once it is settled
)

// Flow counts the audio of one direction as it came in, over the whole call and from every source that it had.
//
// Dropped are those that had waited for us too long or had found our socket full, which were never read and are Lost
// too; those that the kernel refused to send on; and those that could not be sealed, because their number or the key was
// used up. Not among them is what was not to go on: of a hold, a flood, another source, or in whose place a prompt was heard.
type Flow struct {
	Packets     uint64
	Kernel      uint64  // of those, relayed by the kernel
	Bytes       uint64  // of payload
	Lost        uint64  // on the way to us: not what need not have been sent (hold), nor what a prompt or key of ours was heard in place of
	Refused     uint64  // packets from a source that is not the peer, or not sealed by its key
	Dropped     uint64  // packets that should have gone on, of a prompt of ours too, and did not: see below
	JitterMS    float64 // RFC 3550 section 6.4.1, the mean over all packets
	MaxJitterMS float64 // the highest at the end of a second
	MOS         float64 // by the E-model (ITU-T G.107) of loss, mean jitter and mean delay, 1 to 4.5; 0: nothing came
	Path        string  // one of the Path constants; "" where nothing was relayed
}

// Leg is what a party's phone reports by RTCP of what it was sent, over the whole call. It is the phone's word.
type Leg struct {
	RoundTripMS float64 // between us and the phone, the mean; 0: not known
	Lost        uint64  // of all that it was sent
	JitterMS    float64 // the mean of its reports
	MOS         float64 // of what it heard, as in Flow; 0: it told nothing
}

// Errors of a journal and of a reader.
var (
	// ErrOpen: a record with this id is open already.
	ErrOpen = errors.New("a call record with this id is open already")
	// ErrClosed: a record with this id was closed before.
	ErrClosed = errors.New("a call record with this id was closed before")
	// ErrNotFound: no closed record has this id.
	ErrNotFound = errors.New("no call record has this id")
	// ErrReadBack: JSON has masked numbers and is not a Record again.
	ErrReadBack = errors.New("a call record cannot be read back from JSON; read a View")
)
