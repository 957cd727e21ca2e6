package media

import (
	"mask700/media/rebase"
	"mask700/media/sdp"
)

// payloads says, for one direction, what each payload type becomes and which of
// them are voice. A type that is not in it is dropped.
type payloads struct {
	table rebase.Table
	names [128]string // of voice codecs, "": anything else
}

// newPayloads makes the table for packets of a peer that may send the given
// types. Of two entries for one number the first counts.
func newPayloads(types []PayloadType) *payloads {
	p := &payloads{}
	for _, t := range types {
		if t.PT > 127 || t.Map > 127 || p.table[t.PT].Known {
			continue
		}
		p.table[t.PT] = rebase.Type{PT: t.Map, Clock: t.Clock, Known: true}
		if sdp.Voice(t.Name) {
			p.names[t.PT] = t.Name
		}
	}
	return p
}
