package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"mask700/binding/cdr"
	"mask700/cmd/mask700/admin"
	"mask700/cmd/mask700/e2e/rig"
)

// clientCall is a call between two people.
type clientCall struct {
	name           string
	caller, callee string // programs
	back           bool   // the callee of the binding calls back
	holds, presses string // who
	hangsUp        string
	declined       bool   // the callee does not want to
	srtp           string // as the trunk has it; "": as printed
	observed       bool   // all that tshark decodes on both sides of the relay is searched
	end            string
	status         int
	why            string // what `call get` says
}

// TestClients: programs that people use, real audio both ways, through Kamailio. What each hears is measured.
func TestClients(t *testing.T) {
	for _, call := range []clientCall{
		{name: "baresip", caller: "baresip", callee: "baresip", holds: "caller", presses: "callee", hangsUp: "caller", observed: true,
			end: cdr.EndCompleted, status: 200, why: "the caller hung up (Q.850 16 normal call clearing)"},
		{name: "baresip calls back", caller: "baresip", callee: "baresip", back: true, holds: "callee", presses: "caller", hangsUp: "callee",
			end: cdr.EndCompleted, status: 200, why: "the callee hung up (Q.850 16 normal call clearing)"},
		{name: "baresip declines", caller: "baresip", callee: "baresip", declined: true, hangsUp: "callee",
			end: cdr.EndBusy, status: 486, why: "the callee's phone was busy (486, Q.850 17 user busy)"},
		{name: "linphone calls baresip", caller: "linphonec", callee: "baresip", holds: "caller", presses: "caller", hangsUp: "callee",
			end: cdr.EndCompleted, status: 200, why: "the callee hung up (Q.850 16 normal call clearing)"},
		{name: "baresip calls linphone", caller: "baresip", callee: "linphonec", holds: "callee", presses: "callee", hangsUp: "callee",
			end: cdr.EndCompleted, status: 200, why: "the callee hung up (Q.850 16 normal call clearing)"},
		{name: "encrypted caller", caller: encrypting, callee: "baresip", srtp: "allow", holds: "caller", presses: "callee", hangsUp: "callee",
			end: cdr.EndCompleted, status: 200, why: "the callee hung up (Q.850 16 normal call clearing)"},
		{name: "encrypted both", caller: encrypting, callee: encrypting, srtp: "require", holds: "callee", presses: "caller", hangsUp: "caller",
			end: cdr.EndCompleted, status: 200, why: "the caller hung up (Q.850 16 normal call clearing)"},
	} {
		t.Run(call.name, func(t *testing.T) {
			need(t, command(call.caller), command(call.callee), "kamailio", "dumpcap", "tshark", "ip")
			t.Parallel()
			withClients(t, call.srtp, call.play)
		})
	}
}

// command is the program of a kind of handset.
func command(kind string) string {
	name, _, _ := strings.Cut(kind, " ")
	return name
}

func (p clientCall) play(c *clients) {
	a, b := c.users(p.caller, p.callee)
	roles := map[string]*user{"caller": a, "callee": b}
	if p.back {
		c.bind(b.number, a.number, c.x)
	} else {
		c.bind(a.number, b.number, c.x)
	}
	c.start(a, b)

	c.must(a.Dial(c.ctx, c.x))
	display, err := b.Rings(c.ctx)
	c.must(err)
	c.shows(b, a, display)
	c.must(a.HearsRinging(c.ctx))
	if !p.declined {
		p.talk(c, roles)
	}
	id := c.only("call", "list")
	c.must(roles[p.hangsUp].HangUp(c.ctx))
	for _, u := range roles {
		_, err := u.Closed(c.ctx)
		c.must(err)
	}

	packets, err := c.capture.Packets(c.ctx)
	c.must(err)
	c.search(packets, !p.declined)
	c.searchClients(packets, a, b)
	if !p.declined {
		c.judge(packets, a, b, roles[p.holds])
	}
	if p.observed { // analysed says by which path it was relayed
		observed, err := c.capture.Observe(c.ctx)
		c.must(err)
		c.observe(observed, false, true)
	}
	p.recorded(c, id)
	if !p.declined {
		p.analysed(c)
	}
	c.shut(a.number, b.number)
}

