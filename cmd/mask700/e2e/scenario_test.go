package e2e

import (
	"strings"
	"testing"
	"time"

	"mask700/binding/cdr"
	"mask700/cmd/mask700/e2e/rig"
)

// scenario is a pair of SIPp scenarios and what has to be true afterwards.
type scenario struct {
	name    string
	play    play
	setup   setup
	reverse bool // B of the binding calls A
	alone   bool // the pair can also be played without the gateway

	end        string // of the record
	releasedBy string
	status     int
	q850       int
	audio      bool // packets were relayed both ways
	early      bool // the gateway was told of early media
	invites    int  // that the callee's phone got with a Call-ID of its own; 1 unless said otherwise
	heard      func(t *testing.T, o outcome)
}

func all() []scenario {
	ignore := []string{"-pause_msg_ign"}
	echo := []string{"-rtp_echo"}
	tcp := func(p play) play { p.callerNet, p.calleeNet = "tcp", "tcp"; return p }
	return []scenario{
		{name: "basic, caller hangs up", play: play{caller: "caller-bye", callee: "callee-answer"}, alone: true,
			end: cdr.EndCompleted, releasedBy: cdr.ByCaller, status: 200, q850: 16},
		{name: "basic, callee hangs up", play: play{caller: "caller-await-bye", callee: "callee-bye"}, alone: true,
			end: cdr.EndCompleted, releasedBy: cdr.ByCallee, status: 200, q850: 16},
		{name: "reverse, caller hangs up", play: play{caller: "caller-bye", callee: "callee-answer"}, reverse: true,
			end: cdr.EndCompleted, releasedBy: cdr.ByCaller, status: 200, q850: 16},
		{name: "reverse, callee hangs up", play: play{caller: "caller-await-bye", callee: "callee-bye"}, reverse: true,
			end: cdr.EndCompleted, releasedBy: cdr.ByCallee, status: 200, q850: 16},
		{name: "five calls, one after the other", play: play{caller: "caller-bye", callee: "callee-answer", calls: 5}, alone: true,
			end: cdr.EndCompleted, releasedBy: cdr.ByCaller, status: 200, q850: 16, invites: 5},
		{name: "700 number repeated in P-Asserted-Identity", play: play{caller: "caller-bye", callee: "callee-answer"},
			setup: setup{identity: "pai"}, heard: shownInIdentity,
			end: cdr.EndCompleted, releasedBy: cdr.ByCaller, status: 200, q850: 16},

		{name: "early media", play: play{caller: "caller-early", callee: "callee-early"}, alone: true, audio: true, early: true,
			end: cdr.EndCompleted, releasedBy: cdr.ByCaller, status: 200, q850: 16},
		{name: "audio both ways", play: play{caller: "caller-rtp", callee: "callee-rtp"}, alone: true, audio: true,
			end: cdr.EndCompleted, releasedBy: cdr.ByCaller, status: 200, q850: 16},
		{name: "audio echoed", play: play{caller: "caller-rtp", callee: "callee-answer", calleeFlags: echo}, alone: true, audio: true,
			end: cdr.EndCompleted, releasedBy: cdr.ByCaller, status: 200, q850: 16},

		{name: "cancelled after 100", play: play{caller: "caller-cancel-trying", callee: "callee-cancelled-trying"}, alone: true,
			end: cdr.EndCancelled, releasedBy: cdr.ByCaller, status: 487},
		{name: "cancelled before the callee said anything", play: play{caller: "caller-cancel-trying", callee: "callee-cancelled-late"},
			end: cdr.EndCancelled, releasedBy: cdr.ByCaller, status: 487},
		{name: "cancelled after 180", play: play{caller: "caller-cancel-ringing", callee: "callee-cancelled"}, alone: true,
			end: cdr.EndCancelled, releasedBy: cdr.ByCaller, status: 487},
		{name: "200 crosses the CANCEL", play: play{caller: "caller-cancel-ringing", callee: "callee-answers-cancel"},
			end: cdr.EndCancelled, releasedBy: cdr.ByCaller, status: 487},
		{name: "busy", play: play{caller: "caller-busy", callee: "callee-busy"}, alone: true,
			end: cdr.EndBusy, releasedBy: cdr.ByCallee, status: 486, q850: 17},
		{name: "no answer", play: play{caller: "caller-no-answer", callee: "callee-cancelled"}, setup: setup{ringTimeout: "2s"},
			end: cdr.EndNoAnswer, releasedBy: cdr.ByPlatform, status: 480, q850: 19},

		{name: "offer in the 200", play: play{caller: "caller-delayed-offer", callee: "callee-delayed-offer"}, alone: true,
			end: cdr.EndCompleted, releasedBy: cdr.ByCaller, status: 200, q850: 16},
		{name: "INVITE again", play: play{caller: "caller-invite-again", callee: "callee-answer", callerFlags: ignore}, alone: true,
			end: cdr.EndCompleted, releasedBy: cdr.ByCaller, status: 200, q850: 16},
		{name: "late ACK", play: play{caller: "caller-late-ack", callee: "callee-answer"}, alone: true, heard: answeredAgain,
			end: cdr.EndCompleted, releasedBy: cdr.ByCaller, status: 200, q850: 16},
		{name: "no ACK", play: play{caller: "caller-never-ack", callee: "callee-never-acked", within: 50 * time.Second},
			end: cdr.EndNoACK, releasedBy: cdr.ByPlatform, status: 200},
		{name: "BYE again", play: play{caller: "caller-bye-again", callee: "callee-answer", callerFlags: ignore},
			end: cdr.EndCompleted, releasedBy: cdr.ByCaller, status: 200, q850: 16},
		{name: "callee slow to answer the BYE", play: play{caller: "caller-bye", callee: "callee-slow-bye"}, alone: true, heard: hungUpAgain,
			end: cdr.EndCompleted, releasedBy: cdr.ByCaller, status: 200, q850: 16},

		{name: "hold and resume", play: play{caller: "caller-hold", callee: "callee-reinvited-twice"}, alone: true,
			end: cdr.EndCompleted, releasedBy: cdr.ByCaller, status: 200, q850: 16},
		{name: "hold and resume by the callee", play: play{caller: "caller-reinvited-twice", callee: "callee-hold"}, alone: true,
			end: cdr.EndCompleted, releasedBy: cdr.ByCallee, status: 200, q850: 16},
		{name: "what Asterisk sends", play: play{caller: "caller-asterisk", callee: "callee-reinvited"}, alone: true,
			end: cdr.EndCompleted, releasedBy: cdr.ByCaller, status: 200, q850: 16},

		{name: "TCP, caller hangs up", play: tcp(play{caller: "caller-bye", callee: "callee-answer"}), alone: true,
			end: cdr.EndCompleted, releasedBy: cdr.ByCaller, status: 200, q850: 16},
		{name: "TCP, callee hangs up", play: tcp(play{caller: "caller-await-bye", callee: "callee-bye"}), alone: true,
			end: cdr.EndCompleted, releasedBy: cdr.ByCallee, status: 200, q850: 16},
		{name: "TCP, cancelled after 180", play: tcp(play{caller: "caller-cancel-ringing", callee: "callee-cancelled"}), alone: true,
			end: cdr.EndCancelled, releasedBy: cdr.ByCaller, status: 487},
		{name: "UDP to TCP", play: play{caller: "caller-bye", callee: "callee-answer", calleeNet: "tcp"},
			end: cdr.EndCompleted, releasedBy: cdr.ByCaller, status: 200, q850: 16},
		{name: "UDP to TCP, callee hangs up", play: play{caller: "caller-await-bye", callee: "callee-bye", calleeNet: "tcp"},
			end: cdr.EndCompleted, releasedBy: cdr.ByCallee, status: 200, q850: 16},
		{name: "TCP to UDP, hold and resume", play: play{caller: "caller-hold", callee: "callee-reinvited-twice", callerNet: "tcp"},
			end: cdr.EndCompleted, releasedBy: cdr.ByCaller, status: 200, q850: 16},
	}
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
	id := w.bind(a, b, w.x)

	o := w.play(s.play)
	if o.callerStatus != 0 || o.calleeStatus != 0 {
		w.t.Errorf("the caller's SIPp ended with %d, the callee's with %d", o.callerStatus, o.calleeStatus)
	}
	w.unseen(o)
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
	w.shut(w.caller.number, w.callee.number, w.forwarder)
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
	check("end", r.End, s.end)
	check("released_by", r.ReleasedBy, s.releasedBy)
	check("sip_status", r.SIPStatus, s.status)
	if s.q850 != 0 {
		check("q850", r.Q850, s.q850)
	}
	check("refusal", string(r.Refusal), "")
	answered := s.status == 200
	check("answered", !r.AnsweredAt.IsZero(), answered)
	check("times in order", !r.ReceivedAt.IsZero() && !r.ReleasedAt.Before(r.ReceivedAt), true)
	if s.audio && (r.Media.AtoB.Packets < 20 || r.Media.BtoA.Packets < 20) {
		t.Errorf("record: %d packets to the callee, %d to the caller; want audio both ways",
			r.Media.AtoB.Packets, r.Media.BtoA.Packets)
	}
}

