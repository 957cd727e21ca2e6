package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

type received struct {
	flow  Flow
	peer  *Peer
	frame string
}

type failure struct {
	flow  Flow
	token uint64
}

// end is a connection that ended.
type end struct {
	flow    Flow
	dialled bool
}

// recorder is a Handler that keeps what it was told.
type recorder struct {
	allow    func(listener int, src netip.Addr) bool // nil: all
	admit    func(listener int, names []string) bool // nil: none is asked for a certificate
	received chan received
	lost     chan uint64
	ends     chan end // the same
	failed   chan failure
	closed   atomic.Bool // set by a test after Close
	late     atomic.Int64
}

func newRecorder() *recorder {
	return &recorder{received: make(chan received, 10000), lost: make(chan uint64, 10000), ends: make(chan end, 10000), failed: make(chan failure, 10000)}
}

func (r *recorder) note() {
	if r.closed.Load() {
		r.late.Add(1)
	}
}

func (r *recorder) Allow(listener int, src netip.Addr) Standing {
	r.note()
	switch {
	case r.allow == nil || r.allow(listener, src):
		return Member
	case r.admit != nil:
		return Unproven
	}
	return Stranger
}

func (r *recorder) Admit(listener int, names []string) bool {
	r.note()
	return r.admit(listener, names)
}

func (r *recorder) Receive(f Flow, p *Peer, frame []byte) {
	r.note()
	r.received <- received{f, p, string(frame)}
}

func (r *recorder) Lost(f Flow, dialled bool) {
	r.note()
	r.lost <- f.Conn
	r.ends <- end{f, dialled}
}

func (r *recorder) Failed(f Flow, token uint64) {
	r.note()
	r.failed <- failure{f, token}
}

func next[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("%s: nothing came", what)
		panic("unreachable")
	}
}

func none[T any](t *testing.T, what string, c <-chan T) {
	t.Helper()
	select {
	case v := <-c:
		t.Fatalf("%s: %+v came", what, v)
	default:
	}
}

// listen opens listeners written as "udp 127.0.0.1:0" and closes them with the
// test.
func listen(t testing.TB, h Handler, o Options, listeners ...string) *Transport {
	t.Helper()
	o.AnswerTimeout = max(o.AnswerTimeout, 10*time.Millisecond)
	var all []Listener
	for i, l := range listeners {
		network, bind, _ := strings.Cut(l, " ")
		one := Listener{Name: fmt.Sprint("listener", i), Network: network, Bind: netip.MustParseAddrPort(bind)}
		if network == "tls" || network == "wss" {
			one.TLS = selfSigned(t)
		}
		all = append(all, one)
	}
	tr, err := Listen(all, h, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr
}

func dialUDP(t testing.TB, from string, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(from)), net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func write(t testing.TB, c net.Conn, s string) {
	t.Helper()
	if _, err := c.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
}

// read reads exactly what is wanted.
func read(t testing.TB, c net.Conn, want string) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, len(want))
	for n := 0; n < len(want); {
		k, err := c.Read(buf[n:])
		if err != nil {
			t.Fatalf("reading %q after %q: %v", want, buf[:n], err)
		}
		n += k
	}
	if string(buf) != want {
		t.Fatalf("read %q, want %q", buf, want)
	}
}

// eventually waits for a counter, which may follow what it counts by a moment.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("not so after %v: %s", patience, what)
		}
	}
}

func options(i int) string {
	return crlf(fmt.Sprintf("OPTIONS sip:%d SIP/2.0", i), "Content-Length: 0", "")
}

func TestListenSaysWhatIsWrong(t *testing.T) {
	taken := listen(t, newRecorder(), Options{}, "udp 127.0.0.1:0").Addr(0)
	for _, test := range []struct {
		name     string
		listener Listener
		want     string
	}{
		{"port in use", Listener{Name: "a", Network: "udp", Bind: taken}, `listener "a": cannot listen on udp ` + taken.String() + ": address already in use"},
		{"network", Listener{Name: "b", Network: "sctp", Bind: taken}, "network is not udp, tcp, tls, ws or wss"},
		{"no address", Listener{Name: "c", Network: "udp"}, "no address to bind to"},
		{"no certificate", Listener{Name: "d", Network: "tls", Bind: netip.MustParseAddrPort("127.0.0.1:0")}, "no certificate is configured"},
		{"another machine's address", Listener{Name: "e", Network: "tcp", Bind: netip.MustParseAddrPort("192.0.2.1:0")}, "cannot assign requested address"},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			good := Listener{Name: "good", Network: "tcp", Bind: netip.MustParseAddrPort("127.0.0.1:0")}
			tr, err := Listen([]Listener{good, test.listener}, newRecorder(), Options{})
			if err == nil {
				tr.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s", err, test.want)
			}
			eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
		})
	}
}

