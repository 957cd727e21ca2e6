package e2e

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/cmd/mask700/e2e/rig"
)

// TestRefusals: a 700 number that is not bound, one bound for others, one whose binding has expired, and one of a
// block that is not held. Nothing rings, each leaves its record, and the caller cannot tell one from another.
func TestRefusals(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	w := newWorld(t)
	w.serve(setup{})
	silent := w.listen()

	unbound, stranger, expired, foreign := block+"0001", block+"0002", block+"0003", "700100000020001"
	w.bind("136"+digits(8), w.callee.number, stranger)
	id := w.bind(w.caller.number, w.callee.number, expired, "--ttl", "1s")
	w.until("the binding to expire", func() bool {
		var b struct{ State string }
		out := w.run("binding", "get", id, "-o", "json")
		if err := json.Unmarshal([]byte(out), &b); err != nil {
			t.Fatal(err)
		}
		return b.State == "expired"
	})

	dialled := []string{unbound, stranger, expired, foreign}
	o := w.play(play{caller: "caller-not-found", calls: len(dialled), dials: dialled})
	if o.callerStatus != 0 {
		t.Errorf("the caller's SIPp ended with %d", o.callerStatus)
	}
	if got := silent(); got != "" {
		t.Errorf("the callee's phone was sent %q", got)
	}

	var answers []string
	for _, m := range o.callerHeard {
		if strings.HasPrefix(m.First(), "SIP/2.0 404 ") {
			answers = append(answers, impersonal(m))
		}
	}
	if len(answers) != len(dialled) {
		t.Fatalf("%d answers to %d calls", len(answers), len(dialled))
	}
	if same := slices.Compact(slices.Clone(answers)); len(same) != 1 {
		t.Errorf("the answers differ:\n%s", strings.Join(same, "\n"))
	}
	if !strings.Contains(answers[0], "Reason: Q.850;cause=1\r\n") {
		t.Errorf("no Reason: Q.850;cause=1 in:\n%s", answers[0])
	}

	want := []binding.Refusal{"no_binding", "no_binding", "expired", "no_binding"}
	records := w.records()
	if len(records) != len(want) {
		t.Fatalf("%d records of %d calls", len(records), len(want))
	}
	for i, r := range records {
		if r.Seq != uint64(i+1) || r.End != cdr.EndRefused || r.Refusal != want[i] || r.SIPStatus != 404 || r.Q850 != 1 {
			t.Errorf("%s: seq %d, end %q, refusal %q, status %d, cause %d; want %d, refused, %q, 404, 1",
				dialled[i], r.Seq, r.End, r.Refusal, r.SIPStatus, r.Q850, i+1, want[i])
		}
		if r.CallerIn != masked(w.caller.number) || r.CalleeIn != dialled[i] {
			t.Errorf("record: from %q to %q", r.CallerIn, r.CalleeIn)
		}
	}
	w.shut(w.caller.number, w.callee.number)
}

// TestOptions: a softswitch that asks whether we are alive is told so, and no record is written of it.
func TestOptions(t *testing.T) {
	need(t, "sipp")
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.serve(setup{callerNet: network})
			if o := w.play(play{caller: "caller-options", callerNet: network}); o.callerStatus != 0 {
				t.Errorf("the caller's SIPp ended with %d", o.callerStatus)
			}
			if r := w.records(); len(r) != 0 {
				t.Errorf("%d records", len(r))
			}
			w.shut()
		})
	}
}

// TestHostileSource: who is on no trunk gets nothing at all, and leaves no record.
func TestHostileSource(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	w := newWorld(t)
	w.serve(setup{})
	w.bind(w.caller.number, w.callee.number, w.x)
	w.caller.addr = w.port(w.hosts.Switch)
	o := w.play(play{caller: "caller-bye", within: 2 * time.Second})
	if o.callerStatus == 0 || len(o.callerHeard) != 0 {
		t.Errorf("SIPp ended with %d and was sent %d messages", o.callerStatus, len(o.callerHeard))
	}
	if r := w.records(); len(r) != 0 {
		t.Errorf("%d records", len(r))
	}
	w.shut(w.caller.number, w.callee.number)
}

// impersonal is a response without what belongs to the one request it answers.
func impersonal(m rig.Message) string {
	var kept []string
	for _, line := range strings.SplitAfter(m.Text, "\n") {
		name, _, _ := strings.Cut(line, ":")
		if !slices.Contains([]string{"Via", "From", "To", "Call-ID"}, name) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// listen puts a socket where the callee's phone would be and returns what gives the first thing that came, "" for
// nothing.
func (w *world) listen() func() string {
	w.t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(w.callee.addr))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	return func() string {
		b := make([]byte, 2000)
		if err := conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			w.t.Fatal(err)
		}
		n, err := conn.Read(b)
		if err != nil && !os.IsTimeout(err) {
			w.t.Fatal(err)
		}
		return string(b[:n])
	}
}

// until waits for a condition.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := rig.Poll(ctx, what, func() (bool, error) { return ok(), nil }); err != nil {
		w.t.Fatal(err)
	}
}
