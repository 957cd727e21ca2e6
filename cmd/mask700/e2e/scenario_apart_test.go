package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mask700/binding/cdr"
	"mask700/cmd/mask700/e2e/rig"
)

// What follows is played apart from the tables: it leaves no record, or more than one, or its callee may not be called.

// TestKnocks: requests that begin no call are answered at once and leave no record.
func TestKnocks(t *testing.T) {
	need(t, "sipp")
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.serve(setup{callerNet: network})
			silent := w.listen()
			o := w.play(play{caller: "caller-knocks", callerNet: network})
			if o.callerStatus != 0 {
				t.Errorf("the caller's SIPp ended with %d", o.callerStatus)
			}
			if got := silent(); got != "" {
				t.Errorf("the callee's phone was sent %q", got)
			}
			if records := w.records(); len(records) != 0 {
				t.Errorf("%d records", len(records))
			}
			w.shut(w.caller.number, w.forwarder)
		})
	}
}

// TestTwoCallsOfOne: what a caller is told to ask for anew, and what it asks for twice, is another call with a record of
// its own; but of a merged INVITE nothing is known.
func TestTwoCallsOfOne(t *testing.T) {
	need(t, "sipp")
	for _, row := range []struct {
		name, caller string
		refusedWith  []int
	}{
		{"session too brief", "caller-too-brief", []int{422}},
		{"merged", "caller-merged", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.serve(setup{})
			w.bind(w.caller.number, w.callee.number, w.x)
			o := w.play(pair(row.caller, "callee-answer"))
			if o.callerStatus != 0 || o.calleeStatus != 0 {
				t.Errorf("the caller's SIPp ended with %d, the callee's with %d", o.callerStatus, o.calleeStatus)
			}
			w.unseen(o)
			records := w.records()
			if len(records) != len(row.refusedWith)+1 {
				t.Fatalf("%d records, want %d", len(records), len(row.refusedWith)+1)
			}
			for i, status := range row.refusedWith {
				if records[i].SIPStatus != status || !records[i].AnsweredAt.IsZero() {
					t.Errorf("record: %+v", records[i])
				}
			}
			callerHangsUp.agrees(t, records[len(records)-1])
			w.shut(w.caller.number, w.callee.number)
		})
	}
}

// TestCancelAtOnce: the CANCEL overtakes the opening of the call; whether the far side has been called by then or not,
// the call is over.
func TestCancelAtOnce(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	w := newWorld(t)
	w.serve(setup{})
	w.bind(w.caller.number, w.callee.number, w.x)
	c := w.begin(pair("caller-cancel-at-once", "callee-cancelled"))
	if status := w.wait(c.ctx, c.callerProcess); status != 0 {
		t.Errorf("the caller's SIPp ended with %d", status)
	}
	called := false
	w.until("the call to end", func() bool {
		for _, m := range w.heard(c.calleePhone) {
			called = called || strings.HasPrefix(m.First(), "INVITE ")
		}
		return w.calls() == 0
	})
	if called {
		if status := w.wait(c.ctx, c.calleeProcess); status != 0 {
			t.Errorf("the callee's SIPp ended with %d", status)
		}
	}
	records := w.records()
	if len(records) != 1 {
		t.Fatalf("%d records of one call", len(records))
	}
	callerCancels.agrees(t, records[0])
	c.hangUpHard()
	w.shut(w.caller.number, w.callee.number)
}

// TestTransfer: the called party is connected to a third, whose number neither knows. There are two calls and two records,
// and the one who asked is let go.
func TestTransfer(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	w := newWorld(t)
	w.serve(setup{left: "refer: allow", right: "refer: allow"})
	w.bind(w.caller.number, w.callee.number, w.x)
	third, onward := "135"+digits(8), block+digits(4)
	for onward == w.x {
		onward = block + digits(4)
	}
	w.bind(w.caller.number, third, onward)

	p := pair("caller-transfers", "callee-transferred")
	p.also = []string{third, onward, guard(w.secretsOfCaller()), w.onward, "comes"}
	p.lines = func(w *world, caller, _ []string) { caller[3] = onward }
	o := w.play(p)
	if o.callerStatus != 0 || o.calleeStatus != 0 {
		t.Errorf("the caller's SIPp ended with %d, the callee's with %d", o.callerStatus, o.calleeStatus)
	}
	w.unseen(o)
	records := w.records()
	if len(records) != 2 {
		t.Fatalf("%d records of two calls", len(records))
	}
	ending{end: cdr.EndTransferred, releasedBy: cdr.ByCaller, status: 200, q850: 16}.agrees(t, records[0])
	ending{end: cdr.EndCompleted, releasedBy: cdr.ByCallee, status: 200, q850: 16}.agrees(t, records[1])
	if r := records[1]; r.CallerIn != masked(w.caller.number) || r.CalleeIn != onward || r.CallerOut != onward || r.CalleeOut != masked(third) {
		t.Errorf("record of the second call: %+v", r)
	}
	w.shut(w.caller.number, w.callee.number, third)
}

// TestNextTarget: the first target of the callee's trunk does not take the call, the second does. It is one call with one
// record, and to whoever gets both they are two (RFC 3263 section 4.3).
func TestNextTarget(t *testing.T) {
	need(t, "sipp")
	for _, row := range []struct{ name, network, says string }{{"503", "udp", "503"}, {"nobody there", "tcp", ""}} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			first := at(w.callee.number, w.port(w.hosts.Callee))
			last := fmt.Sprintf("\"sip:%s;transport=%s\"", w.callee.addr, row.network)
			both := fmt.Sprintf("\"sip:%s;transport=%s\", %s", first.addr, row.network, last)
			w.serveWith(strings.Replace(w.config(setup{calleeNet: row.network, right: "watch: \"0\""}), last, both, 1), setup{})
			w.run("block", "add", block)
			w.bind(w.caller.number, w.callee.number, w.x)

			p := pair("caller-bye", "callee-answer")
			p.calleeNet = row.network
			var refuses *rig.Process
			if row.says != "" {
				one := *w
				one.callee, one.dir = first, filepath.Join(w.dir, "first")
				if err := os.Mkdir(one.dir, 0o700); err != nil {
					t.Fatal(err)
				}
				line := []string{w.callee.number, w.x, guard(w.secretsOfCaller()), w.onward}
				refuses = w.start(t.Context(), one.phone(play{callee: "callee-refuses", says: row.says, calls: 1, within: 10 * time.Second}, "callee", line))
			}
			o := w.play(p)
			if o.callerStatus != 0 || o.calleeStatus != 0 {
				t.Errorf("the caller's SIPp ended with %d, the callee's with %d", o.callerStatus, o.calleeStatus)
			}
			if refuses != nil {
				if status := w.wait(t.Context(), refuses); status != 0 {
					t.Errorf("the SIPp of the first target ended with %d", status)
				}
			}
			w.unseen(o)
			records := w.records()
			if len(records) != 1 {
				t.Fatalf("%d records of one call", len(records))
			}
			callerHangsUp.agrees(t, records[0])
			w.shut(w.caller.number, w.callee.number, w.forwarder, w.onward)
		})
	}
}
