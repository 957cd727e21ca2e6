package main

import (
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/cmd/mask700/admin"
)

func TestCallDial(t *testing.T) {
	d := newDesk(t)
	d.serve()
	v := d.bind()
	c := aCall(t, "qwertz")
	c.State, c.Record.Origin, c.Record.AnsweredAt, c.Record.RingingAt = "calling", cdr.OriginDial, time.Time{}, time.Time{}
	d.node.calls, d.node.placed = []admin.Call{c}, admin.Placed{ID: "qwertz"}
	says(t, d.must("call", "dial", "--binding", v.ID),
		"id        qwertz\n", "state     calling\n", "138****0001 is called first, as by "+x+", on trunk left", "!dialled", "!answered")
	var view admin.CallView
	d.mustJSON(&view, "call", "dial", "--binding", v.ID, "--from", "b", "--trunk", "right", "--ring-timeout", "20s")
	if view.ID != "qwertz" || !view.Live || view.Origin != "dial" {
		t.Errorf("%+v", view)
	}
	o := d.node.ordered[1]
	if len(d.node.ordered) != 2 || o.Binding != v.ID || o.Trunk != "right" || o.Ring != 20*time.Second || o.Edge.Caller != number(t, numberB) || o.Edge.Dialled.String() != x {
		t.Errorf("%+v", d.node.ordered)
	}

	// It is answered while it is waited for.
	looks := 0
	d.node.looked = func() {
		if looks++; looks == 3 {
			d.node.calls[0].State, d.node.calls[0].Record.AnsweredAt = "talking", time.Now()
		}
	}
	d.mustJSON(&view, "call", "dial", "--binding", v.ID, "--wait", "answered")
	if view.State != "talking" || looks != 3 {
		t.Errorf("after %d looks %+v", looks, view)
	}
}

func TestCallDialIsWaitedForToItsEnd(t *testing.T) {
	d := newDesk(t)
	d.serve()
	v := d.bind()
	c := aCall(t, "qwertz")
	c.State, c.Record.Origin, c.Record.AnsweredAt, c.Record.RingingAt = "calling", cdr.OriginDial, time.Time{}, time.Time{}
	d.node.calls, d.node.placed = []admin.Call{c}, admin.Placed{ID: "qwertz"}
	looks := 0
	d.node.looked = func() {
		if looks++; looks == 2 {
			over := c.Record
			over.End, over.ReleasedBy, over.SIPStatus, over.Q850, over.ReleasedAt = cdr.EndBusy, cdr.ByCaller, 486, 17, time.Now()
			d.node.calls = nil
			d.record(over)
		}
	}
	var view admin.CallView
	d.mustJSON(&view, "call", "dial", "--binding", v.ID, "--wait", "ended")
	if view.Live || view.End != cdr.EndBusy || view.Why != "the caller's phone was busy when it was called (486, Q.850 17 user busy)" {
		t.Errorf("%+v", view)
	}
	d.node.looked = nil
	d.refuse(1, "the call was not answered: the caller's phone was busy", "call", "dial", "--binding", v.ID, "--wait", "answered")
}

func TestCallDialRefused(t *testing.T) {
	d := newDesk(t)
	d.serve()
	v := d.bind()
	d.refuse(1, "--binding is needed", "call", "dial")
	d.refuse(1, "letters alone", "call", "dial", "--binding", "+86 "+numberA)
	d.refuse(1, "a or b", "call", "dial", "--binding", v.ID, "--from", "c")
	d.refuse(1, "answered, ended", "call", "dial", "--binding", v.ID, "--wait", "for ever")
	d.refuse(1, "--ring-timeout", "call", "dial", "--binding", v.ID, "--ring-timeout", "-1s")
	d.refuse(1, "no binding has this id", "call", "dial", "--binding", "zzzzzzzzzzzzzzzz")
	if len(d.node.ordered) > 0 {
		t.Errorf("%+v", d.node.ordered)
	}
	d.node.placed = admin.Placed{ID: "record", End: cdr.EndRefused, Status: 403, Refusal: binding.RefusalBlocked}
	d.refuse(1, "nobody was called: refused: the caller is blocked (403", "call", "dial", "--binding", v.ID)
}
