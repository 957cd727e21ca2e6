package gateway

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mask700/binding/cdr/cdrtest"
	"mask700/media"
	"mask700/sip/flow"
	"mask700/sip/message"
	"mask700/sip/route"
	"mask700/sip/transaction"
	"mask700/sip/transport"
	"mask700/sip/trunk"
)

// TestWatchedTargets: of two targets one is dead; it is found out without a call
// that has to wait for it, and found again when it lives.
func TestWatchedTargets(t *testing.T) {
	first, second := newSwitchboard(t, "127.0.3.3", 0), newSwitchboard(t, "127.0.3.4", 405)
	r := newRouting(t, func(o *Options) {
		o.Trunks[1].Targets = []trunk.Target{first.target(), second.target()}
		o.Trunks[1].Watch = 30 * time.Millisecond
	})
	r.becomes(0, "down")
	r.becomes(1, "up")
	v := r.target(0)
	if len(v.Hops) != 1 || v.Hops[0].Addr != first.addr() || v.Hops[0].Network != flow.UDP || v.Hops[0].Losses < 2 || v.Hops[0].Since.IsZero() {
		t.Errorf("the dead one: %+v", v)
	}
	if st := r.gateway.Stats().Routes; st.Sent < 3 || st.Lost < 2 || st.HopsDown != 1 {
		t.Errorf("%d sent, %d lost, %d down", st.Sent, st.Lost, st.HopsDown)
	}
	if r.logged("hop is down") == 0 || r.logged("hop is up") == 0 {
		t.Error("the log does not say so")
	}

	// It names nobody, and says what RFC 3261 section 11.1 asks for.
	ping := second.next(t, "OPTIONS")
	if ping.From.URI.User != "" || ping.To.URI.User != "" || ping.Target.User != "" || ping.Contact == nil || ping.Contact.User != "" || ping.From.Tag == "" {
		t.Errorf("OPTIONS from %q to %q at %q", ping.From.Text, ping.To.Text, ping.Target.Text())
	}
	if ping.To.URI.Host != second.addr().Addr().String() || ping.From.URI.Host != "127.0.3.2" || ping.MaxForwards != 70 || len(ping.Accept) != 1 || !ping.Allows("INVITE") {
		t.Errorf("OPTIONS from %q to %q, %d hops, accepts %v", ping.From.Text, ping.To.Text, ping.MaxForwards, ping.Accept)
	}

	r.call("one")
	second.next(t, "INVITE")
	if n := first.count("INVITE"); n != 0 {
		t.Errorf("the dead one got %d calls", n)
	}

	first.answer(200)
	r.becomes(0, "up")
	r.call("two")
	first.next(t, "INVITE")
	if n := second.count("INVITE"); n != 0 {
		t.Errorf("the second got %d calls while the first lived", n)
	}

	first.answer(503)
	r.becomes(0, "down")
}

// TestCallsFindOutToo: nobody watches, and the calls that wait for a dead target
// spare the next ones that.
func TestCallsFindOutToo(t *testing.T) {
	first, second := newSwitchboard(t, "127.0.3.3", 0), newSwitchboard(t, "127.0.3.4", 0)
	second.answerCalls(486)
	r := newRouting(t, func(o *Options) {
		o.Trunks[1].Targets = []trunk.Target{first.target(), second.target()}
		o.Timers = transaction.Timers{T1: time.Millisecond, T2: 4 * time.Millisecond, T4: 5 * time.Millisecond}
	})
	if v := r.target(0); v.State != "unknown" {
		t.Errorf("before any call it is %s", v.State)
	}
	for _, id := range []string{"one", "two"} {
		r.call(id)
		first.next(t, "INVITE")
		second.next(t, "INVITE")
		r.expect(486, "INVITE")
	}
	r.becomes(0, "down")
	if n := r.target(0).Hops[0].Losses; n != 2 {
		t.Errorf("%d losses, want 2", n)
	}
	r.call("three")
	second.next(t, "INVITE")
	if n := first.count("INVITE"); n != 0 {
		t.Errorf("the third call was sent to the dead one")
	}
	if n := first.count("OPTIONS") + second.count("OPTIONS"); n != 0 {
		t.Errorf("%d OPTIONS though nobody watches", n)
	}
}

