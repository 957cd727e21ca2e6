package e2e

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"mask700/binding/cdr"
	"mask700/cmd/mask700/e2e/rig"
)

// TestKilled: the gateway is killed while a phone rings. When it is started again the binding is there, the call's
// record is closed as the platform's, and the next call gets the next number.
func TestKilled(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	w := newWorld(t)
	w.serve(setup{})
	id := w.bind(w.caller.number, w.callee.number, w.x)
	c := w.begin(play{caller: "caller-no-answer", callee: "callee-cancelled"})
	w.until("the phone to ring", func() bool { return w.calls() == 1 })
	w.gateway.Kill()
	c.hangUpHard()

	w.serveWith(w.config(setup{}), setup{})
	records := w.records()
	if len(records) != 1 {
		t.Fatalf("%d records of the call that was cut off", len(records))
	}
	if r := records[0]; r.Seq != 1 || r.Binding != id || r.End != cdr.EndRestart || r.ReleasedBy != cdr.ByPlatform {
		t.Errorf("record of the call that was cut off: %+v", r)
	}
	if o := w.play(play{caller: "caller-bye", callee: "callee-answer"}); o.callerStatus != 0 || o.calleeStatus != 0 {
		t.Errorf("the next call: the caller's SIPp ended with %d, the callee's with %d", o.callerStatus, o.calleeStatus)
	}
	if records = w.records(); len(records) != 2 || records[1].Seq != 2 || records[1].End != cdr.EndCompleted {
		t.Errorf("records after the next call: %+v", records)
	}
	w.shut(w.caller.number, w.callee.number)
}

// TestUnbound: a binding that is deleted cuts off no call; --hard does, on both legs, and the record says why.
func TestUnbound(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	w := newWorld(t)
	w.serve(setup{})
	id := w.bind(w.caller.number, w.callee.number, w.x)
	live := w.begin(play{caller: "caller-await-bye", callee: "callee-never-acked"})
	w.until("the call to be answered", func() bool {
		all, err := rig.ReadTrace(live.callerPhone.TraceFile())
		return err == nil && slices.ContainsFunc(all, func(m rig.Message) bool { return strings.HasPrefix(m.First(), "ACK ") })
	})
	if out := w.run("binding", "delete", id); !strings.Contains(out, "unbound") {
		t.Errorf("deleted: %s", out)
	}
	if n := w.calls(); n != 1 || len(w.records()) != 0 {
		t.Fatalf("%d calls go on after their binding was deleted, %d have ended", n, len(w.records()))
	}
	w.run("binding", "delete", id, "--hard")
	if o := live.finish(); o.callerStatus != 0 || o.calleeStatus != 0 {
		t.Errorf("the caller's SIPp ended with %d, the callee's with %d", o.callerStatus, o.calleeStatus)
	}
	w.until("the record", func() bool { return len(w.records()) == 1 })
	if r := w.records()[0]; r.Binding != id || r.End != cdr.EndUnbound || r.ReleasedBy != cdr.ByPlatform || r.AnsweredAt.IsZero() {
		t.Errorf("record: %+v", r)
	}
	w.shut(w.caller.number, w.callee.number)
}

// TestDrain: after SIGTERM a live call goes on, new calls are sent elsewhere, and when the drain time is over the call
// is hung up on both legs. Its record is there for a command that opens the store itself.
func TestDrain(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	w := newWorld(t)
	w.serve(setup{drainTime: "4s"})
	w.bind(w.caller.number, w.callee.number, w.x)
	live := w.begin(play{caller: "caller-await-bye", callee: "callee-never-acked"})
	w.until("the call to be answered", func() bool {
		all, err := rig.ReadTrace(live.callerPhone.TraceFile())
		return err == nil && slices.ContainsFunc(all, func(m rig.Message) bool { return strings.HasPrefix(m.First(), "ACK ") })
	})

	second := *w
	second.dir = filepath.Join(w.dir, "second")
	if err := os.Mkdir(second.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	second.caller = at(w.caller.number, w.port(w.hosts.Caller))
	if err := syscall.Kill(w.gateway.PID(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	w.until("the gateway to drain", func() bool { return strings.Contains(w.gateway.Output(), "draining") })
	if o := second.play(play{caller: "caller-drained"}); o.callerStatus != 0 {
		t.Errorf("a new call: the caller's SIPp ended with %d", o.callerStatus)
	}
	if o := live.finish(); o.callerStatus != 0 || o.calleeStatus != 0 {
		t.Errorf("the live call: the caller's SIPp ended with %d, the callee's with %d", o.callerStatus, o.calleeStatus)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if status, err := w.gateway.Wait(ctx); status != 0 || err != nil {
		t.Errorf("the gateway ended with %d, %v", status, err)
	}
	out, err := w.gateway.RunAlone(ctx, "cdr", "list", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range w.parseRecords(out) {
		switch {
		case r.SIPStatus == 503:
		case r.SIPStatus == 200 && r.End == cdr.EndDrained && r.ReleasedBy == cdr.ByPlatform:
		default:
			t.Errorf("record: %+v", r)
		}
	}
	if n := strings.Count(out, "\n"); n != 2 {
		t.Errorf("%d records of two calls", n)
	}
}
