package media

import "testing"

func TestFaxCount(t *testing.T) {
	type packet struct {
		seq     uint16
		earlier int
		want    int // -1: it does not go on
	}
	for name, list := range map[string][]packet{
		"from 0":                        {{0, 0, 0}, {1, 1, 1}, {2, 2, 2}},
		"from anywhere":                 {{40000, 0, 0}, {40001, 1, 1}, {40005, 3, 5}},
		"over the end of its numbers":   {{65534, 0, 0}, {65535, 1, 1}, {0, 2, 2}, {1, 3, 3}},
		"a packet late":                 {{10, 0, 0}, {12, 2, 2}, {11, 1, 1}, {13, 3, 3}},
		"a packet twice":                {{10, 0, 0}, {10, 0, 0}, {11, 1, 1}},
		"the first ones lost":           {{3, 3, 3}, {4, 3, 4}},
		"and late":                      {{3, 3, 3}, {1, 1, 1}, {0, 0, 0}, {4, 3, 4}},
		"late, and not repeated":        {{1, 0, 0}, {0, 0, -1}, {2, 0, 1}},
		"begun anew, further than late": {{5000, 0, 0}, {5001, 1, 1}, {0, 0, 2}, {1, 1, 3}},
		"begun anew, the first lost":    {{5000, 0, 0}, {1, 1, 2}, {0, 0, 1}, {2, 2, 3}},
		"begun anew within ours":        {{0, 0, 0}, {100, 1, 100}, {0, 0, 0}, {1, 1, 1}},
		"what it says is bounded":       {{9, 5000, 64}, {10, 5000, 65}},
	} {
		var c faxCount
		for i, p := range list {
			seq, ok := c.next(p.seq, p.earlier)
			if got := int(seq); ok && got != p.want || ok == (p.want < 0) {
				t.Errorf("%s: packet %d, %d, is %d, %t; want %d", name, i, p.seq, seq, ok, p.want)
			}
		}
	}
}

// Numbers come round as the party's own do, and what is late by then is still known.
func TestFaxCountComesRound(t *testing.T) {
	var c faxCount
	for i := range 3 << 16 {
		if seq, ok := c.next(uint16(i+777), 0); !ok || seq != uint16(i) {
			t.Fatalf("packet %d is %d, %t", i, seq, ok)
		}
	}
	if seq, ok := c.next(777-5, 0); !ok || seq != 65531 {
		t.Errorf("one that is late by five is %d, %t", seq, ok)
	}
}