// TestTargetThatWantsNoCalls for some time: 503 with Retry-After.
func TestTargetThatWantsNoCalls(t *testing.T) {
	first, second := newSwitchboard(t, "127.0.3.3", 0), newSwitchboard(t, "127.0.3.4", 0)
	r := newRouting(t, func(o *Options) {
		o.Trunks[1].Targets = []trunk.Target{first.target(), second.target()}
	})
	r.call("one")
	invite := first.next(t, "INVITE")
	busy := message.Response{Echo: invite.Echo(r.gateway.Addr(0)), Status: 503, ToTag: "them", RetryAfter: 60}
	if _, err := first.socket.WriteToUDPAddrPort(busy.Append(nil), r.gateway.Addr(0)); err != nil {
		t.Fatal(err)
	}
	second.next(t, "INVITE")
	r.becomes(0, "down")
	r.call("two")
	second.next(t, "INVITE")
	if n := first.count("INVITE"); n != 0 {
		t.Errorf("it got %d calls all the same", n)
	}
}

// TestNameThatResolvesLater: the server starts without it, its calls have no
// route, and its address is a source from when it is known.
func TestNameThatResolvesLater(t *testing.T) {
	out := newSwitchboard(t, "127.0.3.3", 200)
	r := newRouting(t, func(o *Options) {
		o.Trunks[1].Targets = []trunk.Target{{Host: "switch.example", Any: true}}
	})
	if v := r.target(0); v.State != "unresolved" || len(v.Hops) != 0 {
		t.Errorf("%+v", v)
	}
	if r.logged("no address that a listener reaches") == 0 {
		t.Error("the log does not say so")
	}
	r.call("early")
	r.expect(500, "INVITE")
	if closed := r.journal.Closed(); len(closed) != 1 || closed[0].Refusal != "no_route" {
		t.Errorf("records: %+v", closed)
	}
	r.send(out.socket, r.request("OPTIONS", "stranger", alice, "ping", ""))
	eventually(t, "a stranger is refused", func() bool { return r.gateway.Stats().Transport.Listeners[0].Refused == 1 })

	r.names.set("switch.example", out.addr())
	r.becomes(0, "unknown")
	r.call("later")
	invite := out.next(t, "INVITE")
	if invite.Target.Host != "switch.example" || invite.Target.Port != 0 {
		t.Errorf("sent to %s:%d, want the name that was configured (RFC 3263 section 4)", invite.Target.Host, invite.Target.Port)
	}
	ringing := message.Response{Echo: invite.Echo(r.gateway.Addr(0)), Status: 180, ToTag: "bob"}
	if _, err := out.socket.WriteToUDPAddrPort(ringing.Append(nil), r.gateway.Addr(0)); err != nil {
		t.Fatal(err)
	}
	r.expect(180, "INVITE")

	// It moves; the call that began at the old address goes on from there.
	r.names.set("switch.example", netip.MustParseAddrPort("127.0.3.5:5060"))
	eventually(t, "it has moved", func() bool { h := r.target(0).Hops; return len(h) == 1 && h[0].Addr.Port() == 5060 })
	busy := message.Response{Echo: invite.Echo(r.gateway.Addr(0)), Status: 486, ToTag: "bob"}
	if _, err := out.socket.WriteToUDPAddrPort(busy.Append(nil), r.gateway.Addr(0)); err != nil {
		t.Fatal(err)
	}
	r.expect(486, "INVITE")

	// It is gone: the name says so itself.
	r.names.set("switch.example")
	r.becomes(0, "unresolved")
	r.call("late")
	r.expect(500, "INVITE")
}

// TestStaleAnswersAreUsed while no name server answers, with one line in the log.
func TestStaleAnswersAreUsed(t *testing.T) {
	out := newSwitchboard(t, "127.0.3.3", 200)
	r := newRouting(t, func(o *Options) {
		o.Trunks[1].Targets = []trunk.Target{{Host: "switch.example", Any: true}}
	})
	r.names.set("switch.example", out.addr())
	r.becomes(0, "unknown")
	r.names.fail(true)
	eventually(t, "the log says so", func() bool { return r.logged("cannot be resolved now") > 0 })
	r.names.set("switch.example") // what it would say if it were asked
	r.call("one")
	out.next(t, "INVITE")
	if n := r.logged("cannot be resolved now"); n != 1 {
		t.Errorf("%d lines of it, want 1", n)
	}
	r.names.fail(false)
	r.becomes(0, "unresolved")
}

