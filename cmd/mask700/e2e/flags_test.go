package e2e

import (
	"net/netip"
	"testing"

	"mask700/binding/cdr"
)

// TestFlagsAlone: one trunk and no configuration file. Both phones are behind one softswitch address, as most
// installations have it, so that only the port tells them apart.
func TestFlagsAlone(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	w := newWorld(t)
	for w.caller.addr.Addr() != w.callee.addr.Addr() || w.caller.addr == w.callee.addr {
		w.caller = at(w.caller.number, w.port(w.hosts.Callee))
	}
	gateway := w.hosts.Right
	w.left = netip.AddrPortFrom(gateway, w.right.Port())
	w.serve(setup{withoutConfigFile: true, flags: []string{
		"--sip", "udp:" + w.right.String(),
		"--trunk", "sip:" + w.callee.addr.String(),
		"--media-address", gateway.String(),
		"--media-ports", "40000-40099",
	}})
	w.bind(w.caller.number, w.callee.number, w.x)
	o := w.play(play{caller: "caller-rtp", callee: "callee-rtp", lines: func(w *world, caller, callee []string) {
		caller[2] = guard([]string{w.callee.number, w.callee.number[3:], "callee-", "m=audio " + port(w.callee.media) + " "})
		callee[2] = guard([]string{w.caller.number, w.caller.number[3:], "caller-", "m=audio " + port(w.caller.media) + " "})
	}})
	if o.callerStatus != 0 || o.calleeStatus != 0 {
		t.Errorf("the caller's SIPp ended with %d, the callee's with %d", o.callerStatus, o.calleeStatus)
	}
	records := w.records()
	if len(records) != 1 || records[0].End != cdr.EndCompleted || records[0].TrunkIn != "default" || records[0].TrunkOut != "default" {
		t.Errorf("records: %+v", records)
	}
	w.shut(w.caller.number, w.callee.number)
}