// analysed: the record is what tshark makes of the packets that came and left, by whichever path of the relay they went.
func (p clientCall) analysed(c *clients) {
	c.t.Helper()
	streams, err := c.capture.Streams(c.ctx)
	c.must(err)
	m := c.records()[0].Media
	if kernel := m.AtoB.Kernel+m.BtoA.Kernel > 0; kernel == (p.srtp != "") || p.srtp != "" && m.Path != "user" {
		c.t.Errorf("the audio went by %q: %+v and %+v", m.Path, m.AtoB, m.BtoA)
	}
	c.agree(streams, m.AtoB, c.hosts.Caller, c.hosts.Callee)
	c.agree(streams, m.BtoA, c.hosts.Callee, c.hosts.Caller)
}

// talk is what the parties do between the answer and the end.
func (p clientCall) talk(c *clients, roles map[string]*user) {
	c.t.Helper()
	a, b := roles["caller"], roles["callee"]
	c.must(b.Answer(c.ctx))
	c.must(a.Talks(c.ctx))
	c.must(b.Talks(c.ctx))
	c.hear(10, a, b)

	presses := roles[p.presses]
	c.must(presses.Press(c.ctx, '5'))
	c.must(roles[otherRole(p.presses)].HearsDigit(c.ctx, '5'))

	holds := roles[p.holds]
	c.must(holds.Hold(c.ctx))
	c.quiet(holds)
	if call := c.get(c.only("call", "list")); call.Held != p.holds || !call.Live {
		c.t.Errorf("a call that the %s holds: %+v", p.holds, call)
	}
	c.must(holds.Resume(c.ctx))
	c.flows(40)
	if call := c.get(c.only("call", "list")); call.Held != "" {
		c.t.Errorf("a call that the %s has resumed: %+v", p.holds, call)
	}
	for _, u := range roles {
		if u.RecordsOn() {
			c.hear(5, u)
		}
	}
}

func otherRole(role string) string {
	if role == "caller" {
		return "callee"
	}
	return "caller"
}

// only is the id of the one thing that a list has.
func (c *clients) only(list ...string) string {
	c.t.Helper()
	var thing struct{ ID string }
	out := c.run(append(list, "-o", "json")...)
	if err := json.Unmarshal([]byte(out), &thing); err != nil || thing.ID == "" {
		c.t.Fatalf("%s is not one: %v\n%s", strings.Join(list, " "), err, out)
	}
	return thing.ID
}

// get is what `call get` says of a call.
func (c *clients) get(id string) admin.CallView {
	c.t.Helper()
	var v admin.CallView
	c.must(json.Unmarshal([]byte(c.run("call", "get", id, "-o", "json")), &v))
	return v
}

// flows waits until the gateway has relayed so many packets more in either direction.
func (c *clients) flows(more uint64) {
	c.t.Helper()
	id := c.only("call", "list")
	packets := func() (toCallee, toCaller uint64) {
		m := c.get(id).Media
		return m.AtoB.Packets, m.BtoA.Packets
	}
	callee, caller := packets()
	c.must(rig.Poll(c.ctx, "audio to flow both ways", func() (bool, error) {
		nowCallee, nowCaller := packets()
		return nowCallee >= callee+more && nowCaller >= caller+more, nil
	}))
}

// recorded: the one record says how the call went, and the operator is told in words.
func (p clientCall) recorded(c *clients, id string) {
	t := c.t
	t.Helper()
	records := c.records()
	if len(records) != 1 {
		t.Fatalf("%d records of one call", len(records))
	}
	r := records[0]
	if r.ID != id || r.End != p.end || r.ReleasedBy != p.hangsUp || r.SIPStatus != p.status {
		t.Errorf("record: %+v", r)
	}
	// Its legs end after its record: what one of them still waits for is a call that goes on.
	c.must(rig.Poll(c.ctx, "the call to be over", func() (bool, error) { return !c.get(id).Live, nil }))
	if v := c.get(id); v.Why != p.why || r.Why != p.why {
		t.Errorf("the operator is told %q and %q, want %q", v.Why, r.Why, p.why)
	}
	if out := c.run("call", "get", id); !strings.Contains(out, "\nwhy       "+p.why+"\n") || !strings.Contains(out, "\nstate     ended\n") {
		t.Errorf("call get:\n%s", out)
	}
	if !p.declined && (r.Media.AtoB.Packets < 50 || r.Media.BtoA.Packets < 50) {
		t.Errorf("record: %d packets to the callee, %d to the caller", r.Media.AtoB.Packets, r.Media.BtoA.Packets)
	}
}