// shownInIdentity: with identity: pai every INVITE to the callee has the header.
func shownInIdentity(t *testing.T, o outcome) {
	for _, m := range o.calleeHeard {
		if strings.HasPrefix(m.First(), "INVITE ") && len(m.Header("P-Asserted-Identity")) != 1 {
			t.Errorf("INVITE without one P-Asserted-Identity:\n%s", m.Text)
		}
	}
}

// answeredAgain: the 200 was sent again while the ACK was missing.
func answeredAgain(t *testing.T, o outcome) {
	if n := count(o.callerHeard, "SIP/2.0 200", "INVITE"); n < 2 {
		t.Errorf("the caller got %d answers before its late ACK, want a second", n)
	}
}

// hungUpAgain: the BYE was sent again while its answer was missing.
func hungUpAgain(t *testing.T, o outcome) {
	if n := count(o.calleeHeard, "BYE ", "BYE"); n < 2 {
		t.Errorf("the callee got %d BYEs before it answered, want a second", n)
	}
}

func count(messages []rig.Message, first, method string) int {
	n := 0
	for _, m := range messages {
		if strings.HasPrefix(m.First(), first) && strings.HasSuffix(strings.Join(m.Header("CSeq"), ""), " "+method) {
			n++
		}
	}
	return n
}
