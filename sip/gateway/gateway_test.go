package gateway

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mask700/binding"
	"mask700/binding/bindingtest"
	"mask700/binding/cdr"
	"mask700/binding/cdr/cdrtest"
	"mask700/media"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/transport"
	"mask700/sip/trunk"
)

// world is a gateway on loopback with a peer on either side of it.
type world struct {
	t        testing.TB
	gateway  *Gateway
	journal  *cdrtest.Journal
	peer     *net.UDPConn // the trunk's only member
	stranger *net.UDPConn // on no trunk
}

const (
	x     = "700100000010007"
	alice = "13800000001"
	bob   = "13900000002"
)

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldWith(t, func(*Options) {})
}

// newWorldWith is newWorld with other options.
func newWorldWith(t testing.TB, change func(*Options)) *world {
	t.Helper()
	w := &world{t: t, journal: &cdrtest.Journal{}, peer: socket(t, "127.0.3.1"), stranger: socket(t, "127.0.3.9")}
	at := w.peer.LocalAddr().(*net.UDPAddr).AddrPort()
	pool := netip.MustParseAddr("127.0.3.2")
	var err error
	o := Options{
		Listeners: []transport.Listener{{Name: "in", Network: "udp", Bind: netip.AddrPortFrom(pool, 0)}},
		Trunks: []trunk.Trunk{{
			Name: "switch", Listen: "in", Media: "in", Sources: []netip.Prefix{netip.PrefixFrom(at.Addr(), 32)},
			Targets: []trunk.Target{{Host: at.Addr().String(), Port: int(at.Port()), Network: flow.UDP, Addr: at}},
			Caller:  []trunk.CallerField{trunk.From}, EarlyMedia: trunk.EarlyPass,
		}},
		RingTimeout: time.Minute, DrainTime: time.Minute, Bindings: bindings(t), Journal: w.journal, Shards: 2,
		Media: func(on MediaEvents) (media.Engine, error) {
			return media.NewRelay(media.Options{Pools: []media.Pool{{Name: "in", Address: pool, Min: 20000, Max: 20999}}, OnTimeout: on.Silent, OnSource: on.Source, OnKey: on.Key})
		},
	}
	change(&o)
	w.gateway, err = Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.gateway.Close)
	return w
}

func socket(t testing.TB, addr string) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(addr)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func bindings(t testing.TB) binding.Store {
	t.Helper()
	s := &bindingtest.Store{}
	service := binding.Service{Store: s, Now: time.Now, Random: strings.NewReader(strings.Repeat("random bytes for an id ", 40))}
	if _, err := service.AddBlock(t.Context(), "70010000001"); err != nil {
		t.Fatal(err)
	}
	if _, err := service.Create(t.Context(), binding.Request{Mode: "axb", A: alice, B: bob, X: x, Order: "T-1"}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) send(from *net.UDPConn, text string) {
	w.t.Helper()
	if _, err := from.WriteToUDPAddrPort([]byte(text), w.gateway.Addr(0)); err != nil {
		w.t.Fatal(err)
	}
}

// receive waits for the peer's next message.
func (w *world) receive() *message.Message {
	w.t.Helper()
	m, fault := message.Parse(w.raw())
	if fault != nil {
		w.t.Fatalf("the gateway sent what cannot be read: %v", fault)
	}
	return m
}

// raw is receive without reading the message.
func (w *world) raw() []byte {
	w.t.Helper()
	if err := w.peer.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		w.t.Fatal(err)
	}
	b := make([]byte, 65535)
	n, _, err := w.peer.ReadFromUDPAddrPort(b)
	if err != nil {
		w.t.Fatal(err)
	}
	return b[:n]
}

// expect waits for a response of a status, letting others pass.
func (w *world) expect(status int, method string) *message.Message {
	w.t.Helper()
	for {
		if m := w.receive(); m.Status == status && m.Method == method {
			return m
		}
	}
}

