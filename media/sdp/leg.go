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
	Dialog    string      // tells it from others at the same address and port, whose keys are others; "": there are none
	Ours      netip.Addr  // our media address: tells the family of addresses that can be reached; invalid: not known yet
	Lines     []Line      // the m-lines as we last wrote them
	Audio     Stream      // the audio, or the fax in its place
	Video     Stream      // the video beside it
	Peer      Description // what the peer last sent
	Sent      Body        // as it was last written
	Asked     bool        // what was last written is an offer that waits for its answer
	Told      bool        // the peer has offered or answered since the media was last told of it
	TakesKeys bool        // the peer is told of keys by INFO, where it has no telephone events
}

// NewLeg begins a leg. The session id is the number in o=; RFC 8866 section 5.2
// wants it unique, and it should tell nothing, so the caller draws it at random.
// Below 2^63 every peer can read it.
func NewLeg(sessionID uint64, p Policy) Leg {
	none := Stream{Line: -1}
	l := Leg{SessionID: sessionID, Version: 1, Policy: p, Audio: none, Video: none, Peer: Description{Audio: -1, Video: -1}}
	l.Informs(false)
	return l
}

// Receive notes the peer's offer or answer on this leg. Which of its streams are
// relayed is for this leg's policy to say: take them from Peer.
func (l *Leg) Receive(d *Description) {
	l.Peer = *d
	l.Peer.Lines, l.Peer.TakesKeys = l.Policy.deaf(d.Lines), l.TakesKeys
	l.Peer.Audio = choose(l.Peer.Lines, l.Policy, l.Ours)
	l.Peer.Video = chooseVideo(d.Lines, l.Policy, l.Ours)
	l.Audio.receive(l.Peer.stream(), l.written(&l.Audio), l.Asked)
	l.Video.receive(l.Peer.video(), l.written(&l.Video), l.Asked)
	l.Asked, l.Told = false, true
}

// written is a stream's line as we last wrote it.
func (l *Leg) written(s *Stream) Line {
	if s.Line < 0 {
		return Line{}
	}
	return l.Lines[s.Line]
}

// Offer writes an offer for this leg from the description that the other leg
// sent, an offer in its turn: its Peer. Number and order of the m-lines are this
// leg's; all but the relayed streams stay rejected. Payload types keep the numbers
// that they have had on this leg (RFC 3264 section 8.3.2), else the other leg's.
// A fax takes the place of the audio and gives it back (section 8.3.3). A video is
// offered where at has a port for it, and left out where it cannot be.
//
// It fails with ErrNotMaskable when from has no stream to relay, or one that this
// leg may not carry, and with *Error when at is not an address that a peer could
// send to.
func (l *Leg) Offer(from *Description, at Local) ([]byte, error) {
	if err := at.check(); err != nil {
		return nil, err
	}
	next := *l
	next.Lines = slices.Clone(l.Lines)
	if err := next.offerAudio(from.stream(), at, from.TakesKeys); err != nil {
		return nil, err
	}
	next.offerVideo(from.video(), at)
	*l = next
	return l.write(at, true), nil
}

func (l *Leg) offerAudio(src *Line, at Local, keys bool) error {
	if src == nil || src.Port == 0 && l.Audio.Line < 0 || src.isFax() && !l.Policy.fax() {
		return ErrNotMaskable
	}
	index := l.Audio.Line
	if index < 0 {
		index = len(l.Lines)
		l.Lines = append(l.Lines, Line{Media: src.Media})
	}
	if src.Port == 0 {
		l.put(&l.Audio, index, l.Lines[index].rejected(), nil)
		return nil
	}
	if l.Lines[index].Media != src.Media {
		l.Lines[index] = l.Lines[index].rejected()
		if i := slices.IndexFunc(l.Lines, func(ln Line) bool { return ln.Media == src.Media && l.carries(ln) }); i >= 0 {
			index = i
		}
	}
	if src.isFax() {
		l.put(&l.Audio, index, src.fax(at, src.T38), nil)
		return nil
	}
	ln, types, err := l.offered(&l.Audio, src, at, keys)
	if err != nil {
		return err
	}
	l.put(&l.Audio, index, ln, types)
	return nil
}

