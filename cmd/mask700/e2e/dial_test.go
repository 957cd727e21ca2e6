package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mask700/binding/cdr"
	"mask700/cmd/mask700/admin"
	"mask700/cmd/mask700/e2e/rig"
)

// called has the caller's phone wait for a call, as the callee's does: by a scenario of the callee's, under the
// caller's name.
func (w *world) called(ctx context.Context, p play) *rig.Process {
	w.t.Helper()
	file := w.complete(p.caller, "caller", "")
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, bytes.ReplaceAll(text, []byte("callee-"), []byte("caller-")), 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	f := &rig.Phone{
		Scenario: file, Role: "caller", Dir: w.dir, Network: "udp", Addr: w.caller.addr, Media: w.caller.media, Within: 30 * time.Second,
		Lines: [][]string{{w.caller.number, w.x, guard(w.secretsOfCallee()), w.forwarder}},
	}
	f.Flags = append(f.Traced(), "-l", "1")
	return w.start(ctx, f)
}

// asked is how a call went that the platform asked for, with both phones waiting for it.
func (w *world) asked(p play, during func(admin.CallView), args ...string) cdr.View {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 45*time.Second)
	defer cancel()
	p.within, p.calls = 30*time.Second, 1
	phones := map[string]*rig.Process{"caller": w.called(ctx, p)}
	if p.callee != "" {
		phones["callee"] = w.start(ctx, w.phone(p, "callee", []string{w.callee.number, w.x, guard(w.secretsOfCaller()), w.onward}))
	}
	before := len(w.records())
	var c admin.CallView
	if out := w.run(append([]string{"call", "dial", "-o", "json"}, args...)...); json.Unmarshal([]byte(out), &c) != nil || c.ID == "" {
		w.t.Fatalf("call dial printed no call:\n%s", out)
	}
	if during != nil {
		during(c)
	}
	for role, process := range phones {
		if status := w.wait(ctx, process); status != 0 {
			w.t.Errorf("%s and %s: the %s's SIPp ended with %d", p.caller, p.callee, role, status)
		}
	}
	err := rig.Poll(ctx, "the record", func() (bool, error) { return len(w.records()) > before, nil })
	if err != nil {
		w.t.Fatal(err)
	}
	all := w.records()
	r := all[len(all)-1]
	if r.ID != c.ID || r.Origin != cdr.OriginDial || r.CallerOut != w.x || r.CalleeIn != w.x {
		w.t.Errorf("record %s of call %s: origin %q, as by %s, shown %s", r.ID, c.ID, r.Origin, r.CalleeIn, r.CallerOut)
	}
	return r
}

// TestDial has the platform ask for calls: both phones are called, both see the 700 number, and what either has said of
// itself reaches the other in no message.
func TestDial(t *testing.T) {
	need(t, "sipp")
	t.Parallel()
	w := newWorld(t)
	w.serve(setup{})
	id := w.bind(w.caller.number, w.callee.number, w.x)

	talking := func(c admin.CallView) {
		if !c.Live || c.AnsweredAt.IsZero() {
			t.Errorf("after --wait answered the call is %s", c.State)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err := rig.Poll(ctx, "both to be heard", func() (bool, error) {
			out := w.run("call", "get", c.ID, "-o", "json")
			err := json.Unmarshal([]byte(out), &c)
			return c.Media.AtoB.Packets > 25 && c.Media.BtoA.Packets > 25, err
		})
		if err != nil {
			t.Error(err)
		}
		w.run("call", "hangup", c.ID)
	}
	r := w.asked(pair("callee-rtp", "callee-rtp"), talking, "--binding", id, "--trunk", "left", "--wait", "answered")
	if r.End != cdr.EndHangup || r.SIPStatus != 200 || r.CallerIn != masked(w.caller.number) || r.CalleeOut != masked(w.callee.number) || r.TrunkIn != "left" || r.TrunkOut != "right" {
		t.Errorf("record: %+v", r)
	}
	// Who is called may speak before the relay has heard where it is: on a slow machine a packet or two.
	if m := r.Media; m.AtoB.Refused+m.BtoA.Refused > 5 || m.Codec != "PCMA" {
		t.Errorf("media: %+v", m)
	}

	// The other way round, and the one who was called last hangs up.
	w.turnPhones()
	r = w.asked(pair("callee-answer", "callee-bye"), nil, "--binding", id, "--from", "b", "--trunk", "right", "--wait", "ended")
	if r.End != cdr.EndCompleted || r.ReleasedBy != cdr.ByCallee || r.CallerIn != masked(w.caller.number) || r.CalleeOut != masked(w.callee.number) {
		t.Errorf("record: %+v", r)
	}

	// Who is called first is busy: nobody else is called.
	r = w.asked(play{caller: "callee-busy"}, nil, "--binding", id, "--from", "b", "--trunk", "right", "--wait", "ended")
	if r.End != cdr.EndBusy || r.ReleasedBy != cdr.ByCaller || r.SIPStatus != 486 {
		t.Errorf("record: %+v", r)
	}

	for args, want := range map[string]string{
		"--binding " + id:                               "several trunks have targets",
		"--trunk elsewhere --binding " + id:             "no trunk of this name",
		"--trunk left --binding abcdefghijklmnop":       "no binding has this id",
		"--trunk left --ended --binding " + id:          "unknown flag",
		"--trunk left --from elsewhere --binding " + id: "a or b",
	} {
		w.refused(want, append([]string{"call", "dial"}, strings.Fields(args)...)...)
	}
	w.run("binding", "delete", id)
	w.refused("the binding has ended", "call", "dial", "--trunk", "left", "--binding", id)
	w.shut(w.caller.number, w.callee.number)
}

// refused runs a command that must fail, and say why.
func (w *world) refused(why string, args ...string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, err := w.gateway.Run(ctx, args...)
	if err == nil || !strings.Contains(err.Error()+out, why) {
		w.t.Errorf("%s: %v\n%s", filepath.Join(args...), err, out)
	}
}

// turnPhones has the phones of the two sides change places.
func (w *world) turnPhones() {
	(&scene{world: w, t: w.t}).turn()
}