func (w *world) request(method, callID, caller, user, body string) string {
	peer := w.peer.LocalAddr().String()
	kind := ""
	if body != "" {
		kind = "Content-Type: application/sdp\n"
	}
	body = strings.ReplaceAll(body, "\n", "\r\n")
	head := fmt.Sprintf("%s sip:%s@gateway SIP/2.0\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s%s;rport\nMax-Forwards: 70\n"+
		"From: <sip:%s@%s>;tag=from%s\nTo: <sip:%s@gateway>\nCall-ID: %s\nCSeq: 1 %s\nContact: <sip:%s@%s>\n%sContent-Length: %d\n\n",
		method, user, peer, method, callID, caller, peer, callID, user, callID, method, caller, peer, kind, len(body))
	return strings.ReplaceAll(head, "\n", "\r\n") + body
}

const offer = "v=0\no=- 1 1 IN IP4 127.0.3.1\ns=-\nc=IN IP4 127.0.3.1\nt=0 0\nm=audio 4000 RTP/AVP 8\n"

func TestRequestsThatAreNoCall(t *testing.T) {
	w := newWorld(t)
	w.send(w.peer, w.request("OPTIONS", "options", alice, "ping", ""))
	w.expect(200, "OPTIONS")
	w.send(w.peer, w.request("REGISTER", "register", alice, alice, ""))
	w.expect(405, "REGISTER")
	w.send(w.peer, w.request("DANCE", "dance", alice, alice, ""))
	w.expect(501, "DANCE")
	w.send(w.peer, strings.Replace(w.request("OPTIONS", "bad", alice, "ping", ""), "CSeq: 1 ", "CSeq: one ", 1))
	if got := string(w.raw()); !strings.HasPrefix(got, "SIP/2.0 400 ") {
		t.Errorf("a request with a broken CSeq got %q, want 400", got)
	}
}

func TestStrangersHearNothing(t *testing.T) {
	w := newWorld(t)
	w.send(w.stranger, w.request("OPTIONS", "stranger", alice, "ping", ""))
	// The peer's own request is answered after it, so the stranger's has been
	// dealt with by then.
	w.send(w.peer, w.request("OPTIONS", "peer", alice, "ping", ""))
	if m := w.receive(); m.CallID != "peer" {
		t.Errorf("the answer belongs to call %q", m.CallID)
	}
	if err := w.stranger.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if n, _, err := w.stranger.ReadFromUDPAddrPort(make([]byte, 100)); err == nil {
		t.Errorf("a stranger was answered with %d bytes", n)
	}
	if got := w.gateway.Stats().Transport.Listeners[0].Refused; got != 1 {
		t.Errorf("refused sources: %d, want 1", got)
	}
}

func TestRefusedCallLeavesOneRecord(t *testing.T) {
	w := newWorld(t)
	w.send(w.peer, w.request("INVITE", "nobody", "13700000003", x, offer))
	final := w.expect(404, "INVITE")
	if final.Q850 != 1 {
		t.Errorf("cause %d, want 1", final.Q850)
	}
	closed := w.journal.Closed()
	if len(closed) != 1 || closed[0].Refusal != binding.RefusalNoBinding || closed[0].SIPStatus != 404 {
		t.Errorf("records: %+v", closed)
	}
}

