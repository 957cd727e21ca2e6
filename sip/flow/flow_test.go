package flow

import (
	"bytes"
	"encoding/gob"
	"net/netip"
	"testing"
)

func TestNetworks(t *testing.T) {
	for _, want := range []struct {
		network                 Network
		via, name, param        string
		port                    uint16
		reliable, secure, dials bool
	}{
		{UDP, "UDP", "udp", "udp", 5060, false, false, true},
		{TCP, "TCP", "tcp", "tcp", 5060, true, false, true},
		{TLS, "TLS", "tls", "tls", 5061, true, true, true},
		{WS, "WS", "ws", "ws", 80, true, false, false},
		{WSS, "WSS", "wss", "ws", 443, true, true, false},
	} {
		n := want.network
		if n.Via() != want.via || n.String() != want.name || n.Param() != want.param || n.DefaultPort() != want.port {
			t.Errorf("%d is %s, %s, %s, port %d", n, n.Via(), n, n.Param(), n.DefaultPort())
		}
		if n.Reliable() != want.reliable || n.Secure() != want.secure || n.Dials() != want.dials || n.Web() == want.dials {
			t.Errorf("%s: reliable %v, secure %v, dials %v, web %v", n, n.Reliable(), n.Secure(), n.Dials(), n.Web())
		}
		if got, ok := Parse(want.name); !ok || got != n {
			t.Errorf("%s is read as %s, %v", want.name, got, ok)
		}
	}
	for _, name := range []string{"", "UDP", "sctp", "WS"} {
		if got, ok := Parse(name); ok {
			t.Errorf("%q is read as %s", name, got)
		}
	}
	if n := Network(77); n.Via() != "UDP" || n.String() != "udp" || n.Param() != "udp" {
		t.Errorf("an unknown network is called %s, %s, %s", n.Via(), n, n.Param())
	}
}

// A flow is a key of tables and is written down with its call.
func TestFlowIsPlainData(t *testing.T) {
	f := Flow{
		Listener: 3, Network: WSS, Local: netip.MustParseAddrPort("[::1]:443"),
		Remote: netip.MustParseAddrPort("[fe80::1%2]:5060"), Conn: 1 << 60,
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(f); err != nil {
		t.Fatal(err)
	}
	var got Flow
	if err := gob.NewDecoder(&b).Decode(&got); err != nil || got != f {
		t.Errorf("%+v becomes %+v, %v", f, got, err)
	}
}
