package media

import "testing"

func TestPayloads(t *testing.T) {
	pcma := PayloadType{PT: 8, Clock: 8000, Name: "PCMA", Map: 8}
	opus := func(pt, to uint8) PayloadType { return PayloadType{PT: pt, Clock: 48000, Name: "opus", Map: to} }
	event := func(pt, to uint8) PayloadType {
		return PayloadType{PT: pt, Clock: 8000, Name: "telephone-event", Map: to}
	}
	tests := []struct {
		name    string
		in, out []PayloadType
		want    map[uint8]uint8
	}{
		{"nothing", nil, nil, map[uint8]uint8{}},
		{"one side only", []PayloadType{pcma}, nil, map[uint8]uint8{8: 8}},
		{"alike", []PayloadType{pcma, event(101, 101)}, []PayloadType{pcma, event(101, 101)}, map[uint8]uint8{8: 8, 101: 101}},
		{"mapped by signalling", []PayloadType{opus(96, 111)}, []PayloadType{opus(96, 96)}, map[uint8]uint8{96: 111}},
		{"mapped by name", []PayloadType{opus(96, 96), event(97, 97)}, []PayloadType{opus(111, 111), event(101, 101)},
			map[uint8]uint8{96: 111, 97: 101, 111: 111, 101: 101}},
		{"the other side's numbers", []PayloadType{pcma}, []PayloadType{pcma, event(101, 101)}, map[uint8]uint8{8: 8, 101: 101}},
		{"the same number first", []PayloadType{opus(96, 96)}, []PayloadType{opus(97, 97), opus(96, 96)}, map[uint8]uint8{96: 96, 97: 97}},
		{"another clock is another codec", []PayloadType{event(101, 101)}, []PayloadType{{PT: 100, Clock: 48000, Name: "telephone-event", Map: 100}},
			map[uint8]uint8{101: 101, 100: 100}},
		{"no number", []PayloadType{{PT: 128, Clock: 1, Name: "PCMA", Map: 8}, {PT: 8, Clock: 1, Name: "PCMA", Map: 200}}, nil, map[uint8]uint8{}},
	}
	for _, tt := range tests {
		p := newPayloads(tt.in, tt.out)
		got := map[uint8]uint8{}
		for pt, typ := range p.table {
			if typ.Known {
				got[uint8(pt)] = typ.PT
			}
		}
		if len(got) != len(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		for pt, to := range tt.want {
			if got[pt] != to {
				t.Errorf("%s: %d becomes %d, want %d", tt.name, pt, got[pt], to)
			}
		}
	}
	p := newPayloads([]PayloadType{pcma, event(101, 101)}, nil)
	if p.names[8] != "PCMA" || p.names[101] != "" {
		t.Errorf("voice is %q and %q", p.names[8], p.names[101])
	}
}
