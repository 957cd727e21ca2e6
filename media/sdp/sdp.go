// Package sdp reads session descriptions (RFC 8866) and writes them anew for a
// gateway that relays one audio stream between two legs and lets neither leg
// learn anything of the other.
//
// Nothing that was read is ever written back as text. What is read becomes
// numbers, addresses and names out of closed lists; what is written is composed
// from those alone. The package is pure: it draws no random value, looks at no
// clock and opens nothing. Its types are plain exported data, so that the state
// of a call can be encoded (encoding/gob) and decoded.
package sdp

import (
	"errors"
	"net/netip"
	"strconv"
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
// description: RTP on Port, RTCP on Port+1.
type Local struct {
	Addr netip.Addr
	Port uint16
}

// PayloadType is one RTP payload type that a peer may send.
type PayloadType struct {
	PT    uint8
	Clock uint32 // RTP clock in Hz
	Name  string // canonical codec name, "PCMA", "telephone-event"
	Map   uint8  // payload type to write toward the other leg
}

// RemoteMedia is what a relay must know of a peer's audio stream.
type RemoteMedia struct {
	RTP, RTCP netip.AddrPort // where the peer wants its packets; invalid: nowhere (held, or port 0)
	Types     []PayloadType
	Send      bool // the peer says that it sends
	Recv      bool // the peer says that it receives
}
