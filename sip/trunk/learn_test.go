package trunk

import (
	"net/netip"
	"slices"
	"testing"
)

func TestWith(t *testing.T) {
	base, err := NewTable([]Trunk{
		{Name: "a", Sources: prefixes("192.0.2.0/24", "192.0.2.7/32")},
		{Name: "b", Targets: []Target{to(t, "sip:b.example")}},
		{Name: "c", Targets: []Target{to(t, "sip:c.example")}},
		{Name: "d", Targets: []Target{to(t, "sip:d.example")}, Listen: "outside"},
	}, []string{"inside", "outside"})
	if err != nil {
		t.Fatal(err)
	}
	learned := func(trunk int, addr string) Learned { return Learned{trunk, netip.MustParseAddr(addr)} }
	table, clashes := base.With([]Learned{
		learned(1, "192.0.2.5"),        // inside the prefix of another: told apart by its length
		learned(1, "192.0.2.7"),        // the very address of another
		learned(1, "2001:db8::1"),      //
		learned(2, "2001:db8::1"),      // the second claim
		learned(2, "198.51.100.1"),     //
		learned(2, "198.51.100.1"),     // known already
		learned(3, "198.51.100.1"),     // on a listener of its own
		learned(2, "::ffff:192.0.2.5"), // the second claim, in other clothes
		learned(2, "fe80::1%eth0"),
	})
	want := []Clash{{learned(1, "192.0.2.7"), 0}, {learned(2, "2001:db8::1"), 1}, {learned(2, "::ffff:192.0.2.5"), 1}}
	if !slices.Equal(clashes, want) {
		t.Errorf("clashes %v, want %v", clashes, want)
	}
	for _, c := range []struct{ listener, src, before, after string }{
		{"inside", "192.0.2.5", "a", "b"},
		{"inside", "192.0.2.6", "a", "a"},
		{"inside", "192.0.2.7", "a", "a"},
		{"inside", "2001:db8::1", "", "b"},
		{"inside", "198.51.100.1", "", "c"},
		{"outside", "198.51.100.1", "", "d"},
		{"outside", "192.0.2.5", "a", "b"},
		{"inside", "fe80::1%eth1", "", "c"},
	} {
		for i, table := range []*Table{base, table} {
			want, got := [...]string{c.before, c.after}[i], ""
			if k := table.Match(c.listener, netip.MustParseAddr(c.src)); k != nil {
				got = k.Name
				if k != &base.trunks[k.Index] {
					t.Errorf("%s on %s: a trunk of another table", c.src, c.listener)
				}
			}
			if got != want {
				t.Errorf("%s on %s is on %q, want %q", c.src, c.listener, got, want)
			}
		}
	}
	// What was learned is forgotten with the table that learned it.
	if again, clashes := base.With(nil); len(clashes) != 0 || again.Match("inside", netip.MustParseAddr("2001:db8::1")) != nil {
		t.Errorf("a source is kept that nobody has any more")
	}
}
