package sdp

import (
	"bytes"
	"slices"
)

// Leg is our own side of the offer/answer exchanges of one dialog (RFC 3264).
//
// It is plain data. Assigning a Leg takes a snapshot: no method changes an
// element of a slice that an earlier copy can see, so an offer that was rejected
// is rolled back by assigning the copy taken before it. A method that fails
// leaves the leg as it was.
type Leg struct {
	SessionID uint64
	Version   uint64
	Lines     []Line        // the m-lines as we last wrote them
	Audio     int           // index in Lines of the relayed audio stream, -1: none yet
	Peer      Description   // what the peer last sent
	Numbers   []Codec       // what every payload type used on this leg stands for, one entry a number
	Types     []PayloadType // what the peer may send, as we last wrote it
	Sent      []byte        // the body as it was last written
}

// NewLeg begins a leg. The session id is the number in o=; RFC 8866 section 5.2
// wants it unique, and it should tell nothing, so the caller draws it at random.
// Below 2^63 every peer can read it.
func NewLeg(sessionID uint64) Leg {
	return Leg{SessionID: sessionID, Version: 1, Audio: -1, Peer: Description{Audio: -1}}
}

// Receive notes the peer's offer or answer on this leg.
func (l *Leg) Receive(d *Description) {
	l.Peer = *d
	if ln := l.Peer.audio(); ln != nil {
		l.Numbers = remember(l.Numbers, ln.Codecs)
	}
}

// Offer writes an offer for this leg from the description that the other leg
// sent, an offer in its turn. Number and order of the m-lines are this leg's;
// all but the audio stream stay rejected. Payload types keep the numbers that
// they have had on this leg (RFC 3264 section 8.3.2), else the other leg's.
//
// It fails with ErrNotMaskable when from has no stream to relay, and with *Error
// when at is not an address that a peer could send to.
func (l *Leg) Offer(from *Description, at Local) ([]byte, error) {
	if err := at.check(); err != nil {
		return nil, err
	}
	src := from.audio()
	if src == nil || src.Port == 0 && l.Audio < 0 {
		return nil, ErrNotMaskable
	}
	lines, index := slices.Clone(l.Lines), l.Audio
	if index < 0 {
		lines, index = []Line{{Media: "audio", Proto: "RTP/AVP"}}, 0
	}
	if src.Port == 0 {
		lines[index] = lines[index].rejected()
		return l.write(lines, index, nil, at), nil
	}
	written, types := l.number(src.Codecs)
	if !hasVoice(written) {
		return nil, ErrNotMaskable
	}
	ln := Line{Media: "audio", Proto: lines[index].Proto, Format: written[0].PT, Port: at.Port, Addr: at.Addr,
		Ptime: src.Ptime, MaxPtime: src.MaxPtime, Codecs: written}
	ln.Send, ln.Recv = src.direction()
	lines[index] = ln
	return l.write(lines, index, types, at), nil
}

// Answer writes the answer to this leg's last received offer, made of the other
// leg's answer. It lists only payload types that the offer listed, by the offer's
// numbers, and every m-line of the offer but the audio stream is rejected.
//
// It fails with ErrNotMaskable when the two have no voice codec in common, and
// with *Error when no offer was received or at is not an address that a peer
// could send to.
func (l *Leg) Answer(from *Description, at Local) ([]byte, error) {
	if err := at.check(); err != nil {
		return nil, err
	}
	if len(l.Peer.Lines) == 0 {
		return nil, &Error{Why: "there is no offer to answer"}
	}
	offer, src := l.Peer.audio(), from.audio()
	if offer == nil || src == nil {
		return nil, ErrNotMaskable
	}
	index := l.Peer.Audio
	lines := make([]Line, len(l.Peer.Lines))
	for i := range lines {
		lines[i] = l.Peer.Lines[i].rejected()
	}
	if offer.Port == 0 || src.Port == 0 {
		return l.write(lines, index, nil, at), nil
	}
	written, types := intersect(offer.Codecs, src.Codecs)
	if !hasVoice(written) {
		return nil, ErrNotMaskable
	}
	// An answer may take away from the offered direction, never add to it
	// (RFC 3264 section 6.1), whatever the other leg made of it.
	theySend, theyRecv := offer.direction()
	send, recv := src.direction()
	lines[index] = Line{Media: "audio", Proto: offer.Proto, Format: written[0].PT, Port: at.Port, Addr: at.Addr,
		Send: send && theyRecv, Recv: recv && theySend, Ptime: src.Ptime, MaxPtime: src.MaxPtime, Codecs: written}
	return l.write(lines, index, types, at), nil
}

// Agrees reports whether what this leg was told last still holds when the other leg
// has said from: whether the peer may send no codec that the other leg does not take,
// and neither waits for audio that does not come.
func (l *Leg) Agrees(from *Description) bool {
	src, peer := from.audio(), l.Peer.audio()
	if src == nil || peer == nil || l.Audio < 0 {
		return src == nil && peer == nil
	}
	told := &l.Lines[l.Audio]
	if peer.Port == 0 || told.Port == 0 || src.Port == 0 {
		return peer.Port == 0 || (told.Port == 0) == (src.Port == 0)
	}
	for _, c := range told.Codecs {
		if match(peer.Codecs, c) >= 0 && match(src.Codecs, c) < 0 {
			return false
		}
	}
	send, recv := src.direction()
	peerSend, peerRecv := peer.direction()
	return (told.Send == send || !peerRecv) && (told.Recv == recv || !peerSend)
}

