// Package media relays the RTP of masked calls: every packet comes in on a port
// of ours, is checked against what signalling allows, and leaves from another
// port of ours under our own identifiers. RTCP ends here. The package knows
// nothing of SIP or of bindings.
package media

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"mask700/media/quality"
	"mask700/media/sdp"
	"mask700/media/srtp"
)

// ErrNoPorts says that every port of a pool is in use or resting. At the SIP
// edge it is answered 503.
var ErrNoPorts = errors.New("media: no free port in the pool")

// ErrNoPool says that a pool of that name is not configured.
var ErrNoPool = errors.New("media: no such pool")

// ErrClosed says that the engine was closed.
var ErrClosed = errors.New("media: engine closed")

// Side is one leg of a session.
type Side uint8

// The two sides.
const (
	A Side = iota
	B
)

// Other is the opposite side.
func (s Side) Other() Side { return s ^ 1 }

// String is "A" or "B".
func (s Side) String() string {
	if s == A {
		return "A"
	}
	return "B"
}

// Local is one of our transport addresses as it goes into a description.
type Local = sdp.Local

// PayloadType is one payload type that a peer may send.
type PayloadType = sdp.PayloadType

// OpenSpec says where the two sides of a session are opened.
type OpenSpec struct {
	PoolA, PoolB string     // names of port pools
	PeerA, PeerB netip.Addr // signalling peers: choose our source address when the pool has none

	LatchA, LatchB Latching // how each side's source is learnt

	Video bool // there may be a video, which has ports of its own
	Alone bool // nobody is on side B, which gets no ports: what A hears is played
}

// Remote is what signalling told of the peer of one side.
type Remote struct {
	RTP, RTCP netip.AddrPort // where it wants its packets; invalid: nowhere
	Signal    netip.Addr     // the signalling peer
	Types     []PayloadType  // what it may send; anything else is dropped
	Send      bool           // the peer says that it sends
	Recv      bool           // the peer says that it receives
	Mux       bool           // RTCP goes to the port of RTP (RFC 5761)
	Fax       bool           // datagrams are UDPTL (T.38), not RTP
	In, Out   srtp.Key       // of what it sends and of what it is sent; zero: plain RTP
	Silent    bool           // the peer itself has said nothing new, the other side's has: no source is learnt for that
}

// same says whether nothing changes with another.
func (r *Remote) same(o *Remote) bool {
	return r.RTP == o.RTP && r.RTCP == o.RTCP && r.Signal == o.Signal && slices.Equal(r.Types, o.Types) && r.Send == o.Send && r.Recv == o.Recv &&
		r.Mux == o.Mux && r.Fax == o.Fax && r.In.Equal(o.In) && r.Out.Equal(o.Out)
}

// RemoteOf joins what a description said with the address it came from.
func RemoteOf(m sdp.RemoteMedia, signal netip.Addr) Remote {
	return Remote{
		RTP: m.RTP, RTCP: m.RTCP, Signal: signal, Types: m.Types, Send: m.Send, Recv: m.Recv, Mux: m.Mux, Fax: m.Fax, In: m.In, Out: m.Out,
	}
}

