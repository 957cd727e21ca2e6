package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/cmd/mask700/admin"
)

func TestBlocklist(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		d.bind()
		explain := func(caller string) (e admin.Explanation) {
			d.mustJSON(&e, "explain", "--caller", caller, "--dialled", x)
			return e
		}
		if out := d.must("blocklist", "list"); !strings.Contains(out, "nobody is barred") {
			t.Errorf("an empty list: %s", out)
		}
		d.refuse(exitFailed, "--number is missing", "blocklist", "add", "--direction", "from", "--reason", "harassment")
		d.refuse(exitFailed, "--direction is missing", "blocklist", "add", "--number", numberA, "--reason", "harassment")
		d.refuse(exitFailed, "--reason is missing", "blocklist", "add", "--number", numberA, "--direction", "from")
		d.refuse(exitFailed, "--direction: not a direction", "blocklist", "add", "--number", numberA, "--direction", "up", "--reason", "harassment")
		d.refuse(exitFailed, "--until: ", "blocklist", "add", "--number", numberA, "--direction", "from", "--reason", "harassment", "--until", "soon")
		d.refuse(exitFailed, "--tenant: no tenant", "blocklist", "add", "--number", numberA, "--direction", "from", "--reason", "harassment", "--tenant", "rides")
		d.refuse(exitFailed, "reads like a subscriber's number", "blocklist", "add", "--number", numberA, "--direction", "from", "--reason", "as "+numberB+" asked")

		a := d.feed(numberA+"\n"+numberB+"\n", "blocklist", "add", "--number", "-", "--peer", "-", "--direction", "from", "--until", "72h", "--reason", "harassment", "-o", "json")
		var entry binding.BarView
		if err := json.Unmarshal([]byte(a.out), &entry); err != nil || entry.Number != "138****0001" || entry.Peer != "139****0002" || entry.Until == nil ||
			entry.Until.Sub(entry.CreatedAt).Round(time.Minute) != 72*time.Hour || !entry.Live {
			t.Fatalf("added: %+v", a)
		}
		if e := explain(numberA); e.Connected || e.Refusal != binding.RefusalBlocked || e.Rule != "blocklist" || e.Evidence != "entry "+entry.ID || e.Answer != 403 {
			t.Errorf("explained: %+v", e)
		}
		if out := d.must("explain", "--caller", numberA, "--dialled", x); !strings.Contains(out, "refused with 403, blocked by rule blocklist (entry "+entry.ID+")") {
			t.Errorf("explained: %s", out)
		}
		if e := explain(numberB); !e.Connected {
			t.Errorf("the other way: %+v", e)
		}
		if e := explain("13700000007"); e.Refusal != binding.RefusalNoBinding || e.Evidence != "" {
			t.Errorf("a stranger: %+v", e)
		}
		out := d.must("blocklist", "list", "--number", numberA, "--reason", "complaint 17")
		if !strings.Contains(out, entry.ID) || !strings.Contains(out, "139****0002") || !strings.Contains(out, "harassment") || strings.Count(out, "\n") != 2 {
			t.Errorf("listed: %s", out)
		}
		if out := d.must("blocklist", "list", "--number", numberB, "--reason", "complaint 17"); !strings.Contains(out, "nobody") {
			t.Errorf("listed by another: %s", out)
		}
		if out := d.run("blocklist", "list", "--reveal", "--reason", "case 17").out; !strings.Contains(out, numberA) || !strings.Contains(out, numberB) {
			t.Errorf("revealed: %s", out)
		}
		if out := d.must("blocklist", "remove", entry.ID); !strings.Contains(out, "138****0001 is removed") {
			t.Errorf("removed: %s", out)
		}
		d.refuse(exitFailed, "no entry of a block list", "blocklist", "remove", entry.ID)
		d.refuse(exitFailed, "letters alone", "blocklist", "remove", numberA)
		if e := explain(numberA); !e.Connected {
			t.Errorf("after it was removed: %+v", e)
		}
		log := d.must("audit", "list", "-o", "json")
		for what, n := range map[string]int{"blocklist.add": 1, "blocklist.remove": 1, "blocklist.lookup": 2, "blocklist.reveal": 1} {
			if got := strings.Count(log, what+`"`); got != n {
				t.Errorf("%s is %d times in the audit log, want %d: %s", what, got, n, log)
			}
		}
	})
}

func TestBlocklistFromAFile(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		d.bind()
		rows := `{"number":"` + numberA + `","direction":"both","reason":"marketing"}
{"number":"12","direction":"both","reason":"marketing"}

{"number":"` + numberB + `","direction":"both"}
{"number":"` + numberB + `","direction":"to","reason":"on request","tenant":"default"}
{"number":"` + numberB + `","way":"to"}
`
		a := d.feed(rows, "blocklist", "add", "--from", "-")
		for _, part := range []string{"row 1: entry ", "row 2: refused, number:", "row 4: refused, reason:", "row 5: entry ", "row 6: refused, "} {
			if !strings.Contains(a.out, part) {
				t.Errorf("without %q: %s", part, a.out)
			}
		}
		if a.status != exitFailed || !strings.Contains(a.err, "3 of 5 rows refused") {
			t.Errorf("%+v", a)
		}
		if out := d.must("blocklist", "list", "-o", "json"); strings.Count(out, "\n") != 2 {
			t.Errorf("listed: %s", out)
		}
		if out := d.must("blocklist", "list", "--tenant", "default"); strings.Count(out, "\n") != 2 || !strings.Contains(out, "139****0002") {
			t.Errorf("listed: %s", out)
		}
		d.refuse(exitFailed, "--from and --number do not go together", "blocklist", "add", "--from", "-", "--number", numberA)
		d.refuse(exitFailed, "no row", "blocklist", "add", "--from", "-")
	})
}