func TestCallIsListedHungUpAndRecorded(t *testing.T) {
	w := newWorld(t)
	w.send(w.peer, w.request("INVITE", "call", alice, x, offer))
	var invite *message.Message
	for invite == nil {
		if m := w.receive(); m.IsRequest() && m.Method == "INVITE" {
			invite = m
		}
	}
	if invite.From.URI.User != x || invite.Target.User != bob {
		t.Errorf("the callee's INVITE goes to %d digits and shows %s", len(invite.Target.User), invite.From.URI.User)
	}
	calls := w.gateway.Calls()
	if len(calls) != 1 || calls[0].State != "calling" {
		t.Fatalf("calls: %+v", calls)
	}
	ringing := message.Response{Echo: invite.Echo(w.gateway.Addr(0)), Status: 180, ToTag: "bob"}
	w.send(w.peer, string(ringing.Append(nil)))
	w.expect(180, "INVITE")
	if !w.gateway.HangUp(calls[0].ID) {
		t.Error("the call was not found")
	}
	var statuses []string
	for len(statuses) < 2 { // a CANCEL to the callee and 480 to the caller, in either order
		switch m := w.receive(); {
		case m.Method == "CANCEL" && m.IsRequest():
			statuses = append(statuses, "CANCEL")
		case m.Status == 480:
			statuses = append(statuses, "480")
		}
	}
	if r := w.journal.Closed(); len(r) != 1 || r[0].End != cdr.EndHangup || r[0].ReleasedBy != "platform" {
		t.Errorf("records: %+v", r)
	}
}

func TestDrainRefusesAndEnds(t *testing.T) {
	w := newWorld(t)
	w.gateway.Drain(t.Context())
	w.send(w.peer, w.request("OPTIONS", "ping", alice, "ping", ""))
	w.expect(503, "OPTIONS")
	w.send(w.peer, w.request("INVITE", "late", alice, x, offer))
	if m := w.expect(503, "INVITE"); m.RetryAfter == 0 {
		t.Error("503 without Retry-After")
	}
	if r := w.journal.Closed(); len(r) != 1 || r[0].Refusal != binding.RefusalOverload {
		t.Errorf("records: %+v", r)
	}
}

// A call without a free port is told to come back, and counted.
func TestPortsExhausted(t *testing.T) {
	w := newWorldWith(t, func(o *Options) {
		o.Media = func(on MediaEvents) (media.Engine, error) {
			one := media.Pool{Name: "in", Address: netip.MustParseAddr("127.0.3.2"), Min: 20000, Max: 20001}
			return media.NewRelay(media.Options{Pools: []media.Pool{one}, OnTimeout: on.Silent, OnSource: on.Source, OnKey: on.Key})
		}
	})
	w.send(w.peer, w.request("INVITE", "full", alice, x, offer))
	if m := w.expect(503, "INVITE"); m.RetryAfter == 0 || m.Q850 == 0 {
		t.Errorf("Retry-After %d, cause %d", m.RetryAfter, m.Q850)
	}
	if r := w.journal.Closed(); len(r) != 1 || r[0].Refusal != binding.RefusalOverload {
		t.Errorf("records: %+v", r)
	}
	if st := w.gateway.Stats().Media; st.NoPorts != 1 || st.Failed != 0 || st.Sessions != 0 {
		t.Errorf("%+v", st)
	}
}

// broken is an engine whose ports cannot be opened.
type broken struct{ media.Engine }

func (broken) Open(media.OpenSpec) (media.Session, error) {
	return nil, fmt.Errorf("media: pool %q: %w", "in", unix.EADDRNOTAVAIL)
}

// Ports that cannot be opened for another reason are no overload: nobody is told to
// come back, and the operator is told why.
func TestPortsThatCannotBeOpened(t *testing.T) {
	var log bytes.Buffer
	w := newWorldWith(t, func(o *Options) {
		open := o.Media
		o.Media = func(on MediaEvents) (media.Engine, error) {
			e, err := open(on)
			return broken{e}, err
		}
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	w.send(w.peer, w.request("INVITE", "broken", alice, x, offer))
	if m := w.expect(500, "INVITE"); m.RetryAfter != 0 {
		t.Errorf("Retry-After %d", m.RetryAfter)
	}
	if r := w.journal.Closed(); len(r) != 1 || r[0].Refusal != "" || r[0].End != cdr.EndFailed {
		t.Errorf("records: %+v", r)
	}
	w.gateway.Close()
	text := log.String()
	if !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "cannot assign requested address") || strings.Contains(text, alice) || strings.Contains(text, "127.0.3.1") {
		t.Errorf("the log says %s", text)
	}
}