// Remote is what the relay must know of this leg's peer: the addresses of its
// last description, and each payload type that it may send with the number to
// write it under on the other leg. The mapping is that of the last Offer or
// Answer written on this leg; before the first, types map to themselves.
func (l *Leg) Remote() (RemoteMedia, error) {
	m, err := Remote(&l.Peer)
	if err != nil || len(l.Types) == 0 {
		return m, err
	}
	// A peer sends what we listed. Some send under the number that they listed
	// themselves for the same codec; that is understood too.
	own := m.Types
	m.Types = slices.Clone(l.Types)
	for _, t := range own {
		taken := slices.ContainsFunc(m.Types, func(o PayloadType) bool { return o.PT == t.PT })
		i := slices.IndexFunc(l.Types, func(o PayloadType) bool { return o.Name == t.Name && o.Clock == t.Clock })
		if taken || i < 0 {
			continue
		}
		t.Map = l.Types[i].Map
		m.Types = append(m.Types, t)
	}
	return m, nil
}

// write composes the body and takes it for this leg's state. The version goes up
// by one when anything but the version changed (RFC 3264 section 8).
func (l *Leg) write(lines []Line, audio int, types []PayloadType, at Local) []byte {
	body := compose(l.SessionID, l.Version, at.Addr, lines)
	if l.Sent != nil && !bytes.Equal(body, l.Sent) {
		l.Version++
		body = compose(l.SessionID, l.Version, at.Addr, lines)
	}
	l.Lines, l.Audio, l.Types, l.Sent = lines, audio, types, body
	l.Numbers = remember(l.Numbers, lines[audio].Codecs)
	return slices.Clone(body)
}

// number gives codecs of the other leg the numbers to write on this one.
func (l *Leg) number(from []Codec) (written []Codec, types []PayloadType) {
	for _, c := range from {
		pt, ok := l.pick(c, written)
		if !ok {
			continue
		}
		types = append(types, PayloadType{PT: pt, Clock: c.Clock, Name: c.Name, Map: c.PT})
		c.PT = pt
		written = append(written, c)
	}
	return written, types
}

// pick finds the number for one codec: the one it has on this leg, else its own
// where that is still free, else a free dynamic one.
func (l *Leg) pick(c Codec, written []Codec) (uint8, bool) {
	free := slices.DeleteFunc(slices.Clone(l.Numbers), func(n Codec) bool { return holds(written, n.PT) })
	if i := match(free, c); i >= 0 {
		return free[i].PT, true
	}
	unused := func(pt uint8) bool { return !holds(l.Numbers, pt) && !holds(written, pt) }
	if unused(c.PT) {
		return c.PT, true
	}
	for pt := uint8(127); pt >= 35; pt-- { // from the top: peers number from 96 up
		if usable(pt) && unused(pt) {
			return pt, true
		}
	}
	return 0, false
}

// intersect gives what an answer lists: the other leg's codecs under the numbers
// of the offer.
func intersect(offered, answered []Codec) (written []Codec, types []PayloadType) {
	left := slices.Clone(offered)
	for _, c := range answered {
		i := match(left, c)
		if i < 0 {
			continue
		}
		pt := left[i].PT
		left = slices.Delete(left, i, i+1)
		types = append(types, PayloadType{PT: pt, Clock: c.Clock, Name: c.Name, Map: c.PT})
		c.PT = pt
		written = append(written, c)
	}
	return written, types
}

// match finds the entry that carries the same as c: of several, the one with the
// same number, else with the same parameters, else the first. It gives -1 for
// none.
func match(list []Codec, c Codec) int {
	best, rank := -1, 0
	for i, o := range list {
		r := 0
		switch {
		case !same(o, c):
		case o.PT == c.PT:
			r = 3
		case o.Fmtp == c.Fmtp:
			r = 2
		default:
			r = 1
		}
		if r > rank {
			best, rank = i, r
		}
	}
	return best
}

func holds(list []Codec, pt uint8) bool {
	return slices.ContainsFunc(list, func(c Codec) bool { return c.PT == pt })
}

// remember adds payload types to what is known of a leg; a number used again
// takes its newest meaning.
func remember(known, used []Codec) []Codec {
	out := slices.Clone(known)
	for _, c := range used {
		if i := slices.IndexFunc(out, func(o Codec) bool { return o.PT == c.PT }); i >= 0 {
			out[i] = c
		} else {
			out = append(out, c)
		}
	}
	return out
}

// rejected is a line as it is written when it carries nothing (RFC 3264 section
// 6): by its own name, transport and first format.
func (ln Line) rejected() Line {
	return Line{Media: ln.Media, Proto: ln.Proto, Format: ln.Format}
}

// check refuses what must never be written: no address, one that names no host,
// no port.
func (at Local) check() error {
	if !at.Addr.IsValid() || at.Addr.IsUnspecified() || at.Addr.IsMulticast() || at.Addr.Zone() != "" || at.Port == 0 {
		return &Error{Why: "our own media address is not one that a peer can send to"}
	}
	return nil
}
