package main

import (
	"strings"
	"testing"

	"mask700/cmd/mask700/admin"
)

func TestLimits(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		d.must("block", "add", block)
		d.must("tenant", "add", "rides")
		if out := d.must("limit", "show"); !strings.Contains(out, "mode enforce, as configured") || !strings.Contains(out, "pair 5/5m") || !strings.Contains(out, "is refused") {
			t.Errorf("as configured: %s", out)
		}
		out := d.must("limit", "set", "--tenant", "rides", "--mode", "shadow", "--calls", "pair 7/5m, caller 9/1h shadow", "--texts", "none")
		for _, part := range []string{"mode shadow, of the tenant", "pair 7/5m", "is reported", "caller 9/1h", "of the tenant"} {
			if !strings.Contains(out, part) {
				t.Errorf("set, without %q: %s", part, out)
			}
		}
		var v admin.LimitView
		d.mustJSON(&v, "limit", "show", "--tenant", "rides")
		if v.Mode != "shadow" || len(v.Rules) != 2 || v.Rules[0] != (admin.LimitRule{Of: "calls", Rule: "pair 7/5m", Mode: "shadow", Own: true}) {
			t.Errorf("shown: %+v", v)
		}
		d.mustJSON(&v, "limit", "set", "--tenant", "rides", "--mode", "default", "--calls", "default")
		if v.Mode != "enforce" || v.Own || len(v.Rules) != 10 || v.Rules[0].Own {
			t.Errorf("as configured again: %+v", v)
		}
		d.refuse(exitFailed, "--tenant is missing", "limit", "set", "--mode", "off")
		d.refuse(exitFailed, "nothing is to be set", "limit", "set", "--tenant", "rides")
		d.refuse(exitFailed, "no tenant has this name", "limit", "set", "--tenant", "meals", "--mode", "off")
		d.refuse(exitFailed, "no tenant has this name", "limit", "show", "--tenant", "meals")
		d.refuse(exitFailed, "--calls: not a limit", "limit", "set", "--tenant", "rides", "--calls", "pair "+numberA)
		d.refuse(exitFailed, "--mode: not a mode", "limit", "set", "--tenant", "rides", "--mode", "softly")
	})
}
