package trunk

import (
	"errors"
	"strings"
	"testing"

	"mask700/sip/flow"
)

func TestMatchByName(t *testing.T) {
	table, err := NewTable([]Trunk{
		{Name: "one", TLSNames: []string{"SW1.example.net", "sw1b.example.net."}, Targets: []Target{to(t, "sip:192.0.2.1;transport=tls"), to(t, "sip:192.0.2.2")}},
		{Name: "outside", TLSNames: []string{"carrier.example"}, Listen: "outside", Targets: []Target{to(t, "sips:Proxy.carrier.example")}},
		{Name: "both", TLSNames: []string{"sw3.example.net"}, Sources: prefixes("192.0.2.3/32"), TLSServerName: "[2001:db8::3]",
			Targets: []Target{to(t, "sips:sw3.internal")}},
		{Name: "plain", Sources: prefixes("192.0.2.0/24"), Targets: []Target{to(t, "sips:192.0.2.200")}},
	}, []string{"inside", "outside"})
	if err != nil {
		t.Fatal(err)
	}
	called := func(k *Trunk) string {
		if k == nil {
			return ""
		}
		return k.Name
	}
	for _, c := range []struct{ listener, names, want string }{
		{"inside", "sw1.example.net", "one"},
		{"outside", "sw1b.example.net", "one"},
		{"inside", "other.example sw1.example.net", "one"},
		{"outside", "carrier.example", "outside"},
		// The authority of another listener may have signed it.
		{"inside", "carrier.example", ""},
		{"inside", "carrier.example sw3.example.net", "both"},
		{"inside", "proxy.carrier.example", ""},
		{"inside", "example.net", ""},
		{"inside", "", ""},
	} {
		if got := called(table.MatchPeer(c.listener, strings.Fields(c.names))); got != c.want {
			t.Errorf("the names %s on %s are of %q, want %q", c.names, c.listener, got, c.want)
		}
	}
	for _, c := range []struct{ listener, host, want string }{
		{"inside", "192.0.2.1", "one"},
		{"outside", "192.0.2.1", "one"},
		{"inside", "192.0.2.2", ""}, // no TLS
		{"outside", "proxy.carrier.example", "outside"},
		{"outside", "PROXY.carrier.example.", "outside"},
		{"inside", "proxy.carrier.example", ""},
		{"inside", "2001:db8::3", "both"},
		{"inside", "sw3.internal", ""},
		{"inside", "192.0.2.200", "plain"}, // as its address says
		{"inside", "at 192.0.2.1:5061", ""},
	} {
		if got := called(table.MatchServer(c.listener, c.host)); got != c.want {
			t.Errorf("the server %s from %s is of %q, want %q", c.host, c.listener, got, c.want)
		}
	}
	for _, c := range []struct{ src, want string }{
		{"192.0.2.1", "plain"}, // of a trunk that has to show its certificate
		{"192.0.2.2", "one"},   // it is called there without one
		{"192.0.2.3", "both"},  // it is named
		{"192.0.2.200", "plain"},
		{"198.51.100.1", ""},
	} {
		if got := called(table.Match("inside", addr(c.src))); got != c.want {
			t.Errorf("%s is on %q, want %q", c.src, got, c.want)
		}
	}
	if !table.Asks("inside") || !table.Asks("outside") {
		t.Error("a listener on which names tell does not ask for them")
	}
}

func TestAsks(t *testing.T) {
	table, err := NewTable([]Trunk{
		{Name: "a", TLSNames: []string{"sw1.example.net"}, Listen: "outside"},
		{Name: "b", Sources: prefixes("192.0.2.0/24")},
	}, []string{"inside", "outside"})
	if err != nil {
		t.Fatal(err)
	}
	if table.Asks("inside") || !table.Asks("outside") {
		t.Errorf("inside %v, outside %v", table.Asks("inside"), table.Asks("outside"))
	}
}