// Full says whether an error of Open means that there is no room now: another
// attempt may do better, and nothing is wrong with the configuration.
func Full(err error) bool {
	for _, e := range [...]error{ErrNoPorts, ErrClosed, unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Engine opens sessions.
type Engine interface {
	Open(OpenSpec) (Session, error) // ErrNoPorts, ErrNoPool, ErrClosed
	Stats() EngineStats
	Close() error // closes every session
}

// Session relays between the two sides of one call. Its methods may be called
// from any goroutine and never wait for the network.
type Session interface {
	// Local is the address to write into descriptions for that side; zero: it has none.
	Local(Side) Local
	// Move says that another peer is called on that side than the one that it was opened
	// for. Where our address toward it is another, as in another network or of another
	// family, the side gets ports there in place of those it had, which rest, and is true:
	// its peer is to be told Local and keys anew, and hears another stream from another
	// name. What the other side hears goes on as it is. Where the address is the same,
	// because the pool has one or the way is the same, nothing changes. It fails as Open
	// does, and the side stays as it was.
	Move(side Side, peer netip.Addr) (bool, error)
	// SetRemote applies an offer or answer of that side. When the address
	// changed, the latching window opens anew.
	SetRemote(Side, Remote)
	// Settle says that offer and answer are done and the call is answered: the next
	// valid source of that side is latched for good, and silence counts from now on.
	Settle(Side)
	// Pause stops packets both ways, of the video too; the ports stay.
	Pause(bool)
	// Play sends a clip to one side instead of what the other side sends, under the
	// identifiers of the stream that this side already gets. done is called once,
	// when it was played to the end, replaced, stopped or the session closed; it
	// must not wait. finished says that it came to its end and every frame was
	// handed to the network: not those of a hold, say. A nil clip stops what plays.
	// It is false, and done is not called, when that side does not take that codec,
	// or has no address yet or wants to hear nothing, which a Whole clip waits for; and
	// while a Whole clip plays, which only another one or nil ends.
	Play(to Side, c *Clip, done func(finished bool)) bool
	// Press sends a key of the phone to one side as telephone events (RFC 4733), under
	// the identifiers of the stream that it gets, in place of the voice of the other
	// side. Further keys wait for it. It is false when that side has no address, wants
	// to hear nothing, or has not agreed on telephone events; when the key is none of
	// 0-9, *, #, A-D; and when too many wait.
	Press(to Side, key byte, length time.Duration) bool
	// Record gives every voice packet that a side sent, after all checks and before
	// rewriting, to a tap. Nil ends it.
	Record(t Tap)
	// Video is the session of the call's video, nil when it was opened without. It
	// is relayed as audio is, and its feedback (RFC 4585, RFC 5104) reaches who sends
	// it. It is not recorded, plays nothing, does not time out by itself, and closes
	// with the call.
	Video() Session
	// Stats is a snapshot.
	Stats() Stats
	// Seconds is the last minute of what came from a side, the oldest second first.
	Seconds(Side) []quality.Second
	// Close ends the session and lets its ports rest. It may be called again and
	// then gives the same figures.
	Close() Stats
}

// Flow counts one direction, named for the side that sends.
type Flow struct {
	Packets     uint64        // relayed
	Kernel      uint64        // of those, by the kernel
	Bytes       uint64        // payload bytes relayed
	Lost        uint64        // by RFC 3550 appendix A.3, of every source, but while it had not to send or was not to be heard
	Refused     uint64        // from a source that signalling does not allow
	Invalid     uint64        // neither RTP nor RTCP, or not readable; by kind in Junk
	Junk        Junk          // what the invalid ones were
	Unknown     uint64        // payload type not negotiated
	Forged      uint64        // not authentic by the leg's key, or a repetition
	Unheard     uint64        // keys that were not told of: too many in a second
	Muted       uint64        // held, paused, or a clip played in its place
	Flooded     uint64        // more than any codec sends, second after second
	Failed      uint64        // the kernel refused to send it on, or it was not to be sealed: by its number, or the key is used up; a fax from before its beginning
	Unreachable uint64        // ICMP errors that came from here
	Overrun     uint64        // had waited for us too long, or found our socket's buffer full
	RTCP        uint64        // RTCP packets read
	Feedback    uint64        // of those, that asked for video again and were taken on
	Jitter      time.Duration // RFC 3550 appendix A.8, the mean over all packets
	MaxJitter   time.Duration // the highest of those that were looked at, once a second
	Codec       string        // name of the last voice or video relayed; none in a sum
}

// Junk counts by kind what is neither RTP nor RTCP (RFC 7983 tells them apart by
// the first byte).
type Junk struct {
	STUN, ZRTP, DTLS, TURN uint64
	Malformed              uint64 // says that it is RTP or RTCP, but its lengths contradict each other
	Other                  uint64 // empty, cut, T.38, whatever else
}

// add sums counts; of jitter, which has no sum, the greater is kept.
func (f *Flow) add(o Flow) {
	f.Packets += o.Packets
	f.Kernel += o.Kernel
	f.Bytes += o.Bytes
	f.Lost += o.Lost
	f.Refused += o.Refused
	f.Invalid += o.Invalid
	f.Unknown += o.Unknown
	f.Forged += o.Forged
	f.Junk.STUN += o.Junk.STUN
	f.Junk.ZRTP += o.Junk.ZRTP
	f.Junk.DTLS += o.Junk.DTLS
	f.Junk.TURN += o.Junk.TURN
	f.Junk.Malformed += o.Junk.Malformed
	f.Junk.Other += o.Junk.Other
	f.Unheard += o.Unheard
	f.Muted += o.Muted
	f.Flooded += o.Flooded
	f.Failed += o.Failed
	f.Unreachable += o.Unreachable
	f.Overrun += o.Overrun
	f.RTCP += o.RTCP
	f.Feedback += o.Feedback
	f.Jitter = max(f.Jitter, o.Jitter)
	f.MaxJitter = max(f.MaxJitter, o.MaxJitter)
}

// Heard is what a peer reports of the stream that it was sent, over the whole session.
// It is the peer's word.
type Heard struct {
	Known     bool          // it has reported
	Lost      uint64        // of all; of who was there before it too
	Jitter    time.Duration // the mean of its reports
	RoundTrip time.Duration // between us and the peer, likewise; 0: not known
}

// Stats is a snapshot of a session.
type Stats struct {
	AtoB, BtoA Flow
	A, B       Heard
	Codec      string    // name of the last voice codec relayed from A, or where there was none from B
	LastSeen   time.Time // last valid packet of either side; zero: none
	TimedOut   bool      // OnTimeout was called for this session

	Video VideoStats
}

// VideoStats is what a call's video has done.
type VideoStats struct {
	AtoB, BtoA Flow
	Codec      string // name of the last one relayed
}

// PoolStats counts the port pairs of a pool.
type PoolStats struct {
	Name                 string
	Free, InUse, Resting int
	BindErrors           uint64 // ports found in use by someone else
}

// EngineStats is a snapshot of an engine.
type EngineStats struct {
	Sessions int    // open now
	Opened   uint64 // since start
	TimedOut uint64
	NoPorts  uint64 // opens refused with ErrNoPorts
	Failed   uint64 // opens that failed otherwise
	AtoB     Flow   // sums over every session since the start
	BtoA     Flow
	Pools    []PoolStats
	Shards   []ShardStats
	Kernel   KernelStats
}

// KernelStats is what relays in the kernel; zero where nothing does.
type KernelStats struct {
	On      string // interfaces, "eth0, lo"
	Aside   string // those that user space has, and their kinds, "gre1 (gre)"
	Entries int    // directions now
	Room    int    // directions at most
	Pinned  bool   // they outlive the process
}

// ShardStats counts what one thread of the relay did since the start.
type ShardStats struct {
	Sessions int    // open now
	Sockets  int    // open now
	Wakes    uint64 // times it came back from waiting for packets
	Packets  uint64 // read
	Deepest  int    // most sockets that had something at one wake
	Playing  int    // clips now

	Offloaded    int    // directions in the kernel now
	NotOffloaded uint64 // that it would not take
	Restless     uint64 // times that one left the usual way too often, for there or for a lane, and was made to wait
}

// Pool is a range of UDP ports on one address.
type Pool struct {
	Name      string
	Address   netip.Addr // bound; invalid or unspecified: the kernel's source address toward the peer
	Advertise netip.Addr // written into descriptions where it differs; invalid: the bound one
	Min, Max  uint16     // inclusive; RTP takes the even port, RTCP the next
	DSCP      uint8      // of what is sent, 0-63 (RFC 2474); 46 is expedited forwarding
}

// chooses says whether the bound address is chosen toward each peer.
func (p *Pool) chooses() bool { return !p.Address.IsValid() || p.Address.Unmap().IsUnspecified() }
