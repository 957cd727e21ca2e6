package sdp

import "slices"

// Keys says how a peer is told of the keys that the other one presses, beside tones in
// the audio, which are left alone.
type Keys uint8

// The ways of Keys.
const (
	KeysAuto   Keys = iota // telephone events, or INFO where it has not agreed on these and says that it takes INFO
	KeysInfo               // INFO alone: telephone events are neither offered nor accepted
	KeysEvents             // telephone events alone
)

// eventName is the payload format of keys (RFC 4733).
const eventName = "telephone-event"

// ourEvents are those that end with us: the sixteen keys, which every peer has (RFC 4733
// section 2.4.1).
const ourEvents = "0-15"

// Informs notes whether the peer says that it takes INFO.
func (l *Leg) Informs(says bool) {
	l.TakesKeys = l.Policy.Keys == KeysInfo || l.Policy.Keys == KeysAuto && says
	l.Peer.TakesKeys = l.TakesKeys
}

// HearsKeys reports whether the peer is to be sent telephone events: both sides of the leg
// have listed them.
func (l *Leg) HearsKeys() bool {
	peer := l.Peer.stream()
	return peer != nil && l.Audio.Line >= 0 && hasEvents(peer.Codecs) && hasEvents(l.written(&l.Audio).Codecs)
}

func isEvents(c Codec) bool { return c.Name == eventName }

func hasEvents(list []Codec) bool { return slices.ContainsFunc(list, isEvents) }

// withoutEvents is what a leg has of the codecs of a line whose policy is against events.
func (p Policy) withoutEvents(list []Codec) []Codec {
	if p.Keys != KeysInfo || !hasEvents(list) {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), isEvents)
}

// deaf is a description of the peer in which events are not listed, where the policy is
// against them.
func (p Policy) deaf(lines []Line) []Line {
	if p.Keys != KeysInfo {
		return lines
	}
	lines = slices.Clone(lines)
	for i := range lines {
		lines[i].Codecs = p.withoutEvents(lines[i].Codecs)
	}
	return lines
}

// answerEvents adds to an answer the events of its offer that the other leg lacks: they
// end here, because the peer of that leg is told of keys by INFO. Of several clocks the
// voice's is taken.
func answerEvents(written []Codec, types []PayloadType, offered []Codec) ([]Codec, []PayloadType) {
	if hasEvents(written) {
		return written, types
	}
	at := slices.IndexFunc(offered, func(c Codec) bool { return isEvents(c) && c.Clock == written[0].Clock })
	if at < 0 {
		at = slices.IndexFunc(offered, isEvents)
	}
	if at < 0 {
		return written, types
	}
	c := offered[at]
	c.Fmtp = ourEvents
	return append(written, c), append(types, c.typed(c.PT, EndsHere+c.PT))
}

// offerEvents adds events to an offer whose other leg has none, likewise.
func (s *Stream) offerEvents(written []Codec, types []PayloadType) ([]Codec, []PayloadType) {
	if hasEvents(written) {
		return written, types
	}
	c := lookup(eventName).codec(101, 8000)
	if clock := written[0].Clock; slices.Contains(lookup(eventName).clocks, clock) {
		c.Clock = clock
	}
	c.Fmtp = ourEvents
	pt, ok := s.pick(c, written)
	if !ok {
		return written, types
	}
	c.PT = pt
	return append(written, c), append(types, c.typed(pt, EndsHere+pt))
}

// endings puts the peer's own numbers into the types of events that end here, and leaves
// out those that the peer has not agreed on.
func endings(types, peer []PayloadType) []PayloadType {
	out := types[:0]
	for _, t := range types {
		if t.Map >= EndsHere {
			i := slices.IndexFunc(peer, func(o PayloadType) bool { return o.Name == t.Name && o.Clock == t.Clock })
			if i < 0 {
				continue
			}
			t.Map = EndsHere + peer[i].PT
		}
		out = append(out, t)
	}
	return out
}
