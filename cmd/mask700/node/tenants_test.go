package node

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"mask700/binding"
	"mask700/cmd/mask700/client"
	"mask700/cmd/mask700/config"
	"mask700/sip/transport/transporttest"
)

// TestTenantsAreServed: over TLS, each with its own token, until that is revoked.
func TestTenantsAreServed(t *testing.T) {
	dir, authority := t.TempDir(), transporttest.NewAuthority(t)
	certificate, key := authority.Write(dir, "tenants", authority.Issue(transporttest.Holder{IPs: []string{"127.0.4.15"}}))
	c, err := config.Parse("f.yaml", fmt.Appendf(nil, `
data_dir: %s
keys: {file: %s}
sip: {listen: ["udp:127.0.4.15:0"]}
media: {offload: "off", address: 127.0.4.15, ports: 30000-30099}
admin: {tenants: {listen: "127.0.4.15:0", tls: {certificate: %s, key: %s}}}
`, filepath.Join(dir, "data"), filepath.Join(dir, "mask700.key"), certificate, key))
	if err == nil {
		err = c.Validate()
	}
	if err != nil {
		t.Fatal(err)
	}
	n, err := Start(t.Context(), c, "test", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	var said strings.Builder
	n.announce(&said)
	address := n.doors[0].socket.Addr().String()
	if !strings.Contains(said.String(), "admin  "+address+", for tenants\n") {
		t.Errorf("it does not say where tenants are served:\n%s", &said)
	}
	ctx := t.Context()
	for tenant, block := range map[string]string{"rides": "70010000001", "meals": "70010000002"} {
		if _, err := n.service.AddTenant(ctx, tenant, binding.TenantSettings{}); err != nil {
			t.Fatal(err)
		}
		if _, err := n.service.AddBlockFor(ctx, tenant, block); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(tenant string) (*client.Client, string) {
		t.Helper()
		token, text, err := n.service.AddToken(ctx, n.db, tenant, "dispatch", false)
		if err != nil {
			t.Fatal(err)
		}
		c, err := client.New("https://"+address, client.Options{Token: text, CAFile: authority.WritePool(dir, "ca.crt")})
		if err != nil {
			t.Fatal(err)
		}
		return c, token.ID
	}
	rides, id := ask("rides")
	meals, _ := ask("meals")
	v, err := rides.CreateBinding(ctx, binding.Request{Mode: "axb", A: "13800000001", B: "13900000002", Order: "T-1"})
	if err != nil || v.Tenant != "rides" || !strings.HasPrefix(v.X.String(), "70010000001") {
		t.Fatalf("%+v, %v", v, err)
	}
	if _, err := rides.Binding(ctx, v.ID); err != nil {
		t.Error(err)
	}
	refused := func(err error, status int) {
		t.Helper()
		var p *client.Problem
		if !errors.As(err, &p) || p.Status != status {
			t.Errorf("%v, want %d", err, status)
		}
	}
	_, err = meals.Binding(ctx, v.ID)
	refused(err, 404)
	_, err = rides.Status(ctx)
	refused(err, 404)
	if _, err := n.db.RemoveToken(ctx, id); err != nil {
		t.Fatal(err)
	}
	_, err = rides.Binding(ctx, v.ID)
	refused(err, 401)
}
