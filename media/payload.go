package media

import (
	"mask700/media/rebase"
	"mask700/media/sdp"
)

// payloads says, for one direction, what each payload type becomes and which of
// them are voice.
type payloads struct {
	table rebase.Table
	names [128]string // of voice codecs, "": anything else
}

// newPayloads makes the table for packets from the side whose peer may send in,
// toward the side whose peer may send out. What in says is what counts. Two rules
// fill in for signalling that knows the one side's description only, where every
// type maps to itself:
//
//   - a type that the other side does not know by that number is written under
//     the number the other side has for the same codec;
//   - a number that only the other side listed passes as it is, since an offer
//     made of that side's numbers may have named it to this one.
func newPayloads(in, out []PayloadType) *payloads {
	p := &payloads{}
	for _, t := range in {
		if t.Map == t.PT && len(out) > 0 {
			t.Map = numberOf(t, out)
		}
		p.add(t)
	}
	for _, t := range out {
		t.Map = t.PT
		p.add(t)
	}
	return p
}

// add enters a type unless its number is taken.
func (p *payloads) add(t PayloadType) {
	if t.PT > 127 || t.Map > 127 || p.table[t.PT].Known {
		return
	}
	p.table[t.PT] = rebase.Type{PT: t.Map, Clock: t.Clock, Known: true}
	if sdp.Voice(t.Name) {
		p.names[t.PT] = t.Name
	}
}

// numberOf finds the number that a list has for a codec, its own where it is
// there.
func numberOf(t PayloadType, list []PayloadType) uint8 {
	found := t.PT
	for _, o := range list {
		if o.Name != t.Name || o.Clock != t.Clock {
			continue
		}
		if o.PT == t.PT {
			return t.PT
		}
		if found == t.PT {
			found = o.PT
		}
	}
	return found
}