func TestLocalFor(t *testing.T) {
	tr := listen(t, newRecorder(), Options{}, "udp 127.0.0.1:0", "udp 0.0.0.0:0", "tcp 0.0.0.0:0", "udp [::]:0", "tls 127.0.0.2:0", "udp [::1]:0")
	for _, test := range []struct {
		listener int
		remote   string
		want     string // address; "": an error
	}{
		{0, "192.0.2.1:5060", "127.0.0.1"},
		{0, "[::1]:5060", ""},
		{1, "127.0.0.1:5060", "127.0.0.1"},
		{1, "127.5.0.1:5060", "127.0.0.1"},
		{1, "[::ffff:127.0.0.1]:5060", "127.0.0.1"},
		{1, "[::1]:5060", ""},
		{2, "127.0.0.9:5060", "127.0.0.1"},
		{3, "[::1]:5060", "::1"},
		{3, "127.0.0.1:5060", ""},
		{4, "127.0.0.1:5061", "127.0.0.2"},
		{5, "[::1]:5060", "::1"},
		{6, "127.0.0.1:5060", ""},
		{-1, "127.0.0.1:5060", ""},
	} {
		for range 2 { // the second time out of memory
			got, err := tr.LocalFor(test.listener, netip.MustParseAddrPort(test.remote))
			if test.want == "" {
				if err == nil {
					t.Errorf("listener %d to %s: %s, want an error", test.listener, test.remote, got)
				}
				continue
			}
			if want := netip.AddrPortFrom(netip.MustParseAddr(test.want), tr.Addr(test.listener).Port()); got != want || err != nil {
				t.Errorf("listener %d to %s: %s %v, want %s", test.listener, test.remote, got, err, want)
			}
		}
	}
	if tr.Addr(6).IsValid() || tr.Addr(-1).IsValid() || tr.Addr(1).Port() == 0 {
		t.Error("Addr of what is not there, or without a port")
	}
}

func TestCompanion(t *testing.T) {
	var all []Listener
	for _, l := range []string{
		"in udp 127.0.0.1:0", "in tcp 127.0.0.2:0", "in tcp 127.0.0.1:0", // 0 1 2
		"in udp [::1]:0", "in tcp [::1]:0", // 3 4
		"out udp 127.0.0.1:0", "out ws 127.0.0.1:0", "out tcp [::1]:0", // 5 6 7
		"any udp 0.0.0.0:0", "any tcp 127.0.0.1:0", // 8 9
	} {
		f := strings.Fields(l)
		all = append(all, Listener{Name: f[0], Network: f[1], Bind: netip.MustParseAddrPort(f[2])})
	}
	tr, err := Listen(all, newRecorder(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	for listener, want := range map[int]int{0: 2, 1: -1, 2: -1, 3: 4, 4: -1, 5: -1, 6: -1, 7: -1, 8: 9, 9: -1, 10: -1, -1: -1} {
		got, ok := tr.Companion(listener)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("the companion of %d is %d, %v, want %d", listener, got, ok, want)
		}
	}
}

func TestSourcesAreBounded(t *testing.T) {
	var s sources
	now := time.Now()
	for i := range sourceLimit + 100 {
		if _, err := s.toward(netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)}), now); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.known) > sourceLimit {
		t.Errorf("%d addresses are remembered", len(s.known))
	}
	a := netip.MustParseAddr("127.0.0.1")
	s.known[a] = source{netip.MustParseAddr("127.0.0.7"), now.Add(sourceTime)}
	if got, _ := s.toward(a, now); got != netip.MustParseAddr("127.0.0.7") {
		t.Errorf("%s was not remembered", got)
	}
	if got, _ := s.toward(a, now.Add(sourceTime)); got != a {
		t.Errorf("%s was remembered for too long", got)
	}
}

func TestClose(t *testing.T) {
	before := runtime.NumGoroutine()
	h := newRecorder()
	tr := listen(t, h, Options{Readers: 2}, "udp 0.0.0.0:0", "tcp 127.0.0.1:0", "tls 127.0.0.1:0")
	udp := dialUDP(t, "127.0.0.1:0", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), tr.Addr(0).Port()))
	write(t, udp, options(1))
	next(t, "datagram", h.received)
	peer := dialTCP(t, tr.Addr(1))
	write(t, peer, options(2)+"half a mess")
	accepted := next(t, "message", h.received).flow
	silent := dialTCP(t, tr.Addr(2)) // in its TLS handshake
	eventually(t, "the connection is taken", func() bool { return tr.Stats().Listeners[2].Open == 1 })
	target := acceptor(t, "127.0.0.1:0")
	tr.Send(Flow{Listener: 1, Network: TCP, Remote: target.addr}, []byte(options(3)), 3)
	dialled := next(t, "dialled connection", target.conns)
	read(t, dialled, options(3))

	// What was sent before Close still leaves.
	tr.Send(accepted, []byte(options(4)), 4)
	tr.Close()
	h.closed.Store(true)
	read(t, peer, options(4))
	for _, c := range []net.Conn{peer, dialled, silent} {
		c.SetReadDeadline(time.Now().Add(patience))
		if n, err := c.Read(make([]byte, 100)); err == nil {
			t.Errorf("%d bytes after Close", n)
		} else if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("still open after Close")
		}
	}
	tr.Send(accepted, []byte(options(5)), 5)
	tr.Send(Flow{Listener: 0, Remote: addrPortOf(udp.LocalAddr())}, []byte(options(5)), 5)
	tr.Send(Flow{Listener: 1, Network: TCP, Remote: target.addr}, []byte(options(5)), 5)
	udp.Write([]byte(options(6)))
	tr.Close()
	if s := tr.Stats(); s.Listeners[1].Open != 0 || s.Listeners[2].Open != 0 || s.Listeners[0].Received != 1 {
		t.Errorf("after Close: %+v", s)
	}
	target.close()
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
	if n := h.late.Load(); n != 0 {
		t.Errorf("%d calls of the handler after Close", n)
	}
	none(t, "failure", h.failed)
}
