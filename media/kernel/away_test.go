package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	tcx "github.com/cilium/ebpf/link"
)

// awayDir names the environment of a process that relays the calls of this test in the kernel, and is then killed, or
// ends when it is told to.
const awayDir = "MASK700_TEST_AWAY_PINS"

// awayCalls are calls between the two hosts, each with both of its directions.
var awayCalls = map[string][2]legs{
	"IPv4": bothWays("10.1.0.1:20000", "10.1.0.2:4000", "10.2.0.1:20002", "10.2.0.2:6000"),
	"IPv6": bothWays("[fd00:1::1]:20000", "[fd00:1::2]:4000", "[fd00:2::1]:20002", "[fd00:2::2]:6000"),
}

// bothWays are the directions of a call between a and b, who are told of nearA and nearB.
func bothWays(nearA, a, nearB, b string) [2]legs {
	at := netip.MustParseAddrPort
	return [2]legs{{at(nearA), at(a), at(nearB), at(b)}, {at(nearB), at(b), at(nearA), at(a)}}
}

// relayAway is the life of such a process.
func relayAway(t *testing.T, dir string) {
	tb := open(t, Options{Dir: dir})
	for _, call := range awayCalls {
		for _, l := range call {
			s := begin(t, Monotonic())
			f := put(t, tb, l, s)
			_, carry, _ := s.Lend()
			f.Confirm(f.Passed(), carry)
		}
	}
	gap()
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin) // until it is told to end
}

// awayWorld are the phones of the calls, and a stranger beside one of them.
type awayWorld struct {
	hosts
	phones   map[netip.AddrPort]*net.UDPConn
	stranger map[string]*net.UDPConn // by the family
}

func newAwayWorld(t *testing.T) *awayWorld {
	t.Helper()
	w := &awayWorld{newHosts(t), map[netip.AddrPort]*net.UDPConn{}, map[string]*net.UDPConn{}}
	for family, call := range awayCalls {
		for _, l := range call {
			w.phones[l.source] = w.at(l.source).listen(t, l.source)
		}
		w.stranger[family] = w.a.listen(t, netip.AddrPortFrom(call[0].source.Addr(), 0))
	}
	return w
}

// voice is packet n of a phone after those that its stream begins with.
func voice(n int) []byte {
	return rtp(8, uint16(65535+n), uint32(160*(5+n)), fmt.Sprintf("sound %6d", n))
}

// talk lets all four phones speak and hear: at least so many packets each before something is done, and so many after
// it. Every packet comes once, in order, and as the stream writes it; a stranger's do not.
func (w *awayWorld) talk(t *testing.T, least int, meanwhile func()) {
	t.Helper()
	var heard [4]atomic.Int64
	done := make(chan struct{})
	var wait sync.WaitGroup
	direction := 0
	for family, call := range awayCalls {
		for side, l := range call {
			total := new(atomic.Int64)
			n := &heard[direction]
			direction++
			name := fmt.Sprintf("%s, direction %d", family, side)
			in, out := w.phones[l.source], w.phones[l.to]
			wait.Go(func() {
				tick := time.NewTicker(2 * time.Millisecond)
				defer tick.Stop()
				for i, left := 0, least; left > 0; i++ {
					<-tick.C
					select {
					case <-done:
						left--
					default:
					}
					if left == 0 {
						total.Store(int64(i + 1))
					}
					if _, err := in.WriteToUDPAddrPort(voice(i), l.local); err != nil {
						t.Errorf("%s: %v", name, err)
					}
					if _, err := w.stranger[family].WriteToUDPAddrPort(voice(i+1), call[0].local); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
			})
			wait.Go(func() {
				s := begin(t, Monotonic())
				b := make([]byte, 2048)
				for i := 0; total.Load() == 0 || int64(i) < total.Load(); i++ {
					_ = out.SetReadDeadline(time.Now().Add(10 * time.Second))
					size, from, err := out.ReadFromUDPAddrPort(b)
					if err != nil || from.Port() != l.from.Port() || from.Addr().Unmap() != l.from.Addr() {
						t.Errorf("%s: packet %d from %s: %v", name, i, from, err)
						return
					}
					p := voice(i)
					s.Read(p, Monotonic(), table(8, 0))
					if want := s.Write(p); !bytes.Equal(b[:size], want) {
						t.Errorf("%s: packet %d came as % x, want % x", name, i, b[:size], want)
						return
					}
					n.Add(1)
				}
			})
		}
	}
	until(t, "all talk", func() bool {
		for i := range heard {
			if heard[i].Load() < int64(least) {
				return false
			}
		}
		return true
	})
	meanwhile()
	close(done)
	wait.Wait()
}

// comeUp: what a phone sends is not taken on its way any more, it comes to the socket of whoever has the port.
func (w *awayWorld) comeUp(t *testing.T, when string) {
	t.Helper()
	for family, call := range awayCalls {
		for side, l := range call {
			own := w.relay.listen(t, l.local)
			sent := voice(1000)
			if _, err := w.phones[l.source].WriteToUDPAddrPort(sent, l.local); err != nil {
				t.Fatal(err)
			}
			_ = own.SetReadDeadline(time.Now().Add(10 * time.Second))
			b := make([]byte, 2048)
			if n, _, err := own.ReadFromUDPAddrPort(b); err != nil || !bytes.Equal(b[:n], sent) {
				t.Errorf("%s: %s, direction %d: % x, %v", when, family, side, b[:n], err)
			}
			own.Close()
		}
	}
}

// attached is how many programs the interfaces of this host have for what comes in.
func attached(t *testing.T) (n int) {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil || len(all) < 3 {
		t.Fatalf("%d interfaces, %v", len(all), err)
	}
	for _, i := range all {
		programs, err := tcx.QueryPrograms(tcx.QueryOptions{Target: i.Index, Attach: ebpf.AttachTCXIngress})
		if err != nil {
			t.Fatal(err)
		}
		n += len(programs.Programs)
	}
	return n
}

// Two calls between machines of their own, over IPv4 and IPv6, go on both ways while the process that relays them is
// killed and away: no packet is lost, and a stranger is kept out. The next process removes what was left, and relays
// calls of its own on the same ports; one that ends by itself leaves nothing.
func TestALiveCallGoesOnWhileTheProcessIsAway(t *testing.T) {
	if dir := os.Getenv(awayDir); dir != "" {
		relayAway(t, dir)
		return
	}
	w := newAwayWorld(t)
	dir := pinned(t)
	const name = "TestALiveCallGoesOnWhileTheProcessIsAway"

	first, _ := startProcess(t, name, awayDir, dir)
	w.talk(t, 50, func() { kill(first) })
	if n := attached(t); n != 3 {
		t.Errorf("%d programs are left to relay by", n)
	}

	tb := open(t, Options{Dir: dir})
	w.comeUp(t, "after the next start")
	if tb.Len() != 0 {
		t.Errorf("%d entries of a process that has just begun", tb.Len())
	}
	if err := tb.Close(); err != nil {
		t.Error(err)
	}

	second, end := startProcess(t, name, awayDir, dir)
	w.talk(t, 50, func() {})
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("beside the one that relays: %v", err)
	}
	end.Close()
	if err := second.Wait(); err != nil {
		t.Errorf("it did not end well: %v", err)
	}
	w.comeUp(t, "after the end")
	if n := attached(t); n != 0 || !gone(dir) {
		t.Errorf("%d programs are left, the pins are gone: %t", n, gone(dir))
	}
}
