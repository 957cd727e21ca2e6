package e2e

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// TestIPv6 carries calls between phones of the two versions of IP, and between two of the newer one.
func TestIPv6(t *testing.T) {
	need(t, "sipp")
	v4, v6 := false, true
	tcp := func(p play) play { p.callerNet, p.calleeNet = "tcp", "tcp"; return p }
	for _, row := range []struct {
		caller, callee bool
		scenario       scenario
	}{
		{v4, v6, scenario{name: "IPv4 calls IPv6, audio both ways", play: play{caller: "caller-rtp", callee: "callee-answer", calleeFlags: []string{"-rtp_echo"}}, audio: true, want: callerHangsUp}},
		{v4, v6, scenario{name: "IPv4 calls IPv6, callee hangs up", play: play{caller: "caller-await-bye", callee: "callee-bye"}, want: calleeHangsUp}},
		{v4, v6, scenario{name: "IPv4 calls IPv6, hold and resume", play: play{caller: "caller-hold", callee: "callee-reinvited-twice"}, want: callerHangsUp}},
		{v6, v4, scenario{name: "IPv6 calls IPv4, caller hangs up", play: play{caller: "caller-bye", callee: "callee-answer"}, want: callerHangsUp}},
		{v6, v4, scenario{name: "IPv6 calls IPv4, cancelled after 180", play: play{caller: "caller-cancel-ringing", callee: "callee-cancelled"}, want: callerCancels}},
		{v6, v4, scenario{name: "IPv6 calls IPv4 over TCP, callee hangs up", play: tcp(play{caller: "caller-await-bye", callee: "callee-bye"}), want: calleeHangsUp}},
		{v6, v6, scenario{name: "IPv6 calls IPv6", play: play{caller: "caller-bye", callee: "callee-answer"}, want: callerHangsUp}},
	} {
		t.Run(row.scenario.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.renumber(row.caller, row.callee)
			s := row.scenario
			s.setup.callerNet, s.setup.calleeNet = s.play.callerNet, s.play.calleeNet
			w.serveWith(w.configOfEither(s.setup), s.setup)
			w.run("block", "add", block)
			id := w.bind(w.caller.number, w.callee.number, w.x)
			if row.caller == row.callee {
				s.play.lines = func(w *world, caller, callee []string) {
					caller[2], callee[2] = w.guardWithoutAddress(w.callee, "callee"), w.guardWithoutAddress(w.caller, "caller")
				}
			}
			o := w.play(s.play)
			if o.callerStatus != 0 || o.calleeStatus != 0 {
				t.Errorf("the caller's SIPp ended with %d, the callee's with %d", o.callerStatus, o.calleeStatus)
			}
			if row.caller != row.callee {
				w.unseen(o)
			}
			w.ofOneVersion(o, row.caller, row.callee)
			s.sawInvites(t, o, 1)
			records := w.records()
			if len(records) != 1 {
				t.Fatalf("%d records of one call", len(records))
			}
			s.agrees(w, records[0], id, 1)
			w.shut(w.caller.number, w.callee.number)
		})
	}
}

// renumber gives the sides that are to have one an address of IPv6. The loopback has one: phone and gateway share it
// there, and cannot be told apart by address.
func (w *world) renumber(caller, callee bool) {
	w.t.Helper()
	six := netip.IPv6Loopback()
	if caller {
		w.hosts.Caller, w.hosts.Left = six, six
		w.caller.addr, w.caller.media, w.left = w.port(six), w.port(six).Port(), w.port(six)
	}
	if callee {
		w.hosts.Callee, w.hosts.Right = six, six
		w.callee.addr, w.callee.media, w.right = w.port(six), w.port(six).Port(), w.port(six)
	}
}

// guardWithoutAddress is the guard where both phones have one address.
func (w *world) guardWithoutAddress(s subscriber, role string) string {
	return guard(slices.DeleteFunc(secretsOf(s, role), func(word string) bool { return word == s.addr.Addr().String() }))
}

// pools6 counts the pairs of pools handed out by configOfEither.
var pools6 atomic.Uint32

// configOfEither is config for addresses of either version. What is on the one loopback address of IPv6 has media
// ports of its own, for tests that run at once.
func (w *world) configOfEither(s setup) string {
	var listeners, pools, trunks strings.Builder
	first := 40000 + 200*int(pools6.Add(1)%95)
	for _, side := range []struct {
		name, other, network string
		at                   netip.AddrPort
		phone                subscriber
	}{
		{"left", "right", or(s.callerNet, "udp"), w.left, w.caller},
		{"right", "left", or(s.calleeNet, "udp"), w.right, w.callee},
	} {
		prefix := netip.PrefixFrom(side.phone.addr.Addr(), side.phone.addr.Addr().BitLen())
		fmt.Fprintf(&listeners, "    - {name: %s, bind: \"%s:%s\"}\n", side.name, side.network, side.at)
		fmt.Fprintf(&pools, "    - {name: %s, address: \"%s\", ports: %d-%d}\n", side.name, side.at.Addr(), first, first+99)
		fmt.Fprintf(&trunks, "  - {name: %s, sources: [\"%s\"], targets: [\"sip:%s;transport=%s\"], route_to: %s, listen: %s, media: %s}\n",
			side.name, prefix, side.phone.addr, side.network, side.other, side.name, side.name)
		first += 100
	}
	return "sip:\n  listen:\n" + listeners.String() + "media:\n  pools:\n" + pools.String() + "trunks:\n" + trunks.String()
}

// ofOneVersion: a side is written to in its own version of IP alone, in headers and descriptions.
func (w *world) ofOneVersion(o outcome, caller, callee bool) {
	w.t.Helper()
	for _, m := range o.callerHeard {
		w.speaks(m.Text, caller)
	}
	for _, m := range o.calleeHeard {
		w.speaks(m.Text, callee)
	}
}

func (w *world) speaks(text string, six bool) {
	w.t.Helper()
	foreign := "IP6 "
	if six {
		foreign = "IP4 "
	}
	for line := range strings.SplitSeq(text, "\r\n") {
		address := strings.HasPrefix(line, "c=") || strings.HasPrefix(line, "o=")
		if address && strings.Contains(line, foreign) || strings.Contains(line, "[::]") || strings.Contains(line, "0.0.0.0") || strings.Contains(line, "%lo") {
			w.t.Errorf("a line of the wrong address:\n%s", text)
		}
	}
}
