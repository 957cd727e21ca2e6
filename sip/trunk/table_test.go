package trunk

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"mask700/sip/flow"
)

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func to(t *testing.T, s string) Target {
	t.Helper()
	target, err := ParseTarget(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return target
}

func TestMatch(t *testing.T) {
	table, err := NewTable([]Trunk{
		{Name: "wide", Sources: prefixes("10.0.0.0/8")},
		{Name: "narrow", Sources: prefixes("10.1.2.0/24", "2001:db8:1::/48")},
		{Name: "host", Targets: []Target{to(t, "sip:10.1.2.3"), to(t, "sip:[2001:db8:1::5]:70"), to(t, "sip:name.example")}},
		{Name: "outside", Sources: prefixes("10.0.0.0/7"), Listen: "outside"},
		{Name: "dressed", Sources: prefixes("::ffff:198.51.100.0/120")},
		{Name: "unmasked", Sources: []netip.Prefix{netip.PrefixFrom(netip.MustParseAddr("203.0.113.77"), 24)}},
	}, []string{"inside", "outside"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ listener, src, want string }{
		{"inside", "10.9.9.9", "wide"},
		{"inside", "10.1.2.4", "narrow"},
		{"inside", "10.1.2.3", "host"},
		{"", "10.1.2.3", "host"},
		{"unheard of", "10.1.2.3", "host"},
		{"inside", "::ffff:10.1.2.3", "host"},
		{"inside", "2001:db8:1::5", "host"},
		{"inside", "2001:db8:1::6", "narrow"},
		{"inside", "198.51.100.9", "dressed"},
		{"inside", "203.0.113.1", "unmasked"},
		{"inside", "11.0.0.1", ""},
		{"inside", "2001:db8:2::1", ""},
		{"inside", "", ""},
		// The listener comes before the length of the prefix.
		{"outside", "10.1.2.3", "outside"},
		{"outside", "11.0.0.1", "outside"},
		{"outside", "2001:db8:1::5", "host"},
	} {
		var src netip.Addr
		if c.src != "" {
			src = netip.MustParseAddr(c.src)
		}
		got := table.Match(c.listener, src)
		switch {
		case got == nil && c.want != "":
			t.Errorf("%s on %q is on no trunk, want %s", c.src, c.listener, c.want)
		case got != nil && got.Name != c.want:
			t.Errorf("%s on %q is on %s, want %q", c.src, c.listener, got.Name, c.want)
		case got != nil && table.trunks[got.Index].Name != c.want:
			t.Errorf("%s has the index %d", got.Name, got.Index)
		}
	}
	if got := table.Match("inside", netip.MustParseAddr("fe80::1%eth0")); got != nil {
		t.Errorf("a link-local address is on %s", got.Name)
	}
}

func TestMatchLinkLocal(t *testing.T) {
	table, err := NewTable([]Trunk{{Name: "a", Sources: prefixes("fe80::/64")}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if table.Match("", netip.MustParseAddr("fe80::1%eth0")) == nil {
		t.Error("a zone keeps an address from its prefix")
	}
}

func TestNewTableNamesBothOfTwoThatCannotBeToldApart(t *testing.T) {
	one := Trunk{Name: "one", Sources: prefixes("192.0.2.0/24")}
	for name, c := range map[string]struct {
		trunks    []Trunk
		listeners []string
		source    string // "": no conflict
	}{
		"different prefixes": {[]Trunk{one, {Name: "two", Sources: prefixes("192.0.2.0/25")}}, nil, ""},
		"the same prefix":    {[]Trunk{one, {Name: "two", Sources: prefixes("192.0.2.0/24")}}, nil, "192.0.2.0/24"},
		"the same prefix, written in another way": {
			[]Trunk{one, {Name: "two", Sources: []netip.Prefix{netip.PrefixFrom(netip.MustParseAddr("192.0.2.9"), 24)}}},
			nil, "192.0.2.0/24",
		},
		"the same prefix in IPv6 clothes": {[]Trunk{one, {Name: "two", Sources: prefixes("::ffff:192.0.2.0/120")}}, nil, "192.0.2.0/24"},
		"the same target": {
			[]Trunk{
				{Name: "one", Targets: []Target{to(t, "sip:192.0.2.7:5060")}},
				{Name: "two", Targets: []Target{to(t, "sip:192.0.2.7:5070;transport=tcp")}},
			}, nil, "192.0.2.7/32",
		},
		"a source that is the other's target": {
			[]Trunk{{Name: "one", Sources: prefixes("192.0.2.7/32")}, {Name: "two", Targets: []Target{to(t, "sip:192.0.2.7")}}},
			nil, "192.0.2.7/32",
		},
		"a source that is its own target": {
			[]Trunk{{Name: "one", Sources: prefixes("192.0.2.7/32", "192.0.2.7/32"), Targets: []Target{to(t, "sip:192.0.2.7")}}}, nil, "",
		},
		"the same prefix on two listeners": {
			[]Trunk{
				{Name: "one", Sources: prefixes("192.0.2.0/24"), Listen: "a"},
				{Name: "two", Sources: prefixes("192.0.2.0/24"), Listen: "b"},
			}, []string{"a", "b"}, "",
		},
		"the same prefix on one listener": {
			[]Trunk{
				{Name: "one", Sources: prefixes("192.0.2.0/24"), Listen: "a"},
				{Name: "two", Sources: prefixes("192.0.2.0/24"), Listen: "a"},
			}, []string{"a", "b"}, "192.0.2.0/24",
		},
		"any listener beside one of two": {
			[]Trunk{one, {Name: "two", Sources: prefixes("192.0.2.0/24"), Listen: "a"}}, []string{"a", "b"}, "",
		},
		"any listener beside the only one": {
			[]Trunk{one, {Name: "two", Sources: prefixes("192.0.0.0/16"), Listen: "a"}}, []string{"a"}, "192.0.2.0/24",
		},
		"any listener beside the only one, with a source left": {
			[]Trunk{
				{Name: "one", Sources: prefixes("192.0.2.0/24", "203.0.113.0/24")},
				{Name: "two", Sources: prefixes("192.0.0.0/16"), Listen: "a"},
			}, []string{"a"}, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewTable(c.trunks, c.listeners)
			var conflict *ConflictError
			switch {
			case c.source == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.source == "":
			case !errors.As(err, &conflict):
				t.Errorf("error %v", err)
			case conflict.First != 0 || conflict.Second != 1 || conflict.Source.String() != c.source:
				t.Errorf("conflict of %d and %d over %s", conflict.First, conflict.Second, conflict.Source)
			case !strings.Contains(err.Error(), "one and two"):
				t.Errorf("the error does not name both: %v", err)
			}
		})
	}
}

func TestNewTableRefuses(t *testing.T) {
	a := Trunk{Name: "a", Sources: prefixes("192.0.2.1/32")}
	with := func(change func(*Trunk)) []Trunk {
		b := Trunk{Name: "b", Sources: prefixes("192.0.2.2/32")}
		change(&b)
		return []Trunk{a, b}
	}
	for name, c := range map[string]struct {
		trunks []Trunk
		want   string
	}{
		"nothing wrong":       {with(func(b *Trunk) { b.Listen, b.RouteTo, b.Pass = "inside", "a", "a" }), ""},
		"one that is invalid": {with(func(b *Trunk) { b.Sources = nil }), "trunk b: sources and targets"},
		"one name twice":      {with(func(b *Trunk) { b.Name = "a" }), "two trunks have the name a"},
		"no such listener":    {with(func(b *Trunk) { b.Listen = "x" }), "trunk b: listen names no listener"},
		"no such route":       {with(func(b *Trunk) { b.RouteTo = "x" }), "trunk b: route_to names no trunk"},
		"no such pass":        {with(func(b *Trunk) { b.Pass = "x" }), "trunk b: pass names no trunk"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewTable(c.trunks, []string{"inside"})
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
			} else if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
}

func TestNewTableLeavesItsArgumentAlone(t *testing.T) {
	trunks := []Trunk{{Name: "a", Index: 7, Sources: prefixes("192.0.2.1/32")}}
	if _, err := NewTable(trunks, nil); err != nil || trunks[0].Index != 7 {
		t.Errorf("index %d, %v", trunks[0].Index, err)
	}
}

func TestParseTarget(t *testing.T) {
	for text, want := range map[string]Target{
		"sip:192.0.2.10":                       {"192.0.2.10", 0, flow.UDP, true, netip.MustParseAddrPort("192.0.2.10:5060")},
		"sip:192.0.2.10:5070;transport=udp":    {"192.0.2.10", 5070, flow.UDP, false, netip.MustParseAddrPort("192.0.2.10:5070")},
		"SIP:192.0.2.10;Transport=TCP":         {"192.0.2.10", 0, flow.TCP, false, netip.MustParseAddrPort("192.0.2.10:5060")},
		"sip:192.0.2.10;transport=tls":         {"192.0.2.10", 0, flow.TLS, false, netip.MustParseAddrPort("192.0.2.10:5061")},
		"sips:192.0.2.10":                      {"192.0.2.10", 0, flow.TLS, true, netip.MustParseAddrPort("192.0.2.10:5061")},
		"sip:[2001:db8::1]:5070;lr":            {"2001:db8::1", 5070, flow.UDP, true, netip.MustParseAddrPort("[2001:db8::1]:5070")},
		"sip:[::ffff:192.0.2.10]":              {"::ffff:192.0.2.10", 0, flow.UDP, true, netip.MustParseAddrPort("192.0.2.10:5060")},
		"sip:softswitch.example;transport=udp": {"softswitch.example", 0, flow.UDP, false, netip.AddrPort{}},
		"sip:softswitch.example":               {"softswitch.example", 0, flow.UDP, true, netip.AddrPort{}},
		"sips:softswitch.example":              {"softswitch.example", 0, flow.TLS, true, netip.AddrPort{}},
		"sip:softswitch.example:5060":          {"softswitch.example", 5060, flow.UDP, true, netip.AddrPort{}},
	} {
		got, err := ParseTarget(text)
		if err != nil || got != want {
			t.Errorf("%s is %+v, %v, want %+v", text, got, err, want)
			continue
		}
		if again, err := ParseTarget(got.String()); err != nil || again != got {
			t.Errorf("%s is written %s, which is %+v, %v", text, got, again, err)
		}
	}
	for _, text := range []string{
		"", "192.0.2.10", "192.0.2.10:5060", "sip:", "sip:13800000001@192.0.2.10", "sip:;x@192.0.2.10", "tel:+8613800000001",
		"http://192.0.2.10", "sip:192.0.2.10:0", "sip:192.0.2.10:70000", "sip:192.0.2.10;transport=sctp", "sip:192.0.2.10;transport",
		"sips:192.0.2.10;transport=udp", "sip:192.0.2.10;transport=ws", "sips:192.0.2.10;transport=wss", "sip:192.0.2.10;foo=1", "sip:192.0.2.10?a=b", "sip:0.0.0.0", "sip:[::]:5060", "sip:224.0.0.1",
		"sip:2001:db8::1",
	} {
		if got, err := ParseTarget(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		} else if strings.Contains(err.Error(), "13800000001") {
			t.Errorf("the error repeats a number: %v", err)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	var trunks []Trunk
	for i := range 20 {
		a := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
		trunks = append(trunks, Trunk{Name: a.String(), Sources: []netip.Prefix{netip.PrefixFrom(a, 32)}})
	}
	table, err := NewTable(trunks, nil)
	if err != nil {
		b.Fatal(err)
	}
	src := netip.MustParseAddr("192.0.2.19")
	b.ReportAllocs()
	for b.Loop() {
		if table.Match("udp", src) == nil {
			b.Fatal("no trunk")
		}
	}
}
