// Package sdp reads session descriptions (RFC 8866) and writes them anew for a
// gateway that relays one audio stream, or the fax that takes its place, and where
// it is allowed one video stream beside it, between two legs, and lets neither leg
// learn anything of the other.
//
// Nothing that was read crosses as text. What is read becomes numbers, addresses
// and names out of closed lists; what is written is composed from those alone. One
// thing goes back to who wrote it, and to no one else: the name of a line that is
// refused (Foreign). The package is pure: it draws no random value, looks at no
// clock and opens nothing. Its types are plain exported data, so that the state
// of a call can be encoded (encoding/gob) and decoded.
package sdp

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strconv"

	"mask700/media/srtp"
)

// ErrNotMaskable says that a description holds no audio stream that can be
// relayed without showing one leg to the other: no audio line over plain RTP, no
// codec known to this package, or no usable unicast address. At the SIP edge it
// is answered 488.
var ErrNotMaskable = errors.New("sdp: no audio stream over RTP/AVP with a known codec and an IP address")

// Error tells why a description could not be read or written. Its text never
// repeats the input, which may hold names, numbers and addresses.
type Error struct {
	Line int    // number of the line at fault, the first is 1; 0: the whole
	Why  string // a sentence without a full stop
}

// Error gives the sentence, with the number of the line when there is one.
func (e *Error) Error() string {
	if e.Line == 0 {
		return "sdp: " + e.Why
	}
	return "sdp: line " + strconv.Itoa(e.Line) + ": " + e.Why
}

// Local is one of our own transport addresses as it is written into a
// description: RTP on Port, RTCP on Port+1. The secret is what our keys toward
// that leg are made of; without one the leg cannot be encrypted.
type Local struct {
	Addr   netip.Addr
	Port   uint16
	Video  uint16 // port of the video, RTCP on the next; 0: the call can have none
	Secret srtp.Secret
}

// forVideo is where the video is, under keys of its own.
func (at Local) forVideo() Local {
	return Local{Addr: at.Addr, Port: at.Video, Secret: at.Secret.For("video")}
}

// Body is a description as it goes on the wire. It may hold a key, so that it
// prints as its length alone.
type Body []byte

func (b Body) masked() string { return "sdp of " + strconv.Itoa(len(b)) + " bytes" }

// Format implements [fmt.Formatter], masked whatever the verb.
func (b Body) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, b.masked()) }

// LogValue implements [slog.LogValuer], masked.
func (b Body) LogValue() slog.Value { return slog.StringValue(b.masked()) }

// MarshalText gives the masked form to JSON and YAML; there is no way back.
func (b Body) MarshalText() ([]byte, error) { return []byte(b.masked()), nil }

// PayloadType is one RTP payload type that a peer may send.
type PayloadType struct {
	PT     uint8
	Clock  uint32 // RTP clock in Hz
	Name   string // canonical codec name, "PCMA", "telephone-event"
	Format string // all that a decoder has to know, see Codec.Format
	Map    uint8  // payload type to write toward the other leg; from EndsHere on: none
	Turns  uint32 // Hz, of telephone events whose clock is another on the other leg; 0: it is not
}

// Becomes is the clock under which the type is written toward the other leg.
func (t PayloadType) Becomes() uint32 { return cmp.Or(t.Turns, t.Clock) }

// EndsHere is added, in PayloadType.Map, to the number under which a peer is sent
// telephone events of ours, where it has agreed on these with us alone: its own are for
// no other leg.
const EndsHere = 128

// RemoteMedia is what a relay must know of a peer's stream.
type RemoteMedia struct {
	RTP, RTCP netip.AddrPort // where the peer wants its packets; invalid: nowhere (held, or port 0)
	Mux       bool           // RTCP is on the RTP port, both ways (RFC 5761)
	Fax       bool           // the datagrams are UDPTL (T.38), not RTP: no Types, no RTCP
	In, Out   srtp.Key       // of what the peer sends and of what it is sent; zero: plain RTP
	Types     []PayloadType
	Send      bool // the peer says that it sends
	Recv      bool // the peer says that it receives
}
