package sdp

import "net/netip"

// Description is what was read of a peer's session description: only what may
// be used again. Names, texts, ids and attributes that are not listed here are
// gone after Parse.
type Description struct {
	Lines []Line // every m-line in order
	Audio int    // index in Lines of the audio stream to relay, -1: none
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

// audio is the stream to relay, nil when there is none.
func (d *Description) audio() *Line {
	if d.Audio < 0 || d.Audio >= len(d.Lines) {
		return nil
	}
	return &d.Lines[d.Audio]
}

// choose gives the index of the stream to relay: the first audio line that can
// be, else the first that is switched off by port 0 (RFC 3264 section 8.2) and
// could come back, else -1.
func choose(lines []Line) int {
	off := -1
	for i := range lines {
		ln := &lines[i]
		switch {
		case ln.Media != "audio" || !plainRTP(ln.Proto):
		case ln.Port == 0:
			if off < 0 {
				off = i
			}
		case ln.Addr.IsValid() && hasVoice(ln.Codecs):
			return i
		}
	}
	return off
}

// plainRTP says whether a transport can be relayed. The feedback profile is
// taken for the plain one: feedback messages are RTCP, and RTCP ends here.
func plainRTP(proto string) bool { return proto == "RTP/AVP" || proto == "RTP/AVPF" }

// direction is what the line says of itself. The connection address 0.0.0.0 is
// the hold of RFC 2543: whoever wrote it receives nothing (RFC 3264 section 8.4).
func (ln *Line) direction() (send, recv bool) {
	if ln.Port == 0 {
		return false, false
	}
	return ln.Send, ln.Recv && !ln.Addr.IsUnspecified()
}

// Remote gives the one relayed audio stream of a description, each payload type
// mapped to itself: that is right as long as both legs number their payload
// types alike. Leg.Remote knows better once something was written.
//
// A stream that is held by 0.0.0.0 or switched off by port 0 has no addresses.
// Remote fails with ErrNotMaskable when no stream can be relayed.
func Remote(d *Description) (RemoteMedia, error) {
	ln := d.audio()
	if ln == nil {
		return RemoteMedia{}, ErrNotMaskable
	}
	var m RemoteMedia
	m.Send, m.Recv = ln.direction()
	if ln.Port != 0 && !ln.Addr.IsUnspecified() {
		m.RTP = netip.AddrPortFrom(ln.Addr, ln.Port)
		m.RTCP = ln.RTCP
		if !m.RTCP.IsValid() && ln.Port < 65535 {
			m.RTCP = netip.AddrPortFrom(ln.Addr, ln.Port+1)
		}
	}
	for _, c := range ln.Codecs {
		m.Types = append(m.Types, PayloadType{PT: c.PT, Clock: c.Clock, Name: c.Name, Map: c.PT})
	}
	return m, nil
}
