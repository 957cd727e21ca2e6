package sdp

import (
	"slices"

	"mask700/media/srtp"
)

// Stream is one of the relayed streams of a leg: plain data, as the leg is.
type Stream struct {
	Line    int           // index in the leg's lines, -1: none yet
	Profile string        // its transport as we last wrote it, "": not yet
	Numbers []Codec       // what every payload type used stands for, one entry a number
	Types   []PayloadType // what the peer may send, as we last wrote it
	In, Out srtp.Key      // as last agreed on: the peer's and ours
}

// receive notes what the peer says of the stream, nil for nothing, where written is
// what we last said and asked tells that it was an offer.
func (s *Stream) receive(peer *Line, written Line, asked bool) {
	if peer == nil {
		return
	}
	s.Numbers = remember(s.Numbers, peer.Codecs)
	if out, in, ok := srtp.Agreed(written.Crypto, peer.Crypto); ok && asked {
		s.Out, s.In = out.Key, in.Key
	}
}

// keysFor gives the attributes of an offer of ours: the key that is in use first,
// so that a peer which keeps to it goes on without a break, then one for every
// other suite.
func (s *Stream) keysFor(secret srtp.Secret) []srtp.Crypto {
	var out []srtp.Crypto
	add := func(k srtp.Key) {
		if !k.IsZero() {
			out = append(out, srtp.Crypto{Tag: uint32(len(out) + 1), Key: k})
		}
	}
	add(s.Out)
	for _, suite := range srtp.Suites {
		if suite != s.Out.Suite() {
			add(secret.Key(suite, srtp.Key{}))
		}
	}
	return out
}

// keyFor takes one attribute of the peer's offer and gives ours for the answer
// (RFC 4568 section 5.1.2): the key that the peer uses already, else the first.
func (s *Stream) keyFor(offered []srtp.Crypto, secret srtp.Secret) (ours srtp.Crypto, theirs srtp.Key) {
	for _, c := range offered {
		if c.Key.Equal(s.In) {
			return srtp.Crypto{Tag: c.Tag, Key: s.Out}, s.In
		}
	}
	c := offered[0]
	return srtp.Crypto{Tag: c.Tag, Key: secret.Key(c.Suite(), c.Key)}, c.Key
}

// number gives codecs of the other leg the numbers to write on this one. mux is as in usable.
func (s *Stream) number(from []Codec, mux bool) (written []Codec, types []PayloadType) {
	for _, c := range from {
		pt, ok := s.pick(c, written, mux)
		if !ok {
			continue
		}
		types = append(types, c.typed(pt, c.PT))
		c.PT = pt
		written = append(written, c)
	}
	return written, types
}

// pick finds the number for one codec: the one it has in this stream, else its own
// where that is still free, else a free dynamic one. One that might be taken for RTCP, or
// for the codec that RFC 3551 has for it, is not made this leg's only because the other
// leg has it.
func (s *Stream) pick(c Codec, written []Codec, mux bool) (uint8, bool) {
	free := slices.DeleteFunc(slices.Clone(s.Numbers), func(n Codec) bool { return holds(written, n.PT) || !usable(n.PT, mux) })
	if i := match(free, c); i >= 0 {
		return free[i].PT, true
	}
	unused := func(pt uint8) bool { return !holds(s.Numbers, pt) && !holds(written, pt) && usable(pt, true) }
	if fixed := static(c.PT); unused(c.PT) && (fixed == nil || same(*fixed, c)) {
		return c.PT, true
	}
	for pt := uint8(127); pt >= 35; pt-- { // from the top: peers number from 96 up
		if unused(pt) {
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
		pt, feedback := left[i].PT, left[i].Feedback
		left = slices.Delete(left, i, i+1)
		types = append(types, c.typed(pt, c.PT))
		c.PT, c.Feedback = pt, c.Feedback&feedback // what both can do
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

// counterpart is match, where telephone events of another clock do as well as others when
// there are none of the same.
func counterpart(list []Codec, c Codec) int {
	if i := match(list, c); i >= 0 || !isEvents(c) {
		return i
	}
	return slices.IndexFunc(list, isEvents)
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