// offerVideo offers the video of the other leg, and takes back what was offered
// when there is none any more.
func (l *Leg) offerVideo(src *Line, at Local) {
	index := l.Video.Line
	if src != nil && src.Port != 0 && at.Video != 0 && l.Policy.Video {
		if ln, types, err := l.offered(&l.Video, src, at.forVideo(), false); err == nil {
			if index < 0 {
				index = len(l.Lines)
				l.Lines = append(l.Lines, Line{})
			}
			l.put(&l.Video, index, ln, types)
			return
		}
	}
	if index >= 0 {
		l.put(&l.Video, index, l.Lines[index].rejected(), nil)
	}
}

// offered is a stream of the other leg as it is offered on this one. keys says that the
// other leg's peer is told of keys even where it has no telephone events.
func (l *Leg) offered(s *Stream, src *Line, at Local, keys bool) (Line, []PayloadType, error) {
	mux := l.Policy.Mux || l.muxed(s)
	written, types := s.number(l.Policy.withoutEvents(src.Codecs), mux)
	if !hasMedia(written) {
		return Line{}, nil, ErrNotMaskable
	}
	if l.Policy.Keys != KeysInfo {
		written, types = s.offerEvents(written, types, src.Codecs, keys, mux)
	}
	ln := Line{Media: src.Media, Proto: l.profile(s, src), Format: written[0].PT, Port: at.Port, Addr: at.Addr,
		Ptime: src.Ptime, MaxPtime: src.MaxPtime, Codecs: written, Picture: src.Picture}
	if secureRTP(ln.Proto) {
		if ln.Crypto = s.keysFor(l.secret(at)); len(ln.Crypto) == 0 {
			return Line{}, nil, errNoSecret
		}
	}
	ln.Mux = mux
	ln.Send, ln.Recv = src.direction()
	return ln, types, nil
}

// secret is what keys toward this leg's peer are made of, in this dialog: what is sent to who
// is called next, when one has refused, must not be for that one to open.
func (l *Leg) secret(at Local) srtp.Secret {
	if l.Dialog == "" {
		return at.Secret
	}
	return at.Secret.For("dialog " + l.Dialog)
}

var errNoSecret = &Error{Why: "there is no secret to make keys of"}

// carries says whether a line as we wrote it may carry media again.
func (l *Leg) carries(ln Line) bool {
	return ln.Media == "audio" && l.Policy.rtp(ln.Proto) || ln.Media == "image" && ln.Proto == "udptl"
}

// profile is the transport of a stream that we offer: the one that it has on this
// leg, after a fax and after port 0 too.
func (l *Leg) profile(s *Stream, src *Line) string {
	if ln := l.written(s); s.Profile == "" && ln.Media == src.Media && l.Policy.rtp(ln.Proto) {
		return ln.Proto
	}
	if s.Profile != "" {
		return s.Profile
	}
	return l.Policy.profile(src)
}

// peer is what the peer last said of a stream.
func (l *Leg) peer(s *Stream) *Line {
	if s == &l.Video {
		return l.Peer.video()
	}
	return l.Peer.stream()
}

// muxed says whether RTCP on the RTP port has been agreed on for a stream.
func (l *Leg) muxed(s *Stream) bool {
	peer := l.peer(s)
	return peer != nil && peer.Mux && l.written(s).Mux
}

// Answer writes the answer to this leg's last received offer, made of the other
// leg's answer: its Peer. It lists only payload types that the offer listed, by
// the offer's numbers, and every m-line of the offer but the relayed streams is
// rejected. Nothing is said of groups of lines (RFC 9143 section 7.3.3, RFC 4091),
// which refuses them.
//
// It fails with ErrNotMaskable when the two have no voice codec in common, and
// with *Error when no offer was received or at is not an address that a peer
// could send to. A video that cannot be answered is rejected.
func (l *Leg) Answer(from *Description, at Local) ([]byte, error) {
	if err := at.check(); err != nil {
		return nil, err
	}
	if len(l.Peer.Lines) == 0 {
		return nil, &Error{Why: "there is no offer to answer"}
	}
	next := *l
	next.Lines = make([]Line, len(l.Peer.Lines))
	for i := range next.Lines {
		next.Lines[i] = l.Peer.Lines[i].rejected()
	}
	if err := next.answerAudio(from.stream(), at, from.TakesKeys); err != nil {
		return nil, err
	}
	next.answerVideo(from.video(), at)
	*l = next
	return l.write(at, false), nil
}

