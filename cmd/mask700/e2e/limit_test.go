package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/cmd/mask700/admin"
)

// TestLimitsOutliveKill: a second call is refused by its limit, also after the process was killed once the counters were
// written; damaged counters are a line in the log and begin anew.
func TestLimitsOutliveKill(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	w := newWorld(t)
	config := w.config(setup{}) + "limits: {mode: enforce, memory: 1MiB, snapshot: 1s, calls: [\"pair 1/1h\"], texts: []}\n"
	w.serveWith(config, setup{})
	w.run("block", "add", block)
	w.bind(w.caller.number, w.callee.number, w.x)
	if o := w.play(play{caller: "caller-bye", callee: "callee-answer"}); o.callerStatus != 0 || o.calleeStatus != 0 {
		t.Fatalf("the first call ended with %d and %d", o.callerStatus, o.calleeStatus)
	}
	ended := time.Now()
	if o := w.play(play{caller: "caller-rejected"}); o.callerStatus != 0 {
		t.Errorf("the second ended with %d", o.callerStatus)
	}
	if r := w.records(); len(r) != 2 || r[1].Refusal != binding.RefusalCapped || r[1].Rule != "pair 1/1h" {
		t.Errorf("records: %+v", r)
	}
	status := func() (st admin.Status) {
		if err := json.Unmarshal([]byte(w.run("status", "-o", "json")), &st); err != nil {
			t.Fatal(err)
		}
		return st
	}
	w.until("the counters to be written", func() bool {
		at, err := time.Parse(time.RFC3339, status().Limits.Saved)
		return err == nil && at.After(ended)
	})
	if n := status().Counters["limits_refused"]; n != 1 {
		t.Errorf("%d refused", n)
	}
	explained := func() string { return w.run("explain", "--caller", w.caller.number, "--dialled", w.x) }

	w.gateway.Kill()
	w.serveWith(config, setup{})
	if got := explained(); !strings.Contains(got, "refused with 403, capped by rule pair 1/1h") {
		t.Errorf("after kill -9: %s", got)
	}
	w.run("limit", "set", "--tenant", "default", "--calls", "pair 2/1h")
	if got := explained(); !strings.Contains(got, "connected by binding") {
		t.Errorf("with a higher limit of the tenant: %s", got)
	}
	w.gateway.Kill()
	w.serveWith(config, setup{})
	if got := explained(); !strings.Contains(got, "connected by binding") {
		t.Errorf("with that limit, after another start: %s", got)
	}
	w.run("limit", "set", "--tenant", "default", "--calls", "default")
	if got := explained(); !strings.Contains(got, "refused with 403, capped by rule pair 1/1h") {
		t.Errorf("with the configured limit again: %s", got)
	}
	w.gateway.Kill()
	file := filepath.Join(w.gateway.DataDir(), "limits.counters")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	w.serveWith(config, setup{})
	if got := explained(); !strings.Contains(got, "connected by binding") {
		t.Errorf("with damaged counters: %s", got)
	}
	if got := w.gateway.Output(); !strings.Contains(got, "begin to count anew") {
		t.Errorf("the log says nothing of damaged counters: %s", got)
	}
}
