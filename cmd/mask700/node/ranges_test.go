package node

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mask700/binding"
)

// TestRangesEnd: it is warned a month, a week and a day before an older range ends and when it has, once each, while blocks of it are held.
func TestRangesEnd(t *testing.T) {
	end := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	w := rangeWatch{plan: binding.Plan{Legacy: []binding.LegacyRange{
		{Prefix: "17000", Length: 11, Until: end.Add(-1)}, {Prefix: "400123", Length: 10}, {Prefix: "95013", Length: 12, Until: end.Add(-1)},
	}}}
	held := []binding.Stock{stockOf(70010000001, "", binding.BlockOpen, 9), stockOf(1700012, "", binding.BlockOpen, 3), stockOf(1700013, "", binding.BlockLocked, 4),
		stockOf(400123, "", binding.BlockOpen, 5)}
	var got []string
	for _, left := range []time.Duration{31 * 24 * time.Hour, 30 * 24 * time.Hour, 29 * 24 * time.Hour, 6 * 24 * time.Hour, 5 * 24 * time.Hour, 23 * time.Hour, time.Hour, 0, -time.Hour} {
		for _, r := range w.look(end.Add(-left), held) {
			got = append(got, fmt.Sprintf("%s %v %d %d %v", r.Prefix, left, r.Blocks, r.InUse, r.Ended))
		}
	}
	want := []string{"17000 720h0m0s 2 7 false", "17000 144h0m0s 2 7 false", "17000 23h0m0s 2 7 false", "17000 0s 2 7 true"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("warned of\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	all := w.status()
	if len(all) != 3 || all[1].Blocks != 1 || all[1].InUse != 5 || !all[1].Until.IsZero() || all[1].Ended || all[2].Blocks != 0 || !all[2].Ended {
		t.Errorf("%+v", all)
	}
	// Who begins late is warned once, of what is next.
	late := rangeWatch{plan: w.plan}
	if warn := late.look(end.Add(-time.Hour), held); len(warn) != 1 {
		t.Errorf("%+v", warn)
	}
	if warn := late.look(end.Add(-time.Minute), held); len(warn) != 0 {
		t.Errorf("%+v", warn)
	}
}
