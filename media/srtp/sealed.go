package srtp

import "errors"

// ErrUsed says that a packet's number was sealed before, or is so old that this is
// not known.
var ErrUsed = errors.New("srtp: a number that was sealed before, or one too old to tell")

var errShort = errors.New("srtp: no RTP packet")

// sealed is what was sealed of one source. Two packets of one index would share
// their keystream and, with GCM, their nonce (RFC 3711 section 9.1, RFC 7714 section
// 8.1), which gives both payloads away and then the key of their authentication. So
// an index is used once, by the list that a receiver keeps against replay (RFC 3711
// section 3.3.2).
type sealed struct {
	ssrc    uint32
	begun   bool
	highest int64  // index: rollover counter and sequence number, 48 bits
	used    uint64 // bit n: highest-n was sealed
}

// stream is what was sealed of a source. There are as many as streams of ours that
// had the key, which are a few in a call.
func (d *Direction) stream(ssrc uint32) *sealed {
	s := d.sealed[ssrc]
	if s == nil {
		if d.sealed == nil {
			d.sealed = make(map[uint32]*sealed, 1)
		}
		s = &sealed{ssrc: ssrc}
		d.sealed[ssrc] = s
	}
	return s
}

// use says whether a packet with this sequence number may be sealed, and takes the
// number for it. A late packet has its place in the window, once.
func (s *sealed) use(seq uint16) bool {
	if !s.begun {
		s.begun, s.highest, s.used = true, int64(seq), 1
		return true
	}
	switch ahead := int64(int16(seq - uint16(s.highest))); {
	case ahead > 0:
		s.highest += ahead
		s.used = s.used<<ahead | 1 // nothing is left of it after 64
	case ahead <= -window || s.highest+ahead < 0 || s.used>>-ahead&1 != 0:
		return false
	default:
		s.used |= 1 << -ahead
	}
	return true
}
