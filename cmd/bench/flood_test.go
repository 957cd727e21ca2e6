package main

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mask700/cmd/mask700/e2e/rig"
	"mask700/sip/message"
)

func TestTenMillionOrigins(t *testing.T) {
	taken := netip.MustParsePrefix("127.77.78.0/24")
	o := &origins{taken: taken}
	loopback := netip.MustParsePrefix("127.0.0.0/8")
	seen := make([]bool, 1<<24)
	for i := range 10_000_000 {
		a := o.next()
		b := a.As4()
		n := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		switch {
		case !loopback.Contains(a), taken.Contains(a), n == 0, n == 1<<24-1:
			t.Fatalf("number %d is %v", i, a)
		case seen[n]:
			t.Fatalf("%v comes twice, the second time as number %d", a, i)
		}
		seen[n] = true
	}
}

// Every kind of a flood is what it is meant to be, and each of a kind its own.
func TestKindsOfAFlood(t *testing.T) {
	kinds := flood(netip.MustParseAddrPort("127.0.0.1:5060"))
	if n := len(schedule(kinds)); n != 1000 {
		t.Errorf("the shares are %d thousandths", n)
	}
	calls := 0
	for i := range kinds {
		k := &kinds[i]
		var b [largest]byte
		one := string(b[:k.write(b[:], 1)])
		two := string(b[:k.write(b[:], 0xfedcba9876543210)])
		if len(k.text) > largest || one == two || strings.Contains(one, "#") || !strings.Contains(two, "fedcba9876543210") {
			t.Errorf("kind %d: %q and %q", i, one, two)
		}
		if m, fault := message.Parse([]byte(one)); fault == nil && m.Method == "INVITE" && m.IsRequest() {
			if calls += k.share; message.Check(m) != nil {
				t.Errorf("kind %d is no INVITE: %v", i, message.Check(m))
			}
		}
	}
	if calls == 0 || calls > 20 {
		t.Errorf("%d of a thousand are calls", calls)
	}
}

// The sender's datagrams come from the addresses that it says, and what is sent
// there comes back to it.
func TestSenderSendsFromAnywhere(t *testing.T) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetReadBuffer(4 << 20); err != nil {
		t.Fatal(err)
	}
	at := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	s, err := newSender(at)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	const many = 4*burst + 3
	want := map[netip.Addr]string{}
	o := &origins{}
	for range many {
		a := o.next()
		want[a] = "from " + a.String()
		if err := s.put(a, func(b []byte) int { return copy(b, want[a]) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	if n, err := waitingAt(at); err != nil || n < many {
		t.Errorf("%d bytes of %d datagrams wait, %v", n, many, err)
	}
	ports := map[uint16]bool{}
	b := make([]byte, largest)
	for range many {
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, from, err := conn.ReadFromUDPAddrPort(b)
		if err != nil {
			t.Fatalf("%d datagrams are missing: %v", len(want), err)
		}
		if a := from.Addr().Unmap(); want[a] != string(b[:n]) {
			t.Fatalf("%q came from %v", b[:n], a)
		} else {
			delete(want, a)
		}
		ports[from.Port()] = true
		if _, err := conn.WriteToUDPAddrPort(b[:n], from); err != nil {
			t.Fatal(err)
		}
	}
	if len(ports) < 4 {
		t.Errorf("%d source ports", len(ports))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := rig.Poll(ctx, "every answer to be counted", func() (bool, error) { return s.answers.Load() == many, nil }); err != nil {
		t.Error(err)
	}
	if n, err := waitingAt(at); err != nil || n != 0 {
		t.Errorf("%d bytes wait when all is read, %v", n, err)
	}
	if _, err := waitingAt(netip.MustParseAddrPort("127.0.0.1:1")); err == nil {
		t.Error("something waits where no socket is")
	}
}

func TestGrownMemoryIsSeen(t *testing.T) {
	curve := func(mibs ...int64) (list []point) {
		for _, n := range mibs {
			list = append(list, point{resident: n << 20})
		}
		return list
	}
	for name, c := range map[string]struct {
		list []point
		ok   bool
	}{
		"flat":          {curve(20, 40, 41, 40), true},
		"sawtooth":      {curve(40, 60, 30, 70), true},
		"shrinking":     {curve(200, 90, 50, 50), true},
		"growing":       {curve(40, 80, 120, 160), false},
		"late":          {curve(40, 40, 40, 90), false},
		"large but not": {curve(400, 400, 420, 460), true},
	} {
		if err := grown(c.list); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPointsStandUnderTheirNames(t *testing.T) {
	p := point{
		sent: 500000, answers: 7, took: 1500 * time.Millisecond, resident: 40 << 20, dropped: 3, calls: 2, records: 9,
		counters: map[string]uint64{"transactions": 4, "sources_refused": 5, "messages_malformed": 6, "messages_stray": 8, "messages_dropped": 10, "overload": 1},
	}
	want := "500000 1.5 40.0 7 2 4 9 5 6 8 11 3"
	if got := strings.Join(strings.Fields(p.String()), " "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if len(p.String()) != len(pointNames) {
		t.Errorf("%q\n%q", pointNames, p.String())
	}
}
