package main

import (
	"strings"
	"testing"
	"time"

	"mask700/cmd/mask700/admin"
)

func TestHistory(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		v := d.bind()
		d.must("binding", "delete", v.ID)
		for _, args := range [][]string{
			{"history", "x", v.X.String()}, {"history", "order", v.Order},
			{"history", "x", v.X.String(), "--at", v.CreatedAt.Format(time.RFC3339Nano)},
			{"history", "number", numberA, "--since", "1h", "--reason", "request 17 of the court"},
		} {
			out := d.must(args...)
			if !strings.Contains(out, v.X.String()) || !strings.Contains(out, "138****0001") || !strings.Contains(out, v.Order) {
				t.Errorf("%v: %s", args[:2], out)
			}
		}
		if a := d.feed(numberB+"\n", "history", "number", "-", "--reason", "request 17"); a.status != 0 || !strings.Contains(a.out, "139****0002") {
			t.Errorf("%+v", a)
		}
		var h admin.HoldingView
		d.mustJSON(&h, "history", "x", v.X.String())
		if h.ID != v.ID || !h.From.Equal(v.CreatedAt) || h.To == nil {
			t.Errorf("%+v", h)
		}
		if out := d.must("history", "x", v.X.String(), "-o", "wide"); !strings.Contains(out, v.ID) {
			t.Errorf("%s", out)
		}
		if out := d.must("history", "x", v.X.String(), "--reveal", "--reason", "request 17"); !strings.Contains(out, numberA) {
			t.Errorf("%s", out)
		}
		if out := d.must("history", "consent", "none"); !strings.Contains(out, "nobody held it") {
			t.Errorf("%s", out)
		}
		d.refuse(1, "--reason is missing", "history", "number", numberA)
		d.refuse(1, "--reason: it holds what reads like", "history", "number", numberA, "--reason", "asked by "+numberB)
		d.refuse(1, "--reason goes with --reveal", "history", "x", v.X.String(), "--reason", "request 17")
		d.refuse(1, "--at: one moment", "history", "x", v.X.String(), "--at", "1h", "--since", "2h")
		d.refuse(1, "--at: neither a time", "history", "x", v.X.String(), "--at", "noon")
		d.refuse(1, "--until: the window ends before", "history", "order", "o", "--since", "1h", "--until", "2h")
		d.refuse(1, "--x: not a 700 number", "history", "x", numberA)
		d.refuse(1, "a 700 number and nothing else", "history", "x")
		d.refuse(1, "--limit", "history", "order", "o", "--limit", "-1")
		d.refuse(2, "unknown command", "history", "y", "1")
		if all := d.log(); len(all) != 6 || all[0].What != "history.number" || all[1].Object != "entry 1: 1 binding "+v.ID {
			t.Errorf("%+v", all)
		}
		d.must("audit", "verify")
	})
}
