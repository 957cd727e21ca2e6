package main

import (
	"strings"
	"testing"
	"time"

	"mask700/binding/cdr"
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
		d.refuse(1, "--limit", "history", "order", "o", "--limit", "0")
		d.refuse(1, "--limit", "history", "order", "o", "--limit", "1001")
		d.refuse(1, "--cursor: not where a list goes on", "history", "order", "o", "--cursor", "calls.x")
		d.refuse(1, "--cursor: not where a list goes on", "history", "x", v.X.String(), "--cursor", "calls.x")
		d.refuse(1, "--cursor: not where a list goes on", "history", "x", v.X.String(), "--at", "1h", "--cursor", "calls.1")
		d.refuse(2, "unknown command", "history", "y", "1")
		if all := d.log(); len(all) != 6 || all[0].What != "history.number" || all[1].Object != "entry 1: 1 binding "+v.ID {
			t.Errorf("%+v", all)
		}
		d.must("audit", "verify")
	})
}

// TestHistoryOfAnOrder: its bindings, then its calls and texts, as a table and as JSON lines, in pages that say that there is
// more; a search that shows numbers is noted with what was shown.
func TestHistoryOfAnOrder(t *testing.T) {
	for _, served := range []bool{false, true} {
		t.Run(map[bool]string{false: "store", true: "server"}[served], func(t *testing.T) {
			d := newDesk(t)
			v := d.bind()
			at := v.CreatedAt.Add(time.Hour)
			records := []cdr.Record{aRecord(t, "one", at), aRecord(t, "two", at.Add(time.Minute)), aRecord(t, "other", at)}
			for i := range records[:2] {
				records[i].Binding, records[i].Order, records[i].Tenant = v.ID, v.Order, v.Tenant
			}
			records[1].Kind, records[1].End = cdr.KindText, cdr.EndDelivered
			records[2].Binding, records[2].Order = "elsewhere", "ORDER-2"
			d.record(records...)
			if served {
				d.serve()
			}
			from, one, two := clock(v.CreatedAt), clock(at), clock(at.Add(time.Minute))
			want := "FROM                 TO                   X                A            B            ORDER    TENANT   CONSENT\n" +
				from + "  " + clock(*v.ExpiresAt) + "  " + x + "  138****0001  139****0002  ORDER-1  default  -\n\n" +
				"KIND  SEQ  ENDED                END        STATUS  CALLER       DIALLED          CALLEE       TALKED  ORDER\n" +
				"call  1    " + one + "  completed  200     138****0001  700100000017604  139****0002  30s     ORDER-1\n" +
				"text  2    " + two + "  delivered  200     138****0001  700100000017604  139****0002  30s     ORDER-1\n"
			if got := d.must("history", "order", "ORDER-1"); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
			if got := d.must("history", "order", "ORDER-2"); strings.Contains(got, "ORDER-2") {
				t.Errorf("of a binding that is not there: %s", got)
			}
			if got := d.must("history", "order", "ORDER-1", "--at", v.CreatedAt.Format(time.RFC3339Nano)); strings.Contains(got, "KIND") {
				t.Errorf("calls at a moment: %s", got)
			}
			if got := d.must("history", "order", "ORDER-1", "--since", at.Add(time.Second).Format(time.RFC3339Nano)); !strings.Contains(got, v.X.String()) ||
				strings.Contains(got, "call  ") || !strings.Contains(got, "text  2") {
				t.Errorf("in a window: %s", got)
			}
			var lines []admin.HistoryLine
			cursor, pages := "", 0
			for ; pages == 0 || cursor != ""; pages++ {
				var l admin.HistoryLine
				args := []string{"history", "order", "ORDER-1", "--limit", "1"}
				if cursor != "" {
					args = append(args, "--cursor", cursor)
				}
				if out := d.must(args...); strings.Contains(out, "There is more: go on with --cursor ") != (pages < 2) {
					t.Errorf("page %d: %s", pages, out)
				}
				d.mustJSON(&l, args...)
				lines, cursor = append(lines, l), l.Next
			}
			if len(lines) != 3 || lines[0].HoldingView == nil || lines[0].ID != v.ID || lines[0].Call != nil ||
				lines[1].HoldingView != nil || lines[1].Call == nil || lines[1].Call.ID != "one" || lines[2].Call.ID != "two" || lines[2].Call.CallerIn != "138****0001" {
				t.Errorf("%+v", lines)
			}
			if all := d.log(); len(all) != 0 {
				t.Errorf("an order is noted: %+v", all)
			}
			if out := d.must("history", "order", "ORDER-1", "--reveal", "--reason", "request 17"); strings.Count(out, numberA) != 3 {
				t.Errorf("%s", out)
			}
			if all := d.log(); len(all) != 2 || all[1].Object != "entry 1: 1 binding "+v.ID+"; 2 calls and texts, seq 1 to 2" {
				t.Errorf("%+v", all)
			}
		})
	}
}

// TestHistoryTellsOfCalls: behind the bindings of a 700 number, a number and a consent come the calls over them, in pages too.
func TestHistoryTellsOfCalls(t *testing.T) {
	for _, served := range []bool{false, true} {
		t.Run(map[bool]string{false: "store", true: "server"}[served], func(t *testing.T) {
			d := newDesk(t)
			v := d.bind()
			d.must("binding", "update", v.ID, "--consent", "C-1")
			at := v.CreatedAt.Add(time.Hour)
			records := []cdr.Record{aRecord(t, "one", at), aRecord(t, "two", at.Add(time.Minute)), aRecord(t, "other", at)}
			for i := range records[:2] {
				records[i].Binding, records[i].CalleeIn.X, records[i].CallerOut.X = v.ID, v.X, v.X
			}
			records[1].Kind, records[1].End = cdr.KindText, cdr.EndDelivered
			d.record(records...)
			if served {
				d.serve()
			}
			for _, args := range [][]string{
				{"history", "x", v.X.String()}, {"history", "consent", "C-1"}, {"history", "number", numberB, "--reason", "request 17"},
			} {
				out := d.must(args...)
				if strings.Count(out, "\ncall  1 ") != 1 || strings.Count(out, "\ntext  2 ") != 1 || strings.Contains(out, "\ncall  3 ") || !strings.Contains(out, "ORDER-1") {
					t.Errorf("%v: %s", args, out)
				}
				if out := d.must(append(args, "--at", at.Format(time.RFC3339Nano))...); strings.Contains(out, "KIND") || !strings.Contains(out, v.X.String()) {
					t.Errorf("%v at a moment: %s", args, out)
				}
				var l admin.HistoryLine
				kinds, cursor := "", ""
				for range 5 {
					page := append(args, "--limit", "1")
					if cursor != "" {
						page = append(page, "--cursor", cursor)
					}
					l = admin.HistoryLine{}
					d.mustJSON(&l, page...)
					if cursor = l.Next; l.Call != nil {
						kinds += l.Call.Kind + " "
					}
					if cursor == "" {
						break
					}
				}
				if kinds != "call text " || cursor != "" {
					t.Errorf("%v in pages: %q, then %q", args, kinds, cursor)
				}
			}
			all := d.log()
			if len(all) == 0 || !strings.Contains(all[1].Object, "2 calls and texts, seq 1 to 2") {
				t.Errorf("%+v", all)
			}
		})
	}
}
