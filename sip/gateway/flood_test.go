package gateway

import (
	"crypto/tls"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mask700/sip/trunk"
)

// flood sends from one source after the other, all of 127.0.0.0/8 if need be.
type flood struct {
	socket *net.UDPConn
	to     netip.AddrPort
	sent   uint32
}

func newFlood(t testing.TB, to netip.AddrPort) *flood {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &flood{socket: c, to: to}
}

// send sends a request from so many sources that have not sent before.
func (f *flood) send(t testing.TB, n int) {
	t.Helper()
	text := []byte("INVITE sip:" + x + "@gateway SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\n\r\n")
	for range n {
		f.sent++
		s := f.sent + 1<<20 // behind the addresses that tests use
		source := unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: [4]byte{127, byte(s >> 16), byte(s >> 8), byte(s)}})
		if _, _, err := f.socket.WriteMsgUDPAddrPort(text, source, f.to); err != nil {
			t.Fatal(err)
		}
	}
}

// heap is what is in use, in bytes, once everything that is not has been let go.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// flooded is a gateway that knows nobody who floods it, though it has trunks that a certificate tells.
func flooded(t testing.TB) (*secured, *flood) {
	s := newSecured(t, tls.RequireAndVerifyClientCert, byName("sw1.example.net"), trunk.Trunk{
		Name: "wide", Sources: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Media: "in",
	})
	return s, newFlood(t, s.Addr(1))
}

// refused waits until everything that was sent has been refused, or dropped by the kernel.
func (s *secured) refused(t testing.TB, sent uint64) (refused uint64) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		l := s.Stats().Transport.Listeners[1]
		if l.Refused+l.KernelDrops == sent {
			return l.Refused
		}
		if time.Now().After(end) {
			t.Fatalf("%d sent, counted %+v", sent, l)
		}
	}
}

// Who floods from ever new addresses leaves nothing behind, and nothing is parsed.
func TestStrangersLeaveNoTrace(t *testing.T) {
	s, f := flooded(t)
	f.send(t, 1000)
	s.refused(t, 1000)
	before := heap()
	const sources = 100_000
	for range sources / 1000 {
		f.send(t, 1000)
		s.refused(t, uint64(f.sent)) // within the kernel's buffer, so that all of them are seen
	}
	if grown := int64(heap()) - int64(before); grown > 256<<10 {
		t.Errorf("%d sources left %d bytes", sources, grown)
	}
	if st := s.Stats(); st.Transport.Listeners[1].Refused < sources*9/10 || st.Calls.Calls != 0 || st.Malformed != 0 {
		t.Errorf("counted %+v", st)
	}
}

// BenchmarkStrangers floods a gateway from b.N sources and prints the heap on the way:
// go test -run - -bench Strangers -benchtime 10000000x ./sip/gateway
func BenchmarkStrangers(b *testing.B) {
	s, f := flooded(b)
	for range b.N { // and not b.Loop, which does not say how far it is
		f.send(b, 1)
		if step := max(1, b.N/8); int(f.sent)%step == 0 {
			b.StopTimer()
			refused := s.refused(b, uint64(f.sent))
			b.Logf("%9d sources: %6d KiB of heap, %d refused, the kernel dropped the rest", f.sent, heap()>>10, refused)
			b.StartTimer()
		}
	}
}