func TestNamesThatDoNotTellTrunksApart(t *testing.T) {
	for name, c := range map[string]struct {
		first, second Trunk
		conflict      bool
	}{
		"other names":                    {Trunk{TLSNames: []string{"a.example"}}, Trunk{TLSNames: []string{"b.example"}}, false},
		"one name":                       {Trunk{TLSNames: []string{"a.example"}}, Trunk{TLSNames: []string{"b.example", "A.example."}}, true},
		"one name on two listeners":      {Trunk{TLSNames: []string{"a.example"}, Listen: "x"}, Trunk{TLSNames: []string{"a.example"}, Listen: "y"}, true},
		"one server":                     {Trunk{TLSNames: []string{"a.example"}, Targets: []Target{to(t, "sips:s.example")}}, Trunk{TLSNames: []string{"b.example"}, Targets: []Target{to(t, "sips:S.example:7")}}, true},
		"one server on two listeners":    {Trunk{TLSNames: []string{"a.example"}, Listen: "x", Targets: []Target{to(t, "sips:s.example")}}, Trunk{TLSNames: []string{"b.example"}, Listen: "y", Targets: []Target{to(t, "sips:s.example")}}, false},
		"one server, told by address":    {Trunk{TLSNames: []string{"a.example"}, Targets: []Target{to(t, "sips:192.0.2.1")}}, Trunk{Targets: []Target{to(t, "sips:192.0.2.1")}}, true},
		"one address, two servers":       {Trunk{TLSNames: []string{"a.example"}, Targets: []Target{to(t, "sips:192.0.2.1")}, TLSServerName: "a.example"}, Trunk{TLSNames: []string{"b.example"}, Targets: []Target{to(t, "sips:192.0.2.1")}, TLSServerName: "b.example"}, true},
		"one address, two ports":         {Trunk{TLSNames: []string{"a.example"}, Targets: []Target{to(t, "sips:192.0.2.1")}, TLSServerName: "a.example"}, Trunk{TLSNames: []string{"b.example"}, Targets: []Target{to(t, "sips:192.0.2.1:5071")}, TLSServerName: "b.example"}, false},
		"one address, no names":          {Trunk{Targets: []Target{to(t, "sips:192.0.2.1")}, Listen: "x"}, Trunk{Targets: []Target{to(t, "sips:192.0.2.1")}, Listen: "y"}, false},
		"one address, one with names":    {Trunk{TLSNames: []string{"a.example"}, Sources: prefixes("192.0.2.0/24")}, Trunk{Sources: prefixes("192.0.2.0/24")}, true},
		"hidden, but for its name":       {Trunk{Sources: prefixes("192.0.2.0/24"), Listen: "x"}, Trunk{TLSNames: []string{"a.example"}, Sources: prefixes("192.0.2.0/25")}, false},
		"one name twice in one":          {Trunk{TLSNames: []string{"a.example", "a.example"}}, Trunk{TLSNames: []string{"b.example"}}, false},
		"one host, certificate of other": {Trunk{TLSNames: []string{"a.example"}, Targets: []Target{to(t, "sips:s.example")}, TLSServerName: "one.example"}, Trunk{TLSNames: []string{"b.example"}, Targets: []Target{to(t, "sips:s.example")}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			c.first.Name, c.second.Name = "one", "two"
			listeners := []string{"x", "y"}
			if name == "hidden, but for its name" {
				listeners = listeners[:1]
			}
			_, err := NewTable([]Trunk{c.first, c.second}, listeners)
			var conflict *ConflictError
			switch {
			case !c.conflict && err != nil:
				t.Errorf("refused: %v", err)
			case !c.conflict:
			case !errors.As(err, &conflict) || conflict.First != 0 || conflict.Second != 1:
				t.Errorf("error %v", err)
			case !strings.Contains(err.Error(), "one and two") || strings.Contains(err.Error(), ".example"):
				t.Errorf("the error does not name both, or repeats a name: %v", err)
			}
		})
	}
}

// What is learned later changes nothing about names.
func TestLearnedTableKeepsNames(t *testing.T) {
	table, err := NewTable([]Trunk{
		{Name: "a", TLSNames: []string{"sw1.example.net"}, Targets: []Target{to(t, "sip:sw1.example.net")}},
	}, []string{"in"})
	if err != nil {
		t.Fatal(err)
	}
	table, _ = table.With([]Learned{{Trunk: 0, Addr: addr("192.0.2.1")}})
	if table.MatchPeer("in", []string{"sw1.example.net"}) == nil || !table.Asks("in") {
		t.Error("a peer is not known by its name any more")
	}
	// The name system may say that it is reached by TLS.
	if table.MatchServer("in", "sw1.example.net") == nil {
		t.Error("a server is not known by its name")
	}
}

func TestIsSource(t *testing.T) {
	plain, named := Trunk{}, Trunk{TLSNames: []string{"a.example"}}
	for n, want := range map[flow.Network]bool{flow.UDP: true, flow.TCP: true, flow.TLS: false} {
		if !plain.IsSource(n) || named.IsSource(n) != want {
			t.Errorf("%s: %v and %v", n, plain.IsSource(n), named.IsSource(n))
		}
	}
	for text, want := range map[string]bool{
		"sips:a.example": true, "sip:a.example;transport=tls": true, "sip:a.example": true, "sips:192.0.2.1": true,
		"sip:a.example:5060": false, "sip:a.example;transport=tcp": false, "sip:192.0.2.1": false,
	} {
		if got := to(t, text).MayBeSecure(); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestServerName(t *testing.T) {
	target := to(t, "sips:sw1.example.net")
	for override, want := range map[string]string{"": "sw1.example.net", "other.example": "other.example", "[2001:db8::1]": "2001:db8::1"} {
		k := Trunk{TLSServerName: override}
		if got := k.ServerName(target); got != want {
			t.Errorf("%q: %s, want %s", override, got, want)
		}
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	table, err := NewTable([]Trunk{
		{Name: "a", Sources: prefixes("10.0.0.0/8", "2001:db8::/32")}, {Name: "b", Sources: prefixes("10.1.0.0/16"), Listen: "x"},
		{Name: "c", TLSNames: []string{"sw1.example.net"}},
	}, []string{"x", "y"})
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{"9.255.255.0", "10.0.255.0", "2001:db7:ffff:ffff:ffff:ffff:ffff:ff00", "::ffff:10.0.0.0"} {
		src := addr(from)
		if n := testing.AllocsPerRun(1000, func() {
			src = src.Next()
			table.Match("x", src)
			table.Match("y", src)
		}); n > 0 {
			t.Errorf("from %s on: %v allocations", from, n)
		}
	}
	names := []string{"other.example", "sw1.example.net"}
	if n := testing.AllocsPerRun(100, func() {
		if table.MatchPeer("x", names) == nil || table.MatchServer("x", "other.example") != nil || !table.Asks("y") {
			t.Error("no match")
		}
	}); n > 0 {
		t.Errorf("by name: %v allocations", n)
	}
}
