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

// answerEvents adds to an answer the events of its offer that the other leg has in another
// clock alone: one for each clock of the voices, which is what the two of a stream should
// share (RFC 4733 section 2.1), else the first. Where that leg has none they end here, if
// its peer is told of keys by INFO; of several clocks the voice's is taken.
func answerEvents(written []Codec, types []PayloadType, offered, other []Codec, keys bool) ([]Codec, []PayloadType) {
	has := slices.IndexFunc(other, isEvents)
	if has < 0 && !keys {
		return written, types
	}
	for _, clock := range append(clocks(written), 0) {
		i := slices.IndexFunc(offered, func(c Codec) bool { return isEvents(c) && (clock == 0 || c.Clock == clock) })
		switch {
		case i < 0 || match(written, offered[i]) >= 0:
		case (has < 0 || clock == 0) && hasEvents(written):
		case has < 0:
			c := offered[i]
			c.Fmtp = ourEvents
			written, types = append(written, c), append(types, c.typed(c.PT, EndsHere+c.PT))
		default:
			c := offered[i]
			c.Fmtp = other[has].Fmtp
			written, types = append(written, c), append(types, c.turned(c.PT, other[has]))
		}
	}
	return written, types
}

// offerEvents adds to an offer the events that its peer may need and the other leg lacks:
// of the clock of each voice, and of 8000 Hz, which every phone knows. They become those of
// the other leg, of whatever clock; where that has none they end here, if keys says that its
// peer is told of keys by INFO. mux is as in usable.
func (s *Stream) offerEvents(written []Codec, types []PayloadType, other []Codec, keys, mux bool) ([]Codec, []PayloadType) {
	has := slices.IndexFunc(other, isEvents)
	if has < 0 && !keys {
		return written, types
	}
	for _, clock := range append(clocks(written), 8000) {
		c := lookup(eventName).codec(101, clock)
		if match(written, c) >= 0 {
			continue
		}
		pt, ok := s.pick(c, written, mux)
		if !ok {
			break
		}
		c.PT, c.Fmtp = pt, ourEvents
		t := c.typed(pt, EndsHere+pt)
		if has >= 0 {
			c.Fmtp = other[has].Fmtp
			t = c.turned(pt, other[has])
		}
		written, types = append(written, c), append(types, t)
	}
	return written, types
}

// clocks are those of the voices of a list that events may have too, each once.
func clocks(list []Codec) (out []uint32) {
	for _, c := range list {
		if Voice(c.Name) && lookup(eventName).takes(c.Clock) && !slices.Contains(out, c.Clock) {
			out = append(out, c.Clock)
		}
	}
	return out
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
