package main

import (
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/cmd/mask700/admin"
)

// aCall is a call that goes on, since a minute.
func aCall(t *testing.T, id string) admin.Call {
	now := time.Now()
	shown := cdr.Party{X: 700100000017604}
	return admin.Call{State: "talking", Record: cdr.Record{
		ID: id, TrunkIn: "left", TrunkOut: "right", Binding: "abcdefghijklmnop", Order: "ORDER-1",
		CallerIn: cdr.Party{Number: number(t, numberA)}, CalleeIn: shown, CallerOut: shown, CalleeOut: cdr.Party{Number: number(t, numberB)},
		ReceivedAt: now.Add(-time.Minute), RingingAt: now.Add(-58 * time.Second), AnsweredAt: now.Add(-48 * time.Second),
		Media: cdr.Media{Codec: "PCMA", AtoB: cdr.Flow{Packets: 1500, Kernel: 1400, Lost: 2, Dropped: 4, JitterMS: 1.25, MaxJitterMS: 9.5, Path: cdr.PathKernel}, BtoA: cdr.Flow{Refused: 3}},
	}}
}

// says checks that a text has some words, and lacks others, which come after a !.
func says(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		unwanted, lacks := strings.CutPrefix(w, "!")
		if strings.Contains(text, unwanted) == lacks {
			t.Errorf("%q in\n%s", w, text)
		}
	}
}

func TestCallGetLive(t *testing.T) {
	d := newDesk(t)
	d.serve()
	c := aCall(t, "qwertz")
	d.node.calls = []admin.Call{c}
	says(t, d.must("call", "get", "qwertz"),
		"id        qwertz\n", "state     talking\n", "138****0001 dialled "+x+" on trunk left", "139****0002 was called and shown "+x+" on trunk right",
		"after 2s\n", "after 12s\n", "rang      10s\n", "talked    48", "codec     PCMA\n",
		"1500 packets from the caller, 2 lost, 4 dropped by us, jitter 1.2 ms, at most 9.5, 1400 relayed by the kernel\n", "0 packets from the callee, 3 refused, which came from elsewhere\n",
		"!why", "!ended")
	var v admin.CallView
	d.mustJSON(&v, "call", "get", "qwertz")
	if !v.Live || v.ID != "qwertz" || v.State != "talking" || v.Why != "" || v.CallerIn != "138****0001" || v.Media.AtoB.Packets != 1500 {
		t.Errorf("%+v", v)
	}
	for held, want := range map[string]string{cdr.ByCaller: "on hold by the caller", cdr.ByCallee: "on hold by the callee", admin.HeldByBoth: "on hold by both"} {
		d.node.calls[0].Held = held
		says(t, d.must("call", "get", "qwertz"), "talking, "+want+"\n")
		d.mustJSON(&v, "call", "get", "qwertz")
		if v.Held != held {
			t.Errorf("%+v", v)
		}
	}

	c.State, c.Record.AnsweredAt, c.Record.RingingAt, c.Record.Media = "calling", time.Time{}, time.Time{}, cdr.Media{}
	d.node.calls = []admin.Call{c}
	says(t, d.must("call", "get", "qwertz"), "calling\n", "!ringing", "!rang", "!talked", "!answered", "!codec", "!audio")
}

func TestCallGetEnded(t *testing.T) {
	for _, served := range []bool{false, true} {
		t.Run(map[bool]string{false: "store", true: "server"}[served], func(t *testing.T) {
			d := newDesk(t)
			now := time.Now()
			talked := aRecord(t, "talked", now)
			talked.RingingAt = now.Add(-50 * time.Second)
			talked.Media = cdr.Media{Codec: "PCMA", End: cdr.MediaReleased, AtoB: cdr.Flow{Packets: 1500}, BtoA: cdr.Flow{Packets: 1}}
			busy := aRecord(t, "busy", now)
			busy.AnsweredAt, busy.ReleasedBy, busy.SIPStatus, busy.Q850, busy.End = time.Time{}, cdr.ByCallee, 486, 17, cdr.EndBusy
			refused := cdr.Record{ID: "refused", TrunkIn: "left", ReceivedAt: now, ReleasedAt: now, ReleasedBy: cdr.ByPlatform,
				SIPStatus: 404, Q850: 1, End: cdr.EndRefused, Refusal: binding.RefusalNoBinding}
			unverified, text := refused, aRecord(t, "text", now)
			unverified.ID, unverified.SIPStatus, unverified.Q850, unverified.Refusal = "unverified", 403, 21, binding.RefusalUnverified
			unverified.Rule, unverified.Shadow, unverified.Evidence = "verification", "pair 5/5m,x 600/1h", "deny V-1, cached"
			text.Kind, text.AnsweredAt, text.RingingAt, text.End, text.SIPStatus = cdr.KindText, time.Time{}, time.Time{}, cdr.EndDelivered, 202
			text.Text = cdr.Text{Bytes: 70, Segments: 1, Numbers: 2, Masked: 2, FarStatus: 200}
			t.Run("close", func(t *testing.T) { // the store is closed again at the end of this
				inner := &desk{t: t, deps: d.deps}
				inner.open()
				inner.record(talked, busy, refused, unverified, text)
			})
			if served {
				d.serve()
			}
			says(t, d.must("call", "get", "talked"),
				"state     ended\n", "why       the caller hung up (Q.850 16 normal call clearing)\n",
				"138****0001 dialled "+x, "139****0002 was called and shown "+x, "ended     ", "after 1m0s\n",
				"rang      20s\n", "talked    30s\n", "1500 packets from the caller\n", "1 packet from the callee\n")
			says(t, d.must("call", "get", "busy"),
				"why       the callee's phone was busy (486, Q.850 17 user busy)\n", "!talked", "!audio")
			says(t, d.must("call", "get", "refused"),
				"why       refused: no binding on the number dialled is for this caller (404, Q.850 1 unallocated number)\n",
				"a caller that shows no number dialled what is no number on trunk left", "!went out", "!rang", "!audio")
			says(t, d.must("call", "get", "unverified"), "rule      verification\n", "reports   pair 5/5m,x 600/1h\n", "evidence  deny V-1, cached\n")
			says(t, d.must("call", "get", "text"), "138****0001 wrote to "+x, "139****0002 was sent it and shown "+x,
				"text      70 bytes in 1 short message, 2 telephone numbers in it, 2 masked, the far side answered 200\n", "!dialled", "!rule", "!audio", "!evidence")
			var v admin.CallView
			d.mustJSON(&v, "call", "get", "talked")
			if v.Live || v.State != admin.StateEnded || v.Seq != 1 || v.End != cdr.EndCompleted || v.Why == "" || v.CalleeOut != "139****0002" {
				t.Errorf("%+v", v)
			}
			d.refuse(1, "no call that goes on has this id, and no record either", "call", "get", "other")
			d.refuse(1, "not the id of a call", "call", "get", numberA)
		})
	}
}
