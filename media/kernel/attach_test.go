package kernel

import (
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	tcx "github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// until waits for a condition that comes with news from the kernel.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not in time: " + what)
		}
	}
}

func TestNewInterfacesAndRoutesAreNoticed(t *testing.T) {
	space(t)
	tb := open(t, Options{})
	if tb.String() != "lo" {
		t.Errorf("on %q", tb)
	}
	before := tb.Routes()
	wire(t)
	until(t, "the new interface", func() bool { return tb.String() == "lo, wire" })
	until(t, "the new routes", func() bool { return tb.Routes() > before })
	f, _ := ready(t, tb, over4)
	gone := func() bool {
		moved, known := f.Moved()
		return known && moved
	}
	stays := func() bool {
		moved, known := f.Moved()
		return known && !moved
	}
	until(t, "the way that was found", stays)
	ip(t, "link add name other type veth peer name remote")
	ip(t, "addr add 203.0.113.1/24 dev other")
	before = tb.Routes()
	ip(t, "link set other up")
	until(t, "the other way", func() bool { return tb.Routes() > before && gone() })
	ip(t, "link del other")
	until(t, "the end of the other way", stays)
	ip(t, "link del wire")
	until(t, "the end of the interface", func() bool { return tb.String() == "lo" })
	until(t, "the end of every way", gone)
}

// The kernel may take its time with a new interface: no call waits for that.
func TestNothingWaitsForANewInterface(t *testing.T) {
	space(t)
	wire(t)
	reached, goOn := make(chan struct{}), make(chan struct{})
	var slow atomic.Bool
	tb := open(t, Options{attach: func(o tcx.TCXOptions) (tcx.Link, error) {
		if slow.Load() {
			reached <- struct{}{}
			<-goOn
		}
		return tcx.AttachTCX(o)
	}})
	f, s := ready(t, tb, over4)
	offsets, _, _ := s.Lend()
	other := Entry{Local: over6.local, Source: over6.source, From: over6.from, To: over6.to, Offsets: offsets, Types: types()}
	slow.Store(true)
	ip(t, "link add name other type veth peer name remote")
	ip(t, "addr add 203.0.113.1/24 dev other")
	ip(t, "link set other up")
	<-reached
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Remove()
		g, err := known(tb, other)
		if err != nil {
			t.Error(err)
			return
		}
		if _, known := g.Moved(); tb.Len() != 1 || tb.String() != "lo, wire" {
			t.Errorf("%d entries on %q, %t", tb.Len(), tb, known)
		}
		g.Remove()
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Error("an entry waits for the interface")
	}
	close(goOn)
	<-done
	until(t, "the new interface", func() bool { return tb.String() == "lo, other, wire" })
}

func TestWhatMustStayInUserSpace(t *testing.T) {
	space(t)
	wire(t)
	tunnel := newTunnel(t, "tunnel", "9") // whose packets the kernel then takes for those of another kind of link
	ip(t, "link set tunnel down")
	if err := unix.IoctlSetInt(int(tunnel.Fd()), unix.TUNSETLINK, unix.ARPHRD_TUNNEL); err != nil {
		t.Fatal(err)
	}
	ip(t, "link set tunnel up")
	ip(t, "route add 198.18.0.0/15 dev tunnel")
	ip(t, "route add blackhole 198.20.0.0/16")
	tb := open(t, Options{})
	if tb.String() != "lo, wire" {
		t.Errorf("on %s", tb)
	}
	s := begin(t, Monotonic())
	offsets, _, _ := s.Lend()
	good := Entry{Local: over4.local, Source: over4.source, From: over4.from, To: over4.to, Offsets: offsets}
	for name, change := range map[string]func(e *Entry){
		"another family out": func(e *Entry) { e.From, e.To = over6.from, over6.to },
		"no address":         func(e *Entry) { e.To = netip.AddrPort{} },
		"no port":            func(e *Entry) { e.Source = netip.AddrPortFrom(e.Source.Addr(), 0) },
		"over a tunnel":      func(e *Entry) { e.To = netip.MustParseAddrPort("198.18.0.1:5000") },
		"nowhere":            func(e *Entry) { e.To = netip.MustParseAddrPort("198.20.0.1:5000") },
		"a link's address": func(e *Entry) {
			e.Local, e.Source, e.From, e.To = over6.local, over6.source, over6.from, netip.MustParseAddrPort("[fe80::1%wire]:5000")
		},
		"everybody's": func(e *Entry) { e.To = netip.MustParseAddrPort("224.0.0.1:5000") },
	} {
		e := good
		change(&e)
		if _, err := known(tb, e); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if tb.Len() != 0 {
		t.Errorf("%d entries", tb.Len())
	}
	f, err := known(tb, good)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := known(tb, good); err == nil {
		t.Error("two entries for one port")
	}
	f.Remove()
	if err := tb.Close(); err != nil {
		t.Error(err)
	}
	if _, err := known(tb, good); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestThreeCapabilitiesAreEnough(t *testing.T) {
	space(t)
	wire(t)
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var has [2]unix.CapUserData
	has[0].Effective = 1 << unix.CAP_NET_ADMIN
	has[1].Effective = 1<<(unix.CAP_BPF-32) | 1<<(unix.CAP_PERFMON-32)
	has[0].Permitted, has[1].Permitted = has[0].Effective, has[1].Effective
	if err := unix.Capset(&header, &has[0]); err != nil {
		t.Fatal(err)
	}
	tb := open(t, Options{})
	f, _ := ready(t, tb, over6)
	if f.Remove().Packets != 1 {
		t.Error("nothing relayed")
	}
	// Without the last one the reason is still told.
	has[1].Effective = 1 << (unix.CAP_BPF - 32)
	if err := unix.Capset(&header, &has[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{}); !errors.Is(err, ErrNotPermitted) {
		t.Errorf("without CAP_PERFMON: %v", err)
	}
	has[1].Effective = has[1].Permitted // for the end of the test
	if err := unix.Capset(&header, &has[0]); err != nil {
		t.Fatal(err)
	}
}

func TestTheReasonIsTold(t *testing.T) {
	space(t)
	// Capabilities are a thread's, and this thread ends with the test.
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var had, none [2]unix.CapUserData
	if err := unix.Capget(&header, &had[0]); err != nil {
		t.Fatal(err)
	}
	if err := unix.Capset(&header, &none[0]); err != nil {
		t.Fatal(err)
	}
	_, err := Open(Options{})
	if !errors.Is(err, ErrNotPermitted) || !strings.Contains(err.Error(), "CAP_BPF") {
		t.Errorf("%v", err)
	}
}

// A direction whose way is not known is not ready, and is once it was asked for; no packet has to come for that.
func TestADirectionIsReadyOnceItsWayIsKnown(t *testing.T) {
	space(t)
	wire(t)
	tb := open(t, Options{})
	is := func(l legs) bool { return tb.Ready(l.source, l.local, l.from, l.to, 0) }
	if is(over4) {
		t.Error("before anybody has asked")
	}
	until(t, "the answer", func() bool { return is(over4) })
	ip(t, "route add blackhole 203.0.113.0/24")
	nowhere := over4
	until(t, "an answer that there is none", func() bool { return is(nowhere) })
}
