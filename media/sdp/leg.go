package sdp

import (
	"bytes"
	"net/netip"
	"slices"

	"mask700/media/srtp"
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
	Policy    Policy
	Ours      netip.Addr    // our media address: tells the family of addresses that can be reached; invalid: not known yet
	Lines     []Line        // the m-lines as we last wrote them
	Audio     int           // index in Lines of the relayed stream, -1: none yet
	Profile   string        // the transport of the audio as we last wrote it, "": not yet
	Peer      Description   // what the peer last sent
	Numbers   []Codec       // what every payload type used on this leg stands for, one entry a number
	Types     []PayloadType // what the peer may send, as we last wrote it
	Sent      Body          // as it was last written
	Asked     bool          // what was last written is an offer that waits for its answer
	In, Out   srtp.Key      // as last agreed on: the peer's and ours
}

// NewLeg begins a leg. The session id is the number in o=; RFC 8866 section 5.2
// wants it unique, and it should tell nothing, so the caller draws it at random.
// Below 2^63 every peer can read it.
func NewLeg(sessionID uint64, p Policy) Leg {
	return Leg{SessionID: sessionID, Version: 1, Policy: p, Audio: -1, Peer: Description{Audio: -1}}
}

// Receive notes the peer's offer or answer on this leg. Which of its streams is
// relayed is for this leg's policy to say: take it from Peer.
func (l *Leg) Receive(d *Description) {
	l.Peer = *d
	l.Peer.Audio = choose(d.Lines, l.Policy, l.Ours)
	if ln := l.Peer.stream(); ln != nil {
		l.Numbers = remember(l.Numbers, ln.Codecs)
		if out, in, ok := srtp.Agreed(l.written().Crypto, ln.Crypto); ok && l.Asked {
			l.Out, l.In = out.Key, in.Key
		}
	}
	l.Asked = false
}

// written is the relayed stream as we last wrote it.
func (l *Leg) written() Line {
	if l.Audio < 0 {
		return Line{}
	}
	return l.Lines[l.Audio]
}

// Offer writes an offer for this leg from the description that the other leg
// sent, an offer in its turn: its Peer. Number and order of the m-lines are this
// leg's; all but the relayed stream stay rejected. Payload types keep the numbers
// that they have had on this leg (RFC 3264 section 8.3.2), else the other leg's.
// A fax takes the place of the audio and gives it back (section 8.3.3).
//
// It fails with ErrNotMaskable when from has no stream to relay, or one that this
// leg may not carry, and with *Error when at is not an address that a peer could
// send to.
func (l *Leg) Offer(from *Description, at Local) ([]byte, error) {
	if err := at.check(); err != nil {
		return nil, err
	}
	src := from.stream()
	if src == nil || src.Port == 0 && l.Audio < 0 || src.isFax() && !l.Policy.fax() {
		return nil, ErrNotMaskable
	}
	lines, index := slices.Clone(l.Lines), l.Audio
	if index < 0 {
		lines, index = []Line{{Media: src.Media}}, 0
	}
	if src.Port == 0 {
		lines[index] = lines[index].rejected()
		return l.write(lines, index, nil, at, true), nil
	}
	if lines[index].Media != src.Media {
		lines[index] = lines[index].rejected()
		if i := slices.IndexFunc(lines, func(ln Line) bool { return ln.Media == src.Media && l.carries(ln) }); i >= 0 {
			index = i
		}
	}
	if src.isFax() {
		lines[index] = Line{Media: src.Media, Proto: src.Proto, Port: at.Port, Addr: at.Addr, Send: true, Recv: true, T38: src.T38}
		return l.write(lines, index, nil, at, true), nil
	}
	written, types := l.number(src.Codecs)
	if !hasVoice(written) {
		return nil, ErrNotMaskable
	}
	ln := Line{Media: "audio", Proto: l.profile(), Format: written[0].PT, Port: at.Port, Addr: at.Addr,
		Ptime: src.Ptime, MaxPtime: src.MaxPtime, Codecs: written}
	if secureRTP(ln.Proto) {
		if ln.Crypto = l.keysFor(at.Secret); len(ln.Crypto) == 0 {
			return nil, &Error{Why: "there is no secret to make keys of"}
		}
	}
	ln.Mux = l.Policy.Mux || l.muxed()
	ln.Send, ln.Recv = src.direction()
	lines[index] = ln
	return l.write(lines, index, types, at, true), nil
}

// carries says whether a line as we wrote it may carry media again.
func (l *Leg) carries(ln Line) bool {
	return ln.Media == "audio" && l.Policy.rtp(ln.Proto) || ln.Media == "image" && ln.Proto == "udptl"
}

// profile is the transport of audio that we offer: the one that the leg has,
// after a fax and after port 0 too.
func (l *Leg) profile() string {
	if ln := l.written(); l.Profile == "" && ln.Media == "audio" && l.Policy.rtp(ln.Proto) {
		return ln.Proto
	}
	if l.Profile != "" {
		return l.Profile
	}
	return l.Policy.profile()
}

// muxed says whether RTCP on the RTP port has been agreed on.
func (l *Leg) muxed() bool {
	peer := l.Peer.stream()
	return peer != nil && peer.Mux && l.written().Mux
}

