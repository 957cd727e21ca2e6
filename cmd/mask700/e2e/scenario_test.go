package e2e

import (
	"strings"
	"testing"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/cmd/mask700/e2e/rig"
)

// scenario is a pair of SIPp scenarios and what has to be true afterwards. The tables are in the files scenario_*.
type scenario struct {
	name    string
	play    play
	setup   setup
	bind    []string // further flags of binding create
	reverse bool     // B of the binding calls A
	alone   bool     // the pair can also be played without the gateway

	want    ending // of the record
	audio   bool   // packets were relayed both ways
	marks   bool   // both phones plant marks
	invites int    // that the callee's phone got with a Call-ID of its own; 1 unless said otherwise
	heard   func(t *testing.T, o outcome)
}

// ending is how a record says that its call ended.
type ending struct {
	end        string
	releasedBy string
	status     int
	q850       int // 0: not looked at
	refusal    binding.Refusal
}

// The usual endings.
var (
	callerHangsUp = ending{end: cdr.EndCompleted, releasedBy: cdr.ByCaller, status: 200, q850: 16}
	calleeHangsUp = ending{end: cdr.EndCompleted, releasedBy: cdr.ByCallee, status: 200, q850: 16}
	callerCancels = ending{end: cdr.EndCancelled, releasedBy: cdr.ByCaller, status: 487, q850: 16}
)

func pair(caller, callee string) play { return play{caller: caller, callee: callee} }

func tcp(p play) play      { p.callerNet, p.calleeNet = "tcp", "tcp"; return p }
func udpToTCP(p play) play { p.calleeNet = "tcp"; return p }
func tcpToUDP(p play) play { p.callerNet = "tcp"; return p }

// all are the rows of all tables.
func all() []scenario {
	var rows []scenario
	for _, table := range [][]scenario{
		basicScenarios(), failureScenarios(), earlyScenarios(), reliableScenarios(), updateScenarios(), reinviteScenarios(),
		sessionScenarios(), requestScenarios(), misbehavingScenarios(), reasonScenarios(), identityScenarios(), transportScenarios(),
	} {
		rows = append(rows, table...)
	}
	return rows
}

// TestScenarios carries each pair of scenarios through the gateway.
func TestScenarios(t *testing.T) {
	need(t, "sipp")
	for _, s := range all() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.through(newWorld(t))
		})
	}
}

func (s scenario) through(w *world) {
	w.t.Helper()
	s.setup.callerNet, s.setup.calleeNet = s.play.callerNet, s.play.calleeNet
	w.serve(s.setup)
	a, b := w.caller.number, w.callee.number
	if s.reverse {
		a, b = b, a
	}
	id := w.bind(a, b, w.x, s.bind...)

	o := w.play(s.play)
	if o.callerStatus != 0 || o.calleeStatus != 0 {
		w.t.Errorf("the caller's SIPp ended with %d, the callee's with %d", o.callerStatus, o.calleeStatus)
	}
	w.unseen(o)
	sameSession(w.t, "caller", o.callerHeard)
	sameSession(w.t, "callee", o.calleeHeard)
	calls := max(s.play.calls, 1)
	s.sawInvites(w.t, o, max(s.invites, 1))
	records := w.records()
	if len(records) != calls {
		w.t.Errorf("%d records of %d calls", len(records), calls)
	}
	for i, r := range records {
		s.agrees(w, r, id, uint64(i+1))
	}
	if s.heard != nil {
		s.heard(w.t, o)
	}
	w.shut(w.caller.number, w.callee.number, w.forwarder, w.onward)
}

// unseen looks through everything that either phone received, retransmissions too and in every disguise, for what
// belongs to the other.
func (w *world) unseen(o outcome) {
	w.t.Helper()
	for _, m := range o.callerHeard {
		if word, found := rig.Find(m.Text, w.secretsOfCallee()); found {
			w.t.Errorf("the caller was sent %q in:\n%s", word, m.Text)
		}
	}
	for _, m := range o.calleeHeard {
		if word, found := rig.Find(m.Text, w.secretsOfCaller()); found {
			w.t.Errorf("the callee was sent %q in:\n%s", word, m.Text)
		}
		for _, name := range []string{"P-Asserted-Identity", "Remote-Party-ID"} {
			for _, v := range m.Header(name) {
				if !strings.Contains(v, w.x) {
					w.t.Errorf("%s: %s does not show the 700 number", name, v)
				}
			}
		}
	}
}

// sawInvites: a retransmitted INVITE is the same call.
func (s scenario) sawInvites(t *testing.T, o outcome, want int) {
	t.Helper()
	calls := map[string]bool{}
	for _, m := range o.calleeHeard {
		if strings.HasPrefix(m.First(), "INVITE ") && !strings.Contains(strings.Join(m.Header("To"), ""), ";tag=") {
			calls[strings.Join(m.Header("Call-ID"), "")] = true
		}
	}
	if len(calls) != want {
		t.Errorf("the callee's phone was called %d times, want %d", len(calls), want)
	}
}

func (s scenario) agrees(w *world, r cdr.View, bindingID string, seq uint64) {
	t := w.t
	t.Helper()
	check := func(what string, got, want any) {
		if got != want {
			t.Errorf("record: %s is %v, want %v", what, got, want)
		}
	}
	check("seq", r.Seq, seq)
	check("binding", r.Binding, bindingID)
	check("order", r.Order, "E2E-"+w.x)
	check("tenant", r.Tenant, "default")
	check("trunk_in", r.TrunkIn, "left")
	check("trunk_out", r.TrunkOut, "right")
	check("caller_in", r.CallerIn, masked(w.caller.number))
	check("callee_in", r.CalleeIn, w.x)
	check("caller_out", r.CallerOut, w.x)
	check("callee_out", r.CalleeOut, masked(w.callee.number))
	s.want.agrees(t, r)
	answered := s.want.status == 200
	check("answered", !r.AnsweredAt.IsZero(), answered)
	check("times in order", !r.ReceivedAt.IsZero() && !r.ReleasedAt.Before(r.ReceivedAt), true)
	if s.audio && (r.Media.AtoB.Packets < 20 || r.Media.BtoA.Packets < 20) {
		t.Errorf("record: %d packets to the callee, %d to the caller; want audio both ways",
			r.Media.AtoB.Packets, r.Media.BtoA.Packets)
	}
}

func (e ending) agrees(t *testing.T, r cdr.View) {
	t.Helper()
	got := ending{end: r.End, releasedBy: r.ReleasedBy, status: r.SIPStatus, refusal: r.Refusal}
	if e.q850 != 0 {
		got.q850 = r.Q850
	}
	if got != e {
		t.Errorf("record: the end is %+v, want %+v", got, e)
	}
}

func count(messages []rig.Message, first, method string) int {
	return len(pick(messages, first, method))
}

// pick gives the messages whose start line begins so and whose CSeq is of a method.
func pick(messages []rig.Message, first, method string) []rig.Message {
	var found []rig.Message
	for _, m := range messages {
		if strings.HasPrefix(m.First(), first) && strings.HasSuffix(strings.Join(m.Header("CSeq"), ""), " "+method) {
			found = append(found, m)
		}
	}
	return found
}
