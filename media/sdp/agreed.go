package sdp

import "slices"

// Agreed is what both ends of a leg have said that is complete on its own: the peer's
// last description, with only what we have written too. It is what another leg may be
// offered when this one is to hear no new offer for that.
func (l *Leg) Agreed() Description {
	d := l.Peer
	d.Lines = slices.Clone(d.Lines)
	if ln := d.stream(); ln != nil {
		*ln = ln.with(l.written(&l.Audio))
	}
	if ln := d.video(); ln != nil {
		*ln = ln.with(l.written(&l.Video))
	}
	return d
}

// with is a line of a peer's with what is in a line of ours too.
func (ln Line) with(told Line) Line {
	if told.Port == 0 || ln.isFax() != told.isFax() {
		ln.Port = 0
	}
	ln.Codecs = slices.DeleteFunc(slices.Clone(ln.Codecs), func(c Codec) bool { return counterpart(told.Codecs, c) < 0 })
	return ln
}

// Follow takes what the other leg has said last without a word to this one's peer: what
// that may send is as it was told, and is relayed under the numbers of the other leg.
// Agrees says whether the peer should be told something else.
//
// It fails with ErrNotMaskable when the two have no voice codec in common.
func (l *Leg) Follow(from *Description) error {
	src, told := from.stream(), l.written(&l.Audio)
	if src == nil || src.isFax() != told.isFax() {
		return ErrNotMaskable
	}
	audio, video := l.carried(&l.Audio, src, from.TakesKeys), []PayloadType(nil)
	if !told.isFax() && told.Port != 0 && src.Port != 0 && !slices.ContainsFunc(audio, func(t PayloadType) bool { return Voice(t.Name) }) {
		return ErrNotMaskable
	}
	if src := from.video(); src != nil {
		video = l.carried(&l.Video, src, false)
	}
	l.Audio.Types, l.Video.Types = audio, video
	return nil
}

// carried maps what a stream of this leg has been agreed to carry, by the numbers that
// the peer was told, to those of a line of the other leg's peer. keys is as in offered.
func (l *Leg) carried(s *Stream, src *Line, keys bool) (types []PayloadType) {
	peer := l.peer(s)
	if peer == nil {
		return nil
	}
	for _, c := range l.written(s).Codecs {
		own, i := match(peer.Codecs, c), counterpart(src.Codecs, c)
		switch {
		case own < 0:
		case i >= 0:
			types = append(types, c.turned(c.PT, src.Codecs[i]))
		case keys && isEvents(c):
			types = append(types, c.typed(c.PT, EndsHere+peer.Codecs[own].PT))
		}
	}
	return types
}
