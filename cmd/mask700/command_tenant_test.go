package main

import (
	"strings"
	"testing"
	"time"

	"mask700/binding"
	"mask700/cmd/mask700/admin"
)

func TestTenants(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		d.must("block", "add", block)
		bind := []string{"binding", "create", "--mode", "axb", "--a", numberA, "--b", numberB, "--x", x, "--order", "o-1", "--tenant", "rides"}
		d.refuse(exitFailed, "--tenant: no tenant has this name", bind...)
		out := d.must("tenant", "add", "rides", "--require-consent", "--ttl", "2h", "--max-duration", "10m", "--texts", "mask")
		for _, part := range []string{"rides", "active", "required on every binding", "2h", "10m", "mask"} {
			if !strings.Contains(out, part) {
				t.Errorf("added, without %q: %s", part, out)
			}
		}
		d.refuse(exitFailed, "there already", "tenant", "add", "rides")
		d.refuse(exitFailed, "not the name of a tenant", "tenant", "add", numberA)
		d.refuse(exitFailed, "--texts:", "tenant", "add", "meals", "--texts", "sometimes")
		d.refuse(exitFailed, "no tenant has this name", "tenant", "show", "meals")
		d.refuse(exitFailed, "no tenant has this name", "tenant", "suspend", "meals", "--reason", "marketing")
		d.refuse(exitFailed, "nothing is to be changed", "tenant", "update", "rides")

		d.refuse(exitFailed, "--consent: missing", bind...)
		var v binding.View
		d.mustJSON(&v, append(bind, "--consent", "c-1")...)
		if v.Tenant != "rides" || v.ExpiresAt == nil || v.ExpiresAt.Sub(v.CreatedAt) != 2*time.Hour || time.Duration(v.MaxDuration) != 10*time.Minute {
			t.Errorf("without what the tenant has for it: %+v", v)
		}

		var row binding.Tenant
		d.mustJSON(&row, "tenant", "update", "rides", "--ttl", "0s", "--require-consent=false")
		if row.TTL != 0 || row.RequireConsent || time.Duration(row.MaxDuration) != 10*time.Minute || row.Texts != binding.TextsMask {
			t.Errorf("changed: %+v", row)
		}
		explain := func() (e admin.Explanation) {
			d.mustJSON(&e, "explain", "--caller", numberA, "--dialled", x)
			return e
		}
		if e := explain(); !e.Connected {
			t.Errorf("not connected: %+v", e)
		}
		d.refuse(exitFailed, "--reason is missing", "tenant", "suspend", "rides")
		d.refuse(exitFailed, "reads like a subscriber's number", "tenant", "suspend", "rides", "--reason", "asked by "+numberA)
		if out := d.must("tenant", "suspend", "rides", "--reason", "marketing"); !strings.Contains(out, "suspended since") || !strings.Contains(out, "marketing") {
			t.Errorf("suspended: %s", out)
		}
		if e := explain(); e.Connected || e.Refusal != binding.RefusalSuspended || e.Rule != "tenant" || e.Answer != 403 {
			t.Errorf("explained: %+v", e)
		}
		if out := d.must("explain", "--caller", numberA, "--dialled", x); !strings.Contains(out, "refused with 403, suspended by rule tenant") {
			t.Errorf("explained: %s", out)
		}
		d.refuse(exitFailed, "--tenant: the tenant is suspended", "binding", "create", "--mode", "axb", "--a", numberA, "--b", numberB, "--order", "o-2", "--tenant", "rides")
		if out := d.must("tenant", "list"); strings.Count(out, "\n") != 3 || !strings.Contains(out, "suspended") || !strings.Contains(out, "default") {
			t.Errorf("listed: %s", out)
		}
		if out := d.must("tenant", "list", "-o", "json"); strings.Count(out, "\n") != 2 || !strings.Contains(out, `"state":"suspended","reason":"marketing"`) {
			t.Errorf("listed: %s", out)
		}
		d.must("tenant", "resume", "rides")
		if e := explain(); !e.Connected {
			t.Errorf("resumed: %+v", e)
		}
		log := d.must("audit", "list", "-o", "json")
		for _, what := range []string{"tenant.add", "tenant.update", "tenant.suspend", "tenant.resume"} {
			if strings.Count(log, what+`"`) != 1 {
				t.Errorf("%s is not in the audit log once: %s", what, log)
			}
		}
		if !strings.Contains(log, `"marketing"`) {
			t.Errorf("the reason is not in the audit log: %s", log)
		}
	})
}
