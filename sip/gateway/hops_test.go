package gateway

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"mask700/sip/call"
	"mask700/sip/flow"
	"mask700/sip/route"
	"mask700/sip/transport"
	"mask700/sip/trunk"
)

// TestMerge: the order of targets stands above all that a domain says.
func TestMerge(t *testing.T) {
	hop := func(priority int, n flow.Network, addr string) call.Hop {
		return call.Hop{Priority: priority, Flow: flow.Flow{Network: n, Remote: netip.MustParseAddrPort(addr)}}
	}
	hops := merge([]target{
		{hops: []call.Hop{hop(0, flow.UDP, "192.0.2.1:5060"), hop(65535, flow.TCP, "192.0.2.1:5060")}},
		{hops: []call.Hop{hop(priorities+1, flow.UDP, "192.0.2.2:5060"), hop(priorities, flow.UDP, "192.0.2.1:5060"), hop(priorities, flow.UDP, "192.0.2.3:5060")}},
	})
	var got []string
	for _, h := range hops {
		got = append(got, fmt.Sprintf("%d %s %s", h.Priority, h.Flow.Network, h.Flow.Remote))
	}
	want := "0 udp 192.0.2.1:5060, 65535 tcp 192.0.2.1:5060, 65536 udp 192.0.2.3:5060, 65537 udp 192.0.2.2:5060"
	if strings.Join(got, ", ") != want {
		t.Errorf("%s\nwant %s", strings.Join(got, ", "), want)
	}
	var many []call.Hop
	for i := range 100 {
		many = append(many, hop(i, flow.UDP, fmt.Sprintf("192.0.2.%d:5060", i)))
	}
	if n := len(merge([]target{{hops: many}})); n != route.MaxPlaces {
		t.Errorf("%d hops, want %d", n, route.MaxPlaces)
	}
}

// TestIsOwn finds what would come back to us.
func TestIsOwn(t *testing.T) {
	g := &Gateway{options: Options{Listeners: []transport.Listener{
		{Name: "one", Network: "udp", Bind: netip.MustParseAddrPort("127.0.3.20:0"), Advertise: "192.0.2.20:5080"},
		{Name: "any", Network: "tcp", Bind: netip.MustParseAddrPort("0.0.0.0:0"), Advertise: "gw.example.com"},
	}}}
	var err error
	if g.transport, err = transport.Listen(g.options.Listeners, g, transport.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.transport.Close)
	udp, tcp := g.transport.Addr(0).Port(), g.transport.Addr(1).Port()
	for _, c := range []struct {
		network flow.Network
		addr    string
		port    uint16
		own     bool
	}{
		{flow.UDP, "127.0.3.20", udp, true},
		{flow.UDP, "127.0.3.20", udp + 1, false},
		{flow.UDP, "127.0.3.21", udp, false},
		{flow.TCP, "127.0.3.20", udp, udp == tcp},
		{flow.UDP, "192.0.2.20", 5080, true},
		{flow.UDP, "192.0.2.20", 5060, false},
		{flow.TCP, "127.0.3.99", tcp, true}, // all of the loopback is ours
		{flow.TCP, "::1", tcp, false},
		{flow.TCP, "192.0.2.99", tcp, false},
		{flow.TLS, "127.0.3.20", tcp, false},
	} {
		if got := g.isOwn(c.network, netip.AddrPortFrom(netip.MustParseAddr(c.addr), c.port)); got != c.own {
			t.Errorf("%s %s:%d: own is %t", c.network, c.addr, c.port, got)
		}
	}
}

// TestReaches: a target that no listener can ever reach is a mistake, not a
// matter of time.
func TestReaches(t *testing.T) {
	reach := func(list ...flow.Network) (r route.Reach) {
		for _, n := range list {
			r[n].V4 = true
		}
		return r
	}
	for _, c := range []struct {
		uri   string
		reach route.Reach
		want  bool
	}{
		{"sip:192.0.2.1", reach(flow.UDP), true},
		{"sip:192.0.2.1", reach(flow.TCP), false},
		{"sip:switch.example", reach(flow.TCP), true},
		{"sip:switch.example", reach(flow.TLS), true},
		{"sip:switch.example", reach(), false},
		{"sip:switch.example:5060", reach(flow.TCP), false},
		{"sip:switch.example;transport=udp", reach(flow.TCP), false},
		{"sips:switch.example", reach(flow.UDP, flow.TCP), false},
		{"sips:switch.example", reach(flow.TLS), true},
	} {
		target, err := trunk.ParseTarget(c.uri)
		if err != nil {
			t.Fatal(err)
		}
		if got := reaches(&c.reach, target); got != c.want {
			t.Errorf("%s by %+v: %t", c.uri, c.reach, got)
		}
	}
}
