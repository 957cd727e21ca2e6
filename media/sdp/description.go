package sdp

import (
	"net/netip"

	"mask700/media/srtp"
)

// Description is what was read of a peer's session description: only what may
// be used again. Names, texts, ids and attributes that are not listed here are
// gone after Parse.
type Description struct {
	Lines []Line // every m-line in order
	Audio int    // index in Lines of the stream to relay, audio or a fax in its place, -1: none
	Video int    // index in Lines of the video to relay; of a line that is none: none

	TakesKeys bool // who sent it is told of keys by INFO, where it has no telephone events
}

// Line is one media description, read or written.
type Line struct {
	Media    string         // "audio", "video", …: a name of RFC 8866 section 8.2.2
	Proto    string         // "RTP/AVP", …: out of a closed list
	Format   uint8          // the first payload type, for a rejected RTP line
	Port     uint16         // 0: rejected or disabled
	Addr     netip.Addr     // connection address; unspecified: held the old way; invalid: none that can be used
	RTCP     netip.AddrPort // a=rtcp, RFC 3605; invalid: Addr and Port+1
	Send     bool
	Recv     bool
	Ptime    uint16 // ms, 0: absent
	MaxPtime uint16 // ms, 0: absent
	Mux      bool   // RTCP on the RTP port (RFC 5761)
	Codecs   []Codec
	Picture  Picture       // of a video line
	Crypto   []srtp.Crypto // of secure RTP, those that could be agreed to
	T38      T38           // of a fax
	Foreign  Foreign       // of a line that is in no list: Media and Proto are empty
}

// Codec is one payload type of a line.
type Codec struct {
	PT       uint8
	Name     string // canonical spelling out of the list of known codecs
	Clock    uint32 // Hz
	Channels uint8
	Fmtp     string // parameters composed anew, "": none
	Feedback Feedback
	Image    string // image sizes composed anew (RFC 6236), "": none
}

// stream is the one to relay, nil when there is none.
func (d *Description) stream() *Line {
	if d.Audio < 0 || d.Audio >= len(d.Lines) {
		return nil
	}
	return &d.Lines[d.Audio]
}

// video is the video to relay, nil when there is none.
func (d *Description) video() *Line {
	if d.Video < 0 || d.Video >= len(d.Lines) || d.Lines[d.Video].Media != "video" {
		return nil
	}
	return &d.Lines[d.Video]
}

// direction is what the line says of itself. The connection address 0.0.0.0 is
// the hold of RFC 2543: whoever wrote it receives nothing (RFC 3264 section 8.4).
func (ln *Line) direction() (send, recv bool) {
	if ln.Port == 0 {
		return false, false
	}
	return ln.Send, ln.Recv && !ln.Addr.IsUnspecified()
}

// Remote gives the one relayed stream of a description, each payload type
// mapped to itself: that is right as long as both legs number their payload
// types alike. Leg.Remote knows better once something was written.
//
// A stream that is held by 0.0.0.0 or switched off by port 0 has no addresses.
// Remote fails with ErrNotMaskable when no stream can be relayed.
func Remote(d *Description) (RemoteMedia, error) {
	ln := d.stream()
	if ln == nil {
		return RemoteMedia{}, ErrNotMaskable
	}
	return ln.remote(), nil
}

// remote is what the line alone tells a relay.
func (ln *Line) remote() RemoteMedia {
	var m RemoteMedia
	m.Send, m.Recv = ln.direction()
	if ln.Port != 0 && !ln.Addr.IsUnspecified() {
		m.RTP = netip.AddrPortFrom(ln.Addr, ln.Port)
		m.RTCP = ln.RTCP
		if !m.RTCP.IsValid() && ln.Port < 65535 {
			m.RTCP = netip.AddrPortFrom(ln.Addr, ln.Port+1)
		}
	}
	m.Fax = ln.isFax()
	if m.Fax {
		m.RTCP = netip.AddrPort{}
	}
	for _, c := range ln.Codecs {
		m.Types = append(m.Types, c.typed(c.PT, c.PT))
	}
	return m
}
