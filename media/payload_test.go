package media

import (
	"testing"

	"mask700/media/rebase"
)

func TestPayloads(t *testing.T) {
	p := newPayloads([]PayloadType{
		{PT: 8, Clock: 8000, Name: "PCMA", Map: 8},
		{PT: 96, Clock: 48000, Name: "opus", Map: 111},
		{PT: 101, Clock: 8000, Name: "telephone-event", Map: 97},
		{PT: 8, Clock: 8000, Name: "PCMU", Map: 0},   // the first counts
		{PT: 128, Clock: 8000, Name: "PCMA", Map: 8}, // no payload type
		{PT: 7, Clock: 8000, Name: "PCMA", Map: 200}, // nothing to write
	}, false)
	want := map[int]rebase.Type{
		8:   {PT: 8, Clock: 8000, Known: true},
		96:  {PT: 111, Clock: 48000, Known: true},
		101: {PT: 97, Clock: 8000, Known: true},
	}
	for pt, got := range p.table {
		if got != want[pt] {
			t.Errorf("%d becomes %+v, want %+v", pt, got, want[pt])
		}
	}
	if p.name(8) != "PCMA" || p.name(96) != "opus" || p.name(101) != "" {
		t.Errorf("voice is %q, %q and %q", p.name(8), p.name(96), p.name(101))
	}
}
