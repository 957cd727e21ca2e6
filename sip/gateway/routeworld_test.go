package gateway

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"mask700/binding/cdr/cdrtest"
	"mask700/media"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/route"
	"mask700/sip/transport"
	"mask700/sip/trunk"
)

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	limit := time.NewTimer(10 * time.Second)
	defer limit.Stop()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for !holds() {
		select {
		case <-poll.C:
		case <-limit.C:
			t.Fatalf("never: %s", what)
		}
	}
}

// hurried are times for a test: everything soon, nothing forgotten, but patience
// for a machine that is busy.
func hurried() route.Times {
	return route.Times{
		MinTTL: 10 * time.Millisecond, MaxTTL: 10 * time.Millisecond, Negative: 10 * time.Millisecond, Complain: time.Hour, Start: 10 * time.Second,
		Patience: 300 * time.Millisecond, Retry: 10 * time.Millisecond, Rest: time.Hour, MaxDown: time.Hour,
	}
}

// names is a name system of addresses with ports, by SRV records.
type names struct {
	sync.Mutex // protects what follows
	list       map[string][]netip.AddrPort
	failing    bool
}

func (n *names) set(name string, addrs ...netip.AddrPort) {
	n.Lock()
	defer n.Unlock()
	if n.list == nil {
		n.list = map[string][]netip.AddrPort{}
	}
	n.list[name] = addrs
}

func (n *names) fail(on bool) {
	n.Lock()
	defer n.Unlock()
	n.failing = on
}

var errNames = errors.New("no name server")

func (n *names) Hosts(context.Context, string) []netip.Addr { return nil }

func (n *names) NAPTR(context.Context, string) ([]route.NAPTR, time.Duration, error) {
	n.Lock()
	defer n.Unlock()
	if n.failing {
		return nil, 0, errNames
	}
	return nil, 0, nil
}

func (n *names) SRV(_ context.Context, name string) (out []route.SRV, _ time.Duration, _ error) {
	n.Lock()
	defer n.Unlock()
	name, ok := strings.CutPrefix(name, "_sip._udp.")
	if !ok {
		name, ok = strings.CutPrefix(name, "_sips._tcp.")
	}
	if ok {
		for i, a := range n.list[name] {
			out = append(out, route.SRV{Priority: i, Weight: 1, Port: a.Port(), Host: a.Addr().String() + "."})
		}
	}
	return out, 0, nil
}

func (n *names) Addresses(_ context.Context, name string, v6 bool) ([]netip.Addr, time.Duration, error) {
	a, err := netip.ParseAddr(strings.TrimSuffix(name, "."))
	if err != nil || a.Is6() != v6 {
		return nil, 0, nil
	}
	return []netip.Addr{a}, 0, nil
}

// switchboard is a peer that answers OPTIONS while it lives, and keeps what else
// it gets.
type switchboard struct {
	socket *net.UDPConn
	got    chan *message.Message // requests, OPTIONS too, that are not repetitions

	state struct {
		sync.Mutex                 // protects what follows
		options    int             // status of the answer, 0: none
		invite     int             // likewise
		seen       map[string]bool // by Call-ID and method
	}
}

// newSwitchboard answers OPTIONS with a status; 0: not at all.
func newSwitchboard(t *testing.T, addr string, status int) *switchboard {
	t.Helper()
	return newSwitchboardOn(t, socket(t, addr), status)
}

// newSwitchboardOn is newSwitchboard on a socket that there is.
func newSwitchboardOn(t *testing.T, c *net.UDPConn, status int) *switchboard {
	t.Helper()
	s := &switchboard{socket: c, got: make(chan *message.Message, 1000)}
	s.state.options, s.state.seen = status, map[string]bool{}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.run()
	}()
	t.Cleanup(func() {
		s.socket.Close()
		<-ended
	})
	return s
}

