package main

import (
	"strings"
	"testing"

	"mask700/binding"
	"mask700/cmd/mask700/admin"
)

func TestErase(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		v := d.bind()
		d.must("blocklist", "add", "--number", numberA, "--direction", "both", "--reason", "asked for it")
		d.refuse(exitFailed, "--reason is missing", "erase", "number", numberA)
		d.refuse(exitFailed, "reads like a subscriber's number", "erase", "number", numberA, "--reason", "asked by "+numberA)
		d.refuse(exitFailed, "--number: a short number", "erase", "number", "12", "--reason", "letter of 3 March")
		d.refuse(exitFailed, "bindings that are live would be erased: 1", "erase", "number", numberA, "--reason", "letter of 3 March")
		a := d.feed(numberA+"\n", "erase", "number", "-", "--reason", "letter of 3 March", "--hard")
		if a.status != exitDone {
			t.Fatalf("%s", a.err)
		}
		out := a.out
		for _, part := range []string{"bindings     1\n", "block lists  1\n", "digest       "} {
			if !strings.Contains(out, part) {
				t.Errorf("no %q in\n%s", part, out)
			}
		}
		var row binding.View
		d.mustJSON(&row, "binding", "get", v.ID)
		if row.State != binding.StateUnbound || !strings.HasPrefix(string(row.A), "erased-") || row.Order != v.Order || row.B != v.B {
			t.Errorf("what is left: %+v", row)
		}
		if d.db != nil && (len(d.node.hungUp) != 1 || d.node.hungUp[0] != v.ID) {
			t.Errorf("calls over %v were ended", d.node.hungUp)
		}
		if out := d.must("binding", "get", v.ID, "--reveal", "--reason", "case 17"); !strings.Contains(out, "erased-") || strings.Contains(out, "999") {
			t.Errorf("revealed: %s", out)
		}
		if out := d.must("history", "number", numberA, "--reason", "case 17", "-o", "json"); out != "" {
			t.Errorf("in the history: %s", out)
		}
		if out := d.must("blocklist", "list", "-o", "json"); out != "" {
			t.Errorf("on a block list: %s", out)
		}
		var receipt admin.ErasedPerson
		d.mustJSON(&receipt, "erase", "number", numberB, "--reason", "letter of 4 March")
		if receipt.Bindings != 1 || receipt.Seq == 0 || len(receipt.Hash) != 64 {
			t.Errorf("%+v", receipt)
		}
		log := d.must("audit", "list", "-o", "json")
		for _, part := range []string{`"person.erase"`, `"person.erased"`, receipt.Digest, receipt.Hash, "letter of 4 March"} {
			if !strings.Contains(log, part) {
				t.Errorf("no %q in the audit log:\n%s", part, log)
			}
		}
		d.must("check")
	})
}