// TestTargetThatIsOurselves is not used: a call would come back.
func TestTargetThatIsOurselves(t *testing.T) {
	out := newSwitchboard(t, "127.0.3.3", 200)
	r := newRouting(t, func(o *Options) {
		o.Trunks[1].Targets = []trunk.Target{{Host: "switch.example", Any: true}}
	})
	r.names.set("switch.example", r.gateway.Addr(0))
	eventually(t, "the log says so", func() bool { return r.logged("leads back to ourselves") > 0 })
	if v := r.target(0); v.State != "unresolved" {
		t.Errorf("%+v", v)
	}
	r.names.set("switch.example", r.gateway.Addr(0), out.addr())
	r.becomes(0, "unknown")
	if h := r.target(0).Hops; len(h) != 1 || h[0].Addr != out.addr() {
		t.Errorf("%+v", h)
	}
}

// TestTwoNamesOfOneAddress: the trunk that had it first keeps it as its source,
// and the other one may still be called there.
func TestTwoNamesOfOneAddress(t *testing.T) {
	out := newSwitchboard(t, "127.0.3.3", 200)
	r := newRouting(t, func(o *Options) {
		o.Trunks[1].Targets = []trunk.Target{{Host: "switch.example", Any: true}}
		o.Trunks = append(o.Trunks, trunk.Trunk{Name: "other", Media: "in", Targets: []trunk.Target{{Host: "other.example", Any: true}}})
	})
	owner := func() string {
		if k := r.gateway.table.Load().Match("in", out.addr().Addr()); k != nil {
			return k.Name
		}
		return ""
	}
	r.names.set("other.example", out.addr())
	eventually(t, "it is the other's", func() bool { return owner() == "other" })
	r.names.set("switch.example", out.addr())
	r.becomes(0, "unknown")
	eventually(t, "the log says so", func() bool { return r.logged("another trunk's source") > 0 })
	if got := owner(); got != "other" {
		t.Errorf("the address is the source of %q", got)
	}
	for line := range strings.Lines(r.log.String()) {
		if strings.Contains(line, "another trunk's source") && strings.Contains(line, out.addr().Addr().String()) {
			t.Errorf("the log repeats an address: %s", line)
		}
	}
	r.call("one")
	out.next(t, "INVITE")

	r.names.set("other.example", out.addr(), netip.MustParseAddrPort("127.0.3.5:5060"))
	eventually(t, "the other has moved", func() bool { return len(r.gateway.Stats().Routes.Trunks[2][0].Hops) == 2 })
	if n := r.logged("another trunk's source"); n != 1 {
		t.Errorf("%d lines of it, want 1", n)
	}
}

// hanging is a name system that never answers.
type hanging struct {
	names
	ended chan error // why a lookup ended
}

func (h *hanging) NAPTR(ctx context.Context, _ string) ([]route.NAPTR, time.Duration, error) {
	<-ctx.Done()
	h.ended <- ctx.Err()
	return nil, 0, ctx.Err()
}

// TestStartAndCloseDoNotWaitForNames for long.
func TestStartAndCloseDoNotWaitForNames(t *testing.T) {
	h := &hanging{ended: make(chan error, 1)}
	r := newRouting(t, func(o *Options) {
		o.Records = h
		o.Routes.Start = time.Millisecond
		o.Trunks[1].Targets = []trunk.Target{{Host: "switch.example", Any: true}}
	})
	r.call("one")
	r.expect(500, "INVITE")
	r.gateway.Close()
	if err := <-h.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the lookup was not cut off but ended by itself: %v", err)
	}
}

// TestTargetThatNoListenerReaches is a mistake at the start.
func TestTargetThatNoListenerReaches(t *testing.T) {
	_, err := Start(Options{
		Listeners: []transport.Listener{{Name: "in", Network: "udp", Bind: netip.MustParseAddrPort("127.0.3.2:0")}},
		Trunks:    []trunk.Trunk{{Name: "out", Targets: []trunk.Target{{Host: "switch.example", Network: flow.TCP}}}},
		Journal:   &cdrtest.Journal{},
		Media: func(on MediaEvents) (media.Engine, error) {
			return media.NewRelay(media.Options{Pools: []media.Pool{{Name: "in", Address: netip.MustParseAddr("127.0.3.2"), Min: 20000, Max: 20999}}})
		},
	})
	if err == nil || !strings.Contains(err.Error(), "trunk out: no tcp listener for its target") {
		t.Errorf("started: %v", err)
	}
}