func (l *Leg) answerAudio(src *Line, at Local, keys bool) error {
	offer, index := l.Peer.stream(), l.Peer.Audio
	switch {
	case offer == nil || src == nil:
		return ErrNotMaskable
	case offer.Port == 0 || src.Port == 0:
		l.put(&l.Audio, index, l.Lines[index], nil)
		return nil
	case offer.isFax() != src.isFax():
		return ErrNotMaskable
	case offer.isFax():
		l.put(&l.Audio, index, offer.fax(at, src.T38), nil)
		return nil
	}
	return l.answered(&l.Audio, index, offer, src, at, keys)
}

func (l *Leg) answerVideo(src *Line, at Local) {
	offer, index := l.Peer.video(), l.Peer.Video
	if offer == nil {
		l.Video.Line, l.Video.Types = -1, nil
		return
	}
	if offer.Port == 0 || src == nil || src.Port == 0 || at.Video == 0 || l.answered(&l.Video, index, offer, src, at.forVideo(), false) != nil {
		l.put(&l.Video, index, l.Lines[index], nil)
	}
}

// answered puts the answer to the offer of a stream, made of the other leg's. keys is as
// in offered.
func (l *Leg) answered(s *Stream, index int, offer, src *Line, at Local, keys bool) error {
	written, types := intersect(offer.Codecs, src.Codecs)
	if !hasMedia(written) {
		return ErrNotMaskable
	}
	written, types = answerEvents(written, types, offer.Codecs, src.Codecs, keys)
	// An answer may take away from the offered direction, never add to it
	// (RFC 3264 section 6.1), whatever the other leg made of it.
	theySend, theyRecv := offer.direction()
	send, recv := src.direction()
	ln := Line{Media: offer.Media, Proto: offer.Proto, Format: written[0].PT, Port: at.Port, Addr: at.Addr, Mux: offer.Mux,
		Send: send && theyRecv, Recv: recv && theySend, Ptime: src.Ptime, MaxPtime: src.MaxPtime, Codecs: written, Picture: src.Picture}
	if secureRTP(offer.Proto) {
		ours, theirs := s.keyFor(offer.Crypto, l.secret(at))
		if ours.Key.IsZero() {
			return errNoSecret
		}
		ln.Crypto, s.In, s.Out = []srtp.Crypto{ours}, theirs, ours.Key
	}
	l.put(s, index, ln, types)
	return nil
}

// put takes a line for a stream's.
func (l *Leg) put(s *Stream, index int, ln Line, types []PayloadType) {
	l.Lines[index] = ln
	s.Line, s.Types = index, types
	if overRTP(ln.Proto) && ln.Port != 0 {
		s.Profile = ln.Proto
	}
	s.Numbers = remember(s.Numbers, ln.Codecs)
}

// write composes the body. The version goes up by one when anything but the version
// changed (RFC 3264 section 8).
func (l *Leg) write(at Local, offer bool) []byte {
	body := compose(l.SessionID, l.Version, at.Addr, l.Lines)
	if l.Sent != nil && !bytes.Equal(body, l.Sent) {
		l.Version++
		body = compose(l.SessionID, l.Version, at.Addr, l.Lines)
	}
	l.Sent, l.Asked = body, offer
	return slices.Clone(body)
}

// rejected is a line as it is written when it carries nothing (RFC 3264 section
// 6): by its own name, transport and first format.
func (ln Line) rejected() Line {
	return Line{Media: ln.Media, Proto: ln.Proto, Format: ln.Format, Foreign: ln.Foreign}
}

// fax is a line of a fax as we write it.
func (ln Line) fax(at Local, t T38) Line {
	return Line{Media: ln.Media, Proto: ln.Proto, Port: at.Port, Addr: at.Addr, Send: true, Recv: true, T38: t}
}

// check refuses what must never be written: no address, one that names no host,
// no port.
func (at Local) check() error {
	if !at.Addr.IsValid() || at.Addr.IsUnspecified() || at.Addr.IsMulticast() || at.Addr.Zone() != "" || at.Port == 0 {
		return &Error{Why: "our own media address is not one that a peer can send to"}
	}
	return nil
}
