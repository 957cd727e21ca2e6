package e2e

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"mask700/cmd/mask700/e2e/rig"
)

// play is one run of a pair of scenarios.
type play struct {
	caller, callee           string // scenarios; no callee: nobody may be called
	callerNet, calleeNet     string // empty: udp
	callerFlags, calleeFlags []string
	calls                    int      // empty: one
	dials                    []string // what each call dials; empty: the world's 700 number
	also                     []string // the line of a further call to the callee's phone; empty: none
	fields                   []string // further ones of the caller's line, from field4 on
	says                     string   // what stands in the place of [says] in the callee's scenario: a status
	within                   time.Duration
	remote                   netip.AddrPort                          // whom the caller calls
	direct                   bool                                    // no gateway: the callee is called, and nothing is masked
	lines                    func(w *world, caller, callee []string) // last change to the injected lines
}

// outcome is how it went.
type outcome struct {
	callerStatus, calleeStatus int
	callerHeard, calleeHeard   []rig.Message // all that came in, retransmissions too
}

// secretsOf are the words of one subscriber that the other side may not see: its number, its phone's address and
// RTP port, and what its phone calls itself in every tag, Call-ID, name and header.
func secretsOf(s subscriber, role string) []string {
	return []string{s.number, s.number[len(s.number)-8:], s.addr.Addr().String(), "m=audio " + port(s.media) + " ", role + "-"}
}

func (w *world) secretsOfCaller() []string {
	secrets := append(secretsOf(w.caller, "caller"), w.forwarder, w.forwarder[3:], "Zhang San")
	if w.hosts.Right.IsValid() { // else the gateway has one address on both sides
		secrets = append(secrets, w.hosts.Left.String())
	}
	return secrets
}

func (w *world) secretsOfCallee() []string {
	secrets := append(secretsOf(w.callee, "callee"), w.onward, w.onward[3:])
	if w.hosts.Right.IsValid() {
		secrets = append(secrets, w.hosts.Right.String())
	}
	return secrets
}

// guard is the list of words in the form in which the scenarios read it.
func guard(words []string) string { return "~" + strings.Join(words, "~") + "~" }

// call is a play that goes on.
type call struct {
	w                            *world
	ctx                          context.Context
	callerPhone, calleePhone     *rig.Phone // no callee: nobody may be called
	callerProcess, calleeProcess *rig.Process
}

// play runs SIPp as callee and caller and waits for both.
func (w *world) play(p play) outcome {
	w.t.Helper()
	return w.begin(p).finish()
}

// begin starts SIPp as callee and caller.
func (w *world) begin(p play) *call {
	w.t.Helper()
	if p.within == 0 {
		p.within = 30 * time.Second
	}
	p.calls = max(p.calls, 1)
	callerLine := []string{w.caller.number, w.x, guard(w.secretsOfCallee()), w.forwarder}
	calleeLine := []string{w.callee.number, w.x, guard(w.secretsOfCaller()), w.onward}
	if p.direct {
		callerLine[2] = guard([]string{"nothing is masked"})
		calleeLine[0], calleeLine[1], calleeLine[2] = w.x, w.caller.number, callerLine[2]
	}
	if p.lines != nil {
		p.lines(w, callerLine, calleeLine)
	}
	callerLine = append(callerLine, p.fields...)
	ctx, cancel := context.WithTimeout(context.Background(), p.within+15*time.Second)
	w.t.Cleanup(cancel)
	c := &call{w: w, ctx: ctx}
	if p.callee != "" {
		c.calleePhone = w.phone(p, "callee", calleeLine)
		c.calleeProcess = w.start(ctx, c.calleePhone)
	}
	c.callerPhone = w.phone(p, "caller", callerLine)
	c.callerProcess = w.start(ctx, c.callerPhone)
	return c
}

// phone is one side of a play.
func (w *world) phone(p play, role string, line []string) *rig.Phone {
	w.t.Helper()
	s, scenario, network, flags := w.callee, p.callee, p.calleeNet, p.calleeFlags
	if role == "caller" {
		s, scenario, network, flags = w.caller, p.caller, p.callerNet, p.callerFlags
	}
	f := &rig.Phone{
		Scenario: w.complete(scenario, role, p.says), Role: role, Dir: w.dir,
		Network: or(network, "udp"), Addr: s.addr, Media: s.media, Within: p.within,
	}
	if role == "caller" {
		f.Remote = w.left
		if p.direct {
			f.Remote = w.callee.addr
		}
		if p.remote.IsValid() {
			f.Remote = p.remote
		}
	}
	for i := range p.calls {
		one := slices.Clone(line)
		if i < len(p.dials) {
			one[1] = p.dials[i]
		}
		f.Lines = append(f.Lines, one)
	}
	if role == "callee" && p.also != nil {
		f.Lines = append(f.Lines, p.also)
	}
	f.Flags = append(append(f.Traced(), "-l", "1"), flags...)
	return f
}

// complete writes a scenario as SIPp reads it, beside what else is kept when the test fails.
func (w *world) complete(scenario, role, says string) string {
	w.t.Helper()
	source, err := os.ReadFile(filepath.Join(scenarios(w.t), scenario+".xml"))
	if err != nil {
		w.t.Fatal(err)
	}
	whole, err := rig.Complete(bytes.ReplaceAll(source, []byte("[says]"), []byte(says)))
	if err != nil {
		w.t.Fatal(err)
	}
	file := filepath.Join(w.dir, role+".xml")
	if err := os.WriteFile(file, whole, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return file
}

// finish waits for both phones.
func (c *call) finish() outcome {
	c.w.t.Helper()
	var out outcome
	out.callerStatus = c.w.wait(c.ctx, c.callerProcess)
	out.callerHeard = c.w.heard(c.callerPhone)
	if c.calleeProcess != nil {
		out.calleeStatus = c.w.wait(c.ctx, c.calleeProcess)
		out.calleeHeard = c.w.heard(c.calleePhone)
	}
	return out
}

// hangUpHard ends both phones at once, in the middle of what they do.
func (c *call) hangUpHard() {
	c.callerProcess.Kill()
	if c.calleeProcess != nil {
		c.calleeProcess.Kill()
	}
}

func (w *world) start(ctx context.Context, p *rig.Phone) *rig.Process {
	w.t.Helper()
	process, err := p.Start(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(process.Kill)
	return process
}

func (w *world) wait(ctx context.Context, p *rig.Process) int {
	w.t.Helper()
	status, err := p.Wait(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	if status > 1 { // not a call that failed: a port that is taken, a scenario that cannot be read
		w.t.Logf("sipp ended with %d: %s", status, tail(p.Output(), 600))
	}
	return status
}

// tail is the end of a text.
func tail(text string, n int) string { return text[max(len(text)-n, 0):] }

func (w *world) heard(p *rig.Phone) []rig.Message {
	w.t.Helper()
	all, err := rig.ReadTrace(p.TraceFile())
	if err != nil {
		w.t.Fatal(err)
	}
	var received []rig.Message
	for _, m := range all {
		if m.Received {
			received = append(received, m)
		}
	}
	return received
}

func port(p uint16) string { return strconv.Itoa(int(p)) }
