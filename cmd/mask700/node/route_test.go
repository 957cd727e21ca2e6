package node

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"mask700/cmd/mask700/admin"
	"mask700/cmd/mask700/config"
	"mask700/sip/message"
)

// TestTargetsByName goes the whole way, over a name server and a peer on
// loopback: NAPTR, SRV and A lead to the address, OPTIONS finds it alive, and
// status says so. A name of nobody does not keep the server from starting.
func TestTargetsByName(t *testing.T) {
	peer := answering(t)
	server := nameServer(t, fmt.Sprintf(`
switch.example. 60 IN NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.switch.example.
_sip._udp.switch.example. 60 IN SRV 1 1 %d host.switch.example.
host.switch.example. 60 IN A %s
`, peer.Port(), peer.Addr()))
	dir := t.TempDir()
	c, err := config.Parse("f.yaml", fmt.Appendf(nil, `
data_dir: %s
keys: {file: %s}
sip:
  listen: ["udp:127.0.4.12:0", "tcp:127.0.4.12:0"]
  dns: ["%s"]
media: {address: 127.0.4.12, ports: 30000-30099}
trunks:
  - name: softswitch
    targets: ["sip:switch.example", "sip:nobody.example"]
    watch: 5s
`, filepath.Join(dir, "data"), filepath.Join(dir, "mask700.key"), server))
	if err == nil {
		err = c.Validate()
	}
	if err != nil {
		t.Fatal(err)
	}
	n, err := Start(t.Context(), c, "test", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)

	var st admin.Status
	limit := time.NewTimer(10 * time.Second)
	defer limit.Stop()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for len(st.Trunks) == 0 || st.Trunks[0].Targets[0].State != "up" {
		select {
		case <-poll.C:
		case <-limit.C:
			t.Fatalf("never up: %+v", st.Trunks)
		}
		if st, err = n.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	named, nobody := st.Trunks[0].Targets[0], st.Trunks[0].Targets[1]
	if len(named.Hops) != 1 {
		t.Fatalf("%+v", named)
	}
	h := named.Hops[0]
	if named.Target != "sip:switch.example" || h.Address != peer.String() || h.Network != "udp" || h.State != "up" || h.Since.IsZero() || h.Losses != 0 {
		t.Errorf("%+v", named)
	}
	if nobody.State != "unresolved" || len(nobody.Hops) != 0 {
		t.Errorf("%+v", nobody)
	}
	if st.Counters["options_sent"] == 0 || st.Counters["options_lost"] != 0 || st.Counters["hops_down"] != 0 {
		t.Errorf("%v", st.Counters)
	}
}

// answering is a peer that answers every request with 200.
func answering(t *testing.T) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 4, 13)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		b := make([]byte, 65535)
		for {
			n, from, err := c.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			if m, fault := message.Parse(b[:n]); fault == nil {
				r := message.Response{Echo: m.Echo(from), Status: 200, ToTag: "peer"}
				_, _ = c.WriteToUDPAddrPort(r.Append(nil), from)
			}
		}
	}()
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// nameServer answers with the records of a zone, and that there are no others.
func nameServer(t *testing.T, zone string) netip.AddrPort {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.4.14:0")
	if err != nil {
		t.Fatal(err)
	}
	records := map[dns.Question][]dns.RR{}
	p := dns.NewZoneParser(strings.NewReader(zone), ".", "")
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		q := dns.Question{Name: rr.Header().Name, Qtype: rr.Header().Rrtype, Qclass: dns.ClassINET}
		records[q] = append(records[q], rr)
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	server := &dns.Server{
		PacketConn: c, NotifyStartedFunc: func() { close(started) },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg).SetReply(q)
			m.Authoritative = true
			m.Answer = records[q.Question[0]]
			_ = w.WriteMsg(m)
		}),
	}
	go server.ActivateAndServe()
	<-started
	t.Cleanup(func() { server.Shutdown() })
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}
