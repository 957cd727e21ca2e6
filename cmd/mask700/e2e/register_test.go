package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mask700/cmd/mask700/admin"
	"mask700/cmd/mask700/e2e/rig"
)

// secret writes the file of a password and returns its path.
func (w *world) secret(name, password string) string {
	w.t.Helper()
	file := filepath.Join(w.dir, name)
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return file
}

// onTrunk adds keys to a trunk of a configuration that config made.
func onTrunk(config, name, keys string) string {
	begin := "  - {name: " + name + ", "
	return strings.Replace(config, begin+"sources", begin+keys+", sources", 1)
}

func (w *world) status() admin.Status {
	w.t.Helper()
	var st admin.Status
	if err := json.Unmarshal([]byte(w.run("status", "-o", "json")), &st); err != nil {
		w.t.Fatal(err)
	}
	return st
}

// TestRegisteredUpstream: SIPp is the registrar. The gateway registers, answers the challenge, renews in time, and
// has itself forgotten when it drains.
func TestRegisteredUpstream(t *testing.T) {
	need(t, "sipp")
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			registerUpstream(newWorld(t), network)
		})
	}
}

func registerUpstream(w *world, network string) {
	t := w.t
	const user, password = "account-of-ours", "the password of the account"
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	registrar := w.phone(play{callee: "register-upstream", calleeNet: network, calls: 1, within: 40 * time.Second}, "callee", []string{user, password})
	process := w.start(ctx, registrar)

	config := onTrunk(w.config(setup{calleeNet: network}), "right", fmt.Sprintf("auth: {user: %s, password_file: %s}, register: {aor: \"sip:%s@example.net\"}",
		user, w.secret("right.secret", password), w.callee.number))
	w.serveWith(config, setup{})
	w.until("the second renewal", func() bool {
		for _, trunk := range w.status().Trunks {
			if r := trunk.Registration; r != nil && trunk.Name == "right" {
				return r.Registered && r.State == "registered" && time.Until(r.Until) > time.Minute
			}
		}
		return false
	})
	if out := w.run("status"); !strings.Contains(out, "registered upstream") || !strings.Contains(out, "yes, for ") {
		t.Errorf("status says nothing of the registration:\n%s", out)
	}
	w.shut(w.callee.number, password, user)
	if status := w.wait(ctx, process); status != 0 {
		t.Errorf("the registrar's SIPp ended with %d", status)
	}
	requests := w.heard(registrar)
	if len(requests) != 5 {
		t.Errorf("the registrar got %d REGISTERs, want 5", len(requests))
	}
	calls := map[string]bool{}
	for i, m := range requests {
		calls[strings.Join(m.Header("Call-ID"), "")] = true
		if got, want := strings.Join(m.Header("CSeq"), ""), fmt.Sprintf("%d REGISTER", i+1); got != want {
			t.Errorf("CSeq %s, want %s", got, want)
		}
		if m.First() != "REGISTER sip:example.net SIP/2.0" || len(m.Header("User-Agent")) != 0 {
			t.Errorf("the registrar was sent\n%s", m.Text)
		}
	}
	if len(calls) != 1 {
		t.Errorf("%d Call-IDs", len(calls))
	}
}

// challenging is a configuration whose caller's side may be anywhere, and has to know a password.
func (w *world) challenging(user, password string) string {
	config := onTrunk(w.config(setup{}), "left", fmt.Sprintf("challenge: {realm: \"our realm\", users: [{name: %s, password_file: %s}], algorithms: [md5, sha-256]}",
		user, w.secret("left.secret", password)))
	return strings.Replace(config, w.caller.addr.Addr().String()+"/32", "0.0.0.0/0", 1)
}

// TestCallerWithCredentials: the caller's side is known by its password, whatever address it comes from.
func TestCallerWithCredentials(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	w := newWorld(t)
	const user, password = "sw1", "the password of the switch"
	w.serveWith(w.challenging(user, password), setup{})
	w.run("block", "add", block)
	id := w.bind(w.caller.number, w.callee.number, w.x)
	w.caller.addr = w.port(w.hosts.Switch) // another address than that of the trunk's target
	credentials := []string{"-au", user, "-ap", password, "-auth_uri", w.x + "@" + w.left.String()}

	o := w.play(play{caller: "caller-digest", callee: "callee-answer", callerFlags: credentials})
	if o.callerStatus != 0 || o.calleeStatus != 0 {
		t.Errorf("the caller's SIPp ended with %d, the callee's with %d", o.callerStatus, o.calleeStatus)
	}
	w.unseen(o)
	records := w.records()
	if len(records) != 1 || records[0].Binding != id || records[0].SIPStatus != 200 {
		t.Errorf("records: %+v; want one, of the call", records)
	}
	if c := w.status().Counters; c["challenged"] != 1 || c["auth_failed"] != 0 {
		t.Errorf("counted: %d challenged, %d failed", c["challenged"], c["auth_failed"])
	}
	w.shut(w.caller.number, w.callee.number, password)
}

// TestCallerWithAWrongPassword: it hears nothing but challenges, nothing rings, and there is no record.
func TestCallerWithAWrongPassword(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	w := newWorld(t)
	const user, password = "sw1", "the password of the switch"
	w.serveWith(w.challenging(user, password), setup{})
	w.run("block", "add", block)
	w.bind(w.caller.number, w.callee.number, w.x)
	silent := w.listen()
	var challenges []rig.Message
	for _, name := range []string{user, "nobody"} {
		credentials := []string{"-au", name, "-ap", "a guess", "-auth_uri", w.x + "@" + w.left.String()}
		o := w.play(play{caller: "caller-digest-refused", callerFlags: credentials})
		if o.callerStatus != 0 || len(o.callerHeard) != 2 {
			t.Fatalf("the caller's SIPp ended with %d after %d messages", o.callerStatus, len(o.callerHeard))
		}
		challenges = append(challenges, o.callerHeard...)
	}
	for _, m := range challenges {
		if m.First() != "SIP/2.0 401 Unauthorized" || len(m.Header("WWW-Authenticate")) != 2 || strings.Contains(m.Text, "stale") {
			t.Errorf("the caller was sent\n%s", m.Text)
		}
	}
	if got := silent(); got != "" {
		t.Errorf("the callee's phone was sent %q", got)
	}
	if r := w.records(); len(r) != 0 {
		t.Errorf("%d records", len(r))
	}
	if c := w.status().Counters; c["challenged"] != 4 || c["auth_failed"] != 2 {
		t.Errorf("counted: %d challenged, %d failed", c["challenged"], c["auth_failed"])
	}
	w.shut(w.caller.number, w.callee.number, password)
}