// Answer writes the answer to this leg's last received offer, made of the other
// leg's answer: its Peer. It lists only payload types that the offer listed, by
// the offer's numbers, and every m-line of the offer but the relayed stream is
// rejected. Nothing is said of groups of lines (RFC 9143 section 7.3.3, RFC 4091),
// which refuses them.
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
	offer, src := l.Peer.stream(), from.stream()
	if offer == nil || src == nil {
		return nil, ErrNotMaskable
	}
	index := l.Peer.Audio
	lines := make([]Line, len(l.Peer.Lines))
	for i := range lines {
		lines[i] = l.Peer.Lines[i].rejected()
	}
	if offer.Port == 0 || src.Port == 0 {
		return l.write(lines, index, nil, at, false), nil
	}
	if offer.isFax() != src.isFax() {
		return nil, ErrNotMaskable
	}
	if offer.isFax() {
		lines[index] = Line{Media: offer.Media, Proto: offer.Proto, Port: at.Port, Addr: at.Addr, Send: true, Recv: true, T38: src.T38}
		return l.write(lines, index, nil, at, false), nil
	}
	written, types := intersect(offer.Codecs, src.Codecs)
	if !hasVoice(written) {
		return nil, ErrNotMaskable
	}
	// An answer may take away from the offered direction, never add to it
	// (RFC 3264 section 6.1), whatever the other leg made of it.
	theySend, theyRecv := offer.direction()
	send, recv := src.direction()
	ln := Line{Media: "audio", Proto: offer.Proto, Format: written[0].PT, Port: at.Port, Addr: at.Addr, Mux: offer.Mux,
		Send: send && theyRecv, Recv: recv && theySend, Ptime: src.Ptime, MaxPtime: src.MaxPtime, Codecs: written}
	in, out := l.In, l.Out
	if secureRTP(offer.Proto) {
		ours, theirs := l.keyFor(offer.Crypto, at.Secret)
		if ours.Key.IsZero() {
			return nil, &Error{Why: "there is no secret to make keys of"}
		}
		ln.Crypto, in, out = []srtp.Crypto{ours}, theirs, ours.Key
	}
	lines[index] = ln
	l.In, l.Out = in, out
	return l.write(lines, index, types, at, false), nil
}

// Agrees reports whether what this leg was told last still holds when the other leg
// has said from: whether the peer may send no codec that the other leg does not take,
// and neither waits for audio that does not come.
func (l *Leg) Agrees(from *Description) bool {
	src, peer := from.stream(), l.Peer.stream()
	if src == nil || peer == nil || l.Audio < 0 {
		return src == nil && peer == nil
	}
	told := &l.Lines[l.Audio]
	if peer.Port == 0 || told.Port == 0 || src.Port == 0 {
		return peer.Port == 0 || (told.Port == 0) == (src.Port == 0)
	}
	if told.isFax() != src.isFax() {
		return false
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
//
// A payload type is only ever mapped to one of the same codec and clock. For
// telephone events (RFC 4733 section 2.4) that is enough, and no event is ever
// to be counted in another clock: what one leg is offered is what the other one
// listed, and an answer lists what both have, so that an event of a clock that
// one leg lacks is agreed on by neither.
func (l *Leg) Remote() (RemoteMedia, error) {
	m, err := Remote(&l.Peer)
	if err != nil || l.Audio < 0 {
		return m, err
	}
	if m, err = l.protected(m); err != nil || len(l.Types) == 0 {
		return m, err
	}
	// A peer sends what we listed. Some send under the number that they listed
	// themselves for the same codec; that is understood too.
	own := m.Types
	m.Types = slices.DeleteFunc(slices.Clone(l.Types), func(t PayloadType) bool { return misunderstood(t, own) })
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

// misunderstood says that a peer took nothing of a type that we listed and gave
// its number to another: under that number it means its own.
func misunderstood(t PayloadType, own []PayloadType) bool {
	taken := slices.ContainsFunc(own, func(o PayloadType) bool { return o.Name == t.Name && o.Clock == t.Clock })
	return !taken && slices.ContainsFunc(own, func(o PayloadType) bool { return o.PT == t.PT })
}

// protected adds what both descriptions of a stream have to agree on: whether it
// is a fax, whether it is encrypted and by which keys, and where RTCP goes.
func (l *Leg) protected(m RemoteMedia) (RemoteMedia, error) {
	peer, ours := l.Peer.stream(), l.written()
	secure := secureRTP(ours.Proto)
	if peer.Port == 0 || ours.Port == 0 {
		if secure || secureRTP(peer.Proto) {
			m.RTP, m.RTCP = netip.AddrPort{}, netip.AddrPort{} // no keys, so nothing is sent
		}
		return m, nil
	}
	if peer.isFax() != ours.isFax() || secureRTP(peer.Proto) != secure {
		return RemoteMedia{}, ErrNotMaskable
	}
	if secure {
		if out, in, ok := srtp.Agreed(ours.Crypto, peer.Crypto); ok {
			m.Out, m.In = out.Key, in.Key
		} else if m.Out, m.In = l.Out, l.In; m.In.IsZero() {
			return RemoteMedia{}, ErrNotMaskable
		}
	}
	if m.Mux = l.muxed(); m.Mux {
		m.RTCP = m.RTP
	}
	return m, nil
}

// write composes the body and takes it for this leg's state. The version goes up
// by one when anything but the version changed (RFC 3264 section 8).
func (l *Leg) write(lines []Line, audio int, types []PayloadType, at Local, offer bool) []byte {
	body := compose(l.SessionID, l.Version, at.Addr, lines)
	if l.Sent != nil && !bytes.Equal(body, l.Sent) {
		l.Version++
		body = compose(l.SessionID, l.Version, at.Addr, lines)
	}
	l.Lines, l.Audio, l.Types, l.Sent, l.Asked = lines, audio, types, body, offer
	if ln := lines[audio]; ln.Media == "audio" && ln.Port != 0 {
		l.Profile = ln.Proto
	}
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
