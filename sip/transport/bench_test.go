package transport

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// peerVariable makes the test binary the other end of a benchmark, so that its
// CPU time is not counted as ours: "network address:port rate count".
const peerVariable = "TRANSPORT_BENCHMARK_PEER"

func TestMain(m *testing.M) {
	if order := os.Getenv(peerVariable); order != "" {
		if err := benchmarkPeer(order); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// benchmarkPeer sends messages at a rate and waits until as many bytes have come
// back as it sent.
func benchmarkPeer(order string) error {
	var network, addr string
	var rate, count int
	if _, err := fmt.Sscan(order, &network, &addr, &rate, &count); err != nil {
		return err
	}
	c, err := net.Dial(network, addr)
	if err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1<<16)
		for left := count * len(benchmarkMessage); left > 0; {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			left -= n
		}
	}()
	start := time.Now()
	for i := range count {
		due := start.Add(time.Duration(i) * time.Second / time.Duration(rate))
		for d := time.Until(due); d > 0; d = time.Until(due) {
			// More punctual than the runtime's timers.
			ts := unix.NsecToTimespec(int64(d))
			unix.Nanosleep(&ts, nil)
		}
		if _, err := c.Write([]byte(benchmarkMessage)); err != nil {
			return err
		}
	}
	c.SetReadDeadline(time.Now().Add(time.Second)) // what is lost does not come
	<-done
	return c.Close()
}

var benchmarkMessage = func() string {
	head := crlf("INVITE sip:70010000001@192.0.2.1 SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKabcdefgh",
		"Max-Forwards: 70", "From: <sip:192.0.2.2>;tag=abcdefgh", "To: <sip:192.0.2.1>", "Call-ID: abcdefghijklmnop",
		"CSeq: 1 INVITE", "Contact: <sip:192.0.2.2>", "Content-Type: application/sdp", "Content-Length: 300", "")
	return head + strings.Repeat("a=x\r\n", 60)
}()

// BenchmarkEcho receives messages at a rate from another process and sends each
// back. us/message is the CPU time of this process for both.
func BenchmarkEcho(b *testing.B) {
	for _, rate := range []int{2600, 20000, 60000} {
		for _, network := range []string{"udp", "plain", "tcp"} {
			b.Run(fmt.Sprintf("%s/%d", network, rate), func(b *testing.B) {
				if network == "plain" {
					addr := plainEcho(b)
					benchmarkEcho(b, "udp", addr, rate)
					return
				}
				h := &echo{}
				h.t = listen(b, h, Options{}, network+" 0.0.0.0:0")
				benchmarkEcho(b, network, netip.AddrPortFrom(loopback, h.t.Addr(0).Port()), rate)
			})
		}
	}
}

type echo struct {
	recorder
	t *Transport
}

func (e *echo) Receive(f Flow, _ *Peer, frame []byte) { e.t.Send(f, frame, 0) }

func (e *echo) Lost(Flow, bool) {}

// plainEcho is the same by package net alone, for comparison.
func plainEcho(b *testing.B) netip.AddrPort {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{})
	if err != nil {
		b.Fatal(err)
	}
	raw, err := c.SyscallConn()
	if err != nil {
		b.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		err = datagramOptions(&Options{ReadBuffer: 4 << 20, WriteBuffer: 1 << 20}, false, true)(int(fd))
	}); err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	b.Cleanup(func() {
		c.Close()
		<-done
	})
	go func() {
		defer close(done)
		buf, oob := make([]byte, readSize), make([]byte, controlSpace)
		for {
			n, oobn, _, from, err := c.ReadMsgUDPAddrPort(buf, oob)
			if err != nil {
				return
			}
			kept := append([]byte(nil), buf[:n]...)
			if _, _, err := c.WriteMsgUDPAddrPort(kept, oob[:oobn], from); err != nil {
				return
			}
		}
	}()
	return netip.AddrPortFrom(loopback, addrPortOf(c.LocalAddr()).Port())
}

func benchmarkEcho(b *testing.B, network string, to netip.AddrPort, rate int) {
	peer := exec.Command(os.Args[0])
	peer.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d %d", peerVariable, network, to, rate, b.N))
	peer.Stderr = os.Stderr
	b.ReportAllocs()
	before := cpuTime(b)
	if err := peer.Run(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "us/message")
}

func cpuTime(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkSend is the cost of giving a datagram to the kernel, which on the
// loopback carries it to the receiver's socket within the call.
func BenchmarkSend(b *testing.B) {
	tr := listen(b, newRecorder(), Options{}, "udp 0.0.0.0:0")
	sink, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer sink.Close()
	f := Flow{Local: netip.AddrPortFrom(loopback, tr.Addr(0).Port()), Remote: addrPortOf(sink.LocalAddr())}
	message := []byte(benchmarkMessage)
	b.ReportAllocs()
	for b.Loop() {
		tr.Send(f, message, 1)
	}
}
