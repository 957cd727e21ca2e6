package media

import (
	"cmp"

	"mask700/media/rebase"
	"mask700/media/sdp"
)

// payloads says, for one direction, what each payload type becomes and which of
// them are voice, or video. A type that is not in it is dropped.
type payloads struct {
	table   rebase.Table
	voice   [128]uint8 // index in names and formats, 0: anything else
	names   []string   // of voice or video codecs, the first is ""
	formats []string   // of the same, for recordings
	listed  []PayloadType
}

// none is what a side may send before anything is known of it.
var none = &payloads{names: []string{""}, formats: []string{""}}

// newPayloads makes the table for packets of a peer that may send the given
// types. Of two entries for one number the first counts. With RTCP on the same port, which
// mux says, what could be taken for it is left out (RFC 5761 section 4).
func newPayloads(types []PayloadType, mux bool) *payloads {
	p := &payloads{names: []string{""}, formats: []string{""}, listed: types}
	for _, t := range types {
		if t.PT > 127 || t.Map > 127 && t.Name != telephoneEvent || p.table[t.PT].Known || mux && t.PT >= 64 && t.PT < 96 {
			continue
		}
		p.table[t.PT] = rebase.Type{PT: t.Map, Clock: t.Clock, Out: t.Turns, Known: true}
		if sdp.Voice(t.Name) || sdp.Video(t.Name) {
			p.voice[t.PT] = uint8(len(p.names))
			p.names = append(p.names, t.Name)
			p.formats = append(p.formats, cmp.Or(t.Format, t.Name))
		}
	}
	return p
}

// name is the voice or video codec of a payload type, "" for anything else.
func (p *payloads) name(pt uint8) string { return p.names[p.voice[pt&0x7f]] }

// format is what a recording calls a payload type whose name is not "".
func (p *payloads) format(pt uint8) string { return p.formats[p.voice[pt&0x7f]] }

// toward finds the payload type under which a codec of clips is written to a
// side: that which the other side's packets of it become, else, while there is no
// other side, its own.
func toward(own, other *payloads, codec string) (uint8, bool) {
	t, ok := find(own, other, func(t PayloadType) bool { return t.Name == codec && t.Clock == clipClock })
	return t.Map, ok
}

// events finds the payload type under which telephone events are written to a side,
// in Map, and their clock: that of what it hears, where there are several. It is what the
// side has agreed on with us alone, or what those of the other side become.
func events(own, other *payloads, clock uint32) (PayloadType, bool) {
	for _, is := range [...]func(PayloadType) bool{
		func(t PayloadType) bool { return t.Name == telephoneEvent && t.Clock == clock },
		func(t PayloadType) bool { return t.Name == telephoneEvent && t.Clock > 0 },
	} {
		for _, t := range own.listed {
			if is(t) && t.Map >= sdp.EndsHere {
				t.Map -= sdp.EndsHere
				return t, true
			}
		}
		if t, ok := find(own, other, is); ok {
			return t, true
		}
	}
	return PayloadType{}, false
}

// find gives what is written to a side, with its number there in Map and its clock there:
// of the other side's, else, while there is no other side, of its own.
func find(own, other *payloads, is func(PayloadType) bool) (PayloadType, bool) {
	for _, t := range other.listed {
		if t.Clock = t.Becomes(); is(t) && t.Map <= 127 {
			return t, true
		}
	}
	if len(other.listed) > 0 {
		return PayloadType{}, false
	}
	for _, t := range own.listed {
		if is(t) && t.PT <= 127 {
			t.Map = t.PT
			return t, true
		}
	}
	return PayloadType{}, false
}

// turns says whether a payload type is of events that are written in another clock.
func (p *payloads) turns(pt uint8) bool {
	return p.table[pt&0x7f].Out != 0
}

// count counts what is neither RTP nor RTCP by its first byte (RFC 7983 section 7).
func (j *Junk) count(b []byte) {
	switch {
	case len(b) == 0 || len(b) == bufferSize:
		j.Other++
	case b[0] <= 3:
		j.STUN++
	case b[0] >= 16 && b[0] <= 19:
		j.ZRTP++
	case b[0] >= 20 && b[0] <= 63:
		j.DTLS++
	case b[0] >= 64 && b[0] <= 79:
		j.TURN++
	case b[0] >= 128 && b[0] <= 191:
		j.Malformed++
	default:
		j.Other++
	}
}
