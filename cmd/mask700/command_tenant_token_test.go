package main

import (
	"strings"
	"testing"

	"mask700/cmd/mask700/admin"
)

func TestTenantTokens(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		d.must("tenant", "add", "rides")
		d.refuse(exitFailed, "no tenant has this name", "tenant", "token", "add", "meals", "--name", "dispatch")
		d.refuse(exitFailed, "--name: not the name of a token", "tenant", "token", "add", "rides")
		var made admin.NewTenantToken
		d.mustJSON(&made, "tenant", "token", "add", "rides", "--name", "dispatch", "--reveal")
		id, secret, _ := strings.Cut(made.Token, ".")
		if id != made.ID || len(secret) != 43 || made.Tenant != "rides" || !made.Reveal {
			t.Errorf("%s is of %s, may reveal %v", made.ID, made.Tenant, made.Reveal)
		}
		out := d.must("tenant", "token", "list", "rides")
		if !strings.Contains(out, id) || !strings.Contains(out, "dispatch") || strings.Contains(out, secret) {
			t.Errorf("listed: %s", out)
		}
		if out := d.must("tenant", "token", "list", "default"); strings.Contains(out, id) {
			t.Errorf("listed for another: %s", out)
		}
		d.refuse(exitFailed, "takes one tenant at most", "tenant", "token", "list", "rides", "meals")
		if out := d.must("tenant", "token", "revoke", id); !strings.Contains(out, "lets nobody in any more") {
			t.Errorf("revoked: %s", out)
		}
		d.refuse(exitFailed, "no token has this id", "tenant", "token", "revoke", id)
		if out := d.must("tenant", "token", "list", "-o", "json"); out != "" {
			t.Errorf("listed: %s", out)
		}
		text := strings.TrimSpace(d.must("tenant", "token", "add", "rides", "--name", "dispatch"))
		if id, secret, _ := strings.Cut(text, "."); len(id) != 16 || len(secret) != 43 || strings.ContainsAny(text, " \n") {
			t.Error("what is printed is not the token alone")
		}
		if log := d.must("audit", "list", "-o", "json"); strings.Count(log, `"token.add"`) != 2 || strings.Count(log, `"token.revoke"`) != 1 || strings.Contains(log, secret) {
			t.Errorf("the audit log: %s", log)
		}
	})
}