func (s *switchboard) run() {
	b := make([]byte, 65535)
	for {
		n, from, err := s.socket.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		m, fault := message.Parse(bytes.Clone(b[:n]))
		if fault != nil || !m.IsRequest() {
			continue
		}
		s.state.Lock()
		known, status := s.state.seen[m.CallID+m.Method], 0
		switch m.Method {
		case "OPTIONS":
			status = s.state.options
		case "INVITE":
			status = s.state.invite
		}
		s.state.seen[m.CallID+m.Method] = true
		s.state.Unlock()
		if !known {
			s.got <- m
		}
		if status != 0 {
			r := message.Response{Echo: m.Echo(from), Status: status, ToTag: "them"}
			_, _ = s.socket.WriteToUDPAddrPort(r.Append(nil), from)
		}
	}
}

func (s *switchboard) answer(options int) {
	s.state.Lock()
	defer s.state.Unlock()
	s.state.options = options
}

func (s *switchboard) answerCalls(invite int) {
	s.state.Lock()
	defer s.state.Unlock()
	s.state.invite = invite
}

func (s *switchboard) addr() netip.AddrPort { return s.socket.LocalAddr().(*net.UDPAddr).AddrPort() }

func (s *switchboard) target() trunk.Target {
	a := s.addr()
	return trunk.Target{Host: a.Addr().String(), Port: int(a.Port()), Network: flow.UDP, Addr: a}
}

// next waits for the next request of a method.
func (s *switchboard) next(t *testing.T, method string) *message.Message {
	t.Helper()
	limit := time.NewTimer(10 * time.Second)
	defer limit.Stop()
	for {
		select {
		case m := <-s.got:
			if m.Method == method {
				return m
			}
		case <-limit.C:
			t.Fatalf("no %s came", method)
		}
	}
}

// count says how many different requests of a method have come and were not
// taken by next.
func (s *switchboard) count(method string) (n int) {
	for {
		select {
		case m := <-s.got:
			if m.Method == method {
				n++
			}
		default:
			return n
		}
	}
}

// routing is a gateway whose first trunk is the caller's, and whose second one
// is what a test is about.
type routing struct {
	*world
	names *names
	log   *lines
}

// newRouting starts it; change sees the options, with the trunks "in" and "out".
func newRouting(t *testing.T, change func(*Options)) *routing {
	t.Helper()
	w := &world{t: t, journal: &cdrtest.Journal{}, peer: socket(t, "127.0.3.1"), stranger: socket(t, "127.0.3.9")}
	r := &routing{w, &names{}, &lines{}}
	pool := netip.MustParseAddr("127.0.3.2")
	o := Options{
		Listeners: []transport.Listener{{Name: "in", Network: "udp", Bind: netip.AddrPortFrom(pool, 0)}},
		Trunks: []trunk.Trunk{
			{
				Name: "in", RouteTo: "out", Media: "in", Caller: []trunk.CallerField{trunk.From},
				Sources: []netip.Prefix{netip.PrefixFrom(w.peer.LocalAddr().(*net.UDPAddr).AddrPort().Addr(), 32)},
			},
			{Name: "out", Media: "in", Caller: []trunk.CallerField{trunk.From}},
		},
		Records: r.names, Routes: hurried(), RingTimeout: time.Minute, DrainTime: time.Minute, Bindings: bindings(t), Journal: w.journal, Shards: 2,
		Logger: slog.New(slog.NewTextHandler(r.log, nil)),
		Media: func(on MediaEvents) (media.Engine, error) {
			return media.NewRelay(media.Options{Pools: []media.Pool{{Name: "in", Address: pool, Min: 20000, Max: 20999}}, OnTimeout: on.Silent, OnSource: on.Source, OnKey: on.Key})
		},
	}
	change(&o)
	var err error
	if w.gateway, err = Start(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.gateway.Close)
	return r
}

// target is what the gateway says of a target of the trunk "out".
func (r *routing) target(i int) TargetView { return r.gateway.Stats().Routes.Trunks[1][i] }

// logged says how often the log says something.
func (r *routing) logged(what string) int { return strings.Count(r.log.String(), what) }

func (r *routing) becomes(i int, state string) {
	r.t.Helper()
	eventually(r.t, "the target is "+state, func() bool { return r.target(i).State == state })
}

func (r *routing) call(id string) { r.send(r.peer, r.request("INVITE", id, alice, x, offer)) }
