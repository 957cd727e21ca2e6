package sdp

import "net/netip"

// Description is what was read of a peer's session description: only what may
// be used again.
type Description struct {
	Lines []Line // every m-line in order
	Audio int    // index in Lines of the audio stream to relay, -1: none
}

// Line is one media description.
type Line struct {
	Media    string         // "audio", "video", …: a name of RFC 8866 section 8.2.2
	Proto    string         // "RTP/AVP", …: out of a closed list
	Format   uint8          // the first payload type, for a rejected RTP line
	Port     uint16         // 0: rejected or disabled
	Addr     netip.Addr     // c=; invalid: none that can be used
	RTCP     netip.AddrPort // a=rtcp, RFC 3605; invalid: Addr and Port+1
	Send     bool
	Recv     bool
	Ptime    uint16 // ms, 0: absent
	MaxPtime uint16 // ms, 0: absent
	Codecs   []Codec
}

// Codec is one payload type of a line.
type Codec struct {
	PT       uint8
	Name     string // canonical spelling out of the list of known codecs
	Clock    uint32 // Hz
	Channels uint8
	Fmtp     string // parameters composed anew, "": none
}

// Parse reads a description. It fails with *Error.
func Parse(b []byte) (*Description, error) { return nil, &Error{Why: "empty"} }

// Remote gives the one relayed audio stream of a description, with payload types
// mapped to themselves. Leg.Remote knows the true mapping.
func Remote(d *Description) (RemoteMedia, error) { return RemoteMedia{}, ErrNotMaskable }
